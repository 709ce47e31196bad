/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's side of the guard, against a daemon that the test plays: the
 * registration of templates, each answer of the daemon and none, fork, threads, the
 * effect of the words in memory and of exec's answers on a launch, and the mark of
 * a launch. Nothing is left open or grows.
 */
#include "fake_guard.h"
#include "harness.h"
#include "inject.h"

#include <grp.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#define CREATE(x) SPAWN_TEMPLATE_CREATE_##x
#define CLOEXEC CREATE(CLOEXEC)
#define TINY TEST_ARGV("tiny")

static struct fake_guard *guard_not_started(void)
{
	return fake_new(test_path("guard.sock"));
}

static struct fake_guard *guard(void)
{
	struct fake_guard *f = guard_not_started();

	fake_start(f, -1);
	return f;
}

static int open_tiny(uint64_t flags)
{
	return spawn_template_open(test_tool("tiny"), CLOEXEC | flags);
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static uint64_t id_of(int tfd)
{
	return stat_of(tfd).guard_id;
}

/* A guarded template of tiny. */
static int guarded(uint64_t flags)
{
	int tfd = CHECK_OK(open_tiny(flags));
	struct spawn_template_stat st = stat_of(tfd);

	CHECK_EQ(st.guarded, 1);
	CHECK_NE(st.guard_id, 0);
	return tfd;
}

/* Makes a template that is not guarded, and launches from it. */
static void check_unguarded(uint64_t flags)
{
	int tfd = CHECK_OK(open_tiny(flags));
	struct spawn_template_stat st = stat_of(tfd);

	CHECK_EQ(st.guarded, 0);
	CHECK_EQ(st.guard_id, 0);
	CHECK_EQ(st.guard_why, 0);
	CHECK_EQ(st.deny_write, 0);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_OK(spawn_template_close(tfd));
}

/* Arguments for CHECK_FAILS(), which wants a pidfd. */
static struct spawn_template_spawn_args tiny_args(void)
{
	static char *const argv[] = { "tiny", NULL };
	static int pidfd;

	return test_args(&pidfd, argv);
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 +
	       (now.tv_nsec - start->tv_nsec) / 1000000;
}

static struct timespec now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts;
}

/* An upper bound for an idle machine, and a longer one for slow sanitizers. */
static long at_most(long ms)
{
	return TEST_SANITIZED || getenv("TEST_SLOW") ? ms * 10 : ms * 2;
}

static void wait_until(_Atomic int *value, int at_least)
{
	for (int i = 0; i < 5000 && atomic_load(value) < at_least; i++)
		usleep(1000);
	CHECK_GE(atomic_load(value), at_least);
}

static bool is_cloexec(int fd)
{
	return CHECK_SYS(fcntl(fd, F_GETFD)) & FD_CLOEXEC;
}

/* The library's socket: the only one that this process has. */
static int find_socket(void)
{
	struct stat st;

	for (int fd = 0; fd < 1024; fd++)
		if (!fstat(fd, &st) && S_ISSOCK(st.st_mode))
			return fd;
	return -1;
}

/* ---- registering ---- */

static void check_header(const struct fake_guard *f, const char *path)
{
	int fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	uint8_t head[ST_HEADER_SIZE] = { 0 };

	CHECK_GE(read(fd, head, sizeof(head)), 2);
	CHECK_SYS(close(fd));
	CHECK_EQ(memcmp(f->request.u.reg.header, head, sizeof(head)), 0);
}

/* The unused bytes of a request are zero. */
static void check_rest_is_zero(const struct fake_guard *f)
{
	const uint8_t *p = f->request.u.bytes;

	CHECK_EQ(f->request.u.reg.pad, 0);
	for (size_t i = offsetof(struct st_msg_register, slot);
	     i < sizeof(f->request.u.bytes); i++)
		CHECK_EQ(p[i], 0);
}

static void check_same_file(const struct fake_guard *f, int tfd)
{
	long ret = syscall(SYS_kcmp, f->pid, getpid(), KCMP_FILE,
			   atomic_load(&f->fd), tfd);

	CHECK_EQ(atomic_load(&f->fd_flags) & O_PATH, O_PATH);
	if (ret < 0 && (errno == ENOSYS || errno == EPERM))
		test_note("kcmp: %s", strerror(errno));
	else
		CHECK_EQ(ret, 0);
}

static void create_registers_the_templates_own_file(void)
{
	struct fake_guard *f = guard();
	int fds = test_count_fds(), tfd = CHECK_OK(open_tiny(0));
	struct spawn_template_stat st = stat_of(tfd);

	CHECK_EQ(st.guarded, 1);
	CHECK_EQ(st.guard_id, atomic_load(&f->last_id));
	CHECK_EQ(st.deny_write, 0);
	CHECK_EQ(st.guard_why, 0);
	CHECK_EQ(f->request.u.reg.flags, ST_REGISTER_HEADER);
	CHECK_EQ(f->sender.pid, getpid());
	CHECK_EQ(f->sender.uid, geteuid());
	check_header(f, test_tool("tiny"));
	check_rest_is_zero(f);
	check_same_file(f, tfd);
	/* the template, and the connection */
	CHECK_EQ(test_count_fds(), fds + 2);
	CHECK(is_cloexec(find_socket()));
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(atomic_load(&f->connections), 1);
}

static void deny_write_is_registered_and_kept_by_refresh(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(DENY_WRITE));

	CHECK_EQ(f->request.u.reg.flags,
		 ST_REGISTER_HEADER | ST_REGISTER_DENY_WRITE);
	CHECK_EQ(stat_of(tfd).deny_write, 1);
	CHECK_EQ(stat_of(tfd).flags, CLOEXEC | CREATE(DENY_WRITE));
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(f->request.u.reg.flags,
		 ST_REGISTER_HEADER | ST_REGISTER_DENY_WRITE);
	CHECK_EQ(stat_of(tfd).deny_write, 1);
}

static void scripts_and_short_files_are_registered(void)
{
	struct fake_guard *f = guard();
	char *path = test_path("script");

	test_write(path, "#!/bin/sh\n", 0755);
	CHECK_OK(spawn_template_open(path, CREATE(SCRIPT) | CREATE(GUARD)));
	CHECK_EQ(f->request.u.reg.flags, ST_REGISTER_HEADER);
	check_header(f, path);
}

static void unreadable_files_have_no_header(void)
{
	struct fake_guard *f = guard();
	char *path = test_path("tool");

	test_copy(test_tool("tiny"), path, 0111);
	if (access(path, R_OK) == 0) {
		CHECK_SYS(setgroups(0, NULL));
		CHECK_SYS(setresuid(65533, 65533, 65533));
		/* the daemon stays root */
	}
	CHECK_OK(spawn_template_open(path, CREATE(GUARD)));
	CHECK_EQ(f->request.u.reg.flags, 0);
	for (int i = 0; i < ST_HEADER_SIZE; i++)
		CHECK_EQ(f->request.u.reg.header[i], 0);
}

