/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches into a sandbox: SPAWN_LANDLOCK and SPAWN_SECCOMP, by every way to launch.
 * The program is inside, the caller is not, and a launch that cannot be inside fails.
 */
#include "rings.h"

#include <sys/prctl.h>
#include <linux/landlock.h>

#include "denied.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define FLAG(name) SPAWN_TEMPLATE_SPAWN_##name
#define ARGS_STAGE SPAWN_TEMPLATE_STAGE_ARGS
#define ATTR_STAGE SPAWN_TEMPLATE_STAGE_ATTR
#define ATTR(name) SPAWN_TEMPLATE_ATTR_##name

/* ---- rulesets and filters ---- */

/* The rights that every Landlock has. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READ_RIGHTS                                               \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 LANDLOCK_ACCESS_FS_READ_DIR)

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

/* Make a ruleset by which files may be read, and written below dir only. */
static int ruleset(const char *dir)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL_RIGHTS };
	struct landlock_path_beneath_attr beneath = { .parent_fd = -1 };
	int fd;

	if (!has_landlock())
		TEST_SKIP("Landlock is not there");
	fd = CHECK_SYS((int)syscall(SYS_landlock_create_ruleset, &attr,
				    sizeof(attr), 0));
	for (int i = 0; i < 2; i++) {
		beneath.allowed_access = i ? ALL_RIGHTS : READ_RIGHTS;
		beneath.parent_fd =
			CHECK_SYS(open(i ? dir : "/", O_PATH | O_CLOEXEC));
		CHECK_SYS(syscall(SYS_landlock_add_rule, fd,
				  LANDLOCK_RULE_PATH_BENEATH, &beneath, 0));
		CHECK_SYS(close(beneath.parent_fd));
	}
	return fd;
}

/* A filter by which one call gets an answer of seccomp(2). */
#define FILTER(name, call, answer)                                           \
	struct sock_filter name##_code[] = {                                 \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                           \
			 offsetof(struct seccomp_data, nr)),                 \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(call), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, answer),                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                \
	};                                                                   \
	struct sock_fprog name = { TEST_COUNT(name##_code), name##_code }

#define DENY (SECCOMP_RET_ERRNO | EPERM)

static int no_pidfd; /* for launches that fail */

static struct spawn_template_spawn_args
sandboxed(int fd, const struct sock_fprog *filter, char *const argv[])
{
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;

	args.pidfd = (uintptr_t)&no_pidfd;
	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)environ;
	if (fd >= 0)
		args.flags |= FLAG(LANDLOCK);
	if (filter)
		args.flags |= FLAG(SECCOMP);
	args.landlock_fd = fd;
	args.seccomp = (uintptr_t)filter;
	return args;
}

/* Keeps the complaints of a sandboxed program out of the report. */
static void drop_stderr(void)
{
	int fd = CHECK_SYS(open("/dev/null", O_WRONLY | O_CLOEXEC));

	CHECK_SYS(dup2(fd, 2));
	CHECK_SYS(close(fd));
}

/* ---- the ways to launch ---- */

static int by_spawn(int tfd, struct spawn_template_spawn_args args)
{
	return test_spawn_args(tfd, args);
}

/* The caller frees all that the arguments name before the child needs it. */
static int by_begin(int tfd, struct spawn_template_spawn_args args)
{
	struct sock_fprog filter =
		*(struct sock_fprog *)(uintptr_t)args.seccomp;
	size_t size = filter.len * sizeof(*filter.filter);
	struct sock_filter *code = malloc(size);
	struct spawn_template_begin *b;
	int pidfd;
	pid_t ret;

	memcpy(code, filter.filter, size);
	filter.filter = code;
	args.seccomp = (uintptr_t)&filter;
	ret = spawn_template_begin(tfd, &args, sizeof(args), &b);
	memset(code, 0xff, size);
	memset(&filter, 0, sizeof(filter));
	free(code);
	if (ret < 0)
		return ret;
	ret = spawn_template_begin_wait(b, &pidfd, NULL, 0);
	return ret < 0 ? ret : test_wait(pidfd);
}

static int by_run(int tfd, struct spawn_template_spawn_args args)
{
	struct spawn_template_run_args run = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result res;
	int ret;

	run.spawn = args;
	ret = spawn_template_run(tfd, &run, sizeof(run), &res, sizeof(res));
	if (ret < 0)
		return ret;
	ret = res.code >= 0 ? res.code : 128 + res.signal;
	spawn_template_result_free(&res);
	return ret;
}

static int by_ring(int tfd, struct spawn_template_spawn_args args, bool is_run)
{
	struct spawn_template_run_args run = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct sock_fprog filter =
		*(struct sock_fprog *)(uintptr_t)args.seccomp;
	struct spawn_template_cqe *cqe;
	int ret;

	args.seccomp = (uintptr_t)&filter;
	run.spawn = args;
	if (is_run)
		queue_run_args(ring, tfd, &run, 1);
	else
		queue_spawn_args(ring, tfd, &args, 1);
	memset(&filter, 0, sizeof(filter));
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 20000), 0);
	ret = cqe->res;
	if (ret == 0)
		ret = is_run ? cqe->result->code : test_wait(cqe->pidfd);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	return ret;
}

