/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults: too few fds, processes or memory; a failure of each system call in turn,
 * with several errors; a child that is killed before exec. Each time the launch
 * either does all that was asked, or answers the error and where it came from, and
 * leaves nothing: no fd, child or mapping, outputs untouched.
 */
#include "begin_spawn.h"
#include "inject.h"
#include "much.h"
#include "replaced.h"

#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* ---- a thread whose calls are disturbed ---- */

struct fault;

/* One call of the library, with its preparation and the check of its answer. */
struct operation {
	const char *name;
	void (*prepare)(struct fault *f);
	int (*call)(struct fault *f);
	void (*verify)(struct fault *f, int ret);
	uint64_t flags;
	bool by_path, many_fds, few_errors;
	long without[4]; /* system calls that are not there at all */
};

struct fault {
	const struct operation *op;
	struct inject inject;
	int number; /* counts up, for new file names */
	int tfd, execfd;
	char *path;
	const char *dir; /* the directory of path */
	char *want, *got; /* output of the launch that asks for much */
	struct much much;
	struct spawn_template_stat before;
};

/* The library works as before once the fault is over. */
static void check_recovered(struct fault *f)
{
	CHECK_EQ(spawn_template_check(f->tfd), 0);
	if (f->want)
		CHECK_STR(much_output(f->tfd, f->op->flags), f->want);
	else
		CHECK_EQ(test_spawn(f->tfd, TEST_ARGV("tiny")), 0);
	CHECK(test_no_children());
}

static void *disturbed(void *arg)
{
	struct fault *f = arg;
	const struct operation *op = f->op;
	int ret, fds, mappings;
	uint64_t mask;

	op->prepare(f);
	inject_here(&f->inject);
	for (size_t i = 0; i < TEST_COUNT(op->without); i++) {
		if (op->without[i])
			test_seccomp(op->without[i], ENOSYS);
	}
	mappings = test_count_mappings();
	fds = test_count_fds();
	mask = test_sigmask();
	ret = op->call(f);
	if (atomic_load(&f->inject.hit) < 0)
		return NULL;
	test_doing("%s: %s call %d, number %ld, answers %d: %d", op->name,
		   f->inject.who == INJECT_CHILD ? "child's" : "parent's",
		   f->inject.index, atomic_load(&f->inject.hit), f->inject.err,
		   ret);
	if (ret < 0)
		CHECK(inject_explains(&f->inject, ret));
	op->verify(f, ret);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(test_sigmask(), mask);
	CHECK(test_no_children());
	check_mappings(mappings);
	check_recovered(f);
	return NULL;
}

