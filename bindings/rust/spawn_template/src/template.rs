// SPDX-License-Identifier: BSD-2-Clause
//! Templates, and the process's cache of those that `Command::new` uses.

use crate::env::parents_path;
use crate::error::{c_string, plain_error};
use crate::stat::Stat;
use crate::Command;
use spawn_template_sys as sys;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Once};

/// An executable file, examined once and launched any number of times.
///
/// A template is a file descriptor. Each launch checks that the file is still the one that
/// the template was made from: else it fails with `ESTALE`. Clones share one descriptor,
/// which is closed with the last of them, and when no command or launch uses it any more.
///
/// ```
/// let git = spawn_template::Template::new("echo")?;
/// for word in ["one", "two"] {
///     let output = git.command().arg(word).output()?;
///     assert_eq!(output.stdout, format!("{word}\n").as_bytes());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tfd: RawFd,
    name: OsString,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: nobody else closes the descriptor
        unsafe { sys::spawn_template_close(self.tfd) };
    }
}

impl Template {
    /// Makes a template of the first executable of this name along `PATH`, as execvp(3)
    /// searches; a name with a slash is used as it is.
    pub fn new(name: impl AsRef<OsStr>) -> io::Result<Template> {
        TemplateOptions::new().search(name)
    }

    /// Makes a template of the file at an absolute path.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Template> {
        TemplateOptions::new().open(path)
    }

    /// What else a template may be made with.
    pub fn options() -> TemplateOptions {
        TemplateOptions::new()
    }

    /// A command that launches from this template. `argv[0]` is the name that the template
    /// was made with, until [`Command::arg0`] sets another.
    pub fn command(&self) -> Command {
        Command::from_template(self)
    }

    /// Makes the checks of a launch.
    pub fn check(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open
        self.result(unsafe { sys::spawn_template_check(self.tfd()) })
    }

    /// Makes the template anew from the file that is now at its path.
    pub fn refresh(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open
        self.result(unsafe { sys::spawn_template_refresh(self.tfd()) })
    }

    /// The template's identity, state and counters.
    pub fn stat(&self) -> io::Result<Stat> {
        Stat::of(self.tfd()).map_err(|error| match error.raw_os_error() {
            Some(errno) => plain_error(self.name(), -errno),
            None => error,
        })
    }

    pub(crate) fn tfd(&self) -> RawFd {
        self.inner.tfd
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.inner.name
    }

    fn result(&self, ret: c_int) -> io::Result<()> {
        if ret < 0 {
            return Err(plain_error(self.name(), ret));
        }
        Ok(())
    }
}

impl AsFd for Template {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open as long as self is
        unsafe { BorrowedFd::borrow_raw(self.tfd()) }
    }
}

impl AsRawFd for Template {
    fn as_raw_fd(&self) -> RawFd {
        self.tfd()
    }
}

/// How processes are prepared ahead of launches: see docs/warm.md of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warm {
    /// Each prepared process becomes the program of one launch.
    Once,
    /// One prepared process forks those that serve launches.
    Fork,
}

/// Options of a new [`Template`].
#[must_use]
#[derive(Clone, Debug)]
pub struct TemplateOptions {
    flags: u64,
    warm_target: u32,
    preload: Option<OsString>,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        TemplateOptions::new()
    }
}

impl TemplateOptions {
    /// The options of [`Template::new`]: scripts are accepted, and nothing is prepared.
    pub fn new() -> TemplateOptions {
        TemplateOptions {
            flags: sys::SPAWN_TEMPLATE_CREATE_CLOEXEC | sys::SPAWN_TEMPLATE_CREATE_SCRIPT,
            warm_target: 0,
            preload: None,
        }
    }

    fn flag(mut self, flag: u64, on: bool) -> Self {
        self.flags = if on {
            self.flags | flag
        } else {
            self.flags & !flag
        };
        self
    }

