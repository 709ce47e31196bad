/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users of the guard's daemon: it serves the process and the user that the kernel
 * names, gives each user a share, and nobody the templates of another.
 */
#include "guarding.h"

#include <sys/mman.h>
#include <sys/mount.h>

/* ---- identity of clients */

static void another_process_ends_the_connection(void)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	int fd, fds, mine;
	struct guard g = guard_with_client(&fd, &fds);
	pid_t pid;

	mine = guard_connect(&g);
	CHECK_EQ(guard_count(mine), 0);
	pid = CHECK_SYS(fork());
	if (!pid) {
		CHECK_EQ(guard_send(mine, &msg, sizeof(msg), NULL, 0, NULL), 0);
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
	guard_is_closed(mine);
	CHECK_EQ(guard_status(fd).clients, 1);
	guard_stop(&g);
}

static void another_user_ends_the_connection(void)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	int fd, fds;
	struct guard g;
	pid_t pid;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	pid = CHECK_SYS(fork());
	if (!pid) {
		fd = guard_connect(&g);
		CHECK_EQ(guard_count(fd), 0);
		guard_become(ALICE);
		CHECK_EQ(guard_send(fd, &msg, sizeof(msg), NULL, 0, NULL), 0);
		guard_is_closed(fd);
		/* a new connection is the new user's */
		fd = guard_connect(&g);
		CHECK_EQ(guard_status(fd).user_templates_max, 256);
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
	guard_stop(&g);
}

static void credentials_made_up_end_the_connection(void)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	int fd, fds;
	struct guard g;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	for (int i = 0; i < 3; i++) {
		struct ucred creds = { getpid(), 0, 0 };
		int c = guard_connect(&g);

		if (i == 0)
			creds.pid = 1;
		if (i == 1)
			creds.uid = ALICE;
		CHECK_EQ(guard_send(c, &msg, sizeof(msg), NULL, 0, &creds), 0);
		if (i < 2) {
			guard_is_closed(c);
			continue;
		}
		CHECK_EQ(guard_receive(c, &msg, NULL), sizeof(msg));
		CHECK_EQ(msg.h.error, 0);
	}
	guard_stop(&g);
}

/* The client's real and effective users differ, and it names the latter. */
static void a_set_user_id_client_may_name_its_effective_user(void)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	struct ucred creds = { 0, BOB, GUARD_GROUP };
	int fd, fds;
	struct guard g;
	pid_t pid;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	pid = CHECK_SYS(fork());
	if (!pid) {
		CHECK_SYS(setresgid(GUARD_GROUP, GUARD_GROUP, GUARD_GROUP));
		CHECK_SYS(setresuid(ALICE, BOB, BOB));
		fd = guard_connect(&g);
		creds.pid = getpid();
		CHECK_EQ(guard_send(fd, &msg, sizeof(msg), NULL, 0, &creds), 0);
		CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
	guard_stop(&g);
}

static void a_client_that_ends_before_it_is_accepted_leaves_nothing(void)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	int fd, fds, c;
	struct guard g = guard_with_client(&fd, &fds);
	pid_t pid;

	CHECK_SYS(kill(g.pid, SIGSTOP));
	for (int i = 0; i < 20; i++) {
		pid = CHECK_SYS(fork());
		if (!pid) {
			c = guard_connect(&g);
			guard_send(c, &msg, sizeof(msg), NULL, 0, NULL);
			_exit(0);
		}
		CHECK_EQ(guard_reap(pid), 0);
	}
	CHECK_SYS(kill(g.pid, SIGCONT));
	guard_wait_fds(&g, fds);
	CHECK_EQ(guard_status(fd).clients, 1);
	guard_stop(&g);
}

/* ---- users and their shares */

static struct guard the_guard;

/* Registers until it is refused. result: the number, the error; wait; done. */
static void fill(void *arg)
{
	int fd = guard_connect(&the_guard), *result = arg, ret;
	struct st_msg msg;

	result[0] = 0;
	while (!(ret = guard_register(fd, "/bin/sh", 0, &msg)))
		result[0]++;
	result[1] = ret;
	CHECK_EQ(guard_status(fd).user_templates, result[0]);
	CHECK_EQ(guard_count(fd), result[0]);
	__atomic_store_n(&result[3], 1, __ATOMIC_SEQ_CST);
	if (result[2])
		pause();
}

