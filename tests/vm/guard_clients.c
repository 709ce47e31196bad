/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of other users, in other namespaces, and with children that keep inherited
 * descriptors.
 */
#include "guarding.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <linux/bpf.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static char *program(const char *name)
{
	return guard_program(test_path("%s", name), "tiny-7");
}

static void become_in(uid_t uid, size_t n, const gid_t *groups)
{
	CHECK_SYS(setgroups(n, groups));
	CHECK_SYS(setresgid(uid, uid, uid));
	CHECK_SYS(setresuid(uid, uid, uid));
	/* otherwise the process does not own its files in /proc */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

static void become(uid_t uid)
{
	gid_t group = 990;	/* spawn-template */

	become_in(uid, uid != NOBODY, &group);
}

/* ---- quotas */

/* Registers until it fails with want. Return: the number of templates. */
static unsigned int register_all(int want)
{
	struct client *c = calloc(1, sizeof(*c));
	unsigned int n = 0;
	struct reg r;
	int ret = 0;

	CHECK(c);
	client_open(c);
	for (; n < 600 && ret == 0; n++) {
		int fd = open(test_path("p"), O_PATH | O_CLOEXEC);

		CHECK_SYS(fd);
		ret = client_register(c, fd, 0, &r);
	}
	CHECK_EQ(ret, want);
	CHECK_EQ(client_status(c).user_templates, n - 1);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	/* an unregistered template makes room for another */
	CHECK_OK(client_unregister(c, r.id));
	CHECK_OK(client_register(c, r.fd, 0, &r));
	return n - 1;
}

static void fill_as_alice(void *arg)
{
	const int *fds = arg;
	char byte;

	CHECK_SYS(close(fds[3]));
	become(ALICE);
	CHECK_EQ(register_all(-EDQUOT), 256);
	CHECK_EQ(write(fds[1], "", 1), 1);
	CHECK_EQ(read(fds[2], &byte, 1), 0);
}

static void also_as_alice(void *arg)
{
	struct reg r;

	(void)arg;
	become(ALICE);
	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(test_path("p")), 0, &r),
		 -EDQUOT);
}

