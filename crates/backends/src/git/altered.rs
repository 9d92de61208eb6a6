//! The content that a checkout would write for a file that it alters, and what may stand in the way of it.
//!
//! Ends of lines are ours to make: git has one rule for them. Contents of LFS come out of its store. Everything else
//! (`ident`, encodings, other filters) is asked of git, one file at a time, with these attributes and no others.

use std::collections::BTreeMap;

use longshore_core::checkout::{Alteration, Lines, RULES};
use longshore_core::object::{Mode, ObjectId};
use longshore_core::path::RepoPath;
use longshore_run::ports::{ContextFile, Hindrance, RepoError};

use super::Git;
use super::lfs::{self, Object, Pointer};
use super::neutral::{Neutral, SAME_EVERYWHERE};
use super::submodule;

/// How many blobs are read at a time to look at pointers.
const CHUNK: usize = 256;

/// What is to be written.
pub(super) enum Content {
    /// This.
    Bytes(Vec<u8>),
    /// A content in the store of LFS.
    Lfs(Object, std::path::PathBuf),
}

impl Git {
    /// What a checkout would write for this file.
    pub(super) async fn altered_content(
        &self,
        file: &ContextFile,
        alteration: &Alteration,
    ) -> Result<Content, RepoError> {
        if alteration.is_lfs() {
            let blob = self.blob(file.leaf.id).await?;
            return match lfs::pointer(&blob) {
                Pointer::None => Ok(Content::Bytes(blob)),
                Pointer::Strange => Err(RepoError::Hindered(lfs::strange(&file.source))),
                Pointer::To(object) => match self.lfs_object(&object).await? {
                    Some(place) => Ok(Content::Lfs(object, place)),
                    None => Err(RepoError::Hindered(lfs::absent(&file.source, 0))),
                },
            };
        }
        if let Alteration { filter: None, encoding: None, ident: false, lines: Some(lines) } = alteration {
            return Ok(Content::Bytes(with_line_ends(self.blob(file.leaf.id).await?, *lines)));
        }
        self.filtered_by_git(file, alteration).await.map(Content::Bytes)
    }

    async fn blob(&self, id: ObjectId) -> Result<Vec<u8>, RepoError> {
        self.read_blobs(&[id]).await?.pop().ok_or(RepoError::MissingObject(id))
    }

