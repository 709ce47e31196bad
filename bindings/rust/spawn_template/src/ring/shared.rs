// SPDX-License-Identifier: BSD-2-Clause
//! The C ring, and the launches and runs in it.

use super::child::async_fd;
use super::driver::{drive, Driven};
use super::entry::{outcome_of, Cqe, Entry, Outcome, OWNER};
use super::started::Started;
use crate::child::{Child, Ends};
use crate::error::cvt;
use crate::launch::Launch;
use crate::result::{bytes, RunResult};
use spawn_template_sys as sys;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Completions that are taken until other tasks have a turn.
const TURN: usize = 64;
/// The time for which the end of a ring waits for its launches.
const LAUNCHES_MOST: Duration = Duration::from_secs(1);

/// What is queued, beside its launch.
pub(super) enum Work {
    Spawn,
    Run(Box<sys::spawn_template_run_args>),
}

/// The ring and what is in it.
#[derive(Debug)]
pub(super) struct Shared {
    ring: *mut sys::spawn_template_ring,
    room: Arc<Semaphore>,
    next: AtomicU64,
    entries: Mutex<HashMap<u64, Entry>>,
    driver: Mutex<Option<JoinHandle<()>>>,
}

// SAFETY: any thread may call the ring's functions; the rest is of safe types
unsafe impl Send for Shared {}
// SAFETY: as above
unsafe impl Sync for Shared {}

impl Shared {
    pub fn new(entries: u32) -> io::Result<Arc<Shared>> {
        let mut ring = null_mut();
        // SAFETY: no parameters
        cvt(unsafe { sys::spawn_template_ring_init(entries, null(), 0, &mut ring) })?;
        let shared = Arc::new(Shared {
            ring,
            room: Arc::new(Semaphore::new(entries as usize)),
            next: AtomicU64::new(1),
            entries: Mutex::new(HashMap::new()),
            driver: Mutex::new(None),
        });
        // SAFETY: the ring is there
        let fd = cvt(unsafe { sys::spawn_template_ring_fd(ring) })?;
        // SAFETY: the ring's descriptor is open. The copy outlives the ring, if the runtime
        // drops the task later, and so its number stays the task's.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
        let task = drive(async_fd(fd)?, Driven(Arc::downgrade(&shared)));
        *shared.driver.lock().unwrap() = Some(tokio::spawn(task));
        Ok(shared)
    }

    /// Waits for room in the ring.
    pub async fn room(&self) -> io::Result<OwnedSemaphorePermit> {
        let room = self.room.clone().acquire_owned().await;
        room.map_err(|_closed| deserted())
    }

    /// Nobody takes completions any more: what waits for one fails, and what comes.
    pub fn desert(&self) {
        self.room.close();
        let mut wakers = Vec::new();
        for entry in self.lock().values_mut() {
            wakers.extend(entry.desert(deserted()));
        }
        wakers.into_iter().for_each(wake);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Queues a launch or run, and starts it.
    pub fn queue(
        &self,
        work: Work,
        launch: Launch,
        fds: Vec<Arc<OwnedFd>>,
        room: OwnedSemaphorePermit,
        streams: bool,
    ) -> io::Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let (tfd, ring) = (launch.template.tfd(), self.ring);
        // The completion may come before the call returns: the lock keeps it waiting.
        let mut entries = self.lock();
        if self.room.is_closed() {
            return Err(deserted());
        }
        // SAFETY: the sizes are the structures', and all that they point to is owned
        let ret = unsafe {
            match &work {
                Work::Spawn => {
                    let size = std::mem::size_of_val(&launch.args);
                    sys::spawn_template_ring_spawn(ring, tfd, &launch.args, size, id)
                }
                Work::Run(args) => {
                    let size = std::mem::size_of_val(&**args);
                    sys::spawn_template_ring_run(ring, tfd, &**args, size, id)
                }
            }
        };
        if ret < 0 {
            return Err(launch.error(ret));
        }
        let (needed, reason) = launch.into_needed();
        let entry = Entry {
            is_launch: matches!(work, Work::Spawn),
            needed: Some((needed, room)),
            fds,
            reason,
            outcome: None,
            started: None,
            so_far: None,
            waker: None,
            writer: None,
            streams: Default::default(),
            holders: OWNER | if streams { 3 } else { 0 },
        };
        entries.insert(id, entry);
        drop(entries);
        // SAFETY: the ring is there
        match cvt(unsafe { sys::spawn_template_ring_submit(ring) }) {
            Ok(_) => Ok(id),
            Err(error) => {
                // no stream will be handed out
                self.let_go(id, !OWNER);
                self.abandon(id);
                Err(error)
            }
        }
    }

