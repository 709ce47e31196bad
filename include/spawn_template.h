/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn_template: start the same executables many times, fast and safely.
 *
 * A template is a file descriptor that stands for one executable file. The caller
 * makes a template once and launches from it any number of times. Every launch
 * checks that the file is still the one that the template was made from.
 *
 * Three calls serve most callers: spawn_template_search() makes a template,
 * spawn_template_run() launches from it and waits until the program has ended,
 * spawn_template_result_free() frees the output.
 *
 *	char *argv[] = { "git", "status", NULL };
 *	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
 *	struct spawn_template_result result;
 *
 *	int tfd = spawn_template_search("git", NULL,
 *					SPAWN_TEMPLATE_CREATE_CLOEXEC);
 *	...
 *	args.spawn.argv = (uintptr_t)argv;
 *	args.spawn.envp = (uintptr_t)environ;
 *	args.timeout_ns = 10000000000;
 *	int err = spawn_template_run(tfd, &args, sizeof(args),
 *				     &result, sizeof(result));
 *	if (!err) {
 *		fwrite(result.out, 1, result.out_len, stdout);
 *		spawn_template_result_free(&result);
 *	}
 *
 * The rest of this file is a tour. Each structure and its constants stand right
 * above the first function that takes them:
 *
 *	1. making a template: search, open, create
 *	2. launching from it: spawn; launching from an event loop: begin,
 *	   begin_fd, begin_wait, begin_kill, begin_drop; explaining a failed
 *	   launch: strerror
 *	3. checking, refreshing and closing it: check, refresh, stat, close
 *	4. running a program to its end: run, result_free
 *	5. signalling a whole tree of processes: kill
 *	6. many launches and runs at a time: ring_init, ring_fd, ring_spawn,
 *	   ring_run, ring_submit, ring_wait, ring_seen, ring_write,
 *	   ring_close_input, ring_winsize, ring_cancel, ring_exit
 *	7. templates of many programs, by name: cache_new, cache_get, cache_drop,
 *	   cache_stat, cache_free
 *	8. sandboxes for launches: sandbox_new, sandbox_lost, sandbox_apply,
 *	   sandbox_free
 *
 * Sections 1 and 2 have the names, values and layouts of the kernel proposal
 * "exec: add spawn templates for repeated executable startup" (Li Chen, RFC v1,
 * May 2026), so that source code written for the proposal builds with this header.
 * "(extension)" marks every call that the proposal does not have.
 *
 * Every function returns a value >= 0, or a negated errno. errno itself is not
 * part of the contract. A call that fails leaves every output as it was. Functions
 * are thread-safe; none is async-signal-safe; none may be called by a child of
 * vfork(2). No function prints, exits, installs a signal handler or reaps a
 * process that it did not start.
 *
 * The size that the caller passes tells the version of a structure, and each version
 * is accepted for ever. A size between two versions counts as the older one.
 *
 * - In a structure that a call reads, all bytes beyond that version must be zero, and
 *   the size must not exceed a page of 4096 bytes; else the call returns -E2BIG. A
 *   flag needs the version that introduced it, else -EINVAL. Extensions need VER1.
 * - In a structure that a call fills in, all bytes beyond that version become zero,
 *   up to the caller's size. Nothing is written beyond that size.
 *
 * Later versions of the header append fields, or give reserved fields a name. The
 * structures without a size never change: an action, those that an action points to,
 * and a key.
 *
 * Each structure that a call reads has an initialiser, SPAWN_TEMPLATE_*_INIT, for C
 * and C++. With it no field names descriptor 0, user 0 or group 0 unless the caller
 * sets the field to 0.
 */
#ifndef SPAWN_TEMPLATE_H
#define SPAWN_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <linux/openat2.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library exports the functions declared here, and hides all others. */
#pragma GCC visibility push(default)
#ifdef __cplusplus
/* struct spawn_template_open, _begin and _stat share their names with functions,
 * as struct stat does: C++ code writes "struct" before these names */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/*
 * 1. Making a template
 */

/* flags: the proposal's, then extensions from bit 32 up */
#define SPAWN_TEMPLATE_CREATE_CLOEXEC		(1ULL << 0)
#define SPAWN_TEMPLATE_CREATE_SCRIPT		(1ULL << 32) /* accept #! files */
#define SPAWN_TEMPLATE_CREATE_DENY_WRITE	(1ULL << 33) /* needs a guard */
#define SPAWN_TEMPLATE_CREATE_GUARD		(1ULL << 34) /* fail without a guard */
#define SPAWN_TEMPLATE_CREATE_NO_GUARD		(1ULL << 35) /* do not register */
#define SPAWN_TEMPLATE_CREATE_WARM_ONCE		(1ULL << 36) /* see create */
#define SPAWN_TEMPLATE_CREATE_WARM_FORK		(1ULL << 37)
#define SPAWN_TEMPLATE_CREATE_AUTO_REFRESH	(1ULL << 38) /* see spawn */
#define SPAWN_TEMPLATE_CREATE_WARM_RUNTIME	(1ULL << 39) /* runtimes */

/**
 * spawn_template_search - resolve a name as execvp(3) does, once (extension)
 * @name: the file name to look for; a name with a slash is used as it is
 * @path: directories separated by colons, where an empty entry means the current
 *        directory; NULL: $PATH, or confstr(_CS_PATH) if PATH is not set
 * @flags: SPAWN_TEMPLATE_CREATE_*
 *
 * The template is made from the absolute path of the file that is found. A later
 * change of PATH, or a new file in an earlier directory, does not affect the
 * template. The current directory of this call resolves a relative directory or
 * @name.
 *
 * The search goes on behind a file that exec would refuse for its format or for lack
 * of an interpreter. It ends at a script that @flags do not allow.
 *
 * Return: as spawn_template_create(). -ENOENT if there is no such file; -EACCES if
 * the caller may not execute any file of this name, or a directory could not be
 * searched.
 * Since: 0.1
 */
int spawn_template_search(const char *name, const char *path, uint64_t flags);

/**
 * spawn_template_open - make a template from an absolute path (extension)
 * @path: absolute path of the executable
 * @flags: SPAWN_TEMPLATE_CREATE_*
 *
 * Return: as spawn_template_create().
 * Since: 0.1
 */
int spawn_template_open(const char *path, uint64_t flags);

#define SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0	72
#define SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1	80
#define SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2	88

struct spawn_template_create_args {
	uint64_t flags;			/* SPAWN_TEMPLATE_CREATE_* */
	int32_t execfd;			/* open fd of the executable, or -1 */
	uint32_t exec_flags;		/* 0 */
	uint64_t filename;		/* const char *, absolute; or 0 */
	uint64_t actions;		/* 0 */
	uint64_t actions_len;		/* 0 */
	uint64_t reserved[4];		/* 0 */
	/* VER1 */
	uint32_t warm_target;		/* processes to keep ready, up to 8; 0: 1 */
	uint32_t pad;			/* 0 */
	/* VER2 */
	uint64_t warm_preload;		/* const char *, see WARM_RUNTIME */
};

#define SPAWN_TEMPLATE_CREATE_ARGS_INIT \
	{ \
		0, -1, 0, 0, 0, 0, { 0, 0, 0, 0 }, 0, 0, 0, \
	}

/**
 * spawn_template_create - make a template
 * @args: names the executable and the flags; not kept
 * @size: sizeof(*@args)
 *
 * Either args->execfd or args->filename names the executable; the other is -1 or
 * 0. The template holds an O_PATH descriptor of its own; it does not keep @args,
 * the path string or execfd. With CREATE_CLOEXEC the returned fd has FD_CLOEXEC.
 * A template made from a filename also stands for that path: it is stale once the
 * path leads to another file or to none. A template made from execfd stands for
 * the file alone.
 *
 * If the file was changed within the current clock tick, the call waits for the
 * next tick (a few ms, at most 20): a later change then gets another time stamp. If
 * another process holds the file open for writing, the call waits up to 0.1 s for
 * that process to close it.
 *
 * The guard is a set of kernel programs with a daemon, spawn-templated(8), that the
 * machine's owner may run. With the guard, exec itself checks the creator and the
 * file of each launch, and a template is stale as soon as its file is opened for
 * writing. The call registers the template with a guard that runs; if the guard
 * does not answer within 1 s or has no room, the template is made without it.
 * With CREATE_NO_GUARD the call does not look for a guard; with CREATE_GUARD it
 * fails instead of making a template without it. With CREATE_DENY_WRITE the guard
 * makes every open of the file for writing fail with ETXTBSY until the template is
 * closed. If the guard is removed later, launches from a template with CREATE_GUARD
 * or CREATE_DENY_WRITE return -ENOTCONN. The process keeps one close-on-exec
 * descriptor for the guard.
 *
 * With CREATE_WARM_ONCE or CREATE_WARM_FORK, from the second launch on,
 * args->warm_target processes of the program wait for launches. A warm launch takes
 * one of these, whose dynamic linking is done. With WARM_ONCE each waiting process
 * becomes the program of one launch; with WARM_FORK one process more forks them, and
 * forks further ones where launches come faster. A launch that no waiting process fits
 * is cold, and spawn_template_stat() counts the reasons. Waiting processes are children
 * of the calling process. They end when the template is closed, or 30 s after its last
 * launch. waitpid(-1) may report one that has ended, and blocks while one lives. While
 * one waits, the program's file cannot be opened for writing (ETXTBSY), and its file
 * system cannot be unmounted. A warm launch does not exec: see spawn_template(7).
 *
 * With CREATE_WARM_RUNTIME the program is a shell, and args->warm_preload is the
 * absolute path of a file. A launch with the arguments SHELL -c COMMAND [$0 ...]
 * becomes a launch with ". 'FILE'" and a newline before COMMAND. With bash and dash
 * such launches are warm from the third on, as with WARM_FORK: they fork a shell that
 * has sourced the file once. spawn_template_create(3) lists what the file must not do,
 * and which launches are cold. Launches with other arguments run as they are.
 *
 * If the program's name begins with "python", CREATE_WARM_RUNTIME has a CPython of
 * 3.9 to 3.14 initialised ahead, and each launch forks it: a script, -c, -m and
 * standard input do what they do in a Python that starts. args->warm_preload may be
 * a list of modules to import ahead, such as "json,re,subprocess". Another Python is
 * prepared as with WARM_FORK.
 *
 * If the program's name is "node", "nodejs" or "node" with a version, CREATE_WARM_RUNTIME
 * has Nodes start ahead, as with WARM_ONCE: each becomes the node of one launch, and looks
 * at its command line only then. args->warm_preload is 0.
 *
 * Return: a new fd, owned by the caller, closed by spawn_template_close() or
 * close(2); or
 *   -EINVAL  size too small; unknown flag; a VER1 flag with a VER0 size; a
 *            reserved field, exec_flags, actions or actions_len not 0; neither or
 *            both of execfd and filename; a relative filename; GUARD with
 *            NO_GUARD; two of WARM_ONCE, WARM_FORK and WARM_RUNTIME; warm_preload
 *            without WARM_RUNTIME, missing or relative for a shell, no list of
 *            modules for a Python, or not 0 for a Node
 *   -E2BIG   size over a page, or a byte beyond the known fields is not 0
 *   -EOPNOTSUPP  DENY_WRITE without a guard or with NO_GUARD, or on a file system
 *            where the guard cannot deny every write: network, FUSE
 *   -ENOTCONN  GUARD, and no guard runs or answers
 *   -EDQUOT, -ENOSPC  GUARD or DENY_WRITE, and the guard has no room for another
 *            template of this user, or for any template
 *   -ESTALE  GUARD or DENY_WRITE, and the file changed during each attempt
 *   -EBADF   execfd is not open
 *   -EACCES  not a regular file; not executable for the caller; on a noexec mount;
 *            warm_preload is not a regular file, or not readable for the caller;
 *            DENY_WRITE, and the guard cannot tell from the file's mode alone that
 *            the caller may execute it: access list, overlayfs, idmapped mount
 *   -ETXTBSY open for writing. Reported by this call where execveat(2) has
 *            AT_EXECVE_CHECK (Linux 6.14) or a guard runs; elsewhere by the launch
 *   -ENOEXEC not ELF; nor, with CREATE_SCRIPT, a file that starts with "#!"; nor of
 *            a format that binfmt_misc may run
 *   -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EMFILE, -ENFILE, -ENOMEM: as in
 *            open(2); -ENOENT also for execfd where /proc is not mounted
 *   -EAGAIN  as in clone(2), for the child that asks the kernel whether exec is
 *            allowed
 *
 * Since: 0.1
 */
