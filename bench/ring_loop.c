/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opponent: one thread, posix_spawn, non-blocking pipes, pidfds and epoll,
 * as carefully as that can be written. It does what the ring does for each run:
 * its own process group, fds above 2 closed, SIGPIPE and mask reset, output
 * kept in memory, status and rusage taken. It leaves out deadlines, bounds of
 * the output, held pipes, and every end but a good one.
 *
 * Attributes are made once. File actions cannot be, since the fds of the pipes
 * differ. The child need not close the ends of the pipes by name, since it
 * closes all fds above 2. Closing a reading end takes it out of epoll.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/measure/launchers.h"
#include "ring_work.h"

#define EVENTS 256

struct stream {
	int fd; /* -1: at its end */
	char *data;
	size_t len, size;
};

/*
 * The fd of a run that an event is about; the event has the run's index, too.
 */
enum { ON_OUT, ON_ERR, ON_EXIT, SOURCES = 4 };

struct run {
	struct stream streams[2];
	pid_t pid;
	int pidfd; /* -1: reaped */
	bool failed;
	struct rusage usage;
};

static struct loop {
	const struct work *work;
	int epoll, null_fd;
	posix_spawnattr_t attributes;
	struct run runs[INFLIGHT_MAX];
	unsigned int idle[INFLIGHT_MAX], n_idle;
	char scratch[65536]; /* a full pipe fits */
} loop;

static int loop_start(const struct work *work, unsigned int unused)
{
	posix_spawnattr_t *a = &loop.attributes;
	sigset_t pipe, mask;

	(void)unused;
	loop.work = work;
	loop.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop.null_fd < 0 || loop.epoll < 0)
		return -errno;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	if (posix_spawnattr_init(a) ||
	    posix_spawnattr_setsigdefault(a, &pipe) ||
	    posix_spawnattr_setsigmask(a, &mask) ||
	    posix_spawnattr_setpgroup(a, 0) ||
	    posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETPGROUP))
		return -ENOMEM;
	while (loop.n_idle < INFLIGHT_MAX) {
		loop.idle[loop.n_idle] = loop.n_idle;
		loop.n_idle++;
	}
	return 0;
}

static void close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static int spawn_on(const struct program *p, pid_t *pid, int out, int err)
{
	posix_spawn_file_actions_t actions;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed)
		return -failed;
	failed = posix_spawn_file_actions_adddup2(&actions, loop.null_fd, 0);
	if (!failed)
		failed = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!failed)
		failed = posix_spawn_file_actions_adddup2(&actions, err, 2);
	if (!failed)
		failed = launch_add_closefrom(&actions);
	if (!failed)
		failed =
			posix_spawn(pid, p->argv[0], &actions, &loop.attributes,
				    p->argv, loop.work->envp);
	posix_spawn_file_actions_destroy(&actions);
	return -failed;
}

/*
 * Does what a caller of posix_spawn has to do. Its time is the time measured.
 */
static int launch_piped(const struct program *p, pid_t *pid, int ret_fds[2])
{
	int out[2], err[2], failed;

	if (pipe2(out, O_CLOEXEC))
		return -errno;
	if (pipe2(err, O_CLOEXEC)) {
		failed = -errno;
		close_both(out);
		return failed;
	}
	failed = spawn_on(p, pid, out[1], err[1]);
	if (failed) {
		close_both(out);
		close_both(err);
		return failed;
	}
	close(out[1]);
	close(err[1]);
	ret_fds[0] = out[0];
	ret_fds[1] = err[0];
	return 0;
}

static int watch_fd(int fd, unsigned int run, unsigned int source)
{
	struct epoll_event e = { .events = EPOLLIN,
				 .data.u32 = run * SOURCES + source };

	return epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int start_run(const struct program *p, double *blocked_us)
{
	unsigned int index = loop.idle[--loop.n_idle];
	struct run *r = &loop.runs[index];
	uint64_t start = now_ns();
	int fds[2], err;

	err = launch_piped(p, &r->pid, fds);
	if (blocked_us)
		*blocked_us = (double)(now_ns() - start) / 1e3;
	if (err)
		return err;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0)
		return -errno;
	r->failed = false;
	for (unsigned int i = 0; i < 2; i++) {
		r->streams[i] = (struct stream){ .fd = fds[i] };
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
		err = err ? err : watch_fd(fds[i], index, ON_OUT + i);
	}
	return err ? err : watch_fd(r->pidfd, index, ON_EXIT);
}

