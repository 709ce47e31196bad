/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn_template: start the same executables many times, fast and safely.
 *
 * A template is a file descriptor that stands for one executable file. A program
 * makes it once and launches from it as often as it likes; every launch checks
 * that the file is still the one that the template was made from.
 *
 * Three calls serve most programs: one makes a template, one launches from it
 * and waits for the program to end, one frees what the program wrote.
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
 *	2. launching from it: spawn; without waiting for it: begin, begin_fd,
 *	   begin_wait, begin_kill, begin_drop; what a failure means: strerror
 *	3. looking after it: check, refresh, stat, close
 *	4. running a program to its end: run, result_free
 *	5. ending a whole tree of processes: kill
 *	6. many launches and runs at a time: ring_init, ring_fd, ring_spawn,
 *	   ring_run, ring_submit, ring_wait, ring_seen, ring_cancel, ring_exit
 *	7. templates of many programs, by name: cache_new, cache_get, cache_drop,
 *	   cache_stat, cache_free
 *
 * Sections 1 and 2 have the names, values and layouts of the kernel proposal
 * "exec: add spawn templates for repeated executable startup" (Li Chen, RFC v1,
 * May 2026), so that a program written against it builds against this. What the
 * proposal leaves open is marked "extension" below.
 *
 * Every function returns a value >= 0, or a negated errno. errno itself is not
 * part of the contract. On failure every output is left as it was. Functions
 * are thread-safe; none is async-signal-safe; none may be called by a child of
 * vfork(2). No function prints, exits, installs a signal handler or reaps a
 * process that it did not start.
 *
 * Structures are versioned by the size that the caller passes, and each version
 * is accepted for ever. A size between two versions counts as the smaller one.
 *
 * - A structure that a call reads: bytes behind the version that counts must be zero,
 *   and the size at most a page of 4096 bytes, else -E2BIG. A flag needs the version
 *   that it came with, else -EINVAL; extensions need VER1.
 * - A structure that a call fills in: bytes behind the version that counts become
 *   zero, up to the caller's size. Nothing is written beyond that.
 *
 * Later versions of the header append fields, or give reserved ones a name. Structures
 * that have no size stay as they are: an action, what an action points to, a key.
 *
 * Each structure that a call reads has an initialiser, SPAWN_TEMPLATE_*_INIT, for C
 * and C++. With it no field names descriptor 0, user 0 or group 0 unless the caller
 * writes that there.
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

/* What is declared here is exported; all else in the library is hidden. */
#pragma GCC visibility push(default)
#ifdef __cplusplus
/* struct spawn_template_open, _begin and _stat share their names with functions,
 * as struct stat does: in C++ they are written with "struct" */
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
#define SPAWN_TEMPLATE_CREATE_GUARD		(1ULL << 34) /* not without one */
#define SPAWN_TEMPLATE_CREATE_NO_GUARD		(1ULL << 35) /* never ask for one */
#define SPAWN_TEMPLATE_CREATE_WARM_ONCE		(1ULL << 36) /* see create */
#define SPAWN_TEMPLATE_CREATE_WARM_FORK		(1ULL << 37)
#define SPAWN_TEMPLATE_CREATE_AUTO_REFRESH	(1ULL << 38) /* see spawn */

/**
 * spawn_template_search - resolve a name as execvp(3) does, once (extension)
 * @name: a file name to look for; one with a slash is taken as it is
 * @path: directories separated by colons, an empty one being the current
 *        directory; NULL: $PATH, or confstr(_CS_PATH) if that is not set
 * @flags: SPAWN_TEMPLATE_CREATE_*
 *
 * The template is of the absolute path found; a later change of PATH, or a new
 * file earlier in it, does not matter to it. A relative directory or @name is
 * taken from the current directory of this call.
 *
 * Return: as spawn_template_create(). -EACCES if the name was found, but
 * nowhere executable, or a directory could not be searched; -ENOENT if not found.
 * Since: 0.1
 */
int spawn_template_search(const char *name, const char *path, uint64_t flags);

/**
 * spawn_template_open - make a template of an absolute path (extension)
 * @path: absolute path of the executable
 * @flags: SPAWN_TEMPLATE_CREATE_*
 *
 * Return: as spawn_template_create().
 * Since: 0.1
 */
int spawn_template_open(const char *path, uint64_t flags);

#define SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0	72
#define SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1	80

struct spawn_template_create_args {
	uint64_t flags;			/* SPAWN_TEMPLATE_CREATE_* */
	int32_t execfd;			/* open fd of the executable, or -1 */
	uint32_t exec_flags;		/* 0 */
	uint64_t filename;		/* const char *, absolute; or 0 */
	uint64_t actions;		/* 0 */
	uint64_t actions_len;		/* 0 */
	uint64_t reserved[4];		/* 0 */
	/* VER1 */
	uint32_t warm_target;		/* how many to keep ready; 0: a default */
	uint32_t pad;			/* 0 */
};

#define SPAWN_TEMPLATE_CREATE_ARGS_INIT \
	{ \
		0, -1, 0, 0, 0, 0, { 0, 0, 0, 0 }, 0, 0, \
	}

