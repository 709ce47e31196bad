// SPDX-License-Identifier: BSD-2-Clause
//! The program of a run under way.

use crate::child::send_signal;
use spawn_template_sys as sys;
use std::io;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The program of a run that has passed exec: [`Running::started`](super::Running::started).
#[derive(Debug)]
pub struct Started {
    pid: i32,
    pidfd: Option<OwnedFd>,
}

impl Started {
    /// # Safety
    /// The completion was taken, and is not seen yet.
    pub(super) unsafe fn of(cqe: &sys::spawn_template_cqe) -> Started {
        // The ring closes its own.
        let copy = |fd| {
            // SAFETY: the ring has opened it, and closes it behind this
            let pidfd = unsafe { BorrowedFd::borrow_raw(fd) };
            pidfd.try_clone_to_owned().ok()
        };
        Started {
            pid: cqe.pid,
            pidfd: (cqe.pidfd >= 0).then(|| copy(cqe.pidfd)).flatten(),
        }
    }

    /// The process id, which the kernel may give to others when the run is over.
    pub fn id(&self) -> u32 {
        self.pid as u32
    }

    /// The pidfd, if a descriptor was free. It has close-on-exec.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Sends a signal to the program, and to no other process of its tree. If it has ended,
    /// nothing happens. Without a pidfd it is an error.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        match &self.pidfd {
            Some(pidfd) => send_signal(self.pid, pidfd.as_raw_fd(), signal, 0),
            None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        }
    }
}
