// SPDX-License-Identifier: BSD-2-Clause
//! One launch or run in a ring: what it needs, what came of it, and who has a part of it.

use super::started::Started;
use crate::error::{launch_error, plain_error};
use crate::launch::{Needed, Reason};
use crate::result::RunResult;
use spawn_template_sys as sys;
use std::collections::VecDeque;
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{FromRawFd, OwnedFd};
use std::sync::Arc;
use std::task::Waker;
use tokio::sync::OwnedSemaphorePermit;

pub(super) type Cqe = *mut sys::spawn_template_cqe;

/// How a launch or run ended.
pub(super) enum Outcome {
    Launched(c_int, OwnedFd),
    Ran(RunResult),
}

/// The needs of a launch, and its room in the ring.
pub(super) type Room = (Needed, OwnedSemaphorePermit);

/// One launch or run, from queueing until its owner has taken the outcome.
pub(super) struct Entry {
    /// Its child is the caller's, which the end of the ring does not end.
    pub is_launch: bool,
    /// There until the completion, and with it the room.
    pub needed: Option<Room>,
    pub fds: Vec<Arc<OwnedFd>>,
    pub reason: Reason,
    pub outcome: Option<io::Result<Outcome>>,
    /// The program of a run that tells when it has begun.
    pub started: Option<Started>,
    /// The result so far of a run that went on at its deadline.
    pub so_far: Option<RunResult>,
    pub waker: Option<Waker>,
    /// Waits for room in stdin.
    pub writer: Option<Waker>,
    /// Output that was not read yet: stdout, stderr.
    pub streams: [Channel; 2],
    /// The holders of a part of it: OWNER, and a bit for each stream.
    pub holders: u32,
}

pub(super) const OWNER: u32 = 1 << 2;

/// The output of one stream. Each part belongs to the ring until `seen`, and counts
/// towards its bound, so that a program whose output nobody reads blocks.
#[derive(Default)]
pub(super) struct Channel {
    pub parts: VecDeque<(Cqe, usize)>,
    pub waker: Option<Waker>,
    /// Nobody reads it.
    pub closed: bool,
}

// SAFETY: the ring's completions are for any thread
unsafe impl Send for Channel {}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry")
    }
}

impl Entry {
    /// Return: what is to be dropped, and who is to be woken, when the completion was
    /// given back.
    pub fn end(&mut self, outcome: io::Result<Outcome>) -> (Option<Room>, [Option<Waker>; 4]) {
        self.outcome = Some(outcome);
        self.fds.clear();
        (self.needed.take(), self.wakers())
    }

    /// Takes what a run tells that goes on.
    ///
    /// # Safety
    /// The completion was taken, is not seen yet, and is of such a kind.
    pub unsafe fn goes_on(&mut self, cqe: &mut sys::spawn_template_cqe) {
        // SAFETY: as above
        unsafe {
            match cqe.kind {
                sys::SPAWN_TEMPLATE_CQE_STARTED => self.started = Some(Started::of(cqe)),
                _ => self.so_far = Some(RunResult::take(&mut *cqe.result)),
            }
        }
    }

    /// Fails, if it is not over, which it never will be: what it needs stays. Return: who
    /// is to be woken.
    pub fn desert(&mut self, error: io::Error) -> [Option<Waker>; 4] {
        if self.needed.is_some() {
            self.outcome = Some(Err(error));
        }
        self.wakers()
    }

    fn wakers(&mut self) -> [Option<Waker>; 4] {
        let [out, err] = &mut self.streams;
        [
            self.waker.take(),
            self.writer.take(),
            out.waker.take(),
            err.waker.take(),
        ]
    }
}

/// # Safety
/// The completion was taken, and is not seen yet.
pub(super) unsafe fn outcome_of(
    cqe: &mut sys::spawn_template_cqe,
    reason: &Reason,
) -> io::Result<Outcome> {
    if cqe.res < 0 {
        let failure = sys::spawn_template_failure {
            error: -cqe.res,
            stage: sys::SPAWN_TEMPLATE_CQE_STAGE(cqe.flags),
            action: sys::SPAWN_TEMPLATE_CQE_ACTION(cqe.flags),
        };
        return Err(match cqe.result.is_null() {
            true => launch_error(&reason.program, &failure, &reason.steps),
            false => plain_error(&reason.program, cqe.res),
        });
    }
    if cqe.result.is_null() {
        // SAFETY: the pidfd of a launch is the caller's
        return Ok(Outcome::Launched(cqe.pid, unsafe {
            OwnedFd::from_raw_fd(cqe.pidfd)
        }));
    }
    // SAFETY: the library has filled in the result
    Ok(Outcome::Ran(unsafe { RunResult::take(&mut *cqe.result) }))
}
