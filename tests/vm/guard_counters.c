/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters are exact and can be read: each launch and each refusal counts once.
 */
#include "guarding.h"

#include <pthread.h>
#include <spawn_template.h>

static struct client client;
static struct st_msg_status begin;

static struct reg template(uint32_t flags)
{
	client_open(&client);
	begin = client_status(&client);
	return client_template(&client, guard_program(test_path("p"), "tiny-7"),
			       flags);
}

static uint64_t sum(const __u64 *slots)
{
	uint64_t n = 0;

	for (int i = 0; i < ST_ITEM_SLOTS; i++)
		n += slots[i];
	return n;
}

/*
 * A launch is in both histograms once, and in the sums. A kernel that preempts may
 * miss the end of one program in thousands: see bpf/exec_cache.bpf.c.
 */
static void check_launches(uint64_t id, unsigned int n)
{
	struct st_msg_item item = client_item(&client, id);

	CHECK_EQ(item.launches, n);
	CHECK_EQ(sum(item.launch_us), n);
	CHECK_LE(sum(item.run_us), n);
	CHECK_GE(sum(item.run_us), n - n / 100);
	CHECK_GE(item.launch_ns, n * 1000);
	CHECK_GE(item.run_ns, n * 1000);
	CHECK_EQ(client_status(&client).launches - begin.launches, n);
	CHECK_EQ(client_status(&client).events_lost, 0);
}

static void fail_in_child(void *arg)
{
	const struct reg *r = arg;

	for (int i = 0; i < 5; i++)
		CHECK_EQ(raw_launch(r->fd, r->id), -EACCES);
}

static void each_launch_and_refusal_is_counted_once(void)
{
	struct reg r = template(ST_REGISTER_DENY_WRITE);
	struct st_msg_item item;
	struct st_msg_status end;

	for (int i = 0; i < 50; i++)
		CHECK_EQ(raw_launch(r.fd, r.id), 7);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(raw_plain(r.fd), 7);
	check_launches(r.id, 50);
	test_in_child(fail_in_child, &r);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	CHECK_SYS(chmod(test_path("p"), 0700));
	for (int i = 0; i < 7; i++)
		CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	check_launches(r.id, 50);
	item = client_item(&client, r.id);
	CHECK_EQ(item.refused, 5);
	CHECK_EQ(item.stale, 7);
	CHECK_EQ(item.write_denied, 3);
	CHECK_EQ(item.last_why, WHY_ATTRIBUTES);
	end = client_status(&client);
	CHECK_EQ(end.refused - begin.refused, 5);
	CHECK_EQ(end.stale - begin.stale, 7);
	CHECK_EQ(end.write_denied - begin.write_denied, 3);
}

static void *launch_many(void *arg)
{
	const struct reg *r = arg;

	for (int i = 0; i < 100; i++)
		CHECK_EQ(raw_launch(r->fd, r->id), 7);
	return NULL;
}

static void no_launch_of_many_threads_is_lost(void)
{
	struct reg r = template(0);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, launch_many, &r), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	check_launches(r.id, 400);
}

/* The guard lets the exec through, and the kernel refuses the format. */
static void a_failed_exec_is_no_launch(void)
{
	struct reg r;
	char *path = test_path("text");

	client_open(&client);
	begin = client_status(&client);
	test_write(path, "no program", 0755);
	guard_tick();
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), -ENOEXEC);
	check_launches(r.id, 0);
	CHECK_EQ(client_item(&client, r.id).stale, 0);
}

/* The launched program execs another one. */
static void an_exec_of_a_launched_program_is_no_launch(void)
{
	char *argv[] = { "sh", "-c", test_fmt("exec %s", test_tool("tiny-7")),
			 NULL };
	struct st_mark mark = { .magic = ST_MARK_MAGIC };
	struct raw raw = { .argv = argv, .mark = &mark };
	struct reg r;

	client_open(&client);
	begin = client_status(&client);
	r = client_template(&client, "/bin/busybox", 0);
	raw.fd = r.fd;
	mark.id = r.id;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(raw_exec(&raw), 7);
	check_launches(r.id, 3);
}

/* ---- a template that is closed before its launches have ended */

/* The call returns before the kernel tells of the exec's end. */
static void launch_and_close(const char *path)
{
	char name[] = "p", *argv[] = { name, NULL };
	int tfd =
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC |
						  SPAWN_TEMPLATE_CREATE_GUARD);
	int pidfd = -1, status;
	struct spawn_template_spawn_args args = { .pidfd = (uintptr_t)&pidfd,
						  .argv = (uintptr_t)argv };
	pid_t pid;

	CHECK_OK(tfd);
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	CHECK_SYS(close(tfd));
	CHECK_GT(pid, 0);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(WEXITSTATUS(status), 7);
}

static void launches_count_whose_template_is_closed_at_once(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");

	client_open(&client);
	begin = client_status(&client);
	for (int i = 0; i < 50; i++)
		launch_and_close(path);
	CHECK_EQ(client_status(&client).launches - begin.launches, 50);
	GUARD_UNTIL(client_status(&client).templates == begin.templates);
}

static bool is_in_map(uint64_t id)
{
	struct template_entry entry;
	int fd = CHECK_SYS(map_open("templates")), ret;

	ret = map_lookup(fd, &id, &entry);
	CHECK_SYS(close(fd));
	return ret == 0;
}

