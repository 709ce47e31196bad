/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard's daemon and clients that mean harm: to it, or to each other. It must
 * neither crash, nor wait, nor keep a descriptor, nor show a client the templates of
 * others.
 */
#include "guarding.h"

#include <sys/resource.h>
#include <time.h>

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- malformed messages */

static void send_ends(const struct guard *g, const void *bytes, size_t len)
{
	int fd = guard_connect(g);

	CHECK_EQ(guard_send(fd, bytes, len, NULL, 0, NULL), 0);
	guard_is_closed(fd);
}

static void a_malformed_message_ends_the_connection(void)
{
	static const size_t sizes[] = {
		1, 23, 24, 100, ST_MSG_SIZE - 1, ST_MSG_SIZE + 1, 4096, 100000,
	};
	struct st_msg msg = guard_msg(ST_MSG_STATUS);
	char big[100000] = "";
	int fd, fds;
	struct guard g = guard_with_client(&fd, &fds);

	memcpy(big, &msg, sizeof(msg));
	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		test_doing("%zu bytes", sizes[i]);
		send_ends(&g, big, sizes[i]);
	}
	msg.h.magic++;
	send_ends(&g, &msg, sizeof(msg));
	msg = guard_msg(ST_MSG_STATUS);
	msg.h.version++;
	send_ends(&g, &msg, sizeof(msg));
	send_ends(&g, "", 0);
	guard_wait_fds(&g, fds);
	CHECK_EQ(guard_status(fd).clients, 1);
	guard_stop(&g);
}

static int call_with(int fd, int type, size_t at)
{
	struct st_msg msg = guard_msg(type);

	((char *)&msg)[at] = 1;
	return guard_call(fd, &msg, -1, NULL);
}

static void requests_of_a_later_version_are_an_error(void)
{
	static const int types[] = { ST_MSG_HELLO, ST_MSG_UNREGISTER,
				     ST_MSG_LIST, ST_MSG_STATUS };
	static const int unknown[] = { 0, ST_MSG_ITEM, ST_MSG_INVALIDATED,
				       8, 99,	       65535 };
	int fd, fds;
	struct guard g = guard_with_client(&fd, &fds);
	struct st_msg msg;

	for (size_t i = 0; i < TEST_COUNT(types); i++) {
		test_doing("type %d", types[i]);
		CHECK_EQ(call_with(fd, types[i], ST_MSG_SIZE - 1), -EINVAL);
		CHECK_EQ(call_with(fd, types[i], sizeof(msg.h)), -EINVAL);
	}
	for (size_t i = 0; i < TEST_COUNT(unknown); i++) {
		msg = guard_msg(unknown[i]);
		CHECK_EQ(guard_send(fd, &msg, sizeof(msg), NULL, 0, NULL), 0);
		CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
		CHECK_EQ(msg.h.type, unknown[i]);
		CHECK_EQ(msg.h.error, ENOSYS);
	}
	CHECK_EQ(guard_register(fd, "/bin/sh", 4, &msg), -EINVAL);
	CHECK_EQ(guard_register(fd, "/bin/sh", 1U << 31, &msg), -EINVAL);
	CHECK_EQ(guard_status(fd).templates, 0);
	guard_stop(&g);
}

/* ---- descriptors */

static void send_fds(const struct guard *g, int type, unsigned int n, int with)
{
	struct st_msg msg = guard_msg(type);
	int fd = guard_connect(g), fds[253];

	test_doing("type %d with %u descriptors", type, n);
	for (unsigned int i = 0; i < n; i++)
		fds[i] = with;
	CHECK_EQ(guard_send(fd, &msg, sizeof(msg), fds, n, NULL), 0);
	guard_is_closed(fd);
}

static void descriptors_too_few_or_many_are_not_kept(void)
{
	int path = CHECK_SYS(open("/bin/sh", O_PATH | O_CLOEXEC)), fd, fds;
	struct guard g = guard_with_client(&fd, &fds);

	for (int type = 0; type < 9; type++) {
		if (type == ST_MSG_REGISTER)
			send_fds(&g, type, 0, path);
		else
			send_fds(&g, type, 1, path);
		send_fds(&g, type, 2, path);
		send_fds(&g, type, 4, path);
		send_fds(&g, type, 5, path);
		send_fds(&g, type, 253, path);
		send_fds(&g, type, 253, 0);
	}
	guard_wait_fds(&g, fds);
	guard_stop(&g);
}

static void only_path_descriptors_are_registered(void)
{
	int fd, fds, pipes[2];
	struct guard g = guard_with_client(&fd, &fds);
	struct st_msg msg = guard_msg(ST_MSG_REGISTER);

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(guard_call(fd, &msg, pipes[1], NULL), -EBADF);
	msg = guard_msg(ST_MSG_REGISTER);
	CHECK_EQ(guard_call(fd, &msg,
			    CHECK_SYS(open("/bin/sh", O_RDONLY | O_CLOEXEC)),
			    NULL),
		 -EBADF);
	/* the connection itself, in which case the kernel has to collect it */
	msg = guard_msg(ST_MSG_REGISTER);
	CHECK_EQ(guard_call(fd, &msg, fd, NULL), -EBADF);
	guard_wait_fds(&g, fds);
	/* the daemon has closed its copy of the pipe's end */
	CHECK_SYS(close(pipes[1]));
	guard_wait_readable(pipes[0], "the end of the pipe");
	guard_stop(&g);
}

