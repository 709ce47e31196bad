// SPDX-License-Identifier: BSD-2-Clause
//! Builds the C library from the files and with the flags that `src/library.mk` lists, so
//! that the list stands in one place; or asks pkg-config for the system's library.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        panic!("spawn_template is for Linux");
    }
    if env::var_os("DOCS_RS").is_some() {
        return; // nothing is linked for documentation
    }
    if !link_system() {
        build();
    }
}

#[cfg(feature = "system")]
fn link_system() -> bool {
    pkg_config::Config::new()
        .atleast_version(env!("CARGO_PKG_VERSION"))
        .probe("spawn_template")
        .unwrap_or_else(|error| panic!("{error}"));
    true
}

#[cfg(not(feature = "system"))]
fn link_system() -> bool {
    false
}

fn build() {
    let root = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("c");
    println!("cargo:rerun-if-changed={}", root.display());
    let text = std::fs::read_to_string(root.join("src/library.mk"))
        .expect("c/src/library.mk: the links in c/ lead to the C sources");
    let recipe = Recipe::read(&text);
    let sources = sources(&root, &recipe);
    let (apart, rest): (Vec<_>, Vec<_>) = sources
        .into_iter()
        .partition(|source| recipe.apart.contains(source));

    // The code that runs between clone and exec has flags of its own.
    let mut objects = Vec::new();
    for source in &apart {
        let mut cc = compiler(&root);
        for flag in &recipe.apart_flags {
            cc.flag(flag);
        }
        if recipe.plainest.contains(source) {
            for flag in &recipe.plainest_flags {
                cc.flag(flag);
            }
        }
        objects.extend(cc.file(root.join(source)).compile_intermediates());
    }
    objects.extend(compile(&root, &rest));

    let mut cc = compiler(&root);
    for object in objects {
        cc.object(object);
    }
    cc.compile("spawn_template");
    println!("cargo:include={}", root.join("include").display());
}

/// Compiles in as many threads as cargo allows.
fn compile(root: &Path, sources: &[PathBuf]) -> Vec<PathBuf> {
    let jobs: usize = env::var("NUM_JOBS").map_or(1, |jobs| jobs.parse().unwrap_or(1));
    let share = (sources.len() + jobs - 1) / jobs;
    std::thread::scope(|scope| {
        let threads: Vec<_> = sources
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    let mut cc = compiler(root);
                    for source in chunk {
                        cc.file(root.join(source));
                    }
                    cc.compile_intermediates()
                })
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .flat_map(|r| r.expect("the compiler failed"))
            .collect()
    })
}

/// The flags of BASE_CFLAGS and LIB_CFLAGS that decide what the code means.
fn compiler(root: &Path) -> cc::Build {
    let mut cc = cc::Build::new();
    cc.std("gnu11")
        .opt_level(2)
        .warnings(false)
        .pic(true)
        .define("_GNU_SOURCE", None)
        .flag("-fvisibility=hidden")
        .include(root.join("include"));
    for folder in [root.join("src"), root.to_path_buf()] {
        cc.flag("-iquote")
            .flag(folder.to_str().expect("a path in UTF-8"));
    }
    cc
}

/// The sources in the folders of the library, by their paths below `c/`, sorted.
fn sources(root: &Path, recipe: &Recipe) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in &recipe.folders {
        let entries = std::fs::read_dir(root.join(folder))
            .unwrap_or_else(|error| panic!("c/{folder}: {error}"));
        for entry in entries {
            let name = entry.expect("an entry of a folder").file_name();
            let path = Path::new(folder).join(&name);
            if path.extension().map_or(false, |e| e == "c") && !recipe.left_out.contains(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What `src/library.mk` says.
struct Recipe {
    folders: Vec<String>,
    left_out: Vec<PathBuf>,
    apart: Vec<PathBuf>,
    apart_flags: Vec<String>,
    plainest: Vec<PathBuf>,
    plainest_flags: Vec<String>,
}

impl Recipe {
    fn read(text: &str) -> Recipe {
        let text = text.replace("\\\n", " ");
        let (plainest, plainest_flags) = assigned(&text, "CHILD_CFLAGS +=");
        let flags = |words: Vec<String>| words.into_iter().filter(|w| w.starts_with('-')).collect();
        Recipe {
            folders: assigned(&text, "LIB_DIRS :=").1,
            left_out: filtered_out(&text),
            apart: objects(assigned(&text, "CHILD_OBJ :=").1),
            apart_flags: flags(assigned(&text, "CHILD_CFLAGS :=").1),
            plainest: objects(plainest),
            plainest_flags: flags(plainest_flags),
        }
    }
}

/// Finds `[TARGETS:] NAME := WORDS`; the text has no continued lines.
fn assigned(text: &str, what: &str) -> (Vec<String>, Vec<String>) {
    let words = |text: &str| text.split_whitespace().map(String::from).collect();
    for line in text.lines() {
        if let Some((before, after)) = line.split_once(what) {
            if before.is_empty() || before.trim_end().ends_with(':') {
                return (words(before.trim_end().trim_end_matches(':')), words(after));
            }
        }
    }
    panic!("src/library.mk has no '{what}'");
}

/// The files of `$(filter-out FILE,...)` in LIB_SRC.
fn filtered_out(text: &str) -> Vec<PathBuf> {
    assigned(text, "LIB_SRC :=")
        .1
        .iter()
        .filter_map(|word| word.split_once(','))
        .filter(|(file, _)| file.ends_with(".c"))
        .map(|(file, _)| PathBuf::from(file))
        .collect()
}

/// `$(O)/src/x.o` is made from `src/x.c`.
fn objects(words: Vec<String>) -> Vec<PathBuf> {
    words
        .iter()
        .map(|word| word.trim_start_matches("$(O)/"))
        .map(|path| Path::new(path).with_extension("c"))
        .collect()
}
