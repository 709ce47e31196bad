// SPDX-License-Identifier: BSD-2-Clause
//! The task that takes completions.

use super::shared::Shared;
use std::os::unix::io::OwnedFd;
use std::sync::Weak;
use tokio::io::unix::AsyncFd;

/// The ring of a driver, which goes with its runtime.
pub(super) struct Driven(pub Weak<Shared>);

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.desert();
        }
    }
}

/// Takes completions for as long as the ring is there.
pub(super) async fn drive(fd: AsyncFd<OwnedFd>, ring: Driven) {
    while let Ok(mut guard) = fd.readable().await {
        // Before the completions are taken: what comes later is another event.
        guard.clear_ready();
        while match ring.0.upgrade() {
            Some(shared) => shared.drain(),
            None => return,
        } {
            tokio::task::yield_now().await;
        }
    }
}