/* ---- floods */

/* Sends without reading, until nothing more goes out. Return: how many. */
static unsigned int flood(int fd, int type)
{
	unsigned int n = 0;
	struct st_msg msg;

	for (int idle = 0; idle < 20;) {
		msg = guard_msg(type);
		msg.h.sequence = n;
		if (send(fd, &msg, sizeof(msg), MSG_DONTWAIT) > 0) {
			n++;
			idle = 0;
			continue;
		}
		CHECK_EQ(errno, EAGAIN);
		usleep(5000);
		idle++;
	}
	return n;
}

static void a_flood_is_answered_in_order_and_delays_nobody(void)
{
	int fd, fds, c;
	struct guard g = guard_with_client(&fd, &fds);
	unsigned int n, first;
	struct st_msg msg;
	uint64_t begin;

	c = guard_connect(&g);
	n = flood(c, ST_MSG_STATUS);
	CHECK_GT(n, 10);
	begin = now_ms();
	for (int i = 0; i < 20; i++)
		guard_status(fd);
	CHECK_LT(now_ms() - begin, 2000);
	for (first = 0; first < n; first++) {
		CHECK_EQ(guard_receive(c, &msg, NULL), sizeof(msg));
		CHECK_EQ(msg.h.sequence, first);
	}
	CHECK_EQ(guard_count(c), 0);
	guard_stop(&g);
}

static void a_client_that_does_not_read_is_disconnected(void)
{
	int fd, fds, c;
	struct guard g = guard_with_client(&fd, &fds);
	int status = guard_status(fd).clients;

	CHECK_EQ(status, 1);
	c = guard_connect(&g);
	for (int i = 0; i < 200; i++)
		guard_add(fd, "/bin/sh");
	flood(c, ST_MSG_LIST);
	CHECK_EQ(guard_status(fd).clients, 2);
	for (int i = 0; i < 30000 && guard_status(fd).clients == 2; i += 50)
		usleep(50000);
	CHECK_EQ(guard_status(fd).clients, 1);
	guard_wait_fds(&g, fds);
	/* the other client's templates are still there */
	CHECK_EQ(guard_count(fd), 200);
	guard_stop(&g);
}

static void news_that_is_not_read_delays_no_answer(void)
{
	char *path = test_copy_probe("program");
	int fd, fds, told = 0;
	struct guard g = guard_with_client(&fd, &fds);
	struct st_msg msg;

	for (int i = 0; i < 250; i++)
		guard_add(fd, path);
	CHECK_SYS(chmod(path, 0700));
	/* the socket holds fewer messages than that */
	guard_wait_readable(fd, "news");
	msg = guard_msg(ST_MSG_STATUS);
	CHECK_EQ(guard_send(fd, &msg, sizeof(msg), NULL, 0, NULL), 0);
	do {
		CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
		told += msg.h.type == ST_MSG_INVALIDATED;
	} while (msg.h.type != ST_MSG_STATUS);
	CHECK_LT(told, 251);
	for (; told < 250; told++) {
		CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
		CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
	}
	guard_stop(&g);
}

static void no_descriptors_left_is_survived(void)
{
	struct rlimit limit = { 20, 20 };
	int fd, fds, many[40];
	struct guard g = guard_with_client(&fd, &fds);
	struct rusage before, after;

	limit.rlim_cur = limit.rlim_max = (rlim_t)fds + 4;
	CHECK_SYS(prlimit(g.pid, RLIMIT_NOFILE, &limit, NULL));
	for (int i = 0; i < 40; i++)
		many[i] = guard_connect(&g);
	/* the daemon closes some of the connections and serves the others */
	CHECK_EQ(guard_status(fd).templates, 0);
	guard_is_closed(many[39]);
	for (int i = 0; i < 39; i++)
		CHECK_SYS(close(many[i]));
	guard_wait_fds(&g, fds);
	guard_add(fd, "/bin/sh");
	CHECK_EQ(guard_count(guard_connect(&g)), 1);
	CHECK_SYS(getrusage(RUSAGE_CHILDREN, &before));
	guard_stop(&g);
	CHECK_SYS(getrusage(RUSAGE_CHILDREN, &after));
	/* the daemon did not spin meanwhile */
	CHECK_LT(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 5);
}

static const struct test_case cases[] = {
	TEST_CASE(a_malformed_message_ends_the_connection),
	TEST_CASE(requests_of_a_later_version_are_an_error),
	TEST_CASE(descriptors_too_few_or_many_are_not_kept),
	TEST_CASE(only_path_descriptors_are_registered),
	TEST_CASE(a_flood_is_answered_in_order_and_delays_nobody),
	TEST_CASE_SECONDS(a_client_that_does_not_read_is_disconnected, 60),
	TEST_CASE(news_that_is_not_read_delays_no_answer),
	TEST_CASE(no_descriptors_left_is_survived),
};

TEST_MAIN(cases)
