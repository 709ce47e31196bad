/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of rings: queueing, taking completions and checking them,
 * launches that are held up before exec.
 */
#ifndef TESTS_RINGS_H
#define TESTS_RINGS_H

#include "running.h"

#include <stdatomic.h>

static inline struct spawn_template_ring *ring_new(unsigned int entries,
						   unsigned int threads)
{
	struct spawn_template_ring_params params = { .threads = threads };
	struct spawn_template_ring *ring = NULL;

	CHECK_EQ(spawn_template_ring_init(entries, &params, sizeof(params),
					  &ring),
		 0);
	CHECK(ring);
	return ring;
}

/* Launching threads stay for good: from here on threads and fds can be counted. */
static inline void ring_warm_up(unsigned int threads)
{
	int before = scene_now().threads;

	spawn_template_ring_exit(ring_new(1, threads));
	/* the watching thread is in /proc for a moment longer */
	for (int i = 0; i < 10000 && count_threads() > before + (int)threads;
	     i++)
		sleep_ms(1);
}

static inline void
queue_spawn_args(struct spawn_template_ring *ring, int tfd,
		 const struct spawn_template_spawn_args *args,
		 uint64_t user_data)
{
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, args, sizeof(*args),
					   user_data),
		 0);
}

static inline void queue_spawn(struct spawn_template_ring *ring, int tfd,
			       char *const argv[], uint64_t user_data)
{
	struct spawn_template_spawn_args args = test_args(NULL, argv);

	queue_spawn_args(ring, tfd, &args, user_data);
}

static inline void queue_run_args(struct spawn_template_ring *ring, int tfd,
				  const struct spawn_template_run_args *args,
				  uint64_t user_data)
{
	CHECK_EQ(spawn_template_ring_run(ring, tfd, args, sizeof(*args),
					 user_data),
		 0);
}

static inline void queue_run(struct spawn_template_ring *ring, int tfd,
			     char *const argv[], uint64_t user_data)
{
	struct spawn_template_run_args args = run_args(argv);

	queue_run_args(ring, tfd, &args, user_data);
}

static inline void check_cqe(const struct spawn_template_cqe *cqe)
{
	CHECK_LE(cqe->res, 0);
	if (cqe->kind == SPAWN_TEMPLATE_CQE_OUT ||
	    cqe->kind == SPAWN_TEMPLATE_CQE_ERR) {
		CHECK_EQ(cqe->res, 0);
		CHECK(cqe->data && cqe->data_len);
		CHECK(!cqe->result && cqe->pid == -1 && cqe->pidfd == -1);
		return;
	}
	CHECK(!cqe->data && !cqe->data_len);
	if (cqe->kind == SPAWN_TEMPLATE_CQE_ROOM) {
		CHECK(!cqe->res && !cqe->flags && !cqe->result);
		CHECK(cqe->pid == -1 && cqe->pidfd == -1);
		return;
	}
	CHECK(cqe->pid == -1 || cqe->pid > 0);
	if (!cqe->res) {
		CHECK_EQ(cqe->flags, 0);
		CHECK_GT(cqe->pid, 0);
		/* a spawn has a pidfd, a run a result */
		CHECK((cqe->pidfd >= 0) != (cqe->result != NULL));
		return;
	}
	CHECK_EQ(cqe->pidfd, -1);
	if (cqe->res != -ECANCELED)
		CHECK(!cqe->result);
	CHECK_LE(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
		 SPAWN_TEMPLATE_STAGE_EXEC);
}

/* The next completion, which must come in good time. */
static inline struct spawn_template_cqe *
ring_take(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe = NULL;
	int ret;

	do {
		ret = spawn_template_ring_wait(ring, &cqe,
					       (int)at_most_ms(20000));
	} while (ret == -EINTR);
	CHECK_EQ(ret, 0);
	CHECK(cqe);
	check_cqe(cqe);
	return cqe;
}

static inline struct spawn_template_cqe *
ring_take_of(struct spawn_template_ring *ring, uint64_t user_data)
{
	struct spawn_template_cqe *cqe = ring_take(ring);

	CHECK_EQ(cqe->user_data, user_data);
	return cqe;
}

static inline void check_none(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe = NULL;

	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), -ETIME);
	CHECK(!cqe);
}