static void a_template_of_an_fd_is_registered(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_create_args args = {
		.flags = CREATE(GUARD),
		.execfd = CHECK_SYS(open(test_tool("tiny"), O_RDONLY)),
	};
	int tfd = CHECK_OK(spawn_template_create(&args, sizeof(args)));

	check_same_file(f, tfd);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_OK(spawn_template_refresh(tfd));
	check_same_file(f, tfd);
}

/* ---- no guard ---- */

static void contradicting_flags_are_refused(void)
{
	CHECK_EQ(open_tiny(CREATE(GUARD) | CREATE(NO_GUARD)), -EINVAL);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE) | CREATE(NO_GUARD)), -EOPNOTSUPP);
	CHECK_EQ(open_tiny(CREATE(WARM_FORK) | CREATE(WARM_ONCE)), -EINVAL);
}

static void check_no_guard(void)
{
	int fds = test_count_fds();

	check_unguarded(0);
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE)), -EOPNOTSUPP);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE) | CREATE(GUARD)), -ENOTCONN);
	CHECK_EQ(test_count_fds(), fds);
}

static void templates_are_unguarded_where_there_is_no_guard(void)
{
	struct fake_guard *f = guard_not_started();

	check_no_guard();
	/* nobody listens on the socket, or the file is no socket */
	CHECK_SYS(close(fake_listen(f->path)));
	check_no_guard();
	CHECK_SYS(unlink(f->path));
	test_write(f->path, "", 0666);
	check_no_guard();
}

static void a_bad_socket_name_means_no_guard(void)
{
	char name[200] = "";

	CHECK_SYS(setenv(ST_GUARD_SOCKET_ENV, "", 1));
	check_no_guard();
	memset(name, 'x', sizeof(name) - 1);
	CHECK_SYS(setenv(ST_GUARD_SOCKET_ENV, name, 1));
	check_no_guard();
}

static void absence_is_remembered_for_a_while(void)
{
	struct fake_guard *f = guard_not_started();
	struct timespec start = now();
	int tries = 0;

	check_unguarded(0);
	fake_start(f, -1);
	if (ms_since(&start) < 500) {
		check_unguarded(0);
		CHECK_EQ(atomic_load(&f->connections), 0);
	}
	while (!stat_of(CHECK_OK(open_tiny(0))).guarded && tries++ < 500)
		usleep(10000);
	CHECK_EQ(atomic_load(&f->connections), 1);
}

static void a_template_that_must_be_guarded_asks_at_once(void)
{
	struct fake_guard *f = guard_not_started();

	check_unguarded(0);
	fake_start(f, -1);
	guarded(CREATE(GUARD));
	guarded(0);
	CHECK_EQ(atomic_load(&f->connections), 1);
}

static void a_template_with_no_guard_asks_nobody(void)
{
	struct fake_guard *f = guard();

	check_unguarded(CREATE(NO_GUARD));
	CHECK_EQ(atomic_load(&f->connections), 0);
	guarded(0);
	check_unguarded(CREATE(NO_GUARD));
	CHECK_EQ(atomic_load(&f->registers), 1);
}

/* The daemon runs neither as root nor as this user. */
static void a_daemon_of_another_user_is_not_trusted(void)
{
	struct fake_guard *f = guard_not_started();

	test_need_root();
	CHECK_SYS(chmod(test_tmpdir(), 0777));
	fake_start(f, 65533);
	/* root trusts only root */
	check_no_guard();
	CHECK_EQ(atomic_load(&f->hellos), 0);
}

/* ---- in a user namespace without a number for root ---- */

/* Writes the map from outside, where all users are known. */
static void write_map(pid_t pid, const char *map, int go)
{
	int fd;
	char byte;

	CHECK_EQ(read(go, &byte, 1), 1);
	fd = CHECK_SYS(open(test_fmt("/proc/%d/uid_map", pid), O_WRONLY));
	CHECK_EQ(write(fd, map, strlen(map)), strlen(map));
	_exit(0);
}

static void enter_namespace(const char *map, uid_t uid)
{
	pid_t self = getpid(), writer;
	int go[2], status;

	CHECK_SYS(pipe2(go, O_CLOEXEC));
	writer = CHECK_SYS(fork());
	if (writer == 0)
		write_map(self, map, go[0]);
	if (unshare(CLONE_NEWUSER))
		TEST_SKIP("a user namespace: %s", strerror(errno));
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(CHECK_SYS(waitpid(writer, &status, 0)), writer);
	CHECK_EQ(status, 0);
	CHECK_SYS(close(go[0]));
	CHECK_SYS(close(go[1]));
	CHECK_SYS(setresuid(uid, uid, uid));
}

/* A guard of root's at the default path, for this process only. */
static void guard_outside(void)
{
	test_need_root();
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/run", "tmpfs", 0, "mode=755"))
		TEST_SKIP("a folder of its own: %s", strerror(errno));
	CHECK_SYS(mkdir("/run/spawn-template", 0755));
	CHECK_SYS(chmod("/run/spawn-template", 0755));
	CHECK_SYS(chmod(test_tmpdir(), 0777));
	test_copy(test_tool("tiny"), test_path("tiny"), 0755);
	fake_start(fake_new(ST_GUARD_SOCKET), -1);
	CHECK_SYS(unsetenv(ST_GUARD_SOCKET_ENV));
}

#define ONE_USER "1000 65533 1\n"

static int open_outside(void)
{
	return spawn_template_open(test_path("tiny"), CREATE(GUARD));
}

static void a_daemon_outside_the_namespace_is_trusted(void)
{
	int tfd;

	guard_outside();
	enter_namespace(ONE_USER, 1000);
	tfd = CHECK_OK(open_outside());
	CHECK_EQ(stat_of(tfd).guarded, 1);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
}

/* The number that the kernel shows for root may be that of a user inside. */
static void a_daemon_is_not_trusted_if_its_number_is_taken(void)
{
	guard_outside();
	enter_namespace(ONE_USER "65000 100000 600\n", 1000);
	CHECK_EQ(open_outside(), -ENOTCONN);
}

static void a_daemon_in_a_folder_of_the_namespace_is_not_trusted(void)
{
	guard_outside();
	CHECK_SYS(chown("/run/spawn-template", 65533, 65533));
	enter_namespace(ONE_USER, 1000);
	CHECK_EQ(open_outside(), -ENOTCONN);
}

static void a_daemon_in_a_folder_for_all_is_not_trusted(void)
{
	guard_outside();
	CHECK_SYS(chmod("/run/spawn-template", 01777));
	enter_namespace(ONE_USER, 1000);
	CHECK_EQ(open_outside(), -ENOTCONN);
}

static void a_daemon_at_another_path_is_not_trusted(void)
{
	guard_outside();
	CHECK_SYS(setenv(ST_GUARD_SOCKET_ENV, ST_GUARD_SOCKET, 1));
	enter_namespace(ONE_USER, 1000);
	CHECK_EQ(open_outside(), -ENOTCONN);
}

static void forbidden_sockets_mean_no_guard(void)
{
	guard();
	test_seccomp(SYS_socket, EPERM);
	check_no_guard();
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
}

static void no_call_is_made_without_the_socket_file(void)
{
	guard_not_started();
	test_seccomp(SYS_socket, TEST_KILL);
	check_no_guard();
}