int spawn_template_create(const struct spawn_template_create_args *args,
			  size_t size);

/*
 * 2. Launching from it
 */

/*
 * Actions are steps that the child takes, in order, before exec. A field that an
 * action does not use must be zero. A launch has at most
 * SPAWN_TEMPLATE_ACTIONS_MAX actions.
 *
 *	type		flags		fd		newfd	arg
 *	CLOSE		-		fd		-	-
 *	DUP2		O_CLOEXEC	source		target	-
 *	FCHDIR		-		directory	-	-
 *	OPEN		-		directory or	target	struct
 *					AT_FDCWD		spawn_template_open *
 *	CLOSE_RANGE	close_range(2)	first		last	-
 *			UNSHARE, CLOEXEC		(-1: all)
 *	SIGMASK		-		-		-	struct
 *	SIGDEFAULT	-		-		-	spawn_template_sigset *
 *    extensions:
 *	CHDIR		-		-		-	const char *
 *	KEEP		-		fd		-	-
 *	RLIMIT		-		RLIMIT_*	-	const struct rlimit *
 *	SETCTTY		-		terminal	-	-
 *
 * DUP2 with fd == newfd only checks that fd is open. OPEN opens a file with
 * openat2(2) and moves it to newfd. SIGMASK sets the program's signal mask; without
 * SIGMASK the program starts with the caller's mask. SIGDEFAULT resets the named
 * signals to SIG_DFL. SIGMASK and SIGDEFAULT ignore SIGKILL and SIGSTOP. KEEP
 * excepts fd from the default close and clears its FD_CLOEXEC, after all other
 * actions. RLIMIT takes effect after all other actions, too, so that a low
 * RLIMIT_NOFILE does not disturb them. SETCTTY makes fd the controlling terminal
 * and needs SPAWN_SETSID.
 */
#define SPAWN_TEMPLATE_ACTION_CLOSE		0
#define SPAWN_TEMPLATE_ACTION_DUP2		1
#define SPAWN_TEMPLATE_ACTION_FCHDIR		2
#define SPAWN_TEMPLATE_ACTION_OPEN		3
#define SPAWN_TEMPLATE_ACTION_CLOSE_RANGE	4
#define SPAWN_TEMPLATE_ACTION_SIGMASK		5
#define SPAWN_TEMPLATE_ACTION_SIGDEFAULT	6
#define SPAWN_TEMPLATE_ACTION_CHDIR		32
#define SPAWN_TEMPLATE_ACTION_KEEP		33
#define SPAWN_TEMPLATE_ACTION_RLIMIT		34
#define SPAWN_TEMPLATE_ACTION_SETCTTY		35

#define SPAWN_TEMPLATE_ACTIONS_MAX		256

struct spawn_template_action {
	uint32_t type;
	uint32_t flags;
	int32_t fd;
	int32_t newfd;
	uint64_t arg;
};

struct spawn_template_open {
	uint64_t path;			/* const char * */
	struct open_how how;
};

struct spawn_template_sigset {
	uint64_t sigset;		/* const uint64_t *, bit N-1 is signal N */
	uint64_t sigsetsize;		/* the kernel's: 8 */
};

/* failure: .stage, the step at which a launch failed */
#define SPAWN_TEMPLATE_STAGE_ARGS		0 /* arguments, template, identity */
#define SPAWN_TEMPLATE_STAGE_CLONE		1 /* making the child */
#define SPAWN_TEMPLATE_STAGE_ATTR		2 /* an attribute: see .action */
#define SPAWN_TEMPLATE_STAGE_ACTION		3 /* an action: see .action */
#define SPAWN_TEMPLATE_STAGE_CLOSE		4 /* the default close */
#define SPAWN_TEMPLATE_STAGE_EXEC		5 /* exec itself */

#define SPAWN_TEMPLATE_FAILURE_SIZE_VER0	12

struct spawn_template_failure {
	int32_t error;			/* positive errno */
	uint32_t stage;			/* SPAWN_TEMPLATE_STAGE_* */
	uint32_t action;		/* its index; SPAWN_TEMPLATE_ATTR_* */
};

/* failure: .action at STAGE_ATTR */
#define SPAWN_TEMPLATE_ATTR_OTHER		0 /* any but these */
#define SPAWN_TEMPLATE_ATTR_LANDLOCK		1 /* SPAWN_LANDLOCK */
#define SPAWN_TEMPLATE_ATTR_SECCOMP		2 /* SPAWN_SECCOMP */
#define SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT	3 /* RUN_LIMITS, and the next three */
#define SPAWN_TEMPLATE_ATTR_PIDS_LIMIT		4
#define SPAWN_TEMPLATE_ATTR_CPU_LIMIT		5
#define SPAWN_TEMPLATE_ATTR_IO_LIMIT		6

/* .flags: the proposal's, then extensions from bit 32 up */
#define SPAWN_TEMPLATE_SPAWN_INHERIT_FDS	(1ULL << 0)
#define SPAWN_TEMPLATE_SPAWN_SETPGROUP		(1ULL << 32) /* .pgroup */
#define SPAWN_TEMPLATE_SPAWN_SETSID		(1ULL << 33)
#define SPAWN_TEMPLATE_SPAWN_INTO_CGROUP	(1ULL << 34) /* .cgroup_fd */
#define SPAWN_TEMPLATE_SPAWN_UMASK		(1ULL << 35) /* .umask */
#define SPAWN_TEMPLATE_SPAWN_SETUID		(1ULL << 36) /* .uid */
#define SPAWN_TEMPLATE_SPAWN_SETGID		(1ULL << 37) /* .gid */
#define SPAWN_TEMPLATE_SPAWN_SETGROUPS		(1ULL << 38) /* .groups */
#define SPAWN_TEMPLATE_SPAWN_NICE		(1ULL << 39) /* .nice */
#define SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS	(1ULL << 40)
#define SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT	(1ULL << 41)
#define SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE	(1ULL << 42)
#define SPAWN_TEMPLATE_SPAWN_LANDLOCK		(1ULL << 43) /* .landlock_fd; VER2 */
#define SPAWN_TEMPLATE_SPAWN_SECCOMP		(1ULL << 44) /* .seccomp; VER2 */

#define SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0	80
#define SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1	128
#define SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2	256

struct spawn_template_spawn_args {
	uint64_t flags;			/* SPAWN_TEMPLATE_SPAWN_* */
	uint64_t pidfd;			/* int *, required; close-on-exec */
	uint64_t argv;			/* char *const *, at least argv[0] */
	uint64_t envp;			/* char *const *; 0: empty environment */
	uint64_t actions;		/* const struct spawn_template_action * */
	uint64_t actions_len;		/* number of actions */
	uint64_t reserved[4];		/* 0 */
	/* VER1: a field is used only with its flag; failure has none */
	uint64_t failure;		/* struct spawn_template_failure *, or 0 */
	int32_t pgroup;			/* process group to join; 0: a new one */
	int32_t cgroup_fd;		/* cgroup v2 directory */
	uint32_t umask;			/* 0 to 0777 */
	uint32_t uid;			/* real, effective and saved */
	uint32_t gid;			/* real, effective and saved */
	int32_t nice;			/* -20 to 19, as in setpriority(2) */
	uint64_t groups;		/* const gid_t *; 0 with n_groups 0 */
	uint64_t n_groups;		/* number of groups */
	/* VER2: has spare room, because run_args contains this structure */
	uint32_t failure_size;		/* sizeof(*failure); 0: its VER0 */
	int32_t landlock_fd;		/* Landlock ruleset */
	uint64_t seccomp;		/* const struct sock_fprog * */
	uint64_t reserved2[14];		/* 0 */
};

#define SPAWN_TEMPLATE_SPAWN_ARGS_INIT \
	{ \
		0, 0, 0, 0, 0, 0, { 0, 0, 0, 0 }, 0, 0, -1, 0, 0xffffffffU, \
			0xffffffffU, 0, 0, 0, 0, -1, 0, { 0 }, \
	}

/**
 * spawn_template_spawn - launch a program from a template
 * @tfd: the template, or a dup of it. If the process has several templates of one
 *       file, a dup of one may count as another
 * @args: the arguments of the launch; read during the call only
 * @size: sizeof(*@args)
 *
 * Blocks the calling thread until the child has passed exec or failed, as
 * vfork(2) does. If a signal stops the child before exec (SIGSTOP, or SIGTSTP from
 * its terminal), the call blocks until the child is continued. On ETXTBSY the call
 * waits up to 0.1 s for the writer to close the file.
 *
 * The child takes these steps: session and process group, the actions in order,
 * the close of every fd above 2 (unless SPAWN_INHERIT_FDS; fds of KEEP actions
 * stay), umask, nice, RLIMIT actions, groups, gid and uid, no_new_privs,
 * signals, SPAWN_DIE_WITH_PARENT, Landlock, seccomp, exec. The program starts with
 * the default action for every signal that the caller handles, and for SIGPIPE (unless
 * SPAWN_KEEP_SIGPIPE); other signals that the caller ignores stay ignored.
 * SPAWN_DIE_WITH_PARENT sends SIGKILL to the child when the calling thread ends
 * (PR_SET_PDEATHSIG). SPAWN_INTO_CGROUP needs clone3(2) and fails without it.
 * SPAWN_SETUID, SETGID and SETGROUPS copy the caller's page tables: such a launch
 * costs as much as fork(2).
 *
 * SPAWN_LANDLOCK puts the program into the domain of a Landlock ruleset, and
 * SPAWN_SECCOMP under a seccomp filter; both set no_new_privs. The program starts
 * inside of them: they must allow the exec itself, which is execveat(2), or statx(2)
 * and execve(2) for a template that is launched by path. The caller has neither
 * afterwards. If the kernel lacks one of them, the launch fails at STAGE_ATTR. A
 * filter that kills the child in exec makes the launch fail with -ECHILD.
 * spawn_template_sandbox_new() makes both from lists of paths.
 *
 * With CREATE_AUTO_REFRESH the call refreshes a stale template once, as
 * spawn_template_refresh() does, and launches from it. If the guard finds the
 * template stale at STAGE_EXEC, another child takes the actions again.
 *
 * Return: the child's pid. The caller owns the child, and the pidfd that the call
 * stores in *args->pidfd with FD_CLOEXEC set. On failure no child is left, and the
 * call returns
 *   -EINVAL  size too small; tfd is no template; no pidfd, argv or argv[0];
 *            unknown flag; a VER1 flag with a smaller size; reserved field not 0;
 *            actions 0 with a length; a malformed action or attribute
 *   -E2BIG   size over a page; a byte beyond the known fields is not 0; over 256
 *            actions; or, at STAGE_EXEC, the arguments are too long
 *   -EBADF   tfd is not open
 *   -EACCES  another process made tfd (the parent, before fork(2), or the sender of
 *            an SCM_RIGHTS message), or this process has changed its user or group
 *            ids since; at STAGE_EXEC, the guard found one of these
 *   -ESTALE  the file has changed, its path leads to another file or to none, or
 *            the guard saw it opened for writing; at STAGE_EXEC the guard, or the
 *            last check of the path, found one of these
 *   -ENOTCONN  a template with CREATE_GUARD or DENY_WRITE, whose guard was removed
 *   -ECHILD  the child was killed before exec
 *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE  as in clone(2)
 * or the error of the step that failed in the child. *args->failure gets the error,
 * the stage and the index of the action.
 *
 * If SIGKILL ends the child during exec, only a wait with __WALL reaps the child: a
 * caller that others may signal so passes __WALL to waitid(2).
 *
 * Since: 0.1
 */
