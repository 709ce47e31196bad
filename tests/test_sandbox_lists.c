/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sandboxes from lists: each wish holds for the program, also for its children's
 * children, and what the kernel cannot hold is told and refused.
 */
#include "running.h"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/landlock.h>

#include "denied.h"

#define WISH(name) SPAWN_TEMPLATE_SANDBOX_##name
#define LOST(name) SPAWN_TEMPLATE_SANDBOX_LOST_##name

#define LIST(...) ((uintptr_t)(const char *const[]){ __VA_ARGS__, NULL })

static int abi(void)
{
	int ret = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	return ret < 0 ? 0 : ret;
}

static void need(int version)
{
	if (abi() < version)
		TEST_SKIP("Landlock has version %d here, not %d", abi(),
			  version);
}

static struct spawn_template_sandbox *
make(struct spawn_template_sandbox_args args)
{
	struct spawn_template_sandbox *s = NULL;

	CHECK_EQ(spawn_template_sandbox_new(&args, sizeof(args), &s), 0);
	CHECK(s);
	return s;
}

static int refusal(struct spawn_template_sandbox_args args)
{
	struct spawn_template_sandbox *s = (void *)&args;
	int fds = test_count_fds();
	int ret = spawn_template_sandbox_new(&args, sizeof(args), &s);

	CHECK_LT(ret, 0);
	CHECK(s == (void *)&args);
	CHECK_EQ(test_count_fds(), fds);
	return ret;
}

/* Checks the answers of a program in the sandbox: an error number for each word. */
static void check_answers(struct spawn_template_sandbox_args wishes,
			  char *const argv[], const char *want)
{
	struct spawn_template_sandbox *s = make(wishes);
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int tfd = template_of("confined");

	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)environ;
	CHECK_EQ(spawn_template_sandbox_apply(s, &args, sizeof(args)), 0);
	CHECK_STR(test_output_args(tfd, args, NULL), want);
	/* a sandbox serves any number of launches */
	CHECK_STR(test_output_args(tfd, args, NULL), want);
	spawn_template_sandbox_free(s);
	CHECK_SYS(spawn_template_close(tfd));
}

#define ANSWERS(wishes, want, ...) \
	check_answers(wishes, TEST_ARGV("confined", __VA_ARGS__), want)

static struct spawn_template_sandbox_args paths(uint64_t ro, uint64_t rw)
{
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;

	args.flags = WISH(BEST_EFFORT);
	args.read_only = ro;
	args.writable = rw;
	return args;
}

static struct spawn_template_sandbox_args flags(uint64_t f)
{
	struct spawn_template_sandbox_args args = paths(0, 0);

	args.flags |= f;
	return args;
}

/* ---- files ---- */

static void a_program_writes_in_the_writable_paths_only(void)
{
	char *in = test_path("in"), *out = test_path("out");
	char *mine = test_fmt("%s/mine", in), *other = test_fmt("%s/x", out);

	need(3);
	CHECK_SYS(mkdir(in, 0755));
	CHECK_SYS(mkdir(out, 0755));
	test_write(mine, "x", 0644);
	test_write(other, "x", 0644);
	ANSWERS(paths(LIST("/"), LIST(in)), "0\n0\n0\n0\n13\n13\n13\n0\n",
		"read", other, "write", mine, "make", test_fmt("%s/new", in),
		"truncate", mine, "write", other, "make",
		test_fmt("%s/new", out), "truncate", other, "list", "/");
	CHECK_STR(test_read(other), "x");
}

static void a_list_may_name_a_file(void)
{
	char *one = test_path("one"), *two = test_path("two");

	need(1);
	test_write(one, "x", 0644);
	test_write(two, "x", 0644);
	ANSWERS(paths(LIST("/"), LIST(one)), "0\n13\n", "write", one, "write",
		two);
}

static void what_no_list_names_is_out_of_reach(void)
{
	char *secret = test_path("secret");
	const char *tool = test_tool("confined");
	static struct spawn_template_stat st;
	const char *tools =
		test_fmt("%.*s", (int)(strrchr(tool, '/') - tool), tool);

	need(1);
	test_write(secret, "x", 0644);
	CHECK_OK(spawn_template_stat(template_of("confined"), &st, sizeof(st)));
	ANSWERS(paths(LIST("/usr", "/lib", "/etc", tools, st.interpreter), 0),
		"13\n13\n0\n", "read", secret, "list", "/", "list", "/usr");
}