static int run_fault(const struct operation *op, enum inject_who who, int index,
		     int err)
{
	static struct fault f;
	pthread_t thread;
	int status;

	f.number++;
	status = inject_fork();
	if (status)
		return status;
	f.op = op;
	f.inject.who = who;
	f.inject.index = index;
	f.inject.err = err;
	much_scene();
	inject_start(&f.inject);
	CHECK_EQ(pthread_create(&thread, NULL, disturbed, &f), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	inject_finish(&f.inject);
	_exit(atomic_load(&f.inject.hit) < 0 ? INJECT_NOT_HIT : INJECT_HIT);
}

/* Lets every call of the parent fail, then every call of the child. */
static void sweep(const struct operation *op)
{
	const int errs[] = { INJECT_KILL, EIO, EPERM, ENOSYS, EINVAL, ENOMEM };
	const size_t n = op->few_errors ? 3 : TEST_COUNT(errs);
	int calls[2] = { 0 };

	test_tmpdir();
	for (size_t e = 0; e < n; e++) {
		for (enum inject_who who = 0; who <= INJECT_CHILD; who++) {
			int i = 0, ret = INJECT_HIT;

			if (who == INJECT_PARENT && errs[e] == INJECT_KILL)
				continue;
			for (; ret == INJECT_HIT; i++)
				ret = run_fault(op, who, i, errs[e]);
			CHECK_EQ(ret, INJECT_NOT_HIT);
			calls[who] += i - 1;
		}
	}
	test_note("%s: %d faults in the parent, %d in the child", op->name,
		  calls[INJECT_PARENT], calls[INJECT_CHILD]);
	CHECK_GE(calls[INJECT_PARENT], 3);
}

/* ---- launches ---- */

static char *program(struct fault *f)
{
	char *path = test_path("%d-probe", f->number);

	CHECK_SYS(symlink(test_tool("probe-static"), path));
	return f->op->by_path ? path
			      : test_fmt("%s", test_tool("probe-static"));
}

static void prepare_launch(struct fault *f)
{
	f->tfd = CHECK_OK(spawn_template_open(program(f), 0));
	f->want = much_output(f->tfd, f->op->flags);
	much_check(f->want);
	for (int fd = 3; f->op->many_fds && fd < 600; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	}
	/* this launch shows the library the number of a pidfd */
	CHECK_STR(much_output(f->tfd, f->op->flags), f->want);
	much_ask(&f->much, f->op->flags);
}

static int call_launch(struct fault *f)
{
	f->much.failure = (struct spawn_template_failure){ 0, 99, 99 };
	f->much.before = inject_arm;
	f->much.after = inject_disarm;
	f->much.arg = &f->inject;
	return much_try(f->tfd, &f->much, &f->got);
}

static void verify_launch(struct fault *f, int ret)
{
	const struct spawn_template_failure *failure = &f->much.failure;
	char text[512];

	if (!ret) {
		CHECK_STR(f->got, f->want);
		CHECK_EQ(failure->stage, 99);
		return;
	}
	CHECK_STR(f->got, "");
	CHECK_EQ(failure->error, -ret);
	CHECK_LE(failure->stage, SPAWN_TEMPLATE_STAGE_EXEC);
	if (f->inject.who == INJECT_PARENT)
		CHECK_LE(failure->stage, SPAWN_TEMPLATE_STAGE_CLONE);
	if (failure->stage != SPAWN_TEMPLATE_STAGE_ACTION)
		CHECK_EQ(failure->action, 0);
	else
		CHECK_LT(failure->action, f->much.args.actions_len);
	CHECK_OK(spawn_template_strerror(failure, text, sizeof(text)));
	CHECK_HAS(text, "; "); /* there is a remedy */
}

#define LAUNCH \
	.prepare = prepare_launch, .call = call_launch, .verify = verify_launch

static void a_launch_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "launch", LAUNCH });
}

static void a_launch_by_path_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){
		.name = "by path",
		LAUNCH,
		.by_path = true,
		.few_errors = true,
	});
}

static void a_launch_with_own_memory_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){
		.name = "own memory",
		LAUNCH,
		.flags = MUCH_OWN_MEMORY,
		.few_errors = true,
	});
}

static void a_launch_with_many_fds_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){
		.name = "many fds",
		LAUNCH,
		.many_fds = true,
		.few_errors = true,
	});
}

static void the_fallbacks_survive_a_fault_in_every_call(void)
{
	sweep(&(struct operation){
		.name = "fallbacks",
		LAUNCH,
		.few_errors = true,
		.without = { SYS_clone3, SYS_close_range, SYS_execveat },
	});
}

static void prepare_begin(struct fault *f)
{
	prepare_launch(f);
	f->much.spawn = begin_spawn;
	CHECK_EQ(much_try(f->tfd, &f->much, &f->got), 0);
	CHECK_STR(f->got, f->want);
}

static void begin_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){
		.name = "begin",
		.prepare = prepare_begin,
		.call = call_launch,
		.verify = verify_launch,
	});
}

/* ---- create ---- */

static void prepare_create(struct fault *f)
{
	char *path = test_path("%d-tiny", f->number);

	test_copy(test_tool("tiny"), path, 0755);
	f->path = path;
	f->dir = test_tmpdir();
	f->tfd = CHECK_OK(spawn_template_open(path, 0));
	f->execfd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
}

static int armed(struct fault *f, int (*call)(struct fault *f))
{
	int ret;

	inject_arm(&f->inject);
	ret = call(f);
	inject_disarm(&f->inject);
	return ret;
}

static int create_by_path(struct fault *f)
{
	return spawn_template_open(f->path, SPAWN_TEMPLATE_CREATE_CLOEXEC);
}

static int create_from_fd(struct fault *f)
{
	struct spawn_template_create_args args = { .execfd = f->execfd };

	return spawn_template_create(&args, sizeof(args));
}

static int create_by_search(struct fault *f)
{
	return spawn_template_search(strrchr(f->path, '/') + 1, f->dir, 0);
}

static int call_create_by_path(struct fault *f)
{
	return armed(f, create_by_path);
}

static int call_create_from_fd(struct fault *f)
{
	return armed(f, create_from_fd);
}

