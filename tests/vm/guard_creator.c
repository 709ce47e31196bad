/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The right to launch: only the process that made the template has it, with the
 * credentials that it had then. A made-up mark harms only its maker, and execs
 * without a mark are left alone.
 */
#include "guarding.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <linux/capability.h>
#include <spawn_template.h>

static struct client client;

/* A template of tiny-7. */
static struct reg template(void)
{
	client_open(&client);
	return client_template(&client, guard_program(test_path("p"), "tiny-7"),
			       0);
}

static void check_refused(const struct reg *r, unsigned int n, uint32_t why)
{
	struct st_msg_item item = client_item(&client, r->id);

	CHECK_EQ(item.refused, n);
	CHECK_EQ(item.stale, 0);
	CHECK_EQ(item.last_why, why);
}

/* ---- the creator */

static void the_creator_launches(void)
{
	struct reg r = template();
	struct st_msg_item item;

	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(raw_launch_path(test_path("p"), r.id), 7);
	item = client_item(&client, r.id);
	CHECK_EQ(item.launches, 2);
	CHECK_EQ(item.pid, getpid());
	CHECK_EQ(item.uid, 0);
	CHECK_STR(item.path, test_path("p"));
	CHECK_STR(item.comm, "guard_creator");
}

/* The guard leaves later execs of the program alone. */
static void a_launched_program_may_exec(void)
{
	char *argv[] = { "sh", "-c", test_fmt("exec %s", test_tool("tiny-7")),
			 NULL };
	struct st_mark mark = { .magic = ST_MARK_MAGIC };
	struct raw raw = { .argv = argv, .mark = &mark };
	struct reg r;

	client_open(&client);
	r = client_template(&client, "/bin/busybox", 0);
	raw.fd = r.fd;
	mark.id = r.id;
	CHECK_EQ(raw_exec(&raw), 7);
	CHECK_EQ(client_item(&client, r.id).launches, 1);
}

/* ---- other processes */

static void launch_as_another(void *arg)
{
	const struct reg *r = arg;

	CHECK_EQ(raw_launch(r->fd, r->id), -EACCES);
	CHECK_EQ(raw_launch_path(test_path("p"), r->id), -EACCES);
	CHECK_EQ(raw_plain(r->fd), 7);
}