static void templates_go_unguarded_without_a_free_fd(void)
{
	struct rlimit limit = { 64, 64 };
	int fd, last = -1;

	guard();
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	while ((fd = dup(0)) >= 0)
		last = fd;
	/* create needs two fds by itself; the third is for the guard's words */
	CHECK_SYS(close(last));
	CHECK_SYS(close(last - 1));
	check_unguarded(0);
	CHECK_LT(open_tiny(CREATE(GUARD)), 0);
	CHECK_SYS(close(last - 2));
	CHECK_EQ(stat_of(CHECK_OK(open_tiny(CREATE(GUARD)))).guarded, 1);
}

/* ---- answers of the daemon ---- */

static void every_error_of_the_daemon_is_passed_on(void)
{
	static const int errors[] = { EDQUOT, ENOSPC, EOPNOTSUPP, EACCES,
				      EIO,    EINVAL, ENOMEM };
	struct fake_guard *f = guard();

	atomic_store(&f->reg, FAKE_ERROR);
	for (size_t i = 0; i < TEST_COUNT(errors); i++) {
		test_doing("%s", strerror(errors[i]));
		atomic_store(&f->error, errors[i]);
		check_unguarded(0);
		CHECK_EQ(open_tiny(CREATE(GUARD)), -errors[i]);
		CHECK_EQ(open_tiny(CREATE(DENY_WRITE)), -errors[i]);
	}
	/* the connection stays open after an error */
	CHECK_EQ(atomic_load(&f->connections), 1);
	atomic_store(&f->reg, FAKE_WELL);
	guarded(0);
}

static void create_waits_a_little_for_writers(void)
{
	struct fake_guard *f = guard();
	struct timespec start = now();

	atomic_store(&f->error, ETXTBSY);
	atomic_store(&f->reg, FAKE_ERROR);
	CHECK_EQ(open_tiny(0), -ETXTBSY);
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ETXTBSY);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE)), -ETXTBSY);
	CHECK_GE(ms_since(&start), 100);
	CHECK_LT(ms_since(&start), at_most(1000));
	atomic_store(&f->times, 3);
	guarded(0);
}

static void a_stale_answer_is_tried_again(void)
{
	struct fake_guard *f = guard();
	int registers;

	atomic_store(&f->error, ESTALE);
	atomic_store(&f->reg, FAKE_ERROR);
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ESTALE);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE)), -ESTALE);
	check_unguarded(0);
	registers = atomic_load(&f->registers);
	atomic_store(&f->times, 2);
	guarded(0);
	CHECK_EQ(atomic_load(&f->registers), registers + 3);
}

/* The file changes between its examination and its registration. */
static void a_change_while_registering_is_noticed(void)
{
	struct fake_guard *f = guard();
	char *path = test_path("tool");
	int tfd;

	test_copy(test_tool("tiny"), path, 0755);
	strcpy(f->change, path);
	atomic_store(&f->times, 2);
	atomic_store(&f->reg, FAKE_CHANGE);
	tfd = CHECK_OK(spawn_template_open(path, CREATE(GUARD)));
	CHECK_EQ(atomic_load(&f->registers), 3);
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	/* the first two are unregistered again */
	wait_until(&f->unregisters, 2);

	atomic_store(&f->reg, FAKE_CHANGE);
	CHECK_EQ(spawn_template_open(path, CREATE(GUARD)), -ESTALE);
	tfd = CHECK_OK(spawn_template_open(path, 0));
	CHECK_EQ(stat_of(tfd).guarded, 0);
}

/* ---- bad answers ---- */

static void check_way(struct fake_guard *f, _Atomic int *when, int way)
{
	int fds;

	/* the daemon starts anew, so that HELLO comes */
	fake_kill(f);
	fake_start(f, -1);
	CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
	if (when == &f->hello) {
		fake_kill(f);
		fake_start(f, -1);
	}
	fds = test_count_fds();
	atomic_store(when, way);
	check_unguarded(0);
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	CHECK_EQ(open_tiny(CREATE(DENY_WRITE)), -EOPNOTSUPP);
	/* the connection is closed, and nothing else is left open */
	CHECK_EQ(test_count_fds(), fds - 1);
	check_unguarded(0);
	CHECK_EQ(find_socket(), -1);
	atomic_store(when, FAKE_WELL);
	CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
	CHECK_EQ(test_count_fds(), fds);
}

static void bad_answers_to_register_end_the_connection(void)
{
	struct fake_guard *f = guard();

	for (int way = FAKE_HANG_UP; way < FAKE_NO_FD; way++) {
		test_doing("way %d", way);
		check_way(f, &f->reg, way);
	}
}

static void bad_answers_to_hello_end_the_connection(void)
{
	struct fake_guard *f = guard();

	atomic_store(&f->error, EPROTO);
	for (int way = FAKE_ERROR; way < FAKE_WAYS; way++) {
		if (way == FAKE_CHANGE || way == FAKE_FLOOD ||
		    way == FAKE_MUTE || way == FAKE_ID || way == FAKE_SLOT)
			continue;
		test_doing("way %d", way);
		check_way(f, &f->hello, way);
	}
}

static void invalidated_messages_are_drained(void)
{
	struct fake_guard *f = guard();
	int fds;

	guarded(0);
	fds = test_count_fds();
	atomic_store(&f->reg, FAKE_FLOOD);
	for (int i = 0; i < 5; i++)
		CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
	CHECK_EQ(atomic_load(&f->connections), 1);
	CHECK_EQ(test_count_fds(), fds);
}

/* ---- no answers ---- */

static void a_daemon_that_hangs_is_waited_for_a_second(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(GUARD)), other;
	struct timespec start;
	long ms;

	CHECK_SYS(kill(f->pid, SIGSTOP));
	start = now();
	check_unguarded(0);
	ms = ms_since(&start);
	CHECK_GE(ms, 900);
	CHECK_LT(ms, at_most(1300));
	/* from then on only templates that must be guarded ask it */
	start = now();
	for (int i = 0; i < 20; i++)
		check_unguarded(0);
	CHECK_LT(ms_since(&start), at_most(500));
	start = now();
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	CHECK_GE(ms_since(&start), 900);
	CHECK_LT(ms_since(&start), at_most(1300));
	/* a guarded template stays guarded, and never waits */
	start = now();
	for (int i = 0; i < 20; i++)
		CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(stat_of(tfd).guarded, 1);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_LT(ms_since(&start), at_most(500));

	CHECK_SYS(kill(f->pid, SIGCONT));
	other = guarded(CREATE(GUARD));
	guarded(0);
	CHECK_EQ(test_spawn(other, TINY), 0);
}

static void *create_plain(void *arg)
{
	(void)arg;
	check_unguarded(0);
	return NULL;
}

static void *create_with_must(void *arg)
{
	(void)arg;
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	return NULL;
}

#define THREADS 8

