/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the cases of a test program, each in a process of its own, and holds the
 * helpers that tests share. See harness.h.
 *
 * The process that runs the cases is a subreaper: it inherits the processes that a
 * case left behind, also those in other sessions, and kills them.
 */
#include "harness.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define DEFAULT_SECONDS 30
#define REAP_MS 200

/* Written by the processes of a case, read by the one that runs the cases. */
struct shared {
	atomic_uint failures;
	atomic_uint skipped;
	atomic_size_t used;
	char doing[512];
	char text[1 << 16];
};

static struct shared *shared;
static char base_dir[PATH_MAX];		/* one per test program */
static char case_dir[PATH_MAX];		/* below it, one per case */

/* ---- messages ---- */

static void add_text(const char *text, size_t len)
{
	size_t at = atomic_fetch_add(&shared->used, len);

	if (at + len < sizeof(shared->text))
		memcpy(shared->text + at, text, len);
}

/* Every line of a message is a TAP comment. */
static void add_comment(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char line[512];
		int n;

		n = snprintf(line, sizeof(line), "# %.*s\n",
			     (int)(len < 480 ? len : 480), text);
		add_text(line, (size_t)n);
		text += len + (text[len] == '\n');
	}
}

void test_note(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_comment(text);
}

void test_doing(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->doing, sizeof(shared->doing), fmt, ap);
	va_end(ap);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "%s:%d: ", file, line);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	add_comment(text);
	atomic_fetch_add(&shared->failures, 1);
	fflush(stdout);
	_exit(1);
}

/* A small negative number is most likely an errno. */
static const char *meaning(long long value, char *buf, size_t size)
{
	if (value >= 0 || value < -4095)
		return "";
	snprintf(buf, size, " (%s)", strerror((int)-value));
	return buf;
}

void test_fail_op(const char *file, int line, const char *what, long long a,
		  long long b)
{
	char one[128], two[128];

	test_fail(file, line, "CHECK(%s): %lld%s, %lld%s", what, a,
		  meaning(a, one, sizeof(one)), b,
		  meaning(b, two, sizeof(two)));
}

void test_check_str(const char *file, int line, const char *what,
		    const char *got, const char *want)
{
	if (!got || !want || strcmp(got, want))
		test_fail(file, line, "%s: got \"%s\", want \"%s\"", what,
			  got ? got : "(null)", want ? want : "(null)");
}

void test_check_has(const char *file, int line, const char *what,
		    const char *got, const char *want, bool has)
{
	if (!got || !!strstr(got, want) != has)
		test_fail(file, line, "%s: \"%s\" is %s \"%s\"", what, want,
			  has ? "not in" : "in", got ? got : "(null)");
}

void test_skip(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A skipped case says nothing but the reason. */
	atomic_store(&shared->used, 0);
	add_text(text, strlen(text));
	atomic_store(&shared->skipped, 1);
	_exit(77);
}

/* ---- running the cases ---- */

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Kill all processes that a finished case left to this one. */
static void kill_orphans(void)
{
	char list[4096], *p, *end;
	char path[64];
	int round, fd;
	ssize_t n;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	for (round = 0; round < 1000; round++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, list, sizeof(list) - 1);
		if (fd >= 0)
			close(fd);
		list[n > 0 ? n : 0] = 0;
		for (p = list; (pid = strtol(p, &end, 10)) > 0; p = end)
			kill((pid_t)pid, SIGKILL);
		while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, __WALL | WNOHANG) < 0)
			return;
		usleep(1000);
	}
}

static int slow_factor(void)
{
	const char *s = getenv("TEST_SLOW");
	int n = s ? atoi(s) : 1;

	return n > 0 ? n : 1;
}

static bool must_work(void)
{
	const char *s = getenv("MUST_WORK");

	return s && !strcmp(s, "1");
}

/*
 * Reap what a case has orphaned, as init would: a long one would fill the table of
 * processes with zombies, and every look at /proc would take longer.
 */
