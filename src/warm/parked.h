/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parked process: a process of a program, stopped before the program's first
 * instruction, with the stub in it.
 */
#ifndef ST_WARM_PARKED_H
#define ST_WARM_PARKED_H

#include <stdbool.h>
#include <sys/resource.h>

#include "own.h"
#include "warm/message.h"

/*
 * Files that a parked process has mapped, or read to choose its mappings. A Python
 * has two for each module that it has imported.
 */
#define WARM_FILES_MOST 4096
#define WARM_AUXV_MOST 64
#define WARM_PATHS_SIZE (512 * 1024)

struct warm_file {
	const char *path;	/* in st_parked.paths */
	struct spawn_template_key key;
};

/* The steps of parking at which it may fail, in order. */
enum warm_step {
	WARM_STEP_NONE,
	WARM_STEP_CLONE,	/* no helper, or no process */
	WARM_STEP_TRACE,	/* ptrace is not allowed */
	WARM_STEP_EXEC,		/* exec failed */
	WARM_STEP_SECURE,	/* set-id, or capabilities of the file */
	WARM_STEP_STATIC,	/* no dynamic linker */
	WARM_STEP_START,	/* an unknown dynamic linker */
	WARM_STEP_RELOCATE,	/* the program's start was not reached */
	WARM_STEP_MAP,		/* no memory for the stub, or not executable */
	WARM_STEP_THREAD,	/* libc's thread block is unknown */
	WARM_STEP_FILES,	/* too many mapped files, or one changed */
	WARM_STEP_GADGET,	/* no way to unmap the stub */
	WARM_STEP_LEAVE,	/* the stub could not be started */
	WARM_STEP_RUNTIME,	/* a Python that is no CPython */
	WARM_STEP_SOURCE,	/* a session shell did not get to the command */
	WARM_STEP_SHELL,	/* it is in a state that forks would not share */
};

struct st_parked {
	pid_t pid;
	struct warm_control control;
	struct prctl_mm_map mm;
	uint64_t auxv[WARM_AUXV_MOST];
	unsigned int n_auxv;	/* 64-bit words, with AT_NULL */
	unsigned int n_files, paths_len;
	/* those of files that a session shell has sourced */
	unsigned int first_source, last_source;
	/* a session shell's working directory, and digest of PWD and OLDPWD */
	uint64_t directory_ino, directory_dev, directories;
	char directory[SPAWN_TEMPLATE_PATH_MAX]; /* its name, there */
	const char *program;	/* the file of a prepared Python or Node */

	/* the end, of which only what is used takes memory */
	struct warm_file files[WARM_FILES_MOST];
	char paths[WARM_PATHS_SIZE];
};

/* The start of a session shell, or of a Python. */
struct st_shell_start {
	char *const *argv;	/* argv[0], -c, the text */
	char *const *envp;
	uint64_t defaulted;	/* signals not to be ignored */
	struct rlimit files;	/* RLIMIT_NOFILE; 0: the caller's */
	const char *directory;	/* NULL: the caller's */
	bool is_dash;		/* else it is bash */
	unsigned int rest;	/* the text's first byte to be replaced */
	int64_t offset[WARM_BASH_N];	/* of symbols from the entry; 0: none */
	int in, out;		/* descriptors for 0, and for 1 and 2 */
	struct st_own in_file, out_file;
	bool python, node;
};

struct st_park {
	const char *path;		/* absolute */
	const char *argv0;
	const struct spawn_template_key *key;	/* the file's at path */
	int mode;			/* enum warm_mode */
	int socket, door, shared, null;	/* descriptors of the process */
	struct st_own socket_file, shared_file, null_file;
	const struct st_shell_start *shell;	/* NULL: no runtime */

	struct st_parked *parked;	/* filled in */
	enum warm_step step;		/* the failed step */
};

#endif