static void run_threads(void *(*fn)(void *), void *arg)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, fn, arg), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void threads_do_not_wait_for_each_other(void)
{
	struct fake_guard *f = guard();
	struct timespec start;

	guarded(0);
	CHECK_SYS(kill(f->pid, SIGSTOP));
	start = now();
	run_threads(create_plain, NULL);
	CHECK_LT(ms_since(&start), at_most(1500));
	start = now();
	run_threads(create_with_must, NULL);
	CHECK_LT(ms_since(&start), at_most(2200));
}

static void a_full_queue_is_waited_for_a_second(void)
{
	struct fake_guard *f = guard();
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timespec start;
	int n;

	strcpy(addr.sun_path, f->path);
	CHECK_SYS(kill(f->pid, SIGSTOP));
	for (n = 0; n < 500; n++) {
		int fd = CHECK_SYS(
			socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0));

		if (connect(fd, (void *)&addr, sizeof(addr)))
			break;
	}
	CHECK_EQ(errno, EAGAIN);
	start = now();
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	CHECK_GE(ms_since(&start), 900);
	CHECK_LT(ms_since(&start), at_most(1300));
	CHECK_SYS(kill(f->pid, SIGCONT));
	CHECK_OK(open_tiny(CREATE(GUARD)));
}

/* ---- death of the daemon ---- */

static void templates_survive_the_death_of_the_daemon(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(GUARD));

	fake_kill(f);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(stat_of(tfd).guarded, 1);
	check_unguarded(0);
	CHECK_EQ(open_tiny(CREATE(GUARD)), -ENOTCONN);
	CHECK_EQ(spawn_template_refresh(tfd), -ENOTCONN);
	CHECK_EQ(test_spawn(tfd, TINY), 0);

	fake_start(f, -1);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(stat_of(tfd).guarded, 1);
	/* the old connection has ended, and the library makes a new one */
	for (int i = 0; i < 5; i++) {
		fake_kill(f);
		fake_start(f, -1);
		guarded(0);
	}
	CHECK_EQ(test_spawn(tfd, TINY), 0);
}

static void a_dead_daemon_raises_no_sigpipe(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);

	CHECK_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
	fake_kill(f);
	CHECK_OK(spawn_template_close(tfd));
	check_unguarded(0);
}

/* ---- fork ---- */

static void own_connection(void *arg)
{
	struct fake_guard *f = arg;
	int inherited = find_socket(), fds = test_count_fds();
	struct stat before, after;

	CHECK_GE(inherited, 0);
	CHECK_SYS(fstat(inherited, &before));
	guarded(CREATE(GUARD));
	CHECK_EQ(f->sender.pid, getpid());
	/* the new connection takes the place of the inherited one */
	CHECK_EQ(test_count_fds(), fds + 1);
	CHECK_SYS(fstat(find_socket(), &after));
	CHECK_NE(after.st_ino, before.st_ino);
	guarded(0);
	CHECK_EQ(test_count_fds(), fds + 2);
}

static void a_forked_child_has_its_own_connection(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);

	test_in_child(own_connection, f);
	CHECK_EQ(atomic_load(&f->connections), 2);
	guarded(0);
	CHECK_EQ(f->sender.pid, getpid());
	CHECK_EQ(atomic_load(&f->connections), 2);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
}

static void close_inherited(void *arg)
{
	CHECK_OK(spawn_template_close(*(int *)arg));
}

static void close_inherited_with_own(void *arg)
{
	int own = guarded(CREATE(GUARD));

	CHECK_OK(spawn_template_close(*(int *)arg));
	CHECK_EQ(test_spawn(own, TINY), 0);
}

static void a_forked_child_does_not_unregister(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);

	test_in_child(close_inherited, &tfd);
	test_in_child(close_inherited_with_own, &tfd);
	guarded(CREATE(GUARD));
	CHECK_EQ(atomic_load(&f->unregisters), 0);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
}

static void create_in_child(void *arg)
{
	struct fake_guard *f = arg;
	struct timespec start = now();

	/* a thread of the parent holds the lock, and is not here */
	check_unguarded(0);
	CHECK_LT(ms_since(&start), at_most(1500));
	CHECK_SYS(kill(f->pid, SIGCONT));
	CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
}

/* The stopped daemon has not taken the request, so the other thread has the lock. */
static void wait_until_asked(int sock)
{
	int queued = 0;

	for (int i = 0; i < 5000 && !queued; i++) {
		CHECK_SYS(ioctl(sock, SIOCOUTQ, &queued));
		usleep(queued ? 0 : 1000);
	}
	CHECK_GT(queued, 0);
}

static void a_fork_while_another_thread_asks_does_not_hang(void)
{
	struct fake_guard *f = guard();
	pthread_t thread;
	int sock;

	guarded(0);
	sock = find_socket();
	CHECK_SYS(kill(f->pid, SIGSTOP));
	CHECK_EQ(pthread_create(&thread, NULL, create_plain, NULL), 0);
	wait_until_asked(sock);
	test_in_child(create_in_child, f);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	guarded(CREATE(GUARD));
}

/* ---- the host meddles ---- */

static void a_socket_that_the_host_closed_is_replaced(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0), sock = find_socket(), null;

	CHECK_SYS(close(sock));
	guarded(0);
	CHECK_EQ(atomic_load(&f->connections), 2);

	sock = find_socket();
	null = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	CHECK_SYS(dup2(null, sock));
	guarded(0);
	CHECK_EQ(atomic_load(&f->connections), 3);
	/* the library leaves the host's file at that number alone */
	CHECK_EQ(CHECK_SYS(write(sock, "x", 1)), 1);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_SYS(dup2(null, find_socket()));
	CHECK_EQ(test_spawn(guarded(0), TINY), 0);
}

static void the_connection_takes_no_low_number(void)
{
	guard();
	CHECK_SYS(close(0));
	guarded(0);
	CHECK_SYS(fcntl(0, F_GETFD)); /* the template */
	CHECK_GE(find_socket(), 3);
}

static void other_ids_connect_anew(void)
{
	struct fake_guard *f = guard();
	char *path = test_path("tool");

	test_need_root();
	test_copy(test_tool("tiny"), path, 0755);
	guarded(0);
	CHECK_SYS(setresuid(-1, 65533, -1));
	CHECK_EQ(stat_of(CHECK_OK(spawn_template_open(path, 0))).guarded, 1);
	CHECK_EQ(atomic_load(&f->connections), 2);
	CHECK_EQ(f->sender.uid, 65533);
	CHECK_SYS(setresuid(-1, 0, -1));
}

/* ---- the words ---- */

