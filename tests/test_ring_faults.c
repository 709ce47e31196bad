/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults under a ring: each system call of the asking thread, of the launching
 * thread, of the reactor and of the child fails in turn. Each time there is one
 * completion, of all that was asked for or of an error; nothing is left, and the
 * ring works on. A run without a ring is disturbed in the same way.
 */
#include "inject.h"
#include "much.h"
#include "replaced.h"
#include "rings.h"

#include <grp.h>

/* ---- the thread that made a call ---- */

static const char *const who_names[] = {
	[INJECT_PARENT] = "caller",
	[INJECT_CHILD] = "child",
	[INJECT_LAUNCHER] = "launcher",
	[INJECT_REACTOR] = "reactor",
};

#define ALL ((1U << INJECT_WHOS) - 1)
#define IN(who) (1U << INJECT_##who)

struct fault;

/* A request, with its preparation and the check of the answer. */
struct request {
	const char *name;
	void (*prepare)(struct fault *f);
	/* asks, and takes the completion. Return: its res, or the refusal */
	int (*ask)(struct fault *f);
	void (*verify)(struct fault *f, int res);
	uint64_t flags;
	bool by_path, many_fds, no_ring, is_launch;
	bool many_calls; /* only some calls are disturbed */
	long without[4]; /* system calls that are not there at all */
};

struct fault {
	const struct request *request;
	struct inject inject;
	int number; /* counts up, for new file names */
	int tfd;
	struct spawn_template_ring *ring;
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	struct life life;
	char *input;
	unsigned int stage, action;
	int closed; /* fds that were there before */
	/* for requests that ask for much */
	char *want, *got;
	struct much much;
};

static enum inject_who who_called(pid_t tid)
{
	char path[64], comm[32] = { 0 };
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return INJECT_CHILD;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = 0;
	close(fd);
	return strstr(comm, "reactor") ? INJECT_REACTOR : INJECT_LAUNCHER;
}

/* These calls cannot fail with these arguments, whatever is short. */
static bool spares(const struct inject *in, enum inject_who who,
		   const struct seccomp_data *data)
{
	switch (data->nr) {
	case SYS_mprotect:
		/* musl takes ENOSYS for a machine without memory protection */
		return TEST_SANITIZED || in->err == ENOSYS;
	case SYS_brk:
	case SYS_mmap:
	case SYS_mremap:
		return TEST_SANITIZED; /* sanitizers end without memory */
	case SYS_read: /* eventfds and timers have 8 bytes */
	case SYS_write:
		return who != INJECT_CHILD && data->args[2] == 8;
	case SYS_timerfd_settime:
	case SYS_timerfd_gettime:
	case SYS_sched_getscheduler:
		return true;
	case SYS_epoll_ctl:
		return data->args[1] == 2; /* EPOLL_CTL_DEL */
	default:
		return false;
	}
}

static struct inject inject_into(enum inject_who who, int index, int err)
{
	return (struct inject){
		.who = who,
		.index = index,
		.err = err,
		.tell = who_called,
		.spares = spares,
	};
}

/* ---- one fault ---- */

static bool is_allowed(const struct fault *f, int res)
{
	long nr = atomic_load(&f->inject.hit);

	/* the calls of a launch are slow here, and its time may be over */
	if (res == -ETIMEDOUT)
		return f->args.timeout_ns && f->args.timeout_ns < SECOND;
	/* the library refuses where it cannot compare restrictions and rights */
	if (res == -EACCES && f->inject.err != INJECT_KILL &&
	    (nr == SYS_rt_sigprocmask || nr == SYS_prctl ||
	     nr == SYS_getgroups || nr == SYS_capget || nr == SYS_getresuid ||
	     nr == SYS_getresgid))
		return true;
	return inject_explains(&f->inject, res);
}

