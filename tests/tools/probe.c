/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for tests to launch: it tells how it was started, and does small things
 * on request. Its arguments are words, taken in order. A word that asks a question
 * writes lines of the form key=value to fd 1:
 *
 *	args env		argc, argv.N; all of the environment
 *	cwd comm exe execfn	names of this process
 *	cmdline			argv[0] as /proc/self/cmdline has it
 *	secure			AT_SECURE
 *	fds			every open fd and its target: fd.N=target
 *	nfds			the number of open fds
 *	fd N			fdflags.N, flflags.N; -errno when not open
 *	signals			blocked, ignored and caught, 64 bits in hex
 *	pending			pending signals, in hex
 *	ids			real,effective,saved uid and gid; groups
 *	pids			pid, ppid, pgrp, sid; pgrp of the terminal or -errno
 *	umask nice nnp pdeathsig cgroup dumpable
 *	layout			address of a function of libc
 *	sandbox			seccomp, filters, nonewprivs, as in /proc/self/status
 *	rlimit N		limit.N=soft,hard
 *	cat			copies fd 0 to fd 1
 *	read N			data.N: up to 4096 bytes of fd N
 *	write N TEXT		writes TEXT to fd N
 *	out PATH		later lines are appended to this file
 *	touch PATH		creates a file
 *	sleep MS  raise SIG  exit N  pause
 *
 * Any other word: exit status 99. It keeps no file open, so that fd numbers are those
 * that it was started with.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int out = 1;
static int argc_;
static char **argv_;

static void die(int code, const char *what)
{
	dprintf(2, "probe: %s: %s\n", what, strerror(errno));
	_exit(code);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vdprintf(out, fmt, ap);
	va_end(ap);
	if (n < 0)
		die(98, "write");
}

/* ---- answers ---- */

static void tell_args(void)
{
	say("argc=%d\n", argc_);
	for (int i = 0; i < argc_; i++)
		say("argv.%d=%s\n", i, argv_[i]);
}

static void tell_env(void)
{
	extern char **environ;

	for (char **e = environ; e && *e; e++)
		say("%s\n", *e);
}

static void tell_cwd(void)
{
	char buf[PATH_MAX];

	say("cwd=%s\n", getcwd(buf, sizeof(buf)) ? buf : strerror(errno));
}

/* Tell the first line, or the first string, of a file in /proc. */
static void tell_file(const char *key, const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n < 0)
		die(97, path);
	close(fd);
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	say("%s=%s\n", key, buf);
}

static void tell_comm(void)
{
	tell_file("comm", "/proc/self/comm");
}

static void tell_cmdline(void)
{
	tell_file("cmdline", "/proc/self/cmdline");
}

static void tell_cgroup(void)
{
	char buf[4096], *line;
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (!f)
		die(97, "/proc/self/cgroup");
	while ((line = fgets(buf, sizeof(buf), f))) {
		if (!strncmp(line, "0::", 3))
			say("cgroup=%s", line + 3);
	}
	fclose(f);
}

static void tell_exe(void)
{
	char buf[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);

	if (n < 0)
		die(97, "/proc/self/exe");
	say("exe=%.*s\n", (int)n, buf);
}

/*
 * Looks for itself, behind the environment, and does not name getauxval(3): so the
 * library does not see that this program looks, and launches it by descriptor.
 */
static unsigned long auxiliary(unsigned long type)
{
	char **end = environ;
	const ElfW(auxv_t) * v;

	while (*end)
		end++;
	/* the C library leaves gaps where it has removed variables */
	while (!*end)
		end++;
	for (v = (const void *)end; v->a_type != AT_NULL; v++)
		if (v->a_type == type)
			return v->a_un.a_val;
	return 0;
}

static void tell_execfn(void)
{
	const char *name = (const char *)(uintptr_t)auxiliary(AT_EXECFN);

	say("execfn=%s\n", name ? name : "");
}