static int call_create_by_search(struct fault *f)
{
	return armed(f, create_by_search);
}

/* A template that was made in spite of a fault launches. */
static void verify_create(struct fault *f, int ret)
{
	(void)f;
	if (ret < 0)
		return;
	CHECK_EQ(test_spawn(ret, TEST_ARGV("tiny")), 0);
	CHECK_OK(spawn_template_close(ret));
}

static void create_by_path_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "create by path",
				   .prepare = prepare_create,
				   .call = call_create_by_path,
				   .verify = verify_create });
}

static void create_from_an_fd_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "create from fd",
				   .prepare = prepare_create,
				   .call = call_create_from_fd,
				   .verify = verify_create });
}

static void search_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "search",
				   .prepare = prepare_create,
				   .call = call_create_by_search,
				   .verify = verify_create });
}

/* ---- the other calls ---- */

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static void prepare_refresh(struct fault *f)
{
	prepare_create(f);
	CHECK_SYS(rename(f->path, test_path("%d-old", f->number)));
	test_copy(test_tool("tiny"), f->path, 0755);
	f->before = stat_of(f->tfd);
	CHECK_EQ(f->before.state, SPAWN_TEMPLATE_STATE_STALE);
}

static int refresh(struct fault *f)
{
	return spawn_template_refresh(f->tfd);
}

static int call_refresh(struct fault *f)
{
	return armed(f, refresh);
}

static void verify_refresh(struct fault *f, int ret)
{
	struct spawn_template_stat now = stat_of(f->tfd);

	CHECK_EQ(fcntl(f->tfd, F_GETFD), 0);
	if (!ret)
		return;
	CHECK(!memcmp(&now.key, &f->before.key, sizeof(now.key)));
	CHECK_STR(now.path, f->before.path);
	CHECK_EQ(now.state, SPAWN_TEMPLATE_STATE_STALE);
	CHECK_EQ(spawn_template_refresh(f->tfd), 0);
}

static void refresh_survives_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "refresh",
				   .prepare = prepare_refresh,
				   .call = call_refresh,
				   .verify = verify_refresh });
}

static int check_and_stat(struct fault *f)
{
	struct spawn_template_stat st;
	int ret;

	memset(&st, 0x5a, sizeof(st));
	ret = spawn_template_stat(f->tfd, &st, sizeof(st));
	if (ret < 0) {
		CHECK_EQ(st.flags, 0x5a5a5a5a5a5a5a5aULL);
		CHECK_EQ(st.path[0], 0x5a);
	}
	return ret < 0 ? ret : spawn_template_check(f->tfd);
}

static int call_check_and_stat(struct fault *f)
{
	return armed(f, check_and_stat);
}

static void verify_nothing(struct fault *f, int ret)
{
	(void)f;
	(void)ret;
}

static void check_and_stat_survive_a_fault_in_every_call(void)
{
	sweep(&(struct operation){ .name = "check and stat",
				   .prepare = prepare_create,
				   .call = call_check_and_stat,
				   .verify = verify_nothing });
}

/* ---- the file changes at the worst moment ---- */

static int launch_twice(struct inject *in, int tfd)
{
	int ret;

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	inject_arm(in);
	ret = test_spawn(tfd, TEST_ARGV("tiny"));
	inject_disarm(in);
	return ret;
}

static void a_file_replaced_under_way_is_stale_or_refreshed(void)
{
	replaced_each_way((struct inject){ 0 }, launch_twice);
}

/* ---- limits ---- */

static int tiny_template(void)
{
	return CHECK_OK(spawn_template_open(test_tool("tiny"), 0));
}

static struct spawn_template_spawn_args tiny_args(void)
{
	static char *const argv[] = { "tiny", NULL };
	static int pidfd;

	return test_args(&pidfd, argv);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit r;

	CHECK_SYS(getrlimit(resource, &r));
	r.rlim_cur = value;
	CHECK_SYS(setrlimit(resource, &r));
}

/* test_spawn_args() needs no fd but the pidfd. */
static void check_no_fd(int tfd)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct spawn_template_spawn_args args = tiny_args();

	args.failure = (uintptr_t)&failure;
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(test_spawn_args(tfd, args), -EMFILE);
		CHECK_EQ(failure.error, EMFILE);
		CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_CLONE);
		CHECK(test_no_children());
	}
}