static void as_bob(void *arg)
{
	struct reg r;

	(void)arg;
	become(BOB);
	client_open(&client);
	r = client_template(&client, test_path("p"), DENY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(client_status(&client).user_templates, 1);
	CHECK_EQ(client_status(&client).user_templates_max, 256);
}

static void a_user_has_a_quota(void)
{
	int fds[4];
	pid_t pid;
	char byte;

	program("p");
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(pipe2(fds + 2, O_CLOEXEC));
	pid = guard_child(fill_as_alice, fds);
	CHECK_SYS(close(fds[1]));
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	test_in_child(also_as_alice, NULL);
	test_in_child(as_bob, NULL);
	client_open(&client);
	CHECK_EQ(client_list(&client), 256);
	client_template(&client, test_path("p"), 0);
	CHECK_SYS(close(fds[3]));
	guard_wait(pid);
	GUARD_UNTIL(client_status(&client).templates == 1);
}

/* ---- two users who try to harm each other */

struct victim {
	int pair[2];
	struct reg reg;
	pid_t pid;
};

static void be_alice(void *arg)
{
	struct victim *v = arg;
	char byte;

	become(ALICE);
	client_open(&client);
	v->reg = client_template(&client, test_path("p"), DENY);
	CHECK_EQ(write(v->pair[1], &v->reg, sizeof(v->reg)), sizeof(v->reg));
	CHECK_OK(guard_send_fd(v->pair[1], v->reg.fd));
	for (;;) {
		ssize_t n = read(v->pair[1], &byte, 1);

		if (n != 1)
			break;
		CHECK(client_fresh(&client, &v->reg));
		CHECK_EQ(raw_launch(v->reg.fd, v->reg.id), 7);
		CHECK_EQ(write(v->pair[1], &byte, 1), 1);
	}
}

/* Alice's template is fresh, and launches. */
static void check_alice(struct victim *v, const char *what)
{
	char byte = 0;

	test_doing("%s", what);
	CHECK_EQ(write(v->pair[0], &byte, 1), 1);
	CHECK_EQ(read(v->pair[0], &byte, 1), 1);
}

static void attack(void *arg)
{
	struct victim *v = arg;
	struct st_msg_item item;
	struct reg own, r;

	become(BOB);
	client_open(&client);
	CHECK_EQ(client_list(&client), 0);
	CHECK_EQ(client_find(&client, v->reg.id, &item), -ENOENT);
	CHECK_EQ(client_unregister(&client, v->reg.id), -ENOENT);
	check_alice(v, "unregister");
	CHECK_EQ(raw_launch(v->reg.fd, v->reg.id), -EACCES);
	check_alice(v, "launch");
	/* a file that Alice has opened cannot be Bob's template */
	CHECK_EQ(client_register(&client, v->reg.fd, 0, &r), -EACCES);
	CHECK_EQ(client_register(&client, v->reg.fd, DENY, &r), -EACCES);
	check_alice(v, "register");
	/* a template of the same file is Bob's own */
	own = client_template(&client, test_path("p"), 0);
	CHECK_EQ(raw_launch(own.fd, own.id), 7);
	CHECK_EQ(client_list(&client), 1);
	CHECK_EQ(raw_launch(own.fd, v->reg.id), -EACCES);
	CHECK_OK(client_unregister(&client, own.id));
	check_alice(v, "own template");
	for (int i = 0; i < 300; i++)
		CHECK_EQ(client_register(&client, v->reg.fd, 0, &r), -EACCES);
	check_alice(v, "many refused");
	CHECK_EQ(guard_write("/proc/self/exe", O_RDWR), -EACCES);
}

static void many_connections(void *arg)
{
	struct client c;
	unsigned int n = 0;

	(void)arg;
	become(BOB);
	while (n < 900 && client_try(&c) == 0)
		n++;
	CHECK_GT(n, 3);
	for (int i = 0; i < 30; i++)
		CHECK_LT(client_try(&c), 0);
}

static void two_users_cannot_harm_each_other(void)
{
	struct victim v;

	program("p");
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v.pair));
	v.pid = guard_child(be_alice, &v);
	CHECK_SYS(close(v.pair[1]));
	CHECK_EQ(read(v.pair[0], &v.reg, sizeof(v.reg)), sizeof(v.reg));
	v.reg.fd = guard_take_fd(v.pair[0]);
	test_in_child(attack, &v);
	test_in_child(many_connections, NULL);
	check_alice(&v, "many connections");
	/* root sees the refusals of Alice's template */
	client_open(&client);
	CHECK_EQ(client_item(&client, v.reg.id).uid, ALICE);
	CHECK_EQ(client_item(&client, v.reg.id).refused, 2);
	CHECK_SYS(close(v.reg.fd));
	CHECK_SYS(shutdown(v.pair[0], SHUT_WR));
	guard_wait(v.pid);
}

/* ---- the right to keep others from writing */

struct attempt {
	const char *name;
	uid_t uid, gid;
	mode_t mode;
	int plain, deny;	/* the answers to Bob, of group 990 */
};

static const struct attempt attempts[] = {
	{ "shadow", 0, 0, 0600, -EACCES, -EACCES },
	{ "lock", 0, 0, 0644, -EACCES, -EACCES },
	{ "data", BOB, BOB, 0666, -EACCES, -EACCES },
	{ "root's", 0, 0, 0744, 0, -EACCES },
	{ "group's", 0, 0, 0754, 0, -EACCES },
	{ "alice's", ALICE, ALICE, 0750, 0, -EACCES },
	{ "not-the-owner's", BOB, BOB, 0655, 0, -EACCES },
	{ "not-the-group's", 0, 990, 0705, 0, -EACCES },
	{ "everybody's", 0, 0, 0755, 0, 0 },
	{ "bob's", BOB, 0, 0700, 0, 0 },
	{ "first-group's", 0, BOB, 0710, 0, 0 },
	{ "further-group's", 0, 990, 0710, 0, 0 },
};

static void attempt_all(void *arg)
{
	const gid_t groups[] = { 5, 100, 990, 2000, 3000 };
	struct reg r;

	become_in(BOB, *(size_t *)arg, groups);
	client_open(&client);
	for (unsigned int i = 0; i < TEST_COUNT(attempts); i++) {
		const struct attempt *a = &attempts[i];
		const char *path = test_path("%s", a->name);

		test_doing("%s", a->name);
		CHECK_EQ(client_register(&client, guard_open(path), 0, &r),
			 a->plain);
		CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
			 a->deny);
	}
}

