//! All objects of a repository, and folders as lists of paths.

use std::collections::BTreeMap;

use axum::body::Bytes;

use super::{
    id::Oid,
    object::{Commit, Entry, Mode, Object},
};

/// Objects by their id. Nothing is ever dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects(BTreeMap<Oid, Object>);

/// All files below a folder, by path.
pub(crate) type Files = BTreeMap<String, (Mode, Oid)>;

/// Folders inside each other, so that no path makes a walk too deep.
const DEEPEST: usize = 100;

/// Whether a tree may have a file at this path.
pub(crate) fn path_is_safe(path: &str) -> bool {
    let part_is_safe = |part: &str| {
        let special = matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
        !special && !part.contains(['\0', '\\'])
    };
    path.split('/').count() <= DEEPEST && path.split('/').all(part_is_safe)
}

impl Objects {
    /// Adds an object.
    pub(crate) fn add(&mut self, object: Object) -> Oid {
        let id = object.id();
        self.0.insert(id, object);
        id
    }

    /// An object.
    pub(crate) fn get(&self, id: Oid) -> Option<&Object> {
        self.0.get(&id)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Oid, &Object)> {
        self.0.iter()
    }

    /// A commit.
    pub(crate) fn commit(&self, id: Oid) -> Option<&Commit> {
        match self.get(id)? {
            Object::Commit(commit) => Some(commit),
            Object::Blob(_) | Object::Tree(_) => None,
        }
    }

    /// The one commit whose id starts so.
    pub(crate) fn commit_starting(&self, start: &str) -> Option<Oid> {
        let mut found = self.0.keys().filter(|id| id.to_string().starts_with(start) && self.commit(**id).is_some());
        let first = found.next().copied()?;
        found.next().is_none().then_some(first)
    }

    /// A folder's entries.
    pub(crate) fn tree(&self, id: Oid) -> Option<&[Entry]> {
        match self.get(id)? {
            Object::Tree(entries) => Some(entries),
            Object::Blob(_) | Object::Commit(_) => None,
        }
    }

    /// A file's content.
    pub(crate) fn blob(&self, id: Oid) -> Option<&Bytes> {
        match self.get(id)? {
            Object::Blob(bytes) => Some(bytes),
            Object::Tree(_) | Object::Commit(_) => None,
        }
    }

    /// What lies at a path of a folder; the folder itself for an empty one.
    pub(crate) fn at(&self, tree: Oid, path: &str) -> Option<(Mode, Oid)> {
        let mut at = (Mode::Tree, tree);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let entry = self.tree(at.1)?.iter().find(|entry| entry.name == part)?;
            at = (entry.mode, entry.id);
        }
        Some(at)
    }

    /// All files below a folder.
    pub(crate) fn files(&self, tree: Oid) -> Files {
        let mut files = Files::new();
        self.collect(tree, "", &mut files);
        files
    }

    /// The files of a commit; none for what is not one.
    pub(crate) fn files_of(&self, commit: Oid) -> Files {
        self.commit(commit).map(|commit| self.files(commit.tree)).unwrap_or_default()
    }

    /// Records a folder with these files.
    pub(crate) fn write_tree(&mut self, files: &Files) -> Oid {
        let (mut entries, mut folders) = (Vec::new(), BTreeMap::<&str, Files>::new());
        for (path, &(mode, id)) in files {
            match path.split_once('/') {
                Some((folder, rest)) => {
                    folders.entry(folder).or_default().insert(rest.to_owned(), (mode, id));
                }
                None => entries.push(Entry { mode, name: path.clone(), id }),
            }
        }
        for (name, files) in folders {
            let id = self.write_tree(&files);
            entries.push(Entry { mode: Mode::Tree, name: name.to_owned(), id });
        }
        // Git orders folders as if their names ended with a slash.
        entries
            .sort_by_key(|entry| if entry.mode == Mode::Tree { entry.name.clone() + "/" } else { entry.name.clone() });
        self.add(Object::Tree(entries))
    }

    fn collect(&self, tree: Oid, above: &str, files: &mut Files) {
        for entry in self.tree(tree).unwrap_or_default() {
            let path = format!("{above}{}", entry.name);
            if entry.mode == Mode::Tree {
                self.collect(entry.id, &format!("{path}/"), files);
            } else {
                files.insert(path, (entry.mode, entry.id));
            }
        }
    }
}
