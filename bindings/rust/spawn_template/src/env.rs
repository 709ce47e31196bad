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

const DEFAULT_PATH: &str = "/bin:/usr/bin"; // what execvp(3) searches without a PATH

/// Where a program is searched along the parent's `PATH`. The C library must not ask
/// getenv(3) for it, which does not take the lock of `std::env::set_var`.
pub(crate) fn parents_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
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

    /// Where the program is searched: along the command's own `PATH`, or the parent's.
    pub fn search_path(&self) -> OsString {
        match self.changes.get(OsStr::new("PATH")) {
            Some(Some(path)) => path.clone(),
            None if !self.clear => parents_path(),
            _ => DEFAULT_PATH.into(),
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
