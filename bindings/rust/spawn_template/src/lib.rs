// SPDX-License-Identifier: BSD-2-Clause
//! Start the same executables many times, fast and safely, on Linux.
//!
//! [`Command`] has the names of [`std::process::Command`], and methods for what needs
//! `pre_exec` there. So the standard library's fork, which copies the page tables of the
//! whole parent, is not needed: a launch costs the same however large the parent is.
//! [`Command::run`] runs a program to its end, with limits of time and output for its
//! whole tree. A [`Template`] stands for one executable, which was examined once; each
//! launch checks that it is still the same file. With the feature `tokio`,
//! `ring::Ring` makes launches and runs without blocking the runtime.
//!
//! ```
//! use spawn_template::{Command, Stdio};
//! use std::io::Write;
//!
//! let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
//! child.stdin.take().unwrap().write_all(b"text")?;
//! assert_eq!(child.wait_with_output()?.stdout, b"text");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The C library spawn_template does the work; its guide and manual pages say more.
#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod attributes;
mod child;
mod command;
mod env;
mod error;
mod launch;
mod result;
#[cfg(feature = "tokio")]
pub mod ring;
mod run;
mod sandbox;
mod stat;
mod stdio;
mod template;

/// The programs of the guide, which no package has.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/rust.md")]
struct Guide;

pub use attributes::{Resource, SockFilter};
pub use child::Child;
pub use command::Command;
pub use error::{LaunchError, Stage};
pub use result::{Captured, RunResult, Usage};
pub use run::{RunOptions, Stream};
pub use sandbox::{Sandbox, SandboxOptions};
pub use stat::Stat;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout, Stdio};
pub use template::{Template, TemplateOptions, Warm};