/**
 * spawn_template_create - make a template
 * @args: what to make it from; not kept
 * @size: sizeof(*@args)
 *
 * Exactly one of args->execfd >= 0 and args->filename names the executable. The
 * template holds an O_PATH descriptor of its own; it does not keep @args, the
 * path string or execfd. With CREATE_CLOEXEC the returned fd has FD_CLOEXEC.
 * Made from a filename, it also stands for that path: once the path leads
 * elsewhere the template is stale. Made from execfd, it stands for the file
 * alone.
 *
 * If the file was changed within the current clock tick, waits for the next one
 * (a few ms, at most 20), so that a later change cannot look like none. If another
 * process holds the file open for writing, waits up to 0.1 s for it to close.
 *
 * A guard is kernel programs and a daemon, spawn-templated(8), that the machine's
 * owner may run: exec itself then checks each launch, who launches and what, and
 * the template is stale as soon as the file is opened for writing. Where there is
 * one the template is registered with it, and is made without if it does not
 * answer within 1 s, or takes no more. CREATE_NO_GUARD does not ask for one.
 * CREATE_GUARD makes no template without. With CREATE_DENY_WRITE the guard refuses
 * to have the file opened for writing, with -ETXTBSY, until the template is closed.
 * Should the guard be removed later, launches with either are answered -ENOTCONN.
 * The process keeps one descriptor for the guard, close-on-exec.
 *
 * With CREATE_WARM_ONCE or CREATE_WARM_FORK, processes of the program wait for its
 * launches from the second launch on, args->warm_target of them (0: one): a launch
 * then starts behind the work of the dynamic linker. WARM_ONCE parks a process for
 * each launch, WARM_FORK one that forks a child ahead of each launch. A launch that
 * does not fit is cold, and spawn_template_stat() counts why. What waits is a child of
 * the calling process, ends with the template or 30 s after its last use, and is seen
 * by waitpid(-1) only when it is killed; a wait(2) for all children blocks while one
 * lives. No exec happens at a warm launch: see spawn_template(7).
 *
 * Return: a new fd, owned by the caller, closed by spawn_template_close() or
 * close(2); or
 *   -EINVAL  size too small; unknown flag; a VER1 flag with a VER0 size; a
 *            reserved field, exec_flags, actions or actions_len not 0; none or
 *            both of execfd and filename; a relative filename; GUARD and NO_GUARD;
 *            WARM_ONCE and WARM_FORK
 *   -E2BIG   size over a page, or something unknown set
 *   -EOPNOTSUPP  a flag that nothing here can serve: DENY_WRITE without a guard
 *            or on a file system where it promises too little
 *   -ENOTCONN  GUARD, and there is none, or none that answers
 *   -EDQUOT, -ENOSPC  GUARD or DENY_WRITE, and the guard has no room for another
 *            template of this user, or of anybody
 *   -ESTALE  GUARD or DENY_WRITE, and the file does not stop changing
 *   -EBADF   execfd is not open
 *   -EACCES  not a regular file; not executable for the caller; on a noexec mount
 *   -ETXTBSY open for writing (where execveat(2) has AT_EXECVE_CHECK, Linux
 *            6.14, or there is a guard; elsewhere the launch says so)
 *   -ENOEXEC neither ELF nor, with CREATE_SCRIPT, a file that starts with "#!"
 *   -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EMFILE, -ENFILE, -ENOMEM: as in
 *            open(2); -ENOENT also for execfd where /proc is not mounted
 *   -EAGAIN  as in clone(2): a child asks the kernel whether exec is allowed
 *
 * Since: 0.1
 */
int spawn_template_create(const struct spawn_template_create_args *args,
			  size_t size);

/*
 * 2. Launching from it
 */

/*
 * Actions: steps that the child takes, in order, before exec. A field that an
 * action does not use must be zero. At most SPAWN_TEMPLATE_ACTIONS_MAX of them.
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
 * DUP2 with fd == newfd only checks that fd is open. OPEN opens with openat2(2)
 * and installs the result at newfd. SIGMASK sets the mask that the program
 * starts with; without it the program starts with the caller's. SIGDEFAULT
 * resets the named signals to SIG_DFL. Both drop SIGKILL and SIGSTOP. KEEP lets
 * fd survive the default close and clears its FD_CLOEXEC, after all other
 * actions. RLIMIT is applied after all other actions too, so that a low
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

/* Where a failed launch failed. */
#define SPAWN_TEMPLATE_STAGE_ARGS		0 /* arguments, template, identity */
#define SPAWN_TEMPLATE_STAGE_CLONE		1 /* making the child */
#define SPAWN_TEMPLATE_STAGE_ATTR		2 /* a SPAWN_* attribute */
#define SPAWN_TEMPLATE_STAGE_ACTION		3 /* an action: see .action */
#define SPAWN_TEMPLATE_STAGE_CLOSE		4 /* the default close */
#define SPAWN_TEMPLATE_STAGE_EXEC		5 /* exec itself */

#define SPAWN_TEMPLATE_FAILURE_SIZE_VER0	12

struct spawn_template_failure {
	int32_t error;			/* positive errno */
	uint32_t stage;			/* SPAWN_TEMPLATE_STAGE_* */
	uint32_t action;		/* index, with STAGE_ACTION; else 0 */
};

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
	/* VER1: each used only with its flag, but for failure */
	uint64_t failure;		/* struct spawn_template_failure *, or 0 */
	int32_t pgroup;			/* as in setpgid(2); 0: a new group */
	int32_t cgroup_fd;		/* cgroup v2 directory */
	uint32_t umask;			/* 0 to 0777 */
	uint32_t uid;			/* real, effective and saved */
	uint32_t gid;			/* real, effective and saved */
	int32_t nice;			/* -20 to 19, as in setpriority(2) */
	uint64_t groups;		/* const gid_t *; 0 with n_groups 0 */
	uint64_t n_groups;		/* number of groups */
	/* VER2: has room, because run_args has this structure inside */
	uint32_t failure_size;		/* of *failure; 0: its VER0 */
	int32_t reserved_fd;		/* 0 or -1 */
	uint64_t reserved2[15];		/* 0 */
};

#define SPAWN_TEMPLATE_SPAWN_ARGS_INIT \
	{ \
		0, 0, 0, 0, 0, 0, { 0, 0, 0, 0 }, 0, 0, -1, 0, 0xffffffffU, \
			0xffffffffU, 0, 0, 0, 0, 0, { 0 }, \
	}