/* Keeps the bytes read, and a NUL behind them. */
static int append(struct stream *s, size_t n)
{
	if (s->len + n + 1 > s->size) {
		size_t size = s->len + n + 1;
		char *grown;

		if (s->size)
			size = size > 2 * s->size ? size : 2 * s->size;
		grown = realloc(s->data, size);
		if (!grown)
			return -ENOMEM;
		s->data = grown;
		s->size = size;
	}
	memcpy(s->data + s->len, loop.scratch, n);
	s->len += n;
	s->data[s->len] = 0;
	return 0;
}

/* @ended: all writers are gone, so a short read is the last one. */
static int read_stream(struct stream *s, bool ended)
{
	ssize_t n;

	do {
		n = read(s->fd, loop.scratch, sizeof(loop.scratch));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n && append(s, (size_t)n))
			return -ENOMEM;
	} while (n == sizeof(loop.scratch));
	if (!n || ended) {
		close(s->fd);
		s->fd = -1;
	}
	return 0;
}

static int reap_run(struct run *r)
{
	siginfo_t info = { 0 };

	/* the raw call, because libc's returns no rusage */
	if (syscall(SYS_waitid, P_PIDFD, r->pidfd, &info, WEXITED, &r->usage))
		return -errno;
	close(r->pidfd);
	r->pidfd = -1;
	r->failed = info.si_code != CLD_EXITED || info.si_status;
	return 0;
}

static int handle_event(const struct epoll_event *e)
{
	struct run *r = &loop.runs[e->data.u32 / SOURCES];
	unsigned int source = e->data.u32 % SOURCES;
	struct stream *s;

	if (source == ON_EXIT)
		return reap_run(r);
	s = &r->streams[source];
	if (e->events & EPOLLIN)
		return read_stream(s, e->events & EPOLLHUP);
	close(s->fd);
	s->fd = -1;
	return 0;
}

static bool ended(const struct run *r)
{
	return r->pidfd < 0 && r->streams[0].fd < 0 && r->streams[1].fd < 0;
}

static int end_run(struct run *r, const struct program *p)
{
	bool good = !r->failed && r->streams[0].len == p->out_len &&
		    !r->streams[1].len;

	for (int i = 0; i < 2; i++)
		free(r->streams[i].data);
	loop.idle[loop.n_idle++] = (unsigned int)(r - loop.runs);
	return good ? 0 : -ECANCELED;
}

/*
 * Waits for events and handles them; adds the number of runs that have ended.
 */
static int take_events(const struct program *p, unsigned int *done)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop.epoll, events, EVENTS, -1);
	int err = n < 0 && errno != EINTR ? -errno : 0;

	for (int i = 0; i < n && !err; i++) {
		struct run *r = &loop.runs[events[i].data.u32 / SOURCES];

		err = handle_event(&events[i]);
		if (err || !ended(r))
			continue;
		err = end_run(r, p);
		(*done)++;
	}
	return err;
}

static int loop_run(const struct round *round, double *blocked_us)
{
	const struct program *p = &loop.work->programs[round->program];
	unsigned int started = 0, done = 0;
	int err = 0;

	while (done < round->runs && !err) {
		while (started < round->runs &&
		       started - done < round->inflight && !err) {
			err = start_run(p, blocked_us ? &blocked_us[started]
						      : NULL);
			started++;
		}
		if (!err)
			err = take_events(p, &done);
	}
	return err ? work_failed("posix_spawn and epoll", err) : 0;
}

const struct engine loop_engine = {
	.name = "posix_spawn, epoll and pidfds in C",
	.start = loop_start,
	.run = loop_run,
};