static void a_forked_child_is_refused(void)
{
	struct reg r = template();

	test_in_child(launch_as_another, &r);
	check_refused(&r, 2, WHY_PROCESS);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* Makes a child that is its parent's, if CLONE_PARENT is set, and has it launch. */
static void launch_by_clone(const struct reg *r, int flags)
{
	static struct st_mark mark = { .magic = ST_MARK_MAGIC };
	char name[] = "p", *argv[] = { name, NULL }, *envp[] = { NULL };

	mark.id = r->id;
	if (CHECK_SYS(syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0)))
		return;
	syscall(SYS_set_tid_address, &mark);
	syscall(SYS_execveat, r->fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(errno);
}

static int end_of_a_child(void)
{
	int status;

	CHECK_SYS(wait(&status));
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The child becomes another user, as a worker of a server does. */
static void make_a_sibling(const struct reg *r, int flags)
{
	int ends[2];

	if (CHECK_SYS(syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)) ==
	    0) {
		CHECK_SYS(setresuid(BOB, BOB, BOB));
		launch_by_clone(r, CLONE_PARENT | flags);
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		ends[i] = end_of_a_child();
	CHECK_EQ(ends[0] + ends[1], EACCES);
}

static void a_sibling_that_a_child_makes_is_refused(void)
{
	struct reg r = template();

	make_a_sibling(&r, 0);
	make_a_sibling(&r, CLONE_VFORK);
	CHECK_EQ(client_item(&client, r.id).launches, 0);
	check_refused(&r, 2, WHY_PROCESS);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* This memory is copied: nobody tells the child from one that does anything else. */
static void a_child_that_nobody_waits_for_is_refused(void)
{
	struct reg r = template();

	launch_by_clone(&r, 0);
	CHECK_EQ(end_of_a_child(), EACCES);
	check_refused(&r, 1, WHY_PROCESS);
	launch_by_clone(&r, CLONE_VFORK);
	CHECK_EQ(end_of_a_child(), 7);
	CHECK_EQ(client_item(&client, r.id).launches, 1);
}

static void *launch_as_bob(void *arg)
{
	char name[] = "p", *argv[] = { name, NULL };
	int pidfd = -1, status;
	struct spawn_template_spawn_args args = {
		.flags = SPAWN_TEMPLATE_SPAWN_SETUID |
			 SPAWN_TEMPLATE_SPAWN_SETGID,
		.pidfd = (uintptr_t)&pidfd,
		.argv = (uintptr_t)argv,
		.uid = BOB,
		.gid = BOB,
	};
	pid_t pid = spawn_template_spawn(*(int *)arg, &args, sizeof(args));

	CHECK_GT(pid, 0);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(WEXITSTATUS(status), 7);
	CHECK_SYS(close(pidfd));
	return NULL;
}

/* The library's child has memory of its own then. */
static void a_launch_as_another_user_is_the_creators(void)
{
	int tfd = spawn_template_open(guard_program(test_path("p"), "tiny-7"),
				      SPAWN_TEMPLATE_CREATE_CLOEXEC |
					      SPAWN_TEMPLATE_CREATE_GUARD);
	pthread_t thread;

	CHECK_OK(tfd);
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	launch_as_bob(&tfd);
	CHECK_EQ(pthread_create(&thread, NULL, launch_as_bob, &tfd), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int pair[2];

static void receive_and_launch(void *arg)
{
	struct reg r;

	(void)arg;
	CHECK_EQ(read(pair[1], &r.id, sizeof(r.id)), sizeof(r.id));
	r.fd = guard_take_fd(pair[1]);
	launch_as_another(&r);
}

static void a_receiver_is_refused(void)
{
	struct reg r;
	pid_t pid;

	test_path("p"); /* known to the child */
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	pid = guard_child(receive_and_launch, NULL);
	r = template();
	CHECK_EQ(write(pair[0], &r.id, sizeof(r.id)), sizeof(r.id));
	CHECK_OK(guard_send_fd(pair[0], r.fd));
	guard_wait(pid);
	check_refused(&r, 2, WHY_PROCESS);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* ---- pids are used again */

static void register_and_end(void *arg)
{
	struct reg r = template();
	char c;

	(void)arg;
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(write(pair[1], &r.id, sizeof(r.id)), sizeof(r.id));
	CHECK_OK(guard_send_fd(pair[1], r.fd));
	/* wait until the daemon has stopped */
	CHECK_EQ(read(pair[1], &c, 1), 1);
}

/* The daemon is stopped, as it would end the template of a dead creator. */
static void a_pid_used_again_is_not_the_creator(void)
{
	struct reg r;
	pid_t pid, again;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	test_path("p");
	pid = guard_child(register_and_end, NULL);
	CHECK_EQ(read(pair[0], &r.id, sizeof(r.id)), sizeof(r.id));
	r.fd = guard_take_fd(pair[0]);
	CHECK_SYS(kill(guard_pid(), SIGSTOP));
	for (int i = 0; i < 10000 && test_process_state(guard_pid()) != 'T';
	     i++)
		usleep(1000);
	CHECK_EQ(write(pair[0], "", 1), 1);
	guard_wait(pid);
	again = guard_fork_as(pid);
	if (!again) {
		launch_as_another(&r);
		_exit(0);
	}
	guard_wait(again);
	CHECK_EQ(map_template(r.id).state, TEMPLATE_LIVE);
	CHECK_EQ(map_template(r.id).last_why, WHY_PROCESS);
	CHECK_SYS(kill(guard_pid(), SIGCONT));
	client_open(&client);
	GUARD_UNTIL(client_find(&client, r.id, &(struct st_msg_item){ 0 }));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
}

/* ---- credentials */

static void check_others_ids(const struct reg *r, const char *what)
{
	test_doing("%s", what);
	CHECK_EQ(raw_launch(r->fd, r->id), -EACCES);
	CHECK_EQ(raw_launch_path(test_path("p"), r->id), -EACCES);
}

static void changed_ids_are_refused(void)
{
	struct reg r = template();

	CHECK_SYS(seteuid(ALICE));
	check_others_ids(&r, "seteuid");
	CHECK_SYS(seteuid(0));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_SYS(setegid(ALICE));
	check_others_ids(&r, "setegid");
	CHECK_SYS(setegid(0));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	syscall(SYS_setfsuid, ALICE);
	check_others_ids(&r, "setfsuid");
	syscall(SYS_setfsuid, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	check_refused(&r, 6, WHY_CREDENTIALS);
	CHECK_SYS(setresuid(ALICE, ALICE, ALICE));
	check_others_ids(&r, "setresuid");
	CHECK_EQ(raw_plain(r.fd), 7);
}

/* Makes a new object in the kernel, also where the groups stay the same. */
static void set_groups(size_t n, gid_t last)
{
	gid_t *groups = calloc(n + 1, sizeof(*groups));

	CHECK(groups);
	for (size_t i = 0; i < n; i++)
		groups[i] = (gid_t)i + 5000;
	if (n)
		groups[n - 1] = last;
	CHECK_SYS(syscall(SYS_setgroups, n, groups));
	free(groups);
}

static void other_groups_are_refused(void)
{
	struct reg r;

	set_groups(900, 9000);
	r = template();
	set_groups(900, 9000);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	set_groups(900, 9001);
	check_others_ids(&r, "another group");
	set_groups(899, 9000);
	check_others_ids(&r, "one less");
	set_groups(0, 0);
	check_others_ids(&r, "none");
	set_groups(900, 9000);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	check_refused(&r, 6, WHY_CREDENTIALS);
}

static void the_last_of_very_many_groups_is_compared(void)
{
	struct reg r;

	set_groups(65536, 90000);
	r = template();
	set_groups(65536, 90000);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	set_groups(65536, 90001);
	check_others_ids(&r, "the last is another");
}

static void a_smaller_bounding_set_is_refused(void)
{
	struct reg r = template();

	CHECK_SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0));
	check_others_ids(&r, "bounding set");
	check_refused(&r, 2, WHY_CREDENTIALS);
}

static void securebits_are_compared(void)
{
	struct reg r = template();

	CHECK_SYS(
		prctl(PR_SET_SECUREBITS, 1 << 0 /* SECBIT_NOROOT */, 0, 0, 0));
	check_others_ids(&r, "securebits");
	CHECK_SYS(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

static void another_user_namespace_is_refused(void)
{
	struct reg r = template();

	CHECK_SYS(unshare(CLONE_NEWUSER));
	check_others_ids(&r, "unshare");
}

/* ---- threads */

struct thread {
	const struct reg *reg;
	uid_t uid;
	bool drop;
	int want;
};

static void drop_a_capability(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	CHECK_SYS(syscall(SYS_capget, &h, d));
	d[0].effective &= ~(1U << CAP_NET_RAW);
	CHECK_SYS(syscall(SYS_capset, &h, d));
}

static void *run_thread(void *arg)
{
	const struct thread *t = arg;

	/* the raw call changes only this thread, and gives it its own credential */
	CHECK_SYS(syscall(SYS_setresuid, t->uid, t->uid, t->uid));
	if (t->drop)
		drop_a_capability();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(raw_launch(t->reg->fd, t->reg->id), t->want);
	return NULL;
}

static void check_thread(struct thread t)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run_thread, &t), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(raw_launch(t.reg->fd, t.reg->id), 7);
}

static void *just_launch(void *arg)
{
	const struct reg *r = arg;

	for (int i = 0; i < 20; i++)
		CHECK_EQ(raw_launch(r->fd, r->id), 7);
	return NULL;
}

static void other_threads_launch(void)
{
	struct reg r = template();
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, just_launch, &r), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(client_item(&client, r.id).launches, 80);
}

static void a_thread_with_equal_credentials_launches(void)
{
	struct reg r = template();

	check_thread((struct thread){ &r, 0, false, 7 });
	check_refused(&r, 0, WHY_NONE);
}

static void a_thread_with_other_ids_is_refused(void)
{
	struct reg r = template();

	check_thread((struct thread){ &r, ALICE, false, -EACCES });
	check_refused(&r, 3, WHY_CREDENTIALS);
}

static void a_thread_with_fewer_capabilities_is_refused(void)
{
	struct reg r = template();

	check_thread((struct thread){ &r, 0, true, -EACCES });
	check_refused(&r, 3, WHY_CREDENTIALS);
}

/* ---- marks that are made up */

static void an_unknown_id_is_stale(void)
{
	struct reg r = template();
	struct st_msg_status before = client_status(&client), after;

	CHECK_EQ(raw_launch(r.fd, 0), -ESTALE);
	CHECK_EQ(raw_launch(r.fd, r.id + 1), -ESTALE);
	CHECK_EQ(raw_launch(r.fd, UINT64_MAX), -ESTALE);
	after = client_status(&client);
	CHECK_EQ(after.launches, before.launches);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(client_item(&client, r.id).stale, 0);
}

static void as_alice(void *arg)
{
	CHECK_SYS(setresgid(ALICE, ALICE, ALICE));
	CHECK_SYS(setresuid(ALICE, ALICE, ALICE));
	launch_as_another(arg);
}

static void anothers_id_is_refused(void)
{
	struct reg r = template();

	test_in_child(as_alice, &r);
	check_refused(&r, 2, WHY_PROCESS);
	CHECK(client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* An exec without a valid mark goes through. */
static void garbage_is_no_mark(void)
{
	struct reg r = template();
	struct st_mark mark = { .magic = ST_MARK_MAGIC + 1, .id = r.id };
	struct raw raw = { .fd = r.fd, .mark = &mark };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK_SYS(munmap(page + 4096, 4096));
	CHECK_EQ(raw_exec(&raw), 7);
	/* the end of the mapping cuts the mark off */
	memset(page, 0x6b, 4096);
	raw.mark = page + 4096 - 8;
	memcpy(page + 4096 - 4, &(uint32_t){ ST_MARK_MAGIC }, 4);
	CHECK_EQ(raw_exec(&raw), 7);
	raw.mark = (void *)8;
	CHECK_EQ(raw_exec(&raw), 7);
	raw.mark = (void *)0xffffffff81000000;
	CHECK_EQ(raw_exec(&raw), 7);
	CHECK_EQ(client_item(&client, r.id).launches, 0);
}

static void an_ended_template_is_stale(void)
{
	struct reg r = template();
	int fd = guard_open(test_path("p"));

	CHECK_SYS(close(r.fd));
	CHECK_EQ(raw_launch(fd, r.id), -ESTALE);
	r = client_template(&client, test_path("p"), 0);
	CHECK_OK(client_unregister(&client, r.id));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	CHECK_EQ(client_unregister(&client, r.id), -ENOENT);
}

/* ---- execs that are no launches */

#define STORM 700

static void storm(void *arg)
{
	int fds[] = { guard_open(arg), guard_open(test_tool("tiny-7")) };

	for (int i = 0; i < STORM; i++)
		CHECK_EQ(raw_plain(fds[i % 2]), 7);
}

static void ordinary_execs_are_left_alone(void)
{
	struct reg r = template();
	struct st_msg_status before = client_status(&client), after;
	pid_t pids[3];
	int done = 0;

	for (int i = 0; i < 3; i++)
		pids[i] = guard_child(storm, test_path("p"));
	for (; done < STORM / 2; done++)
		CHECK_EQ(raw_launch(r.fd, r.id), 7);
	for (int i = 0; i < 3; i++)
		guard_wait(pids[i]);
	after = client_status(&client);
	CHECK_EQ(after.launches - before.launches, (unsigned int)done);
	CHECK_EQ(after.stale, before.stale);
	CHECK_EQ(after.refused, before.refused);
}

static const struct test_case cases[] = {
	TEST_CASE(the_creator_launches),
	TEST_CASE(a_launched_program_may_exec),
	TEST_CASE(a_forked_child_is_refused),
	TEST_CASE(a_sibling_that_a_child_makes_is_refused),
	TEST_CASE(a_child_that_nobody_waits_for_is_refused),
	TEST_CASE(a_launch_as_another_user_is_the_creators),
	TEST_CASE(a_receiver_is_refused),
	TEST_CASE(a_pid_used_again_is_not_the_creator),
	TEST_CASE(changed_ids_are_refused),
	TEST_CASE(other_groups_are_refused),
	TEST_CASE(the_last_of_very_many_groups_is_compared),
	TEST_CASE(a_smaller_bounding_set_is_refused),
	TEST_CASE(securebits_are_compared),
	TEST_CASE(another_user_namespace_is_refused),
	TEST_CASE(other_threads_launch),
	TEST_CASE(a_thread_with_equal_credentials_launches),
	TEST_CASE(a_thread_with_other_ids_is_refused),
	TEST_CASE(a_thread_with_fewer_capabilities_is_refused),
	TEST_CASE(an_unknown_id_is_stale),
	TEST_CASE(anothers_id_is_refused),
	TEST_CASE(garbage_is_no_mark),
	TEST_CASE(an_ended_template_is_stale),
	TEST_CASE_SECONDS(ordinary_execs_are_left_alone, 60),
};
GUARD_MAIN(cases)
