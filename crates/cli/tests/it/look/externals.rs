//! External inputs, asked of an index on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;

use crate::shop::Shop;

/// A Python index of one package, `noetl`; the version that it tells can be changed, and what it was asked is counted.
struct Index {
    address: String,
    version: Arc<Mutex<String>>,
    asked: Arc<Mutex<usize>>,
}

impl Index {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (version, asked) = (Arc::new(Mutex::new("2.1.0".to_owned())), Arc::new(Mutex::new(0)));
        let index = Self { address, version: Arc::clone(&version), asked: Arc::clone(&asked) };
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                lines.find(String::is_empty);
                let body = format!(r#"{{"info":{{"version":"{}"}}}}"#, version.lock().unwrap());
                let status = if first.starts_with("GET /pypi/noetl/json ") { "200 OK" } else { "404 Not Found" };
                *asked.lock().unwrap() += 1;
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                drop((&stream).write_all([head, body].concat().as_bytes()));
            }
        });
        index
    }

    fn has(&self, version: &str) {
        version.clone_into(&mut self.version.lock().unwrap());
    }

    fn times_asked(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[test]
fn a_new_version_of_a_declared_package_is_a_reason() {
    let index = Index::start();
    let shop = Shop::of("//- api/Dockerfile\nFROM scratch\nCOPY main.py /\n//- api/main.py\nimport noetl\n");
    let config = |refresh: &str| {
        let index = &index.address;
        format!("externals: {{pypi: '{index}'{refresh}}}\nservices: {{api: {{externals: ['pypi:noetl']}}}}\n")
    };
    shop.configure(&config(""));
    shop.repo.commit("Name an input");
    drop(shop.run(&["release", "v1.0.0"]).success());
    index.has("2.2.0");
    assert_snapshot!(shop.told(&["plan", "v1.1.0"]), @"
    status: 0
    --- stdout
    v1.1.0 from v1.0.0 ([COMMIT]) at [COMMIT], 1 commit

    build  api  pypi:noetl moved from 2.1.0 to 2.2.0  longshore.yaml

    1 image: 1 to build, 0 to retag
    ");
    assert_snapshot!(shop.told(&["plan", "--offline"]), @"
    status: 0
    --- stdout
    plan from v1.0.0 ([COMMIT]) at [COMMIT], 1 commit

    build  api  unknown: what `pypi:noetl` is now (nobody was asked)  api/Dockerfile

    1 image: 1 to build, 0 to retag
    ");
    // A value that is young enough is taken as it was recorded, with or without a network.
    index.times_asked();
    shop.configure(&config(", refresh: 7d"));
    assert!(shop.told(&["plan", "v1.1.0"]).contains("0 to build"));
    assert!(shop.told(&["plan", "--offline"]).contains("0 to build"));
    assert_eq!(index.times_asked(), 0);
    assert!(shop.told(&["plan", "v1.1.0", "--refresh"]).contains("1 to build"));
    assert_eq!(index.times_asked(), 1);
}
