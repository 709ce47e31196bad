// SPDX-License-Identifier: BSD-2-Clause
//! Errors: an `io::Error` whose source says which step of a launch failed, and why.

use spawn_template_sys as sys;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::raw::{c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::{error, fmt, io};

/// The stage at which a launch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Finding the program, the template, its identity, the arguments.
    Args,
    /// Making the child.
    Clone,
    /// An attribute of the child: ids, session, cgroup, sandbox and the like.
    Attr,
    /// A step in the child: [`LaunchError::step`] names it.
    Action,
    /// Closing the other descriptors.
    Close,
    /// The exec itself.
    Exec,
}

impl Stage {
    fn from_c(stage: u32) -> Stage {
        match stage {
            sys::SPAWN_TEMPLATE_STAGE_CLONE => Stage::Clone,
            sys::SPAWN_TEMPLATE_STAGE_ATTR => Stage::Attr,
            sys::SPAWN_TEMPLATE_STAGE_ACTION => Stage::Action,
            sys::SPAWN_TEMPLATE_STAGE_CLOSE => Stage::Close,
            sys::SPAWN_TEMPLATE_STAGE_EXEC => Stage::Exec,
            _ => Stage::Args,
        }
    }

    /// The name that all bindings use.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Args => "args",
            Stage::Clone => "clone",
            Stage::Attr => "attr",
            Stage::Action => "action",
            Stage::Close => "close",
            Stage::Exec => "exec",
        }
    }
}

/// Why a launch failed. It is the inner error of the [`io::Error`] that this crate's
/// functions return: [`LaunchError::of`] gets it.
///
/// ```
/// use spawn_template::{Command, LaunchError, Stage};
///
/// let error = Command::new("true").current_dir("/nonexistent").spawn().unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// let launch = LaunchError::of(&error).unwrap();
/// assert_eq!(launch.stage(), Stage::Action);
/// assert_eq!(launch.step(), Some("current_dir"));
/// ```
#[derive(Clone, Debug)]
pub struct LaunchError {
    errno: i32,
    stage: Stage,
    step: Option<&'static str>,
    program: OsString,
    sentence: String,
}

impl LaunchError {
    /// The launch error inside of an error of this crate.
    pub fn of(error: &io::Error) -> Option<&LaunchError> {
        error.get_ref()?.downcast_ref()
    }

    /// The errno. `io::Error::raw_os_error` of the outer error has none.
    pub fn raw_os_error(&self) -> i32 {
        self.errno
    }

    /// The stage that failed.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The method of [`Command`](crate::Command) that asked for the step that failed, if
    /// that is known.
    pub fn step(&self) -> Option<&'static str> {
        self.step
    }

    /// The name or path of the program.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The library's sentence: what failed, why and, behind "; ", the remedy.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.program.to_string_lossy(), self.sentence)?;
        match self.step {
            Some(step) => write!(f, " ({step})"),
            None => Ok(()),
        }
    }
}

impl error::Error for LaunchError {}

/// Makes the error of a launch. `steps` names the actions of the launch, by index.
pub(crate) fn launch_error(
    program: &OsStr,
    failure: &sys::spawn_template_failure,
    steps: &[&'static str],
) -> io::Error {
    let stage = Stage::from_c(failure.stage);
    let step = match (stage, failure.action) {
        (Stage::Action, action) => steps.get(action as usize).copied(),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_LANDLOCK) => Some("landlock"),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_SECCOMP) => Some("seccomp"),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT) => Some("memory_max"),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_PIDS_LIMIT) => Some("pids_max"),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_CPU_LIMIT) => Some("cpu_max, cpu_weight"),
        (Stage::Attr, sys::SPAWN_TEMPLATE_ATTR_IO_LIMIT) => Some("io_weight"),
        _ => None,
    };
    let kind = io::Error::from_raw_os_error(failure.error).kind();
    let inner = LaunchError {
        errno: failure.error,
        stage,
        step,
        program: program.to_os_string(),
        sentence: sentence(failure),
    };
    io::Error::new(kind, inner)
}

/// Makes the error of a call that names no stage, from its negated errno.
pub(crate) fn plain_error(program: &OsStr, ret: c_int) -> io::Error {
    let failure = sys::spawn_template_failure {
        error: -ret,
        stage: sys::SPAWN_TEMPLATE_STAGE_ARGS,
        action: 0,
    };
    launch_error(program, &failure, &[])
}

fn sentence(failure: &sys::spawn_template_failure) -> String {
    let mut buf: [c_char; 512] = [0; 512];
    // SAFETY: the size is the buffer's, and the call ends it with a NUL
    let text = unsafe {
        sys::spawn_template_strerror(failure, buf.as_mut_ptr(), buf.len());
        CStr::from_ptr(buf.as_ptr())
    };
    text.to_string_lossy().into_owned()
}

/// Turns -errno into an error.
pub(crate) fn cvt(ret: c_int) -> io::Result<c_int> {
    if ret < 0 {
        Err(io::Error::from_raw_os_error(-ret))
    } else {
        Ok(ret)
    }
}

/// Turns -1 and errno into an error.
pub(crate) fn cvt_libc(ret: c_int) -> io::Result<c_int> {
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret)
    }
}

pub(crate) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// A string without a NUL, or none.
pub(crate) fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| invalid("nul byte found in provided data"))
}