/* The ring works as before. */
static void check_recovered(struct fault *f)
{
	int tfd = template_of("tiny-7");

	if (f->ring) {
		queue_run(f->ring, tfd, TEST_ARGV("tiny"), 77);
		CHECK_EQ(take_run_code(f->ring, 77), 7);
		check_quiet(f->ring);
	} else {
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 7);
	}
	CHECK_SYS(close(tfd));
}

/* The launching thread makes its stack with its first launch. */
static struct spawn_template_ring *warm_ring(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	int tfd = template_of("tiny-7");

	queue_run(ring, tfd, TEST_ARGV("tiny"), 1);
	CHECK_EQ(take_run_code(ring, 1), 7);
	CHECK_SYS(close(tfd));
	return ring;
}

static void *disturbed(void *arg)
{
	struct fault *f = arg;
	const struct request *r = f->request;
	struct scene before;
	int res;

	r->prepare(f);
	inject_here(&f->inject);
	for (size_t i = 0; i < TEST_COUNT(r->without); i++) {
		if (r->without[i])
			test_seccomp(r->without[i], ENOSYS);
	}
	before = scene_now();
	f->ring = r->no_ring ? NULL : warm_ring();
	res = r->ask(f);
	if (atomic_load(&f->inject.hit) >= 0) {
		test_doing("%s: %s's call %d, number %ld, answers %d: %d",
			   r->name, who_names[f->inject.who], f->inject.index,
			   atomic_load(&f->inject.hit), f->inject.err, res);
		if (res < 0)
			CHECK(is_allowed(f, res));
		r->verify(f, res);
		check_recovered(f);
	}
	spawn_template_ring_exit(f->ring);
	if (f->ring)
		before.threads++;
	before.fds -= f->closed;
	check_scene(&before);
	return NULL;
}

static int run_fault(const struct request *request, enum inject_who who,
		     int index, int err)
{
	static struct fault f;
	pthread_t thread;
	int status;

	f.number++;
	status = inject_fork();
	if (status)
		return status;
	f.request = request;
	f.inject = inject_into(who, index, err);
	inject_start(&f.inject);
	thread = start_thread(disturbed, &f);
	join_thread(thread);
	_exit(atomic_load(&f.inject.hit) < 0 ? INJECT_NOT_HIT : INJECT_HIT);
}

static void sweep_one(const struct request *request, enum inject_who who,
		      int err, bool few, int *total)
{
	int i = 0, ret = INJECT_HIT, misses = 0;

	if (who != INJECT_CHILD && err == INJECT_KILL)
		return;
	/* threads do not make their calls in quite the same order each time */
	for (; misses < 2; i += few ? 1 + i / 4 : 1) {
		ret = run_fault(request, who, i, err);
		CHECK(ret == INJECT_HIT || ret == INJECT_NOT_HIT);
		misses = ret == INJECT_HIT ? 0 : misses + 1;
		*total += ret == INJECT_HIT;
	}
}

/* Fallbacks are for launches, so runs need not be swept with all errors. */
static void sweep(const struct request *request, unsigned int whos)
{
	const int errs[] = { INJECT_KILL, EIO, ENOMEM, EPERM, ENOSYS, EINVAL };
	size_t n = request->is_launch ? TEST_COUNT(errs) : 3;
	bool few = request->many_calls || TEST_SANITIZED;

	test_tmpdir();
	for (enum inject_who who = 0; who < INJECT_WHOS; who++) {
		int total = 0;

		for (size_t e = 0; e < n && whos & (1U << who); e++)
			sweep_one(request, who, errs[e], few || e >= 3, &total);
		if (whos & (1U << who)) {
			test_note("%s: %d faults in the %s", request->name,
				  total, who_names[who]);
			CHECK_GE(total, 2);
		}
	}
}

/* ---- spawns that ask for much, as in test_faults.c ---- */