static int by_ring_spawn(int tfd, struct spawn_template_spawn_args args)
{
	return by_ring(tfd, args, false);
}

static int by_ring_run(int tfd, struct spawn_template_spawn_args args)
{
	return by_ring(tfd, args, true);
}

static int (*const ways[])(int tfd, struct spawn_template_spawn_args args) = {
	by_spawn, by_begin, by_run, by_ring_spawn, by_ring_run,
};

/* ---- inside, and outside ---- */

/* The state of this thread, as the probe tells its own. */
static char *state_of_caller(void)
{
	char *text = test_read("/proc/thread-self/status"),
	     *told = test_fmt("%s", "");
	static const char *const keys[] = { "NoNewPrivs:", "Seccomp:",
					    "Seccomp_filters:" };

	for (size_t i = 0; i < TEST_COUNT(keys); i++) {
		char *line = strstr(text, keys[i]);

		if (line)
			told = test_fmt("%s%.*s\n", told,
					(int)strcspn(line, "\n"), line);
	}
	return told;
}

/* Check that this thread may write anywhere, and has no filter of the child's. */
static void check_caller(const char *before)
{
	char *path = test_path("outside");

	test_write(path, "x", 0644);
	CHECK_SYS(unlink(path));
	CHECK_STR(state_of_caller(), before);
	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
}

/* Make the folder in which a sandboxed program may write. */
static const char *writable(void)
{
	char *dir = test_path("writable");

	if (mkdir(dir, 0755))
		CHECK_EQ(errno, EEXIST);
	return dir;
}

/* Check that the program is inside, as its own report in the folder tells. */
static void check_inside(int (*way)(int, struct spawn_template_spawn_args),
			 uint64_t more)
{
	char *denied = test_path("denied"), *text;
	char *out = test_fmt("%s/state", writable());
	int probe = test_probe(), fd = ruleset(writable());
	struct spawn_template_spawn_args args;
	FILTER(filter, SYS_getpriority, DENY);

	drop_stderr();
	args = sandboxed(fd, &filter, TEST_ARGV("probe", "touch", denied));
	args.flags |= more;
	CHECK_EQ(way(probe, args), 97);
	CHECK(access(denied, F_OK));
	args.argv =
		(uintptr_t)TEST_ARGV("probe", "out", out, "sandbox", "nice");
	CHECK_EQ(way(probe, args), 0);
	text = test_read(out);
	CHECK_STR(test_value(text, "seccomp"), "2");
	CHECK_STR(test_value(text, "nonewprivs"), "1");
	CHECK_STR(test_value(text, "nice"), "-1");
	CHECK_SYS(unlink(out));
	CHECK_SYS(close(fd));
	CHECK_SYS(spawn_template_close(probe));
}

static void sandboxed_programs_are_inside_by_every_way_to_launch(void)
{
	const char *before = state_of_caller();

	for (size_t i = 0; i < TEST_COUNT(ways); i++) {
		test_doing("way %zu", i);
		check_inside(ways[i], 0);
		check_caller(before);
	}
	CHECK(test_no_children());
}