/**
 * spawn_template_spawn - launch a program from a template
 * @tfd: the template, or a dup of it; of several templates of one file, a dup
 *       may count as any
 * @args: how to launch; read during the call only
 * @size: sizeof(*@args)
 *
 * Blocks the calling thread until the child has passed exec or failed, as
 * vfork(2) does: a child that a signal stops before exec (SIGSTOP, or SIGTSTP
 * from its terminal) blocks it until continued. On ETXTBSY, waits up to 0.1 s
 * for the writer to close the file.
 *
 * The child takes these steps: session and process group, the actions in order,
 * the close of every fd above 2 (unless SPAWN_INHERIT_FDS; fds of KEEP actions
 * stay), umask, nice, RLIMIT actions, groups, gid and uid, no_new_privs,
 * signals, SPAWN_DIE_WITH_PARENT, exec. Signals that the caller handles are at
 * default; ignored ones stay ignored, but SIGPIPE is reset to default (unless
 * SPAWN_KEEP_SIGPIPE). SPAWN_DIE_WITH_PARENT sends SIGKILL to the child when
 * the calling thread ends (PR_SET_PDEATHSIG). SPAWN_INTO_CGROUP needs clone3(2)
 * and fails without it. SPAWN_SETUID, SETGID and SETGROUPS copy the caller's
 * page tables: such a launch costs what fork(2) costs.
 *
 * With CREATE_AUTO_REFRESH a stale template is refreshed once, as by
 * spawn_template_refresh(), and launched from. Where the guard finds it stale at
 * STAGE_EXEC, the actions are taken once more, by another child.
 *
 * Return: the child's pid; the caller owns the child and the pidfd, stored to
 * *args->pidfd with FD_CLOEXEC set. Else no child is left, and
 *   -EINVAL  size too small; tfd is no template; no pidfd, argv or argv[0];
 *            unknown flag; a VER1 flag with a smaller size; reserved field not 0;
 *            actions 0 with a length; a malformed action or attribute
 *   -E2BIG   size over a page, something unknown set, or over 256 actions; or,
 *            at STAGE_EXEC, the arguments are too long
 *   -EBADF   tfd is not open
 *   -EACCES  tfd was not made by this process (after fork(2) and over
 *            SCM_RIGHTS it is not), or this process's user or group ids have
 *            changed since; at STAGE_EXEC, the guard finds one of these
 *   -ESTALE  the file has changed, or its path leads elsewhere or nowhere, or
 *            the guard has seen it opened for writing; at STAGE_EXEC the guard,
 *            or the last look at the path, finds this
 *   -ENOTCONN  made with CREATE_GUARD or DENY_WRITE, and there is no guard any more
 *   -ECHILD  the child was killed before exec
 *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE  as in clone(2)
 * and what the failing step in the child answers: args->failure tells the stage
 * and the index of the action.
 *
 * A child that is killed by SIGKILL while exec is under way can be waited for
 * only with __WALL; a program that may see that passes it to waitid(2).
 *
 * Since: 0.1
 */
pid_t spawn_template_spawn(int tfd,
			   const struct spawn_template_spawn_args *args,
			   size_t size);

/* A launch that is under way. */
struct spawn_template_begin;

/**
 * spawn_template_begin - begin to launch, and do not wait for it (extension)
 * @tfd: the template
 * @args: how to launch, as of spawn_template_spawn(); pidfd is ignored
 * @size: sizeof(*@args)
 * @begin: set to a handle, to be given to spawn_template_begin_wait() or
 *         spawn_template_begin_drop(), once
 *
 * Launches as spawn_template_spawn() does, but goes on while the child is on its
 * way to exec, so that an event loop does not stand still. The child is that of
 * the calling thread and inherits what is per thread: signal mask, scheduling,
 * sandbox. SPAWN_DIE_WITH_PARENT ends it with that thread.
 *
 * All that @args points to is copied. @args, @tfd and the fds that actions name
 * may be freed, closed or used for something else as soon as the call returns.
 *
 * Without clone3(2), or with SPAWN_SETUID, SETGID or SETGROUPS, no launch can go
 * on by itself. Then the call waits for it, as spawn_template_spawn(), and
 * spawn_template_begin_wait() only hands over the child. The same holds where a
 * fork(3) by another thread is under way: the call waits until that is done.
 *
 * The child is made at once, and counts as the caller's. Nobody can wait for it
 * before exec but with __WALL or __WCLONE, and nobody should before
 * spawn_template_begin_wait(). If the caller ends or execs, the launch goes on
 * without it.
 *
 * Return: the child's pid, with *@begin set. Else nothing is left, and -errno as
 * spawn_template_spawn(), also told in *args->failure. A change of the file that
 * the child alone meets, because it comes after this call, is the answer of
 * spawn_template_begin_wait(); CREATE_AUTO_REFRESH does not refresh it then.
 *
 * Since: 0.4
 */
pid_t spawn_template_begin(int tfd,
			   const struct spawn_template_spawn_args *args,
			   size_t size, struct spawn_template_begin **begin);

/**
 * spawn_template_begin_fd - the fd to poll for the end of a launch (extension)
 * @begin: the launch
 *
 * Readable, as a pipe without a writer is (POLLHUP), once the child has come to
 * exec or has failed: then spawn_template_begin_wait() does not block. For poll(2)
 * and the like only. It has FD_CLOEXEC, belongs to the handle and is closed with
 * it: whoever watches it stops before. A child that was made meanwhile by other
 * means than fork(3) and has not come to exec may delay it.
 *
 * Return: the fd; -EACCES after fork(2).
 * Since: 0.4
 */
int spawn_template_begin_fd(struct spawn_template_begin *begin);

/**
 * spawn_template_begin_wait - learn how a launch went, and free it (extension)
 * @begin: the launch
 * @pidfd: set on success to the child's pidfd, with FD_CLOEXEC; NULL: none is
 *         wanted
 * @failure: filled in on failure; or NULL
 * @size: sizeof(*@failure); below SPAWN_TEMPLATE_FAILURE_SIZE_VER0, or over a page,
 *        nothing is filled in
 *
 * Blocks until the child has come to exec or has failed; see
 * spawn_template_begin_fd(). The handle is freed, whatever the answer.
 *
 * Any thread may call it, also when the one that began has ended; no other call
 * may be made with the handle at the same time or later.
 *
 * Return: the pid that spawn_template_begin() returned; the caller owns the child
 * and the pidfd. Else no child is left, and -errno as spawn_template_spawn():
 * -ECHILD if the child was killed before exec. -EACCES after fork(2), when the
 * launch is the parent's and goes on.
 * Since: 0.4
 */
pid_t spawn_template_begin_wait(struct spawn_template_begin *begin, int *pidfd,
				struct spawn_template_failure *failure,
				size_t size);

/**
 * spawn_template_begin_kill - end the child of a launch, and go on (extension)
 * @begin: the launch; still to be given to spawn_template_begin_wait() or
 *         spawn_template_begin_drop()
 *
 * Sends SIGKILL, before exec or after it. An event loop that wants no more of a
 * launch calls this, and spawn_template_begin_drop() once
 * spawn_template_begin_fd() is readable. Any thread may call it while the handle
 * is there.
 *
 * Return: 0, also if it has ended; -EPERM if the program has other ids since exec,
 * or a sandbox does not allow it; -EACCES after fork(2).
 * Since: 0.4
 */
int spawn_template_begin_kill(struct spawn_template_begin *begin);

/**
 * spawn_template_begin_drop - give a launch up, and free it (extension)
 * @begin: the launch, or NULL
 *
 * Kills the child, before exec or after it, waits until it has ended, and reaps
 * it. A child in an uninterruptible sleep is waited for; see
 * spawn_template_begin_kill() for an event loop. A program that may not be
 * signalled, because it has other ids since exec, is left running. After fork(2)
 * only what is the child's is freed.
 *
 * Threads: as spawn_template_begin_wait().
 * Since: 0.4
 */