    /// Waits for the outcome of a launch; dropped before, the child is killed.
    pub async fn launched(self: &Arc<Shared>, id: u64) -> io::Result<(c_int, OwnedFd)> {
        let owner = Owner(self.clone(), id);
        match owner.0.outcome(id).await? {
            Outcome::Launched(pid, pidfd) => Ok((pid, pidfd)),
            Outcome::Ran(_) => unreachable!("a launch has no result"),
        }
    }

    /// Waits for the outcome, which is taken once.
    pub fn outcome(&self, id: u64) -> impl Future<Output = io::Result<Outcome>> + '_ {
        let take = |entry: &mut Entry| entry.outcome.take();
        Until(self, id, take)
    }

    /// Waits for the outcome, or for the first deadline of a run that goes on then.
    pub fn outcome_or_so_far(
        &self,
        id: u64,
    ) -> impl Future<Output = Result<io::Result<Outcome>, RunResult>> + '_ {
        let take = |entry: &mut Entry| match (entry.so_far.take(), entry.outcome.take()) {
            (_, Some(outcome)) => Some(Ok(outcome)),
            (so_far, None) => so_far.map(Err),
        };
        Until(self, id, take)
    }

    /// Waits until the program of a run has begun, or the run is over, and will not tell.
    pub fn started(&self, id: u64) -> impl Future<Output = Option<Started>> + '_ {
        let take = |entry: &mut Entry| match entry.started.take() {
            None if entry.outcome.is_none() => None,
            started => Some(started),
        };
        Until(self, id, take)
    }

    /// Takes what an owner waits for.
    fn poll_until<T>(
        &self,
        id: u64,
        take: fn(&mut Entry) -> Option<T>,
        context: &mut Context<'_>,
    ) -> Poll<T> {
        let mut entries = self.lock();
        let entry = entries.get_mut(&id).expect("the entry of an owner");
        match take(entry) {
            Some(taken) => Poll::Ready(taken),
            None => {
                let old = entry.waker.replace(context.waker().clone());
                drop(entries);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// The owner is gone: ends the tree, or the child, if the launch or run is not over.
    pub fn abandon(&self, id: u64) {
        if self.let_go(id, OWNER) {
            // SAFETY: the ring is there
            unsafe { sys::spawn_template_ring_cancel(self.ring, id) };
        }
    }

    /// A holder is gone. Return: whether the launch or run is not over.
    fn let_go(&self, id: u64, holder: u32) -> bool {
        let mut entries = self.lock();
        let entry = match entries.get_mut(&id) {
            Some(entry) => entry,
            None => return false,
        };
        entry.holders &= !holder;
        if entry.needed.is_some() {
            return true;
        }
        if entry.holders == 0 {
            let entry = entries.remove(&id).expect("the entry");
            drop(entries);
            self.give_back(entry);
        }
        false
    }

    /// Reads from a stream: nothing at its end.
    pub fn poll_read(
        &self,
        id: u64,
        stream: usize,
        context: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut entries = self.lock();
        let entry = match entries.get_mut(&id) {
            Some(entry) => entry,
            None => return Poll::Ready(Ok(())),
        };
        let over = entry.needed.is_none();
        let channel = &mut entry.streams[stream];
        let (cqe, at) = match channel.parts.front_mut() {
            Some(part) => part,
            None if over => return Poll::Ready(Ok(())),
            None if self.room.is_closed() => return Poll::Ready(Err(deserted())),
            None => {
                let old = channel.waker.replace(context.waker().clone());
                drop(entries);
                drop(old);
                return Poll::Pending;
            }
        };
        // SAFETY: the part is the ring's until seen
        let data = unsafe { bytes((**cqe).data, (**cqe).data_len as usize) };
        let len = buf.remaining().min(data.len() - *at);
        buf.put_slice(&data[*at..*at + len]);
        *at += len;
        if *at == data.len() {
            let (cqe, _) = channel.parts.pop_front().expect("the part that was read");
            drop(entries);
            self.seen(cqe);
        }
        Poll::Ready(Ok(()))
    }

    /// Nobody reads a stream any more: its output is dropped as it comes.
    pub fn close_stream(&self, id: u64, stream: usize) {
        let parts = match self.lock().get_mut(&id) {
            Some(entry) => {
                entry.streams[stream].closed = true;
                std::mem::take(&mut entry.streams[stream].parts)
            }
            None => return,
        };
        parts.into_iter().for_each(|(cqe, _)| self.seen(cqe));
        self.let_go(id, 1 << stream);
    }

    /// Writes to the stdin of a run: the number of bytes, or -errno.
    pub fn poll_write(&self, id: u64, context: &mut Context<'_>, buf: &[u8]) -> Poll<c_int> {
        // SAFETY: the length is the slice's
        let write = || unsafe {
            sys::spawn_template_ring_write(self.ring, id, buf.as_ptr().cast(), buf.len())
        };
        let full = -libc::EAGAIN;
        let written = write();
        if written != full {
            return Poll::Ready(written);
        }
        self.await_room(id, Some(context.waker().clone()));
        // The ring may have told of room before the waker was there. If it is full again,
        // it tells once more.
        match write() {
            written if written == full && self.room.is_closed() => Poll::Ready(-libc::EPIPE),
            written if written == full => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    /// Replaces who is woken when a stdin has room, or has no reader.
    fn await_room(&self, id: u64, waker: Option<Waker>) {
        let mut entries = self.lock();
        // a run that is over has no stdin
        if let Some(entry) = entries.get_mut(&id) {
            let old = std::mem::replace(&mut entry.writer, waker);
            drop(entries);
            drop(old);
        }
    }

    pub fn close_input(&self, id: u64) {
        // SAFETY: the ring is there; a run that is over has no stdin
        unsafe { sys::spawn_template_ring_close_input(self.ring, id) };
        self.await_room(id, None);
    }

    pub fn winsize(&self, id: u64, rows: u16, columns: u16) -> io::Result<()> {
        let size = sys::SPAWN_TEMPLATE_WINSIZE(rows, columns);
        // SAFETY: the ring is there
        cvt(unsafe { sys::spawn_template_ring_winsize(self.ring, id, size) }).map(|_| ())
    }

    fn seen(&self, cqe: Cqe) {
        // SAFETY: the completion was taken, and is given back once
        unsafe { sys::spawn_template_ring_seen(self.ring, cqe) };
    }

    /// Frees what nobody has taken.
    fn give_back(&self, mut entry: Entry) {
        self.give_back_parts(&mut entry);
        if let Some(Ok(Outcome::Launched(pid, pidfd))) = entry.outcome {
            let mut child = Child::new(pid, pidfd, Ends::default());
            let _ = child.kill();
            // The end of a killed process may take a while.
            let child = Arc::new(Mutex::new(child));
            let shared = child.clone();
            let thread = std::thread::Builder::new().spawn(move || reap(&shared));
            if thread.is_err() {
                reap(&child);
            }
        }
    }

    fn give_back_parts(&self, entry: &mut Entry) {
        for channel in &mut entry.streams {
            let parts = std::mem::take(&mut channel.parts);
            parts.into_iter().for_each(|(cqe, _)| self.seen(cqe));
        }
    }

    /// Takes completions. Return: whether there may be more.
    pub fn drain(&self) -> bool {
        let mut cqe: Cqe = null_mut();
        for _ in 0..TURN {
            // SAFETY: the ring is there
            if unsafe { sys::spawn_template_ring_wait(self.ring, &mut cqe, 0) } != 0 {
                return false;
            }
            self.complete(cqe);
        }
        true
    }

    /// Takes the completions of launches that nobody awaits any more, which have been
    /// cancelled: the child of one that was over before is killed and reaped.
    fn drain_launches(&self) {
        let until = Instant::now() + LAUNCHES_MOST;
        let left = || {
            let entries = self.lock();
            let mut all = entries.values();
            all.any(|entry| entry.is_launch && entry.needed.is_some())
        };
        let mut cqe: Cqe = null_mut();
        while left() && Instant::now() < until {
            // SAFETY: the ring is there
            match -unsafe { sys::spawn_template_ring_wait(self.ring, &mut cqe, 10) } {
                0 => self.complete(cqe),
                libc::ETIME | libc::EINTR => {}
                _ => return,
            }
        }
    }

    fn complete(&self, cqe: Cqe) {
        // SAFETY: the completion was taken, and nobody else has it
        let (id, kind) = unsafe { ((*cqe).user_data, (*cqe).kind) };
        let mut entries = self.lock();
        let entry = match entries.get_mut(&id) {
            Some(entry) => entry,
            None => return self.seen(cqe),
        };
        let stream = match kind {
            sys::SPAWN_TEMPLATE_CQE_OUT => 0,
            sys::SPAWN_TEMPLATE_CQE_ERR => 1,
            sys::SPAWN_TEMPLATE_CQE_STARTED | sys::SPAWN_TEMPLATE_CQE_DETACHED => {
                // SAFETY: the library has filled in the pidfd, or the result
                unsafe { entry.goes_on(&mut *cqe) };
                let waker = entry.waker.take();
                drop(entries);
                self.seen(cqe);
                return wake(waker);
            }
            sys::SPAWN_TEMPLATE_CQE_ROOM => {
                let waker = entry.writer.take();
                drop(entries);
                self.seen(cqe);
                return wake(waker);
            }
            _ => {
                // SAFETY: as above
                let outcome = unsafe { outcome_of(&mut *cqe, &entry.reason) };
                let (needed, wakers) = entry.end(outcome);
                drop(entries);
                self.seen(cqe);
                drop(needed);
                wakers.into_iter().for_each(wake);
                // nobody may be left
                self.let_go(id, 0);
                return;
            }
        };
        let channel = &mut entry.streams[stream];
        if channel.closed {
            drop(entries);
            return self.seen(cqe);
        }
        channel.parts.push_back((cqe, 0));
        let waker = channel.waker.take();
        drop(entries);
        wake(waker);
    }
}

/// Waits until an entry has what this takes of it.
struct Until<'a, T>(&'a Shared, u64, fn(&mut Entry) -> Option<T>);

impl<T> Future for Until<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.0.poll_until(self.1, self.2, context)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(driver) = self
            .driver
            .get_mut()
            .unwrap_or_else(|e| e.into_inner())
            .take()
        {
            driver.abort();
        }
        self.drain_launches();
        let mut entries = std::mem::take(&mut *self.lock());
        for entry in entries.values_mut() {
            self.give_back_parts(entry);
        }
        // SAFETY: nobody else uses it
        unsafe { sys::spawn_template_ring_exit(self.ring) };
        // What its launches need is closed behind it.
        drop(entries);
    }
}

/// Waits for the end of a child that was killed.
fn reap(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(|e| e.into_inner());
    let _ = child.wait();
}

/// Wakes a task. It may run now, or end, and so the caller holds no lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Abandons what is in the ring when it is dropped.
pub(super) struct Owner(pub Arc<Shared>, pub u64);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.abandon(self.1);
    }
}

/// The error of what needs a runtime that is not there any more.
fn deserted() -> io::Error {
    io::Error::new(
        io::ErrorKind::Other,
        "the runtime in which the ring was made has ended",
    )
}