/* Reaps the child of a spawn, closes its pidfd, gives the completion back. */
static inline int reap_spawn(struct spawn_template_ring *ring,
			     struct spawn_template_cqe *cqe)
{
	int pidfd = cqe->pidfd;

	CHECK_EQ(cqe->res, 0);
	CHECK_GE(pidfd, 0);
	spawn_template_ring_seen(ring, cqe);
	return test_wait(pidfd);
}

/* Takes a run's completion. Return: the exit code. */
static inline int take_run_code(struct spawn_template_ring *ring,
				uint64_t user_data)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, user_data);
	int code;

	CHECK_EQ(cqe->res, 0);
	CHECK(cqe->result);
	code = cqe->result->code;
	spawn_template_ring_seen(ring, cqe);
	return code;
}

/* ---- launches that wait until they are let go ---- */

struct hold {
	char *fifo;
	struct spawn_template_open open;
	struct spawn_template_action action;
	int fd;
};

/* Makes an action at which the child waits, before exec, until hold_release(). */
static inline void hold_make(struct hold *hold, const char *name)
{
	hold->fifo = test_path("%s", name);
	CHECK_SYS(mkfifo(hold->fifo, 0600));
	hold->open = (struct spawn_template_open){
		.path = (uintptr_t)hold->fifo,
		.how = { .flags = O_RDONLY },
	};
	hold->action = ACT_OPEN(AT_FDCWD, 50, &hold->open);
	hold->fd = -1;
}

static inline void hold_args(struct hold *hold,
			     struct spawn_template_spawn_args *args)
{
	args->actions = (uintptr_t)&hold->action;
	args->actions_len = 1;
}

static inline void hold_release(struct hold *hold)
{
	if (hold->fd < 0)
		hold->fd = CHECK_SYS(open(hold->fifo, O_RDWR | O_CLOEXEC));
}

/* Children of all threads of this process, zombies included. */
static inline int children_now(pid_t *pids, int max)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		char path[300], list[4096], *p = list, *end;
		int fd, len;
		long pid;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/children",
			 d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		len = fd < 0 ? 0 : (int)read(fd, list, sizeof(list) - 1);
		if (fd >= 0)
			close(fd);
		list[len > 0 ? len : 0] = 0;
		for (; (pid = strtol(p, &end, 10)) > 0 && n < max; p = end)
			pids[n++] = (pid_t)pid;
	}
	closedir(dir);
	return n;
}

/* Waits, but not for ever, until none of the processes runs. */
static inline void wait_until_quiet(const pid_t *pids, int n)
{
	for (int quiet = 0, i = 0; quiet < 3 && i < 300; i++) {
		quiet++;
		for (int k = 0; k < n; k++) {
			char state = test_process_state(pids[k]);

			if (state == 'R' || state == 'D')
				quiet = 0;
		}
		sleep_ms(10);
	}
}

/* Waits until this process has just so many children, held up or running. */
static inline void wait_children(pid_t *pids, int want)
{
	pid_t found[256];
	int n = -1;

	for (int i = 0; i < 10000 && n != want; i++) {
		n = children_now(found, 256);
		if (n != want)
			sleep_ms(1);
	}
	CHECK_EQ(n, want);
	if (pids)
		memcpy(pids, found, (size_t)want * sizeof(*pids));
	wait_until_quiet(found, want);
}

static inline bool is_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&pfd, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n == 1 && pfd.revents & POLLIN;
}

/*
 * The ring has no completion, and soon its fd is not readable, either: the fd may
 * become readable a moment after the last completion was taken.
 */
static inline void check_quiet(struct spawn_template_ring *ring)
{
	int fd = spawn_template_ring_fd(ring), i = 0;

	do {
		check_none(ring);
		CHECK_LT(i++, 100);
	} while (is_readable(fd, 20));
}

/*
 * Waits until all that was submitted before is launched, if all rings have a single
 * launching thread. The ring must have nothing in it.
 */
static inline void ring_catch_up(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe;

	queue_spawn(ring, 9999, TEST_ARGV("x"), 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -EBADF);
	spawn_template_ring_seen(ring, cqe);
}

#endif /* TESTS_RINGS_H */