static void a_program_outside_of_the_lists_does_not_start(void)
{
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_sandbox *s;
	int pidfd;

	need(1);
	s = make(paths(LIST("/proc"), 0));
	args.argv = (uintptr_t)TEST_ARGV("confined");
	args.pidfd = (uintptr_t)&pidfd;
	CHECK_EQ(spawn_template_sandbox_apply(s, &args, sizeof(args)), 0);
	CHECK_FAILS(template_of("confined"), args, EACCES,
		    SPAWN_TEMPLATE_STAGE_EXEC, 0);
	spawn_template_sandbox_free(s);
}

static void programs_use_the_null_device(void)
{
	struct spawn_template_sandbox_args args = paths(LIST("/"), 0);

	need(1);
	ANSWERS(args, "0\n0\n0\n", "write", "/dev/null", "write", "/dev/zero",
		"read", "/dev/urandom");
	args.flags |= WISH(NO_DEVICES);
	ANSWERS(args, "13\n0\n", "write", "/dev/null", "read", "/dev/null");
}

/* Version 1 denies each move to another folder. */
static void a_file_can_move_between_writable_folders(void)
{
	char *a = test_path("a"), *b = test_path("b");

	need(2);
	CHECK_SYS(mkdir(a, 0755));
	CHECK_SYS(mkdir(b, 0755));
	test_write(test_fmt("%s/file", a), "x", 0644);
	ANSWERS(paths(LIST("/"), LIST(a, b)), "0\n0\n", "rename",
		test_fmt("%s/file", a), test_fmt("%s/file", b), "rename",
		test_fmt("%s/file", b), test_fmt("%s/file", a));
}

static void a_path_that_fails_is_told(void)
{
	const char *failed = "none", *missing = test_path("missing");
	struct spawn_template_sandbox_args args =
		paths(LIST("/", missing), LIST("/"));

	need(1);
	args.failed = (uintptr_t)&failed;
	CHECK_EQ(refusal(args), -ENOENT);
	CHECK_STR(failed, missing);
}

/* ---- the network ---- */

static void no_net_leaves_unix_sockets_only(void)
{
	ANSWERS(flags(WISH(NO_NET)), "13\n13\n13\n13\n0\n0\n38\n38\n", "socket",
		"2" /* INET */, "socket", "10" /* INET6 */, "socket",
		"16" /* NETLINK */, "pair", "30" /* TIPC */, "socket",
		"1" /* UNIX */, "pair", "1", "ring", "x32");
}

/* Listen on a port of 127.0.0.1. Return: the port. */
static int listening(int *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_SYS(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	CHECK_SYS(listen(fd, 5));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&in, &len));
	*port = ntohs(in.sin_port);
	return fd;
}

static void tcp_ports_are_those_of_the_lists(void)
{
	struct spawn_template_sandbox_args args =
		flags(WISH(CONNECT) | WISH(BIND));
	int one, two, a = listening(&one), b = listening(&two);
	char *first = test_fmt("%d", one), *second = test_fmt("%d", two);
	uint16_t ports[] = { (uint16_t)one };

	need(4);
	args.connect_ports = (uintptr_t)ports;
	args.n_connect_ports = 1;
	ANSWERS(args, "0\n13\n13\n0\n", "connect", first, "connect", second,
		"bind", first, "socket", "2");
	args.flags = WISH(BIND);
	args.connect_ports = args.n_connect_ports = 0;
	CHECK_SYS(close(a));
	args.bind_ports = (uintptr_t)ports;
	args.n_bind_ports = 1;
	ANSWERS(args, "0\n13\n0\n", "bind", first, "bind", "1", "connect",
		second);
	CHECK_SYS(close(b));
}

/* ---- other processes ---- */

static void signals_stay_in_the_sandbox(void)
{
	char *self = test_fmt("%d", getpid());

	need(6);
	ANSWERS(flags(WISH(SIGNALS)), "1\n0\n", "signal", self, "signal", "0");
	ANSWERS(flags(WISH(ABSTRACT)), "0\n", "signal", self);
}