static void a_launch_without_a_free_fd_fails_with_emfile(void)
{
	const char *tiny = test_tool("tiny");
	int tfd = tiny_template(), fd, last = -1;

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	limit(RLIMIT_NOFILE, 64);
	while ((fd = dup(0)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 63);
	CHECK_EQ(spawn_template_open(tiny, 0), -EMFILE);
	CHECK_EQ(spawn_template_search("sh", NULL, 0), -EMFILE);
	CHECK_EQ(spawn_template_refresh(tfd), -EMFILE);
	check_no_fd(tfd);
	CHECK_EQ(spawn_template_check(tfd), 0);

	/* A launch needs one fd, a new template two. */
	CHECK_SYS(close(last));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK_EQ(spawn_template_open(tiny, 0), -EMFILE);
	CHECK_EQ(fcntl(last, F_GETFD), -1);
	CHECK_SYS(close(last - 1));
	CHECK_EQ(CHECK_OK(spawn_template_open(tiny, 0)), last - 1);
}

/* The template's number is above the limit: no open gives it any more. */
static void a_template_above_the_fd_limit_launches(void)
{
	int tfd = CHECK_SYS(fcntl(tiny_template(), F_DUPFD, 100));

	limit(RLIMIT_NOFILE, 3);
	check_no_fd(tfd);
	limit(RLIMIT_NOFILE, 5);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
}

static void *no_memory_thread(void *arg)
{
	struct spawn_template_spawn_args args = tiny_args();
	const char *vm = strstr(test_read("/proc/self/status"), "VmSize:");
	struct spawn_template_failure failure = { 0 };
	int tfd = *(int *)arg, pidfd = -1, mappings;

	CHECK(vm);
	args.pidfd = (uintptr_t)&pidfd;
	args.failure = (uintptr_t)&failure;
	mappings = test_count_mappings();
	limit(RLIMIT_AS, (rlim_t)atol(vm + 7) * 1024);
	CHECK_EQ(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0) == MAP_FAILED,
		 1);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)),
			 -ENOMEM);
		CHECK_EQ(failure.error, ENOMEM);
		CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_CLONE);
		CHECK_EQ(pidfd, -1);
	}
	limit(RLIMIT_AS, RLIM_INFINITY);
	check_mappings(mappings);
	CHECK(test_no_children());
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	return NULL;
}

/* A thread's first launch needs a stack for the child. */
static void a_first_launch_without_memory_fails_with_enomem(void)
{
	int tfd = tiny_template();
	pthread_t thread;

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers need address space");
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK_EQ(pthread_create(&thread, NULL, no_memory_thread, &tfd), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* The limit counts all processes of a user, so take a user who has none. */
static void a_launch_over_the_process_limit_fails_with_eagain(void)
{
	struct spawn_template_spawn_args args = tiny_args();
	char *path;
	int tfd;

	test_need_root();
	/* the build may stand where other users cannot go */
	path = test_path("tiny");
	test_copy(test_tool("tiny"), path, 0755);
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(65533, 65533, 65533));
	CHECK_SYS(setresuid(65533, 65533, 65533));
	tfd = CHECK_OK(spawn_template_open(path, 0));
	limit(RLIMIT_NPROC, 0);
	for (int i = 0; i < 10; i++)
		CHECK_FAILS(tfd, args, EAGAIN, SPAWN_TEMPLATE_STAGE_CLONE, 0);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = 65533;
	CHECK_FAILS(tfd, args, EAGAIN, SPAWN_TEMPLATE_STAGE_CLONE, 0);
	CHECK_EQ(spawn_template_check(tfd), 0);
	limit(RLIMIT_NPROC, 100);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
}

/* A filter stands in for a system that has no fds left. */
static void *enfile_thread(void *arg)
{
	int tfd = tiny_template();

	(void)arg;
	test_seccomp(SYS_openat, ENFILE);
	test_seccomp(SYS_clone3, ENFILE);
	CHECK_EQ(spawn_template_open(test_tool("tiny"), 0), -ENFILE);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -ENFILE);
	return NULL;
}

static void enfile_is_passed_on(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, enfile_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(test_no_children());
}

/* ---- killed and stopped before exec ---- */

struct victim {
	pthread_t thread;
	pid_t launcher;
	char *fifo;
	int signals[3]; /* sent 50 ms apart */
	bool open_fifo; /* lets the child go on after the first */
	bool sigdefault; /* the first action resets all signals */
	uint64_t caught; /* signals that the child must have handlers for */
	atomic_bool back; /* the launch has returned */
	bool returned_early;
};