/* The child has memory of its own, and its report comes by another page. */
static void a_launch_with_other_ids_has_its_sandbox(void)
{
	const char *before = state_of_caller();
	int probe = test_probe(), fd = ruleset(writable());
	struct spawn_template_spawn_args args =
		sandboxed(fd, NULL, TEST_ARGV("probe", "ids", "nnp"));
	char *text;

	args.flags |= FLAG(SETGROUPS);
	if (getuid())
		TEST_SKIP("needs root");
	text = test_output_args(probe, args, NULL);
	CHECK_STR(test_value(text, "groups"), "");
	CHECK_STR(test_value(text, "nnp"), "1");
	check_inside(by_spawn, FLAG(SETGROUPS));
	check_caller(before);
}

static void fallbacks_of_clone_enter_the_sandbox(void *arg)
{
	CHECK_SYS(denied_begin(*(enum st_call *)arg, ENOSYS));
	check_inside(by_spawn, 0);
	check_inside(by_begin, 0);
}

static void each_fallback_has_its_sandbox(void)
{
	static const enum st_call calls[] = {
		ST_CALL_CLONE3,
		ST_CALL_CLONE_PIDFD,
		ST_CALL_CLONE_NO_SIGNAL,
		ST_CALL_CLOSE_RANGE,
		ST_CALL_CLOSE_RANGE_CLOEXEC,
		ST_CALL_EXECVEAT,
	};

	close(ruleset(writable()));
	for (size_t i = 0; i < TEST_COUNT(calls); i++) {
		enum st_call call = calls[i];

		test_doing("%s", denied_calls[call].id);
		test_in_child(fallbacks_of_clone_enter_the_sandbox, &call);
	}
}

static bool is_by_fd(int tfd)
{
	static struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st.launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD;
}

/* The parent cannot tell it from a child in exec by the report alone. */
static void a_filter_that_kills_in_exec_fails_the_launch(void)
{
	FILTER(filter, SYS_execveat, SECCOMP_RET_KILL_PROCESS);

	for (int other = 0; other < 2; other++) {
		/* a static program is launched by path */
		int tfd = other ? template_of("tiny-7") : test_probe();
		bool by_fd = is_by_fd(tfd);
		struct spawn_template_spawn_args args =
			sandboxed(-1, &filter, TEST_ARGV("probe"));

		filter_code[1].k = by_fd ? SYS_execveat : SYS_execve;
		for (size_t i = 0; i < TEST_COUNT(ways); i++) {
			int fds = test_count_fds();

			test_doing("way %zu, program %d", i, other);
			CHECK_EQ(ways[i](tfd, args), -ECHILD);
			CHECK(test_no_children());
			CHECK_FDS(fds);
		}
		filter_code[1].k = by_fd ? SYS_execve : SYS_execveat;
		CHECK_EQ(by_spawn(tfd, args), other ? 7 : 0);
	}
}

/* The child cannot even exit, but the launch fails. */
static void a_filter_that_denies_everything_fails_the_launch(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, DENY),
	};
	struct sock_fprog filter = { TEST_COUNT(code), code };
	const struct rlimit none = { 0, 0 };
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		sandboxed(-1, &filter, TEST_ARGV("probe"));

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	for (size_t i = 0; i < TEST_COUNT(ways); i++) {
		test_doing("way %zu", i);
		CHECK_LT(ways[i](tfd, args), 0);
		CHECK(test_no_children());
	}
}

/* One launch's filter says nothing about the next launch. */
static void a_filter_that_denies_execveat_is_not_the_systems(void)
{
	static struct spawn_template_stat st;
	FILTER(filter, SYS_execveat, SECCOMP_RET_ERRNO | ENOSYS);
	struct spawn_template_spawn_args args;
	int tfd = test_probe();

	if (!is_by_fd(tfd))
		TEST_SKIP("launches go by path");
	args = sandboxed(-1, &filter, TEST_ARGV("probe"));
	CHECK_EQ(by_spawn(tfd, args), 0);
	args = sandboxed(-1, NULL, TEST_ARGV("probe"));
	CHECK_EQ(by_spawn(tfd, args), 0);
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.fallbacks[SPAWN_TEMPLATE_FALLBACK_PATH], 1);
	CHECK_EQ(st.launch_by, SPAWN_TEMPLATE_LAUNCH_BY_FD);
}

static void enter_as_before_5_16(void *arg)
{
	(void)arg;
	CHECK_SYS(denied_install(SYS_futex_waitv, 0, 0, 0, ENOSYS));
	check_inside(by_spawn, 0);
	check_inside(by_begin, 0);
	check_inside(by_ring_run, 0);
	a_filter_that_kills_in_exec_fails_the_launch();
}