static void launch_until_told(void *arg)
{
	char *argv[] = { "cat", NULL };
	struct st_mark mark = { .magic = ST_MARK_MAGIC };
	struct raw raw = { .argv = argv, .mark = &mark };
	int *fds = arg;
	struct reg r;

	client_open(&client);
	r = client_template(&client, "/bin/busybox", 0);
	raw.fd = r.fd;
	mark.id = r.id;
	CHECK_EQ(write(fds[3], &r.id, sizeof(r.id)), sizeof(r.id));
	CHECK_SYS(dup2(fds[0], 0));
	close(fds[1]);
	CHECK_EQ(raw_exec(&raw), 0);
}

/* The creator is killed: its program goes on. */
static void a_closed_template_stays_until_its_launch_ends(void)
{
	struct template_entry entry;
	uint64_t id;
	int fds[4];
	pid_t pid;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(pipe2(fds + 2, O_CLOEXEC));
	client_open(&client);
	begin = client_status(&client);
	pid = guard_child(launch_until_told, fds);
	CHECK_EQ(read(fds[2], &id, sizeof(id)), sizeof(id));
	GUARD_UNTIL(client_status(&client).launches == begin.launches + 1);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	GUARD_UNTIL(client_status(&client).templates == begin.templates);
	/* the daemon's sweep comes every 5 seconds */
	usleep(6000000);
	entry = map_template(id);
	CHECK_EQ(entry.state, TEMPLATE_CLOSED);
	CHECK_EQ(entry.running, 1);
	CHECK_EQ(entry.launches, 1);
	CHECK_EQ(sum(entry.run_us), 0);
	/* the program reads its end */
	CHECK_SYS(close(fds[1]));
	GUARD_UNTIL(!is_in_map(id));
}

/* A slow machine may lead to a higher slot. */
static void the_run_time_is_in_the_right_slot(void)
{
	char *argv[] = { "sleep", "0.1", NULL };
	struct st_mark mark = { .magic = ST_MARK_MAGIC };
	struct raw raw = { .argv = argv, .mark = &mark };
	struct st_msg_item item;
	struct reg r;
	int slot = 0;

	client_open(&client);
	r = client_template(&client, "/bin/busybox", 0);
	raw.fd = r.fd;
	mark.id = r.id;
	CHECK_EQ(raw_exec(&raw), 0);
	item = client_item(&client, r.id);
	while (slot < ST_ITEM_SLOTS && !item.run_us[slot])
		slot++;
	test_note("slot %d", slot);
	CHECK_GE(slot, 16);	/* 65 ms */
	CHECK_LE(slot, 22);
	CHECK_GE(item.run_ns, 100000000);
}

/* ---- bpftool */

/* The output of bpftool for a pinned map. */
static char *dump(const char *map)
{
	int fds[2], status;
	char *text;
	pid_t pid;

	test_need_program("/usr/sbin/bpftool");
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		dup2(fds[1], 1);
		execl("/usr/sbin/bpftool", "bpftool", "map", "dump", "pinned",
		      test_fmt("%s/%s", GUARD_PINS, map), NULL);
		_exit(127);
	}
	CHECK_SYS(close(fds[1]));
	text = test_read_fd(fds[0]);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 0);
	return text;
}

static void check_words(const char *text, const char *const words[])
{
	for (int i = 0; words[i]; i++)
		CHECK_HAS(text, words[i]);
}

static void bpftool_shows_the_maps_by_name(void)
{
	static const char *const of_templates[] = {
		"\"cred\"",
		"\"start_ticks\"",
		"\"tgid\"",
		"\"launches\": 2",
		"\"launch_us\"",
		"\"run_us\"",
		"\"exec_generation\"",
		"\"comm\"",
		"\"path\"",
		"\"flags\"",
		"\"creds\"",
		NULL,
	};
	static const char *const of_executables[] = {
		"\"inode\"",	    "\"ino\"",	    "\"dev\"",
		"\"generation\"",   "\"identity\"", "\"ctime_sec\"",
		"\"header\"",	    "\"denies\"",   "\"launches\": 2",
		"\"write_denied\"", "\"fs_magic\"", NULL,
	};
	static const char *const of_guard[] = {
		"\"events_lost\"",
		"\"launches\"",
		NULL,
	};
	struct reg r = template(0);

	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	check_words(dump("templates"), of_templates);
	CHECK_HAS(dump("templates"), test_fmt("\"tgid\": %d", getpid()));
	check_words(dump("exec_cache"), of_executables);
	check_words(dump("guard"), of_guard);
	CHECK_HAS(dump("command"), "\"daemon_tgid\"");
}

static const struct test_case cases[] = {
	TEST_CASE(each_launch_and_refusal_is_counted_once),
	TEST_CASE(no_launch_of_many_threads_is_lost),
	TEST_CASE(a_failed_exec_is_no_launch),
	TEST_CASE(an_exec_of_a_launched_program_is_no_launch),
	TEST_CASE(launches_count_whose_template_is_closed_at_once),
	TEST_CASE(a_closed_template_stays_until_its_launch_ends),
	TEST_CASE(the_run_time_is_in_the_right_slot),
	TEST_CASE(bpftool_shows_the_maps_by_name),
};
GUARD_MAIN(cases)