pid_t spawn_template_spawn(int tfd,
			   const struct spawn_template_spawn_args *args,
			   size_t size);

/* A launch that is under way. */
struct spawn_template_begin;

/**
 * spawn_template_begin - begin a launch without waiting for exec (extension)
 * @tfd: the template
 * @args: as for spawn_template_spawn(); pidfd is ignored
 * @size: sizeof(*@args)
 * @begin: set to a handle; the caller passes it once to
 *         spawn_template_begin_wait() or spawn_template_begin_drop()
 *
 * Launches as spawn_template_spawn() does, but returns while the child is still on
 * its way to exec, so that an event loop goes on. The child inherits the signal
 * mask, the scheduling and the sandbox of the calling thread.
 * SPAWN_DIE_WITH_PARENT ends the child when that thread ends.
 *
 * If a process waits for launches of the template (CREATE_WARM_ONCE, CREATE_WARM_FORK),
 * the call blocks until that process has begun with the launch. Then the child's steps
 * and the start of the program go on without the caller.
 *
 * The call copies all that @args points to. As soon as it returns, the caller may
 * free @args, close @tfd and the fds that actions name, or use them for other files.
 *
 * Without clone3(2), with SPAWN_SETUID, SETGID or SETGROUPS, or with SPAWN_SECCOMP
 * before Linux 5.16, the call blocks until exec as spawn_template_spawn() does, and
 * spawn_template_begin_wait() only hands over the child. While another thread is in
 * fork(3), the call waits until the fork is done.
 *
 * The child is the caller's from the start. Before exec, only a wait with __WALL or
 * __WCLONE sees it; no thread should wait for it before spawn_template_begin_wait().
 * If the caller ends or execs, the launch goes on without it.
 *
 * Return: the child's pid, with *@begin set. On failure no child is left, and the
 * call returns -errno as spawn_template_spawn() does and fills in *args->failure. If
 * the file changes after this call, but before the child has checked the file,
 * spawn_template_begin_wait() returns -ESTALE; CREATE_AUTO_REFRESH does not help
 * then.
 *
 * Since: 0.4
 */
pid_t spawn_template_begin(int tfd,
			   const struct spawn_template_spawn_args *args,
			   size_t size, struct spawn_template_begin **begin);

/**
 * spawn_template_begin_fd - get the fd to poll for the end of a launch (extension)
 * @begin: the launch
 *
 * Once the child has reached exec or failed, the fd is readable as a pipe without a
 * writer is (POLLHUP), and spawn_template_begin_wait() does not block. The fd is for
 * poll(2) and the like only. It has FD_CLOEXEC, belongs to the handle and is closed
 * with it: an event loop stops watching the fd before that. A child that another
 * thread makes at the same time, other than by fork(3), may delay the event until
 * that child execs.
 *
 * Return: the fd; -EACCES after fork(2).
 * Since: 0.4
 */
int spawn_template_begin_fd(struct spawn_template_begin *begin);

/**
 * spawn_template_begin_wait - get the outcome of a launch, and free it (extension)
 * @begin: the launch
 * @pidfd: set on success to the child's pidfd, with FD_CLOEXEC; NULL: the call closes
 *         the pidfd
 * @failure: filled in on failure; or NULL
 * @size: sizeof(*@failure); if below SPAWN_TEMPLATE_FAILURE_SIZE_VER0, or over a
 *        page, the call does not fill in *@failure
 *
 * Blocks until the child has reached exec or failed; see spawn_template_begin_fd().
 * Frees the handle, whatever it returns.
 *
 * Any thread may make the call, even when the thread that began the launch has
 * ended. No other call may use the handle at the same time or later.
 *
 * Return: the pid that spawn_template_begin() returned; the caller owns the child
 * and the pidfd. On failure no child is left, and the call returns -errno as
 * spawn_template_spawn() does: -ECHILD if the child was killed before exec. After
 * fork(2) the launch is the parent's and goes on; in the child the call returns
 * -EACCES.
 * Since: 0.4
 */
pid_t spawn_template_begin_wait(struct spawn_template_begin *begin, int *pidfd,
				struct spawn_template_failure *failure,
				size_t size);

/**
 * spawn_template_begin_kill - kill the child of a launch without waiting (extension)
 * @begin: the launch; the caller still passes it to spawn_template_begin_wait() or
 *         spawn_template_begin_drop()
 *
 * Sends SIGKILL to the child, before exec or after it. To give up a launch, an event
 * loop calls this, and spawn_template_begin_drop() once spawn_template_begin_fd() is
 * readable. Any thread may make the call as long as the handle exists.
 *
 * Return: 0, also if the child has ended; -ESRCH if another wait has reaped the
 * child; -EPERM if the program has other ids since exec; -EACCES after fork(2).
 * Since: 0.4
 */
int spawn_template_begin_kill(struct spawn_template_begin *begin);

/**
 * spawn_template_begin_drop - give up a launch, and free it (extension)
 * @begin: the launch, or NULL
 *
 * Kills the child, before exec or after it, waits until the child has ended, and
 * reaps it. An uninterruptible sleep of the child delays the call; for event loops
 * see spawn_template_begin_kill(). A program that the caller may not signal, because
 * it has other ids since exec, keeps running. In a child of fork(2) the call frees
 * the child's memory only.
 *
 * Threads: as spawn_template_begin_wait().
 * Since: 0.4
 */
void spawn_template_begin_drop(struct spawn_template_begin *begin);

/**
 * spawn_template_strerror - describe a failed launch in a sentence (extension)
 * @failure: filled in by spawn_template_spawn() and the like; or by the caller with
 *           an error (a positive errno), a stage and an action, those of a completion
 *           for example. STAGE_ARGS is the stage for a template that cannot be made
 * @buf: filled in with the sentence, cut off if necessary, and a NUL
 * @size: bytes in @buf; 0: the call writes nothing, and @buf may be NULL
 *
 * The sentence is English, without a newline or the program's name: "exec failed:
 * Permission denied; make it a regular file with ...". The sentence says which step
 * failed and why. The text after the first "; ", if there is one, names the remedy.
 *
 * The call reads error, stage and action only, whatever the size of the failure, and
 * does not depend on the locale.
 *
 * Return: the length of the whole sentence without the NUL, as snprintf(3) does: if
 * that is not less than @size, the sentence was cut off. -EINVAL if @failure is NULL,
 * or @buf is NULL and @size is not 0.
 * Since: 0.4
 */
int spawn_template_strerror(const struct spawn_template_failure *failure,
			    char *buf, size_t size);

/*
 * 3. Checking, refreshing and closing it
 */

/**
 * spawn_template_check - check whether a template is valid (extension)
 * @tfd: the template
 *
 * Makes the checks of a launch. Never refreshes the template, and sends the guard no
 * message.
 *
 * Return: 0, -ESTALE, -ENOTCONN, -EACCES, -EBADF or -EINVAL, as
 * spawn_template_spawn() would for the same fd.
 * Since: 0.1
 */
int spawn_template_check(int tfd);

/**
 * spawn_template_refresh - make a template anew from the file now at its path
 * (extension)
 * @tfd: the template; keeps its number, its FD_CLOEXEC and its counters
 *
 * A template made from an fd has no path; it takes the present identity of the
 * same file. Launches that other threads make during the call use the old file or
 * the new file. The call registers the template anew with the guard, if one runs.
 *
 * Return: 0. On failure the template stays as it was, and the call returns -EBADF,
 * -EINVAL or -EACCES as spawn_template_spawn() does, or an error of
 * spawn_template_create().
 * Since: 0.1
 */
int spawn_template_refresh(int tfd);

/* stat: .state and .stale_reason */
#define SPAWN_TEMPLATE_STATE_FRESH		0
#define SPAWN_TEMPLATE_STATE_STALE		1
#define SPAWN_TEMPLATE_STALE_FILE_CHANGED	1 /* content or metadata */
#define SPAWN_TEMPLATE_STALE_PATH_GONE		2 /* leads to no file */
#define SPAWN_TEMPLATE_STALE_PATH_REPLACED	3 /* leads to another file */
#define SPAWN_TEMPLATE_STALE_GUARD		4 /* see .guard_why */

/* stat: .guard_why, the reason why the guard considers the template stale */
#define SPAWN_TEMPLATE_GUARD_WHY_UNKNOWN	0 /* or it does not */
#define SPAWN_TEMPLATE_GUARD_WHY_IDENTITY	1 /* differed at an exec */
#define SPAWN_TEMPLATE_GUARD_WHY_HEADER		2 /* first bytes differed then */
#define SPAWN_TEMPLATE_GUARD_WHY_OPENED		3 /* file opened for writing */
#define SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES	4 /* chmod, truncate and so on */
#define SPAWN_TEMPLATE_GUARD_WHY_FILE		5 /* exec met another file */
#define SPAWN_TEMPLATE_GUARD_WHY_PROCESS	6 /* not the creator's child */
#define SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS	7 /* not the creator's */
#define SPAWN_TEMPLATE_GUARD_WHY_CLOSED		8 /* no longer registered */

/* stat: .format */
#define SPAWN_TEMPLATE_FORMAT_UNKNOWN		0 /* file not readable */
#define SPAWN_TEMPLATE_FORMAT_ELF		1
#define SPAWN_TEMPLATE_FORMAT_SCRIPT		2
#define SPAWN_TEMPLATE_FORMAT_OTHER		3 /* binfmt_misc may run it */

/* stat: .launch_by, and .by_path_reason */
#define SPAWN_TEMPLATE_LAUNCH_BY_FD		0
#define SPAWN_TEMPLATE_LAUNCH_BY_PATH		1
#define SPAWN_TEMPLATE_BY_PATH_SCRIPT		1 /* interpreters open the path */
#define SPAWN_TEMPLATE_BY_PATH_KERNEL		2 /* comm would be an fd number */
#define SPAWN_TEMPLATE_BY_PATH_NAME		3 /* file name is not the path's */
#define SPAWN_TEMPLATE_BY_PATH_HARD_LINK	4 /* the file has several names */
#define SPAWN_TEMPLATE_BY_PATH_FORMAT		5 /* format unknown */
#define SPAWN_TEMPLATE_BY_PATH_EXECVEAT		6 /* execveat(2) is not allowed */
#define SPAWN_TEMPLATE_BY_PATH_EXECFN		7 /* it may look at AT_EXECFN */
#define SPAWN_TEMPLATE_BY_PATH_BINFMT		8 /* binfmt_misc opens the path */