void spawn_template_begin_drop(struct spawn_template_begin *begin);

/**
 * spawn_template_strerror - put a failed launch into a sentence (extension)
 * @failure: of spawn_template_spawn() and the like; or made up of an error (a
 *           positive errno), a stage and an action, of a completion for example.
 *           For a template that cannot be made the stage is STAGE_ARGS
 * @buf: filled in with the sentence, cut off if need be, and a NUL
 * @size: of @buf; 0: nothing is written, and @buf may be NULL
 *
 * The sentence is English, without a newline or the program's name: "exec failed:
 * Permission denied; make it a regular file with ...". It says which step failed,
 * and why; behind the first "; ", if there is one, it names the remedy.
 *
 * It reads error, stage and action only, of a failure of any size, and does not
 * depend on the locale.
 *
 * Return: the length of the whole sentence without the NUL, as snprintf(3): it was
 * cut off if that is not less than @size; -EINVAL if @failure is NULL, or @buf with
 * a @size.
 * Since: 0.4
 */
int spawn_template_strerror(const struct spawn_template_failure *failure,
			    char *buf, size_t size);

/*
 * 3. Looking after it
 */

/**
 * spawn_template_check - tell whether a launch would find the template valid
 * @tfd: the template (extension)
 *
 * Return: 0, -ESTALE, -ENOTCONN, -EACCES, -EBADF or -EINVAL, as
 * spawn_template_spawn() would for the same fd. Does not refresh, and asks nobody.
 * Since: 0.1
 */
int spawn_template_check(int tfd);

/**
 * spawn_template_refresh - take today's file at the template's path (extension)
 * @tfd: the template; keeps its number, its FD_CLOEXEC and its counters
 *
 * A template made from an fd has no path; it takes the present identity of the
 * same file. Launches by other threads meanwhile use the old file or the new. With
 * a guard it is registered anew.
 *
 * Return: 0; -EBADF, -EINVAL, -EACCES as spawn_template_spawn(); or as
 * spawn_template_create(), and the template stays as it was.
 * Since: 0.1
 */
int spawn_template_refresh(int tfd);

/* stat: .state and .stale_reason */
#define SPAWN_TEMPLATE_STATE_FRESH		0
#define SPAWN_TEMPLATE_STATE_STALE		1
#define SPAWN_TEMPLATE_STALE_FILE_CHANGED	1 /* content or metadata */
#define SPAWN_TEMPLATE_STALE_PATH_GONE		2 /* does not resolve */
#define SPAWN_TEMPLATE_STALE_PATH_REPLACED	3 /* leads to another file */
#define SPAWN_TEMPLATE_STALE_GUARD		4 /* to the guard: .guard_why */

/* stat: .guard_why */
#define SPAWN_TEMPLATE_GUARD_WHY_UNKNOWN	0 /* or not stale to the guard */
#define SPAWN_TEMPLATE_GUARD_WHY_IDENTITY	1 /* seen to differ at an exec */
#define SPAWN_TEMPLATE_GUARD_WHY_HEADER		2 /* so the file's first bytes */
#define SPAWN_TEMPLATE_GUARD_WHY_OPENED		3 /* opened for writing */
#define SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES	4 /* chmod, truncate and so on */
#define SPAWN_TEMPLATE_GUARD_WHY_FILE		5 /* exec met another file */
#define SPAWN_TEMPLATE_GUARD_WHY_PROCESS	6 /* not this process's child */
#define SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS	7 /* the process has others now */
#define SPAWN_TEMPLATE_GUARD_WHY_CLOSED		8 /* the guard knows it no more */

/* stat: .format */
#define SPAWN_TEMPLATE_FORMAT_UNKNOWN		0 /* caller may not read it */
#define SPAWN_TEMPLATE_FORMAT_ELF		1
#define SPAWN_TEMPLATE_FORMAT_SCRIPT		2

/* stat: .launch_by, and why by path */
#define SPAWN_TEMPLATE_LAUNCH_BY_FD		0
#define SPAWN_TEMPLATE_LAUNCH_BY_PATH		1
#define SPAWN_TEMPLATE_BY_PATH_SCRIPT		1 /* interpreters open the path */
#define SPAWN_TEMPLATE_BY_PATH_KERNEL		2 /* comm may be an fd number */
#define SPAWN_TEMPLATE_BY_PATH_NAME		3 /* the file has another name */
#define SPAWN_TEMPLATE_BY_PATH_HARD_LINK	4 /* the file has several names */
#define SPAWN_TEMPLATE_BY_PATH_FORMAT		5 /* format unknown */
#define SPAWN_TEMPLATE_BY_PATH_EXECVEAT		6 /* execveat(2) is not allowed */

/* stat: .elf_flags */
#define SPAWN_TEMPLATE_ELF_DYNAMIC		(1U << 0) /* has an interpreter */
#define SPAWN_TEMPLATE_ELF_PIE			(1U << 1)

/* stat: index into .fallbacks[], counted per launch that took it */
#define SPAWN_TEMPLATE_FALLBACK_CLONE		0 /* clone(2) for clone3(2) */
#define SPAWN_TEMPLATE_FALLBACK_PIDFD		1 /* pidfd_open(2) in the child */
#define SPAWN_TEMPLATE_FALLBACK_RANGES		2 /* no CLOSE_RANGE_CLOEXEC */
#define SPAWN_TEMPLATE_FALLBACK_PROC_FD		3 /* no close_range(2) */
#define SPAWN_TEMPLATE_FALLBACK_PATH		4 /* execve(2) for execveat(2) */
#define SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY	5 /* waited for a writer to close */
#define SPAWN_TEMPLATE_FALLBACKS_MAX		16

