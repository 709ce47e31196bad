// SPDX-License-Identifier: BSD-2-Clause
//! `make bench-rust`: what a launch costs a large parent, and how many runs a second a
//! tokio runtime makes, beside the standard library and tokio::process. The ways take turns
//! in one process, and medians are compared.
//!
//! --short: fewer rounds and at most 1 GiB. --check: fail on a gross regression. --data FILE:
//! the times of the first table, for the plot.

use spawn_template::{ring::Ring, Command, RunOptions, Template};
use std::future::Future;
use std::os::unix::process::CommandExt;
use std::pin::Pin;
use std::process;
use std::time::{Duration, Instant};

const PROGRAM: &str = "/bin/true";
const IN_FLIGHT: usize = 16;
const PAGE: usize = 4096;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let short = has("--short");
    let sizes: &[usize] = if short { &[0, 1] } else { &[0, 1, 8, 16] };
    tell_load();
    let data = args.iter().position(|arg| arg == "--data");
    let mut sound = parents(
        sizes,
        if short { 15 } else { 40 },
        data.map(|at| args[at + 1].as_str()),
    );
    sound &= flights(if short { 400 } else { 1600 }, if short { 3 } else { 7 });
    if has("--check") && !sound {
        eprintln!("launch: a ratio is below its bound");
        process::exit(1);
    }
}

/// The other work of the machine, for the reader of the tables.
fn tell_load() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} processors; load before: {load}");
}

// ---- a launch from a large parent

/// What one launch cost the thread that made it.
#[derive(Clone, Copy)]
struct Cost {
    blocked: Duration,
    to_exit: Duration,
    cpu: Duration,
}