static int listen_at(const char *name, int abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	memcpy(un.sun_path + abstract, name, strlen(name));
	CHECK_SYS(bind(fd, (struct sockaddr *)&un,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				   strlen(name) + 1)));
	CHECK_SYS(listen(fd, 9));
	return fd;
}

static void abstract_sockets_stay_in_the_sandbox(void)
{
	char *name = test_fmt("sandbox-test-%d", getpid());
	int fd = listen_at(name, 1);

	need(6);
	ANSWERS(flags(WISH(ABSTRACT)), "1\n", "abstract", name);
	ANSWERS(flags(WISH(NO_NET)), "1\n", "abstract", name);
	ANSWERS(flags(WISH(SIGNALS)), "0\n", "abstract", name);
	CHECK_SYS(close(fd));
}

static void sockets_are_reached_where_files_are_writable(void)
{
	char *in = test_path("in"), *name = test_path("in/s");
	int fd;

	need(1);
	CHECK_SYS(mkdir(in, 0755));
	fd = listen_at(name, 0);
	/* older versions lose that, and say so */
	ANSWERS(paths(LIST("/"), 0), abi() < 9 ? "0\n" : "13\n", "unix", name);
	ANSWERS(paths(LIST("/"), LIST(in)), "0\n", "unix", name);
	CHECK_SYS(close(fd));
}

/* ---- what is lost ---- */

static int lost(struct spawn_template_sandbox_args args)
{
	return spawn_template_sandbox_lost(&args, sizeof(args));
}

static int lost_by(int version)
{
	if (version < 1)
		return LOST(FILES);
	return (version < 2 ? LOST(RENAME) : 0) |
	       (version < 3 ? LOST(TRUNCATE) : 0) |
	       (version < 5 ? LOST(IOCTL) : 0) |
	       (version < 9 ? LOST(SOCKETS) : 0);
}

static void lost_tells_what_the_kernel_cannot_hold(void)
{
	int v = abi();

	CHECK_EQ(lost(paths(LIST("/"), 0)), lost_by(v));
	CHECK_EQ(lost(flags(WISH(CONNECT))), v < 4 ? LOST(TCP) : 0);
	CHECK_EQ(lost(flags(WISH(SIGNALS))), v < 6 ? LOST(SIGNALS) : 0);
	CHECK_EQ(lost(flags(WISH(ABSTRACT))), v < 6 ? LOST(ABSTRACT) : 0);
	CHECK_EQ(lost(flags(WISH(NO_NET))), 0);
}

static void without_landlock_a_wish_is_refused(void *arg)
{
	struct spawn_template_sandbox_args args = paths(LIST("/"), 0);

	(void)arg;
	CHECK_SYS(denied_install(SYS_landlock_create_ruleset, 0, 0, 0, ENOSYS));
	CHECK_EQ(lost(args), LOST(FILES));
	args.flags = 0;
	CHECK_EQ(refusal(args), -EOPNOTSUPP);
	CHECK_EQ(refusal((struct spawn_template_sandbox_args){
			 .flags = WISH(SIGNALS) }),
		 -EOPNOTSUPP);
	/* the best that can be done is nothing, or the filter alone */
	ANSWERS(paths(LIST("/proc"), 0), "0\n", "write", "/dev/null");
	ANSWERS(flags(WISH(NO_NET)), "13\n", "socket", "2");
}

static void without_seccomp_no_net_is_refused(void *arg)
{
	(void)arg;
	CHECK_SYS(denied_install(SYS_seccomp, 0, 0, 0, ENOSYS));
	CHECK_EQ(lost(flags(WISH(NO_NET))), LOST(NET));
	CHECK_EQ(refusal((struct spawn_template_sandbox_args){
			 .flags = WISH(NO_NET) }),
		 -EOPNOTSUPP);
}

static void a_wish_that_cannot_be_held_is_refused(void)
{
	test_in_child(without_landlock_a_wish_is_refused, NULL);
	test_in_child(without_seccomp_no_net_is_refused, NULL);
}

/* ---- the caller ---- */