static void tell_secure(void)
{
	say("secure=%lu\n", auxiliary(AT_SECURE));
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Return: sorted fd numbers, without the directory's own; the caller frees them. */
static int *list_fds(int *count)
{
	DIR *dir = opendir("/proc/self/fd");
	int *fds = NULL, n = 0;

	if (!dir)
		die(97, "/proc/self/fd");
	for (struct dirent *d; (d = readdir(dir));) {
		if (d->d_name[0] == '.' || atoi(d->d_name) == dirfd(dir))
			continue;
		if (!(n & (n + 1)))
			fds = realloc(fds, sizeof(*fds) * 2 * (size_t)(n + 1));
		fds[n++] = atoi(d->d_name);
	}
	closedir(dir);
	if (fds)
		qsort(fds, (size_t)n, sizeof(*fds), by_number);
	*count = n;
	return fds;
}

static void tell_fds(void)
{
	char path[64], target[PATH_MAX];
	int count, *fds = list_fds(&count);

	for (int i = 0; i < count; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		n = readlink(path, target, sizeof(target) - 1);
		say("fd.%d=%.*s\n", fds[i], n < 0 ? 0 : (int)n, target);
	}
	free(fds);
}

static void tell_nfds(void)
{
	int count;

	free(list_fds(&count));
	say("nfds=%d\n", count);
}

/* Tell lines of /proc/self/status: the kernel's view, also of signals 32 and 33. */
static void tell_status(const char *const keys[][2])
{
	char buf[512];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		die(97, "/proc/self/status");
	while (fgets(buf, sizeof(buf), f)) {
		for (int i = 0; keys[i][0]; i++) {
			size_t len = strlen(keys[i][0]);

			if (!strncmp(buf, keys[i][0], len))
				say("%s=%s", keys[i][1],
				    buf + len + strspn(buf + len, " \t"));
		}
	}
	fclose(f);
}

static void tell_signals(void)
{
	static const char *const keys[][2] = {
		{ "SigBlk:", "blocked" },
		{ "SigIgn:", "ignored" },
		{ "SigCgt:", "caught" },
		{ NULL, NULL },
	};

	tell_status(keys);
}

static void tell_pending(void)
{
	static const char *const keys[][2] = {
		{ "SigPnd:", "pending" },
		{ "ShdPnd:", "shared-pending" },
		{ NULL, NULL },
	};

	tell_status(keys);
}

static void tell_sandbox(void)
{
	static const char *const keys[][2] = {
		{ "Seccomp:", "seccomp" },
		{ "Seccomp_filters:", "filters" },
		{ "NoNewPrivs:", "nonewprivs" },
		{ NULL, NULL },
	};

	tell_status(keys);
}

static void tell_ids(void)
{
	gid_t groups[256];
	uid_t r, e, s;
	int n = getgroups(256, groups);

	getresuid(&r, &e, &s);
	say("uid=%u,%u,%u\n", r, e, s);
	getresgid(&r, &e, &s);
	say("gid=%u,%u,%u\n", r, e, s);
	say("groups=");
	for (int i = 0; i < n; i++)
		say("%s%u", i ? "," : "", groups[i]);
	say("\n");
}

static void tell_pids(void)
{
	pid_t fg = tcgetpgrp(0);

	say("pid=%d\nppid=%d\npgrp=%d\nsid=%d\nforeground=%d\n", getpid(),
	    getppid(), getpgrp(), getsid(0), fg < 0 ? -errno : fg);
}

static void tell_layout(void)
{
	say("layout=%#lx\n", (unsigned long)(uintptr_t)getpid);
}

static void tell_umask(void)
{
	say("umask=%03o\n", umask(0));
}

static void tell_nice(void)
{
	errno = 0;
	say("nice=%d\n", getpriority(PRIO_PROCESS, 0));
}

static void tell_nnp(void)
{
	say("nnp=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void tell_pdeathsig(void)
{
	int sig = -1;

	prctl(PR_GET_PDEATHSIG, &sig);
	say("pdeathsig=%d\n", sig);
}

static void tell_dumpable(void)
{
	say("dumpable=%d\n", prctl(PR_GET_DUMPABLE));
}

/* ---- deeds ---- */

static void do_pause(void)
{
	for (;;)
		pause();
}

static void do_cat(void)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(out, buf + done, (size_t)(n - done));
			if (w < 0)
				die(98, "write");
		}
	}
	if (n < 0)
		die(97, "read");
}

