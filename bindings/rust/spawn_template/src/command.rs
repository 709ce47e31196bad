// SPDX-License-Identifier: BSD-2-Clause
//! The builder of launches, with the names of `std::process::Command`.

use crate::attributes::{Attributes, Resource, SockFilter};
use crate::child::Child;
use crate::env::Env;
use crate::error::{c_string, invalid};
use crate::launch::{Launch, Stdin};
use crate::stdio::{Kind, Stdio};
use crate::{Sandbox, Template};
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{OwnedFd, RawFd};
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::{fmt, io};

/// A program to launch, and how. The names are those of [`std::process::Command`].
///
/// Three things differ from the standard library. Nothing runs between fork and exec but
/// the library's own steps, so that the parent's memory is never copied; what one would do
/// in `pre_exec` has methods here. Descriptors above 2 are closed in the child, unless
/// [`keep_fd`](Command::keep_fd) or [`inherit_fds`](Command::inherit_fds) say otherwise. A
/// name with a slash is relative to the parent's directory, whatever
/// [`current_dir`](Command::current_dir) is.
///
/// ```
/// use spawn_template::{Command, Resource};
///
/// let output = Command::new("sh")
///     .args(["-c", "ulimit -n; umask"])
///     .rlimit(Resource::NoFile, 64, 64)
///     .umask(0o027)
///     .setsid(true)
///     .output()?;
/// assert_eq!(output.stdout, b"64\n0027\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Command {
    pub(crate) program: Program,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Env,
    pub(crate) cwd: Option<CString>,
    pub(crate) stdio: [Option<Stdio>; 3],
    pub(crate) attributes: Attributes,
    pub(crate) sandbox: Option<Sandbox>,
    /// A string had a NUL: the launch fails.
    pub(crate) bad: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Program {
    Name(CString),
    Template(Template),
}