/* Root may execute only a file with at least one execute bit. */
static void attempt_as_root(void)
{
	struct reg r;

	client_open(&client);
	for (unsigned int i = 0; i < TEST_COUNT(attempts); i++) {
		const struct attempt *a = &attempts[i];
		const char *path = test_path("%s", a->name);

		test_doing("%s as root", a->name);
		CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
			 a->mode & 0111 ? 0 : -EACCES);
	}
}

static void a_user_who_may_not_execute_denies_no_writes(void)
{
	for (unsigned int i = 0; i < TEST_COUNT(attempts); i++) {
		const struct attempt *a = &attempts[i];
		const char *path = test_path("%s", a->name);

		test_write(path, "text", 0600);
		CHECK_SYS(chown(path, a->uid, a->gid));
		CHECK_SYS(chmod(path, a->mode));
	}
	guard_tick();
	for (size_t n = 3; n <= 5; n++)
		test_in_child(attempt_all, &n);
	for (unsigned int i = 0; i < TEST_COUNT(attempts); i++)
		CHECK_OK(
			guard_write(test_path("%s", attempts[i].name), O_RDWR));
	attempt_as_root();
}

static void as_nobody(void *arg)
{
	(void)arg;
	become(NOBODY);
	CHECK_EQ(client_try(&client), -EACCES);
	CHECK_LT(map_open("templates"), 0);
}

static void users_outside_the_group_are_not_served(void)
{
	test_in_child(as_nobody, NULL);
}

/* ---- namespaces */

static void write_file(const char *path, const char *text)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_SYS(close(fd));
}

static void launch_foreign(void *arg)
{
	const struct reg *r = arg;

	CHECK_EQ(raw_launch(r->fd, r->id), -EACCES);
}

