// SPDX-License-Identifier: BSD-2-Clause
//! One launch: the C structure, and all that it points to.

use crate::attributes::SockFilter;
use crate::child::{Child, Ends};
use crate::command::{Command, Program};
use crate::error::{c_string, invalid, launch_error, plain_error};
use crate::stdio::{duplicate, pipe, Kind};
use crate::template::Held;
use crate::Sandbox;
use spawn_template_sys as sys;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::raw::{c_char, c_int};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::null;
use std::sync::Arc;

const STREAMS: [&str; 3] = ["stdin", "stdout", "stderr"];
const DEV_NULL: &[u8] = b"/dev/null\0";
static NO_SIGNALS: u64 = 0;

/// What stdin is if the command does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// As the other streams.
    Command,
    Null,
    /// A run's own, as are stdout and stderr.
    Run,
}

/// The structure of one launch. Each pointer in `args` leads to what this owns, on the
/// heap, so that it may be moved.
pub(crate) struct Launch {
    pub args: sys::spawn_template_spawn_args,
    pub template: Held,
    program: OsString,
    ends: Ends,
    failure: Box<sys::spawn_template_failure>,
    actions: Vec<sys::spawn_template_action>,
    steps: Vec<&'static str>,
    /// Descriptors that must be open until the launch is over.
    fds: Vec<Arc<OwnedFd>>,
    sandbox: Option<Sandbox>,
    strings: Strings,
    #[allow(clippy::vec_box)] // actions point to them
    opens: Vec<Box<sys::spawn_template_open>>,
    #[allow(clippy::vec_box)] // as above
    limits: Vec<Box<libc::rlimit>>,
    signals: Box<sys::spawn_template_sigset>,
    groups: Vec<u32>,
    filter: Option<(Vec<SockFilter>, Box<SockFprog>)>,
}

/// What must stay until a ring has made the launch, which copies all but these.
#[cfg(feature = "tokio")]
#[allow(dead_code)] // it is held
pub(crate) struct Needed {
    template: Held,
    fds: Vec<Arc<OwnedFd>>,
    sandbox: Option<Sandbox>,
}

/// `struct sock_fprog`
#[repr(C)]
struct SockFprog {
    len: u16,
    filter: *const SockFilter,
}

/// The lists of strings, with the pointers to them.
struct Strings {
    _argv: Vec<CString>,
    _envp: Vec<CString>,
    cwd: Option<CString>,
    argv_pointers: Vec<*const c_char>,
    envp_pointers: Vec<*const c_char>,
}

// SAFETY: the pointers lead to what the launch owns, and nothing of it changes
unsafe impl Send for Launch {}

impl Launch {
    /// `stdin` and `streams`: what the standard streams are if the command does not say.
    pub fn new(command: &Command, stdin: Stdin, streams: Kind) -> io::Result<Launch> {
        command.check()?;
        let strings = Strings::of(command)?;
        let program = command.get_program().to_os_string();
        let mut launch = Launch {
            args: Default::default(),
            template: find(command, &program)?,
            program,
            ends: Ends::default(),
            failure: Box::new(sys::spawn_template_failure {
                error: 0,
                stage: 0,
                action: 0,
            }),
            actions: Vec::new(),
            steps: Vec::new(),
            fds: Vec::new(),
            sandbox: command.sandbox.clone(),
            strings,
            opens: Vec::new(),
            limits: Vec::new(),
            signals: Box::new(sys::spawn_template_sigset {
                sigset: &NO_SIGNALS as *const u64 as u64,
                sigsetsize: 8,
            }),
            groups: Vec::new(),
            filter: None,
        };
        launch.signal_mask();
        launch.streams(command, stdin, &streams)?;
        launch.descriptors(command)?;
        launch.directory();
        launch.rlimits(command);
        launch.attributes(command)?;
        launch.finish()?;
        Ok(launch)
    }

    /// Launches, waits for exec, and hands over the child.
    pub fn spawn(mut self) -> io::Result<Child> {
        let mut pidfd: c_int = -1;
        self.args.pidfd = &mut pidfd as *mut c_int as u64;
        let size = std::mem::size_of_val(&self.args);
        // SAFETY: the size is the structure's, and all that it points to is owned
        let pid = unsafe { sys::spawn_template_spawn(self.template.tfd(), &self.args, size) };
        if pid < 0 {
            return Err(self.error(pid));
        }
        // SAFETY: the call has just opened it
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        Ok(Child::new(pid, pidfd, std::mem::take(&mut self.ends)))
    }

    /// The error of a call that was to launch. A call that refuses its arguments may not
    /// have filled in the failure.
    pub fn error(&self, ret: c_int) -> io::Error {
        if self.failure.error != -ret {
            return plain_error(&self.program, ret);
        }
        launch_error(&self.program, &self.failure, &self.steps)
    }