type Launch = (&'static str, fn(&Template) -> (Instant, Duration));

const OURS: usize = 2;
const LAUNCHES: [Launch; 4] = [
    ("std, pre_exec", |_| std_pre_exec()),
    ("std", |_| std_plain()),
    ("Command::new", |_| ours(|| Command::new(PROGRAM))),
    ("Template::command", |template| ours(|| template.command())),
];

/// The closure does what `setsid(true)` does here.
fn std_pre_exec() -> (Instant, Duration) {
    let start = Instant::now();
    let mut command = process::Command::new(PROGRAM);
    // SAFETY: the closure makes one system call
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut child = command.spawn().expect("a launch");
    let blocked = start.elapsed();
    child.wait().expect("a child");
    (start, blocked)
}

/// Without anything that posix_spawn cannot do.
fn std_plain() -> (Instant, Duration) {
    let start = Instant::now();
    let mut child = process::Command::new(PROGRAM).spawn().expect("a launch");
    let blocked = start.elapsed();
    child.wait().expect("a child");
    (start, blocked)
}

fn ours(make: impl FnOnce() -> Command) -> (Instant, Duration) {
    let start = Instant::now();
    let mut child = make().setsid(true).spawn().expect("a launch");
    let blocked = start.elapsed();
    child.wait().expect("a child");
    (start, blocked)
}

fn cpu_time() -> Duration {
    // SAFETY: the kernel fills it in
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn measure(launch: Launch, template: &Template) -> Cost {
    let cpu = cpu_time();
    let (start, blocked) = launch.1(template);
    Cost {
        blocked,
        to_exit: start.elapsed(),
        cpu: cpu_time() - cpu,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(costs: &[Cost], field: fn(&Cost) -> Duration) -> f64 {
    median(costs.iter().map(|c| field(c).as_secs_f64() * 1e6).collect())
}

/// Tells if there is memory for a parent of this size, and for the page tables of its copy.
fn fits(gib: usize, parent: usize) -> bool {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib: Option<usize> = available.and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
    kib.map_or(true, |kib| (gib - parent + 2) << 20 <= kib)
}

/// Memory of which every page was written, in pages of 4 KiB.
fn touch(memory: &mut Vec<u8>, gib: usize) {
    let size = gib << 30;
    memory.reserve_exact(size - memory.len());
    let start = memory.as_mut_ptr();
    // SAFETY: advice for memory that was reserved
    unsafe {
        libc::madvise(
            align(start).cast(),
            size.saturating_sub(PAGE),
            libc::MADV_NOHUGEPAGE,
        )
    };
    memory.resize(size, 1);
}

fn align(address: *mut u8) -> *mut u8 {
    address.wrapping_add(address.align_offset(PAGE))
}

/// Return: whether a launch with pre_exec costs at least ten times ours from 1 GiB on.
fn parents(sizes: &[usize], rounds: usize, data: Option<&str>) -> bool {
    let mut memory = Vec::new();
    let mut plotted = String::new();
    let template = Template::new(PROGRAM).expect("a template");
    let mut sound = true;

    println!("Launch of {PROGRAM} from a parent of touched memory; median, µs\n");
    println!(
        "| parent | launches | way | blocked | to exit | CPU of the parent \
         | blocked, times Command::new |"
    );
    println!("|---|---|---|---|---|---|---|");
    for &gib in sizes {
        if !fits(gib, memory.len() >> 30) {
            println!("\n{gib} GiB are not available");
            continue;
        }
        touch(&mut memory, gib);
        // a fork takes seconds there
        let rounds = rounds / (1 + gib / 6);
        let mut costs = [(); LAUNCHES.len()].map(|_| Vec::new());
        for round in 0..rounds + 3 {
            for (i, launch) in LAUNCHES.iter().enumerate() {
                let cost = measure(*launch, &template);
                if round >= 3 {
                    costs[i].push(cost);
                }
            }
        }
        let ours = micros(&costs[OURS], |c| c.blocked);
        for ((name, _), costs) in LAUNCHES.iter().zip(&costs) {
            let blocked = micros(costs, |c| c.blocked);
            println!(
                "| {gib} GiB | {rounds} | {name} | {blocked:.0} | {:.0} | {:.0} | {:.1} |",
                micros(costs, |c| c.to_exit),
                micros(costs, |c| c.cpu),
                blocked / ours
            );
        }
        let blocked = costs.iter().map(|costs| micros(costs, |c| c.blocked));
        let cpu = costs.iter().map(|costs| micros(costs, |c| c.cpu));
        let times = blocked.chain(cpu).map(|time| format!("{time:.1}"));
        let times: Vec<_> = times.collect();
        plotted += &format!("{gib}\t{}\n", times.join("\t"));
        let with_pre_exec = micros(&costs[0], |c| c.blocked);
        sound &= gib == 0 || with_pre_exec >= 10.0 * ours;
    }
    println!();
    if let Some(file) = data {
        std::fs::write(file, plotted).expect("the file for the plot");
    }
    sound
}

// ---- many runs under tokio

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;
type Way = (&'static str, fn(&Ring) -> Run);

const WAYS: [Way; 4] = [
    ("tokio::process, status", |_| {
        Box::pin(async {
            let status = tokio::process::Command::new(PROGRAM).status().await;
            assert!(status.expect("a run").success());
        })
    }),
    ("tokio::process, output", |_| {
        Box::pin(async {
            let output = tokio::process::Command::new(PROGRAM).output().await;
            assert!(output.expect("a run").status.success());
        })
    }),
    ("ring, not captured", |ring| {
        let run = ring.run(
            &mut Command::new(PROGRAM),
            &RunOptions::new().capture(false),
        );
        Box::pin(async { assert!(run.await.expect("a run").success()) })
    }),
    ("ring, captured", |ring| {
        let run = ring.run(&mut Command::new(PROGRAM), &RunOptions::new());
        Box::pin(async { assert!(run.await.expect("a run").success()) })
    }),
];

/// Makes this many runs, 16 at a time. Return: runs per second.
async fn fly(ring: &Ring, make: fn(&Ring) -> Run, runs: usize) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let ring = ring.clone();
            tokio::spawn(async move {
                for _ in 0..runs / IN_FLIGHT {
                    make(&ring).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    (runs / IN_FLIGHT * IN_FLIGHT) as f64 / start.elapsed().as_secs_f64()
}

/// Return: whether the ring makes as many runs as tokio::process does.
fn flights(runs: usize, rounds: usize) -> bool {
    let mut sound = true;

    println!("{IN_FLIGHT} runs of {PROGRAM} in flight; median of {rounds} rounds of {runs}\n");
    println!("| runtime | way | runs per second | times tokio::process with output |");
    println!("|---|---|---|---|");
    for threads in [1, 2] {
        let mut builder = match threads {
            1 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        if threads > 1 {
            builder.worker_threads(threads);
        }
        let runtime = builder.enable_all().build().expect("a runtime");
        let rates = runtime.block_on(async {
            let ring = Ring::new(IN_FLIGHT as u32).expect("a ring");
            let mut rates = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for (i, (_, make)) in WAYS.iter().enumerate() {
                    rates[i].push(fly(&ring, *make, runs).await);
                }
            }
            rates.map(median)
        });
        for ((name, _), rate) in WAYS.iter().zip(rates) {
            let ratio = rate / rates[1];
            println!("| {threads} thread(s) | {name} | {rate:.0} | {ratio:.2} |");
        }
        sound &= rates[3] >= rates[1];
    }
    sound
}