/* stat: index into .cold_reasons[], of a template with WARM_ONCE or WARM_FORK */
#define SPAWN_TEMPLATE_COLD_FIRST		0 /* launched too seldom to prepare */
#define SPAWN_TEMPLATE_COLD_NOT_READY		1 /* no process waits at the moment */
#define SPAWN_TEMPLATE_COLD_BUSY		2 /* another thread launches from it */
#define SPAWN_TEMPLATE_COLD_FLAGS		3 /* a flag that only exec serves */
#define SPAWN_TEMPLATE_COLD_DESCRIPTORS		4 /* fds, or actions on them */
#define SPAWN_TEMPLATE_COLD_ARGV0		5 /* another argv[0] than before */
#define SPAWN_TEMPLATE_COLD_ENVIRONMENT		6 /* variables of the dynamic linker */
#define SPAWN_TEMPLATE_COLD_FILES		7 /* a file that is mapped has changed */
#define SPAWN_TEMPLATE_COLD_INHERITED		8 /* limits, cgroup, ids ... differ */
#define SPAWN_TEMPLATE_COLD_SANDBOX		9 /* Landlock domains differ */
#define SPAWN_TEMPLATE_COLD_PROGRAM		10 /* the program cannot be prepared */
#define SPAWN_TEMPLATE_COLD_LOST		11 /* the process did not answer */
#define SPAWN_TEMPLATE_COLD_GUARDED		12 /* the guard has to see an exec */
#define SPAWN_TEMPLATE_COLD_REASONS_MAX		24

struct spawn_template_key {
	uint64_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t mnt_id;
	uint64_t size;			/* bytes */
	uint32_t mode, nlink;		/* nlink is told, not compared */
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
	uint32_t guarded;		/* 1: by the kernel, now */
	uint32_t warm_ready;		/* processes that wait for a launch */
	uint64_t cold, warm;		/* launches that succeeded */
	uint64_t stale;			/* launches answered -ESTALE */
	uint64_t refused;		/* launches answered -EACCES: see stat */
	uint64_t failed;		/* launches that failed otherwise */
	uint64_t fallbacks[SPAWN_TEMPLATE_FALLBACKS_MAX];
	char path[SPAWN_TEMPLATE_PATH_MAX];		/* "": from an fd */
	char interpreter[SPAWN_TEMPLATE_PATH_MAX];	/* ELF's, or after #! */
	/* VER1 */
	uint64_t guard_id;		/* the guard's name for it; 0: none */
	uint32_t guard_why;		/* SPAWN_TEMPLATE_GUARD_WHY_* */
	uint32_t deny_write;		/* 1: writes to the file are denied */
	/* VER2 */
	uint64_t cold_reasons[SPAWN_TEMPLATE_COLD_REASONS_MAX];
};

#define SPAWN_TEMPLATE_STAT_SIZE_VER0		8488
#define SPAWN_TEMPLATE_STAT_SIZE_VER1		8504
#define SPAWN_TEMPLATE_STAT_SIZE_VER2		8696

/**
 * spawn_template_stat - tell what a template is and how it has been used
 * @tfd: the template (extension)
 * @st: filled in
 * @size: sizeof(*@st)
 *
 * st->refused counts launches that were refused before there was a child, and
 * those of a guarded template that exec refused. Asks the guard, up to 1 s, why a
 * template is stale to it, and only then.
 *
 * Return: 0; -EINVAL if @size is below SPAWN_TEMPLATE_STAT_SIZE_VER0 or tfd is
 * no template; -EBADF; -EACCES. A stale template is not an error: see st->state.
 * Since: 0.1
 */
int spawn_template_stat(int tfd, struct spawn_template_stat *st, size_t size);

/**
 * spawn_template_close - close a template and forget its record
 * @tfd: the template (extension)
 *
 * close(2) is enough: the record is then reused with the fd's number. Dups of
 * @tfd stay open, but are no templates any more.
 *
 * Return: 0, or -EBADF; -EINVAL, and nothing is closed, if @tfd is no template
 * of this process. A template inherited over fork(2) is closed.
 * Since: 0.1
 */
int spawn_template_close(int tfd);

/*
 * 4. Running a program to its end (extension, as all that follows)
 */

/* run: .flags */
#define SPAWN_TEMPLATE_RUN_MERGE_STDERR		(1U << 0) /* stderr is stdout */
#define SPAWN_TEMPLATE_RUN_NO_CAPTURE		(1U << 1) /* the caller's own */
#define SPAWN_TEMPLATE_RUN_CGROUP		(1U << 2) /* a cgroup of its own */
#define SPAWN_TEMPLATE_RUN_SUPERVISE		(1U << 3) /* ends with the caller */

#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0	176 /* spawn: 128 bytes */
#define SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1	312 /* spawn: 256 bytes */
#define SPAWN_TEMPLATE_RUN_MAX_OUTPUT		(16U << 20) /* by default */

struct spawn_template_run_args {
	struct spawn_template_spawn_args spawn;	/* pidfd is ignored */
	uint64_t input;			/* const void *; stdin */
	uint64_t input_len;		/* bytes; 0: stdin is /dev/null */
	uint64_t max_output;		/* bytes kept per stream; 0: 16 MiB */
	uint64_t timeout_ns;		/* from the launch on; 0: none */
	uint64_t grace_ns;		/* from TERM to KILL; 0: KILL at once */
	uint32_t flags;			/* SPAWN_TEMPLATE_RUN_* */
	int32_t cgroup_parent_fd;	/* with RUN_CGROUP; -1: to be found */
	/* VER1 */
	int32_t reserved_fd;		/* 0 or -1 */
	uint32_t reserved;		/* 0 */
};

#define SPAWN_TEMPLATE_RUN_ARGS_INIT \
	{ \
		SPAWN_TEMPLATE_SPAWN_ARGS_INIT, 0, 0, 0, 0, 0, 0, -1, 0, 0, \
	}

/* result: .flags */
#define SPAWN_TEMPLATE_RESULT_TIMED_OUT		(1U << 0)
#define SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED	(1U << 1) /* there was more */
#define SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED	(1U << 2)
#define SPAWN_TEMPLATE_RESULT_TREE_KILLED	(1U << 3) /* by SIGKILL */
#define SPAWN_TEMPLATE_RESULT_PIPE_HELD		(1U << 4) /* see run */
#define SPAWN_TEMPLATE_RESULT_STATUS_LOST	(1U << 5) /* host reaped it */
#define SPAWN_TEMPLATE_RESULT_CGROUP		(1U << 6) /* it had its own */
#define SPAWN_TEMPLATE_RESULT_NOT_KILLED	(1U << 10) /* it lives on */

/* 208; more with musl, whose struct rusage has room to grow */
#define SPAWN_TEMPLATE_RESULT_SIZE_VER0		(64 + sizeof(struct rusage))
#define SPAWN_TEMPLATE_RESULT_SIZE_VER1		(136 + sizeof(struct rusage))

