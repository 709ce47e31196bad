/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard's daemon starts, ends, gives way to another, and informs a service
 * manager and a metrics collector.
 */
#include "fake_loader.h"
#include "guarding.h"

/* ---- the socket */

static void the_folder_and_the_socket_have_their_modes(void)
{
	char *extra[] = { "--group", test_fmt("%d", GUARD_GROUP), NULL };
	bool root = test_is_root();
	struct guard g;
	struct stat st;

	umask(077);
	g = guard_start(root ? extra : NULL);
	CHECK_SYS(stat(test_path("run"), &st));
	CHECK_EQ(st.st_mode & 07777, 0755);
	CHECK_SYS(stat(g.socket, &st));
	CHECK_EQ(st.st_mode & 07777, 0660);
	CHECK_EQ(st.st_gid, root ? GUARD_GROUP : getgid());
	guard_stop(&g);
	CHECK_EQ(access(g.socket, F_OK), -1);
}

static void a_second_daemon_says_what_to_do_and_harms_nothing(void)
{
	struct guard g = guard_start(NULL);
	int fd = guard_connect(&g), status;
	char *said = guard_run(NULL, &status);

	CHECK_EQ(status, 1);
	CHECK_HAS(said, test_fmt("process %d", g.pid));
	CHECK_HAS(said, "stop it first");
	said = guard_run(TEST_ARGV("--unload"), &status);
	CHECK_EQ(status, 1);
	CHECK_HAS(said, "stop it first");
	CHECK_EQ(guard_count(fd), 0);
	CHECK_EQ(guard_count(guard_connect(&g)), 0);
	guard_stop(&g);
}

static void a_socket_that_was_left_is_replaced(void)
{
	struct guard g = guard_start(NULL);

	CHECK_SYS(kill(g.pid, SIGKILL));
	guard_reap(g.pid);
	CHECK_EQ(guard_try_connect(&g), -ECONNREFUSED);
	g = guard_start(NULL);
	CHECK_EQ(guard_count(guard_connect(&g)), 0);
	guard_stop(&g);
}

static void a_file_that_is_no_socket_is_not_replaced(void)
{
	char *path = test_path("run/guard.sock"), *said;
	int status;

	CHECK_SYS(mkdir(test_path("run"), 0755));
	test_write(path, "precious", 0644);
	said = guard_run(NULL, &status);
	CHECK_EQ(status, 1);
	CHECK_HAS(said, "it is not a socket: remove it");
	CHECK_STR(test_read(path), "precious");
}

static void refuses_folder(const char *folder)
{
	struct guard g = { .socket = test_fmt("%s/guard.sock", folder) };

	test_doing("%s", folder);
	guard_begin(&g, NULL);
	CHECK_HAS(test_read_fd(g.stderr_fd), "name another by --socket");
	CHECK_EQ(guard_reap(g.pid), 1);
	CHECK_EQ(access(g.socket, F_OK), -1);
	CHECK_EQ(access(test_fmt("%s.lock", g.socket), F_OK), -1);
}

static void a_folder_that_others_can_change_is_refused(void)
{
	struct guard g = { .socket = test_path("open/mine/guard.sock") };

	CHECK_SYS(mkdir(test_path("open"), 0755));
	CHECK_SYS(mkdir(test_path("open/mine"), 0755));
	CHECK_SYS(symlink("open/mine", test_path("link")));
	CHECK_SYS(chmod(test_path("open"), 0775));
	refuses_folder(test_path("open"));
	refuses_folder(test_path("open/mine"));
	refuses_folder(test_path("open/new"));
	refuses_folder(test_path("link"));
	/* the sticky bit protects what is in it, but gives it to all */
	CHECK_SYS(chmod(test_path("open"), 01777));
	refuses_folder(test_path("open"));
	guard_begin(&g, NULL);
	guard_wait_notice(&g, "READY=1");
	guard_stop(&g);
	if (!test_is_root())
		return;
	CHECK_SYS(chown(test_path("open"), ALICE, ALICE));
	refuses_folder(test_path("open/new"));
}