static void do_fd(const char *arg)
{
	int fd = atoi(arg), fdflags = fcntl(fd, F_GETFD);

	say("fdflags.%d=%d\n", fd, fdflags < 0 ? -errno : fdflags);
	if (fdflags >= 0)
		say("flflags.%d=%d\n", fd, fcntl(fd, F_GETFL));
}

static void do_rlimit(const char *arg)
{
	struct rlimit r = { 0, 0 };

	if (getrlimit(atoi(arg), &r))
		die(97, "getrlimit");
	say("limit.%s=%llu,%llu\n", arg, (unsigned long long)r.rlim_cur,
	    (unsigned long long)r.rlim_max);
}

static void do_read(const char *arg)
{
	char buf[4096];
	ssize_t n = read(atoi(arg), buf, sizeof(buf));

	if (n < 0)
		die(97, "read");
	say("data.%s=%.*s\n", arg, (int)n, buf);
}

static void do_out(const char *path)
{
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out < 0)
		die(97, path);
}

static void do_touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		die(97, path);
	close(fd);
}

static void do_sleep(const char *arg)
{
	long ms = atol(arg);
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void do_raise(const char *arg)
{
	raise(atoi(arg));
}

static void do_exit(const char *arg)
{
	exit(atoi(arg));
}

static const struct {
	const char *word;
	void (*fn)(void);
} plain[] = {
	{ "args", tell_args },
	{ "cat", do_cat },
	{ "cgroup", tell_cgroup },
	{ "cmdline", tell_cmdline },
	{ "comm", tell_comm },
	{ "cwd", tell_cwd },
	{ "dumpable", tell_dumpable },
	{ "env", tell_env },
	{ "exe", tell_exe },
	{ "execfn", tell_execfn },
	{ "fds", tell_fds },
	{ "ids", tell_ids },
	{ "nfds", tell_nfds },
	{ "nice", tell_nice },
	{ "nnp", tell_nnp },
	{ "pause", do_pause },
	{ "pdeathsig", tell_pdeathsig },
	{ "layout", tell_layout },
	{ "pending", tell_pending },
	{ "pids", tell_pids },
	{ "sandbox", tell_sandbox },
	{ "secure", tell_secure },
	{ "signals", tell_signals },
	{ "umask", tell_umask },
};

static const struct {
	const char *word;
	void (*fn)(const char *arg);
} with_arg[] = {
	{ "exit", do_exit },   { "fd", do_fd },	      { "out", do_out },
	{ "raise", do_raise }, { "read", do_read },   { "rlimit", do_rlimit },
	{ "sleep", do_sleep }, { "touch", do_touch },
};

/* Do a word with its arguments. Return: the number of words. */
static int do_words(char **w)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (!strcmp(w[0], plain[i].word)) {
			plain[i].fn();
			return 1;
		}
	}
	for (size_t i = 0; w[1] && i < sizeof(with_arg) / sizeof(*with_arg);
	     i++) {
		if (!strcmp(w[0], with_arg[i].word)) {
			with_arg[i].fn(w[1]);
			return 2;
		}
	}
	if (!strcmp(w[0], "write") && w[1] && w[2]) {
		if (write(atoi(w[1]), w[2], strlen(w[2])) < 0)
			die(98, "write");
		return 3;
	}
	errno = EINVAL;
	die(99, w[0]);
	return 0;
}

int main(int argc, char **argv)
{
	argc_ = argc;
	argv_ = argv;
	for (int i = 1; i < argc;)
		i += do_words(argv + i);
	return 0;
}
