//! The folder of one service: its Dockerfile, its code, a test and a README that do not enter the image.
//!
//! Every Dockerfile has the repository's root as its build context and names what it copies file by file: that is how
//! modules under `tools/` get into many images, and why a path filter on a service's folder misses them.

use super::Files;
use super::catalogue::{Entry, RUNS_A_COMMAND, Role, TESTED};

/// Where code stands inside an image.
const HOME: &str = "/usr/src/app";

/// What starts third-party software.
const ENTRYPOINT: &str = "/usr/local/bin/entrypoint.sh";

macro_rules! services {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("services/", $path)))),*]
    };
}

/// Files that a service has beside the usual ones: its name and the path below its folder, and the text. The first
/// component of the path is what its Dockerfile copies.
const MORE: &[(&str, &str)] = services![
    "auth/auth_server/roles.py",
    "cleanelkdb/report_imports.py",
    "rest_api/rest_api_server/accounts.py",
    "rest_api/rest_api_server/emissions.py",
    "rest_api/update_rates.py",
];

/// Lays down the folder of `entry`.
pub(super) fn lay_down(files: &mut Files, entry: &Entry, base_image: &str) {
    let folder = entry.folder;
    let mut plain = |name: &str, text: String| files.plain(&format!("{folder}/{name}"), text);
    plain("README.md", readme(entry));
    plain("Dockerfile", dockerfile(entry, base_image));
    if TESTED.contains(&entry.name()) {
        plain("Dockerfile_tests", test_dockerfile(entry));
    }
    for (name, text) in more(entry) {
        plain(name, text.to_owned());
    }
    match entry.role {
        Role::Store { config, text, command, .. } => {
            plain(config, text.to_owned());
            plain(
                "tests/test_config.sh",
                format!("#!/bin/sh\n# The configuration is there.\ntest -s {folder}/{config}\n"),
            );
            let script = format!("#!/bin/sh\nset -e\nexec {command} \"$@\"\n");
            let path = format!("{folder}/entrypoint.sh");
            // Where the Dockerfile sets the mode, git need not.
            if RUNS_A_COMMAND.contains(&entry.name()) {
                files.plain(&path, script);
            } else {
                files.executable(&path, script);
            }
        }
        Role::FrontEnd => {
            plain("package.json", PACKAGE.to_owned());
            plain("src/App.tsx", APP.to_owned());
            plain("src/api.ts", CLIENT.to_owned());
            plain("tests/App.test.tsx", APP_TEST.to_owned());
        }
        Role::Api | Role::Worker | Role::Scheduler | Role::Job => {
            plain("main.py", main(entry));
            plain("requirements.txt", requirements(entry));
            plain("tests/test_main.py", test(entry));
        }
    }
}

fn more(entry: &Entry) -> impl Iterator<Item = (&'static str, &'static str)> {
    let name = entry.name();
    let own = move |path: &'static str| path.strip_prefix(name)?.strip_prefix('/');
    MORE.iter().filter_map(move |(path, text)| Some((own(path)?, *text)))
}

fn readme(entry: &Entry) -> String {
    let Entry { folder, about, .. } = entry;
    let mut text = format!("# {}\n\n`{folder}`: {about}.\n", entry.name());
    if !entry.tools.is_empty() {
        text += "\nThe image also holds, from `tools/`: ";
        text += &entry.tools.join(", ");
        text += ".\n";
    }
    text
}