static void the_caller_stays_outside(void)
{
	struct spawn_template_sandbox *s =
		make((struct spawn_template_sandbox_args){
			.flags = WISH(NO_NET) | WISH(BEST_EFFORT) });
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0), fd;

	args.argv = (uintptr_t)TEST_ARGV("confined", "socket", "2");
	CHECK_EQ(spawn_template_sandbox_apply(s, &args, sizeof(args)), 0);
	CHECK_STR(test_output_args(template_of("confined"), args, NULL),
		  "13\n");
	CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), seccomp);
	fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_SYS(close(fd));
	spawn_template_sandbox_free(s);
}

static void a_sandbox_leaves_nothing_behind(void)
{
	struct spawn_template_sandbox_args args = paths(LIST("/"), LIST("/"));
	struct spawn_template_spawn_args launch =
		SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int fds = test_count_fds();
	struct spawn_template_sandbox *s;

	need(1);
	for (int i = 0; i < 100; i++) {
		s = make(args);
		spawn_template_sandbox_free(s);
	}
	CHECK_EQ(test_count_fds(), fds);
	/* a number that the caller has closed may be another file's */
	s = make(args);
	CHECK_EQ(spawn_template_sandbox_apply(s, &launch, sizeof(launch)), 0);
	CHECK_SYS(close(launch.landlock_fd));
	CHECK_EQ(open("/", O_PATH | O_CLOEXEC), launch.landlock_fd);
	spawn_template_sandbox_free(s);
	CHECK_EQ(test_count_fds(), fds + 1);
	spawn_template_sandbox_free(NULL);
}

static void malformed_wishes_are_refused(void)
{
	uint16_t ports[] = { 80 };
	struct spawn_template_sandbox_args bad[] = {
		{ .flags = 0 },
		{ .flags = WISH(BEST_EFFORT) | WISH(NO_DEVICES) },
		{ .flags = 1ULL << 7 | WISH(NO_NET) },
		{ .flags = WISH(NO_NET) | WISH(CONNECT) },
		{ .flags = WISH(NO_NET) | WISH(BIND) },
		{ .flags = WISH(CONNECT), .n_connect_ports = 1 },
		{ .flags = WISH(BIND),
		  .bind_ports = (uintptr_t)ports,
		  .n_bind_ports = 65537 },
		{ .flags = WISH(NO_NET), .bind_ports = (uintptr_t)ports },
		{ .flags = WISH(NO_NET), .reserved = { 0, 0, 0, 1 } },
	};
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_sandbox *s = make(flags(WISH(NO_NET)));

	for (size_t i = 0; i < TEST_COUNT(bad); i++) {
		test_doing("wish %zu", i);
		CHECK_EQ(refusal(bad[i]), -EINVAL);
		CHECK_EQ(lost(bad[i]), -EINVAL);
	}
	CHECK_EQ(spawn_template_sandbox_lost(
			 bad, SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0 - 1),
		 -EINVAL);
	CHECK_EQ(spawn_template_sandbox_apply(
			 s, &args, SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1),
		 -EINVAL);
	args.flags = SPAWN_TEMPLATE_SPAWN_SECCOMP;
	CHECK_EQ(spawn_template_sandbox_apply(s, &args, sizeof(args)), -EINVAL);
	spawn_template_sandbox_free(s);
}

static const struct test_case cases[] = {
	TEST_CASE(a_program_writes_in_the_writable_paths_only),
	TEST_CASE(a_list_may_name_a_file),
	TEST_CASE(what_no_list_names_is_out_of_reach),
	TEST_CASE(a_program_outside_of_the_lists_does_not_start),
	TEST_CASE(programs_use_the_null_device),
	TEST_CASE(a_file_can_move_between_writable_folders),
	TEST_CASE(a_path_that_fails_is_told),
	TEST_CASE(no_net_leaves_unix_sockets_only),
	TEST_CASE(tcp_ports_are_those_of_the_lists),
	TEST_CASE(signals_stay_in_the_sandbox),
	TEST_CASE(abstract_sockets_stay_in_the_sandbox),
	TEST_CASE(sockets_are_reached_where_files_are_writable),
	TEST_CASE(lost_tells_what_the_kernel_cannot_hold),
	TEST_CASE(a_wish_that_cannot_be_held_is_refused),
	TEST_CASE(the_caller_stays_outside),
	TEST_CASE(a_sandbox_leaves_nothing_behind),
	TEST_CASE(malformed_wishes_are_refused),
};

TEST_MAIN(cases)