    /// The parent's ends of the pipes.
    #[cfg(feature = "tokio")]
    pub fn take_ends(&mut self) -> Ends {
        std::mem::take(&mut self.ends)
    }

    /// What must stay until the launch is over, and what makes its error.
    #[cfg(feature = "tokio")]
    pub fn into_needed(self) -> (Needed, Reason) {
        let needed = Needed {
            template: self.template,
            fds: self.fds,
            sandbox: self.sandbox,
        };
        let reason = Reason {
            program: self.program,
            steps: self.steps,
        };
        (needed, reason)
    }

    fn action(&mut self, step: &'static str, type_: u32, fd: RawFd, newfd: RawFd, arg: u64) {
        self.steps.push(step);
        self.actions.push(sys::spawn_template_action {
            type_,
            flags: 0,
            fd,
            newfd,
            arg,
        });
    }

    /// Programs start with no signal blocked, as the standard library has it.
    fn signal_mask(&mut self) {
        let arg = &*self.signals as *const _ as u64;
        self.action("signal mask", sys::SPAWN_TEMPLATE_ACTION_SIGMASK, 0, 0, arg);
    }

    fn streams(&mut self, command: &Command, stdin: Stdin, others: &Kind) -> io::Result<()> {
        for (i, stdio) in command.stdio.iter().enumerate() {
            let kind = match (stdio, stdin) {
                (Some(stdio), Stdin::Run) if matches!(stdio.0, Kind::Piped) => {
                    return Err(invalid("a run has no pipes of the caller's"));
                }
                (Some(stdio), Stdin::Run) if matches!(stdio.0, Kind::Inherit) => {
                    Kind::Fd(Arc::new(own_stream(i)?))
                }
                (Some(stdio), _) => stdio.0.clone(),
                (None, Stdin::Run) => continue,
                (None, Stdin::Null) if i == 0 => Kind::Null,
                (None, _) => others.clone(),
            };
            self.stream(i, kind)?;
        }
        Ok(())
    }

    fn stream(&mut self, i: usize, kind: Kind) -> io::Result<()> {
        let fd = match kind {
            Kind::Inherit => return Ok(()),
            Kind::Null => {
                self.open_null(i);
                return Ok(());
            }
            Kind::Piped => Arc::new(self.pipe(i)?),
            // 0, 1 and 2 become others in the child
            Kind::Fd(fd) if fd.as_raw_fd() <= 2 => Arc::new(duplicate(&*fd, 3)?),
            Kind::Fd(fd) => fd,
        };
        let number = fd.as_raw_fd();
        self.action(
            STREAMS[i],
            sys::SPAWN_TEMPLATE_ACTION_DUP2,
            number,
            i as RawFd,
            0,
        );
        self.fds.push(fd);
        Ok(())
    }

    fn pipe(&mut self, i: usize) -> io::Result<OwnedFd> {
        let (read, write) = pipe()?;
        match i {
            0 => {
                self.ends.stdin = Some(write.into());
                return Ok(read);
            }
            1 => self.ends.stdout = Some(read.into()),
            _ => self.ends.stderr = Some(read.into()),
        }
        Ok(write)
    }

    fn open_null(&mut self, i: usize) {
        let flags = if i == 0 {
            libc::O_RDONLY
        } else {
            libc::O_WRONLY
        };
        self.opens.push(Box::new(sys::spawn_template_open {
            path: DEV_NULL.as_ptr() as u64,
            how: sys::open_how {
                flags: flags as u64,
                mode: 0,
                resolve: 0,
            },
        }));
        let arg = &**self.opens.last().expect("just pushed") as *const _ as u64;
        let (type_, at) = (sys::SPAWN_TEMPLATE_ACTION_OPEN, libc::AT_FDCWD);
        self.action(STREAMS[i], type_, at, i as RawFd, arg);
    }

    /// A source that a step before it would overwrite is duplicated beside all targets.
    fn descriptors(&mut self, command: &Command) -> io::Result<()> {
        let mapped = &command.attributes.mapped;
        for (fd, to) in mapped {
            if *to < 0 {
                return Err(invalid("map_fd: a negative descriptor"));
            }
            let overwritten = fd.as_raw_fd() <= 2
                || mapped
                    .iter()
                    .any(|(_, other)| *other == fd.as_raw_fd() && other != to);
            let source = match overwritten {
                true => Arc::new(duplicate_beside(fd, mapped)?),
                false => fd.clone(),
            };
            let number = source.as_raw_fd();
            self.action("map_fd", sys::SPAWN_TEMPLATE_ACTION_DUP2, number, *to, 0);
            if *to > 2 {
                self.action("map_fd", sys::SPAWN_TEMPLATE_ACTION_KEEP, *to, 0, 0);
            }
            self.fds.push(source);
        }
        for fd in &command.attributes.kept {
            let number = fd.as_raw_fd();
            self.action("keep_fd", sys::SPAWN_TEMPLATE_ACTION_KEEP, number, 0, 0);
            self.fds.push(fd.clone());
        }
        Ok(())
    }

