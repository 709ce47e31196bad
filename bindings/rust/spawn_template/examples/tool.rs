// SPDX-License-Identifier: BSD-2-Clause
//! A command of an agent's: a directory it may write, no network, limits of time and output,
//! and an answer for the model, however the command ends.
//!
//! cargo run --example tool -- 'ls | head; echo done'

use spawn_template::{Command, RunOptions, RunResult, Sandbox, Template};
use std::time::Duration;
use std::{env, io};

fn main() -> io::Result<()> {
    let text = env::args().nth(1).unwrap_or_else(|| "echo hello".into());
    let shell = Template::new("sh")?;
    let sandbox = Sandbox::options()
        .read_only("/")
        .writable(env::temp_dir())
        .no_net(true)
        .best_effort(true)
        .build()?;
    let result = run(&mut shell.command(), &sandbox, &text)?;
    println!("{}", answer(&result));
    Ok(())
}

fn run(command: &mut Command, sandbox: &Sandbox, text: &str) -> io::Result<RunResult> {
    let options = RunOptions::new()
        .timeout(Duration::from_secs(30))
        .grace(Duration::from_secs(1))
        .max_output(64 << 10)
        .tail_output(32 << 10)
        .merge_stderr(true);
    command
        .args(["-c", text])
        .current_dir(env::temp_dir())
        .sandbox(sandbox)
        .run(&options)
}

fn answer(result: &RunResult) -> String {
    let how = match (result.timed_out(), result.code(), result.signal()) {
        (true, _, _) => "time is up".into(),
        (_, Some(code), _) => format!("exit code {code}"),
        (_, _, signal) => format!("signal {}", signal.unwrap_or(0)),
    };
    let text = result.stdout.to_string_lossy();
    match result.stdout_truncated() {
        true => format!("{text}\n[{how}; {} bytes in all]", result.stdout_total()),
        false => format!("{text}\n[{how}]"),
    }
}
