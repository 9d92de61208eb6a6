//! A registry in this very process, which can be told to misbehave.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use longshore_registry::{Authentication, Options, Server};
use tokio::sync::oneshot;

/// A registry that lives as long as this value, on a thread of its own.
#[derive(Debug)]
pub struct LocalRegistry {
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalRegistry {
    /// One that lets everybody in.
    #[track_caller]
    pub fn open() -> Self {
        Self::asking(Authentication::Open)
    }

    /// One that asks who is there.
    #[track_caller]
    pub fn asking(authentication: Authentication) -> Self {
        let (send, receive) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let server = Server::start(Options { authentication, ..Options::default() }).await;
                send.send(Arc::new(server.expect("a port is free"))).expect("the test waits for it");
                drop(stopped.await);
            });
        };
        let thread = std::thread::spawn(serve);
        let server = receive.recv().expect("the registry starts");
        Self { server, stop: Some(stop), thread: Some(thread) }
    }
}

impl std::ops::Deref for LocalRegistry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for LocalRegistry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