    fn directory(&mut self) {
        if let Some(dir) = &self.strings.cwd {
            let arg = dir.as_ptr() as u64;
            self.action("current_dir", sys::SPAWN_TEMPLATE_ACTION_CHDIR, 0, 0, arg);
        }
    }

    fn rlimits(&mut self, command: &Command) {
        for (resource, soft, hard) in &command.attributes.rlimits {
            self.limits.push(Box::new(libc::rlimit {
                rlim_cur: *soft as libc::rlim_t,
                rlim_max: *hard as libc::rlim_t,
            }));
            let arg = &**self.limits.last().expect("just pushed") as *const _ as u64;
            let number = resource.number();
            self.action("rlimit", sys::SPAWN_TEMPLATE_ACTION_RLIMIT, number, 0, arg);
        }
    }

    fn attributes(&mut self, command: &Command) -> io::Result<()> {
        let attributes = &command.attributes;
        attributes.fill(&mut self.args);
        if let Some(groups) = attributes.groups_to_set() {
            self.groups = groups.to_vec();
            self.args.flags |= sys::SPAWN_TEMPLATE_SPAWN_SETGROUPS;
            self.args.n_groups = self.groups.len() as u64;
            self.args.groups = match self.groups.len() {
                0 => 0,
                _ => self.groups.as_ptr() as u64,
            };
        }
        if let Some(fd) = &attributes.cgroup {
            self.args.flags |= sys::SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
            self.args.cgroup_fd = fd.as_raw_fd();
            self.fds.push(fd.clone());
        }
        if let Some(fd) = &attributes.landlock {
            self.args.flags |= sys::SPAWN_TEMPLATE_SPAWN_LANDLOCK;
            self.args.landlock_fd = fd.as_raw_fd();
            self.fds.push(fd.clone());
        }
        if let Some(filter) = &attributes.seccomp {
            let filter = filter.clone();
            let len = u16::try_from(filter.len()).map_err(|_| invalid("seccomp: too long"))?;
            let program = Box::new(SockFprog {
                len,
                filter: filter.as_ptr(),
            });
            self.args.flags |= sys::SPAWN_TEMPLATE_SPAWN_SECCOMP;
            self.args.seccomp = &*program as *const _ as u64;
            self.filter = Some((filter, program));
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.args.argv = self.strings.argv_pointers.as_ptr() as u64;
        self.args.envp = self.strings.envp_pointers.as_ptr() as u64;
        self.args.actions = self.actions.as_ptr() as u64;
        self.args.actions_len = self.actions.len() as u64;
        self.args.failure = &mut *self.failure as *mut _ as u64;
        self.args.failure_size = std::mem::size_of_val(&*self.failure) as u32;
        if let Some(sandbox) = &self.sandbox {
            let ret = sandbox.apply(&mut self.args);
            if ret < 0 {
                return Err(invalid("sandbox together with landlock or seccomp"));
            }
        }
        Ok(())
    }
}

/// Duplicates a descriptor to a number that is no target.
fn duplicate_beside(fd: &OwnedFd, mapped: &[(Arc<OwnedFd>, RawFd)]) -> io::Result<OwnedFd> {
    let mut copy = duplicate(fd, 3)?;
    while mapped.iter().any(|(_, to)| *to == copy.as_raw_fd()) {
        copy = duplicate(fd, copy.as_raw_fd() + 1)?;
    }
    Ok(copy)
}

/// The caller's own stream, under a number that the streams of a run do not take.
fn own_stream(i: usize) -> io::Result<OwnedFd> {
    duplicate(&(i as RawFd), 3)
}

/// What makes the error of a launch that a ring has made.
#[cfg(feature = "tokio")]
pub(crate) struct Reason {
    pub program: OsString,
    pub steps: Vec<&'static str>,
}

impl Strings {
    fn of(command: &Command) -> io::Result<Strings> {
        let (argv, envp) = (command.argv.clone(), command.env.strings()?);
        let pointers = |list: &[CString]| -> Vec<*const c_char> {
            list.iter().map(|s| s.as_ptr()).chain([null()]).collect()
        };
        Ok(Strings {
            argv_pointers: pointers(&argv),
            envp_pointers: pointers(&envp),
            _argv: argv,
            _envp: envp,
            cwd: command.cwd.clone(),
        })
    }
}

/// Finds the template of a command.
fn find(command: &Command, program: &OsStr) -> io::Result<Held> {
    let name = match &command.program {
        Program::Template(template) => return Ok(Held::Own(template.clone())),
        Program::Name(name) => name,
    };
    let path = c_string(&command.env.search_path())?;
    Held::cached(name, &path).map_err(|ret| plain_error(program, ret))
}
