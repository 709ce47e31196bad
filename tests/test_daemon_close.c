/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard's daemon and descriptors whose last close takes long, or never returns:
 * they delay nobody, and one user's leave the descriptors of the daemon to others.
 */
#include "guarding.h"

#include <linux/fuse.h>
#include <netinet/in.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- sockets that linger */

/* A socket whose last close waits, as the other end does not take the data. */
static int lingering_socket(int *other)
{
	const struct linger linger = { 1, 20 };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	char data[65536] = "";
	int l = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_SYS(bind(l, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(listen(l, 1));
	CHECK_SYS(getsockname(l, (struct sockaddr *)&addr, &len));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	*other = CHECK_SYS(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	CHECK_SYS(close(l));
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	CHECK_SYS(
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	return fd;
}

static void register_as_alice(void *arg)
{
	guard_add(guard_connect(arg), "/bin/sh");
}

/* Waits until the daemon has noticed that no close is under way any more. */
static void wait_heard(const struct guard *g)
{
	struct st_msg msg;
	ssize_t n = 0;

	for (int i = 0; i < 1000 && n <= 0; i++) {
		int fd = guard_connect(g);

		msg = guard_msg(ST_MSG_STATUS);
		if (!guard_send(fd, &msg, sizeof(msg), NULL, 0, NULL))
			n = guard_receive(fd, &msg, NULL);
		CHECK_SYS(close(fd));
		usleep(1000);
	}
	CHECK_EQ(n, sizeof(msg));
}

/*
 * The daemon receives and refuses some of the descriptors, finds some when it stops
 * to hear their sender, and some in the queue of a connection that ends.
 */
static void descriptors_that_close_slowly_delay_nobody(void)
{
	int fd, fds, c[16], other[48], n = 0;
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);
	uint64_t begin;
	struct guard g;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	for (int i = 0; i < 16; i++)
		c[i] = guard_connect(&g);
	/* the daemon has the last copies when it goes on */
	CHECK_SYS(kill(g.pid, SIGSTOP));
	for (; n < 48; n++) {
		int slow = lingering_socket(&other[n]);
		size_t len = n < 16 ? sizeof(msg) : (size_t)(n % 3);

		CHECK_EQ(guard_send(c[n % 16], &msg, len, &slow, 1, NULL), 0);
		CHECK_SYS(close(slow));
	}
	CHECK_SYS(kill(g.pid, SIGCONT));
	begin = now_ms();
	guard_as(ALICE, register_as_alice, &g);
	CHECK_LT(now_ms() - begin, 5000);
	for (int i = 0; i < n; i++)
		CHECK_SYS(close(other[i]));
	for (int i = 0; i < 16; i++)
		CHECK_SYS(close(c[i]));
	/* the daemon has closed this user's connection, too */
	CHECK_SYS(close(fd));
	guard_wait_fds(&g, fds - 2);
	wait_heard(&g);
	guard_stop(&g);
}

/* Makes connections and closes them with a slow descriptor in their queue. */
static void connect_with_slow_ones(const struct guard *g, int *other, int n)
{
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);

	/* the daemon finds all of them at once when it goes on */
	CHECK_SYS(kill(g->pid, SIGSTOP));
	for (int i = 0; i < n; i++) {
		int c = guard_connect(g), slow = lingering_socket(&other[i]);

		CHECK_EQ(guard_send(c, &msg, sizeof(msg), &slow, 1, NULL), 0);
		CHECK_SYS(close(slow));
		CHECK_SYS(close(c));
	}
	CHECK_SYS(kill(g->pid, SIGCONT));
}

/* The slow ones of one user stay open, up to a bound; all else is closed. */
static void connections_with_slow_descriptors_do_not_add_up(void)
{
	int fd, fds, other[60], n = 0;
	uint64_t begin;
	struct guard g;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	connect_with_slow_ones(&g, other, 60);
	begin = now_ms();
	guard_as(ALICE, register_as_alice, &g);
	CHECK_LT(now_ms() - begin, 5000);
	for (int i = 0; i < 1000 && n != fds + 8; i++) {
		usleep(5000);
		n = guard_fds(&g);
	}
	/* this client's connection stays until it is heard again */
	CHECK_LE(n, fds + 8);
	for (int i = 0; i < 60; i++)
		CHECK_SYS(close(other[i]));
	CHECK_SYS(close(fd));
	guard_wait_fds(&g, fds - 2);
	guard_stop(&g);
}

static void a_connection_that_is_refused_delays_nobody(void)
{
	int fd, fds, other[8];
	struct guard g = guard_with_client(&fd, &fds);
	struct rlimit limit = { (rlim_t)fds - 2, (rlim_t)fds - 2 };
	uint64_t begin;

	/* no descriptor is left but the spare one */
	CHECK_SYS(prlimit(g.pid, RLIMIT_NOFILE, &limit, NULL));
	connect_with_slow_ones(&g, other, 8);
	begin = now_ms();
	/* these stand behind the slow ones in the queue */
	guard_is_closed(guard_connect(&g));
	CHECK_EQ(guard_status(fd).clients, 1);
	CHECK_LT(now_ms() - begin, 5000);
	guard_wait_fds(&g, fds);
	guard_stop(&g);
}

/* Sends more descriptors than a message may have, in the name of this user. */
static void send_too_many(void *arg)
{
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);
	int fd = guard_connect(arg), fds[253];

	for (int i = 0; i < 253; i++)
		fds[i] = 0;
	CHECK_EQ(guard_send(fd, &msg, sizeof(msg), fds, 253, NULL), 0);
	CHECK_EQ(guard_receive(fd, &msg, NULL), 0);
}

/*
 * The daemon gets the last copies of the slow ones. They, and what other users
 * send meanwhile, take none of its descriptors.
 */
static void slow_descriptors_of_a_user_leave_others_room(void)
{
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);
	int fd, fds, c[8], other[8];
	struct guard g;

	test_need_root();
	g = guard_with_client(&fd, &fds);
	for (int i = 0; i < 8; i++)
		c[i] = guard_connect(&g);
	CHECK_SYS(kill(g.pid, SIGSTOP));
	for (int i = 0; i < 8; i++) {
		int slow = lingering_socket(&other[i]);

		CHECK_EQ(guard_send(c[i], &msg, sizeof(msg), &slow, 1, NULL),
			 0);
		CHECK_SYS(close(slow));
	}
	CHECK_SYS(kill(g.pid, SIGCONT));
	for (int i = 0; i < 8; i++) {
		guard_receive(c[i], &msg, NULL);
		CHECK_SYS(close(c[i]));
	}
	for (uid_t i = 0; i < 10; i++)
		guard_as(ALICE + i, send_too_many, &g);
	guard_wait_fds(&g, fds);
	guard_stop(&g);
}