    /// Accept files that start with `#!`: true by default.
    pub fn scripts(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_CREATE_SCRIPT, on)
    }

    /// Refresh a stale template at the launch, once.
    pub fn auto_refresh(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_CREATE_AUTO_REFRESH, on)
    }

    /// Fail unless the guard, spawn-templated(8), registers the template.
    pub fn guard(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_CREATE_GUARD, on)
    }

    /// Have the guard deny all writes to the file as long as the template is open.
    pub fn deny_write(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_CREATE_DENY_WRITE, on)
    }

    /// Prepare processes from the second launch on, `target` of them; 0 means one.
    pub fn warm(self, how: Warm, target: u32) -> Self {
        let both = sys::SPAWN_TEMPLATE_CREATE_WARM_ONCE | sys::SPAWN_TEMPLATE_CREATE_WARM_FORK;
        let flag = match how {
            Warm::Once => sys::SPAWN_TEMPLATE_CREATE_WARM_ONCE,
            Warm::Fork => sys::SPAWN_TEMPLATE_CREATE_WARM_FORK,
        };
        let mut options = self.flag(both, false).flag(flag, true);
        options.warm_target = target;
        options
    }

    /// The program is a shell, which sources the file at this absolute path before each
    /// command of `-c`. With bash, launches fork a shell that has sourced it once.
    pub fn session_shell(self, file: impl AsRef<Path>) -> Self {
        let mut options = self.flag(sys::SPAWN_TEMPLATE_CREATE_WARM_RUNTIME, true);
        options.preload = Some(file.as_ref().into());
        options
    }

    /// Makes a template of the first executable of this name along `PATH`.
    pub fn search(&self, name: impl AsRef<OsStr>) -> io::Result<Template> {
        let name = name.as_ref();
        let text = c_string(name)?;
        if self.warm_target == 0 && self.preload.is_none() {
            return find(&text, name, self.flags);
        }
        // The other options need the whole structure, which has a path.
        let flags = sys::SPAWN_TEMPLATE_CREATE_CLOEXEC
            | sys::SPAWN_TEMPLATE_CREATE_NO_GUARD
            | self.flags & sys::SPAWN_TEMPLATE_CREATE_SCRIPT;
        let found = find(&text, name, flags)?.stat()?;
        self.create_by_path(found.path().as_os_str(), name)
    }

    /// Makes a template of the file at an absolute path.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<Template> {
        let path = path.as_ref().as_os_str();
        self.create_by_path(path, path)
    }

    /// Makes a template of an open file, which stands for the file alone. `name` becomes
    /// `argv[0]` of its commands.
    pub fn from_fd(&self, file: impl AsFd, name: impl AsRef<OsStr>) -> io::Result<Template> {
        let args = sys::spawn_template_create_args {
            execfd: file.as_fd().as_raw_fd(),
            ..Default::default()
        };
        self.create(args, name.as_ref())
    }

    fn create_by_path(&self, path: &OsStr, name: &OsStr) -> io::Result<Template> {
        let text = c_string(path)?;
        let args = sys::spawn_template_create_args {
            filename: text.as_ptr() as u64,
            ..Default::default()
        };
        self.create(args, name)
    }

    fn create(
        &self,
        mut args: sys::spawn_template_create_args,
        name: &OsStr,
    ) -> io::Result<Template> {
        let preload: Option<CString> = self.preload.as_deref().map(c_string).transpose()?;
        args.flags = self.flags;
        args.warm_target = self.warm_target;
        args.warm_preload = preload.as_ref().map_or(0, |text| text.as_ptr() as u64);
        // SAFETY: the size is the structure's, and the strings outlive the call
        let tfd = unsafe { sys::spawn_template_create(&args, std::mem::size_of_val(&args)) };
        if tfd < 0 {
            return Err(plain_error(name, tfd));
        }
        Ok(own(tfd, name))
    }
}

fn find(text: &CString, name: &OsStr, flags: u64) -> io::Result<Template> {
    let path = c_string(&parents_path())?;
    // SAFETY: both are strings
    match unsafe { sys::spawn_template_search(text.as_ptr(), path.as_ptr(), flags) } {
        tfd if tfd < 0 => Err(plain_error(name, tfd)),
        tfd => Ok(own(tfd, name)),
    }
}

fn own(tfd: RawFd, name: &OsStr) -> Template {
    let name = name.to_os_string();
    Template {
        inner: Arc::new(Inner { tfd, name }),
    }
}

/// A template for the time of a launch: the caller's own, or one of the cache.
#[derive(Debug)]
pub(crate) enum Held {
    Own(Template),
    Cached(RawFd),
}

impl Held {
    /// Gets a template of the cache.
    pub(crate) fn cached(name: &CString, path: &CString) -> Result<Held, c_int> {
        // SAFETY: strings, and the cache is never freed
        let tfd = unsafe { sys::spawn_template_cache_get(cache()?, name.as_ptr(), path.as_ptr()) };
        if tfd < 0 {
            return Err(tfd);
        }
        Ok(Held::Cached(tfd))
    }

    pub(crate) fn tfd(&self) -> RawFd {
        match self {
            Held::Own(template) => template.tfd(),
            Held::Cached(tfd) => *tfd,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Held::Cached(tfd), Ok(cache)) = (&*self, cache()) {
            // SAFETY: the template is out, and dropped once
            unsafe { sys::spawn_template_cache_drop(cache, *tfd) };
        }
    }
}

static CACHE: AtomicPtr<sys::spawn_template_cache> = AtomicPtr::new(null_mut());
static CACHE_ERROR: AtomicI32 = AtomicI32::new(0);
static CACHE_MADE: Once = Once::new();

/// The cache of this process, made at the first call and never freed.
fn cache() -> Result<*mut sys::spawn_template_cache, c_int> {
    CACHE_MADE.call_once(|| {
        let params = sys::spawn_template_cache_params {
            create_flags: sys::SPAWN_TEMPLATE_CREATE_SCRIPT
                | sys::SPAWN_TEMPLATE_CREATE_AUTO_REFRESH,
            ..Default::default()
        };
        let size = std::mem::size_of_val(&params);
        let mut made = null_mut();
        // SAFETY: the size is the structure's
        let ret = unsafe { sys::spawn_template_cache_new(&params, size, &mut made) };
        CACHE_ERROR.store(ret, Release);
        CACHE.store(made, Release);
    });
    match CACHE_ERROR.load(Acquire) {
        0 => Ok(CACHE.load(Acquire)),
        ret => Err(ret),
    }
}