struct spawn_template_result {
	int32_t code;			/* exit code, or -1 */
	int32_t signal;			/* that ended the program, or -1 */
	uint32_t flags;			/* SPAWN_TEMPLATE_RESULT_* */
	uint32_t size;			/* what is filled in; 0: VER0 */
	char *out, *err;		/* a NUL follows the last byte; NULL: */
	size_t out_len, err_len;	/* not captured */
	struct rusage usage;		/* of the program and what it waited for */
	uint64_t spawn_ns;		/* until it had passed exec */
	uint64_t total_ns;		/* until it had ended and all was read */
	/* VER1: usage again, as every libc has it */
	uint64_t user_us, system_us;	/* CPU time */
	uint64_t max_rss_kib;		/* most memory that was resident */
	uint64_t minor_faults;		/* page faults, served without I/O */
	uint64_t major_faults;		/* page faults, served with I/O */
	uint64_t block_inputs, block_outputs;
	uint64_t voluntary_switches;	/* of context */
	uint64_t involuntary_switches;
};

/**
 * spawn_template_run - launch a program and wait until it is through (extension)
 * @tfd: the template
 * @args: how to launch, what to feed, how much to keep, how long to wait
 * @size: sizeof(*@args)
 * @result: filled in; to be given to spawn_template_result_free()
 * @result_size: sizeof(*@result)
 *
 * The program's stdin reads @args->input, or is /dev/null; what it writes to
 * stdout and stderr is captured, each up to max_output bytes. What comes beyond
 * is read and dropped, so that the program is not held up, and flagged. With
 * RUN_MERGE_STDERR both go to out, in the order written, and err is empty. With
 * RUN_NO_CAPTURE both are the caller's own and out and err are NULL. Fds 0 to 2
 * are set before the actions of @args->spawn begin, which may change them. Bytes
 * pass as they are.
 *
 * The tree is the program and what it starts. It has a process group of its own,
 * unless @args->spawn asks for a session or for a certain group. With RUN_CGROUP
 * it has a cgroup of its own as well, below cgroup_parent_fd, or below the
 * caller's cgroup if that is -1 and may be written; else RESULT_CGROUP is not
 * set. The cgroup is removed after the run; what still lives in it is moved to
 * its parent.
 *
 * When timeout_ns have passed since the launch, the tree gets SIGTERM, and
 * grace_ns later SIGKILL; RESULT_TIMED_OUT is set. In a cgroup this reaches all
 * of the tree; otherwise the process group, the session if the program leads it,
 * and the descendants that /proc shows, which are stopped first: not those whose
 * parent has ended and that have left the group. A call whose child does not get
 * past exec is not timed out; in a ring it is.
 *
 * When the program has ended while something else holds its stdout or stderr
 * open, goes on until nothing has come for 0.1 s, at most for 1 s, and sets
 * RESULT_PIPE_HELD; the holder lives on, unless the run had timed out.
 *
 * With RUN_SUPERVISE, which implies RUN_CGROUP and takes no fallback for it, a
 * small process kills the cgroup when the caller ends or execs, however it ends.
 * What the program leaves in its cgroup ends with the call or, in a ring, with
 * the ring. The call, or the first such run of a ring, costs what fork(2) costs.
 *
 * A host that reaps every child, or ignores SIGCHLD, takes the exit status away:
 * then code and signal are -1 and RESULT_STATUS_LOST is set, unless the kernel
 * still tells (PIDFD_GET_INFO, Linux 6.15). No SIGPIPE is raised in the caller.
 * A signal handler that runs meanwhile does not end the call.
 *
 * Return: 0 once the program has run, however it ended, and the child is reaped;
 * no fd and no thread is left. Else there is no child, @result is as it was, and
 *   as spawn_template_spawn(); spawn.failure tells the stage
 *   -EINVAL  size or result_size too small; unknown flag; input 0 with a length;
 *            RUN_CGROUP with cgroup_parent_fd below -1, or with INTO_CGROUP
 *   -EBADF   cgroup_parent_fd is no cgroup v2 directory
 *   -EOPNOTSUPP  RUN_SUPERVISE, and there is no cgroup v2 that may be written
 *   as mkdir(2), if no directory can be made below a cgroup_parent_fd >= 0
 *
 * Since: 0.2
 */
int spawn_template_run(int tfd, const struct spawn_template_run_args *args,
		       size_t size, struct spawn_template_result *result,
		       size_t result_size);

/**
 * spawn_template_result_free - free the output in a result (extension)
 * @result: of spawn_template_run(); out and err are freed and set to NULL
 *
 * For results of a ring, spawn_template_ring_seen() does it. A caller that wants
 * to keep out or err takes them with free(3) and sets them to NULL before.
 *
 * Since: 0.2
 */
void spawn_template_result_free(struct spawn_template_result *result);

/*
 * 5. Ending a whole tree of processes
 */

#define SPAWN_TEMPLATE_KILL_TREE		(1U << 0)

#define SPAWN_TEMPLATE_CHILD_SIZE_VER0		16

/* A child, for spawn_template_kill(). */
struct spawn_template_child {
	int32_t pid;
	int32_t pidfd;
	int32_t cgroup_fd;		/* directory of its own; -1: none */
	uint32_t size;			/* of this structure; 0: VER0 */
};

#define SPAWN_TEMPLATE_CHILD_INIT \
	{ \
		-1, -1, -1, 0, \
	}

/**
 * spawn_template_kill - signal a child, or its whole tree (extension)
 * @child: not yet waited for, so that its pid is still its own
 * @sig: the signal
 * @flags: 0, or SPAWN_TEMPLATE_KILL_TREE
 *
 * With KILL_TREE, all in cgroup_fd, if that is not -1; else the child's process
 * group and session, as far as it leads them, and its descendants by /proc, as
 * described at spawn_template_run(). For a signal that ends, they are stopped
 * before and continued after. A child that has ended but was not waited for
 * still stands for its group.
 *
 * Return: 0 if something was signalled; -ESRCH if there was nothing left;
 * -EINVAL for a bad signal, flag or size, or a pid that is 1 or less, or the
 * caller's own; -E2BIG for a size over a page, or something unknown set; -EPERM as
 * kill(2), if none could be signalled; -EBADF if pidfd is not open, or cgroup_fd no
 * cgroup v2 directory.
 * Since: 0.2
 */
int spawn_template_kill(const struct spawn_template_child *child, int sig,
			unsigned int flags);

/*
 * 6. Many launches and runs at a time
 *
 * A ring makes them without blocking the thread that asks for them:
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
	uint32_t threads;		/* that launch, at least; 0: by CPUs */
	uint64_t reserved[4];		/* 0 */
};