/* The child of the launching thread, once it sleeps: it waits for the FIFO then. */
static pid_t waiting_child(pid_t launcher)
{
	char *path = test_fmt("/proc/self/task/%d/children", launcher);
	pid_t pid = 0;

	for (int i = 0; i < 5000 && !pid; i++) {
		usleep(1000);
		pid = atoi(test_read(path));
	}
	CHECK_GT(pid, 0);
	for (int quiet = 0, i = 0; quiet < 5 && i < 1000; i++) {
		usleep(10000);
		quiet = test_process_state(pid) == 'S' ? quiet + 1 : 0;
	}
	return pid;
}

/* Signals that a process catches, without those that libc has for itself. */
static uint64_t caught_by(pid_t pid)
{
	char *status = test_read(test_fmt("/proc/%d/status", pid));
	uint64_t set = strtoull(strstr(status, "SigCgt:") + strlen("SigCgt:"),
				NULL, 16);

	return set & ~(TEST_SIGBIT(32) | TEST_SIGBIT(33));
}

static void *disturb_child(void *arg)
{
	struct victim *v = arg;
	pid_t pid = waiting_child(v->launcher);

	if (v->caught)
		CHECK_EQ(caught_by(pid), v->caught);
	for (size_t i = 0; i < TEST_COUNT(v->signals) && v->signals[i]; i++) {
		CHECK_SYS(kill(pid, v->signals[i]));
		if (!i && v->open_fifo)
			CHECK_SYS(open(v->fifo, O_RDWR | O_CLOEXEC));
		if (i + 1 < TEST_COUNT(v->signals) && v->signals[i + 1]) {
			usleep(50000);
			v->returned_early |= atomic_load(&v->back);
		}
	}
	return NULL;
}

/* Launches a child that waits for a FIFO, and sends it the signals. */
static int launch_victim(struct victim *v, uint64_t flags,
			 struct spawn_template_failure *failure)
{
	struct spawn_template_spawn_args args = tiny_args();
	int tfd = tiny_template(), ret;

	atomic_store(&v->back, false);
	v->fifo = test_path("fifo");
	v->launcher = (pid_t)syscall(SYS_gettid);
	CHECK_SYS(mkfifo(v->fifo, 0600));
	TEST_ACTIONS(
		&args,
		v->sigdefault ? ACT_SIGDEFAULT(TEST_SIGSET(~0ULL))
			      : ACT_DUP2(0, 50),
		ACT_OPEN(AT_FDCWD, 51, TEST_OPEN(v->fifo, O_RDONLY, 0, 0)));
	args.failure = (uintptr_t)failure;
	args.flags = flags;
	args.uid = getuid();
	CHECK_EQ(pthread_create(&v->thread, NULL, disturb_child, v), 0);
	ret = test_spawn_args(tfd, args);
	atomic_store(&v->back, true);
	CHECK_EQ(pthread_join(v->thread, NULL), 0);
	CHECK(test_no_children());
	CHECK(!v->returned_early);
	CHECK_SYS(unlink(v->fifo));
	return ret;
}

static void check_killed(struct victim v, uint64_t flags)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	int fds;

	CHECK_EQ(launch_victim(&v, flags, &failure), -ECHILD);
	CHECK_EQ(failure.error, ECHILD);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK_EQ(failure.action, 1);

	fds = test_count_fds();
	CHECK_EQ(launch_victim(&v, flags, &failure), -ECHILD);
	CHECK_EQ(test_count_fds(), fds + 1); /* the template */
}

static void a_child_killed_before_exec_fails_the_launch(void)
{
	check_killed((struct victim){ .signals = { SIGKILL } }, 0);
	check_killed((struct victim){ .signals = { SIGKILL } },
		     SPAWN_TEMPLATE_SPAWN_SETUID);
}

static void a_child_stopped_then_killed_fails_the_launch(void)
{
	check_killed((struct victim){ .signals = { SIGSTOP, SIGKILL } }, 0);
}

static void a_child_stopped_then_continued_launches(void)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct victim v = {
		.signals = { SIGSTOP, SIGCONT },
		.open_fifo = true,
	};

	CHECK_EQ(launch_victim(&v, 0, &failure), 0);
	CHECK_EQ(failure.stage, 99);
}

static volatile sig_atomic_t handled;

static void count_signal(int sig)
{
	(void)sig;
	handled++;
}