/* ---- the last close */

/* Waits for the end of the marked file. Return: the process that closed it last. */
static pid_t last_closer(int fan)
{
	union {
		struct fanotify_event_metadata event;
		char buf[4096];
	} got;

	guard_wait_readable(fan, "the end of the file");
	CHECK_GE(read(fan, &got, sizeof(got)), sizeof(got.event));
	CHECK(got.event.mask & FAN_DELETE_SELF);
	return got.event.pid;
}

/* A file without a name ends with its last descriptor. */
static void the_daemon_never_closes_a_file_last(void)
{
	char *path = test_copy_probe("program");
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);
	int fd, fds, fan, file;
	struct guard g;

	test_need_root();
	fan = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, 0);
	if (fan < 0)
		TEST_SKIP("no fanotify here: %s", strerror(errno));
	if (fanotify_mark(fan, FAN_MARK_ADD, FAN_DELETE_SELF, AT_FDCWD, path))
		TEST_SKIP("no marks on this file system: %s", strerror(errno));
	g = guard_with_client(&fd, &fds);
	file = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_SYS(unlink(path));
	CHECK_SYS(kill(g.pid, SIGSTOP));
	CHECK_EQ(guard_send(fd, &msg, sizeof(msg), &file, 1, NULL), 0);
	CHECK_SYS(close(file));
	CHECK_SYS(kill(g.pid, SIGCONT));
	CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	CHECK_NE(last_closer(fan), g.pid);
	guard_stop(&g);
}

/* ---- files that are never flushed */

static void answer(int fuse, uint64_t unique, const void *data, size_t size)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + size),
				       .unique = unique };
	struct iovec iov[] = { { &out, sizeof(out) },
			       { (void *)(uintptr_t)data, size } };

	(void)!writev(fuse, iov, 2);
}

/* Serves one file, and answers no flush. */
static void serve_without_flush(int fuse)
{
	static char buffer[65536] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (const void *)buffer;
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = 31,
				      .max_write = 4096 };
	struct fuse_attr_out attr = {
		.attr_valid = 3600,
		.attr = { .ino = 1, .mode = S_IFREG | 0755, .nlink = 1 },
	};
	struct fuse_open_out opened = { .fh = 1 };
	ssize_t n;

	while ((n = read(fuse, buffer, sizeof(buffer))) > 0 || errno == EINTR) {
		if (n < 0)
			continue;
		if (in->opcode == FUSE_INIT)
			answer(fuse, in->unique, &init, sizeof(init));
		else if (in->opcode == FUSE_GETATTR)
			answer(fuse, in->unique, &attr, sizeof(attr));
		else if (in->opcode == FUSE_OPEN)
			answer(fuse, in->unique, &opened, sizeof(opened));
	}
}

/* Mounts the file, for this process and its children. Return: the server. */
static pid_t mount_without_flush(const char *path)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (fuse < 0 || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		TEST_SKIP("no FUSE here: %s", strerror(errno));
	test_write(path, "", 0755);
	if (mount("fuse", path, "fuse", 0,
		  test_fmt("fd=%d,rootmode=100755,user_id=0,group_id=0", fuse)))
		TEST_SKIP("no FUSE here: %s", strerror(errno));
	pid = CHECK_SYS(fork());
	if (!pid) {
		/* it must not keep anybody waiting after a failure */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_without_flush(fuse);
		_exit(0);
	}
	CHECK_SYS(close(fuse));
	return pid;
}

