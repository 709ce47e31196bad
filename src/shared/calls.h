/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that an old kernel may lack and a sandbox may forbid, with the
 * substitute for each, and the loss. The library's fallbacks, the command 'doctor'
 * and the tests read this one table, and spawn_template(7) prints it.
 *
 * A call counts as missing if it answers ENOSYS, EPERM or EACCES, and for some calls
 * also if it answers EINVAL, by which old kernels and emulators say that they do not
 * know a flag. Where EPERM or EACCES may be an answer to these arguments as well, a
 * call with arguments that nobody is refused (descriptor -1) tells: where the call
 * is there, it answers EBADF.
 */
#ifndef ST_CALLS_H
#define ST_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * name in the code, name for people, the release of Linux, EINVAL if that counts,
 * the substitute ("": none), the loss
 */
#define ST_CALLS(X)                                                            \
	X(CLONE3, "clone3", 5, 3, EINVAL,                                      \
	  "clone(2) is used: handlers are reset one by one",                   \
	  "no launch into a cgroup; where it answers another error than "      \
	  "ENOSYS, libc starts no thread: no rings, --capture and batch")      \
	X(CLONE_PIDFD, "CLONE_PIDFD", 5, 2, EINVAL,                            \
	  "the child opens its own pidfd: one call more", "")                  \
	X(CLONE_NO_SIGNAL, "clone, no exit signal", 2, 6, EINVAL,              \
	  "the child is forked: page tables are copied",                       \
	  "a launch that fails raises SIGCHLD, and waitpid(-1) finds it")      \
	X(CLOSE_RANGE, "close_range", 5, 9, 0,                                 \
	  "descriptors are closed one by one, by /proc/self/fd", "")           \
	X(CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC", 5, 11, EINVAL,           \
	  "descriptors are closed in ranges: a few calls more", "")            \
	X(CLOSE_RANGE_UNSHARE, "CLOSE_RANGE_UNSHARE", 5, 9, EINVAL,            \
	  "a large descriptor table is copied at each launch", "")             \
	X(UNSHARE, "unshare", 2, 6, EINVAL,                                    \
	  "where CLONE_PIDFD and CLOSE_RANGE_UNSHARE are missing, too, the "   \
	  "child is forked",                                                   \
	  "such a launch copies page tables; if it fails, it raises SIGCHLD, " \
	  "and waitpid(-1) finds it")                                          \
	X(EXECVEAT, "execveat", 3, 19, EINVAL,                                 \
	  "launches go by path, with a moment between check and exec", "")     \
	X(OPENAT2, "openat2", 5, 6, 0, "openat(2) is used",                    \
	  "OPEN actions with resolve flags fail")                              \
	X(FACCESSAT2, "faccessat2", 5, 8, 0,                                   \
	  "faccessat(2) judges by real ids",                                   \
	  "a file without execute permission may be noticed at the launch, "   \
	  "not when its template is made")                                     \
	X(PIDFD_OPEN, "pidfd_open", 5, 3, 0, "processes are known by number",  \
	  "no pidfd where clone cannot make one: the launch fails")            \
	X(PIDFD_SEND_SIGNAL, "pidfd_send_signal", 5, 1, 0,                     \
	  "signals go by number, after a look whether the process is there",   \
	  "a process that ends at that moment may have given its number away") \
	X(WAITID_PIDFD, "waitid P_PIDFD", 5, 4, EINVAL,                        \
	  "waiting goes by number", "")                                        \
	X(STATX, "statx", 4, 11, 0, "", "no template can be made or launched")

enum st_call {
#define ST_CALL_ENUM(id, ...) ST_CALL_##id,
	ST_CALLS(ST_CALL_ENUM)
#undef ST_CALL_ENUM
		ST_N_CALLS
};

/* The calls for which EINVAL counts, as bits. */
enum {
	ST_CALLS_EINVAL = 0
#define ST_CALL_BIT(id, name, major, minor, einval, ...) \
	| (einval ? 1 << ST_CALL_##id : 0)
	ST_CALLS(ST_CALL_BIT)
#undef ST_CALL_BIT
};

/*
 * Tells "not supported here" from "not now". Inlined, as a child between clone and
 * exec needs it.
 */
static inline __attribute__((always_inline)) bool
st_call_is_missing(enum st_call call, long ret)
{
	return ret == -ENOSYS || ret == -EPERM || ret == -EACCES ||
	       (ret == -EINVAL && ((unsigned int)ST_CALLS_EINVAL >> call & 1));
}

#endif