/* stat: .elf_flags */
#define SPAWN_TEMPLATE_ELF_DYNAMIC		(1U << 0) /* has an interpreter */
#define SPAWN_TEMPLATE_ELF_PIE			(1U << 1)

/* stat: index into .fallbacks[], which counts the launches with each fallback */
#define SPAWN_TEMPLATE_FALLBACK_CLONE		0 /* clone(2) for clone3(2) */
#define SPAWN_TEMPLATE_FALLBACK_PIDFD		1 /* pidfd_open(2) in the child */
#define SPAWN_TEMPLATE_FALLBACK_RANGES		2 /* no CLOSE_RANGE_CLOEXEC */
#define SPAWN_TEMPLATE_FALLBACK_PROC_FD		3 /* no close_range(2) */
#define SPAWN_TEMPLATE_FALLBACK_PATH		4 /* execve(2) for execveat(2) */
#define SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY	5 /* waited for a writer to close */
#define SPAWN_TEMPLATE_FALLBACK_FORK		6 /* fork(2) for clone(2): emulators */
#define SPAWN_TEMPLATE_FALLBACKS_MAX		16

/*
 * stat: index into .cold_reasons[], which counts the cold launches from a template
 * with WARM_ONCE, WARM_FORK or WARM_RUNTIME
 */
#define SPAWN_TEMPLATE_COLD_FIRST		0 /* the first, or first after 30 s */
#define SPAWN_TEMPLATE_COLD_NOT_READY		1 /* no process waits at the moment */
#define SPAWN_TEMPLATE_COLD_BUSY		2 /* others have their lock */
#define SPAWN_TEMPLATE_COLD_FLAGS		3 /* a flag or limit for exec only */
#define SPAWN_TEMPLATE_COLD_DESCRIPTORS		4 /* fds, or actions on them */
#define SPAWN_TEMPLATE_COLD_ARGV0		5 /* another argv[0] than before */
#define SPAWN_TEMPLATE_COLD_ENVIRONMENT		6 /* variables of the dynamic linker */
#define SPAWN_TEMPLATE_COLD_FILES		7 /* a mapped file has changed */
#define SPAWN_TEMPLATE_COLD_INHERITED		8 /* limits, cgroup, ids ... differ */
#define SPAWN_TEMPLATE_COLD_SANDBOX		9 /* Landlock domains differ */
#define SPAWN_TEMPLATE_COLD_PROGRAM		10 /* the program cannot be prepared */
#define SPAWN_TEMPLATE_COLD_LOST		11 /* the process did not answer */
#define SPAWN_TEMPLATE_COLD_GUARDED		12 /* the guard must see an exec */
#define SPAWN_TEMPLATE_COLD_COMMAND		13 /* not "SHELL -c COMMAND ..." */
#define SPAWN_TEMPLATE_COLD_REASONS_MAX		24

struct spawn_template_key {
	uint64_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t mnt_id;
	uint64_t size;			/* bytes */
	uint32_t mode, nlink;		/* nlink is reported, not compared */
	uint32_t uid, gid;
	int64_t ctime_sec, mtime_sec;
	uint32_t ctime_nsec, mtime_nsec;
};

#define SPAWN_TEMPLATE_PATH_MAX			4096

struct spawn_template_stat {
	uint64_t flags;			/* those given to create */
	struct spawn_template_key key;	/* identity at create or refresh */
	uint32_t state, stale_reason;
	uint32_t format;
	uint32_t elf_class;		/* ELFCLASS32, ELFCLASS64 */
	uint32_t elf_machine;		/* EM_* */
	uint32_t elf_flags;
	uint32_t launch_by, by_path_reason;
	uint32_t guarded;		/* 1: exec checks its launches */
	uint32_t warm_ready;		/* processes that wait for a launch */
	uint64_t cold, warm;		/* launches that succeeded */
	uint64_t stale;			/* launches that failed with -ESTALE */
	uint64_t refused;		/* launches that failed with -EACCES */
	uint64_t failed;		/* launches that failed otherwise */
	uint64_t fallbacks[SPAWN_TEMPLATE_FALLBACKS_MAX];
	char path[SPAWN_TEMPLATE_PATH_MAX];		/* "": made from an fd */
	char interpreter[SPAWN_TEMPLATE_PATH_MAX];	/* ELF's, or after #! */
	/* VER1 */
	uint64_t guard_id;		/* the guard's number; 0: none */
	uint32_t guard_why;		/* SPAWN_TEMPLATE_GUARD_WHY_* */
	uint32_t deny_write;		/* 1: writes to the file are denied */
	/* VER2 */
	uint64_t cold_reasons[SPAWN_TEMPLATE_COLD_REASONS_MAX];
};

#define SPAWN_TEMPLATE_STAT_SIZE_VER0		8488
#define SPAWN_TEMPLATE_STAT_SIZE_VER1		8504
#define SPAWN_TEMPLATE_STAT_SIZE_VER2		8696

/**
 * spawn_template_stat - get the identity, state and counters of a template (extension)
 * @tfd: the template
 * @st: filled in
 * @size: sizeof(*@st)
 *
 * st->refused counts the launches that were refused before there was a child, and
 * those from a guarded template that exec refused. Only if the guard considers the
 * template stale does the call ask the guard for the reason, for up to 1 s.
 *
 * Return: 0; -EINVAL if @size is below SPAWN_TEMPLATE_STAT_SIZE_VER0 or tfd is
 * no template; -EBADF; -EACCES. A stale template is not an error: see st->state.
 * Since: 0.1
 */
int spawn_template_stat(int tfd, struct spawn_template_stat *st, size_t size);

/**
 * spawn_template_close - close a template and free its record (extension)
 * @tfd: the template
 *
 * close(2) is enough: the library reuses the record with the fd's number. Dups of
 * @tfd stay open, but are templates no longer. In a child of fork(2) the call closes
 * an inherited template.
 *
 * Return: 0; -EBADF; -EINVAL if @tfd is no template of this process, and then the
 * call closes nothing.
 * Since: 0.1
 */
int spawn_template_close(int tfd);

/*
 * 4. Running a program to its end (an extension, as are all later sections)
 */

/* run: .flags */
#define SPAWN_TEMPLATE_RUN_MERGE_STDERR		(1U << 0) /* stderr joins stdout */
#define SPAWN_TEMPLATE_RUN_NO_CAPTURE		(1U << 1) /* use the caller's own */
#define SPAWN_TEMPLATE_RUN_CGROUP		(1U << 2) /* make a cgroup for it */
#define SPAWN_TEMPLATE_RUN_SUPERVISE		(1U << 3) /* ends with the caller */
#define SPAWN_TEMPLATE_RUN_STREAM		(1U << 4) /* output as it comes */
#define SPAWN_TEMPLATE_RUN_OPEN_INPUT		(1U << 5) /* see ring_write */
#define SPAWN_TEMPLATE_RUN_PTY			(1U << 6) /* gets a terminal */
#define SPAWN_TEMPLATE_RUN_TAIL			(1U << 7) /* keep the last bytes */
#define SPAWN_TEMPLATE_RUN_SPILL		(1U << 8) /* .spill_fd */
#define SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT	(1U << 9) /* see ring_run */
#define SPAWN_TEMPLATE_RUN_END_LEFTOVERS	(1U << 10) /* end the tree at last */
#define SPAWN_TEMPLATE_RUN_LIMITS		(1U << 11) /* on all of the tree */
#define SPAWN_TEMPLATE_RUN_NO_ECHO		(1U << 12) /* of RUN_PTY's terminal */
#define SPAWN_TEMPLATE_RUN_SAME_GROUP		(1U << 13) /* as the caller */
#define SPAWN_TEMPLATE_RUN_TELL_START		(1U << 14) /* see ring_run */
#define SPAWN_TEMPLATE_RUN_TELL_ROOM		(1U << 15) /* CQE_ROOM: see ring_write */
#define SPAWN_TEMPLATE_RUN_END_WITH_CALLER	(1U << 16) /* see ring_run */
#define SPAWN_TEMPLATE_RUN_RAW			(1U << 17) /* RUN_PTY's terminal is */
#define SPAWN_TEMPLATE_RUN_KEEP_LEFTOVERS	0U /* the default of these calls */

#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0	176 /* spawn: 128 bytes */
#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1	312 /* spawn: 256 bytes */
#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2	328
#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3	408
#define SPAWN_TEMPLATE_RUN_MAX_OUTPUT		(16U << 20) /* the default */
#define SPAWN_TEMPLATE_RUN_MAX_UNSEEN		(1U << 20) /* with RUN_STREAM */

/* The size of a terminal, as RUN_PTY and ring_winsize take it. */
#define SPAWN_TEMPLATE_WINSIZE(rows, columns) \
	((uint32_t)(rows) << 16 | (uint32_t)(columns))

struct spawn_template_run_args {
	struct spawn_template_spawn_args spawn;	/* pidfd is ignored */
	uint64_t input;			/* const void *; stdin */
	uint64_t input_len;		/* bytes; 0: stdin is /dev/null */
	uint64_t max_output;		/* bytes kept per stream; 0: 16 MiB */
	uint64_t timeout_ns;		/* starts with the launch; 0: none */
	uint64_t grace_ns;		/* from TERM to KILL; 0: KILL at once */
	uint32_t flags;			/* SPAWN_TEMPLATE_RUN_* */
	int32_t cgroup_parent_fd;	/* for RUN_CGROUP; -1: the caller's own */
	/* VER1 */
	int32_t spill_fd;		/* for RUN_SPILL; else 0 or -1 */
	uint32_t reserved;		/* 0 */
	/* VER2: bounds for output that another process holds open, see run */
	uint64_t held_quiet_ns;		/* time without output; 0: 0.1 s */
	uint64_t held_most_ns;		/* time in all; 0: 1 s */
	/* VER3 */
	uint64_t idle_timeout_ns;	/* time without output; 0: no limit */
	uint64_t detached_timeout_ns;	/* 0: timeout_ns; UINT64_MAX: no limit */
	uint64_t tail_output;		/* bytes, for RUN_TAIL; 0: half of all */
	/* for RUN_LIMITS; 0: no limit */
	uint64_t memory_max;		/* bytes */
	uint64_t memory_swap_max;	/* bytes; 0: none with memory_max; */
					/* UINT64_MAX: no limit */
	uint64_t cpu_max_us;		/* CPU time per 100 ms, in all; from 1000 */
	uint32_t pids_max;		/* threads, also those of processes */
	uint32_t cpu_weight;		/* 1 to 10000; that of others is 100 */
	uint32_t io_weight;		/* 1 to 10000; that of others is 100 */
	uint32_t winsize;		/* SPAWN_TEMPLATE_WINSIZE, for RUN_PTY */
	uint64_t on_output;		/* spawn_template_output_fn, or 0 */
	uint64_t on_output_data;	/* void *, for on_output */
};

/*
 * Takes output of a run with RUN_STREAM. @kind is SPAWN_TEMPLATE_CQE_OUT or _ERR, and
 * @data is valid during the call only. Return: 0; or another value to end the tree.
 */
typedef int (*spawn_template_output_fn)(void *on_output_data, uint32_t kind,
					const void *data, size_t len);