static void check_stale(int tfd, uint32_t why)
{
	struct spawn_template_spawn_args args = tiny_args();
	struct spawn_template_stat st = stat_of(tfd);
	uint64_t stale = st.stale;

	CHECK_EQ(st.state, SPAWN_TEMPLATE_STATE_STALE);
	CHECK_EQ(st.stale_reason, SPAWN_TEMPLATE_STALE_GUARD);
	CHECK_EQ(st.guard_why, why);
	CHECK_EQ(st.guarded, 1);
	CHECK_EQ(spawn_template_check(tfd), -ESTALE);
	CHECK_FAILS(tfd, args, ESTALE, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	CHECK_EQ(stat_of(tfd).stale, stale + 1);
}

static void a_template_that_is_stale_to_the_guard_is_refused(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0), copy = CHECK_SYS(dup(tfd));
	uint64_t id = id_of(tfd);

	fake_stale(f, id, WHY_OPENED);
	check_stale(tfd, SPAWN_TEMPLATE_GUARD_WHY_OPENED);
	CHECK_EQ(stat_of(copy).stale_reason, SPAWN_TEMPLATE_STALE_GUARD);
	/* the library asks for the reason once */
	CHECK_EQ(atomic_load(&f->lists), 1);
	CHECK_OK(spawn_template_refresh(tfd));
	wait_until(&f->unregisters, 1);
	CHECK_EQ(atomic_load(&f->unregistered), id);
	CHECK_NE(id_of(tfd), id);
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_FRESH);
	CHECK_EQ(test_spawn(tfd, TINY), 0);

	/* the executable has been registered anew since */
	id = id_of(tfd);
	atomic_store(&f->why, 0);
	fake_set_word(f, id, EXEC_STATE_WORD(id + 77, EXEC_FRESH));
	check_stale(tfd, 0);
}

static void a_change_that_the_library_sees_is_told_first(void)
{
	struct fake_guard *f = guard();
	char *path = test_path("tool");
	struct spawn_template_stat st;
	int tfd;

	test_copy(test_tool("tiny"), path, 0755);
	tfd = CHECK_OK(spawn_template_open(path, CREATE(GUARD)));
	CHECK_SYS(chmod(path, 0700));
	fake_stale(f, id_of(tfd), WHY_ATTRIBUTES);
	st = stat_of(tfd);
	CHECK_EQ(st.stale_reason, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
	CHECK_EQ(st.guard_why, SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES);
}

static void a_stale_template_launches_nothing_without_a_reason(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);
	struct timespec start;

	fake_stale(f, id_of(tfd), WHY_OPENED);
	CHECK_SYS(kill(f->pid, SIGSTOP));
	start = now();
	check_stale(tfd, 0);
	CHECK_LT(ms_since(&start), at_most(1500));
	start = now();
	check_stale(tfd, 0);
	CHECK_LT(ms_since(&start), at_most(200));
	CHECK_SYS(kill(f->pid, SIGCONT));
	fake_kill(f);
	check_stale(tfd, 0);
}

static void auto_refresh_registers_anew(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(AUTO_REFRESH));
	uint64_t id = id_of(tfd);

	fake_stale(f, id, WHY_OPENED);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_NE(id_of(tfd), id);
	CHECK_EQ(stat_of(tfd).guarded, 1);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
	/* without a daemon it goes on unguarded, as a new template would */
	fake_stale(f, id_of(tfd), WHY_OPENED);
	fake_kill(f);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(stat_of(tfd).guarded, 0);
}

static void an_unloaded_guard_fails_templates_that_need_it(void)
{
	struct fake_guard *f = guard();
	int must = guarded(CREATE(GUARD)), may = guarded(0);
	struct spawn_template_spawn_args args = tiny_args();
	struct spawn_template_stat st;
	int deny = guarded(CREATE(DENY_WRITE));

	fake_unload(f);
	CHECK_FAILS(deny, args, ENOTCONN, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	CHECK_EQ(spawn_template_check(deny), -ENOTCONN);
	CHECK_EQ(test_spawn(may, TINY), 0);
	CHECK_EQ(spawn_template_check(may), 0);
	CHECK_FAILS(must, args, ENOTCONN, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	CHECK_EQ(spawn_template_check(must), -ENOTCONN);
	st = stat_of(must);
	CHECK_EQ(st.state, SPAWN_TEMPLATE_STATE_FRESH);
	CHECK_EQ(st.failed, 1);
	CHECK(!st.guarded && !st.guard_id && !st.guard_why && !st.deny_write);
	/* there is another guard */
	CHECK_OK(spawn_template_refresh(must));
	CHECK_EQ(test_spawn(must, TINY), 0);
	CHECK_EQ(stat_of(must).guarded, 1);
}

/* ---- answers of exec ---- */

static struct spawn_template_stat fails_in_exec(int tfd, int err, int tries)
{
	struct spawn_template_spawn_args args = tiny_args();

	for (int i = 0; i < tries; i++)
		CHECK_FAILS(tfd, args, err, SPAWN_TEMPLATE_STAGE_EXEC, 0);
	return stat_of(tfd);
}

/* Lets every exec fail, but not the question by AT_EXECVE_CHECK. */
static void forbid_exec(int err)
{
	test_seccomp_arg(SYS_execveat, 4, 0x10000, 0, err);
	test_seccomp(SYS_execve, err);
}

static void a_refusal_by_exec_is_counted(void)
{
	int tfd, plain;

	guard();
	tfd = guarded(0);
	plain = CHECK_OK(open_tiny(CREATE(NO_GUARD)));
	forbid_exec(EACCES);
	CHECK_EQ(fails_in_exec(tfd, EACCES, 3).refused, 3);
	CHECK_EQ(stat_of(tfd).failed, 0);
	/* without a guard EACCES is a failure like any other */
	CHECK_EQ(fails_in_exec(plain, EACCES, 3).refused, 0);
	CHECK_EQ(stat_of(plain).failed, 3);
}

static void estale_from_exec_makes_a_template_stale(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);
	struct spawn_template_stat st;

	forbid_exec(ESTALE);
	st = fails_in_exec(tfd, ESTALE, 1);
	CHECK_EQ(st.stale, 1);
	CHECK_EQ(st.stale_reason, SPAWN_TEMPLATE_STALE_GUARD);
	CHECK_EQ(st.guard_why, SPAWN_TEMPLATE_GUARD_WHY_CLOSED);
	CHECK_EQ(spawn_template_check(tfd), -ESTALE);
	check_stale(tfd, SPAWN_TEMPLATE_GUARD_WHY_CLOSED);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
}

/* The daemon knows the reason of the last refused exec; the word is unchanged. */
static void the_daemon_tells_why_exec_was_refused(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0);

	atomic_store(&f->last_why, WHY_HEADER);
	forbid_exec(ESTALE);
	CHECK_EQ(fails_in_exec(tfd, ESTALE, 1).guard_why,
		 SPAWN_TEMPLATE_GUARD_WHY_HEADER);
}

/* Does what test_spawn() does, by a launch that is not waited for. */
static int begin_and_wait(int tfd, char *const argv[])
{
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *begin;
	int pidfd, ret;

	ret = spawn_template_begin(tfd, &args, sizeof(args), &begin);
	if (ret > 0)
		ret = spawn_template_begin_wait(begin, &pidfd, NULL, 0);
	return ret < 0 ? ret : test_wait(pidfd);
}

struct disturbed {
	int (*launch)(int tfd, char *const argv[]);
	int tfd, err, ret;
	struct inject inject;
};

static void *launch_disturbed(void *arg)
{
	struct disturbed *d = arg;

	inject_here(&d->inject);
	inject_arm(&d->inject);
	d->ret = d->launch(d->tfd, TINY);
	inject_disarm(&d->inject);
	return NULL;
}

static bool is_no_exec(const struct inject *in, enum inject_who who,
		       const struct seccomp_data *data)
{
	(void)in;
	(void)who;
	return data->nr != SYS_execveat && data->nr != SYS_execve;
}