impl Command {
    /// A command for the program of this name. Each launch looks it up along `PATH`, the
    /// command's own if [`env`](Command::env) sets it, and takes what is known of the file
    /// from a cache of the process, which keeps no file open.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        let (name, bad) = match c_string(program.as_ref()) {
            Ok(name) => (name, false),
            Err(_) => (CString::default(), true),
        };
        let mut command = Command::with(Program::Name(name.clone()), name);
        command.bad = bad;
        command
    }

    /// A command that launches from a template: see [`Template::command`].
    pub fn from_template(template: &Template) -> Command {
        let name = c_string(template.name()).unwrap_or_default();
        Command::with(Program::Template(template.clone()), name)
    }

    fn with(program: Program, arg0: CString) -> Command {
        Command {
            program,
            argv: vec![arg0],
            env: Env::default(),
            cwd: None,
            stdio: [None, None, None],
            attributes: Attributes::default(),
            sandbox: None,
            bad: false,
        }
    }

    fn string(&mut self, text: &OsStr) -> CString {
        c_string(text).unwrap_or_else(|_| {
            self.bad = true;
            CString::default()
        })
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        let arg = self.string(arg.as_ref());
        self.argv.push(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&mut self, args: I) -> &mut Command {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Sets `argv[0]`.
    pub fn arg0(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        self.argv[0] = self.string(arg.as_ref());
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        self.env.set(key.as_ref(), value.as_ref());
        self
    }

    /// Sets variables of the environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        for (key, value) in vars {
            self.env.set(key.as_ref(), value.as_ref());
        }
        self
    }

    /// Removes a variable of the environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Command {
        self.env.remove(key.as_ref());
        self
    }

    /// Removes all variables, the parent's and those that were set.
    pub fn env_clear(&mut self) -> &mut Command {
        self.env.clear();
        self
    }

    /// Sets the directory in which the program starts.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Command {
        self.cwd = Some(self.string(dir.as_ref().as_os_str()));
        self
    }

    /// Sets stdin: inherited by default with `spawn` and `status`, `/dev/null` with `output`.
    pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.stdio[0] = Some(stdio.into());
        self
    }

    /// Sets stdout: inherited by default with `spawn` and `status`, captured with `output`.
    pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.stdio[1] = Some(stdio.into());
        self
    }

    /// Sets stderr: as [`stdout`](Command::stdout).
    pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        self.stdio[2] = Some(stdio.into());
        self
    }

    // ---- instead of pre_exec

    /// Joins a process group; 0 makes a new one.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.attributes.process_group(pgroup);
        self
    }

    /// Makes a new session, and so a new process group without a terminal.
    pub fn setsid(&mut self, on: bool) -> &mut Command {
        self.attributes.setsid(on);
        self
    }

    /// Sets a soft and a hard limit.
    pub fn rlimit(&mut self, resource: Resource, soft: u64, hard: u64) -> &mut Command {
        self.attributes.rlimits.push((resource, soft, hard));
        self
    }

    /// Sends SIGKILL to the program when the thread that launched it ends
    /// (`PR_SET_PDEATHSIG`). The threads that launch for a ring live as long as the process.
    pub fn die_with_parent(&mut self, on: bool) -> &mut Command {
        self.attributes.die_with_parent(on);
        self
    }

    /// Sets the mask of permission bits, 0 to 0o777.
    pub fn umask(&mut self, umask: u32) -> &mut Command {
        self.attributes.umask(umask);
        self
    }

    /// Sets the nice value, -20 to 19.
    pub fn nice(&mut self, nice: i32) -> &mut Command {
        self.attributes.nice(nice);
        self
    }

    /// Sets the user id. As with the standard library, root's supplementary groups are
    /// dropped, unless [`groups`](Command::groups) sets others. A launch that changes ids
    /// costs as much as fork.
    pub fn uid(&mut self, uid: u32) -> &mut Command {
        self.attributes.uid(uid);
        self
    }

    /// Sets the group id.
    pub fn gid(&mut self, gid: u32) -> &mut Command {
        self.attributes.gid(gid);
        self
    }

    /// Sets the supplementary groups.
    pub fn groups(&mut self, groups: &[u32]) -> &mut Command {
        self.attributes.groups = Some(groups.to_vec());
        self
    }

    /// Sets no_new_privs.
    pub fn no_new_privs(&mut self, on: bool) -> &mut Command {
        self.attributes.no_new_privs(on);
        self
    }

    /// Starts the program in the cgroup of this directory of cgroup v2.
    pub fn cgroup(&mut self, directory: impl Into<OwnedFd>) -> &mut Command {
        self.attributes.cgroup = Some(Arc::new(directory.into()));
        self
    }

    /// Starts the program in a sandbox.
    pub fn sandbox(&mut self, sandbox: &Sandbox) -> &mut Command {
        self.sandbox = Some(sandbox.clone());
        self
    }

    /// Starts the program in the domain of a Landlock ruleset. Sets no_new_privs.
    pub fn landlock(&mut self, ruleset: impl Into<OwnedFd>) -> &mut Command {
        self.attributes.landlock = Some(Arc::new(ruleset.into()));
        self
    }

    /// Starts the program under a seccomp filter, which must allow the exec itself. Sets
    /// no_new_privs.
    pub fn seccomp(&mut self, filter: impl Into<Vec<SockFilter>>) -> &mut Command {
        self.attributes.seccomp = Some(filter.into());
        self
    }

    /// Hands a descriptor to the program, under its number, which close-on-exec does not
    /// close. The command owns it.
    pub fn keep_fd(&mut self, fd: impl Into<OwnedFd>) -> &mut Command {
        self.attributes.kept.push(Arc::new(fd.into()));
        self
    }

    /// Hands a descriptor to the program under another number.
    pub fn map_fd(&mut self, fd: impl Into<OwnedFd>, number: RawFd) -> &mut Command {
        self.attributes.mapped.push((Arc::new(fd.into()), number));
        self
    }

    /// Leaves all descriptors without close-on-exec open, as the standard library does.
    pub fn inherit_fds(&mut self, on: bool) -> &mut Command {
        self.attributes.inherit_fds(on);
        self
    }

    // ---- launches

    /// Launches the program, and waits until it has passed exec or failed.
    pub fn spawn(&mut self) -> io::Result<Child> {
        Launch::new(self, Stdin::Command, Kind::Inherit)?.spawn()
    }

    /// Runs the program to its end, and captures stdout and stderr, whatever their size.
    pub fn output(&mut self) -> io::Result<Output> {
        Launch::new(self, Stdin::Null, Kind::Piped)?
            .spawn()?
            .wait_with_output()
    }

    /// Runs the program to its end.
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    // ---- what was set

    /// The program's name or path.
    pub fn get_program(&self) -> &OsStr {
        match &self.program {
            Program::Name(name) => OsStr::from_bytes(name.as_bytes()),
            Program::Template(template) => template.name(),
        }
    }

    /// The arguments behind `argv[0]`.
    pub fn get_args(&self) -> impl Iterator<Item = &OsStr> {
        self.argv[1..]
            .iter()
            .map(|arg| OsStr::from_bytes(arg.as_bytes()))
    }

    /// The variables that were set, or removed: `None`.
    pub fn get_envs(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        self.env.changes()
    }

    /// The directory that was set.
    pub fn get_current_dir(&self) -> Option<&Path> {
        let dir = self.cwd.as_ref()?;
        Some(Path::new(OsStr::from_bytes(dir.as_bytes())))
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        if self.bad {
            return Err(invalid("nul byte found in provided data"));
        }
        Ok(())
    }
}

/// The program and its arguments, as the standard library shows them.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program: OsString = self.get_program().into();
        write!(f, "{program:?}")?;
        self.get_args().try_for_each(|arg| write!(f, " {arg:?}"))
    }
}
