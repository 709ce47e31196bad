// SPDX-License-Identifier: BSD-2-Clause
//! Attributes of a child, for which the standard library needs `pre_exec`.

use spawn_template_sys as sys;
use std::os::unix::io::{OwnedFd, RawFd};
use std::sync::Arc;

/// A resource that `setrlimit(2)` limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// `RLIMIT_AS`, bytes of address space.
    AddressSpace,
    /// `RLIMIT_CORE`, bytes.
    Core,
    /// `RLIMIT_CPU`, seconds.
    Cpu,
    /// `RLIMIT_DATA`, bytes.
    Data,
    /// `RLIMIT_FSIZE`, bytes.
    FileSize,
    /// `RLIMIT_MEMLOCK`, bytes.
    MemLock,
    /// `RLIMIT_MSGQUEUE`, bytes.
    MsgQueue,
    /// `RLIMIT_NICE`.
    Nice,
    /// `RLIMIT_NOFILE`, one more than the highest descriptor.
    NoFile,
    /// `RLIMIT_NPROC`, processes of the user.
    NProc,
    /// `RLIMIT_RTPRIO`.
    RtPrio,
    /// `RLIMIT_RTTIME`, microseconds.
    RtTime,
    /// `RLIMIT_SIGPENDING`, signals.
    SigPending,
    /// `RLIMIT_STACK`, bytes.
    Stack,
}

impl Resource {
    /// No limit, for either value of [`Command::rlimit`](crate::Command::rlimit).
    pub const UNLIMITED: u64 = u64::MAX;

    pub(crate) fn number(self) -> i32 {
        let number = match self {
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::Core => libc::RLIMIT_CORE,
            Resource::Cpu => libc::RLIMIT_CPU,
            Resource::Data => libc::RLIMIT_DATA,
            Resource::FileSize => libc::RLIMIT_FSIZE,
            Resource::MemLock => libc::RLIMIT_MEMLOCK,
            Resource::MsgQueue => libc::RLIMIT_MSGQUEUE,
            Resource::Nice => libc::RLIMIT_NICE,
            Resource::NoFile => libc::RLIMIT_NOFILE,
            Resource::NProc => libc::RLIMIT_NPROC,
            Resource::RtPrio => libc::RLIMIT_RTPRIO,
            Resource::RtTime => libc::RLIMIT_RTTIME,
            Resource::SigPending => libc::RLIMIT_SIGPENDING,
            Resource::Stack => libc::RLIMIT_STACK,
        };
        number as i32 // its type differs between libcs
    }
}

/// One instruction of a seccomp filter: `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockFilter {
    /// The operation.
    pub code: u16,
    /// Instructions to skip if a comparison holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// All that the structure of a launch has beside strings, actions and streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    flags: u64,
    pgroup: i32,
    umask: u32,
    nice: i32,
    uid: u32,
    gid: u32,
    pub groups: Option<Vec<u32>>,
    pub rlimits: Vec<(Resource, u64, u64)>,
    pub cgroup: Option<Arc<OwnedFd>>,
    pub landlock: Option<Arc<OwnedFd>>,
    pub seccomp: Option<Vec<SockFilter>>,
    pub kept: Vec<Arc<OwnedFd>>,
    pub mapped: Vec<(Arc<OwnedFd>, RawFd)>,
}

impl Attributes {
    fn flag(&mut self, flag: u64, on: bool) {
        self.flags = if on {
            self.flags | flag
        } else {
            self.flags & !flag
        };
    }

    pub fn process_group(&mut self, pgroup: i32) {
        self.pgroup = pgroup;
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_SETPGROUP, true);
    }

    pub fn setsid(&mut self, on: bool) {
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_SETSID, on);
    }

    pub fn die_with_parent(&mut self, on: bool) {
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT, on);
    }

    pub fn no_new_privs(&mut self, on: bool) {
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS, on);
    }

    pub fn inherit_fds(&mut self, on: bool) {
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_INHERIT_FDS, on);
    }

    pub fn umask(&mut self, umask: u32) {
        self.umask = umask;
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_UMASK, true);
    }

    pub fn nice(&mut self, nice: i32) {
        self.nice = nice;
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_NICE, true);
    }

    pub fn uid(&mut self, uid: u32) {
        self.uid = uid;
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_SETUID, true);
    }

    pub fn gid(&mut self, gid: u32) {
        self.gid = gid;
        self.flag(sys::SPAWN_TEMPLATE_SPAWN_SETGID, true);
    }

    /// The groups to set: none at all if root becomes another user.
    pub fn groups_to_set(&self) -> Option<&[u32]> {
        let drops = self.flags & sys::SPAWN_TEMPLATE_SPAWN_SETUID != 0
            // SAFETY: it cannot fail
            && unsafe { libc::getuid() } == 0;
        match &self.groups {
            Some(groups) => Some(groups),
            None if drops => Some(&[]),
            None => None,
        }
    }

    /// Fills in the fields that are numbers.
    pub fn fill(&self, args: &mut sys::spawn_template_spawn_args) {
        args.flags |= self.flags;
        args.pgroup = self.pgroup;
        args.umask = self.umask;
        args.nice = self.nice;
        if self.flags & sys::SPAWN_TEMPLATE_SPAWN_SETUID != 0 {
            args.uid = self.uid;
        }
        if self.flags & sys::SPAWN_TEMPLATE_SPAWN_SETGID != 0 {
            args.gid = self.gid;
        }
    }
}