#define SLOW_MOST 8 /* pending closes of a user */
#define SLOW_ALL 112 /* of all users but root */

/* Sends as many of the files as are taken, by users from ALICE on. */
static pid_t send_slow_ones(const struct guard *g, uid_t user, const char *path,
			    int n)
{
	struct st_msg msg;
	int ready[2], fd, file;
	char byte = 0;
	pid_t pid;

	CHECK_SYS(pipe2(ready, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		file = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
		guard_become(user);
		fd = guard_connect(g);
		for (int i = 0; i < n; i++) {
			msg = guard_msg(ST_MSG_REGISTER);
			CHECK_EQ(guard_call(fd, &msg, file, NULL), -EBADF);
		}
		msg = guard_msg(ST_MSG_REGISTER);
		guard_send(fd, &msg, sizeof(msg), &file, 1, NULL);
		CHECK_EQ(guard_receive(fd, &msg, NULL), 0);
		CHECK_EQ(write(ready[1], &byte, 1), 1);
		/* its own close would wait, too */
		pause();
	}
	CHECK_SYS(close(ready[1]));
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_SYS(close(ready[0]));
	return pid;
}

static void hear_alice(void *arg)
{
	wait_heard(arg);
}

static void all_that_is_pending_is_bounded_and_root_is_served(void)
{
	char *path = test_path("slow");
	int fd, fds, file, users = SLOW_ALL / SLOW_MOST;
	struct st_msg msg;
	struct guard g;
	pid_t server;

	test_need_root();
	server = mount_without_flush(path);
	g = guard_with_client(&fd, &fds);
	for (int i = 0; i < users; i++)
		send_slow_ones(&g, (uid_t)(ALICE + i), path, SLOW_MOST);
	test_doing("a further user");
	send_slow_ones(&g, (uid_t)(ALICE + users), path, 0);
	/* nothing but these users' connections waits */
	CHECK_LE(guard_fds(&g), fds + users + 1);
	test_doing("root");
	guard_add(fd, "/bin/sh");
	msg = guard_msg(ST_MSG_REGISTER);
	file = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_EQ(guard_call(fd, &msg, file, NULL), -EBADF);
	/* the end of the server ends all closes */
	CHECK_SYS(kill(server, SIGKILL));
	CHECK_EQ(guard_reap(server), 128 + SIGKILL);
	guard_as(ALICE, hear_alice, &g);
	guard_as(ALICE, register_as_alice, &g);
	guard_stop(&g);
}

/* Leaves a message with a descriptor in each of many connections. */
static void connect_and_leave(void *arg)
{
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);
	int file = CHECK_SYS(open("/bin/sh", O_PATH | O_CLOEXEC));

	for (int i = 0; i < 1500; i++) {
		int fd = guard_connect(arg);

		/* the daemon may be faster */
		guard_send(fd, &msg, sizeof(msg), &file, 1, NULL);
		CHECK_SYS(close(fd));
	}
}

static void connections_of_a_user_who_is_not_heard_are_bounded(void)
{
	char *path = test_path("slow");
	int fd, fds, most = 0;
	struct guard g;
	pid_t server, pid;

	test_need_root();
	server = mount_without_flush(path);
	g = guard_with_client(&fd, &fds);
	send_slow_ones(&g, ALICE, path, SLOW_MOST);
	pid = CHECK_SYS(fork());
	if (!pid) {
		guard_become(ALICE);
		connect_and_leave(&g);
		_exit(0);
	}
	while (!waitpid(pid, NULL, WNOHANG)) {
		int n = guard_fds(&g);

		most = n > most ? n : most;
		guard_status(fd);
		usleep(10000);
	}
	CHECK_GT(most, fds);
	/* 1024 may wait for a process, and a round accepts some more */
	CHECK_LE(most, fds + 1100);
	guard_add(fd, "/bin/sh");
	CHECK_SYS(kill(server, SIGKILL));
	CHECK_EQ(guard_reap(server), 128 + SIGKILL);
	guard_stop(&g);
}

static const struct test_case cases[] = {
	TEST_CASE(descriptors_that_close_slowly_delay_nobody),
	TEST_CASE(connections_with_slow_descriptors_do_not_add_up),
	TEST_CASE(a_connection_that_is_refused_delays_nobody),
	TEST_CASE(slow_descriptors_of_a_user_leave_others_room),
	TEST_CASE(the_daemon_never_closes_a_file_last),
	TEST_CASE(all_that_is_pending_is_bounded_and_root_is_served),
	TEST_CASE(connections_of_a_user_who_is_not_heard_are_bounded),
};

TEST_MAIN(cases)