static void reap_orphans(pid_t except)
{
	siginfo_t info = { .si_pid = 0 };

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ==
		       0 &&
	       info.si_pid && info.si_pid != except) {
		waitpid(info.si_pid, NULL, __WALL | WNOHANG);
		info.si_pid = 0;
	}
}

/* Run a case in a new process. Return: its wait status, or -1 when time ran out. */
static int run_process(const struct test_case *c)
{
	int seconds = (int)(c->seconds ? c->seconds : DEFAULT_SECONDS);
	struct pollfd pfd = { .events = POLLIN };
	int status = 0, n, left = seconds * slow_factor() * 1000;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c->fn();
		/* The leak checker traces this process; ids may be gone. */
		prctl(PR_SET_DUMPABLE, 1);
		exit(0);
	}
	setpgid(pid, pid);
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	do {
		n = poll(&pfd, 1, REAP_MS);
		if (n == 0)
			reap_orphans(pid);
		left -= REAP_MS;
	} while ((n == 0 && left > 0) || (n < 0 && errno == EINTR));
	/* The group is killed in any case; the exit status does not change. */
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pfd.fd);
	kill_orphans();
	return n == 1 ? status : -1;
}

enum outcome { PASSED, FAILED, SKIPPED };

static enum outcome judge(int status)
{
	if (status == -1)
		test_note("out of time");
	else if (WIFSIGNALED(status))
		test_note("killed by signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	else if (atomic_load(&shared->failures))
		return FAILED;
	else if (WEXITSTATUS(status) == 77 && atomic_load(&shared->skipped))
		return SKIPPED;
	else if (WEXITSTATUS(status))
		test_note("exit status %d", WEXITSTATUS(status));
	else
		return PASSED;
	return FAILED;
}

static enum outcome run_case(const struct test_case *c, unsigned int number)
{
	enum outcome outcome;
	size_t used;