static void prepare_spawn(struct fault *f)
{
	char *path = test_path("%d-probe", f->number);

	much_scene();
	CHECK_SYS(symlink(test_tool("probe-static"), path));
	f->tfd = CHECK_OK(spawn_template_open(
		f->request->by_path ? path : test_tool("probe-static"), 0));
	f->want = much_output(f->tfd, f->request->flags);
	much_check(f->want);
	for (int fd = 3; f->request->many_fds && fd < 600; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	}
	much_ask(&f->much, f->request->flags);
}

static int take_any(struct fault *f, struct spawn_template_cqe **cqe)
{
	struct spawn_template_cqe *c = ring_take_of(f->ring, 5);

	f->stage = SPAWN_TEMPLATE_CQE_STAGE(c->flags);
	f->action = SPAWN_TEMPLATE_CQE_ACTION(c->flags);
	*cqe = c;
	return c->res;
}

/* Leads stdout into a pipe meanwhile; see much_try(). */
static int ask_spawn(struct fault *f)
{
	struct test_stdout out = test_stdout_begin();
	struct spawn_template_cqe *cqe;
	int res, pidfd = -1;
	pid_t pid = 0;

	inject_arm(&f->inject);
	res = spawn_template_ring_spawn(f->ring, f->tfd, &f->much.args,
					sizeof(f->much.args), 5);
	if (!res) {
		CHECK_EQ(spawn_template_ring_submit(f->ring), 1);
		res = take_any(f, &cqe);
		pidfd = cqe->pidfd;
		pid = cqe->pid;
		spawn_template_ring_seen(f->ring, cqe);
	}
	inject_disarm(&f->inject);
	f->got = test_stdout_end(out);
	if (!res) {
		much_check_pidfd(pidfd, pid);
		CHECK_EQ(test_wait(pidfd), 0);
	}
	return res;
}

static void verify_spawn(struct fault *f, int res)
{
	if (!res) {
		CHECK_STR(f->got, f->want);
		return;
	}
	CHECK_STR(f->got, "");
	if (f->inject.who == INJECT_LAUNCHER)
		CHECK_LE(f->stage, SPAWN_TEMPLATE_STAGE_CLONE);
	if (f->stage != SPAWN_TEMPLATE_STAGE_ACTION)
		CHECK_EQ(f->action, 0);
	else
		CHECK_LT(f->action, f->much.args.actions_len);
}

#define SPAWN                                                               \
	.prepare = prepare_spawn, .ask = ask_spawn, .verify = verify_spawn, \
	.is_launch = true

static void a_spawn_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "spawn", SPAWN }, ALL & ~IN(REACTOR));
}

static void a_spawn_by_path_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "by path", SPAWN, .by_path = true },
	      IN(LAUNCHER) | IN(CHILD));
}

static void a_spawn_with_own_memory_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "own memory",
				 SPAWN,
				 .flags = MUCH_OWN_MEMORY },
	      IN(LAUNCHER) | IN(CHILD));
}

static void a_spawn_with_many_fds_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "many fds",
				 SPAWN,
				 .many_fds = true,
				 .many_calls = true },
	      IN(LAUNCHER) | IN(CHILD));
}

static void the_fallbacks_survive_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "fallbacks",
				 SPAWN,
				 .many_calls = true,
				 .without = { SYS_clone3, SYS_close_range,
					      SYS_execveat } },
	      IN(LAUNCHER) | IN(CHILD));
}

/* ---- runs ---- */

#define INPUT 200000

static void prepare_run(struct fault *f)
{
	char *const argv[] = {
		"tree", "cat", "err", "error", "exit", "7", NULL
	};

	f->input = numbered_bytes(INPUT);
	f->tfd = tree_template();
	f->args = run_args(memcpy(malloc(sizeof(argv)), argv, sizeof(argv)));
	f->args.input = (uintptr_t)f->input;
	f->args.input_len = INPUT;
	f->args.timeout_ns = 100 * SECOND;
}

