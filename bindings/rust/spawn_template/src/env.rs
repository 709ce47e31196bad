// SPDX-License-Identifier: BSD-2-Clause
//! The environment of a command: the parent's, with changes.

use crate::error::invalid;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::{env, io};

#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    clear: bool,
    changes: BTreeMap<OsString, Option<OsString>>,
}

/// Where the program is searched.
pub(crate) enum SearchPath {
    /// Along the parent's `PATH`.
    Parent,
    /// Along the command's own.
    Own(OsString),
    /// The command has no `PATH`.
    None,
}

impl Env {
    pub fn set(&mut self, key: &OsStr, value: &OsStr) {
        self.changes.insert(key.into(), Some(value.into()));
    }

    pub fn remove(&mut self, key: &OsStr) {
        if self.clear {
            self.changes.remove(key);
        } else {
            self.changes.insert(key.into(), None);
        }
    }

    pub fn clear(&mut self) {
        self.clear = true;
        self.changes.clear();
    }

    pub fn changes(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        self.changes
            .iter()
            .map(|(key, value)| (&**key, value.as_deref()))
    }

    pub fn search_path(&self) -> SearchPath {
        match self.changes.get(OsStr::new("PATH")) {
            Some(Some(path)) => SearchPath::Own(path.clone()),
            Some(None) => SearchPath::None,
            None if self.clear => SearchPath::None,
            None => SearchPath::Parent,
        }
    }

    /// The strings `KEY=VALUE`.
    pub fn strings(&self) -> io::Result<Vec<CString>> {
        let mut strings = Vec::new();
        if !self.clear {
            for (key, value) in env::vars_os() {
                if !self.changes.contains_key(&key) {
                    strings.push(variable(key, &value)?);
                }
            }
        }
        for (key, value) in &self.changes {
            if let Some(value) = value {
                strings.push(variable(key.clone(), value)?);
            }
        }
        Ok(strings)
    }
}

fn variable(key: OsString, value: &OsStr) -> io::Result<CString> {
    let mut text = key.into_vec();
    text.reserve_exact(value.len() + 2);
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    CString::new(text).map_err(|_| invalid("nul byte found in provided data"))
}
