//! Retagging, as a release does it, against a client that sends the same requests and believes every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use longshore_backends::registry::{Client, ClientOptions};
use longshore_core::image::{Digest, Repository, Tag};
use longshore_run::ports::Registry as _;
use longshore_testkit::parts::{DockerRegistry, push_marked_base_image};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tokio::runtime::Runtime;

use super::failed;
use super::measure::{self, Contender};
use crate::{ChoreError, say};

/// How many requests are under way at once, ours and theirs.
pub(super) const AT_ONCE: usize = 8;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The tag of the images that are there.
pub(super) const OLD_TAG: &str = "v1.0.0";

/// A registry full of images, each in a repository of its own.
pub(super) struct Harbour {
    /// It ends with the harbour.
    _registry: DockerRegistry,
    pub(super) images: Vec<Image>,
    kib: usize,
    given: AtomicUsize,
}

/// An image that is to be given further tags.
pub(super) struct Image {
    pub(super) repository: Repository,
    digest: Digest,
}

impl Harbour {
    /// Starts a registry and pushes the images: a layer with busybox that all share, and one of their own.
    pub(super) fn fill(count: usize, kib: usize) -> Self {
        say(&format_args!("pushing {count} images to docker-registry"));
        let registry = DockerRegistry::start();
        let images = (1..=count).map(|number| {
            let name = format!("shop/image-{number:02}");
            let digest = push_marked_base_image(&registry, &name, OLD_TAG, &marker(number, kib));
            let repository = registry.reference(&name).parse().expect("an address and a name make a repository");
            Image { repository, digest }
        });
        let images = images.collect();
        Self { _registry: registry, images, kib, given: AtomicUsize::default() }
    }

    /// A tag that no image has yet.
    pub(super) fn new_tag(&self) -> Tag {
        format!("v2.0.{}", self.given.fetch_add(1, Ordering::Relaxed)).parse().expect("a version is a tag")
    }

    /// What is retagged, in words.
    pub(super) fn tell(&self) -> String {
        let count = self.images.len();
        format!("{count} images of two layers (busybox, which all share, and {} KiB of their own)", self.kib)
    }

    /// How many images have a tag with the very digest of the old one. One that lacks the tag is an error.
    pub(super) fn same(&self, runtime: &Runtime, tag: &Tag) -> Result<usize, ChoreError> {
        let client = Client::new(ClientOptions::default()).map_err(failed("set up a client"))?;
        let looks = self.images.iter().map(|image| async {
            let reference = image.repository.tagged(tag);
            match client.head(&reference).await {
                Ok(Some(digest)) => Ok(digest == image.digest),
                Ok(None) => Err(failed("retag")(format!("`{reference}` is not there afterwards"))),
                Err(error) => Err(failed("look at a tag")(error)),
            }
        });
        Ok(runtime.block_on(try_join_all(looks))?.into_iter().filter(|same| *same).count())
    }

    fn all_same(&self, runtime: &Runtime, tag: &Tag) -> Result<(), ChoreError> {
        match self.same(runtime, tag)? {
            same if same == self.images.len() => Ok(()),
            same => Err(failed("retag")(format!("only {same} of {} images kept their digest", self.images.len()))),
        }
    }
}

/// Text that does not compress well, another one for each number: a xorshift sequence, in hexadecimal.
fn marker(number: usize, kib: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ number as u64;
    let words = (0..kib * 64).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    });
    words.collect()
}

/// Compares the two; the times are those of all images together, from a client without connections.
pub(super) fn compare(harbour: &Harbour, rounds: usize) -> Result<(), ChoreError> {
    let runtime = runtime()?;
    let title = format!("retag: {}, {AT_ONCE} requests at once", harbour.tell());
    say(&measure::compare(&title, rounds, contenders(harbour, &runtime))?);
    Ok(())
}

/// The runtime of the program: one thread.
pub(super) fn runtime() -> Result<Runtime, ChoreError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed("start a runtime"))
}

/// Both of them, the bare client last.
pub(super) fn contenders<'a>(harbour: &'a Harbour, runtime: &'a Runtime) -> Vec<Contender<'a>> {
    vec![
        Contender::new("longshore", || {
            let tag = harbour.new_tag();
            let time = measure::time(|| runtime.block_on(ours(harbour, &tag)))?;
            harbour.all_same(runtime, &tag).map(|()| time)
        }),
        Contender::new("bare client", || {
            let tag = harbour.new_tag();
            let time = measure::time(|| runtime.block_on(bare(harbour, &tag)))?;
            harbour.all_same(runtime, &tag).map(|()| time)
        }),
    ]
}

/// As a release does it: all at once, and the client says how many go together.
async fn ours(harbour: &Harbour, tag: &Tag) -> Result<(), ChoreError> {
    let options = ClientOptions { parallel: AT_ONCE, ..ClientOptions::default() };
    let client = Client::new(options).map_err(failed("set up a client"))?;
    let tagging =
        harbour.images.iter().map(|image| longshore_run::tag::tag(&client, &image.repository, &image.digest, tag));
    for outcome in join_all(tagging).await {
        outcome.map_err(failed("retag"))?;
    }
    Ok(())
}

async fn bare(harbour: &Harbour, tag: &Tag) -> Result<(), ChoreError> {
    // Another provider may have been installed before; none is needed without TLS, but the library insists.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(Duration::from_secs(60));
    let client = Arc::new(client.build().map_err(failed("set up a bare client"))?);
    let tagging = harbour.images.iter().map(|image| bare_retag(&client, image, tag));
    stream::iter(tagging)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
        .map_err(failed("retag with a bare client"))
}

/// HEAD, GET, PUT, HEAD.
async fn bare_retag(client: &reqwest::Client, image: &Image, tag: &Tag) -> Result<(), reqwest::Error> {
    let base = format!("http://{}/v2/{}/manifests", image.repository.registry(), image.repository.path());
    let (named, source) = (format!("{base}/{tag}"), format!("{base}/{}", image.digest));
    client.head(&named).header(ACCEPT, MANIFEST_TYPE).send().await?;
    let manifest = client.get(&source).header(ACCEPT, MANIFEST_TYPE).send().await?.bytes().await?;
    client.put(&named).header(CONTENT_TYPE, MANIFEST_TYPE).body(manifest).send().await?;
    client.head(&named).header(ACCEPT, MANIFEST_TYPE).send().await?;
    Ok(())
}