static int ask_run(struct fault *f)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct spawn_template_cqe *cqe;
	int res;

	memset(&f->res, 0, sizeof(f->res));
	f->args.spawn.failure = (uintptr_t)&failure;
	inject_arm(&f->inject);
	if (!f->ring) {
		res = spawn_template_run(f->tfd, &f->args, sizeof(f->args),
					 &f->res, sizeof(f->res));
		f->stage = failure.stage;
		f->action = failure.action;
	} else {
		res = spawn_template_ring_run(f->ring, f->tfd, &f->args,
					      sizeof(f->args), 5);
		if (!res) {
			CHECK_EQ(spawn_template_ring_submit(f->ring), 1);
			res = take_any(f, &cqe);
			if (cqe->result) {
				f->res = *cqe->result;
				cqe->result->out = cqe->result->err = NULL;
			}
			spawn_template_ring_seen(f->ring, cqe);
		}
	}
	inject_disarm(&f->inject);
	return res;
}

static void verify_run(struct fault *f, int res)
{
	long nr = atomic_load(&f->inject.hit);

	if (res) {
		CHECK(!f->res.out && !f->res.err);
		return;
	}
	if (nr == SYS_read || nr == SYS_readv || nr == SYS_write) {
		/* a pipe never fails so in practice: the output may be cut */
		spawn_template_result_free(&f->res);
		return;
	}
	CHECK_EQ(f->res.code, 7);
	if (nr == SYS_mmap || nr == SYS_brk || nr == SYS_mremap) {
		/* output that found no memory is missing, and the flags say so */
		CHECK_EQ(f->res.out_len < INPUT,
			 !!(f->res.flags & RESULT(OUT_TRUNCATED)));
	} else {
		check_result(&f->args, &f->res);
		CHECK_EQ(f->res.flags, 0);
		CHECK_EQ(f->res.out_len, INPUT);
		CHECK_STR(f->res.err, "error");
	}
	CHECK(!memcmp(f->res.out, f->input, f->res.out_len));
	spawn_template_result_free(&f->res);
}

#define RUNS .prepare = prepare_run, .ask = ask_run, .verify = verify_run

static void a_run_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "run", RUNS }, ALL);
}

static void a_lone_run_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "lone run", RUNS, .no_ring = true },
	      IN(PARENT) | IN(CHILD));
}

/* ---- runs that are ended ---- */

static void prepare_end(struct fault *f)
{
	char *const argv[] = { "tree", "(", "pause", ")", "pause", NULL };

	/* the programs ignore TERM, too, from their first instruction on */
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	f->tfd = tree_template();
	f->args = run_args(memcpy(malloc(sizeof(argv)), argv, sizeof(argv)));
	f->args.timeout_ns = 60 * MS;
	f->args.grace_ns = 30 * MS;
	life_open(&f->life, &f->args.spawn);
}

/* The deadline is kept and the tree is dead, whatever fails. */
static void verify_end(struct fault *f, int res)
{
	if (!res) {
		CHECK(f->res.flags & RESULT(TIMED_OUT));
		CHECK(f->res.flags & RESULT(TREE_KILLED));
		CHECK_EQ(f->res.signal, SIGKILL);
		/* each call is slow here */
		CHECK_LE(f->res.total_ns, 15 * SECOND);
	}
	CHECK(life_ends(&f->life, 0));
	CHECK_SYS(close(f->life.fds[0]));
	f->closed = 2;
	spawn_template_result_free(&f->res);
}

#define ENDS .prepare = prepare_end, .ask = ask_run, .verify = verify_end

static void the_end_of_a_run_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "end", ENDS, .many_calls = true },
	      IN(REACTOR));
}

static void the_end_of_a_lone_run_survives_a_fault_in_every_call(void)
{
	sweep(&(struct request){ .name = "lone end",
				 ENDS,
				 .many_calls = true,
				 .no_ring = true },
	      IN(PARENT));
}

/* ---- the file changes at the worst moment ---- */