#define SPAWN_TEMPLATE_RUN_ARGS_INIT \
	{ \
		SPAWN_TEMPLATE_SPAWN_ARGS_INIT, 0, 0, 0, 0, 0, 0, -1, -1, 0, \
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
	}

/* result: .flags */
#define SPAWN_TEMPLATE_RESULT_TIMED_OUT		(1U << 0)
#define SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED	(1U << 1) /* there was more */
#define SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED	(1U << 2)
#define SPAWN_TEMPLATE_RESULT_TREE_KILLED	(1U << 3) /* SIGKILL was sent */
#define SPAWN_TEMPLATE_RESULT_PIPE_HELD		(1U << 4) /* see run */
#define SPAWN_TEMPLATE_RESULT_STATUS_LOST	(1U << 5) /* caller reaped it */
#define SPAWN_TEMPLATE_RESULT_CGROUP		(1U << 6) /* it had its own */
#define SPAWN_TEMPLATE_RESULT_IDLE		(1U << 7) /* by idle_timeout_ns */
#define SPAWN_TEMPLATE_RESULT_OOM		(1U << 8) /* see run */
#define SPAWN_TEMPLATE_RESULT_DETACHED		(1U << 9) /* it went on */
#define SPAWN_TEMPLATE_RESULT_NOT_KILLED	(1U << 10) /* it lives on */
#define SPAWN_TEMPLATE_RESULT_SPILLED		(1U << 11) /* files have all */
#define SPAWN_TEMPLATE_RESULT_LEFTOVERS		(1U << 12) /* see .leftovers */
#define SPAWN_TEMPLATE_RESULT_WARM		(1U << 13) /* it was prepared */
#define SPAWN_TEMPLATE_RESULT_UNSEEN		(1U << 14) /* leftovers not known */

/* VER0 is 208; more with musl, whose struct rusage has room to grow */
#define SPAWN_TEMPLATE_RESULT_SIZE_VER0		(64 + sizeof(struct rusage))
#define SPAWN_TEMPLATE_RESULT_SIZE_VER1		(136 + sizeof(struct rusage))
#define SPAWN_TEMPLATE_RESULT_SIZE_VER2		(176 + sizeof(struct rusage))

struct spawn_template_result {
	int32_t code;			/* exit code, or -1 */
	int32_t signal;			/* the signal that ended it, or -1 */
	uint32_t flags;			/* SPAWN_TEMPLATE_RESULT_* */
	uint32_t size;			/* the version filled in; 0: VER0 */
	char *out, *err;		/* a NUL follows the last byte; NULL: */
	size_t out_len, err_len;	/* not captured */
	struct rusage usage;		/* the program's and its reaped children's */
	uint64_t spawn_ns;		/* until it had passed exec */
	uint64_t total_ns;		/* until it had ended and all was read */
	/* VER1: usage again, in the same layout with every libc */
	uint64_t user_us, system_us;	/* CPU time */
	uint64_t max_rss_kib;		/* peak resident memory */
	uint64_t minor_faults;		/* page faults, served without I/O */
	uint64_t major_faults;		/* page faults, served with I/O */
	uint64_t block_inputs, block_outputs;
	uint64_t voluntary_switches;	/* context switches */
	uint64_t involuntary_switches;
	/* VER2 */
	uint64_t out_total, err_total;	/* bytes that were read, kept or not */
	uint64_t memory_peak;		/* bytes, of the tree; RUN_LIMITS; 0: unknown */
	uint64_t cpu_us;		/* CPU time of the tree; the same */
	uint32_t leftovers;		/* see RUN_END_LEFTOVERS */
	uint32_t reserved;		/* 0 */
};

/**
 * spawn_template_run - launch a program and wait until it has ended (extension)
 * @tfd: the template
 * @args: the launch, the input, and the limits of output and time
 * @size: sizeof(*@args)
 * @result: filled in; the caller passes it to spawn_template_result_free()
 * @result_size: sizeof(*@result)
 *
 * The program reads @args->input from its stdin, or has /dev/null there, or an empty
 * pipe if the call cannot open /dev/null. The call captures the program's stdout and
 * stderr, each up to max_output bytes. Beyond max_output the call reads and drops the
 * output, so that the program does not block, and sets RESULT_OUT_TRUNCATED or
 * RESULT_ERR_TRUNCATED. With RUN_MERGE_STDERR stdout and stderr go to out, in the
 * order written, and err is empty. With RUN_NO_CAPTURE the program has the caller's
 * stdout and stderr, and out and err are NULL. Fds 0 to 2 are set before the actions
 * of @args->spawn, which may change them. No byte is changed.
 *
 * With RUN_TAIL the call keeps the first bytes of a stream and the last tail_output
 * bytes, max_output in all. If the stream is truncated, out_total - out_len bytes are
 * missing between these.
 *
 * With RUN_SPILL a stream that exceeds max_output goes to a file, from its first byte
 * on, while it comes, and RESULT_SPILLED is set. If spill_fd is a directory, the call
 * makes the files "out" and "err" there, with mode 0600; they must not exist. If it is a
 * regular file, the call writes to it, and needs RUN_MERGE_STDERR. If a file cannot be
 * made or written to, RESULT_SPILLED is not set, and the run goes on. A ring writes the
 * files in the thread that serves all of its runs: they belong on a fast, local file system.
 *
 * With RUN_PTY the program's stdin, stdout and stderr are a new pseudo-terminal, which is
 * its controlling terminal, of args->winsize. Its output comes as of one stream, as with
 * RUN_MERGE_STDERR. The terminal is in its first state: it echoes the input, unless
 * RUN_NO_ECHO is set, writes "\r\n" for "\n", takes the byte 3 (Ctrl-C) for an
 * interrupt, and drops what exceeds 4095 bytes without a newline. Behind the input it gets
 * its end-of-file character. When the program ends, the kernel sends SIGHUP to the
 * processes in the foreground of the terminal.
 *
 * The tree is the program and all processes that it starts. The tree has a session
 * of its own, and so no controlling terminal, unless @args->spawn has
 * SPAWN_SETPGROUP. With RUN_SAME_GROUP it stays in the caller's session and process
 * group, and can use the caller's terminal as the caller can: the terminal signals and
 * stops both together. No signal of the call goes to that group. So without a cgroup or a
 * keeper the end of the tree reaches the descendants that /proc shows, and no others, and
 * what the program leaves behind is not known (RESULT_UNSEEN).
 * With RUN_CGROUP the tree also has a cgroup of its own, below
 * cgroup_parent_fd. If that is -1, the call makes the cgroup below the caller's own,
 * if the caller may write there; else the run goes on without a cgroup, and
 * RESULT_CGROUP is not set.
 * The call removes the cgroup after the run, and moves processes that still live in
 * the cgroup to its parent.
 *
 * When timeout_ns have passed since the launch, the tree gets SIGTERM, and SIGKILL
 * after another grace_ns; RESULT_TIMED_OUT is set. In a cgroup the signals reach the
 * whole tree. Without a cgroup they reach the process group, the session if the
 * program leads it, and the descendants that /proc shows, all of which are stopped
 * first; they miss a process that has left the group and whose parent has ended. The
 * timeout does not end a call whose child never gets past exec; in a ring it does.
 *
 * When idle_timeout_ns have passed without output, while the program runs, the tree
 * is ended in the same way; RESULT_TIMED_OUT and RESULT_IDLE are set.
 *
 * With RUN_STREAM the call keeps no output, and out and err are NULL: it calls
 * args->on_output for each part of the output as it comes, in this thread. If
 * on_output returns a value other than 0, the tree gets SIGTERM, and SIGKILL after
 * grace_ns, and on_output is not called again; the call still returns 0 and a result.
 *
 * If the program has ended but another process holds its stdout or stderr open, the
 * call reads on until there has been no output for held_quiet_ns, for held_most_ns at
 * most, and then sets RESULT_PIPE_HELD. With UINT64_MAX in both, the call reads to the
 * end of the output, as long as timeout_ns allows. The other process lives on, unless
 * the run had timed out. A run that has timed out or was cancelled waits for 0.1 s and
 * 1 s at most.
 *
 * With RUN_END_LEFTOVERS the processes that the program leaves in its tree are ended
 * when it has ended and its output was read: they get SIGTERM, and SIGKILL after
 * grace_ns. RESULT_LEFTOVERS is set, and result->leftovers has their number. Without the
 * flag they live on.
 *
 * With RUN_LIMITS the tree has a cgroup, and in that the limits of @args, written before
 * there is a process; what cannot be limited makes the call fail. Above memory_max the
 * kernel ends all of the tree, and nothing else, and RESULT_OOM is set; the flag also
 * tells that the kernel ended part of the tree because another cgroup, or the machine, was
 * out of memory. Above pids_max fork(2) fails in the tree with EAGAIN. memory_peak (since
 * Linux 5.19, if the controller "memory" is enabled) and cpu_us are those of the whole
 * tree. RUN_LIMITS implies RUN_END_LEFTOVERS: after the run the leftovers would have no
 * limits.
 * With cgroup_parent_fd -1 the call enables the controllers in the caller's own cgroup or,
 * if the caller's cgroup is a leaf below a delegated one, in that. In a delegated cgroup
 * that has processes, as under "systemd-run -p Delegate=yes", it first moves these to the
 * cgroup "spawn-template.caller" below. A cgroup is delegated if it has systemd's attribute
 * user.delegate, or is the topmost of a container. With a cgroup_parent_fd the call
 * enables the controllers there, and moves nothing.
 *
 * RUN_SUPERVISE ends the tree when the caller execs or ends, whatever ends the caller.
 * It implies RUN_CGROUP. With a cgroup, a small process does that for all runs of a
 * ring; processes that the program leaves in its cgroup end with the call or, in a
 * ring, with the ring. The call, or the first such run of a ring, costs as much as
 * fork(2). Without a cgroup each run has such a process, a keeper, and costs as much
 * as fork(2). The keeper is the program's parent and adopts orphans
 * (PR_SET_CHILD_SUBREAPER), so that the deadline, RUN_END_LEFTOVERS and the end of
 * the run reach processes with sessions of their own, too; what the program leaves
 * behind ends with the run. Such a launch is cold.
 *
 * In a process that reaps every child or ignores SIGCHLD, the exit status is lost:
 * code and signal are -1 and RESULT_STATUS_LOST is set, unless the kernel still
 * knows the status (PIDFD_GET_INFO, Linux 6.15). The call raises no SIGPIPE in the
 * caller. A signal handler that runs during the call does not end the call.
 *
 * The call leaves a child behind that it could not kill, or that a tracer keeps from
 * being reaped. Later runs reap such a child once that is possible.
 *
 * Return: 0 once the program has run, however it ended, and the child is reaped;
 * no fd and no thread is left. On failure no child is left, *@result is as it was,
 * and the call returns
 *   an error of spawn_template_spawn(), with its stage in *spawn.failure
 *   -EINVAL  size or result_size too small; unknown flag; input 0 with a length;
 *            RUN_CGROUP with cgroup_parent_fd below -1, or with INTO_CGROUP;
 *            RUN_STREAM without on_output, or on_output without RUN_STREAM;
 *            RUN_STREAM or idle_timeout_ns with RUN_NO_CAPTURE; RUN_OPEN_INPUT or
 *            RUN_DETACH_ON_TIMEOUT, RUN_TELL_START or RUN_END_WITH_CALLER, which are
 *            for rings;
 *            RUN_SAME_GROUP with RUN_PTY, SPAWN_SETSID or SPAWN_SETPGROUP;
 *            RUN_TAIL or RUN_SPILL with
 *            RUN_STREAM or RUN_NO_CAPTURE; tail_output above max_output; spill_fd is
 *            neither a directory nor a regular file; RUN_PTY with RUN_NO_CAPTURE or
 *            SPAWN_SETPGROUP; RUN_NO_ECHO or RUN_RAW without RUN_PTY; a limit without
 *            RUN_LIMITS, or out of its range
 *   -ENOTDIR spill_fd is a file, without RUN_MERGE_STDERR
 *   -EBADF   cgroup_parent_fd is no cgroup v2 directory
 *   -EOPNOTSUPP  RUN_SUPERVISE in a new pid namespace, or without a cgroup for a
 *            guarded template or without the /proc of the caller's pid namespace; or
 *            RUN_LIMITS, and no cgroup v2 directory that the caller may write; at
 *            STAGE_ATTR: the controller of a limit is not there
 *   -EBUSY, -EACCES, -EPERM or -EROFS at STAGE_ATTR: the controller of a limit cannot be
 *            enabled, because processes are in the cgroup, or for lack of rights
 *   an error of mkdir(2), if the call cannot make a directory below a
 *            cgroup_parent_fd >= 0
 *
 * Since: 0.2
 */