#define SPAWN_TEMPLATE_RING_PARAMS_INIT \
	{ \
		0, 0, { 0, 0, 0, 0 }, \
	}

/**
 * spawn_template_ring_init - make a ring (extension)
 * @entries: how many launches and runs it holds, from submission until
 *           spawn_template_ring_seen(): 1 to SPAWN_TEMPLATE_RING_ENTRIES_MAX
 * @params: or NULL
 * @size: sizeof(*@params); 0 with NULL
 * @ring: set to the ring
 *
 * The process has one set of threads that launch, for all rings: at least
 * params->threads, by default 2 for each CPU there is to run on, up to 8. They
 * live until the process ends, because SPAWN_DIE_WITH_PARENT watches the thread
 * that launched. Each ring has one more thread, as long as it is there, which
 * reads output and watches deadlines. All of them block all signals.
 *
 * Threads inherit credentials, capabilities, seccomp filters, namespaces and
 * scheduling from the thread that makes the first ring: restrict that thread
 * before. A launch submitted by a thread that has no_new_privs, or is in a
 * seccomp mode, is refused with -EACCES if the launching thread has, or is, not;
 * so is one by a thread whose ids, groups, securebits or capabilities (all five
 * sets) are not those of the launching thread. More than that, a second filter,
 * a namespace or Landlock say, cannot be told.
 *
 * After fork(2) the child's copy is inert: every call answers -EACCES, and
 * spawn_template_ring_exit() frees only what is the child's.
 *
 * Return: 0; -EINVAL for entries or threads out of range, a bad size, an unknown
 * flag or a reserved field; -E2BIG; -ENOMEM, -EMFILE, -ENFILE, -EAGAIN; as
 * open(2) if there is no /dev/null.
 * Since: 0.2
 */
int spawn_template_ring_init(unsigned int entries,
			     const struct spawn_template_ring_params *params,
			     size_t size, struct spawn_template_ring **ring);

/**
 * spawn_template_ring_fd - the fd to poll for completions (extension)
 * @ring: the ring
 *
 * An eventfd, readable while completions wait. For poll(2) and the like only: it
 * belongs to the ring and is read and closed by it. It may rarely be readable
 * without a completion; spawn_template_ring_wait() with timeout 0 clears that.
 *
 * Return: the fd; -EACCES after fork(2).
 * Since: 0.2
 */
int spawn_template_ring_fd(struct spawn_template_ring *ring);

/**
 * spawn_template_ring_spawn - queue a launch (extension)
 * @ring: the ring
 * @tfd: the template
 * @args: as of spawn_template_spawn(); pidfd and failure are ignored
 * @size: sizeof(*@args)
 * @user_data: comes back in the completion
 *
 * Nothing is launched before spawn_template_ring_submit(). All that @args points
 * to is copied before the call returns; fds, @tfd among them, are used by number
 * when the launch is made and must stay open until it completes. The child starts
 * with the signal mask of the thread that called this; its current directory is
 * the process's at the time of the launch.
 *
 * The completion has res 0, pid and pidfd, both then the caller's; or what
 * spawn_template_spawn() would have returned, with the stage in flags. Where
 * fds, memory or processes run short (-EMFILE, -ENFILE, -ENOMEM, -EAGAIN), the
 * launch is tried again for up to 1 s before that is the answer.
 *
 * Thread-safe: any number of threads may queue and submit at a time.
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
 * @ring, @tfd, @size, @user_data: as of spawn_template_ring_spawn()
 * @args: as of spawn_template_run(); the input is copied too
 *
 * The completion has res 0 and a result as of spawn_template_run(); or the
 * -errno of the launch, -ETIMEDOUT if the time was over before exec. A run that
 * was cancelled after its launch has res -ECANCELED and a result that tells how
 * far it came.
 *
 * Return: as spawn_template_ring_spawn(), and -EINVAL as spawn_template_run().
 * Since: 0.2
 */
int spawn_template_ring_run(struct spawn_template_ring *ring, int tfd,
			    const struct spawn_template_run_args *args,
			    size_t size, uint64_t user_data);

/**
 * spawn_template_ring_submit - start what is queued (extension)
 * @ring: the ring
 *
 * Hands all that is queued in the ring, by whatever thread, to the threads that
 * launch, which take it in the order queued. Does not wait for them.
 *
 * Return: how many were submitted, maybe 0; -EACCES after fork(2).
 * Since: 0.2
 */
int spawn_template_ring_submit(struct spawn_template_ring *ring);

/*
 * Tells what became of one launch or run. The ring makes it, and so it has the size
 * that the library knows: later versions append fields, for launches and runs that
 * ask for what is told in them.
 */
struct spawn_template_cqe {
	uint64_t user_data;		/* as submitted */
	int32_t res;			/* 0, or a negated errno */
	uint32_t flags;			/* of a failed launch: see below */
	int32_t pid;			/* the child's; -1: there is none */
	int32_t pidfd;			/* of ring_spawn, the caller's; else -1 */
	struct spawn_template_result *result;	/* of ring_run; or NULL */
};

/* cqe: .flags tells where a launch failed, as spawn_template_failure does */
#define SPAWN_TEMPLATE_CQE_STAGE(flags) ((flags) & 0xff)
#define SPAWN_TEMPLATE_CQE_ACTION(flags) ((flags) >> 8)

/**
 * spawn_template_ring_wait - take a completion (extension)
 * @ring: the ring
 * @cqe: set to the oldest completion; valid until spawn_template_ring_seen()
 * @timeout_ms: how long to wait if there is none; 0: not; -1: for ever
 *
 * Submits first what is queued. Several threads may wait; each completion goes to
 * one of them. With -1 and nothing in flight, waits for what other threads
 * submit.
 *
 * Return: 0; -ETIME if none came in time; -EINTR if a signal handler ran;
 * -EINVAL for a timeout below -1; -EACCES after fork(2).
 * Since: 0.2
 */
int spawn_template_ring_wait(struct spawn_template_ring *ring,
			     struct spawn_template_cqe **cqe, int timeout_ms);

/**
 * spawn_template_ring_seen - give a completion back (extension)
 * @ring: the ring
 * @cqe: taken by spawn_template_ring_wait(); its result is freed
 *
 * Since: 0.2
 */
void spawn_template_ring_seen(struct spawn_template_ring *ring,
			      struct spawn_template_cqe *cqe);