static int launch_in_a_ring(struct inject *in, int tfd)
{
	struct spawn_template_ring *ring = warm_ring();
	struct spawn_template_cqe *cqe;
	int ret;

	inject_arm(in);
	queue_run(ring, tfd, TEST_ARGV("tiny"), 5);
	cqe = ring_take_of(ring, 5);
	inject_disarm(in);
	ret = cqe->res ? cqe->res : cqe->result->code;
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	return ret;
}

static void a_file_replaced_under_way_is_stale_or_refreshed(void)
{
	replaced_each_way(inject_into(INJECT_CHILD, 0, INJECT_HOOK),
			  launch_in_a_ring);
}

/* ---- making a ring ---- */

static int make_disturbed(struct fault *f)
{
	struct spawn_template_ring_params params = { .threads = 2 };
	struct spawn_template_ring *ring = (void *)f;
	int ret;

	inject_arm(&f->inject);
	ret = spawn_template_ring_init(8, &params, sizeof(params), &ring);
	inject_disarm(&f->inject);
	if (ret < 0)
		CHECK(ring == (void *)f);
	else
		f->ring = ring;
	return ret;
}

static void *disturbed_init(void *arg)
{
	struct fault *f = arg;
	struct scene before;
	int ret;

	inject_here(&f->inject);
	before = scene_now();
	ret = make_disturbed(f);
	if (atomic_load(&f->inject.hit) >= 0) {
		test_doing("call %d, number %ld, answers %d: %d",
			   f->inject.index, atomic_load(&f->inject.hit),
			   f->inject.err, ret);
		/* pthread_create() answers EAGAIN, whatever the error was */
		if (ret < 0)
			CHECK(ret == -f->inject.err || ret == -EAGAIN ||
			      ret == -ENOMEM);
	}
	if (f->ring)
		check_recovered(f);
	spawn_template_ring_exit(f->ring);
	f->ring = NULL;
	/* launching threads may be there already */
	for (int i = 0; i < 10000 && count_threads() > before.threads + 2; i++)
		sleep_ms(1);
	CHECK_LE(count_threads(), before.threads + 2);
	CHECK_FDS(before.fds);
	CHECK_EQ(test_sigmask(), before.mask);
	f->ring = ring_new(8, 2);
	check_recovered(f);
	spawn_template_ring_exit(f->ring);
	CHECK_FDS(before.fds);
	return NULL;
}

static int run_init_fault(int index, int err)
{
	static struct fault f;
	int status = inject_fork();

	if (status)
		return status;
	f.inject = inject_into(INJECT_PARENT, index, err);
	inject_start(&f.inject);
	join_thread(start_thread(disturbed_init, &f));
	_exit(f.inject.count[INJECT_PARENT] <= index ? INJECT_NOT_HIT
						     : INJECT_HIT);
}

static void init_survives_a_fault_in_every_call(void)
{
	const int errs[] = { ENOMEM, EMFILE, ENFILE, EAGAIN, EPERM, ENOSYS };

	for (size_t e = 0; e < TEST_COUNT(errs); e++) {
		int i = 0, ret = INJECT_HIT;

		for (; ret == INJECT_HIT; i++)
			ret = run_init_fault(i, errs[e]);
		CHECK_EQ(ret, INJECT_NOT_HIT);
		test_note("%d calls", i);
		CHECK_GE(i, 8);
	}
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(a_spawn_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_spawn_by_path_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(
		a_spawn_with_own_memory_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_spawn_with_many_fds_survives_a_fault_in_every_call,
			  120),
	TEST_CASE_SECONDS(the_fallbacks_survive_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_run_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(a_lone_run_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(the_end_of_a_run_survives_a_fault_in_every_call, 120),
	TEST_CASE_SECONDS(the_end_of_a_lone_run_survives_a_fault_in_every_call,
			  120),
	TEST_CASE(a_file_replaced_under_way_is_stale_or_refreshed),
	TEST_CASE_SECONDS(init_survives_a_fault_in_every_call, 120),
};
TEST_MAIN(cases)
