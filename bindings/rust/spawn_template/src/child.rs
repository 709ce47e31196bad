// SPDX-License-Identifier: BSD-2-Clause
//! A child that was launched: its pidfd, its pipes, its status.

use crate::error::{cvt, cvt_libc};
use crate::stdio::{read_both, ChildStderr, ChildStdin, ChildStdout};
use spawn_template_sys as sys;
use std::io::{self, Read};
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

/// A child process. As with the standard library's, dropping it neither ends nor reaps it.
#[derive(Debug)]
pub struct Child {
    pid: i32,
    pidfd: OwnedFd,
    status: Option<ExitStatus>,
    /// The parent's end of stdin, with [`Stdio::piped`](crate::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// The parent's end of stdout.
    pub stdout: Option<ChildStdout>,
    /// The parent's end of stderr.
    pub stderr: Option<ChildStderr>,
}

/// The parent's ends of the pipes.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl Child {
    pub(crate) fn new(pid: i32, pidfd: OwnedFd, ends: Ends) -> Child {
        Child {
            pid,
            pidfd,
            status: None,
            stdin: ends.stdin,
            stdout: ends.stdout,
            stderr: ends.stderr,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.pid as u32
    }

    /// The pidfd, which is readable once the child has ended. It has close-on-exec.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Ends the child by SIGKILL. If it is reaped already, nothing happens.
    pub fn kill(&mut self) -> io::Result<()> {
        self.signal(libc::SIGKILL)
    }

    /// Sends a signal to the child. If it is reaped already, nothing happens.
    pub fn signal(&mut self, signal: i32) -> io::Result<()> {
        self.send(signal, 0)
    }

    /// Sends a signal to the child, its process group and session if it leads them, and
    /// to all descendants that /proc shows.
    pub fn signal_tree(&mut self, signal: i32) -> io::Result<()> {
        self.send(signal, sys::SPAWN_TEMPLATE_KILL_TREE)
    }

    fn send(&mut self, signal: i32, flags: u32) -> io::Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        send_signal(self.pid, self.pidfd.as_raw_fd(), signal, flags)
    }

    /// Closes stdin, waits until the child has ended, and reaps it.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        loop {
            if let Some(status) = self.reap(0)? {
                return Ok(status);
            }
        }
    }

    /// The status if the child has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.reap(libc::WNOHANG)
    }

    /// Closes stdin, reads stdout and stderr to their ends, and waits.
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = match (self.stdout.take(), self.stderr.take()) {
            (Some(out), Some(err)) => read_both(out, err)?,
            (out, err) => (read_all(out)?, read_all(err)?),
        };
        let status = self.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    fn reap(&mut self, flags: c_int) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = wait_pidfd(self.pidfd.as_raw_fd(), flags)?;
        }
        Ok(self.status)
    }
}

fn read_all(end: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut buf = Vec::new();
    if let Some(mut end) = end {
        end.read_to_end(&mut buf)?;
    }
    Ok(buf)
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd()
    }
}

/// Sends a signal to the process of a pidfd. With KILL_TREE it is a child that is not reaped.
pub(crate) fn send_signal(pid: i32, pidfd: RawFd, signal: i32, flags: u32) -> io::Result<()> {
    let child = sys::spawn_template_child {
        pid,
        pidfd,
        size: std::mem::size_of::<sys::spawn_template_child>() as u32,
        ..Default::default()
    };
    // SAFETY: the structure has its size
    match cvt(unsafe { sys::spawn_template_kill(&child, signal, flags) }) {
        // a zombie is a child that has ended, for which std reports success, too
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Reaps the child of a pidfd. With WNOHANG the status may not be there yet.
fn wait_pidfd(pidfd: RawFd, flags: c_int) -> io::Result<Option<ExitStatus>> {
    loop {
        // SAFETY: the kernel fills it in
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let id = pidfd as libc::id_t;
        // A child that SIGKILL has ended during exec needs __WALL.
        let options = libc::WEXITED | libc::__WALL | flags;
        // SAFETY: as above
        let ret = unsafe { libc::waitid(libc::P_PIDFD, id, &mut info, options) };
        match cvt_libc(ret) {
            Ok(_) => return Ok(status_of(&info)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn status_of(info: &libc::siginfo_t) -> Option<ExitStatus> {
    // SAFETY: the fields of a child's end
    let (pid, value) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return None;
    }
    Some(ExitStatus::from_raw(match info.si_code {
        libc::CLD_EXITED => value << 8,
        libc::CLD_DUMPED => value | 0x80,
        _ => value,
    }))
}