static void a_link_in_a_folder_of_others_is_not_followed_later(void)
{
	struct guard g = { .socket = test_path("his/link/guard.sock") };

	test_need_root();
	CHECK_SYS(mkdir(test_path("his"), 0755));
	CHECK_SYS(mkdir(test_path("run"), 0755));
	CHECK_SYS(symlink(test_path("run"), test_path("his/link")));
	CHECK_SYS(chown(test_path("his"), ALICE, ALICE));
	guard_begin(&g, NULL);
	guard_wait_notice(&g, "READY=1");
	CHECK_SYS(mkdir(test_path("his/victim"), 0755));
	test_write(test_path("his/victim/guard.sock"), "precious", 0644);
	CHECK_SYS(unlink(test_path("his/link")));
	CHECK_SYS(symlink("victim", test_path("his/link")));
	guard_stop(&g);
	CHECK_STR(test_read(test_path("his/victim/guard.sock")), "precious");
	CHECK_EQ(access(test_path("run/guard.sock"), F_OK), -1);
}

static void a_lock_with_another_name_is_left_alone(void)
{
	char *precious = test_path("precious");
	int status;

	CHECK_SYS(mkdir(test_path("run"), 0755));
	test_write(precious, "precious", 0644);
	CHECK_SYS(link(precious, test_path("run/guard.sock.lock")));
	CHECK_HAS(guard_run(NULL, &status), "is no lock: remove it");
	CHECK_EQ(status, 1);
	CHECK_STR(test_read(precious), "precious");
}

/* Makes the manager's listening socket of this type, as descriptor 3. */
static void give_socket(struct guard *g, int type)
{
	const int on = 1;
	int fd;

	CHECK_SYS(mkdir(test_path("run"), 0755));
	g->socket = test_path("run/guard.sock");
	fd = guard_bind(g->socket, type);
	/* PassCredentials= of the unit */
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	CHECK_SYS(listen(fd, 5));
	setenv("LISTEN_FDS", "1", 1);
	/* an early client waits for the daemon */
	CHECK_NE(fd, 3);
	CHECK_EQ(dup2(fd, 3), 3);
	CHECK_SYS(close(fd));
}

/* LISTEN_PID must be the daemon's pid: a shell knows it, and execs the daemon. */
static char *with_listen_pid(void)
{
	char *script = test_path("start");

	test_write(script,
		   test_fmt("#!/bin/sh\nLISTEN_PID=$$ exec %s \"$@\"\n",
			    test_tool("../fake-templated")),
		   0755);
	return script;
}

static void a_socket_of_the_manager_is_used_and_left(void)
{
	struct guard g = { 0 };
	int hold = CHECK_SYS(dup(0)), early;

	CHECK_EQ(hold, 3);
	give_socket(&g, SOCK_SEQPACKET);
	early = guard_connect(&g);
	guard_begin_by(&g, with_listen_pid(), NULL);
	CHECK_EQ(guard_count(early), 0);
	CHECK_EQ(guard_status(guard_connect(&g)).clients, 2);
	guard_stop(&g);
	CHECK_SYS(access(g.socket, F_OK));
}

static void a_socket_of_another_kind_is_refused(void)
{
	struct guard g = { 0 };

	CHECK_EQ(CHECK_SYS(dup(0)), 3);
	give_socket(&g, SOCK_STREAM);
	guard_begin_by(&g, with_listen_pid(), NULL);
	CHECK_HAS(test_read_fd(g.stderr_fd), "ListenSequentialPacket=");
	CHECK_EQ(guard_reap(g.pid), 1);
}

/* ---- begin and end */

static void the_programs_error_and_its_remedy_are_told(void)
{
	int status;
	char *said;

	setenv("FAKE_LOADER_OPEN", test_fmt("%d", EOPNOTSUPP), 1);
	said = guard_run(NULL, &status);
	CHECK_EQ(status, 1);
	CHECK_HAS(said, "cannot be loaded: ");
	CHECK_HAS(said, strerror(EOPNOTSUPP));
	CHECK_HAS(said, "look at FAKE_LOADER_*");
	CHECK_EQ(access(test_path("run/guard.sock"), F_OK), -1);
}

