// SPDX-License-Identifier: BSD-2-Clause
//! `bindings/tests/behaviour.json`: what runs do in all languages. A field that this does
//! not know fails.

use serde_json::{Map, Value};
use spawn_template::{Command, LaunchError, RunOptions, RunResult};
use std::collections::BTreeSet;
use std::time::Duration;
use std::{fs, io, path::Path};

/// Makes each run of the table by `run`, and compares.
pub fn each_case(mut run: impl FnMut(&mut Command, &RunOptions) -> io::Result<RunResult>) {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/behaviour.json");
    let text = fs::read_to_string(table).expect("the table");
    let table: Value = serde_json::from_str(&text).expect("the table's JSON");
    let cases = table["cases"].as_array().expect("cases");
    assert!(cases.len() > 20);
    for case in cases {
        let case = case.as_object().expect("a case");
        let name = case["name"].as_str().expect("a name");
        let (mut command, options) = launch_of(case);
        let result = run(&mut command, &options);
        let expect = case["expect"].as_object().expect("expectations");
        if let Err(why) = compare(expect, result) {
            panic!("{name}: {why}");
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn ms(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().expect("milliseconds"))
}

fn launch_of(case: &Map<String, Value>) -> (Command, RunOptions) {
    let argv: Vec<&str> = case["argv"].as_array().unwrap().iter().map(text).collect();
    let mut command = Command::new(case.get("program").map_or(argv[0], text));
    command.arg0(argv[0]).args(&argv[1..]);
    let mut options = RunOptions::new();
    for (field, value) in case {
        match &**field {
            "name" | "argv" | "program" | "input_times" | "expect" => {}
            "input" => {
                let times = case.get("input_times").map_or(1, |n| n.as_u64().unwrap());
                options = options.input(text(value).repeat(times as usize));
            }
            "env" => {
                command.env_clear();
                command.envs(value.as_object().unwrap().iter().map(|(k, v)| (k, text(v))));
            }
            "cwd" => {
                command.current_dir(text(value));
            }
            "options" => {
                for (name, value) in value.as_object().unwrap() {
                    options = option(&mut command, options, name, value);
                }
            }
            _ => panic!("unknown field {field}"),
        }
    }
    (command, options)
}

fn option(command: &mut Command, options: RunOptions, name: &str, value: &Value) -> RunOptions {
    let number = || value.as_u64().expect("a number");
    match name {
        "timeout_ms" => options.timeout(ms(value)),
        "grace_ms" => options.grace(ms(value)),
        "idle_timeout_ms" => options.idle_timeout(ms(value)),
        "held_quiet_ms" => options.held_quiet(ms(value)),
        "held_most_ms" => options.held_most(ms(value)),
        "max_output" => options.max_output(number()),
        "tail_output" => options.tail_output(number()),
        "merge_stderr" => options.merge_stderr(value.as_bool().unwrap()),
        "capture" => options.capture(value.as_bool().unwrap()),
        "umask" => {
            command.umask(number() as u32);
            options
        }
        "pty" => {
            let size = |name: &str| value[name].as_u64().unwrap() as u16;
            options.pty(size("rows"), size("columns"))
        }
        _ => panic!("unknown option {name}"),
    }
}

fn compare(expect: &Map<String, Value>, result: io::Result<RunResult>) -> Result<(), String> {
    let result = match result {
        Ok(result) => result,
        Err(error) => return compare_error(expect, &error),
    };
    for (field, want) in expect {
        let total = result.total_time();
        let same = match &**field {
            "code" => result.code().map(i64::from) == want.as_i64(),
            "signal" => result.signal().map(i64::from) == want.as_i64(),
            "stdout" => output(&result, &result.stdout) == want.as_str().map(str::as_bytes),
            "stderr" => output(&result, &result.stderr) == want.as_str().map(str::as_bytes),
            "stdout_bytes" => Some(result.stdout.len() as u64) == want.as_u64(),
            "stdout_total" => Some(result.stdout_total()) == want.as_u64(),
            "stdout_lines" => {
                let out = result.stdout.to_string_lossy();
                let want: BTreeSet<&str> = want.as_array().unwrap().iter().map(text).collect();
                out.lines().collect::<BTreeSet<_>>() == want
            }
            "flags" => {
                let want: BTreeSet<&str> = want.as_array().unwrap().iter().map(text).collect();
                flags(&result) == want
            }
            "at_least_ms" => total >= ms(want),
            "at_most_ms" => total <= ms(want),
            _ => panic!("unknown expectation {field}"),
        };
        if !same {
            return Err(format!("{field} is not {want}: {result:?}"));
        }
    }
    Ok(())
}

fn output<'a>(result: &RunResult, stream: &'a [u8]) -> Option<&'a [u8]> {
    result.captured().then_some(stream)
}

fn flags(result: &RunResult) -> BTreeSet<&'static str> {
    [
        ("timed_out", result.timed_out()),
        ("idle", result.idle()),
        ("tree_killed", result.tree_killed()),
        ("pipe_held", result.pipe_held()),
        ("out_truncated", result.stdout_truncated()),
        ("err_truncated", result.stderr_truncated()),
        ("status_lost", result.status_lost()),
    ]
    .into_iter()
    .filter_map(|(name, is_set)| is_set.then_some(name))
    .collect()
}

fn compare_error(expect: &Map<String, Value>, error: &io::Error) -> Result<(), String> {
    let launch = LaunchError::of(error).ok_or(format!("no launch error: {error:?}"))?;
    let errno = match launch.raw_os_error() {
        libc::ENOENT => "ENOENT",
        libc::EACCES => "EACCES",
        libc::ESTALE => "ESTALE",
        libc::EINVAL => "EINVAL",
        _ => "another",
    };
    let same = expect.get("error").and_then(Value::as_str) == Some(errno)
        && expect["stage"].as_str() == Some(launch.stage().name());
    if same {
        Ok(())
    } else {
        Err(format!("{error:?}"))
    }
}
