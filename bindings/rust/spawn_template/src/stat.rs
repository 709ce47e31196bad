// SPDX-License-Identifier: BSD-2-Clause
//! A template's identity, state and counters.

use crate::error::cvt;
use spawn_template_sys as sys;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::RawFd;
use std::path::Path;
use std::{fmt, io};

/// What [`Template::stat`](crate::Template::stat) found.
#[derive(Clone)]
pub struct Stat {
    c: Box<sys::spawn_template_stat>,
}

impl Stat {
    pub(crate) fn of(tfd: RawFd) -> io::Result<Stat> {
        // SAFETY: numbers and arrays of numbers may all be zero
        let mut c: Box<sys::spawn_template_stat> = Box::new(unsafe { std::mem::zeroed() });
        let size = std::mem::size_of_val(&*c);
        // SAFETY: the size is the structure's
        cvt(unsafe { sys::spawn_template_stat(tfd, &mut *c, size) })?;
        Ok(Stat { c })
    }

    /// The path that the template was made from; empty if it was made from a descriptor.
    pub fn path(&self) -> &Path {
        // SAFETY: the library ends it with a NUL
        let text = unsafe { CStr::from_ptr(self.c.path.as_ptr()) };
        Path::new(OsStr::from_bytes(text.to_bytes()))
    }

    /// Whether a launch would fail with `ESTALE`.
    pub fn is_stale(&self) -> bool {
        self.c.state == sys::SPAWN_TEMPLATE_STATE_STALE
    }

    /// Whether the guard checks the launches.
    pub fn is_guarded(&self) -> bool {
        self.c.guarded != 0
    }

    /// The number of processes that wait for a launch.
    pub fn warm_ready(&self) -> u32 {
        self.c.warm_ready
    }

    /// Launches that succeeded without a prepared process.
    pub fn cold(&self) -> u64 {
        self.c.cold
    }

    /// Launches that took a prepared process.
    pub fn warm(&self) -> u64 {
        self.c.warm
    }

    /// Launches that failed with `ESTALE`.
    pub fn stale(&self) -> u64 {
        self.c.stale
    }

    /// Launches that failed with `EACCES`.
    pub fn refused(&self) -> u64 {
        self.c.refused
    }

    /// Launches that failed otherwise.
    pub fn failed(&self) -> u64 {
        self.c.failed
    }
}

impl fmt::Debug for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stat")
            .field("path", &self.path())
            .field("is_stale", &self.is_stale())
            .field("is_guarded", &self.is_guarded())
            .field("warm_ready", &self.warm_ready())
            .field("cold", &self.cold())
            .field("warm", &self.warm())
            .field("stale", &self.stale())
            .field("refused", &self.refused())
            .field("failed", &self.failed())
            .finish()
    }
}