	memset(shared, 0, sizeof(*shared));
	snprintf(case_dir, sizeof(case_dir), "%.4000s/%u", base_dir, number);
	outcome = judge(run_process(c));
	if (outcome == FAILED && *shared->doing)
		add_comment(shared->doing);
	remove_tree(case_dir);
	used = atomic_load(&shared->used);
	if (used >= sizeof(shared->text))
		used = sizeof(shared->text) - 1;
	shared->text[used] = 0;
	if (outcome == SKIPPED && !must_work()) {
		printf("ok %u - %s # SKIP %s\n", number, c->name, shared->text);
	} else if (outcome == SKIPPED) {
		printf("not ok %u - %s\n# must work, but: %s\n", number,
		       c->name, shared->text);
		outcome = FAILED;
	} else if (outcome == FAILED) {
		printf("not ok %u - %s\n%s", number, c->name, shared->text);
	} else {
		printf("ok %u - %s\n%s", number, c->name,
		       getenv("TEST_NOTES") ? shared->text : "");
	}
	fflush(stdout);
	return outcome;
}

/* Start with known signals, fds and umask, whatever the caller left. */
static void clean_start(void)
{
	/* This is the kernel's struct: libc does not reset its own signals, 32 and
	 * 33, and some versions of make start programs that ignore them. */
	const unsigned long act[4] = { 0 };
	sigset_t none;
	int sig, fd;

	/* an empty name means that there is no guard */
	if (!getenv("TEST_GUARD"))
		setenv("SPAWN_TEMPLATE_GUARD", "", 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, act, NULL, 8UL);
	umask(022);
	for (fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR);
	}
	syscall(SYS_close_range, 3U, ~0U, 0U);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void make_base(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(base_dir, sizeof(base_dir), "%.3000s/spawn-template.XXXXXX",
		 tmp && *tmp == '/' ? tmp : "/tmp");
	if (!mkdtemp(base_dir) || chmod(base_dir, 0755)) {
		perror(base_dir);
		exit(2);
	}
}

/* Return: 2 if name is the filter, 1 if name contains it, otherwise 0. */
static int matches(const char *name, const char *filter)
{
	if (!filter || !strcmp(name, filter))
		return 2;
	return !!strstr(name, filter);
}

int test_main(int argc, char **argv, const struct test_case *cases, size_t n)
{
	const char *filter = argc > 1 ? argv[1] : NULL;
	unsigned int count[3] = { 0 }, number = 0;
	int best = 1;
	size_t i, total = 0;

	for (i = 0; i < n; i++) {
		if (filter && !strcmp(filter, "-l"))
			puts(cases[i].name);
		else if (matches(cases[i].name, filter) == 2)
			best = 2;
	}
	if (filter && !strcmp(filter, "-l"))
		return 0;
	for (i = 0; i < n; i++)
		total += matches(cases[i].name, filter) >= best;
	if (!total) {
		fprintf(stderr, "%s: no case '%s'; -l lists them\n", argv[0],
			filter ? filter : "");
		return 2;
	}
	clean_start();
	make_base();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	printf("1..%zu\n", total);
	for (i = 0; i < n; i++) {
		if (matches(cases[i].name, filter) >= best)
			count[run_case(&cases[i], ++number)]++;
	}
	remove_tree(base_dir);
	if (count[FAILED])
		return 1;
	return count[PASSED] ? 0 : 77;
}

/* ---- strings, files ---- */

static _Atomic size_t kept_memory;

/* Each block has a word of the allocator's before it. */
static size_t memory_of(void *block)
{
	return malloc_usable_size(block) + sizeof(size_t);
}

/* Strings live as long as the case; the list keeps them reachable. */
static void *keep(void *block)
{
	struct kept {
		struct kept *next;
		void *block;
	} *k;
	static struct kept *_Atomic all;

	k = malloc(sizeof(*k));
	CHECK(block && k);
	k->block = block;
	kept_memory += memory_of(k) + memory_of(block);
	k->next = atomic_load(&all);
	while (!atomic_compare_exchange_weak(&all, &k->next, k))
		;
	return block;
}

size_t test_kept_memory(void)
{
	return kept_memory;
}

char *test_fmt(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	CHECK(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	return keep(s);
}

const char *test_tmpdir(void)
{
	if (mkdir(case_dir, 0755) && errno != EEXIST)
		test_fail(__FILE__, __LINE__, "mkdir %s: %s", case_dir,
			  strerror(errno));
	return case_dir;
}

char *test_path(const char *fmt, ...)
{
	char name[PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return test_fmt("%s/%s", test_tmpdir(), name);
}

const char *test_tool(const char *name)
{
	char self[PATH_MAX];
	ssize_t n = CHECK_SYS(readlink("/proc/self/exe", self, PATH_MAX - 1));

	self[n] = 0;
	*strrchr(self, '/') = 0;
	return test_fmt("%s/tools/%s", self, name);
}

static void write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = CHECK_SYS(write(fd, buf, len));

		buf += n;
		len -= (size_t)n;
	}
}

static int create_file(const char *path, mode_t mode)
{
	int fd;

	if (unlink(path) && errno != ENOENT)
		test_fail(__FILE__, __LINE__, "unlink %s: %s", path,
			  strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		test_fail(__FILE__, __LINE__, "open %s: %s", path,
			  strerror(errno));
	CHECK_SYS(fchmod(fd, mode));
	return fd;
}

void test_write(const char *path, const char *text, mode_t mode)
{
	int fd = create_file(path, mode);

	write_all(fd, text, strlen(text));
	CHECK_SYS(close(fd));
}

void test_copy(const char *from, const char *to, mode_t mode)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = create_file(to, mode);
	char buf[65536];
	ssize_t n;

	if (in < 0)
		test_fail(__FILE__, __LINE__, "open %s: %s", from,
			  strerror(errno));
	while ((n = CHECK_SYS(read(in, buf, sizeof(buf)))) > 0)
		write_all(out, buf, (size_t)n);
	CHECK_SYS(close(in));
	CHECK_SYS(close(out));
}

char *test_read_fd(int fd)
{
	size_t len = 0, size = 4096;
	char *buf = malloc(size);

	while (buf) {
		ssize_t n = read(fd, buf + len, size - len - 1);

		if (n < 0 && errno == EINTR)
			continue;
		CHECK_SYS(n);
		if (!n)
			break;
		len += (size_t)n;
		if (size - len < 1024)
			buf = realloc(buf, size *= 2);
	}
	CHECK(buf);
	buf[len] = 0;
	return keep(buf);
}

char *test_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		test_fail(__FILE__, __LINE__, "open %s: %s", path,
			  strerror(errno));
	text = test_read_fd(fd);
	close(fd);
	return text;
}