static int *shared_ints(void)
{
	char *path = test_path("shared");
	int fd;
	void *p;

	test_write(path, "", 0600);
	fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	CHECK_SYS(ftruncate(fd, 4096));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

static void each_user_has_a_quota(void)
{
	int *result = shared_ints();
	int fd;

	test_need_root();
	the_guard = guard_start(TEST_ARGV("--group", "64999", "--quota", "5"));
	guard_as(ALICE, fill, result);
	CHECK_EQ(result[0], 5);
	CHECK_EQ(result[1], -EDQUOT);
	guard_as(BOB, fill, result);
	CHECK_EQ(result[0], 5);
	/* root has no quota */
	fd = guard_connect(&the_guard);
	for (int i = 0; i < 20; i++)
		guard_add(fd, "/bin/sh");
	guard_stop(&the_guard);
}

static void a_closed_template_does_not_count(void)
{
	struct guard g;
	uint64_t id;
	pid_t pid;
	int fd;

	test_need_root();
	guard_events_at();
	g = guard_start(TEST_ARGV("--group", "64999", "--quota", "1"));
	pid = CHECK_SYS(fork());
	if (!pid) {
		CHECK_SYS(chmod(getenv("FAKE_LOADER_EVENTS"), 0666));
		guard_become(ALICE);
		fd = guard_connect(&g);
		for (int i = 0; i < 100; i++) {
			id = guard_add(fd, "/bin/sh");
			guard_event((struct exec_event){
				.type = EVENT_CLOSED, .id = id, .time_ns = 1 });
		}
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
	guard_stop(&g);
}

static void other_users_leave_root_its_share(void)
{
	int *result = shared_ints(), total = 0, fd;
	struct st_msg msg;
	pid_t pid;

	test_need_root();
	the_guard =
		guard_start(TEST_ARGV("--group", "64999", "--quota", "1000"));
	fd = guard_connect(&the_guard);
	for (int i = 0; i < 4; i++) {
		memset(result, 0, 64);
		result[2] = 1;
		pid = CHECK_SYS(fork());
		if (!pid) {
			guard_become((uid_t)(ALICE + i));
			fill(result);
		}
		while (!__atomic_load_n(&result[3], __ATOMIC_SEQ_CST))
			usleep(1000);
		total += result[0];
	}
	CHECK_EQ(result[1], -ENOSPC);
	CHECK_EQ(total, TEMPLATES_MAX - TEMPLATES_MAX / 8);
	CHECK_EQ(guard_status(fd).templates, total);
	for (int i = 0; i < TEMPLATES_MAX / 8; i++)
		guard_add(fd, "/bin/sh");
	CHECK_EQ(guard_register(fd, "/bin/sh", 0, &msg), -ENOSPC);
	guard_stop(&the_guard);
}

static void other_users_leave_root_executables(void)
{
	int *result = shared_ints();

	test_need_root();
	setenv("FAKE_LOADER_EXECUTABLES", "1800", 1);
	the_guard = guard_start(TEST_ARGV("--group", "64999"));
	guard_as(ALICE, fill, result);
	CHECK_EQ(result[0], 0);
	CHECK_EQ(result[1], -ENOSPC);
	guard_add(guard_connect(&the_guard), "/bin/sh");
	guard_stop(&the_guard);
}

static void connect_many(void *arg)
{
	int fds[140], refused = 0, *result = arg;
	struct st_msg msg;

	for (int i = 0; i < 140; i++)
		fds[i] = guard_connect(&the_guard);
	for (int i = 0; i < 140; i++) {
		msg = guard_msg(ST_MSG_STATUS);
		if (guard_send(fds[i], &msg, sizeof(msg), NULL, 0, NULL) ||
		    guard_receive(fds[i], &msg, NULL) <= 0)
			refused++;
	}
	*result = refused;
}

static void a_user_has_128_connections_at_most(void)
{
	int *result = shared_ints();
	int fd, fds;

	test_need_root();
	the_guard = guard_with_client(&fd, &fds);
	guard_as(ALICE, connect_many, result);
	CHECK_EQ(result[0], 140 - 128);
	connect_many(result);
	CHECK_EQ(result[0], 0);
	CHECK_EQ(guard_status(fd).clients, 141);
	guard_stop(&the_guard);
}

/* Puts a folder in the place of /etc, for this process and its children. */
static void replace_etc(void)
{
	CHECK_SYS(mkdir(test_path("etc"), 0755));
	test_write(test_path("etc/passwd"),
		   test_fmt("root:x:0:0::/:/bin/sh\n"
			    "alice:x:%d:%d::/:/bin/sh\n",
			    ALICE, ALICE),
		   0644);
	test_write(test_path("etc/subuid"),
		   test_fmt("alice:100000:65536\n"
			    "%d:200000:10\n"
			    "ghost:300000:10\n"
			    "root:400000:10\n",
			    BOB),
		   0644);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(test_path("etc"), "/etc", NULL, MS_BIND, NULL))
		TEST_SKIP("no mounts here: %s", strerror(errno));
}

static void sees_nothing_and_is_full(void *arg)
{
	int fd = guard_connect(&the_guard);
	struct st_msg msg;

	(void)arg;
	CHECK_EQ(guard_count(fd), 0);
	CHECK_EQ(guard_register(fd, "/bin/sh", 0, &msg), -EDQUOT);
}

/* The first user fills its quota, which is then the second one's, too. */
static void share_a_quota(uid_t first, uid_t second)
{
	int *result = shared_ints();
	pid_t pid;

	test_doing("users %u and %u", first, second);
	memset(result, 0, 64);
	result[2] = 1;
	pid = CHECK_SYS(fork());
	if (!pid) {
		guard_become(first);
		fill(result);
	}
	while (!__atomic_load_n(&result[3], __ATOMIC_SEQ_CST))
		usleep(1000);
	CHECK_EQ(result[0], 5);
	CHECK_EQ(result[1], -EDQUOT);
	guard_as(second, sees_nothing_and_is_full, NULL);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(guard_reap(pid), 128 + SIGKILL);
}

static void subordinate_ids_share_the_quota_of_their_owner(void)
{
	int *result = shared_ints();

	test_need_root();
	replace_etc();
	the_guard = guard_start(TEST_ARGV("--group", "64999", "--quota", "5"));
	share_a_quota(ALICE, 165535);
	share_a_quota(100000, 100001);
	share_a_quota(200009, BOB);
	share_a_quota(300000, 300001);
	share_a_quota(400000, 400009);
	/* this one is in no range */
	guard_as(200010, fill, result);
	CHECK_EQ(result[0], 5);
	/* the file may change */
	test_write("/etc/subuid", "1:200010:1\nalice:200000:1\n", 0644);
	share_a_quota(200000, ALICE);
	guard_stop(&the_guard);
}

static void bob_tries(void *arg)
{
	int fd = guard_connect(&the_guard);
	uint64_t id = *(uint64_t *)arg;
	struct st_msg_item item;
	uint64_t mine;

	CHECK_EQ(guard_count(fd), 0);
	CHECK_EQ(guard_show(fd, id, &item), -ENOENT);
	CHECK_EQ(guard_unregister(fd, id), -ENOENT);
	mine = guard_add(fd, "/bin/sh");
	CHECK_EQ(guard_count(fd), 1);
	CHECK_EQ(guard_show(fd, mine, &item), 0);
	CHECK_EQ(item.uid, BOB);
	CHECK_EQ(guard_status(fd).user_templates, 1);
}

static void users_see_and_end_only_their_templates(void)
{
	struct st_msg_item item;
	uint64_t id;
	int fd, fds;

	test_need_root();
	the_guard = guard_with_client(&fd, &fds);
	id = guard_add(fd, "/bin/sh");
	guard_as(BOB, bob_tries, &id);
	guard_wait_templates(fd, 1);
	CHECK_EQ(guard_show(fd, id, &item), 0);
	if (!CHECK_SYS(fork())) {
		guard_become(ALICE);
		guard_add(guard_connect(&the_guard), "/bin/sh");
		pause();
	}
	/* root sees all templates, and ends only its own */
	guard_wait_templates(fd, 2);
	CHECK_EQ(guard_count(fd), 2);
	CHECK_EQ(guard_show(fd, id + 2, &item), 0);
	CHECK_EQ(item.uid, ALICE);
	CHECK_EQ(guard_unregister(fd, id + 2), -ENOENT);
	CHECK_EQ(guard_unregister(fd, id), 0);
	guard_stop(&the_guard);
}

static const struct test_case cases[] = {
	TEST_CASE(another_process_ends_the_connection),
	TEST_CASE(another_user_ends_the_connection),
	TEST_CASE(credentials_made_up_end_the_connection),
	TEST_CASE(a_set_user_id_client_may_name_its_effective_user),
	TEST_CASE(a_client_that_ends_before_it_is_accepted_leaves_nothing),
	TEST_CASE(each_user_has_a_quota),
	TEST_CASE(a_closed_template_does_not_count),
	TEST_CASE(other_users_leave_root_its_share),
	TEST_CASE(other_users_leave_root_executables),
	TEST_CASE(a_user_has_128_connections_at_most),
	TEST_CASE(subordinate_ids_share_the_quota_of_their_owner),
	TEST_CASE(users_see_and_end_only_their_templates),
};

TEST_MAIN(cases)
