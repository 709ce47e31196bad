/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard's daemon and honest clients: its answers, its news, and its memory
 * across restarts. It runs with its maps in memory.
 */
#include "guarding.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ---- requests */

static void hello_gives_the_states_to_read(void)
{
	struct guard g = guard_start(NULL);
	struct st_msg msg = guard_msg(ST_MSG_HELLO);
	int fd = guard_connect(&g), words_fd = -1;
	size_t size;

	CHECK_EQ(guard_call(fd, &msg, -1, &words_fd), 0);
	CHECK_GE(words_fd, 0);
	size = msg.u.hello.words * sizeof(uint64_t);
	CHECK_EQ(size, EXEC_CACHE_MAX * sizeof(uint64_t));
	CHECK(mmap(NULL, size, PROT_READ, MAP_SHARED, words_fd, 0) !=
	      MAP_FAILED);
	CHECK(mmap(NULL, size, PROT_WRITE, MAP_SHARED, words_fd, 0) ==
	      MAP_FAILED);
	msg = guard_msg(ST_MSG_HELLO);
	CHECK_EQ(guard_call(fd, &msg, -1, &words_fd), -EALREADY);
	CHECK_EQ(words_fd, -1);
	guard_stop(&g);
}

static void a_template_is_listed_until_it_is_unregistered(void)
{
	struct guard g = guard_start(NULL);
	char *path = test_copy_probe("program");
	struct st_msg_item item;
	struct st_msg msg;
	int fd = guard_connect(&g);
	struct stat st;

	CHECK_EQ(guard_count(fd), 0);
	CHECK_EQ(guard_register(fd, path, ST_REGISTER_DENY_WRITE, &msg), 0);
	CHECK_NE(msg.h.id, 0);
	CHECK_NE(msg.u.reg.word, 0);
	CHECK_EQ(guard_show(fd, msg.h.id, &item), 0);
	CHECK_EQ(item.pid, getpid());
	CHECK_EQ(item.uid, getuid());
	CHECK_EQ(item.flags, ST_REGISTER_DENY_WRITE);
	CHECK_EQ(item.state, EXEC_FRESH);
	CHECK_STR(item.path, path);
	CHECK_STR(item.comm, "test_daemon");
	CHECK_SYS(stat(path, &st));
	CHECK_EQ(item.ino, st.st_ino);
	CHECK_EQ(guard_count(fd), 1);
	CHECK_EQ(guard_status(fd).templates, 1);
	CHECK_EQ(guard_status(fd).user_templates, 1);
	CHECK_EQ(guard_status(fd).executables, 1);
	CHECK_EQ(guard_unregister(fd, msg.h.id), 0);
	CHECK_EQ(guard_unregister(fd, msg.h.id), -ENOENT);
	CHECK_EQ(guard_show(fd, msg.h.id, &item), -ENOENT);
	CHECK_EQ(guard_status(fd).templates, 0);
	guard_stop(&g);
}

static void a_long_list_is_whole_and_in_order(void)
{
	struct guard g = guard_start(TEST_ARGV("--quota", "3000"));
	int fd = guard_connect(&g);

	for (int i = 0; i < 2000; i++)
		guard_add(fd, "/bin/sh");
	CHECK_EQ(guard_count(fd), 2000);
	CHECK_EQ(guard_status(fd).executables, 1);
	guard_stop(&g);
}

static void errors_of_the_programs_are_answered(void)
{
	struct guard g;
	struct st_msg msg;
	int fd;

	setenv("FAKE_LOADER_DENY_WRITE", test_fmt("%d", ETXTBSY), 1);
	g = guard_start(NULL);
	fd = guard_connect(&g);
	CHECK_EQ(guard_register(fd, "/bin/sh", ST_REGISTER_DENY_WRITE, &msg),
		 -ETXTBSY);
	CHECK_EQ(guard_register(fd, "/bin/sh", 0, &msg), 0);
	CHECK_EQ(guard_register(fd, "/", 0, &msg), -EINVAL);
	CHECK_EQ(guard_status(fd).templates, 1);
	guard_stop(&g);
}