int spawn_template_run(int tfd, const struct spawn_template_run_args *args,
		       size_t size, struct spawn_template_result *result,
		       size_t result_size);

/**
 * spawn_template_result_free - free the output in a result (extension)
 * @result: filled in by spawn_template_run(); out and err are freed and set to NULL
 *
 * spawn_template_ring_seen() does the same for the results of a ring. To keep out
 * or err, the caller copies the pointer and sets the field to NULL before; it frees
 * the output by free(3) later.
 *
 * Since: 0.2
 */
void spawn_template_result_free(struct spawn_template_result *result);

/*
 * 5. Signalling a whole tree of processes
 */

#define SPAWN_TEMPLATE_KILL_TREE		(1U << 0)

#define SPAWN_TEMPLATE_CHILD_SIZE_VER0		16

/* A child, for spawn_template_kill(). */
struct spawn_template_child {
	int32_t pid;
	int32_t pidfd;
	int32_t cgroup_fd;		/* directory of its own; -1: none */
	uint32_t size;			/* this structure's; 0: VER0 */
};

#define SPAWN_TEMPLATE_CHILD_INIT \
	{ \
		-1, -1, -1, 0, \
	}

/**
 * spawn_template_kill - signal a child, or its whole tree (extension)
 * @child: not yet reaped, so that no other process has its pid
 * @sig: the signal
 * @flags: 0, or SPAWN_TEMPLATE_KILL_TREE
 *
 * With KILL_TREE the signal goes to all processes in cgroup_fd, if that is not -1.
 * Else it goes to the child's process group and session, if the child leads them,
 * and to the descendants that /proc shows, as described at spawn_template_run(); if
 * the signal ends processes, they are stopped before and continued after. A child
 * that has ended but is not yet reaped still stands for its group.
 *
 * Return: 0 if the call has signalled a process; -ESRCH if no process is left;
 * -EINVAL for a bad signal, flag or size, or a pid that is 1 or less, or the
 * caller's own; -E2BIG for a size over a page, or a byte beyond the known fields that
 * is not 0; -EPERM as kill(2), if the caller may signal none of them; -EBADF if pidfd
 * is no open pidfd, or cgroup_fd no cgroup v2 directory.
 * Since: 0.2
 */
int spawn_template_kill(const struct spawn_template_child *child, int sig,
			unsigned int flags);

/*
 * 6. Many launches and runs at a time
 *
 * A ring makes launches and runs without blocking the thread that asks for them:
 *
 *	spawn_template_ring_init(64, NULL, 0, &ring);
 *	spawn_template_ring_run(ring, tfd, &run_args, sizeof(run_args), 1);
 *	spawn_template_ring_submit(ring);
 *	...
 *	spawn_template_ring_wait(ring, &cqe, -1);
 *	use(cqe->user_data, cqe->res, cqe->result);
 *	spawn_template_ring_seen(ring, cqe);
 *	spawn_template_ring_exit(ring);
 */

struct spawn_template_ring;

#define SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0	40
#define SPAWN_TEMPLATE_RING_ENTRIES_MAX		4096
#define SPAWN_TEMPLATE_RING_THREADS_MAX		64

struct spawn_template_ring_params {
	uint32_t flags;			/* 0 */
	uint32_t threads;		/* least number that launch; 0: by CPUs */
	uint64_t reserved[4];		/* 0 */
};

#define SPAWN_TEMPLATE_RING_PARAMS_INIT \
	{ \
		0, 0, { 0, 0, 0, 0 }, \
	}

/**
 * spawn_template_ring_init - make a ring (extension)
 * @entries: number of launches and runs that the ring holds, from queueing until
 *           spawn_template_ring_seen(): 1 to SPAWN_TEMPLATE_RING_ENTRIES_MAX
 * @params: or NULL
 * @size: sizeof(*@params); 0 with NULL
 * @ring: set to the ring
 *
 * The process has one set of launching threads for all its rings: at least
 * params->threads, by default 2 for each CPU that the process may run on, up to 8.
 * The launching threads live until the process ends, because SPAWN_DIE_WITH_PARENT
 * watches the thread that launched. Each ring has another thread, which reads output
 * and watches deadlines, until the ring ends. All these threads block all signals.
 *
 * The launching threads inherit credentials, capabilities, seccomp filters,
 * namespaces and scheduling from the thread that makes the first ring: restrict that
 * thread before. A launch is refused with -EACCES if the thread that queued it has
 * no_new_privs or a seccomp mode and the launching thread has neither, or if the ids,
 * groups, securebits or capabilities (all five sets) of these two threads differ.
 * The library cannot detect other differences, such as a second filter, a namespace
 * or Landlock.
 *
 * After fork(2) the child's copy is inert: every call returns -EACCES, and
 * spawn_template_ring_exit() frees the child's memory only.
 *
 * Return: 0; -EINVAL for entries or threads out of range, a bad size, an unknown
 * flag or a reserved field that is not 0; -E2BIG; -ENOMEM, -EMFILE, -ENFILE, -EAGAIN;
 * as pthread_create(3): -EINVAL after unshare(CLONE_NEWPID); -EPERM or -EACCES if a
 * sandbox refuses clone3(2) so, since libc tries clone(2) only after ENOSYS.
 * Since: 0.2
 */
int spawn_template_ring_init(unsigned int entries,
			     const struct spawn_template_ring_params *params,
			     size_t size, struct spawn_template_ring **ring);

/**
 * spawn_template_ring_fd - get the fd to poll for completions (extension)
 * @ring: the ring
 *
 * The fd is an eventfd, readable while completions wait, and is for poll(2) and the
 * like only: the ring owns, reads and closes it. In rare cases the fd is readable
 * without a completion; spawn_template_ring_wait() with timeout 0 clears that state.
 *
 * Return: the fd; -EACCES after fork(2); -EBADF if the process has closed
 * descriptors of the ring.
 * Since: 0.2
 */
int spawn_template_ring_fd(struct spawn_template_ring *ring);

/**
 * spawn_template_ring_spawn - queue a launch (extension)
 * @ring: the ring
 * @tfd: the template
 * @args: as for spawn_template_spawn(); pidfd and failure are ignored
 * @size: sizeof(*@args)
 * @user_data: comes back in the completion
 *
 * The launch starts with spawn_template_ring_submit(). The call copies all that
 * @args points to, but not the fds: the launch uses @tfd and the fds in @args by
 * number, and they must stay open until it completes. The child starts with the
 * signal mask of the thread that queued the launch, and in the directory that is the
 * process's current one at the time of the launch.
 *
 * On success the completion has res 0, pid and pidfd, and the caller owns the child
 * and the pidfd. On failure res is the value that spawn_template_spawn() would have
 * returned, and flags tell the stage. When fds, memory or processes run short
 * (-EMFILE, -ENFILE, -ENOMEM, -EAGAIN), the ring retries the launch for up to 1 s.
 *
 * Any number of threads may queue and submit at a time.
 *
 * Return: 0; -EAGAIN if the ring is full; -EINVAL, -E2BIG for malformed
 * arguments, as spawn_template_spawn(); -ENOMEM; -EACCES after fork(2).
 * Since: 0.2
 */
int spawn_template_ring_spawn(struct spawn_template_ring *ring, int tfd,
			      const struct spawn_template_spawn_args *args,
			      size_t size, uint64_t user_data);

/**
 * spawn_template_ring_run - queue a run to completion (extension)
 * @ring, @tfd, @size, @user_data: as for spawn_template_ring_spawn()
 * @args: as for spawn_template_run(); the call copies the input, too
 *
 * On success the completion has res 0 and a result as of spawn_template_run(). If
 * the launch failed, res is its -errno, -ETIMEDOUT if the timeout came before exec.
 * A run that was cancelled after its launch has res -ECANCELED and a result with the
 * output so far.
 *
 * With RUN_STREAM the output comes in completions of kind CQE_OUT and CQE_ERR, before
 * the completion of kind CQE_END with the result, in which out and err are NULL. These
 * completions need no entry of the ring. The ring hands over at most max_output bytes
 * of each stream, 1 MiB by default, beyond those that the caller has given back by
 * spawn_template_ring_seen(); each completion counts for about 150 bytes more. Then the
 * ring reads no further, so that the program blocks when it writes, until half of that
 * is given back; meanwhile idle_timeout_ns does not count. A run ends when all of its
 * output is handed over. If it has timed out or was cancelled, up to 64 KiB more are
 * handed over, and the rest is dropped: RESULT_OUT_TRUNCATED, RESULT_ERR_TRUNCATED.
 *
 * With RUN_DETACH_ON_TIMEOUT the run goes on when timeout_ns or idle_timeout_ns have
 * passed while the program runs. A completion of kind CQE_DETACHED comes, with res 0
 * and a result that has the output so far, RESULT_TIMED_OUT, RESULT_DETACHED and perhaps
 * RESULT_IDLE. From then on the run has detached_timeout_ns, after which the tree is
 * ended, and no idle_timeout_ns. The completion of kind CQE_END has RESULT_DETACHED, and
 * all of the output; RESULT_TIMED_OUT only if the second time has passed, too.
 *
 * With RUN_TELL_START a completion of kind CQE_STARTED comes once the program has passed
 * exec, and before all others of the run except output. It has res 0, the pid, and a
 * pidfd, with which the caller can signal the program. The ring closes the pidfd in
 * spawn_template_ring_seen(); it is -1 if no descriptor was free.
 *
 * With RUN_END_WITH_CALLER the tree of a run in flight ends when the caller execs or
 * ends, whatever ends the caller. A small process, the sentinel, sees that. It serves all
 * runs of the ring, and stops and kills each program, its group, its session, and the
 * descendants of all these. A process that has left both group and session after its
 * parent had ended, as a daemon does, is not found: RUN_SUPERVISE finds those. What the
 * program has left when its run is over lives on, unless RUN_END_LEFTOVERS is set. The
 * first such run of a ring costs as much as fork(2), in the thread that launches; all
 * others cost a few stores. With RUN_CGROUP, a cgroup with supervisor does this work, if
 * there can be one; what the program has left then ends with the ring. Where there can
 * be no sentinel, for example without the /proc of the caller's pid namespace, the flag
 * has the effect of SPAWN_DIE_WITH_PARENT. Do not set both: the kernel would end the
 * program first, and what has left its group and session would not be found. The flag
 * has no effect beside RUN_SUPERVISE.
 *
 * Return: as spawn_template_ring_spawn(), and -EINVAL as spawn_template_run(), with
 * on_output, which is for that call, or for RUN_DETACH_ON_TIMEOUT without timeout_ns.
 * Since: 0.2
 */