/* There the death of a child by its filter would end all that share its memory. */
static void a_filter_does_not_end_the_caller_before_5_16(void)
{
	close(ruleset(writable()));
	test_in_child(enter_as_before_5_16, NULL);
}

static void a_warm_template_launches_sandboxed_programs_cold(void)
{
	int tfd = CHECK_OK(spawn_template_open(
		test_tool("probe"), SPAWN_TEMPLATE_CREATE_CLOEXEC |
					    SPAWN_TEMPLATE_CREATE_WARM_FORK));
	struct spawn_template_stat st;
	FILTER(filter, SYS_getpriority, DENY);
	struct spawn_template_spawn_args args =
		sandboxed(-1, &filter, TEST_ARGV("probe", "nice"));

#if !defined(__x86_64__)
	TEST_SKIP("no launch is prepared on this machine");
#endif
	for (int i = 0; i < 3; i++) {
		char *text = test_output_args(tfd, args, NULL);

		CHECK_STR(test_value(text, "nice"), "-1");
		usleep(20000);
	}
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.warm, 0);
	CHECK_EQ(st.cold_reasons[SPAWN_TEMPLATE_COLD_FLAGS] +
			 st.cold_reasons[SPAWN_TEMPLATE_COLD_PROGRAM],
		 3);
}

/* ---- order ---- */

static void the_actions_come_before_the_sandbox(void)
{
	char *path = test_path("before"), *after = test_path("after");
	int probe = test_probe(), fd = ruleset(writable());
	struct spawn_template_spawn_args args = sandboxed(
		fd, NULL,
		TEST_ARGV("probe", "write", "1", "x", "touch", after));

	drop_stderr();
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 1,
			      TEST_OPEN(path, O_CREAT | O_WRONLY, 0644, 0)));
	CHECK_EQ(test_spawn_args(probe, args), 97);
	CHECK_STR(test_read(path), "x");
}

/* A filter may forbid every step but exec. */
static void the_filter_comes_after_every_other_step(void)
{
	static const long steps[] = {
		SYS_setsid, SYS_setpriority,  SYS_umask,
		SYS_prctl,  SYS_rt_sigaction, SYS_landlock_restrict_self,
		SYS_dup3,   SYS_close_range,  SYS_prlimit64,
	};
	int tiny = template_of("tiny-7");
	struct rlimit limit = { 64, 64 };
	struct spawn_template_spawn_args args;
	int fd = ruleset(writable());

	for (size_t i = 0; i < TEST_COUNT(steps); i++) {
		FILTER(filter, steps[i], SECCOMP_RET_KILL_PROCESS);

		test_doing("call %ld", steps[i]);
		args = sandboxed(fd, &filter, TEST_ARGV("tiny-7"));
		args.flags |= FLAG(SETSID) | FLAG(NICE) | FLAG(UMASK) |
			      FLAG(DIE_WITH_PARENT);
		args.umask = 022;
		TEST_ACTIONS(&args, ACT_DUP2(2, 1),
			     ACT_RLIMIT(RLIMIT_NOFILE, &limit));
		CHECK_EQ(test_spawn_args(tiny, args), 7);
	}
}

/* ---- the ruleset's descriptor ---- */

/* Launch with actions; the program is inside, and does not have the ruleset. */
static void check_with_actions(int fd, struct spawn_template_action *actions,
			       size_t n)
{
	struct spawn_template_spawn_args args = sandboxed(
		fd, NULL, TEST_ARGV("probe", "fds", "touch", test_path("no")));
	struct test_stdout out = test_stdout_begin();
	int probe = test_probe(), pidfd;
	char *text;

	drop_stderr();
	args.actions = (uintptr_t)actions;
	args.actions_len = n;
	args.pidfd = (uintptr_t)&pidfd;
	CHECK_OK(spawn_template_spawn(probe, &args, sizeof(args)));
	text = test_stdout_end(out);
	CHECK_EQ(test_wait(pidfd), 97);
	CHECK_HAS(text, "fd.1=");
	CHECK_HAS_NOT(text, "landlock");
	CHECK_SYS(spawn_template_close(probe));
}