static void the_end_leaves_the_pins_and_unload_removes_them(void)
{
	char *maps = test_path("maps");
	int status;
	struct guard g;

	setenv("FAKE_LOADER_STATE", maps, 1);
	g = guard_start(NULL);
	guard_add(guard_connect(&g), "/bin/sh");
	guard_stop(&g);
	CHECK_SYS(access(maps, F_OK));
	CHECK_HAS(guard_run(TEST_ARGV("--unload"), &status),
		  "nothing is guarded any more");
	CHECK_EQ(status, 0);
	CHECK_EQ(access(maps, F_OK), -1);
	/* a second --unload finds nothing, which is no error */
	CHECK_HAS(guard_run(TEST_ARGV("--unload"), &status),
		  "no loaded program can be seen");
	CHECK_EQ(status, 0);
}

static uint64_t number_of(const struct guard *g, const char *what, int base)
{
	char *text = test_read(test_fmt("/proc/%d/status", g->pid));

	test_doing("%s", what);
	text = strstr(text, what);
	CHECK(text);
	return strtoull(text + strlen(what), NULL, base);
}

#define MAY_BPF		(3ULL << 38)	/* CAP_PERFMON, CAP_BPF */
#define MAY_OVERRIDE	(1ULL << 1)	/* CAP_DAC_OVERRIDE */

/* may: the capabilities that it may have, if this process has them. */
static void has_only(const struct guard *g, uint64_t may)
{
	static const char *const sets[] = { "CapPrm:", "CapEff:", "CapBnd:" };
	const struct guard self = { .pid = getpid() };

	for (size_t i = 0; i < TEST_COUNT(sets); i++)
		CHECK_EQ(number_of(g, sets[i], 16),
			 number_of(&self, sets[i], 16) & may);
	CHECK_EQ(number_of(g, "CapInh:", 16), 0);
	CHECK_EQ(number_of(g, "CapAmb:", 16), 0);
	CHECK_EQ(number_of(g, "NoNewPrivs:", 10), 1);
}

static void the_daemon_gives_up_what_serving_does_not_take(void)
{
	char *file = test_path("his/guard.prom");
	struct guard g;

	test_need_root();
	g = guard_start(TEST_ARGV("--group", "64999"));
	has_only(&g, MAY_BPF);
	guard_add(guard_connect(&g), "/bin/sh");
	guard_stop(&g);
	g = guard_start(TEST_ARGV("--metrics-file", test_path("guard.prom")));
	has_only(&g, MAY_BPF);
	guard_stop(&g);
	CHECK_SYS(access(test_path("guard.prom"), F_OK));
	/* root writes to another's folder by a capability */
	CHECK_SYS(mkdir(test_path("his"), 0755));
	CHECK_SYS(chown(test_path("his"), ALICE, ALICE));
	g = guard_start(TEST_ARGV("--metrics-file", file));
	has_only(&g, MAY_BPF | MAY_OVERRIDE);
	guard_stop(&g);
	CHECK_SYS(access(file, F_OK));
}

static void the_manager_is_told(void)
{
	struct guard g;

	setenv("WATCHDOG_USEC", "100000", 1);
	g = guard_start(NULL);
	guard_wait_notice(&g, "WATCHDOG=1");
	guard_wait_notice(&g, "WATCHDOG=1");
	CHECK_SYS(kill(g.pid, SIGINT));
	guard_wait_notice(&g, "STOPPING=1");
	CHECK_EQ(guard_reap(g.pid), 0);
}

static void missing_pins_are_told(void)
{
	struct guard g;

	setenv("FAKE_LOADER_PINS", "3", 1);
	g = guard_start(NULL);
	CHECK_EQ(guard_status(guard_connect(&g)).pins_missing, 3);
	CHECK_SYS(kill(g.pid, SIGTERM));
	CHECK_HAS(test_read_fd(g.stderr_fd), "3 pins are missing");
	CHECK_EQ(guard_reap(g.pid), 0);
}