/* Launches, and lets the first exec fail with err. Return: the launch's result. */
static int exec_answers_once(int tfd, int err,
			     int (*launch)(int tfd, char *const argv[]))
{
	static struct disturbed d;
	pthread_t thread;

	d = (struct disturbed){ .tfd = tfd, .launch = launch };
	d.inject.who = INJECT_CHILD;
	d.inject.spares = is_no_exec;
	d.inject.err = err;
	inject_start(&d.inject);
	CHECK_EQ(pthread_create(&thread, NULL, launch_disturbed, &d), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	inject_finish(&d.inject);
	CHECK(atomic_load(&d.inject.hit) == SYS_execveat ||
	      atomic_load(&d.inject.hit) == SYS_execve);
	return d.ret;
}

static void auto_refresh_launches_after_estale_from_exec(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(AUTO_REFRESH));

	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(exec_answers_once(tfd, ESTALE, test_spawn), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
}

/* No launch that is not waited for is made again, but the next one refreshes. */
static void auto_refresh_follows_estale_from_exec_of_a_begun_launch(void)
{
	struct fake_guard *f;
	int tfd;

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	f = guard();
	tfd = guarded(CREATE(AUTO_REFRESH));
	CHECK_EQ(begin_and_wait(tfd, TINY), 0);
	CHECK_EQ(exec_answers_once(tfd, ESTALE, begin_and_wait), -ESTALE);
	CHECK_EQ(atomic_load(&f->registers), 1);
	CHECK_EQ(stat_of(tfd).stale, 1);
	CHECK_EQ(begin_and_wait(tfd, TINY), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
}

static void auto_refresh_is_tried_once_per_launch(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(AUTO_REFRESH));

	forbid_exec(ESTALE);
	CHECK_EQ(fails_in_exec(tfd, ESTALE, 1).stale, 1);
	CHECK_EQ(atomic_load(&f->registers), 2);
}

/*
 * The library may take a dup for any template of its file, also for one that was
 * closed by close(2): the guard refuses that one, and the library takes another.
 */
static void a_dup_is_matched_with_a_living_template(void)
{
	struct fake_guard *f = guard();
	int second = guarded(0), first = guarded(0), copy;

	/* the library finds the newest template first */
	copy = CHECK_SYS(fcntl(second, F_DUPFD_CLOEXEC, 100));
	CHECK_SYS(close(first));
	CHECK_EQ(test_spawn(copy, TINY), 0);
	CHECK_EQ(exec_answers_once(copy, ESTALE, test_spawn), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
	CHECK_EQ(spawn_template_check(copy), 0);
	CHECK_EQ(id_of(copy), id_of(second));
}

/* ---- every system call of a create fails in turn ---- */

struct fault {
	uint64_t flags;
	bool connected;
	int index, err;
	struct inject inject;
};

static void *create_disturbed(void *arg)
{
	struct fault *fault = arg;
	struct inject *in = &fault->inject;
	const char *path = test_tool("tiny");
	int fds = test_count_fds() - (find_socket() >= 0), ret;

	inject_here(in);
	fds++; /* the listener */
	inject_arm(in);
	ret = spawn_template_open(path, fault->flags);
	inject_disarm(in);
	test_doing("flags %#llx, call %d, number %ld, answers %d: %d",
		   (unsigned long long)fault->flags, fault->index,
		   atomic_load(&in->hit), fault->err, ret);
	CHECK_EQ(test_count_fds(), fds + (ret >= 0) + (find_socket() >= 0));
	if (ret >= 0) {
		CHECK_EQ(test_spawn(ret, TINY), 0);
		if (fault->flags & CREATE(GUARD))
			CHECK_EQ(stat_of(ret).guarded, 1);
		CHECK_OK(spawn_template_close(ret));
	}
	CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
	CHECK_EQ(test_count_fds(), fds + 1);
	return NULL;
}

static int run_fault(const struct fault *which)
{
	static struct fault fault;
	pthread_t thread;
	int status = inject_fork();

	if (status)
		return status;
	fault = *which;
	fault.inject.who = INJECT_PARENT;
	fault.inject.index = fault.index;
	fault.inject.err = fault.err;
	inject_start(&fault.inject);
	if (fault.connected)
		CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
	CHECK_EQ(pthread_create(&thread, NULL, create_disturbed, &fault), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	inject_finish(&fault.inject);
	_exit(atomic_load(&fault.inject.hit) < 0 ? INJECT_NOT_HIT : INJECT_HIT);
}

static void create_survives_a_fault_in_every_call(void)
{
	static const int errors[] = { EIO, EPERM, ENOSYS, EMFILE, ENOMEM };
	int faults = 0;

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers need memory of their own");
	guard();
	for (size_t e = 0; e < TEST_COUNT(errors); e++) {
		for (int i = 0; i < 4; i++) {
			struct fault fault = { .flags = i & 1 ? CREATE(GUARD)
							      : 0,
					       .connected = i & 2,
					       .err = errors[e] };

			while (run_fault(&fault) == INJECT_HIT)
				fault.index++;
			faults += fault.index;
		}
	}
	test_note("%d faults", faults);
	CHECK_GE(faults, 200);
}

/* ---- the mark ---- */

struct seen {
	_Atomic int listener;
	_Atomic bool stop;
	_Atomic int calls, taken;
	uint64_t flags, address;
	struct st_mark mark;
};

/* clone(2) has child_tid at another place on each machine. */
#if defined(__x86_64__)
#define CHILD_TID 3
#else
#define CHILD_TID 4
#endif

/* The launching thread shares this memory, and waits meanwhile. */
static void peek(uint64_t address, void *to, size_t size)
{
	/* unlike a plain read, no sanitizer takes this for a race */
	int fd = CHECK_SYS(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));

	CHECK_EQ(pread(fd, to, size, (off_t)address), size);
	CHECK_SYS(close(fd));
}

static void look_at(struct seen *s, const struct seccomp_data *data)
{
	struct clone_args ca = { .flags = data->args[0],
				 .child_tid = data->args[CHILD_TID] };

	atomic_load(&s->taken); /* the last mark was checked */
	if (data->nr == SYS_clone3)
		peek(data->args[0], &ca, sizeof(ca));
	s->flags = ca.flags;
	s->address = ca.child_tid;
	if (s->address)
		peek(s->address, &s->mark, sizeof(s->mark));
	atomic_fetch_add(&s->calls, 1);
}

static void *watch_clone(void *arg)
{
	struct seen *s = arg;
	struct pollfd pfd = { .events = POLLIN };

	while (!atomic_load(&s->stop)) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { 0 };

		pfd.fd = atomic_load(&s->listener);
		if (pfd.fd < 0 || poll(&pfd, 1, 10) <= 0 ||
		    ioctl(pfd.fd, SECCOMP_IOCTL_NOTIF_RECV, &req))
			continue;
		look_at(s, &req.data);
		resp.id = req.id;
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(pfd.fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
	return NULL;
}

static void report_clones(struct seen *s)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TEST_COUNT(code), code };

	atomic_store(&s->listener, inject_listener(&prog));
}

struct marked {
	int tfd, plain;
	uint64_t flags;		/* flags of the launch */
	long without[2];	/* system calls that are not there */
	bool no_clone_pidfd;
	struct fake_guard *f;
};

static void check_mark(struct seen *s, const struct marked *m, int tfd,
		       uint64_t id)
{
	struct spawn_template_spawn_args args = test_args(NULL, TINY);
	int before = atomic_load(&s->calls);

	args.flags = m->flags;
	args.uid = geteuid();
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	CHECK_GT(atomic_load(&s->calls), before);
	CHECK_EQ(!!(s->flags & CLONE_CHILD_CLEARTID), id != 0);
	/* SETTID would write a number to the mark */
	CHECK_EQ(s->flags & CLONE_CHILD_SETTID, 0);
	CHECK_EQ(s->address % 8, 0);
	CHECK_EQ(!!s->address, id != 0);
	if (id) {
		CHECK_EQ(s->mark.tid, 0);
		CHECK_EQ(s->mark.magic, ST_MARK_MAGIC);
		CHECK_EQ(s->mark.id, id);
	}
	atomic_fetch_add(&s->taken, 1);
}

static void *launch_watched(void *arg)
{
	struct marked *m = arg;
	static struct seen s = { .listener = -1 };
	pthread_t watcher;

	CHECK_EQ(pthread_create(&watcher, NULL, watch_clone, &s), 0);
	report_clones(&s);
	for (size_t i = 0; i < TEST_COUNT(m->without); i++)
		if (m->without[i])
			test_seccomp(m->without[i], ENOSYS);
	if (m->no_clone_pidfd)
		test_seccomp_arg(SYS_clone, 0, CLONE_PIDFD, CLONE_PIDFD,
				 EINVAL);
	for (int i = 0; i < 2; i++) {
		check_mark(&s, m, m->tfd, id_of(m->tfd));
		check_mark(&s, m, m->plain, 0);
	}
	/* without a guard there is no mark */
	fake_unload(m->f);
	check_mark(&s, m, m->tfd, 0);
	atomic_store(&s.stop, true);
	CHECK_EQ(pthread_join(watcher, NULL), 0);
	return NULL;
}

static void check_marks(struct marked m)
{
	pthread_t thread;

	m.f = guard();
	m.tfd = guarded(0);
	m.plain = CHECK_OK(open_tiny(CREATE(NO_GUARD)));
	CHECK_EQ(pthread_create(&thread, NULL, launch_watched, &m), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void a_launch_by_clone3_has_the_mark(void)
{
	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	check_marks((struct marked){ .flags = 0 });
}

static void a_launch_with_own_memory_has_the_mark(void)
{
	check_marks((struct marked){ .flags = SPAWN_TEMPLATE_SPAWN_SETUID });
}

static void a_launch_by_clone_has_the_mark(void)
{
	check_marks((struct marked){ .without = { SYS_clone3 } });
}

static void a_launch_by_clone_without_pidfd_has_the_mark(void)
{
	check_marks((struct marked){ .without = { SYS_clone3 },
				     .no_clone_pidfd = true });
}

/* ---- closing ---- */

static void close_unregisters_the_template(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0), copy = CHECK_SYS(dup(tfd));
	uint64_t id = id_of(tfd);

	/* closing a dup unregisters nothing */
	CHECK_OK(spawn_template_close(copy));
	guarded(0);
	CHECK_EQ(atomic_load(&f->unregisters), 0);
	CHECK_OK(spawn_template_close(tfd));
	wait_until(&f->unregisters, 1);
	CHECK_EQ(atomic_load(&f->unregistered), id);
	/* close(2) is enough, as the kernel sees it */
	CHECK_SYS(close(guarded(0)));
	check_unguarded(CREATE(NO_GUARD));
	guarded(0);
	CHECK_EQ(atomic_load(&f->unregisters), 1);
}

/* Refreshing a dup makes it a template of its own. */
static void refresh_of_a_dup_leaves_the_other_template(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(0), copy = CHECK_SYS(dup(tfd));
	uint64_t id = id_of(tfd);

	CHECK_OK(spawn_template_refresh(copy));
	guarded(0);
	CHECK_EQ(atomic_load(&f->unregisters), 0);
	CHECK_NE(id_of(copy), id);
	CHECK_EQ(id_of(tfd), id);
}

static void a_record_used_again_has_nothing_of_the_old_one(void)
{
	struct fake_guard *f = guard();
	int tfd = guarded(CREATE(DENY_WRITE)), again;
	struct spawn_template_stat st;

	fake_stale(f, id_of(tfd), WHY_OPENED);
	CHECK_EQ(stat_of(tfd).guard_why, SPAWN_TEMPLATE_GUARD_WHY_OPENED);
	CHECK_SYS(close(tfd));
	for (int i = 0; i < 4; i++) {
		again = CHECK_OK(open_tiny(CREATE(NO_GUARD)));
		st = stat_of(again);
		CHECK_EQ(again, tfd);
		CHECK_EQ(st.state, SPAWN_TEMPLATE_STATE_FRESH);
		CHECK(!st.guarded && !st.guard_id && !st.guard_why &&
		      !st.deny_write);
		CHECK_EQ(test_spawn(again, TINY), 0);
		CHECK_SYS(close(again));
		again = guarded(0);
		CHECK_EQ(again, tfd);
		CHECK_EQ(stat_of(again).guard_why, 0);
		CHECK_EQ(stat_of(again).deny_write, 0);
		CHECK_SYS(close(again));
	}
}

/* ---- stat ---- */

static void stat_fills_structures_of_every_size(void)
{
	static union {
		struct spawn_template_stat st;
		char bytes[3 * SPAWN_TEMPLATE_STAT_SIZE_VER1];
	} big;
	int tfd;

	guard();
	tfd = guarded(0);
	CHECK_EQ(offsetof(struct spawn_template_stat, cold_reasons),
		 SPAWN_TEMPLATE_STAT_SIZE_VER1);
	for (size_t size = SPAWN_TEMPLATE_STAT_SIZE_VER0; size < sizeof(big);
	     size += size < SPAWN_TEMPLATE_STAT_SIZE_VER1 + 8 ? 1 : 997) {
		bool ver1 = size >= SPAWN_TEMPLATE_STAT_SIZE_VER1;

		memset(&big, 0x5a, sizeof(big));
		CHECK_EQ(spawn_template_stat(tfd, &big.st, size), 0);
		CHECK_EQ(big.st.guarded, 1);
		CHECK_EQ(big.bytes[size], 0x5a);
		CHECK_EQ(big.bytes[size - 1], 0);
		if (ver1)
			CHECK_EQ(big.st.guard_id, id_of(tfd));
		else if (size >= SPAWN_TEMPLATE_STAT_SIZE_VER0 + 8)
			CHECK_EQ(big.st.guard_id, 0);
	}
}

/* ---- many ---- */

static void *create_many(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		int tfd = guarded(CREATE(GUARD));

		if (i % 10 == 0) {
			CHECK_EQ(test_spawn(tfd, TINY), 0);
			CHECK_OK(spawn_template_refresh(tfd));
		}
		CHECK_OK(spawn_template_close(tfd));
	}
	return NULL;
}

static void many_threads_share_one_connection(void)
{
	struct fake_guard *f = guard();
	int n = TEST_SANITIZED ? 40 : 200, fds;

	guarded(0);
	fds = test_count_fds();
	run_threads(create_many, &n);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(atomic_load(&f->connections), 1);
	CHECK_EQ(atomic_load(&f->registers), 1 + THREADS * (n + (n + 9) / 10));
}

static long rss_kib(void)
{
	const char *text = test_read("/proc/self/status");
	const char *anon = strstr(text, "RssAnon:"),
		   *shmem = strstr(text, "RssShmem:");

	CHECK(anon && shmem);
	return atol(anon + 8) + atol(shmem + 9);
}

static void create_and_close(int n)
{
	const char *path = test_tool("tiny");

	for (int i = 0; i < n; i++) {
		int tfd = CHECK_OK(spawn_template_open(path, CREATE(GUARD)));

		if (i % 2)
			CHECK_OK(spawn_template_close(tfd));
		else
			CHECK_SYS(close(tfd));
	}
}

static void nothing_grows_over_many_templates(void)
{
	struct fake_guard *f = guard();
	int n = TEST_SANITIZED ? 1000 : 10000, fds, mappings;
	long rss;

	create_and_close(200);
	fds = test_count_fds();
	mappings = test_count_mappings();
	rss = rss_kib();
	create_and_close(n);
	CHECK_EQ(test_count_fds(), fds);
	if (TEST_SANITIZED)
		return;
	CHECK_LE(test_count_mappings(), mappings + 2);
	CHECK_LE(rss_kib(), rss + 256);
	CHECK_EQ(atomic_load(&f->connections), 1);
}

/* Each connection maps the words; old maps go with the last record. */
static void nothing_grows_over_many_connections(void)
{
	struct fake_guard *f = guard();
	int fds, mappings, tfd = guarded(0);

	create_and_close(2);
	fds = test_count_fds();
	mappings = test_count_mappings();
	for (int i = 0; i < 200; i++) {
		CHECK_SYS(shutdown(find_socket(), SHUT_RDWR));
		CHECK_OK(spawn_template_close(guarded(CREATE(GUARD))));
		CHECK_OK(spawn_template_refresh(tfd));
	}
	CHECK_GE(atomic_load(&f->connections), 200);
	CHECK_EQ(test_count_fds(), fds);
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), mappings + 2);
	CHECK_EQ(test_spawn(tfd, TINY), 0);
}