static void actions_may_name_the_rulesets_number(void)
{
	int fd = ruleset(writable());
	struct spawn_template_action actions[][2] = {
		{ ACT_CLOSE(fd), ACT_CLOSE_RANGE(3, -1, 0) },
		{ ACT_DUP2(2, fd), ACT_CLOSE(fd) },
		{ ACT_OPEN(AT_FDCWD, fd, TEST_OPEN("/", O_PATH, 0, 0)),
		  ACT_KEEP(fd) },
		{ ACT_CLOSE_RANGE(0, 0, 0), ACT_CLOSE_RANGE(fd, fd, 0) },
		{ ACT_CLOSE_RANGE(3, -1, CLOSE_RANGE_CLOEXEC), ACT_CLOSE(fd) },
		{ ACT_OPEN(fd, fd, TEST_OPEN("/", O_PATH, 0, 0)),
		  ACT_DUP2(2, 2) },
	};

	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	for (size_t i = 0; i < TEST_COUNT(actions); i++) {
		test_doing("actions %zu", i);
		check_with_actions(fd, actions[i], 2);
	}
}

/* A program that has it could add rules, for all later launches. */
static void no_program_gets_the_ruleset(void)
{
	int fd = ruleset(writable());
	char *script = test_fmt("test ! -L /proc/self/fd/%d", fd);
	int tfd = CHECK_OK(spawn_template_open("/bin/sh", 0));
	struct spawn_template_spawn_args args;
	FILTER(filter, SYS_getpriority, DENY);

	args = sandboxed(fd, &filter, TEST_ARGV("sh", "-c", script));
	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	for (size_t i = 0; i < TEST_COUNT(ways); i++) {
		test_doing("way %zu", i);
		CHECK_EQ(ways[i](tfd, args), 0);
	}
}

static void the_ruleset_may_have_any_number(void)
{
	static const int numbers[] = { 0, 3, 200, 700 };
	int fd = ruleset(writable());

	for (int i = 300; i < 400; i++)
		CHECK_SYS(dup3(2, i, O_CLOEXEC));
	for (size_t i = 0; i < TEST_COUNT(numbers); i++) {
		/* the third launch knows that the table is large */
		for (int again = 0; again < 3; again++) {
			test_doing("number %d, launch %d", numbers[i], again);
			CHECK_SYS(fcntl(fd, F_GETFD));
			if (fd != numbers[i])
				CHECK_SYS(dup3(fd, numbers[i], O_CLOEXEC));
			check_with_actions(numbers[i], NULL, 0);
		}
	}
}

/* ---- failures ---- */

static char *sentence(int error, unsigned int action)
{
	struct spawn_template_failure failure = { error, ATTR_STAGE, action };
	char text[512];

	CHECK_OK(spawn_template_strerror(&failure, text, sizeof(text)));
	return test_fmt("%s", text);
}

static void a_descriptor_that_is_no_ruleset_fails_the_launch(void)
{
	int probe = test_probe(), fd = ruleset(writable());

	CHECK_FAILS(probe, sandboxed(2, NULL, TEST_ARGV("probe")), EBADFD,
		    ATTR_STAGE, ATTR(LANDLOCK));
	CHECK_SYS(close(fd));
	CHECK_FAILS(probe, sandboxed(fd, NULL, TEST_ARGV("probe")), EBADF,
		    ATTR_STAGE, ATTR(LANDLOCK));
	CHECK_HAS(sentence(EBADF, ATTR(LANDLOCK)), "Landlock");
}

static void a_malformed_filter_fails_the_launch(void)
{
	int probe = test_probe();
	struct sock_filter code[] = { BPF_STMT(0xffff, 0) };
	struct sock_fprog filter = { 1, code };

	CHECK_FAILS(probe, sandboxed(-1, &filter, TEST_ARGV("probe")), EINVAL,
		    ATTR_STAGE, ATTR(SECCOMP));
	CHECK_HAS(sentence(EINVAL, ATTR(SECCOMP)), "seccomp");
}

