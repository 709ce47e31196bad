/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon may come and go: its templates stay in force, and the next daemon takes
 * them over. An unload ends them for everybody.
 */
#include "guarding.h"

#include <grp.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <linux/capability.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define GUARD SPAWN_TEMPLATE_CREATE_GUARD
#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static char *program(void)
{
	return guard_program(test_path("p"), "tiny-7");
}

static void refused_in_child(void *arg)
{
	const struct reg *r = arg;

	CHECK_EQ(raw_launch(r->fd, r->id), -EACCES);
}

/* Checks all promises of a deny-write template. */
static void check_enforced(const struct reg *r)
{
	CHECK_EQ(raw_launch(r->fd, r->id), 7);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	test_in_child(refused_in_child, (void *)(uintptr_t)r);
	CHECK(client_fresh(&client, r));
}

static struct st_msg_status status(void)
{
	struct st_msg_status s;
	struct client c;

	client_open(&c);
	s = client_status(&c);
	client_close(&c);
	return s;
}

static struct st_msg_item item(uint64_t id)
{
	struct st_msg_item i;
	struct client c;

	client_open(&c);
	i = client_item(&c, id);
	client_close(&c);
	return i;
}

/* ---- start */

static void the_daemon_proves_itself_and_leaves_nothing(void)
{
	struct st_msg_status s;
	pid_t pid = guard_start(NULL);
	struct stat st;

	s = status();
	CHECK_EQ(s.pid, pid);
	CHECK_EQ(s.attached,
		 guard_mode("lsm") ? ST_STATUS_LSM : ST_STATUS_FMOD_RET);
	CHECK_EQ(s.proved, ST_PROVED_ALL);
	CHECK_EQ(s.pins_missing, 0);
	CHECK_EQ(s.adopted, 0);
	CHECK_EQ(s.templates, 0);
	CHECK_EQ(s.executables, 0);
	CHECK_EQ(s.templates_max, TEMPLATES_MAX);
	CHECK_SYS(stat(GUARD_PINS, &st));
	CHECK_EQ(st.st_mode & 07777, 0700);
	CHECK_SYS(stat(GUARD_PINS "/templates", &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_SYS(stat(ST_GUARD_SOCKET, &st));
	CHECK_EQ(st.st_mode & 07777, 0660);
	CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	CHECK_LT(client_try(&client), 0);
	guard_unload();
	CHECK_EQ(stat(GUARD_PINS, &st), -1);
}

/* True for CapabilityBoundingSet= of systemd/spawn-templated.service.in. */
static bool is_the_units(int capability)
{
	return capability == CAP_BPF || capability == CAP_PERFMON ||
	       capability == CAP_CHOWN;
}

/* None of these capabilities lets root pass a file's mode. */
static void the_units_capabilities_are_enough(void)
{
	char *const group[] = { "--inspect-group", "alice", NULL };
	struct reg r;
	pid_t pid;

	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!is_the_units(i))
			CHECK_SYS(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	pid = guard_start(group);
	CHECK_EQ(status().proved, ST_PROVED_ALL);
	client_open(&client);
	r = client_template(&client, program(), DENY);
	check_enforced(&r);
	CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	for (int i = 0; i < 2; i++) {
		pid = guard_start(i ? (char *[]){ "--upgrade", NULL } : NULL);
		CHECK_EQ(status().adopted, 1);
		CHECK_EQ(status().proved, ST_PROVED_ALL);
		check_enforced(&r);
		CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	}
	guard_unload();
}

/* --mode asks for the other way, which works or gives a reason. */
static void the_other_mode_works_or_says_why_not(void)
{
	bool lsm = guard_mode("lsm");
	pid_t pid;

	if (!lsm) {
		CHECK_EQ(guard_run((char *[]){ "--mode", "lsm", NULL }), 1);
		CHECK_HAS(guard_log(), "lsm=");
		CHECK_EQ(access(GUARD_PINS, F_OK), -1);
		return;
	}
	pid = guard_start((char *[]){ "--mode", "fmod_ret", NULL });
	CHECK_EQ(status().attached, ST_STATUS_FMOD_RET);
	CHECK_EQ(status().proved, ST_PROVED_ALL);
	CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	guard_unload();
}

static void a_second_daemon_is_refused(void)
{
	pid_t pid = guard_start(NULL);

	CHECK_EQ(guard_run(NULL), 1);
	CHECK_HAS(guard_log(), test_fmt("%d", pid));
	CHECK_EQ(guard_run((char *[]){ "--unload", NULL }), 1);
	CHECK_EQ(status().pid, pid);
	CHECK_EQ(status().pins_missing, 0);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void check_readers(mode_t folder, mode_t map, gid_t gid)
{
	struct stat st;

	CHECK_SYS(stat(GUARD_PINS, &st));
	CHECK_EQ(st.st_mode & 07777, folder);
	CHECK_EQ(st.st_gid, gid);
	CHECK_SYS(stat(GUARD_PINS "/templates", &st));
	CHECK_EQ(st.st_mode & 07777, map);
	CHECK_EQ(st.st_gid, gid);
	CHECK_SYS(stat(GUARD_PINS "/links", &st));
	CHECK_EQ(st.st_mode & 07777, 0700);
}

static void inspect(void *arg)
{
	uid_t uid = *(uid_t *)arg;
	struct guard_counts counts;
	int fd;

	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(uid, uid, uid));
	CHECK_SYS(setresuid(uid, uid, uid));
	CHECK_EQ(map_open("guard"), -1);
	CHECK_EQ(errno, EACCES);
	fd = map_open_to_read("guard");
	if (uid == ALICE) {
		CHECK_SYS(fd);
		CHECK_OK(map_lookup(fd, &(uint32_t){ 0 }, &counts));
		CHECK_EQ(map_update(fd, &(uint32_t){ 0 }, &counts), -EPERM);
	} else {
		CHECK_EQ(fd, -1);
	}
}

static void a_group_may_read_the_maps(void)
{
	char *const group[] = { "--inspect-group", "alice", NULL };
	pid_t pid = guard_start(group);

	check_readers(0750, 0640, ALICE);
	/* the group may not pass the root of the file system */
	CHECK_HAS(guard_log(), "chmod 0711");
	CHECK_SYS(chmod("/sys/fs/bpf", 0711));
	test_in_child(inspect, &(uid_t){ ALICE });
	test_in_child(inspect, &(uid_t){ BOB });
	guard_stop(pid, SIGKILL);
	/* adopted pins get the modes that the new daemon was asked for */
	pid = guard_start(NULL);
	CHECK_EQ(status().adopted, 1);
	check_readers(0700, 0600, ALICE);
	guard_stop(pid, SIGKILL);
	pid = guard_start(group);
	CHECK_EQ(status().adopted, 1);
	check_readers(0750, 0640, ALICE);
	CHECK(!strstr(guard_log(), "chmod 0711"));
	test_in_child(inspect, &(uid_t){ ALICE });
	guard_stop(pid, SIGKILL);
	guard_unload();
	CHECK_SYS(chmod("/sys/fs/bpf", 0700));
}

/* ---- the place of its pins */

static void check_no_start(char *const options[], const char *why)
{
	CHECK_EQ(guard_run(options), 1);
	CHECK_HAS(guard_log(), why);
}

/* Others could hold its lock elsewhere, or make its folder before it does. */
static void pins_go_only_where_root_alone_is(void)
{
	char *to = test_path("bpf"), *dir = test_fmt("%s/guard", to);
	char *const options[] = { "--pin-dir", dir, NULL };
	char *const unload[] = { "--unload", "--pin-dir", dir, NULL };

	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mkdir(to, 0755));
	CHECK_EQ(guard_run(unload), 0);
	CHECK_HAS(guard_log(), "no loaded program can be seen");
	CHECK_SYS(mount("bpf", to, "bpf", 0, NULL));
	check_no_start(options, "mode 1777");
	CHECK_SYS(chmod(to, 0755));
	check_no_start(options, "mode 0755");
	CHECK_SYS(chmod(to, 0711));
	CHECK_EQ(guard_run(unload), 0);
	CHECK_HAS(guard_log(), "no loaded program can be seen");
	CHECK_SYS(mkdir(dir, 0700));
	CHECK_SYS(chown(dir, ALICE, ALICE));
	check_no_start(options, "no folder of root's alone");
	CHECK_SYS(rmdir(dir));
	guard_stop(guard_start(options), SIGTERM);
	CHECK_EQ(guard_run(unload), 0);
	CHECK_HAS(guard_log(), "nothing is guarded any more");
	CHECK_EQ(access(dir, F_OK), -1);
	CHECK_SYS(umount(to));
}

static void set_noexec(const char *value)
{
	int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* Linux 6.3 */
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	CHECK_SYS(close(fd));
}

/* The daemon's proof needs a memfd that can be executed. */
static void the_daemon_says_what_keeps_it_from_proving(void)
{
	bool can = !access("/proc/sys/vm/memfd_noexec", F_OK);
	int status;

	set_noexec("2");
	status = guard_run((char *[]){ can ? NULL : "--help", NULL });
	set_noexec("1");
	CHECK_EQ(status, can);
	if (can)
		CHECK_HAS(guard_log(), "sysctl vm.memfd_noexec=1");
	guard_stop(guard_start(NULL), SIGTERM);
	set_noexec("0");
	guard_unload();
}

/* ---- kill -9 */

static void a_killed_daemon_leaves_templates_in_force(void)
{
	pid_t pid = guard_start(NULL);
	struct st_msg_item before, after;
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	check_enforced(&r);
	before = client_item(&client, r.id);
	guard_stop(pid, SIGKILL);
	for (int i = 0; i < 5; i++)
		check_enforced(&r);
	pid = guard_start(NULL);
	CHECK_EQ(status().adopted, 1);
	CHECK_EQ(status().templates, 1);
	after = item(r.id);
	CHECK_EQ(after.launches, before.launches + 5);
	CHECK_EQ(after.refused, before.refused + 5);
	CHECK_EQ(after.write_denied, before.write_denied + 5);
	CHECK_EQ(after.pid, getpid());
	check_enforced(&r);
	/* the first connection is gone */
	client_open(&client);
	CHECK_OK(client_unregister(&client, r.id));
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void a_killed_daemon_registers_nothing_more(void)
{
	pid_t pid = guard_start(NULL);
	struct reg r;
	int fd;

	client_open(&client);
	fd = guard_open(program());
	guard_stop(pid, SIGKILL);
	CHECK_EQ(client_register(&client, fd, DENY, &r), -ECONNRESET);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	pid = guard_start(NULL);
	client_open(&client);
	CHECK_OK(client_register(&client, fd, DENY, &r));
	check_enforced(&r);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

/* ---- kill -9 in the middle */

static int connected[2]; /* a pipe: the maker has a connection */

static void make_until_it_ends(void *arg)
{
	int fd = guard_open(arg);

	client_open(&client);
	CHECK_EQ(write(connected[1], "", 1), 1);
	for (;;) {
		struct reg r = { .fd = -1 };
		int own = CHECK_SYS(open(arg, O_PATH | O_CLOEXEC));
		int ret = client_register(&client, own, DENY, &r);

		if (ret == 0 && r.id % 3)
			ret = client_unregister(&client, r.id);
		if (ret == 0 && r.id % 5)
			CHECK_SYS(close(own));
		if (ret == -ECONNRESET)
			break;
		CHECK_EQ(ret, 0);
		if (own > 500)
			CHECK_SYS(syscall(SYS_close_range, fd + 1, ~0U, 0));
		if (own > 500)
			client_open(&client);
	}
}

/* The next daemon goes on, whatever the killed one was doing. */
static void a_daemon_killed_while_registering_leaves_nothing(void)
{
	char *path = program();

	for (unsigned int i = 0; i < 4; i++) {
		pid_t pid = guard_start(NULL), maker;
		struct client c;
		char byte;

		test_doing("round %u", i);
		CHECK_EQ(status().adopted, i > 0);
		CHECK_SYS(pipe2(connected, O_CLOEXEC));
		maker = guard_child(make_until_it_ends, path);
		CHECK_SYS(close(connected[1]));
		CHECK_EQ(read(connected[0], &byte, 1), 1);
		CHECK_SYS(close(connected[0]));
		usleep(20000 + i * 23777);
		guard_stop(pid, SIGKILL);
		guard_wait(maker);
		/*
		 * all files of the maker are closed, and the daemon's copy is
		 * as soon as the process that held it has ended, too
		 */
		GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
		pid = guard_start(NULL);
		client_open(&c);
		GUARD_UNTIL(client_status(&c).templates == 0);
		GUARD_UNTIL(client_status(&c).executables == 0);
		CHECK_EQ(client_status(&c).pins_missing, 0);
		client_close(&c);
		guard_stop(pid, SIGKILL);
	}
	guard_unload();
}

/* ---- its number is used again */

static void check_no_command(int sig)
{
	struct guard_command command;
	pid_t pid = guard_start(NULL), again;
	struct reg r;
	int fd;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	guard_stop(pid, sig);
	again = guard_fork_as(pid);
	if (!again) {
		CHECK_SYS(syscall(SYS_fcntl, r.fd, F_GETFL,
				  GUARD_RELEASE | r.id));
		_exit(0);
	}
	guard_wait(again);
	check_enforced(&r);
	fd = CHECK_SYS(map_open("command"));
	CHECK_OK(map_lookup(fd, &(uint32_t){ 0 }, &command));
	CHECK_EQ(command.daemon_tgid, sig == SIGKILL ? pid : 0);
	/* the next daemon can command */
	pid = guard_start(NULL);
	client_open(&client);
	CHECK_OK(client_unregister(&client, r.id));
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void a_process_with_the_daemons_pid_commands_nothing(void)
{
	check_no_command(SIGKILL);
	check_no_command(SIGTERM);
}

/* ---- no daemon for a while */

static void a_close_without_a_daemon_ends_the_template(void)
{
	pid_t pid = guard_start(NULL);
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	guard_stop(pid, SIGKILL);
	check_enforced(&r);
	CHECK_SYS(close(r.fd));
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(raw_launch(guard_open(test_path("p")), r.id), -ESTALE);
	pid = guard_start(NULL);
	CHECK_EQ(status().templates, 0);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void hold(void *arg)
{
	char *path = arg;

	client_open(&client);
	client_template(&client, path, DENY);
	test_write(test_path("ready"), "", 0600);
	if (fork() == 0)
		pause();
}

/* Another process holds the file, so that only the next daemon can notice. */
static void a_creator_that_ends_without_a_daemon_is_noticed(void)
{
	pid_t pid = guard_start(NULL), maker = guard_child(hold, program());

	GUARD_UNTIL(access(test_path("ready"), F_OK) == 0);
	CHECK_SYS(kill(pid, SIGKILL));
	guard_wait(maker);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	pid = guard_start(NULL);
	CHECK_EQ(status().templates, 0);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

/* The library's templates need no daemon, and new ones find the next daemon. */
static void the_library_reconnects_to_a_new_daemon(void)
{
	pid_t pid = guard_start(NULL);
	struct spawn_template_stat st;
	int tfd, again;

	program();
	tfd = CHECK_OK(spawn_template_open(test_path("p"), CLOEXEC | GUARD));
	guard_stop(pid, SIGKILL);
	CHECK_OK(spawn_template_check(tfd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	CHECK_EQ(spawn_template_open(test_path("p"), CLOEXEC | GUARD),
		 -ENOTCONN);
	pid = guard_start(NULL);
	again = CHECK_OK(spawn_template_open(test_path("p"), CLOEXEC | GUARD));
	CHECK_EQ(test_spawn(again, TEST_ARGV("p")), 7);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(item(st.guard_id).launches, 1);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void changes_without_a_daemon_are_told_later(void)
{
	pid_t pid = guard_start(NULL);
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), 0);
	guard_stop(pid, SIGKILL);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK(!client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	pid = guard_start(NULL);
	CHECK_EQ(item(r.id).state, EXEC_STALE);
	CHECK_EQ(item(r.id).why, WHY_OPENED);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

/* ---- the end */

static void unload_ends_all_enforcement(void)
{
	pid_t pid = guard_start(NULL);
	struct spawn_template_stat st;
	int plain, must;
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	plain = CHECK_OK(spawn_template_open(test_path("p"), CLOEXEC));
	must = CHECK_OK(spawn_template_open(test_path("p"), CLOEXEC | GUARD));
	CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	check_enforced(&r);
	guard_unload();
	CHECK_EQ(access(GUARD_PINS, F_OK), -1);
	CHECK_EQ(client.words[r.slot], 0);
	/* the kernel frees the programs a little later */
	GUARD_UNTIL(guard_write(test_path("p"), O_RDWR) == 0);
	/* nobody looks at a mark any more */
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(test_spawn(plain, TEST_ARGV("p")), 7);
	CHECK_OK(spawn_template_stat(plain, &st, sizeof(st)));
	CHECK_EQ(st.guarded, 0);
	CHECK_EQ(spawn_template_check(must), -ENOTCONN);
	CHECK_EQ(test_spawn(must, TEST_ARGV("p")), -ENOTCONN);
	/* a new daemon knows none of the templates */
	pid = guard_start(NULL);
	CHECK_EQ(status().adopted, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	CHECK_EQ(test_spawn(must, TEST_ARGV("p")), -ENOTCONN);
	CHECK_OK(spawn_template_refresh(must));
	CHECK_EQ(test_spawn(must, TEST_ARGV("p")), 7);
	guard_stop(pid, SIGKILL);
	guard_unload();
	guard_unload();
}

static const struct test_case cases[] = {
	TEST_CASE(the_daemon_proves_itself_and_leaves_nothing),
	TEST_CASE_SECONDS(the_units_capabilities_are_enough, 60),
	TEST_CASE(the_other_mode_works_or_says_why_not),
	TEST_CASE(a_second_daemon_is_refused),
	TEST_CASE(a_group_may_read_the_maps),
	TEST_CASE(pins_go_only_where_root_alone_is),
	TEST_CASE(the_daemon_says_what_keeps_it_from_proving),
	TEST_CASE(a_killed_daemon_leaves_templates_in_force),
	TEST_CASE(a_killed_daemon_registers_nothing_more),
	TEST_CASE_SECONDS(a_daemon_killed_while_registering_leaves_nothing, 60),
	TEST_CASE(a_process_with_the_daemons_pid_commands_nothing),
	TEST_CASE(a_close_without_a_daemon_ends_the_template),
	TEST_CASE(a_creator_that_ends_without_a_daemon_is_noticed),
	TEST_CASE(the_library_reconnects_to_a_new_daemon),
	TEST_CASE(changes_without_a_daemon_are_told_later),
	TEST_CASE(unload_ends_all_enforcement),
};
GUARD_MAIN_ALONE(cases)