int spawn_template_ring_run(struct spawn_template_ring *ring, int tfd,
			    const struct spawn_template_run_args *args,
			    size_t size, uint64_t user_data);

/**
 * spawn_template_ring_submit - start the queued launches and runs (extension)
 * @ring: the ring
 *
 * Hands all launches and runs that any thread has queued in the ring to the launching
 * threads, which take them in the order of queueing. The call does not wait for them.
 *
 * Return: the number submitted, which may be 0; -EACCES after fork(2); -EBADF if the
 * process has closed descriptors of the ring: see spawn_template_ring_exit().
 * Since: 0.2
 */
int spawn_template_ring_submit(struct spawn_template_ring *ring);

/*
 * A completion is the outcome of one launch or run. The ring makes it, in the size
 * that the library knows. Later versions append fields, and fill them in only for
 * launches and runs that ask for them.
 */
struct spawn_template_cqe {
	uint64_t user_data;		/* the caller's, as queued */
	int32_t res;			/* 0, or a negated errno */
	uint32_t flags;			/* if the launch failed: see below */
	int32_t pid;			/* the child's; -1: there is none */
	int32_t pidfd;			/* the caller's, from ring_spawn; the */
					/* ring's, with CQE_STARTED; else -1 */
	struct spawn_template_result *result;	/* from ring_run; or NULL */
	/* since 0.4 */
	uint32_t kind;			/* SPAWN_TEMPLATE_CQE_* */
	uint32_t data_len;		/* bytes */
	const void *data;		/* output; NULL with CQE_END */
};

/* cqe: .kind; every other kind is followed by more of the same launch or run */
#define SPAWN_TEMPLATE_CQE_END			0 /* it is over */
#define SPAWN_TEMPLATE_CQE_OUT			1 /* part of stdout */
#define SPAWN_TEMPLATE_CQE_ERR			2 /* part of stderr */
#define SPAWN_TEMPLATE_CQE_DETACHED		3 /* the first deadline has come */
#define SPAWN_TEMPLATE_CQE_ROOM			4 /* the input has room again */
#define SPAWN_TEMPLATE_CQE_STARTED		5 /* the program has passed exec */

/* cqe: .flags holds the stage and the action of spawn_template_failure */
#define SPAWN_TEMPLATE_CQE_STAGE(flags) ((flags) & 0xff)
#define SPAWN_TEMPLATE_CQE_ACTION(flags) ((flags) >> 8)

/**
 * spawn_template_ring_wait - take a completion (extension)
 * @ring: the ring
 * @cqe: set to the oldest completion; valid until spawn_template_ring_seen()
 * @timeout_ms: longest time to wait for a completion; 0: do not wait; -1: no limit
 *
 * Submits all queued launches and runs first. Several threads may wait; each
 * completion goes to one of them. With -1 the call waits even if nothing is in
 * flight: another thread may submit.
 *
 * Return: 0; -ETIME if no completion came in time; -EINTR if a signal handler ran;
 * -EINVAL for a timeout below -1; -EACCES after fork(2); -EBADF if the process has
 * closed descriptors of the ring.
 * Since: 0.2
 */
int spawn_template_ring_wait(struct spawn_template_ring *ring,
			     struct spawn_template_cqe **cqe, int timeout_ms);

/**
 * spawn_template_ring_seen - give a completion back (extension)
 * @ring: the ring
 * @cqe: taken by spawn_template_ring_wait(); its result and data are freed
 *
 * Since: 0.2
 */
void spawn_template_ring_seen(struct spawn_template_ring *ring,
			      struct spawn_template_cqe *cqe);

/* The most bytes of input that a ring keeps for a run. */
#define SPAWN_TEMPLATE_RING_MAX_INPUT		(1U << 20)

/**
 * spawn_template_ring_write - write to the stdin of a run (extension)
 * @ring: the ring
 * @user_data: of a run with RUN_OPEN_INPUT; of several runs, the call writes to one
 * @buf: the bytes; copied
 * @len: number of bytes
 *
 * With RUN_OPEN_INPUT the program reads args->input, if there is any, and then the
 * bytes of these calls, until spawn_template_ring_close_input(). The run may be queued
 * or under way. The ring keeps up to SPAWN_TEMPLATE_RING_MAX_INPUT bytes that do not
 * fit into the pipe yet.
 *
 * The call never blocks and raises no SIGPIPE. Threads that write to the same run at
 * the same time do not mix the bytes of their calls.
 *
 * With RUN_TELL_ROOM, which needs RUN_OPEN_INPUT, a completion of kind CQE_ROOM follows
 * an -EAGAIN, once half of the room is free again, or nobody reads any more. It has res
 * 0 and nothing else, and needs no entry of the ring. It comes once, for all calls that
 * have found no room before it. None is made after spawn_template_ring_close_input(), and
 * none comes behind the completion of kind CQE_END.
 *
 * Return: the number of bytes taken, which may be less than @len; -EAGAIN if the ring
 * has no room until the program reads; -EPIPE if nobody reads the program's stdin, or
 * the input was closed; -ENOENT if there is no such run, or it is over; -EINVAL if the
 * run has no RUN_OPEN_INPUT, or @buf is NULL; -ENOMEM; -EACCES after fork(2); -EBADF if
 * the process has closed descriptors of the ring.
 * Since: 0.4
 */
int spawn_template_ring_write(struct spawn_template_ring *ring,
			      uint64_t user_data, const void *buf, size_t len);

/**
 * spawn_template_ring_close_input - end the stdin of a run (extension)
 * @ring: the ring
 * @user_data: of a run with RUN_OPEN_INPUT
 *
 * The program reads the bytes that were written before, and then the end of the file.
 *
 * Return: 0, also if the input was closed before; -ENOENT if there is no such run, or it
 * is over; -EINVAL if the run has no RUN_OPEN_INPUT; -EACCES after fork(2); -EBADF as
 * above.
 * Since: 0.4
 */
int spawn_template_ring_close_input(struct spawn_template_ring *ring,
				    uint64_t user_data);

/**
 * spawn_template_ring_winsize - set the size of a run's terminal (extension)
 * @ring: the ring
 * @user_data: of a run with RUN_PTY; of several runs, the call sets the size of one
 * @winsize: SPAWN_TEMPLATE_WINSIZE(rows, columns), not 0
 *
 * If the size changes, the processes in the foreground of the terminal get SIGWINCH.
 *
 * Return: 0; -ENOENT if there is no such run, or it is over; -EINVAL if the run has no
 * RUN_PTY, or @winsize is 0; -EACCES after fork(2); -EBADF as above.
 * Since: 0.4
 */
int spawn_template_ring_winsize(struct spawn_template_ring *ring,
				uint64_t user_data, uint32_t winsize);

/**
 * spawn_template_ring_cancel - cancel launches and runs (extension)
 * @ring: the ring
 * @user_data: the call cancels all launches and runs that were queued with it
 *
 * A queued launch or run never starts. The tree of a run gets SIGTERM, and SIGKILL
 * after its grace_ns. The child of a launch that is under way is killed after exec,
 * or after 0.1 s if it is not past exec by then. Each cancelled launch or run
 * completes once, with -ECANCELED; one that completes before the cancel takes effect
 * completes as usual.
 *
 * Return: the number of launches and runs that were found and not complete; -ENOENT
 * if there were none; -EACCES after fork(2).
 * Since: 0.2
 */
int spawn_template_ring_cancel(struct spawn_template_ring *ring,
			       uint64_t user_data);

/**
 * spawn_template_ring_exit - end a ring (extension)
 * @ring: the ring, or NULL; no other thread may use it from now on
 *
 * Queued launches and runs never start. The trees of runs get SIGKILL. The children
 * of completed launches by ring_spawn live on; the call closes the pidfds of
 * completions that were not taken.
 * The call waits until the runs have ended, at most 2 s, and at most 2 s more for
 * processes that supervised runs have left. If a child is in an uninterruptible
 * sleep, the ring's memory and fds are freed when it ends.
 *
 * If the process has closed descriptors of the ring, for example all above 2, other
 * calls on the ring return -EBADF: the process ends the ring and makes another. In this
 * case the call closes only fds that are still the ring's, and does not wait; runs in
 * flight go on, and are not reaped. Those with RUN_END_WITH_CALLER or RUN_SUPERVISE have
 * been killed when the descriptors were closed, which looks to others like an exec.
 *
 * Since: 0.2
 */
void spawn_template_ring_exit(struct spawn_template_ring *ring);

/*
 * 7. Templates of many programs, by name
 *
 * A cache is for callers that do not know beforehand which programs to launch:
 *
 *	spawn_template_cache_new(NULL, 0, &cache);
 *	...
 *	tfd = spawn_template_cache_get(cache, "git", NULL);
 *	pid = spawn_template_spawn(tfd, &args, sizeof(args));
 *	spawn_template_cache_drop(cache, tfd);
 *	...
 *	spawn_template_cache_free(cache);
 */

struct spawn_template_cache;

#define SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0	32
#define SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1	40
#define SPAWN_TEMPLATE_CACHE_ENTRIES		256 /* the default */
#define SPAWN_TEMPLATE_CACHE_ENTRIES_MAX	4096

struct spawn_template_cache_params {
	uint64_t create_flags;		/* SPAWN_TEMPLATE_CREATE_* */
	uint64_t hold_ns;		/* costly templates stay open; 0: no */
	uint64_t negative_ns;		/* refusals are remembered; 0: no */
	uint32_t entries;		/* files to remember; 0: 256 */
	uint32_t warm_target;		/* as for spawn_template_create() */
	/* VER1 */
	uint64_t warm_preload;		/* const char *, modules for Pythons */
};

#define SPAWN_TEMPLATE_CACHE_PARAMS_INIT \
	{ \
		0, 0, 0, 0, 0, 0, \
	}

/**
 * spawn_template_cache_new - make a cache of templates (extension)
 * @params: or NULL
 * @size: sizeof(*@params); 0 with NULL
 * @cache: set to the cache
 *
 * A cache remembers the results of spawn_template_create() for a file, under its
 * absolute path, as long as the file's identity key does not change. The cache
 * remembers params->entries files, and forgets the least recently used. It keeps no
 * file open: between the last drop of a template and the next get, the cache keeps
 * neither the space of a deleted file nor a mount in use.
 *
 * Two kinds of templates are costly to make: those that the guard knows, and those
 * with prepared processes (CREATE_WARM_ONCE, _FORK and _RUNTIME, which have no use
 * without hold_ns). A costly template stays open for params->hold_ns after its last drop, and
 * no longer, even if no other call comes: the first such drop starts a thread, which
 * blocks all signals and ends when the cache holds no template. No other template
 * stays open.
 *
 * For params->negative_ns after a file was refused with -EACCES, -ENOEXEC or
 * -ETXTBSY, the cache refuses the file again without examining it, unless the file
 * has changed. The cache never remembers that there is no file.
 *
 * params->create_flags apply to all templates of the cache; CREATE_CLOEXEC is
 * implied. CREATE_WARM_RUNTIME applies to programs whose name begins with "python", with
 * params->warm_preload as their modules; if WARM_ONCE or WARM_FORK is given, too, all
 * others are prepared by that.
 *
 * After fork(2) the child's copy of the cache is empty: the child makes its own
 * templates.
 *
 * Return: 0; -EINVAL for entries above SPAWN_TEMPLATE_CACHE_ENTRIES_MAX, a bad
 * size, an unknown flag, a reserved field that is not 0, warm_preload without
 * WARM_RUNTIME or that is no list of modules, or @cache NULL; -EOPNOTSUPP for
 * CREATE_DENY_WRITE with CREATE_NO_GUARD; -E2BIG; -ENOMEM.
 * Since: 0.4
 */