static void a_ring_tells_the_step_that_failed(void)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_spawn_args args =
		sandboxed(2, NULL, TEST_ARGV("probe"));
	struct spawn_template_cqe *cqe;

	queue_spawn_args(ring, test_probe(), &args, 1);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 20000), 0);
	CHECK_LT(cqe->res, 0);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags), ATTR_STAGE);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_ACTION(cqe->flags), ATTR(LANDLOCK));
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* Without the call nothing would hold the program, so it must not start. */
static void a_kernel_without_the_step_fails_the_launch(void)
{
	int probe = test_probe();
	char *path = test_path("started");
	FILTER(filter, SYS_getpriority, DENY);
	struct spawn_template_spawn_args args =
		sandboxed(-1, &filter, TEST_ARGV("probe", "touch", path));

	CHECK_SYS(denied_install(SYS_landlock_restrict_self, 0, 0, 0, ENOSYS));
	CHECK_SYS(denied_install(SYS_seccomp, 0, 0, 0, ENOSYS));
	CHECK_FAILS(probe, args, ENOSYS, ATTR_STAGE, ATTR(SECCOMP));
	args.flags = FLAG(LANDLOCK);
	args.landlock_fd = 2;
	CHECK_FAILS(probe, args, ENOSYS, ATTR_STAGE, ATTR(LANDLOCK));
	CHECK(access(path, F_OK));
	CHECK_HAS(sentence(ENOSYS, ATTR(LANDLOCK)), "Landlock");
	CHECK_HAS(sentence(ENOSYS, ATTR(SECCOMP)), "seccomp");
}

static void malformed_sandboxes_are_refused(void)
{
	int probe = test_probe();
	char *const *argv = TEST_ARGV("probe", "exit", "5");
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filters[] = {
		{ 0, code },
		{ 1, NULL },
		{ 4097, code },
	};
	struct spawn_template_spawn_args args = sandboxed(-1, NULL, argv);
	int pidfd = -1;

	args.flags = FLAG(LANDLOCK);
	CHECK_FAILS(probe, args, EINVAL, ARGS_STAGE, 0);
	args.flags = FLAG(SECCOMP);
	CHECK_FAILS(probe, args, EINVAL, ARGS_STAGE, 0);
	for (size_t i = 0; i < TEST_COUNT(filters); i++)
		CHECK_FAILS(probe, sandboxed(-1, &filters[i], argv), EINVAL,
			    ARGS_STAGE, 0);
	/* an older program cannot mean these flags */
	args.pidfd = (uintptr_t)&pidfd;
	for (int i = 0; i < 2; i++) {
		args.flags = i ? FLAG(LANDLOCK) : FLAG(SECCOMP);
		CHECK_EQ(spawn_template_spawn(
				 probe, &args,
				 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1),
			 -EINVAL);
	}
}

static void without_its_flag_a_field_means_nothing(void)
{
	struct spawn_template_spawn_args args =
		sandboxed(-1, NULL, TEST_ARGV("probe", "exit", "5"));

	for (int fd = -2; fd < 4; fd++) {
		args.landlock_fd = fd;
		args.seccomp = (uint64_t)(fd + 2);
		CHECK_EQ(test_spawn_args(test_probe(), args), 5);
	}
}

static const struct test_case cases[] = {
	TEST_CASE(sandboxed_programs_are_inside_by_every_way_to_launch),
	TEST_CASE(a_launch_with_other_ids_has_its_sandbox),
	TEST_CASE(each_fallback_has_its_sandbox),
	TEST_CASE(a_filter_does_not_end_the_caller_before_5_16),
	TEST_CASE(a_warm_template_launches_sandboxed_programs_cold),
	TEST_CASE(the_actions_come_before_the_sandbox),
	TEST_CASE(the_filter_comes_after_every_other_step),
	TEST_CASE(actions_may_name_the_rulesets_number),
	TEST_CASE(no_program_gets_the_ruleset),
	TEST_CASE(the_ruleset_may_have_any_number),
	TEST_CASE(a_descriptor_that_is_no_ruleset_fails_the_launch),
	TEST_CASE(a_malformed_filter_fails_the_launch),
	TEST_CASE(a_ring_tells_the_step_that_failed),
	TEST_CASE(a_kernel_without_the_step_fails_the_launch),
	TEST_CASE(a_filter_that_kills_in_exec_fails_the_launch),
	TEST_CASE(a_filter_that_denies_execveat_is_not_the_systems),
	TEST_CASE(a_filter_that_denies_everything_fails_the_launch),
	TEST_CASE(malformed_sandboxes_are_refused),
	TEST_CASE(without_its_flag_a_field_means_nothing),
};

TEST_MAIN(cases)