uint64_t test_sigmask(void)
{
	uint64_t mask = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, sizeof(mask));
	return mask;
}

/* ---- launching ---- */

struct spawn_template_spawn_args test_args(int *pidfd, char *const argv[])
{
	return (struct spawn_template_spawn_args){
		.pidfd = (uintptr_t)pidfd,
		.argv = (uintptr_t)argv,
		.envp = (uintptr_t)environ,
	};
}

int test_wait(int pidfd)
{
	siginfo_t info = { 0 };
	int ret;

	do {
		ret = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info,
			     WEXITED | __WALL);
	} while (ret < 0 && errno == EINTR);
	CHECK_SYS(ret);
	CHECK_SYS(close(pidfd));
	return info.si_status + (info.si_code == CLD_EXITED ? 0 : 128);
}

int test_spawn_args(int tfd, struct spawn_template_spawn_args args)
{
	int pidfd = -1;
	pid_t pid;

	args.pidfd = (uintptr_t)&pidfd;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (pid < 0) {
		CHECK_EQ(pidfd, -1);
		return pid;
	}
	CHECK_NE(pid, 0);
	CHECK_GE(pidfd, 0);
	return test_wait(pidfd);
}

int test_spawn(int tfd, char *const argv[])
{
	return test_spawn_args(tfd, test_args(NULL, argv));
}

struct test_stdout test_stdout_begin(void)
{
	struct test_stdout out;
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	fflush(stdout);
	out.pipe = fds[0];
	out.saved = CHECK_SYS(fcntl(1, F_DUPFD_CLOEXEC, 3));
	CHECK_SYS(dup2(fds[1], 1));
	CHECK_SYS(close(fds[1]));
	return out;
}

char *test_stdout_end(struct test_stdout out)
{
	char *text;

	CHECK_SYS(dup2(out.saved, 1));
	CHECK_SYS(close(out.saved));
	text = test_read_fd(out.pipe);
	CHECK_SYS(close(out.pipe));
	return text;
}

char *test_output_args(int tfd, struct spawn_template_spawn_args args,
		       int *status)
{
	struct test_stdout out = test_stdout_begin();
	int pidfd = -1, code;
	char *text;
	pid_t pid;

	args.pidfd = (uintptr_t)&pidfd;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	text = test_stdout_end(out);
	code = pid < 0 ? pid : test_wait(pidfd);
	if (status)
		*status = code;
	else
		CHECK_EQ(code, 0);
	return text;
}

char *test_output(int tfd, char *const argv[])
{
	return test_output_args(tfd, test_args(NULL, argv), NULL);
}

void test_check_fails(const char *file, int line, int tfd,
		      struct spawn_template_spawn_args args, int err,
		      unsigned int stage, unsigned int action)
{
	struct spawn_template_failure failure = { -1, 99, 99 };
	int fds = test_count_fds(), pidfd = -77;
	uint64_t mask = test_sigmask();
	bool alone = test_no_children();
	pid_t pid;

	args.pidfd = args.pidfd ? (uintptr_t)&pidfd : 0;
	args.failure = (uintptr_t)&failure;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (pid != -err)
		test_fail_op(file, line, "launch == -err", pid, -err);
	if (failure.error != err || failure.stage != stage ||
	    failure.action != action)
		test_fail(file, line,
			  "failure: error %d stage %u action %u, "
			  "want %d %u %u",
			  failure.error, failure.stage, failure.action, err,
			  stage, action);
	if (pidfd != -77)
		test_fail(file, line, "pidfd was touched: %d", pidfd);
	if (test_count_fds() != fds)
		test_fail_op(file, line, "fds", test_count_fds(), fds);
	if (test_sigmask() != mask)
		test_fail(file, line, "signal mask %#llx, was %#llx",
			  (unsigned long long)test_sigmask(),
			  (unsigned long long)mask);
	if (alone && !test_no_children())
		test_fail(file, line, "a child is left");
}

