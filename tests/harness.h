/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test harness. A test program is a table of cases, whose names say what they
 * prove:
 *
 *	static void one_is_one(void)
 *	{
 *		CHECK_EQ(1, 1);
 *	}
 *
 *	static const struct test_case cases[] = {
 *		TEST_CASE(one_is_one),
 *	};
 *	TEST_MAIN(cases)
 *
 * Each case runs in a process and process group of its own, under a time limit, so
 * that a case cannot disturb the next one: it may drop ids, close stdio, install
 * seccomp filters or crash. Processes that it leaves are killed, and its temporary
 * directory is removed.
 *
 * A failed check ends the process that made it, and the case fails, even if that
 * process was a child of the case. Messages go through shared memory, so that checks
 * work with every fd closed.
 *
 * Output is TAP. Exit status: 0 all passed, 1 something failed, 77 all skipped.
 * Arguments: -l lists the cases; anything else runs the cases of that name, or
 * else those whose name contains it. MUST_WORK=1 turns skips into failures.
 * TEST_SLOW=N multiplies the time limits. Tests ask no guard that the machine may
 * have, unless TEST_GUARD=1.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>

#include "spawn_template.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#ifdef __has_feature
#define TEST_FEATURE(x) __has_feature(x)
#else
#define TEST_FEATURE(x) 0
#endif

/* These are 1 with ThreadSanitizer, and with any sanitizer that maps memory. */
#if defined(__SANITIZE_THREAD__) || TEST_FEATURE(thread_sanitizer)
#define TEST_TSAN 1
#else
#define TEST_TSAN 0
#endif
#if TEST_TSAN || defined(__SANITIZE_ADDRESS__) || \
	TEST_FEATURE(address_sanitizer)
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif

extern char **environ;

struct test_case {
	const char *name;
	void (*fn)(void);
	unsigned int seconds;		/* time limit; 0: 30 */
};

/* Entries of the table; a case has the name of its function. */
#define TEST_CASE(fn) \
	{ \
#fn, fn, 0 \
	}
#define TEST_CASE_SECONDS(fn, s) \
	{ \
#fn, fn, s \
	}

#define TEST_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TEST_MAIN(cases)                                                       \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return test_main(argc, argv, cases, TEST_COUNT(cases));        \
	}

int test_main(int argc, char **argv, const struct test_case *cases, size_t n);

/* ---- checks: each ends the process when it fails ---- */

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			test_fail(__FILE__, __LINE__, "CHECK(%s)", #cond);     \
	} while (0)

#define CHECK_OP(a, op, b)                                                     \
	do {                                                                   \
		long long test_a_ = (long long)(a);                            \
		long long test_b_ = (long long)(b);                            \
		if (!(test_a_ op test_b_))                                     \
			test_fail_op(__FILE__, __LINE__, #a " " #op " " #b,    \
				     test_a_, test_b_);                        \
	} while (0)

#define CHECK_EQ(a, b) CHECK_OP(a, ==, b)
#define CHECK_NE(a, b) CHECK_OP(a, !=, b)
#define CHECK_LT(a, b) CHECK_OP(a, <, b)
#define CHECK_LE(a, b) CHECK_OP(a, <=, b)
#define CHECK_GT(a, b) CHECK_OP(a, >, b)
#define CHECK_GE(a, b) CHECK_OP(a, >=, b)

