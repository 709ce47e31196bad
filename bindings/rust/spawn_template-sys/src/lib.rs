// SPDX-License-Identifier: BSD-2-Clause
//! The declarations of `spawn_template.h`, under their C names.
//!
//! The header and the manual pages of the C library describe every function. The crate
//! `spawn_template` is the safe interface. Structures that a call reads implement
//! [`Default`] with the values of the header's initialisers, so that no field names
//! descriptor 0, user 0 or group 0 by accident.
//!
//! ```
//! use spawn_template_sys as sys;
//! use std::ptr::null;
//!
//! let name = b"true\0".as_ptr().cast();
//! let flags = sys::SPAWN_TEMPLATE_CREATE_CLOEXEC;
//! let tfd = unsafe { sys::spawn_template_search(name, null(), flags) };
//! assert!(tfd >= 0);
//! assert_eq!(unsafe { sys::spawn_template_close(tfd) }, 0);
//! ```
#![allow(non_camel_case_types)]

#[rustfmt::skip]
mod bindings;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod prototypes;

pub use bindings::*;

/// The size of a terminal, as `RUN_PTY` and `spawn_template_ring_winsize()` take it.
#[allow(non_snake_case)]
pub const fn SPAWN_TEMPLATE_WINSIZE(rows: u16, columns: u16) -> u32 {
    (rows as u32) << 16 | columns as u32
}

/// The stage in the flags of a completion.
#[allow(non_snake_case)]
pub const fn SPAWN_TEMPLATE_CQE_STAGE(flags: u32) -> u32 {
    flags & 0xff
}

/// The action in the flags of a completion.
#[allow(non_snake_case)]
pub const fn SPAWN_TEMPLATE_CQE_ACTION(flags: u32) -> u32 {
    flags >> 8
}