int test_probe(void)
{
	return CHECK_OK(spawn_template_open(test_tool("probe"),
					    SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

char *test_copy_probe(const char *name)
{
	char *path = test_path("%s", name);

	test_copy(test_tool("probe"), path, 0755);
	return path;
}

char *test_value(const char *output, const char *key)
{
	size_t len = strlen(key);
	const char *p = output;

	while (p && *p) {
		if (!strncmp(p, key, len) && p[len] == '=') {
			p += len + 1;
			return test_fmt("%.*s", (int)strcspn(p, "\n"), p);
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	test_fail(__FILE__, __LINE__, "no line \"%s=\" in:\n%s", key, output);
}

uint64_t test_signals(const char *output, const char *key)
{
	uint64_t set = strtoull(test_value(output, key), NULL, 16);

	if (strcmp(key, "ignored") && strcmp(key, "caught"))
		return set;
	return set & ~(TEST_SIGBIT(32) | TEST_SIGBIT(33));
}

void test_in_child(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = CHECK_SYS(fork());
	if (!pid) {
		fn(arg);
		fflush(NULL);
		_exit(0);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(77); /* it has said why */
	CHECK_EQ(status, 0);
}

/* ---- fds, mappings, children ---- */

bool test_has_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && errno == EINVAL;
}

int test_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -1;		/* leaves out the directory's own fd */

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));)
		count += d->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void note_fds(void)
{
	char path[64], target[256];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n >= 0)
			test_note("fd %d: %.*s", fd, (int)n, target);
	}
}

void test_check_fds(const char *file, int line, int want)
{
	int count = test_count_fds();

	for (int i = 0; i < 1000 && count != want; i++) {
		usleep(1000);
		count = test_count_fds();
	}
	if (count == want)
		return;
	note_fds();
	test_fail_op(file, line, "open fds", count, want);
}

int test_count_mappings(void)
{
	const char *p = test_read("/proc/self/maps");
	int count = 0;

	for (; (p = strchr(p, '\n')); p++)
		count++;
	return count;
}

bool test_no_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) &&
	       errno == ECHILD;
}

char test_process_state(pid_t pid)
{
	char buf[512], path[64], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p && p[1] ? p[2] : 0;
}

/* ---- the machine ---- */

bool test_is_root(void)
{
	return !geteuid();
}

void test_need_root(void)
{
	if (!test_is_root())
		TEST_SKIP("needs root");
}

void test_need_program(const char *path)
{
	if (access(path, X_OK))
		TEST_SKIP("%s is not installed", path);
}

/* Offsets of the low and the high half of argument n. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARG_LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define ARG_HIGH(n) (ARG_LOW(n) + 4)
#else
#define ARG_HIGH(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define ARG_LOW(n) (ARG_HIGH(n) + 4)
#endif

void test_seccomp_arg(long nr, unsigned int arg, uint64_t mask, uint64_t value,
		      int err)
{
	uint32_t answer = err == TEST_KILL ? SECCOMP_RET_KILL_PROCESS
					   : SECCOMP_RET_ERRNO | (uint32_t)err;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(arg)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)value, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_HIGH(arg)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)(mask >> 32)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value >> 32), 0,
			 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TEST_COUNT(code), code };

	/* With CAP_SYS_ADMIN no_new_privs is not needed, and would show. */
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return;
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

void test_seccomp(long nr, int err)
{
	test_seccomp_arg(nr, 0, 0, 0, err);
}

void test_need_kill_of_child_only(void)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (!pid) {
		test_seccomp(SYS_getppid, TEST_KILL);
		pid = vfork();
		if (!pid) {
			syscall(SYS_getppid);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	if (status)
		TEST_SKIP("this kernel kills the parent of such a child too");
}