int spawn_template_cache_new(const struct spawn_template_cache_params *params,
			     size_t size, struct spawn_template_cache **cache);

/**
 * spawn_template_cache_get - get a template by name (extension)
 * @cache: the cache
 * @name: the file name to look for; a name with a slash is used as it is
 * @path: directories separated by colons, as for spawn_template_search()
 *
 * Looks @name up at each call, as spawn_template_search() does, and so notices at
 * once that a file was installed, replaced or removed. The template belongs to the
 * cache, and the caller does not close it. The template stays valid until
 * spawn_template_cache_drop(), whatever the cache forgets in the meantime. Callers
 * that have the same file out at the same time share one fd; each of them drops it.
 *
 * If the file is replaced between get and a launch, the launch returns -ESTALE: drop
 * the template and get it again, or set CREATE_AUTO_REFRESH in params->create_flags.
 *
 * Any number of threads may call at once. No call waits for the file system of
 * another call.
 *
 * Return: a template, with FD_CLOEXEC; or as spawn_template_search(). If the process
 * has no free fd, the call closes the templates that the cache holds, and tries once
 * more.
 * Since: 0.4
 */
int spawn_template_cache_get(struct spawn_template_cache *cache,
			     const char *name, const char *path);

/**
 * spawn_template_cache_drop - give a template back (extension)
 * @cache: the cache
 * @tfd: the template, from spawn_template_cache_get() with this cache
 *
 * In a child of fork(2) the call closes the child's copy of a template that the
 * parent had out at the fork.
 *
 * Return: 0; -EBADF if @tfd is not open; -EINVAL if it is not out; -ENOMEM, in a child
 * of fork(2) only.
 * Since: 0.4
 */
int spawn_template_cache_drop(struct spawn_template_cache *cache, int tfd);

#define SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0	72

struct spawn_template_cache_stat {
	uint64_t shared;		/* gets: template was open */
	uint64_t revived;		/* gets: file was remembered */
	uint64_t made;			/* gets: file was examined */
	uint64_t changed;		/* part of made: remembered file changed */
	uint64_t refused;		/* gets: refusal was remembered */
	uint32_t known;			/* files remembered now */
	uint32_t out;			/* templates out now */
	uint32_t held;			/* templates that hold_ns keeps open now */
	uint32_t reserved;		/* 0 */
	uint64_t cold, warm;		/* launches that succeeded */
};

/**
 * spawn_template_cache_stat - get the counters of a cache (extension)
 * @cache: the cache
 * @st: filled in
 * @size: sizeof(*@st)
 *
 * In a child of fork(2) the counters of gets start from the parent's values, those of
 * launches from 0.
 *
 * Return: 0; -EINVAL if @size is below SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0;
 * -ENOMEM.
 * Since: 0.4
 */
int spawn_template_cache_stat(struct spawn_template_cache *cache,
			      struct spawn_template_cache_stat *st,
			      size_t size);

/**
 * spawn_template_cache_free - free a cache (extension)
 * @cache: the cache, or NULL; no other thread may use it from now on
 *
 * Templates that are out stay valid. They now belong to the caller, who closes each
 * by spawn_template_close(). The call closes all others.
 *
 * Since: 0.4
 */
void spawn_template_cache_free(struct spawn_template_cache *cache);

/*
 * 8. Sandboxes for launches
 *
 * A sandbox is made once from plain lists, and holds for any number of launches:
 *
 *	const char *const ro[] = { "/", NULL }, *const rw[] = { ".", NULL };
 *	struct spawn_template_sandbox_args wishes =
 *		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;
 *
 *	wishes.flags = SPAWN_TEMPLATE_SANDBOX_NO_NET;
 *	wishes.read_only = (uintptr_t)ro;
 *	wishes.writable = (uintptr_t)rw;
 *	spawn_template_sandbox_new(&wishes, sizeof(wishes), &sandbox);
 *	...
 *	spawn_template_sandbox_apply(sandbox, &args, sizeof(args));
 *	pid = spawn_template_spawn(tfd, &args, sizeof(args));
 *	...
 *	spawn_template_sandbox_free(sandbox);
 */

struct spawn_template_sandbox;

/* sandbox: .flags */
#define SPAWN_TEMPLATE_SANDBOX_NO_NET		(1ULL << 0) /* Unix sockets only */
#define SPAWN_TEMPLATE_SANDBOX_CONNECT		(1ULL << 1) /* .connect_ports */
#define SPAWN_TEMPLATE_SANDBOX_BIND		(1ULL << 2) /* .bind_ports */
#define SPAWN_TEMPLATE_SANDBOX_SIGNALS		(1ULL << 3) /* none to others */
#define SPAWN_TEMPLATE_SANDBOX_ABSTRACT		(1ULL << 4) /* see new */
#define SPAWN_TEMPLATE_SANDBOX_NO_DEVICES	(1ULL << 5) /* see new */
#define SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT	(1ULL << 6) /* what there is */

/* The answer of spawn_template_sandbox_lost(): what the kernel cannot hold. */
#define SPAWN_TEMPLATE_SANDBOX_LOST_FILES	(1 << 0) /* both lists of paths */
#define SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE	(1 << 1) /* of any file */
#define SPAWN_TEMPLATE_SANDBOX_LOST_TCP		(1 << 2) /* ports */
#define SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS	(1 << 3)
#define SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT	(1 << 4)
#define SPAWN_TEMPLATE_SANDBOX_LOST_NET		(1 << 5)
/* these are told, but do not keep a sandbox from being made */
#define SPAWN_TEMPLATE_SANDBOX_LOST_RENAME	(1 << 8) /* denied between folders */
#define SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL	(1 << 9) /* of readable devices */
#define SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS	(1 << 10) /* connects to any path */
#define SPAWN_TEMPLATE_SANDBOX_LOST_MINOR	0xf00

#define SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0	96

struct spawn_template_sandbox_args {
	uint64_t flags;			/* SPAWN_TEMPLATE_SANDBOX_* */
	uint64_t read_only;		/* const char *const *, up to a NULL; or 0 */
	uint64_t writable;		/* const char *const *, up to a NULL; or 0 */
	uint64_t connect_ports;		/* const uint16_t *; or 0 */
	uint64_t n_connect_ports;
	uint64_t bind_ports;		/* const uint16_t *; or 0 */
	uint64_t n_bind_ports;
	uint64_t failed;		/* const char **, or 0: see new */
	uint64_t reserved[4];		/* 0 */
};

#define SPAWN_TEMPLATE_SANDBOX_ARGS_INIT \
	{ \
		0, 0, 0, 0, 0, 0, 0, 0, { 0, 0, 0, 0 }, \
	}

/**
 * spawn_template_sandbox_new - make a sandbox from lists (extension)
 * @args: the lists; not kept
 * @size: sizeof(*@args)
 * @sandbox: set to the sandbox
 *
 * If args->read_only or args->writable is not 0, programs may read and execute files
 * in and below the paths of both lists, and write, make and remove files in and below
 * the writable paths; they cannot open, execute, make, move or remove any other. But
 * Landlock does not restrict stat, chmod, chown, setxattr, utimensat and the like: what
 * the caller could do by these to any file, programs can do. The paths are resolved now:
 * a file that is put in such a path's place later is another file. The program, its
 * interpreter and its libraries must be in one of the lists. Programs may also read
 * and write /dev/null, zero, full, random and urandom, unless SANDBOX_NO_DEVICES is
 * set. Descriptors that a program starts with are not restricted.
 *
 * With SANDBOX_NO_NET programs get no socket but Unix ones: socket(2) answers EACCES.
 * io_uring, which makes sockets by itself, is not there: ENOSYS. With SANDBOX_CONNECT
 * and SANDBOX_BIND they may connect to, or bind, the TCP ports in the lists only;
 * other protocols, such as UDP, are not restricted. With SANDBOX_SIGNALS they can
 * signal only processes in the sandbox, and with SANDBOX_ABSTRACT connect only to
 * abstract Unix sockets that were made in there. NO_NET includes ABSTRACT where the
 * kernel has that.
 *
 * The sandbox consists of a Landlock ruleset and a seccomp filter. If the kernel
 * cannot hold a wish, the call fails; with SANDBOX_BEST_EFFORT the sandbox has the
 * rest, which may be nothing: see spawn_template_sandbox_lost().
 *
 * Return: 0; or
 *   -EINVAL  size too small; unknown flag; reserved field not 0; no wish; NO_NET with
 *            CONNECT or BIND; ports without their flag, over 65536, or 0 with a number
 *   -E2BIG   size over a page, or a byte beyond the known fields is not 0
 *   -EOPNOTSUPP  the kernel cannot hold a wish
 *   -ENOENT, -ENOTDIR, -ELOOP, -EACCES and so on: a path cannot be opened, and
 *            *args->failed points to it; -EBADFD: the path leads to no file, but to a
 *            pipe for example
 *   -ENOMEM, -EMFILE, -ENFILE
 *
 * Since: 0.4
 */
int spawn_template_sandbox_new(const struct spawn_template_sandbox_args *args,
			       size_t size,
			       struct spawn_template_sandbox **sandbox);

/**
 * spawn_template_sandbox_lost - tell what this kernel cannot hold (extension)
 * @args: as for spawn_template_sandbox_new(); paths and ports are not looked at
 * @size: sizeof(*@args)
 *
 * Return: SPAWN_TEMPLATE_SANDBOX_LOST_*, of those wishes that @args has; 0: the kernel
 * holds all of them; -EINVAL or -E2BIG as spawn_template_sandbox_new().
 * Since: 0.4
 */
int spawn_template_sandbox_lost(const struct spawn_template_sandbox_args *args,
				size_t size);

/**
 * spawn_template_sandbox_apply - have a launch take place in a sandbox (extension)
 * @sandbox: must exist until the launch is complete
 * @args: changed: SPAWN_LANDLOCK and landlock_fd, SPAWN_SECCOMP and seccomp
 * @size: sizeof(*@args), at least SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2
 *
 * Any number of launches, in any thread, may use one sandbox.
 *
 * Return: 0; -EINVAL if @size is too small or @args has one of the flags already.
 * Since: 0.4
 */
int spawn_template_sandbox_apply(const struct spawn_template_sandbox *sandbox,
				 struct spawn_template_spawn_args *args,
				 size_t size);

/**
 * spawn_template_sandbox_free - free a sandbox (extension)
 * @sandbox: the sandbox, or NULL
 *
 * Programs that were launched stay in it.
 *
 * Since: 0.4
 */
void spawn_template_sandbox_free(struct spawn_template_sandbox *sandbox);

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif
#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* SPAWN_TEMPLATE_H */