/**
 * spawn_template_ring_cancel - cancel launches and runs (extension)
 * @ring: the ring
 * @user_data: of all that are to be cancelled
 *
 * What is not launched yet never is. A run that is under way is ended: SIGTERM to
 * the tree, and SIGKILL after its grace_ns. A launch that is being made is ended
 * when it is done, and killed if it is not past exec after 0.1 s.
 * Each completes once, with -ECANCELED; but what completes before the cancel
 * takes effect completes as if there had been none.
 *
 * Return: how many were found and not complete; -ENOENT if none; -EACCES after
 * fork(2).
 * Since: 0.2
 */
int spawn_template_ring_cancel(struct spawn_template_ring *ring,
			       uint64_t user_data);

/**
 * spawn_template_ring_exit - end a ring (extension)
 * @ring: the ring, or NULL; no other thread may use it any more
 *
 * What is not launched never is. The trees of runs get SIGKILL. Children of a
 * ring_spawn that is complete are left alone; the pidfds of completions not taken
 * are closed.
 * Waits until all of that has ended, at most 2 s, and 2 s more for what
 * supervised runs have left; what a child in an uninterruptible sleep still holds
 * is freed when it ends.
 *
 * Since: 0.2
 */
void spawn_template_ring_exit(struct spawn_template_ring *ring);

/*
 * 7. Templates of many programs, by name
 *
 * A cache makes templates for callers that launch whatever they are asked for:
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
#define SPAWN_TEMPLATE_CACHE_ENTRIES		256 /* by default */
#define SPAWN_TEMPLATE_CACHE_ENTRIES_MAX	4096

struct spawn_template_cache_params {
	uint64_t create_flags;		/* SPAWN_TEMPLATE_CREATE_* */
	uint64_t hold_ns;		/* dear ones stay open; 0: no */
	uint64_t negative_ns;		/* a refusal is believed; 0: no */
	uint32_t entries;		/* files that are remembered; 0: 256 */
	uint32_t reserved;		/* 0 */
};

#define SPAWN_TEMPLATE_CACHE_PARAMS_INIT \
	{ \
		0, 0, 0, 0, 0, \
	}

/**
 * spawn_template_cache_new - make a cache of templates (extension)
 * @params: or NULL
 * @size: sizeof(*@params); 0 with NULL
 * @cache: set to the cache
 *
 * A cache remembers what spawn_template_create() has found out about files, under
 * their absolute paths, for as long as their identity key does not change. It
 * remembers params->entries files and forgets the one that was asked for longest
 * ago. It keeps no file open: between the last drop of a template and the next get
 * nothing of it keeps the space of a deleted file, or a mount, in use.
 *
 * Two kinds of templates are dear: the guard knows it, or processes are prepared for
 * it (CREATE_WARM_ONCE and _FORK, which are of no use without hold_ns). Such a
 * template stays open for params->hold_ns after its last drop, and no longer, also
 * if no other call comes: the first such drop starts a thread, which blocks all
 * signals and ends when nothing is held any more. No other template is held.
 *
 * With params->negative_ns, a file that was refused with -EACCES, -ENOEXEC or
 * -ETXTBSY is refused for so long without another look, unless it has changed. That
 * a file is not there is never remembered.
 *
 * params->create_flags are those of all templates of the cache; CREATE_CLOEXEC is
 * implied.
 *
 * After fork(2) the child has the same cache, empty: it makes its own templates.
 *
 * Return: 0; -EINVAL for entries above SPAWN_TEMPLATE_CACHE_ENTRIES_MAX, a bad
 * size, an unknown flag, a reserved field, no @cache; -EOPNOTSUPP for create_flags
 * that nothing can serve; -E2BIG; -ENOMEM.
 * Since: 0.4
 */
int spawn_template_cache_new(const struct spawn_template_cache_params *params,
			     size_t size, struct spawn_template_cache **cache);

/**
 * spawn_template_cache_get - get a template by name (extension)
 * @cache: the cache
 * @name: a file name to look for; one with a slash is taken as it is
 * @path: directories separated by colons, as of spawn_template_search()
 *
 * Looks @name up at each call, as spawn_template_search() does, so a file that was
 * installed, replaced or removed just now is noticed. The template is of the file
 * that is found. It stays valid until it is given back by
 * spawn_template_cache_drop(), whatever the cache forgets meanwhile; it belongs to
 * the cache, and is not to be closed. Callers that ask for one file at a time get
 * the same fd, and each gives it back.
 *
 * The file may be replaced between get and a launch, which then answers -ESTALE:
 * drop and get again, or have params->create_flags contain CREATE_AUTO_REFRESH.
 *
 * Any number of threads may call at once. None waits for another's file system.
 *
 * Return: a template, FD_CLOEXEC; or as spawn_template_search(). If descriptors
 * run out, closes those that are held and tries again, once.
 * Since: 0.4
 */
int spawn_template_cache_get(struct spawn_template_cache *cache,
			     const char *name, const char *path);

/**
 * spawn_template_cache_drop - give a template back (extension)
 * @cache: the cache
 * @tfd: the template, of spawn_template_cache_get() of this cache
 *
 * In a child of fork(2), closes a template that the parent had out at the fork.
 *
 * Return: 0; -EBADF if @tfd is not open; -EINVAL if it is not out.
 * Since: 0.4
 */
int spawn_template_cache_drop(struct spawn_template_cache *cache, int tfd);

#define SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0	56

struct spawn_template_cache_stat {
	uint64_t shared;		/* gets of a template that was open */
	uint64_t revived;		/* of a file that was remembered */
	uint64_t made;			/* of a file that was looked into */
	uint64_t changed;		/* of those: it was known, and is another */
	uint64_t refused;		/* refusals that were believed */
	uint32_t known;			/* files that are remembered now */
	uint32_t out;			/* templates that are out now */
	uint32_t held;			/* open for hold_ns */
	uint32_t reserved;		/* 0 */
};

/**
 * spawn_template_cache_stat - tell what a cache has done (extension)
 * @cache: the cache
 * @st: filled in
 * @size: sizeof(*@st)
 *
 * In a child of fork(2) counts go on from the parent's.
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
 * @cache: the cache, or NULL; no other thread may use it any more
 *
 * Templates that are out stay valid, and are the caller's from now on, to be
 * closed by spawn_template_close(). All others are closed.
 *
 * Since: 0.4
 */
void spawn_template_cache_free(struct spawn_template_cache *cache);

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif
#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* SPAWN_TEMPLATE_H */