static void bad_options_are_explained(void)
{
	static char *const bad[][3] = {
		{ "--quota", "0", NULL },
		{ "--quota", "1x", NULL },
		{ "--quota", "9999", NULL },
		{ "--mode", "kprobe", NULL },
		{ "--group", "?", NULL },
		{ "--metrics-interval", "0", NULL },
		{ "--nonsense", NULL },
		{ "word", NULL },
		{ "--quota", NULL },
	};
	char *said;
	int status, null;

	for (size_t i = 0; i < TEST_COUNT(bad); i++) {
		test_doing("%s", bad[i][0]);
		said = guard_run(bad[i], &status);
		CHECK_EQ(status, 2);
		CHECK_HAS(said, "--help");
	}
	null = CHECK_SYS(open("/dev/null", O_WRONLY | O_CLOEXEC));
	CHECK_SYS(dup2(null, 1));
	guard_run(TEST_ARGV("--version"), &status);
	CHECK_EQ(status, 0);
	guard_run(TEST_ARGV("--help"), &status);
	CHECK_EQ(status, 0);
	said = guard_run(TEST_ARGV("--socket", test_fmt("/tmp/%0200d", 1)),
			 &status);
	CHECK_EQ(status, 1);
	CHECK_HAS(said, "too long");
}

/* ---- metrics */

static char *wait_metrics(const char *file, const char *want)
{
	char *text = "";

	for (int i = 0; i < 1000; i++) {
		if (!access(file, F_OK)) {
			text = test_read(file);
			/* the file is never seen half written */
			CHECK_HAS(text, "\n# EOF\n");
			if (strstr(text, want))
				return text;
		}
		usleep(10000);
	}
	CHECK_HAS(text, want);
	return text;
}

#define LAUNCHES "spawn_template_launches_total{executable=\""

static void launch(uint64_t id)
{
	guard_event((struct exec_event){ .id = id, .time_ns = 1 });
}

static void metrics_count_by_path_and_never_fall(void)
{
	char *file = test_path("guard.prom"), *path = test_path("a\"b\\c");
	char *extra[] = { "--metrics-file", file, "--metrics-interval", "1",
			  NULL };
	char *name, *text;
	struct guard g;
	uint64_t id;
	int fd;

	guard_events_at();
	test_copy("/bin/sh", path, 0755);
	g = guard_start(extra);
	fd = guard_connect(&g);
	id = guard_add(fd, path);
	for (int i = 0; i < 3; i++)
		launch(id);
	guard_event((struct exec_event){
		.type = EVENT_REFUSED, .id = id, .time_ns = 1 });
	name = test_fmt("%s/a\\\"b\\\\c", test_tmpdir());
	text = wait_metrics(file, test_fmt(LAUNCHES "%s\"} 3\n", name));
	CHECK_HAS(text, test_fmt("refused_launches_total{executable=\"%s\"} 1",
				 name));
	CHECK_HAS(text, "spawn_template_guard_templates 1\n");
	CHECK_HAS(text, test_fmt("launch_seconds_bucket{executable=\"%s\","
				 "le=\"0.000064\"} 0\n",
				 name));
	CHECK_HAS(text, test_fmt("launch_seconds_bucket{executable=\"%s\","
				 "le=\"0.000256\"} 3\n",
				 name));
	CHECK_HAS(text, test_fmt("launch_seconds_sum{executable=\"%s\"} "
				 "0.000300000\n",
				 name));
	CHECK_EQ(guard_status(fd).launches, 3);
	CHECK_EQ(guard_unregister(fd, id), 0);
	text = wait_metrics(file, "spawn_template_guard_templates 0\n");
	CHECK_HAS(text, test_fmt(LAUNCHES "%s\"} 3\n", name));
	CHECK_EQ(access(test_fmt("%s.tmp", file), F_OK), -1);
	CHECK_EQ(guard_status(fd).launches, 3);
	guard_stop(&g);
}