static void in_namespaces(void *arg)
{
	struct reg r;

	(void)arg;
	CHECK_EQ(getpid(), 1);
	CHECK_SYS(mount("proc", "/proc", "proc", 0, NULL));
	client_open(&client);
	r = client_template(&client, test_path("p"), DENY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	test_in_child(launch_foreign, &r);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(client_item(&client, r.id).launches, 2);
	CHECK_EQ(client_item(&client, r.id).refused, 1);
	/* the pid is that of the daemon's namespace */
	CHECK_NE(client_item(&client, r.id).pid, 1);
}

static void in_a_container(void *arg)
{
	const uid_t uid = *(uid_t *)arg;

	if (uid)
		become(uid);
	CHECK_SYS(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", test_fmt("0 %u 1", uid));
	write_file("/proc/self/gid_map", test_fmt("0 %u 1", uid));
	guard_wait(guard_child(in_namespaces, NULL));
}

static void clients_in_other_namespaces_are_served(void)
{
	program("p");
	test_in_child(in_a_container, &(uid_t){ 0 });
	test_in_child(in_a_container, &(uid_t){ ALICE });
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
}

/* The library's view: credentials of a namespace, and fork within it. */
static void library_in_namespaces(void *arg)
{
	int tfd;

	(void)arg;
	CHECK_SYS(mount("proc", "/proc", "proc", 0, NULL));
	tfd = CHECK_OK(spawn_template_open(test_path("p"),
					   SPAWN_TEMPLATE_CREATE_GUARD));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
}

static void the_library_works_in_other_namespaces(void)
{
	program("p");
	CHECK_SYS(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 0 1");
	write_file("/proc/self/gid_map", "0 0 1");
	guard_wait(guard_child(library_in_namespaces, NULL));
}

/* ---- children that keep what they inherited */

static void use_inherited(void *arg)
{
	struct st_msg msg = { .h = { .magic = ST_MSG_MAGIC,
				     .version = ST_MSG_VERSION,
				     .type = ST_MSG_STATUS } };
	int fd;

	(void)arg;
	CHECK_OK(client_send(&client, &msg, -1));
	CHECK_EQ(client_receive(&client, &msg, 10000, &fd), -ECONNRESET);
}

static void a_childs_message_ends_the_connection(void)
{
	struct reg r;

	client_open(&client);
	r = client_template(&client, program("p"), DENY);
	test_in_child(use_inherited, NULL);
	/* the template lives by its file, not by the connection */
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	CHECK_EQ(client_unregister(&client, r.id), -ECONNRESET);
	client_open(&client);
	CHECK_OK(client_unregister(&client, r.id));
}

static void keep(void *arg)
{
	(void)arg;
	pause();
}

static void register_and_leave_a_child(void *arg)
{
	pid_t pid;
	struct reg r;

	client_open(&client);
	r = client_template(&client, test_path("p"), DENY);
	pid = guard_child(keep, NULL);
	CHECK_EQ(write(*(int *)arg, &pid, sizeof(pid)), sizeof(pid));
	CHECK_EQ(write(*(int *)arg, &r.id, sizeof(r.id)), sizeof(r.id));
}

static void a_child_with_the_connection_keeps_no_template(void)
{
	struct st_msg_item item;
	pid_t pid, child;
	uint64_t id;
	int fds[2];

	program("p");
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = guard_child(register_and_leave_a_child, &fds[1]);
	CHECK_EQ(read(fds[0], &child, sizeof(child)), sizeof(child));
	CHECK_EQ(read(fds[0], &id, sizeof(id)), sizeof(id));
	guard_wait(pid);
	CHECK_SYS(kill(child, 0));
	client_open(&client);
	GUARD_UNTIL(client_find(&client, id, &item) == -ENOENT);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_SYS(kill(child, SIGKILL));
}

/* ---- the words */

/* The descriptor of the words serves only to read them. */
static void the_words_cannot_be_written(void)
{
	struct st_msg msg = { .h = { .magic = ST_MSG_MAGIC,
				     .version = ST_MSG_VERSION,
				     .type = ST_MSG_HELLO } };
	union bpf_attr attr = { 0 };
	uint64_t value = 0;
	uint32_t key = 0;
	struct client c;
	int fd;

	client_open(&c);
	client_open(&client);
	/* each connection gets one descriptor */
	CHECK_EQ(client_ask(&client, &msg, -1), -EALREADY);
	CHECK_SYS(mprotect((void *)(uintptr_t)c.words, 4096, PROT_READ));
	CHECK_EQ(mprotect((void *)(uintptr_t)c.words, 4096,
			  PROT_READ | PROT_WRITE),
		 -1);
	CHECK_EQ(errno, EACCES);
	fd = CHECK_SYS(map_open("exec_states"));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	      MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	CHECK_EQ(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)),
		 -1);
	CHECK_EQ(errno, EPERM);
}

/* ---- other descriptors */

static void other_descriptors_cannot_be_registered(void)
{
	char *path = program("p");
	struct reg r;
	int fds[2];

	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open("/tmp"), 0, &r), -EINVAL);
	CHECK_EQ(client_register(&client, guard_open("/dev/null"), 0, &r),
		 -EINVAL);
	CHECK_LT(client_register(&client, CHECK_SYS(open(path, O_RDONLY)), 0,
				 &r),
		 0);
	CHECK_SYS(pipe(fds));
	CHECK_LT(client_register(&client, fds[0], 0, &r), 0);
	CHECK_LT(client_register(&client, client.sock, 0, &r), 0);
	r = client_template(&client, path, 0);
	/* an open file is one template at most */
	CHECK_EQ(client_register(&client, r.fd, 0, &(struct reg){ 0 }),
		 -EEXIST);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(a_user_has_a_quota, 60),
	TEST_CASE_SECONDS(two_users_cannot_harm_each_other, 60),
	TEST_CASE(a_user_who_may_not_execute_denies_no_writes),
	TEST_CASE(users_outside_the_group_are_not_served),
	TEST_CASE(clients_in_other_namespaces_are_served),
	TEST_CASE(the_library_works_in_other_namespaces),
	TEST_CASE(a_childs_message_ends_the_connection),
	TEST_CASE(a_child_with_the_connection_keeps_no_template),
	TEST_CASE(the_words_cannot_be_written),
	TEST_CASE(other_descriptors_cannot_be_registered),
};
GUARD_MAIN(cases)