/*
 * Before Linux 5.16 a core dump of the child would end the host, which shares its
 * memory. The host handles some of the signals, as a JVM does SIGQUIT.
 */
static void check_core_dumps(bool caught)
{
	static const int signals[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT,
				       SIGBUS,	SIGFPE, SIGSEGV, SIGXCPU,
				       SIGXFSZ, SIGSYS };
	uint64_t set = 0;

	limit(RLIMIT_CORE, 0);
	CHECK(signal(SIGQUIT, count_signal) != SIG_ERR);
	for (size_t i = 0; i < TEST_COUNT(signals); i++)
		set |= TEST_SIGBIT(signals[i]);
	for (size_t i = 0; i < TEST_COUNT(signals); i++) {
		struct victim v = {
			.signals = { signals[i] },
			.sigdefault = i % 2,
			.caught = caught ? set : 0,
		};

		test_doing("signal %d", signals[i]);
		check_killed(v, 0);
	}
	CHECK_EQ(handled, 0);
}

static void a_core_dump_before_exec_spares_the_host(void)
{
	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), signals wait until exec");
	check_core_dumps(false);
}

/* The call is as old as the change of core dumps: without it the child avoids them. */
static void a_child_is_kept_from_core_dumps_without_futex_waitv(void)
{
	test_seccomp(SYS_futex_waitv, ENOSYS);
	check_core_dumps(true);
}

static void a_child_is_kept_from_core_dumps_without_clone3(void)
{
	test_seccomp(SYS_futex_waitv, ENOSYS);
	test_seccomp(SYS_clone3, ENOSYS);
	check_core_dumps(false);
}

/* The signal is blocked until exec; then it ends the child before the program. */
static void a_sigterm_before_exec_fails_the_launch(void)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct victim v = { .signals = { SIGTERM }, .open_fifo = true };

	CHECK_EQ(launch_victim(&v, 0, &failure), -ECHILD);
	CHECK_EQ(failure.error, ECHILD);
}

/*
 * The handler must not run in a child that shares the caller's memory: the signal
 * ends the child.
 */
static void check_handler_does_not_run(void)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct victim v = { .signals = { SIGUSR1 }, .open_fifo = true };

	CHECK(signal(SIGUSR1, count_signal) != SIG_ERR);
	CHECK_EQ(launch_victim(&v, 0, &failure), -ECHILD);
	CHECK_EQ(handled, 0);
	CHECK_SYS(raise(SIGUSR1));
	CHECK_EQ(handled, 1);
	handled = 0;
}

static void a_handler_of_the_caller_never_runs_in_the_child(void)
{
	check_handler_does_not_run();
	test_seccomp(SYS_clone3, ENOSYS);
	check_handler_does_not_run();
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(a_launch_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_launch_by_path_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(
		a_launch_with_own_memory_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_launch_with_many_fds_survives_a_fault_in_every_call,
			  120),
	TEST_CASE_SECONDS(the_fallbacks_survive_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(begin_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(create_by_path_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(create_from_an_fd_survives_a_fault_in_every_call,
			  120),
	TEST_CASE_SECONDS(search_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(refresh_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(check_and_stat_survive_a_fault_in_every_call, 120),
	TEST_CASE(a_file_replaced_under_way_is_stale_or_refreshed),
	TEST_CASE(a_launch_without_a_free_fd_fails_with_emfile),
	TEST_CASE(a_template_above_the_fd_limit_launches),
	TEST_CASE(enfile_is_passed_on),
	TEST_CASE(a_first_launch_without_memory_fails_with_enomem),
	TEST_CASE(a_launch_over_the_process_limit_fails_with_eagain),
	TEST_CASE(a_child_killed_before_exec_fails_the_launch),
	TEST_CASE(a_child_stopped_then_killed_fails_the_launch),
	TEST_CASE(a_child_stopped_then_continued_launches),
	TEST_CASE_SECONDS(a_core_dump_before_exec_spares_the_host, 60),
	TEST_CASE_SECONDS(a_child_is_kept_from_core_dumps_without_futex_waitv,
			  60),
	TEST_CASE_SECONDS(a_child_is_kept_from_core_dumps_without_clone3, 60),
	TEST_CASE(a_sigterm_before_exec_fails_the_launch),
	TEST_CASE(a_handler_of_the_caller_never_runs_in_the_child),
};
TEST_MAIN(cases)
