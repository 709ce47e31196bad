// SPDX-License-Identifier: BSD-2-Clause
//! Many runs under tokio, 16 at a time.
//!
//! cargo run --features tokio --example many -- 1000 true

use spawn_template::{ring::Ring, Command, RunOptions};
use std::time::{Duration, Instant};
use std::{env, io};

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let runs: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(200);
    let program = args.next().unwrap_or_else(|| "true".into());
    let rest: Vec<String> = args.collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;

    runtime.block_on(async {
        let ring = Ring::new(16)?;
        let options = RunOptions::new().timeout(Duration::from_secs(60));
        let start = Instant::now();
        let tasks: Vec<_> = (0..runs)
            .map(|_| tokio::spawn(ring.run(Command::new(&program).args(&rest), &options)))
            .collect();
        let mut failed = 0;
        for task in tasks {
            failed += usize::from(!task.await.expect("a task")?.success());
        }
        println!("{runs} runs in {:?}, {failed} failed", start.elapsed());
        Ok(())
    })
}