/* The text parser of a node exporter refuses a file with OpenMetrics' type info. */
static void metrics_have_types_that_all_collectors_know(void)
{
	char *file = test_path("guard.prom");
	char *extra[] = { "--metrics-file", file, NULL };
	struct guard g = guard_start(extra);
	char *text = wait_metrics(file, "guard_info{version="), *line;
	int n = 0;

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		const char *type = strrchr(line, ' ');

		if (strncmp(line, "# TYPE ", 7))
			continue;
		test_doing("%s", line);
		CHECK(!strcmp(type, " gauge") || !strcmp(type, " counter") ||
		      !strcmp(type, " histogram"));
		n++;
	}
	CHECK_GT(n, 10);
	guard_stop(&g);
}

static void paths_that_are_shown_as_the_same_are_counted_as_one(void)
{
	static const char *const names[] = { "x\001", "x\002", "x\303" };
	char *file = test_path("guard.prom"), *text, *line;
	char *extra[] = { "--metrics-file", file, "--metrics-interval", "1",
			  NULL };
	struct guard g;
	int fd;

	guard_events_at();
	g = guard_start(extra);
	fd = guard_connect(&g);
	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		char *path = test_path("%s", names[i]);

		test_write(path, "", 0755);
		launch(guard_add(fd, path));
	}
	line = test_fmt(LAUNCHES "%s/x?\"}", test_tmpdir());
	text = wait_metrics(file, test_fmt("%s 3\n", line));
	CHECK(!strstr(strstr(text, line) + 1, line));
	guard_stop(&g);
}

/* There are more paths than places: a path that has a place keeps it. */
static void a_path_stays_where_it_is_counted(void)
{
	char *file = test_path("guard.prom"), *text;
	char *extra[] = { "--metrics-file", file, "--metrics-interval", "1",
			  NULL };
	uint64_t ids[66];
	struct guard g;
	int fd;

	guard_events_at();
	g = guard_start(extra);
	fd = guard_connect(&g);
	for (int i = 0; i < 66; i++) {
		test_write(test_path("p%d", i), "", 0755);
		ids[i] = guard_add(fd, test_path("p%d", i));
		launch(ids[i]);
	}
	wait_metrics(file, LAUNCHES "other\"} 2\n");
	CHECK_EQ(guard_unregister(fd, ids[65]), 0);
	CHECK_EQ(guard_unregister(fd, ids[64]), 0);
	text = wait_metrics(file, "spawn_template_guard_templates 64\n");
	CHECK_HAS(text, LAUNCHES "other\"} 2\n");
	for (int i = 0; i < 64; i++)
		CHECK_HAS(text,
			  test_fmt(LAUNCHES "%s/p%d\"} 1\n", test_tmpdir(), i));
	guard_stop(&g);
}

/* A daemon that writes metrics, and a template whose launches it counts there. */
struct counted {
	struct guard g;
	char *file, *path;
	uint64_t id;
	int fd;
};

static struct counted count_one(void)
{
	struct counted c = { .file = test_path("guard.prom"),
			     .path = test_path("program") };
	char *extra[] = { "--metrics-file", c.file, "--metrics-interval", "1",
			  NULL };

	guard_events_at();
	test_write(c.path, "", 0755);
	c.g = guard_start(extra);
	c.fd = guard_connect(&c.g);
	c.id = guard_add(c.fd, c.path);
	return c;
}

/* The sweep finds the template before the daemon takes the event. */
static void the_counts_of_a_swept_template_are_kept(void)
{
	struct counted c = count_one();

	launch(c.id);
	guard_event((struct exec_event){
		.type = EVENT_CLOSED, .id = c.id, .time_ns = 2 });
	/* this leads to a sweep */
	CHECK_EQ(guard_unregister(c.fd, guard_add(c.fd, c.path)), 0);
	guard_wait_templates(c.fd, 0);
	CHECK_SYS(unlink(c.file));
	wait_metrics(c.file, test_fmt(LAUNCHES "%s\"} 1\n", c.path));
	guard_stop(&c.g);
}

static void launch_part(uint64_t id, uint32_t what)
{
	guard_event((struct exec_event){ .id = id, .why = what, .time_ns = 1 });
}

/* The daemon takes events and requests in any order. */
static void begin_launches(int fd, uint64_t id, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		launch_part(id, FAKE_LAUNCH_BEGINS);
	for (int i = 0; i < 1000 && guard_status(fd).launches != n; i++)
		usleep(10000);
	CHECK_EQ(guard_status(fd).launches, n);
}