/* got is want, contains want, or does not contain it. */
#define CHECK_STR(got, want) test_check_str(__FILE__, __LINE__, #got, got, want)
#define CHECK_HAS(got, want)                                                   \
	test_check_has(__FILE__, __LINE__, #got, got, want, true)
#define CHECK_HAS_NOT(got, want)                                               \
	test_check_has(__FILE__, __LINE__, #got, got, want, false)

/* A libc call that sets errno: fails with its message, or gives its value. */
#define CHECK_SYS(call)                                                        \
	({                                                                     \
		__typeof__(call) test_r_ = (call);                             \
		if (test_r_ == (__typeof__(test_r_))-1)                        \
			test_fail(__FILE__, __LINE__, "%s: %s", #call,         \
				  strerror(errno));                            \
		test_r_;                                                       \
	})

/* A call that answers >= 0 or -errno. */
#define CHECK_OK(call)                                                         \
	({                                                                     \
		__typeof__(call) test_r_ = (call);                             \
		if (test_r_ < 0)                                               \
			test_fail_op(__FILE__, __LINE__, #call " >= 0",        \
				     (long long)test_r_, 0);                   \
		test_r_;                                                       \
	})

/* End the case as skipped. The reason names the missing thing. */
#define TEST_SKIP(...) test_skip(__VA_ARGS__)

/* A line of explanation, shown when the case fails. */
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Note the state of a loop; the last note is shown when the case fails. */
void test_doing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_fail_op(const char *file, int line, const char *what, long long a,
		  long long b) __attribute__((noreturn));
void test_skip(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void test_check_str(const char *file, int line, const char *what,
		    const char *got, const char *want);
void test_check_has(const char *file, int line, const char *what,
		    const char *got, const char *want, bool has);

/* ---- strings, files: returned strings live as long as the case ---- */

char *test_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The blocks of memory that the case keeps for such strings, in bytes. */
size_t test_kept_memory(void);

/* The case's own directory, mode 0755; the first call makes it. */
const char *test_tmpdir(void);

/* <test_tmpdir()>/<formatted name> */
char *test_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Path of a program built from tests/tools, such as "probe". */
const char *test_tool(const char *name);

/* Replace the file; mode is set whatever the umask. */
void test_write(const char *path, const char *text, mode_t mode);
void test_copy(const char *from, const char *to, mode_t mode);

/* The calling thread's signal mask as the kernel has it, with 32 and 33. */
uint64_t test_sigmask(void);

/* The whole file, or the rest that the fd gives, followed by a NUL. */
char *test_read(const char *path);
char *test_read_fd(int fd);

/* ---- launching ---- */

/*
 * Arguments for spawn_template_spawn(): VER1, this environment, no actions.
 * argv is used, not copied.
 */
struct spawn_template_spawn_args test_args(int *pidfd, char *const argv[]);

/* A compound literal for an argv: TEST_ARGV("probe", "exit", "3"). */
#define TEST_ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

/* Exit code, or 128 + signal. Reaps the child and closes pidfd. */
int test_wait(int pidfd);

/* Launch and wait. Return: -errno of the launch, or as test_wait(). */
int test_spawn_args(int tfd, struct spawn_template_spawn_args args);
int test_spawn(int tfd, char *const argv[]);

/*
 * Make fd 1 of this process a pipe until the end, which returns the text written to
 * the pipe when nobody holds it any more.
 */
struct test_stdout {
	int pipe, saved;
};
struct test_stdout test_stdout_begin(void);
char *test_stdout_end(struct test_stdout out);

/*
 * Launch with a pipe for stdout (fd 1 of this process is the pipe during the launch,
 * no action is added), wait, and return the text written. *status is as
 * test_spawn_args() returns it; if status is NULL it must be 0.
 */
char *test_output_args(int tfd, struct spawn_template_spawn_args args,
		       int *status);
char *test_output(int tfd, char *const argv[]);

/*
 * Check that the launch fails with -err, tells this stage and action, and leaves no
 * child, no fd, the old signal mask and pidfd unchanged. args must have the VER1 size;
 * its pidfd and failure are set here.
 */
#define CHECK_FAILS(tfd, args, err, stage, action)                             \
	test_check_fails(__FILE__, __LINE__, tfd, args, err, stage, action)
void test_check_fails(const char *file, int line, int tfd,
		      struct spawn_template_spawn_args args, int err,
		      unsigned int stage, unsigned int action);

/* Actions, as values. Pointers are not copied. */
#define ACT_(t, ...)                                                           \
	((struct spawn_template_action){ .type = SPAWN_TEMPLATE_ACTION_##t, \
					 __VA_ARGS__ })
#define ACT_CLOSE(n) ACT_(CLOSE, .fd = (n))
#define ACT_DUP2(from, to) ACT_(DUP2, .fd = (from), .newfd = (to))
#define ACT_FCHDIR(n) ACT_(FCHDIR, .fd = (n))
#define ACT_OPEN(dir, to, open)                                                \
	ACT_(OPEN, .fd = (dir), .newfd = (to), .arg = (uintptr_t)(open))
#define ACT_CLOSE_RANGE(first, last, how)                                      \
	ACT_(CLOSE_RANGE, .fd = (first), .newfd = (last), .flags = (how))
#define ACT_SIGMASK(set) ACT_(SIGMASK, .arg = (uintptr_t)(set))
#define ACT_SIGDEFAULT(set) ACT_(SIGDEFAULT, .arg = (uintptr_t)(set))
#define ACT_CHDIR(path) ACT_(CHDIR, .arg = (uintptr_t)(path))
#define ACT_KEEP(n) ACT_(KEEP, .fd = (n))
#define ACT_RLIMIT(what, limit)                                                \
	ACT_(RLIMIT, .fd = (int)(what), .arg = (uintptr_t)(limit))
#define ACT_SETCTTY(n) ACT_(SETCTTY, .fd = (n))

/*
 * Set the actions of *args. They live as long as the enclosing block; the body of an
 * if is such a block, too.
 */
#define TEST_ACTIONS(args, ...)                                                \
	((args)->actions =                                                     \
		 (uintptr_t)(struct spawn_template_action[]){ __VA_ARGS__ },   \
	 (args)->actions_len = TEST_COUNT( \
		 ((struct spawn_template_action[]){ __VA_ARGS__ })))

/* Structures for ACT_OPEN and ACT_SIGMASK. */
#define TEST_OPEN(p, fl, m, r)                                                 \
	(&(struct spawn_template_open){                                        \
		.path = (uintptr_t)(p),                                        \
		.how = { .flags = (fl), .mode = (m), .resolve = (r) } })
#define TEST_SIGSET(bits)                                                      \
	(&(struct spawn_template_sigset){                                      \
		.sigset = (uintptr_t)(uint64_t[]){ bits }, .sigsetsize = 8 })
#define TEST_SIGBIT(sig) (1ULL << ((sig)-1))

/* A template of the probe (CREATE_CLOEXEC); the path of a copy of the probe. */
int test_probe(void);
char *test_copy_probe(const char *name);

/*
 * The value of a "key=value" line of the probe's output; fails when there is none.
 */
char *test_value(const char *output, const char *key);

/*
 * A signal set that the probe told in hex. Of those ignored or caught, signals 32
 * and 33 are left out: they belong to libc, and sanitizers set them.
 */
uint64_t test_signals(const char *output, const char *key);

/* Run fn(arg) in a forked child; fn must return. */
void test_in_child(void (*fn)(void *), void *arg);

/* ---- fds, mappings, children ---- */

/* Tells whether clone3(2) is there; a container's seccomp filter may hide it. */
bool test_has_clone3(void);

int test_count_fds(void);

/*
 * Fails, naming each open file, unless so many fds are open within a second: a
 * sanitizer or libc may open one for a moment in a thread that is starting.
 */
#define CHECK_FDS(want) test_check_fds(__FILE__, __LINE__, want)
void test_check_fds(const char *file, int line, int want);
int test_count_mappings(void);

/*
 * Tell whether there is no child of any kind: running, zombie or clone child. Reaps
 * none.
 */
bool test_no_children(void);

/* The state letter of /proc/PID/stat; 0 if there is no such process. */
char test_process_state(pid_t pid);

/* ---- the machine ---- */

bool test_is_root(void);

/* Skip the case unless root. */
void test_need_root(void);

/* Skip the case unless <path> exists and is executable. */
void test_need_program(const char *path);

/*
 * Make the system call `nr` answer -err, for this thread and for threads and processes
 * that it starts. With err 0 the call does nothing and answers 0; TEST_KILL kills the
 * process with SIGSYS.
 */
#define TEST_KILL (-1)
void test_seccomp(long nr, int err);

/* Do the same only where (argument `arg` & mask) == value. */
void test_seccomp_arg(long nr, unsigned int arg, uint64_t mask, uint64_t value,
		      int err);

/*
 * Skip the case where a child killed by TEST_KILL takes its parent with it: before
 * Linux 5.16 a core dump ends all processes that share the memory, as after vfork(2).
 */
void test_need_kill_of_child_only(void);

#endif /* TESTS_HARNESS_H */