static void status_tells_what_is_in_force(void)
{
	struct guard g = guard_start(NULL);
	struct st_msg_status s = guard_status(guard_connect(&g));

	CHECK_EQ(s.attached, ST_STATUS_LSM);
	CHECK_EQ(s.proved, ST_PROVED_ALL);
	CHECK_EQ(s.adopted, 0);
	CHECK_EQ(s.pid, g.pid);
	CHECK_EQ(s.clients, 1);
	CHECK_GE(s.clients_max, 128);
	CHECK_EQ(s.templates_max, TEMPLATES_MAX);
	CHECK_GT(s.started_ns, 0);
	CHECK_GT(s.rss_bytes, 0);
	if (!TEST_SANITIZED)
		CHECK_LE(s.rss_bytes, 8 << 20);
	CHECK(*s.version && *s.kernel);
	guard_stop(&g);
}

/* ---- events */

static void a_change_is_told_to_all_connections_that_are_concerned(void)
{
	struct guard g = guard_start(NULL);
	char *path = test_copy_probe("program");
	int one = guard_connect(&g), two = guard_connect(&g);
	int other = guard_connect(&g);
	uint64_t id_one = guard_add(one, path), id_two = guard_add(two, path);
	struct st_msg_item item;
	struct st_msg msg;

	guard_add(other, "/bin/sh");
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(guard_receive(one, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	CHECK_EQ(msg.h.sequence, 0);
	CHECK_EQ(msg.h.id, id_one);
	CHECK_EQ(msg.u.invalidated.why, WHY_ATTRIBUTES);
	CHECK_EQ(guard_receive(two, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.id, id_two);
	CHECK_EQ(guard_show(one, id_one, &item), 0);
	CHECK_EQ(item.state, EXEC_STALE);
	CHECK_EQ(item.why, WHY_ATTRIBUTES);
	/* the news comes once, and not to a client of another program */
	CHECK_EQ(recv(one, &msg, sizeof(msg), MSG_DONTWAIT), -1);
	CHECK_EQ(recv(other, &msg, sizeof(msg), MSG_DONTWAIT), -1);
	/* a new template of the path is fresh, the old one stays stale */
	CHECK_EQ(guard_show(one, guard_add(one, path), &item), 0);
	CHECK_EQ(item.state, EXEC_FRESH);
	CHECK_EQ(guard_show(one, id_one, &item), 0);
	CHECK_EQ(item.state, EXEC_STALE);
	CHECK_EQ(item.why, WHY_ATTRIBUTES);
	guard_stop(&g);
}

static void the_word_of_a_changed_executable_changes(void)
{
	struct guard g = guard_start(NULL);
	char *path = test_copy_probe("program");
	int fd = guard_connect(&g), words_fd;
	struct st_msg msg = guard_msg(ST_MSG_HELLO), news;
	volatile const uint64_t *words;

	CHECK_EQ(guard_call(fd, &msg, -1, &words_fd), 0);
	words = mmap(NULL, msg.u.hello.words * sizeof(uint64_t), PROT_READ,
		     MAP_SHARED, words_fd, 0);
	CHECK(words != MAP_FAILED);
	CHECK_EQ(guard_register(fd, path, 0, &msg), 0);
	CHECK_EQ(words[msg.u.reg.slot], msg.u.reg.word);
	CHECK_SYS(truncate(path, 100));
	CHECK_EQ(guard_receive(fd, &news, NULL), sizeof(news));
	CHECK_NE(words[msg.u.reg.slot], msg.u.reg.word);
	guard_stop(&g);
}

static void a_template_whose_file_was_closed_goes(void)
{
	struct guard g;
	uint64_t id, stays;
	int fd;

	guard_events_at();
	g = guard_start(NULL);
	fd = guard_connect(&g);
	id = guard_add(fd, "/bin/sh");
	stays = guard_add(fd, "/bin/sh");
	guard_event((struct exec_event){
		.type = EVENT_CLOSED, .id = id, .time_ns = 1 });
	guard_wait_templates(fd, 1);
	CHECK_EQ(guard_unregister(fd, id), -ENOENT);
	CHECK_EQ(guard_unregister(fd, stays), 0);
	/* this template was never there */
	guard_event((struct exec_event){
		.type = EVENT_CLOSED, .id = 99, .time_ns = 1 });
	guard_stop(&g);
}

static void news_of_lost_events_is_found_out(void)
{
	struct guard g;
	struct st_msg msg;
	uint64_t id, other;
	int fd;

	guard_events_at();
	g = guard_start(NULL);
	fd = guard_connect(&g);
	id = guard_add(fd, "/bin/sh");
	other = guard_add(fd, test_copy_probe("program"));
	guard_event((struct exec_event){ .type = EVENT_CLOSED, .id = id });
	/* the first executable had generation 1 */
	guard_event((struct exec_event){ .type = EVENT_INVALIDATED,
					 .generation = 2,
					 .why = WHY_OPENED });
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	CHECK_EQ(msg.h.id, other);
	CHECK_EQ(msg.u.invalidated.why, WHY_OPENED);
	CHECK_EQ(guard_status(fd).templates, 1);
	CHECK_EQ(guard_status(fd).events_lost, 2);
	guard_stop(&g);
}

static int64_t cpu_ticks(const struct guard *g)
{
	char *text = test_read(test_fmt("/proc/%d/stat", g->pid));
	unsigned long user, system;

	text = strrchr(text, ')');
	CHECK(text);
	CHECK_EQ(sscanf(text,
			") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			"%lu %lu",
			&user, &system),
		 2);
	return (int64_t)(user + system);
}

/* Sends events one at a time. Return: the ticks that the daemon took for them. */
static int64_t many_events(const struct guard *g, int fd, uint64_t time_ns)
{
	int64_t before = cpu_ticks(g);

	for (int i = 0; i < 2000; i++) {
		guard_event((struct exec_event){ .type = EVENT_STALE,
						 .time_ns = time_ns });
		guard_status(fd);
	}
	return cpu_ticks(g) - before;
}

/* The daemon must not look through its maps for every lost event. */
static void lost_events_do_not_keep_the_daemon_busy(void)
{
	struct guard g;
	struct st_msg msg;
	int64_t usual;
	uint64_t id;
	int fd;

	guard_events_at();
	g = guard_start(TEST_ARGV("--quota", "4000"));
	fd = guard_connect(&g);
	for (int i = 0; i < 3000; i++)
		guard_add(fd, "/bin/sh");
	id = guard_add(fd, test_copy_probe("program"));
	usual = many_events(&g, fd, 1);
	CHECK_LT(many_events(&g, fd, 0), usual + 20);
	guard_event((struct exec_event){ .type = EVENT_INVALIDATED,
					 .generation = 2,
					 .why = WHY_OPENED });
	/* the daemon finds the change all the same */
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	CHECK_EQ(msg.h.id, id);
	guard_stop(&g);
}

/* ---- owners of templates */

static void a_dead_client_has_nothing_though_its_child_has_the_socket(void)
{
	struct guard g = guard_start(NULL);
	int watcher = guard_connect(&g), fds, hold[2];
	pid_t pid;

	guard_status(watcher);
	fds = guard_fds(&g);
	CHECK_SYS(pipe2(hold, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		int fd = guard_connect(&g);

		guard_add(fd, "/bin/sh");
		guard_add(fd, "/bin/sh");
		if (CHECK_SYS(fork()))
			_exit(0);
		/* the child: the daemon ends the connection */
		guard_is_closed(fd);
		CHECK_EQ(write(hold[1], "x", 1), 1);
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
	guard_wait_readable(hold[0], "the child's word");
	guard_wait_templates(watcher, 0);
	CHECK_EQ(guard_status(watcher).clients, 1);
	guard_wait_fds(&g, fds);
	guard_stop(&g);
}

static void templates_outlive_the_connection(void)
{
	struct guard g = guard_start(NULL);
	char *path = test_copy_probe("program");
	int fd = guard_connect(&g);
	uint64_t id = guard_add(fd, path);
	struct st_msg msg;

	CHECK_SYS(close(fd));
	fd = guard_connect(&g);
	CHECK_EQ(guard_status(fd).templates, 1);
	CHECK_SYS(chmod(path, 0700));
	/* the news comes over the new connection */
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.id, id);
	CHECK_EQ(guard_unregister(fd, id), 0);
	guard_stop(&g);
}

static void requests_sent_before_the_end_count(void)
{
	struct guard g = guard_start(NULL);
	int watcher = guard_connect(&g), fd = guard_connect(&g);
	struct st_msg msg = guard_msg(ST_MSG_UNREGISTER);
	uint64_t ids[20];

	for (int i = 0; i < 20; i++)
		ids[i] = guard_add(fd, "/bin/sh");
	CHECK_SYS(kill(g.pid, SIGSTOP));
	for (int i = 0; i < 20; i++) {
		msg.h.id = ids[i];
		CHECK_EQ(guard_send(fd, &msg, sizeof(msg), NULL, 0, NULL), 0);
	}
	CHECK_SYS(close(fd));
	CHECK_SYS(kill(g.pid, SIGCONT));
	guard_wait_templates(watcher, 0);
	guard_stop(&g);
}

static void a_daemon_adopts_the_templates_of_a_killed_one(void)
{
	char *path = test_copy_probe("program");
	struct st_msg_item item;
	struct st_msg msg;
	struct guard g;
	uint64_t id;
	pid_t pid;
	int fd;

	setenv("FAKE_LOADER_STATE", test_path("maps"), 1);
	g = guard_start(NULL);
	fd = guard_connect(&g);
	id = guard_add(fd, path);
	pid = CHECK_SYS(fork());
	if (!pid) {
		guard_add(guard_connect(&g), "/bin/sh");
		pause();
	}
	guard_wait_templates(fd, 2);
	CHECK_SYS(kill(g.pid, SIGKILL));
	CHECK_EQ(guard_reap(g.pid), 128 + SIGKILL);
	guard_is_closed(fd);
	CHECK_EQ(guard_try_connect(&g), -ECONNREFUSED);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(guard_reap(pid), 128 + SIGKILL);

	g = guard_start(NULL);
	fd = guard_connect(&g);
	CHECK_EQ(guard_status(fd).adopted, 1);
	CHECK_EQ(guard_count(fd), 1);
	CHECK_EQ(guard_show(fd, id, &item), 0);
	CHECK_EQ(item.pid, getpid());
	CHECK_EQ(item.state, EXEC_FRESH);
	CHECK_EQ(guard_status(fd).user_templates, 1);
	CHECK_GT(guard_add(fd, path), id);
	CHECK_EQ(guard_unregister(fd, id), 0);
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	guard_stop(&g);
}

/* Neither the daemon nor this process can have more descriptors than n. */
static struct guard start_with_descriptors(int n)
{
	const struct rlimit limit = { (rlim_t)n, (rlim_t)n };

	if (test_is_root())
		CHECK_SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0));
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	return guard_start(NULL);
}

static void templates_that_cannot_be_adopted_yet_are_kept(void)
{
	struct guard g;
	pid_t pids[20];
	int fd, fds;

	setenv("FAKE_LOADER_STATE", test_path("maps"), 1);
	g = guard_start(NULL);
	fds = guard_fds(&g) - 2;
	fd = guard_connect(&g);
	for (int i = 0; i < 20; i++) {
		pids[i] = CHECK_SYS(fork());
		if (!pids[i]) {
			guard_add(guard_connect(&g), "/bin/sh");
			pause();
		}
		guard_wait_templates(fd, (unsigned int)i + 1);
	}
	CHECK_SYS(kill(g.pid, SIGKILL));
	CHECK_EQ(guard_reap(g.pid), 128 + SIGKILL);
	CHECK_SYS(close(fd));

	/* each process takes a descriptor; the daemon keeps a few for itself */
	g = start_with_descriptors(fds + 14);
	fd = guard_connect(&g);
	CHECK_GT(guard_count(fd), 0);
	CHECK_LT(guard_count(fd), 17);
	/* the adopted ones end and make room for the others */
	for (int i = 0; i < 17; i++)
		CHECK_SYS(kill(pids[i], SIGKILL));
	guard_wait_templates(fd, 0);
	guard_wait_templates(fd, 3);
	CHECK_SYS(kill(g.pid, SIGTERM));
	CHECK_HAS(test_read_fd(g.stderr_fd), "cannot take over");
	CHECK_EQ(guard_reap(g.pid), 0);
}

static void wait_lost(int fd, unsigned int want)
{
	for (int i = 0; i < 2000; i++) {
		if (guard_status(fd).events_lost == want)
			return;
		usleep(5000);
	}
	CHECK_EQ(guard_status(fd).events_lost, want);
}

/* The executable changed while no daemon was there. */
static void a_stale_template_is_told_of_when_it_is_adopted(void)
{
	char *path = test_copy_probe("program");
	struct st_msg msg;
	struct guard g;
	uint64_t id;
	int fd;

	guard_events_at();
	setenv("FAKE_LOADER_STATE", test_path("maps"), 1);
	g = guard_start(NULL);
	id = guard_add(guard_connect(&g), path);
	guard_event((struct exec_event){ .type = EVENT_INVALIDATED,
					 .generation = 1,
					 .why = WHY_OPENED });
	/* the event is in the maps once this is answered */
	wait_lost(guard_connect(&g), 1);
	CHECK_SYS(kill(g.pid, SIGKILL));
	CHECK_EQ(guard_reap(g.pid), 128 + SIGKILL);
	g = guard_start(NULL);
	fd = guard_connect(&g);
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	CHECK_EQ(msg.h.id, id);
	CHECK_EQ(msg.u.invalidated.why, WHY_OPENED);
	guard_stop(&g);
}

/* Tells the pid that this process sees and the id of a template of pid 1. */
static void register_in_namespace(const struct guard *g, int to)
{
	uint64_t told[2];
	pid_t pid;

	CHECK_SYS(unshare(CLONE_NEWPID));
	pid = CHECK_SYS(fork());
	if (pid) {
		told[0] = (uint64_t)pid;
		CHECK_EQ(write(to, told, sizeof(*told)), sizeof(*told));
		guard_reap(pid);
		_exit(0);
	}
	CHECK_EQ(getpid(), 1);
	told[1] = guard_add(guard_connect(g), "/bin/sh");
	CHECK_EQ(write(to, &told[1], sizeof(*told)), sizeof(*told));
	pause();
}

static void clients_of_other_pid_namespaces_have_the_outer_pid(void)
{
	struct guard g;
	struct st_msg_item item;
	uint64_t told[2];
	int fd, fds[2];

	test_need_root();
	g = guard_start(NULL);
	fd = guard_connect(&g);
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	if (!CHECK_SYS(fork()))
		register_in_namespace(&g, fds[1]);
	CHECK_EQ(read(fds[0], &told[0], sizeof(*told)), sizeof(*told));
	CHECK_EQ(read(fds[0], &told[1], sizeof(*told)), sizeof(*told));
	/* the id is small, the pid is not */
	if (told[0] < told[1]) {
		uint64_t id = told[0];

		told[0] = told[1];
		told[1] = id;
	}
	CHECK_EQ(guard_show(fd, told[1], &item), 0);
	CHECK_EQ(item.pid, told[0]);
	CHECK_SYS(kill((pid_t)told[0], SIGKILL));
	guard_wait_templates(fd, 0);
	guard_stop(&g);
}

static const struct test_case cases[] = {
	TEST_CASE(hello_gives_the_states_to_read),
	TEST_CASE(a_template_is_listed_until_it_is_unregistered),
	TEST_CASE(a_long_list_is_whole_and_in_order),
	TEST_CASE(errors_of_the_programs_are_answered),
	TEST_CASE(status_tells_what_is_in_force),
	TEST_CASE(a_change_is_told_to_all_connections_that_are_concerned),
	TEST_CASE(the_word_of_a_changed_executable_changes),
	TEST_CASE(a_template_whose_file_was_closed_goes),
	TEST_CASE(news_of_lost_events_is_found_out),
	TEST_CASE(lost_events_do_not_keep_the_daemon_busy),
	TEST_CASE(a_dead_client_has_nothing_though_its_child_has_the_socket),
	TEST_CASE(templates_outlive_the_connection),
	TEST_CASE(requests_sent_before_the_end_count),
	TEST_CASE(a_daemon_adopts_the_templates_of_a_killed_one),
	TEST_CASE(templates_that_cannot_be_adopted_yet_are_kept),
	TEST_CASE(a_stale_template_is_told_of_when_it_is_adopted),
	TEST_CASE(clients_of_other_pid_namespaces_have_the_outer_pid),
};

TEST_MAIN(cases)