static void a_closed_template_counts_until_its_launches_end(void)
{
	struct counted c = count_one();
	char *ran = test_fmt("run_seconds_count{executable=\"%s\"}", c.path);
	char *launched = test_fmt(LAUNCHES "%s\"} 2\n", c.path);

	begin_launches(c.fd, c.id, 2);
	CHECK_EQ(guard_unregister(c.fd, c.id), 0);
	CHECK_EQ(guard_count(c.fd), 0);
	CHECK_EQ(guard_unregister(c.fd, c.id), -ENOENT);
	CHECK_HAS(wait_metrics(c.file, launched), test_fmt("%s 0\n", ran));
	launch_part(c.id, FAKE_LAUNCH_ENDS);
	CHECK_HAS(wait_metrics(c.file, test_fmt("%s 1\n", ran)), launched);
	launch_part(c.id, FAKE_LAUNCH_ENDS);
	CHECK_HAS(wait_metrics(c.file, test_fmt("%s 2\n", ran)), launched);
	guard_stop(&c.g);
}

static void a_closed_template_gives_way_when_the_map_is_full(void)
{
	struct guard g;
	uint64_t id;
	int fd;

	if (!test_is_root())
		TEST_SKIP("a user other than root has a quota");
	guard_events_at();
	g = guard_start(NULL);
	fd = guard_connect(&g);
	for (int i = 0; i < TEMPLATES_MAX; i++)
		id = guard_add(fd, "/bin/sh");
	begin_launches(fd, id, 1);
	CHECK_EQ(guard_unregister(fd, id), 0);
	CHECK_EQ(guard_status(fd).templates, TEMPLATES_MAX - 1);
	guard_add(fd, "/bin/sh");
	CHECK_EQ(guard_status(fd).templates, TEMPLATES_MAX);
	guard_stop(&g);
}

static void metrics_that_cannot_be_written_stop_nothing(void)
{
	char *extra[] = { "--metrics-file", "/no/such/folder/f",
			  "--metrics-interval", "1", NULL };
	struct guard g = guard_start(extra);

	CHECK_EQ(guard_count(guard_connect(&g)), 0);
	guard_wait_readable(g.stderr_fd, "a message");
	guard_stop(&g);
}

static const struct test_case cases[] = {
	TEST_CASE(the_folder_and_the_socket_have_their_modes),
	TEST_CASE(a_second_daemon_says_what_to_do_and_harms_nothing),
	TEST_CASE(a_socket_that_was_left_is_replaced),
	TEST_CASE(a_file_that_is_no_socket_is_not_replaced),
	TEST_CASE(a_folder_that_others_can_change_is_refused),
	TEST_CASE(a_link_in_a_folder_of_others_is_not_followed_later),
	TEST_CASE(a_lock_with_another_name_is_left_alone),
	TEST_CASE(a_socket_of_the_manager_is_used_and_left),
	TEST_CASE(a_socket_of_another_kind_is_refused),
	TEST_CASE(the_programs_error_and_its_remedy_are_told),
	TEST_CASE(the_end_leaves_the_pins_and_unload_removes_them),
	TEST_CASE(the_daemon_gives_up_what_serving_does_not_take),
	TEST_CASE(the_manager_is_told),
	TEST_CASE(missing_pins_are_told),
	TEST_CASE(bad_options_are_explained),
	TEST_CASE(metrics_count_by_path_and_never_fall),
	TEST_CASE(metrics_have_types_that_all_collectors_know),
	TEST_CASE(paths_that_are_shown_as_the_same_are_counted_as_one),
	TEST_CASE(a_path_stays_where_it_is_counted),
	TEST_CASE(the_counts_of_a_swept_template_are_kept),
	TEST_CASE(a_closed_template_counts_until_its_launches_end),
	TEST_CASE(a_closed_template_gives_way_when_the_map_is_full),
	TEST_CASE(metrics_that_cannot_be_written_stop_nothing),
};

TEST_MAIN(cases)