    /// The file as git writes it with these attributes.
    async fn filtered_by_git(&self, file: &ContextFile, alteration: &Alteration) -> Result<Vec<u8>, RepoError> {
        let neutral = Neutral::new(file.leaf.id)?;
        neutral.put(&RepoPath::root().child(RULES), format!("* {alteration}\n").as_bytes())?;
        let call = match &alteration.filter {
            None => neutral.call_with_objects(self),
            Some(filter) => {
                if let Some(hindrance) = self.filter_not_set_up(&file.source, filter).await? {
                    return Err(RepoError::Hindered(hindrance));
                }
                // A filter may look for its keys in the git directory, and is set up in its config.
                let call = self.look().quiet(&SAME_EVERYWHERE);
                let call = call.dir(&neutral.work_tree()).env("GIT_WORK_TREE", neutral.work_tree());
                // git would pass the file on as it is where a filter fails that nobody has declared indispensable.
                if self.writes(filter).await? {
                    call.quiet(&["-c", &format!("filter.{filter}.required=true")])
                } else {
                    call
                }
            }
        };
        let path = [b"--path=", file.source.as_bytes()].concat();
        let path = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&path);
        call.args(["cat-file", "--filters"]).arg(path).arg(file.leaf.id.to_string()).run().await
    }

    /// Does this filter do something at checkout?
    async fn writes(&self, filter: &str) -> Result<bool, RepoError> {
        let settings = self.settings().await?;
        Ok(["smudge", "process"].iter().any(|key| settings.get(&format!("filter.{filter}.{key}")).is_some()))
    }

    async fn filter_not_set_up(&self, path: &RepoPath, filter: &str) -> Result<Option<Hindrance>, RepoError> {
        let prefix = format!("filter.{filter}.");
        let is_set_up = self.settings().await?.below(&[&prefix]).next().is_some();
        Ok((!is_set_up).then(|| Hindrance {
            message: format!(
                "`{path}` goes through the filter `{filter}` at checkout, which is not set up in this clone"
            ),
            hint: format!("set it up as the project says: it is a command in `git config filter.{filter}.smudge`"),
        }))
    }

    /// What stands in the way of laying these files down, as far as it can be known without doing it.
    pub(super) async fn in_the_way(&self, files: &[ContextFile]) -> Result<Vec<Hindrance>, RepoError> {
        let mut hindrances = Vec::new();
        let mut filters: BTreeMap<&str, &RepoPath> = BTreeMap::new();
        let mut pointers: Vec<&ContextFile> = Vec::new();
        for file in files {
            match &file.alteration {
                _ if file.leaf.mode == Mode::Submodule => {
                    let commit = longshore_core::object::CommitId(file.leaf.id);
                    hindrances.push(submodule::absent(&file.source, commit));
                }
                Some(alteration) if alteration.is_lfs() => pointers.push(file),
                Some(Alteration { filter: Some(filter), .. }) => drop(filters.entry(filter).or_insert(&file.source)),
                _ => {}
            }
        }
        for (filter, path) in filters {
            hindrances.extend(self.filter_not_set_up(path, filter).await?);
        }
        let mut absent: Vec<&RepoPath> = Vec::new();
        for chunk in pointers.chunks(CHUNK) {
            let ids: Vec<ObjectId> = chunk.iter().map(|file| file.leaf.id).collect();
            for (file, blob) in chunk.iter().zip(self.read_blobs(&ids).await?) {
                match lfs::pointer(&blob) {
                    Pointer::None => {}
                    Pointer::Strange => hindrances.push(lfs::strange(&file.source)),
                    Pointer::To(object) if self.lfs_object(&object).await?.is_some() => {}
                    Pointer::To(_) => absent.push(&file.source),
                }
            }
        }
        hindrances.extend(absent.first().map(|first| lfs::absent(first, absent.len() - 1)));
        Ok(hindrances)
    }
}

/// The content with CR LF at the ends of its lines, as git would write it.
fn with_line_ends(content: Vec<u8>, lines: Lines) -> Vec<u8> {
    let mut altered = Vec::with_capacity(content.len() + content.len() / 32);
    if lines == Lines::Automatic && (content.contains(&b'\r') || looks_binary(&content)) {
        return content;
    }
    let mut before = 0;
    for byte in &content {
        if *byte == b'\n' && before != b'\r' {
            altered.push(b'\r');
        }
        altered.push(*byte);
        before = *byte;
    }
    altered
}

/// By git's rule, for a content without CR: a NUL, or more than one unprintable byte to 128 printable ones.
fn looks_binary(content: &[u8]) -> bool {
    // A file of old ends with Ctrl-Z.
    let content = content.strip_suffix(b"\x1a").unwrap_or(content);
    let (mut printable, mut unprintable) = (0_usize, 0_usize);
    for byte in content {
        match byte {
            b'\n' => {}
            0 => return true,
            b'\x08' | b'\t' | b'\x1b' | b'\x0c' => printable += 1,
            ..32 | 127 => unprintable += 1,
            _ => printable += 1,
        }
    }
    printable / 128 < unprintable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_get_cr_where_git_would_put_it() {
        for (content, always, automatic) in [
            ("", "", ""),
            ("a\nb", "a\r\nb", "a\r\nb"),
            ("a\r\nb\r\n", "a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\r\nb\n", "a\r\nb\r\n", "a\r\nb\n"),
            ("\0\n", "\0\r\n", "\0\n"),
            ("\x01\n", "\x01\r\n", "\x01\n"),
            ("a\n\x1a", "a\r\n\x1a", "a\r\n\x1a"),
        ] {
            let altered = |lines| String::from_utf8(with_line_ends(content.as_bytes().to_vec(), lines)).unwrap();
            assert_eq!(altered(Lines::Always), always, "{content:?}");
            assert_eq!(altered(Lines::Automatic), automatic, "{content:?}");
        }
    }
}
