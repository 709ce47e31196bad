// SPDX-License-Identifier: BSD-2-Clause
//! Limits of a whole tree, where this process may make a cgroup with limits.

use spawn_template::{Command, LaunchError, RunOptions, Stage};

#[test]
fn a_tree_above_its_memory_is_ended_or_the_run_is_refused() {
    let options = RunOptions::new().memory_max(32 << 20);
    let hungry = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}";
    match Command::new("sh").args(["-c", hungry]).run(&options) {
        Ok(result) => {
            assert!(result.oom() && !result.success(), "{result:?}");
            assert!(result.memory_peak().map_or(true, |peak| peak <= 33 << 20));
        }
        Err(error) => {
            println!("skipped: {error}");
            let launch = LaunchError::of(&error).unwrap();
            match launch.stage() {
                Stage::Attr => assert_eq!(launch.step(), Some("memory_max")),
                stage => assert_eq!(stage, Stage::Args, "{error:?}"),
            }
        }
    }
}
