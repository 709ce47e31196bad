// SPDX-License-Identifier: BSD-2-Clause
//! Sandboxes for launches, made once from plain lists.

use crate::error::c_string;
use spawn_template_sys as sys;
use std::ffi::{CStr, CString, OsString};
use std::os::raw::c_char;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::{fmt, io};

/// A sandbox for any number of launches: [`Command::sandbox`](crate::Command::sandbox).
///
/// ```no_run
/// use spawn_template::{Command, Sandbox};
///
/// let sandbox = Sandbox::options().read_only("/").writable("/tmp").no_net(true).build()?;
/// let status = Command::new("make").sandbox(&sandbox).status()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner(*mut sys::spawn_template_sandbox);

// SAFETY: nothing changes a sandbox, and any thread may use one
unsafe impl Send for Inner {}
// SAFETY: as above
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: no launch uses it any more
        unsafe { sys::spawn_template_sandbox_free(self.0) };
    }
}

impl Sandbox {
    /// The wishes for a sandbox.
    pub fn options() -> SandboxOptions {
        SandboxOptions::default()
    }

    pub(crate) fn apply(&self, args: &mut sys::spawn_template_spawn_args) -> i32 {
        let size = std::mem::size_of_val(args);
        // SAFETY: the size is the structure's
        unsafe { sys::spawn_template_sandbox_apply(self.inner.0, args, size) }
    }
}

/// The wishes for a [`Sandbox`]; spawn_template_sandbox_new(3) describes them.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct SandboxOptions {
    flags: u64,
    read_only: Vec<OsString>,
    writable: Vec<OsString>,
    connect_ports: Vec<u16>,
    bind_ports: Vec<u16>,
}

impl SandboxOptions {
    fn flag(mut self, flag: u64, on: bool) -> Self {
        self.flags = if on {
            self.flags | flag
        } else {
            self.flags & !flag
        };
        self
    }

    /// Programs may read and execute files in and below this path.
    pub fn read_only(mut self, path: impl AsRef<Path>) -> Self {
        self.read_only.push(path.as_ref().into());
        self
    }

    /// Programs may also write, make and remove files in and below this path.
    pub fn writable(mut self, path: impl AsRef<Path>) -> Self {
        self.writable.push(path.as_ref().into());
        self
    }

    /// Programs get no socket but Unix ones.
    pub fn no_net(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_NO_NET, on)
    }

    /// Programs may connect to these TCP ports only.
    pub fn connect_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.connect_ports.extend(ports);
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_CONNECT, true)
    }

    /// Programs may bind these TCP ports only.
    pub fn bind_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.bind_ports.extend(ports);
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_BIND, true)
    }

    /// Programs can signal only processes in the sandbox.
    pub fn signals(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_SIGNALS, on)
    }

    /// Programs can connect only to abstract Unix sockets that were made in the sandbox.
    pub fn abstract_sockets(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_ABSTRACT, on)
    }

    /// Programs may not use `/dev/null` and the like, unless a list has them.
    pub fn no_devices(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_NO_DEVICES, on)
    }

    /// Make a sandbox of the wishes that this kernel can hold, which may be none.
    pub fn best_effort(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT, on)
    }

    /// The wishes that this kernel cannot hold, as `SPAWN_TEMPLATE_SANDBOX_LOST_*` of the
    /// crate `spawn_template-sys`; 0: none.
    pub fn lost(&self) -> io::Result<i32> {
        Lists::of(self)?.with(|args| {
            // SAFETY: the size is the structure's
            crate::error::cvt(unsafe { sys::spawn_template_sandbox_lost(args, size_of(args)) })
        })
    }

    /// Makes the sandbox. The error names the path that cannot be opened.
    pub fn build(&self) -> io::Result<Sandbox> {
        let mut made = null_mut();
        let mut failed: *const c_char = null();
        Lists::of(self)?.with(|args| {
            args.failed = &mut failed as *mut _ as u64;
            // SAFETY: the size is the structure's, and the lists end with NULL
            let ret = unsafe { sys::spawn_template_sandbox_new(args, size_of(args), &mut made) };
            if ret >= 0 {
                return Ok(());
            }
            let error = io::Error::from_raw_os_error(-ret);
            if failed.is_null() {
                return Err(error);
            }
            // SAFETY: it points into a list
            let path = unsafe { CStr::from_ptr(failed) }.to_string_lossy();
            Err(io::Error::new(error.kind(), Refused(path.into(), error)))
        })?;
        Ok(Sandbox {
            inner: Arc::new(Inner(made)),
        })
    }
}

fn size_of(args: &sys::spawn_template_sandbox_args) -> usize {
    std::mem::size_of_val(args)
}

/// The path that made a sandbox fail, and why.
#[derive(Debug)]
struct Refused(String, io::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.1)
    }
}

/// The lists as C takes them.
struct Lists<'a> {
    options: &'a SandboxOptions,
    read_only: Vec<CString>,
    writable: Vec<CString>,
}

impl<'a> Lists<'a> {
    fn of(options: &'a SandboxOptions) -> io::Result<Lists<'a>> {
        let strings = |list: &[OsString]| list.iter().map(|path| c_string(path)).collect();
        let read_only: io::Result<_> = strings(&options.read_only);
        Ok(Lists {
            options,
            read_only: read_only?,
            writable: {
                let writable: io::Result<_> = strings(&options.writable);
                writable?
            },
        })
    }

    fn with<T>(&self, call: impl FnOnce(&mut sys::spawn_template_sandbox_args) -> T) -> T {
        let pointers = |list: &[CString]| -> Vec<*const c_char> {
            list.iter().map(|s| s.as_ptr()).chain([null()]).collect()
        };
        let (read_only, writable) = (pointers(&self.read_only), pointers(&self.writable));
        let list = |list: &[*const c_char]| match list.len() {
            1 => 0,
            _ => list.as_ptr() as u64,
        };
        let ports = |list: &[u16]| match list.len() {
            0 => 0,
            _ => list.as_ptr() as u64,
        };
        call(&mut sys::spawn_template_sandbox_args {
            flags: self.options.flags,
            read_only: list(&read_only),
            writable: list(&writable),
            connect_ports: ports(&self.options.connect_ports),
            n_connect_ports: self.options.connect_ports.len() as u64,
            bind_ports: ports(&self.options.bind_ports),
            n_bind_ports: self.options.bind_ports.len() as u64,
            ..Default::default()
        })
    }
}