static const struct test_case cases[] = {
	TEST_CASE(create_registers_the_templates_own_file),
	TEST_CASE(deny_write_is_registered_and_kept_by_refresh),
	TEST_CASE(scripts_and_short_files_are_registered),
	TEST_CASE(unreadable_files_have_no_header),
	TEST_CASE(a_template_of_an_fd_is_registered),
	TEST_CASE(contradicting_flags_are_refused),
	TEST_CASE(templates_are_unguarded_where_there_is_no_guard),
	TEST_CASE(a_bad_socket_name_means_no_guard),
	TEST_CASE(absence_is_remembered_for_a_while),
	TEST_CASE(a_template_that_must_be_guarded_asks_at_once),
	TEST_CASE(a_template_with_no_guard_asks_nobody),
	TEST_CASE(a_daemon_of_another_user_is_not_trusted),
	TEST_CASE(a_daemon_outside_the_namespace_is_trusted),
	TEST_CASE(a_daemon_is_not_trusted_if_its_number_is_taken),
	TEST_CASE(a_daemon_in_a_folder_of_the_namespace_is_not_trusted),
	TEST_CASE(a_daemon_in_a_folder_for_all_is_not_trusted),
	TEST_CASE(a_daemon_at_another_path_is_not_trusted),
	TEST_CASE(forbidden_sockets_mean_no_guard),
	TEST_CASE(no_call_is_made_without_the_socket_file),
	TEST_CASE(templates_go_unguarded_without_a_free_fd),
	TEST_CASE(every_error_of_the_daemon_is_passed_on),
	TEST_CASE(create_waits_a_little_for_writers),
	TEST_CASE(a_stale_answer_is_tried_again),
	TEST_CASE(a_change_while_registering_is_noticed),
	TEST_CASE_SECONDS(bad_answers_to_register_end_the_connection, 60),
	TEST_CASE_SECONDS(bad_answers_to_hello_end_the_connection, 60),
	TEST_CASE(invalidated_messages_are_drained),
	TEST_CASE(a_daemon_that_hangs_is_waited_for_a_second),
	TEST_CASE(threads_do_not_wait_for_each_other),
	TEST_CASE(a_full_queue_is_waited_for_a_second),
	TEST_CASE(templates_survive_the_death_of_the_daemon),
	TEST_CASE(a_dead_daemon_raises_no_sigpipe),
	TEST_CASE(a_forked_child_has_its_own_connection),
	TEST_CASE(a_forked_child_does_not_unregister),
	TEST_CASE(a_fork_while_another_thread_asks_does_not_hang),
	TEST_CASE(a_socket_that_the_host_closed_is_replaced),
	TEST_CASE(the_connection_takes_no_low_number),
	TEST_CASE(other_ids_connect_anew),
	TEST_CASE(a_template_that_is_stale_to_the_guard_is_refused),
	TEST_CASE(a_change_that_the_library_sees_is_told_first),
	TEST_CASE(a_stale_template_launches_nothing_without_a_reason),
	TEST_CASE(auto_refresh_registers_anew),
	TEST_CASE(an_unloaded_guard_fails_templates_that_need_it),
	TEST_CASE(a_refusal_by_exec_is_counted),
	TEST_CASE(estale_from_exec_makes_a_template_stale),
	TEST_CASE(the_daemon_tells_why_exec_was_refused),
	TEST_CASE(auto_refresh_launches_after_estale_from_exec),
	TEST_CASE(auto_refresh_follows_estale_from_exec_of_a_begun_launch),
	TEST_CASE(auto_refresh_is_tried_once_per_launch),
	TEST_CASE(a_dup_is_matched_with_a_living_template),
	TEST_CASE_SECONDS(create_survives_a_fault_in_every_call, 120),
	TEST_CASE(a_launch_by_clone3_has_the_mark),
	TEST_CASE(a_launch_with_own_memory_has_the_mark),
	TEST_CASE(a_launch_by_clone_has_the_mark),
	TEST_CASE(a_launch_by_clone_without_pidfd_has_the_mark),
	TEST_CASE(close_unregisters_the_template),
	TEST_CASE(refresh_of_a_dup_leaves_the_other_template),
	TEST_CASE(a_record_used_again_has_nothing_of_the_old_one),
	TEST_CASE(stat_fills_structures_of_every_size),
	TEST_CASE_SECONDS(many_threads_share_one_connection, 60),
	TEST_CASE_SECONDS(nothing_grows_over_many_templates, 120),
	TEST_CASE_SECONDS(nothing_grows_over_many_connections, 60),
};
TEST_MAIN(cases)