fn dockerfile(entry: &Entry, base_image: &str) -> String {
    let Entry { folder, about, .. } = entry;
    let own = |source: &str| format!("COPY {folder}/{source} {HOME}/{folder}/{source}");
    let mut lines = vec![format!("# {}: {about}", entry.name()), format!("FROM {base_image}"), String::new()];
    match entry.role {
        Role::Store { config, directory, .. } => {
            lines.push(format!("COPY {folder}/{config} {directory}/{config}"));
            lines.push(format!("COPY {folder}/entrypoint.sh {ENTRYPOINT}"));
            if RUNS_A_COMMAND.contains(&entry.name()) {
                lines.push(format!("RUN chmod +x {ENTRYPOINT}"));
            }
            lines.push(format!("\nENTRYPOINT [\"{ENTRYPOINT}\"]"));
        }
        Role::FrontEnd => {
            lines.extend(["package.json", "src"].map(own));
            lines.push(format!("\nCMD [\"npm\", \"--prefix\", \"{HOME}/{folder}\", \"start\"]"));
        }
        Role::Api | Role::Worker | Role::Scheduler | Role::Job => {
            lines.push(own("requirements.txt"));
            lines.extend(entry.tools.iter().map(|module| format!("COPY tools/{module} {HOME}/tools/{module}")));
            let mut sources: Vec<_> = more(entry).filter_map(|(name, _)| name.split('/').next()).collect();
            sources.push("main.py");
            sources.sort_unstable();
            sources.dedup();
            lines.extend(sources.into_iter().map(own));
            lines.push(format!("\nENV PYTHONPATH={HOME}\nCMD [\"python\", \"{HOME}/{folder}/main.py\"]"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn test_dockerfile(entry: &Entry) -> String {
    let Entry { folder, .. } = entry;
    format!(
        "# The tests of {name}, on top of the image that is released.\nARG BUILDTAG\nFROM {name}:${{BUILDTAG}}\n\n\
         COPY {folder}/tests {HOME}/{folder}/tests\n\n\
         CMD [\"python\", \"-m\", \"pytest\", \"{HOME}/{folder}/tests\"]\n",
        name = entry.name(),
    )
}

fn requirements(entry: &Entry) -> String {
    let role: &[&str] = match entry.role {
        Role::Api => &["tornado==6.4.2", "SQLAlchemy==2.0.36"],
        Role::Worker => &["kombu==5.4.2", "pymongo==4.10.1"],
        Role::Scheduler => &["kombu==5.4.2"],
        _ => &["requests==2.32.3"],
    };
    let tools = entry.tools.iter().flat_map(|module| match *module {
        "cloud_adapter" => ["boto3==1.35.71", "azure-mgmt-compute==33.0.0", "google-cloud-compute==1.22.0"].as_slice(),
        "optscale_data" => &["clickhouse-connect==0.8.7"],
        _ => &[],
    });
    role.iter().chain(tools).flat_map(|line| [*line, "\n"]).collect()
}

/// How a module of `tools/` is imported and used.
fn with_tool(module: &str) -> (&'static str, &'static str) {
    match module {
        "cloud_adapter" => (
            "from tools.cloud_adapter.cloud import connect\n",
            "def instances(account):\n    return list(connect(account).instances())\n",
        ),
        "optscale_time" => (
            "from tools.optscale_time.clock import now\n",
            "def stamped(message):\n    return {**message, \"at\": now().isoformat()}\n",
        ),
        "optscale_exceptions" => (
            "from tools.optscale_exceptions.common import NotFound\n",
            "def found(kind, key, row):\n    if row is None:\n        raise NotFound(kind, key)\n    return row\n",
        ),
        "optscale_data" => (
            "from tools.optscale_data.chunks import chunks\n",
            "def store(rows, table):\n    for chunk in chunks(rows, 500):\n        table.insert(chunk)\n",
        ),
        "optscale_types" => (
            "from tools.optscale_types.money import Money\n",
            "def spent(amounts, currency):\n    return sum(amounts, start=Money(0, currency))\n",
        ),
        _ => ("", ""),
    }
}

fn main(entry: &Entry) -> String {
    let (standard, body, start) = match entry.role {
        Role::Api => ("from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n", API, SERVE),
        Role::Worker => ("import json\nimport sys\n", WORKER, "    work(sys.stdin, sys.stdout)\n"),
        Role::Scheduler => ("import json\nimport sys\n", SCHEDULER, "    schedule(sys.argv[1:], sys.stdout)\n"),
        _ => ("import sys\n", JOB, "    sys.exit(run(sys.argv[1:]))\n"),
    };
    let name = entry.name();
    let (imports, functions): (Vec<_>, Vec<_>) = entry.tools.iter().map(|module| with_tool(module)).unzip();
    let imports = if imports.is_empty() { String::new() } else { format!("\n{}", imports.concat()) };
    let functions: String = functions.iter().flat_map(|function| ["\n\n", *function]).collect();
    format!(
        "\"\"\"{name}: {about}.\"\"\"\n{standard}{imports}\nSERVICE = \"{name}\"\n{functions}\n\n{body}\n\n\
         if __name__ == \"__main__\":\n{start}",
        about = entry.about,
    )
}

fn test(entry: &Entry) -> String {
    format!(
        "import runpy\nfrom pathlib import Path\n\nMAIN = Path(__file__).parents[1] / \"main.py\"\n\n\n\
         def test_it_knows_its_name():\n    assert runpy.run_path(str(MAIN))[\"SERVICE\"] == \"{}\"\n",
        entry.name()
    )
}

const API: &str = r#"class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(SERVICE.encode() + b"\n")
"#;

const SERVE: &str = "    ThreadingHTTPServer((\"\", 8080), Handler).serve_forever()\n";

const WORKER: &str = r#"def work(tasks, results):
    for task in map(json.loads, tasks):
        results.write(json.dumps({"service": SERVICE, "done": task["id"]}) + "\n")
"#;

const SCHEDULER: &str = r#"def schedule(organizations, queue):
    for organization in sorted(set(organizations)):
        queue.write(json.dumps({"service": SERVICE, "organization": organization}) + "\n")
"#;

const JOB: &str = r#"def run(arguments):
    print(f"{SERVICE}: {len(arguments)} to look at")
    return 0
"#;

const PACKAGE: &str = r#"{
  "name": "ngui",
  "private": true,
  "scripts": { "start": "vite preview --port 4000", "test": "vitest run" },
  "dependencies": { "react": "18.3.1", "react-dom": "18.3.1" },
  "devDependencies": { "vite": "5.4.11", "vitest": "2.1.6" }
}
"#;

const APP: &str = r#"import { useEffect, useState } from "react";
import { expenses } from "./api";

export default function App() {
  const [total, setTotal] = useState<number | null>(null);
  useEffect(() => {
    expenses().then(setTotal);
  }, []);
  return <h1>{total === null ? "Adding up…" : `Spent this month: ${total.toFixed(2)}`}</h1>;
}
"#;

const CLIENT: &str = r#"export async function expenses(): Promise<number> {
  const answer = await fetch("/restapi/v2/expenses");
  if (!answer.ok) throw new Error(`expenses: ${answer.status}`);
  return (await answer.json()).total;
}
"#;

const APP_TEST: &str = r#"import { expect, test } from "vitest";
import App from "../src/App";

test("the application is a component", () => {
  expect(typeof App).toBe("function");
});
"#;
