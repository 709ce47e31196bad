/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children that the thread waits for, for spawnSync and the like. The rules are Node's:
 * the wait ends when the child has ended and all of its pipes have, whoever holds them.
 * If the time is up, or the output too long, the child gets one signal, and the pipes
 * are closed.
 */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "native.h"
#include "process.h"

#define READ_SIZE 65536U		/* Node's maxBuffer depends on it */
#define LOOK_AGAIN_MS 10		/* for a child that a tracer holds */

enum direction { TO_CHILD = 1, FROM_CHILD = 2 };

/* The numbers behind those of the launch; the results come back there. */
enum number {
	TIMEOUT = 3,
	MAX_BUFFER,
	KILL_SIGNAL,
	PID = 0,
	CODE,
	SIGNAL,
	ERROR,
	N_NUMBERS = 6,
};

struct pipe {
	int fd;				/* -1: it has ended */
	uint32_t direction;
	bool reads, writes;
	const char *input;
	size_t input_len;
	char *out;
	size_t out_len, out_room;
};

struct sync {
	int pid, pidfd;
	bool ended, killed, held;
	struct child_end end;
	int error, pipe_error;		/* -errno; the first ones */
	double max_output;		/* 0: no bound */
	int kill_signal;
	int64_t deadline;		/* ms; 0: none */
	size_t total, n;
	struct pipe pipes[STDIO_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_error(int *error, int to)
{
	if (*error == 0)
		*error = to;
}

/* ---- the end */

static void pipe_close(struct pipe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->reads = p->writes = false;
}

static int send_signal(const struct sync *s, int sig)
{
	return syscall(SYS_pidfd_send_signal, s->pidfd, sig, NULL, 0) < 0
		       ? -errno
		       : 0;
}

static void kill_child(struct sync *s)
{
	int ret;

	if (s->killed)
		return;
	s->killed = true;
	s->deadline = 0;
	ret = s->ended ? 0 : send_signal(s, s->kill_signal);
	if (ret < 0 && ret != -ESRCH) {
		set_error(&s->error, ret);
		send_signal(s, SIGKILL);
	}
	for (size_t i = 0; i < s->n; i++)
		pipe_close(&s->pipes[i]);
}

/* A tracer may keep a child that has ended from being reaped. */
static void reap(struct sync *s)
{
	s->ended = child_end_reap(s->pidfd, &s->end);
	s->held = !s->ended;
}

/* ---- pipes */

static void put_input(struct sync *s, struct pipe *p)
{
	while (p->input_len) {
		ssize_t n = send(p->fd, p->input, p->input_len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			set_error(&s->pipe_error, -errno);
			break;
		}
		p->input += n;
		p->input_len -= (size_t)n;
	}
	p->writes = false;
	shutdown(p->fd, SHUT_WR);
}

/* Makes room for one read. Return: its size, 0 without memory. */
static size_t make_room(struct pipe *p)
{
	size_t room = p->out_room ? p->out_room * 2 : READ_SIZE;
	char *more;

	if (p->out_len < p->out_room)
		return READ_SIZE - p->out_len % READ_SIZE;
	more = realloc(p->out, room);
	if (!more)
		return 0;
	p->out = more;
	p->out_room = room;
	return READ_SIZE;
}

static void take_output(struct sync *s, struct pipe *p)
{
	size_t room = make_room(p);
	ssize_t n = -1;

	if (room == 0)
		errno = ENOMEM;
	else
		n = recv(p->fd, p->out + p->out_len, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		if (n < 0)
			set_error(&s->pipe_error, -errno);
		p->reads = false;
		/* a child that writes on must not wait for a reader */
		if (n < 0 && !p->writes)
			pipe_close(p);
		return;
	}
	p->out_len += (size_t)n;
	s->total += (size_t)n;
	if (s->max_output > 0 && (double)s->total > s->max_output) {
		set_error(&s->error, -ENOBUFS);
		kill_child(s);
	}
}

/* ---- the wait */

static int time_left(struct sync *s)
{
	int64_t left = INT32_MAX;

	if (s->deadline) {
		left = s->deadline - now_ms();
		if (left <= 0) {
			set_error(&s->error, -ETIMEDOUT);
			kill_child(s);
			return 0;
		}
	}
	if (s->held && left > LOOK_AGAIN_MS)
		left = LOOK_AGAIN_MS;
	if (left < INT32_MAX)
		return (int)left;
	return s->deadline ? INT32_MAX : -1;
}

/* Lists what to wait for: the child first, if it has not ended. */
static size_t list(struct sync *s, struct pollfd *fds, struct pipe **of)
{
	size_t n = 0;

	if (!s->ended && !s->held) {
		fds[n] = (struct pollfd){ .fd = s->pidfd, .events = POLLIN };
		of[n++] = NULL;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct pipe *p = &s->pipes[i];
		int events =
			(p->reads ? POLLIN : 0) | (p->writes ? POLLOUT : 0);

		if (!events)
			continue;
		fds[n] =
			(struct pollfd){ .fd = p->fd, .events = (short)events };
		of[n++] = p;
	}
	return n;
}

static void turn(struct sync *s, const struct pollfd *fds, struct pipe **of,
		 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int ready = fds[i].revents;
		struct pipe *p = of[i];

		if (!ready)
			continue;
		if (!p) {
			reap(s);
			continue;
		}
		if (p->writes && ready & (POLLOUT | POLLERR | POLLHUP))
			put_input(s, p);
		if (p->reads && ready & (POLLIN | POLLERR | POLLHUP))
			take_output(s, p);
	}
}

static void wait_for_all(struct sync *s)
{
	struct pollfd fds[STDIO_MAX + 1];
	struct pipe *of[STDIO_MAX + 1];
	size_t n;
	int left;

	for (;;) {
		left = time_left(s);
		n = list(s, fds, of);
		if (n == 0 && s->ended)
			return;
		if (poll(fds, n, left) > 0)
			turn(s, fds, of, n);
		if (s->held)
			reap(s);
	}
}

/* ---- JavaScript's side */

static int take_pipe(struct pipe *p, napi_env napi, napi_value inputs,
		     uint32_t i)
{
	napi_value value;
	bool is_buffer = false;
	void *data;

	p->reads = p->direction & FROM_CHILD;
	p->writes = p->direction & TO_CHILD;
	napi_get_element(napi, inputs, i, &value);
	napi_is_buffer(napi, value, &is_buffer);
	if (!is_buffer || !p->writes)
		return 0;
	if (napi_get_buffer_info(napi, value, &data, &p->input_len) != napi_ok)
		return -EINVAL;
	p->input = data;
	return 0;
}

/* inputs: Buffers; directions: a Uint32Array */
static int take_pipes(struct sync *s, napi_env napi, const napi_value *values)
{
	napi_typedarray_type type;
	bool is_array = false;
	void *data;
	size_t n;
	int ret = 0;

	napi_is_array(napi, values[0], &is_array);
	if (!is_array ||
	    napi_get_typedarray_info(napi, values[1], &type, &n, &data, NULL,
				     NULL) != napi_ok ||
	    type != napi_uint32_array || n != s->n)
		return -EINVAL;
	for (size_t i = 0; i < s->n && ret == 0; i++) {
		s->pipes[i].direction = ((uint32_t *)data)[i];
		ret = take_pipe(&s->pipes[i], napi, values[0], (uint32_t)i);
	}
	return ret;
}

static napi_value outputs(struct env *env, struct sync *s)
{
	napi_value all, value;

	napi_create_array_with_length(env->napi, s->n, &all);
	for (size_t i = 0; i < s->n; i++) {
		struct pipe *p = &s->pipes[i];

		if (p->out_len)
			value = output_value(env->napi, &p->out, p->out_len,
					     false);
		else if (p->direction & FROM_CHILD)
			napi_create_buffer(env->napi, 0, NULL, &value);
		else
			napi_get_null(env->napi, &value);
		napi_set_element(env->napi, all, (uint32_t)i, value);
		free(p->out);
	}
	return all;
}

static int run_child(struct sync *s, struct launch *l, double *numbers)
{
	struct spawn_template_spawn_args *args = &l->run.args.spawn;

	if (numbers[TIMEOUT] >= 1)
		s->deadline = now_ms() + (int64_t)numbers[TIMEOUT];
	s->max_output = numbers[MAX_BUFFER];
	s->kill_signal = (int)numbers[KILL_SIGNAL];
	args->pidfd = (uintptr_t)&s->pidfd;
	s->pid = spawn_template_spawn(l->tfd, args, sizeof(*args));
	stdio_close(&l->io, s->pid < 0);
	if (s->pid < 0)
		return s->pid;
	for (size_t i = 0; i < s->n; i++) {
		struct pipe *p = &s->pipes[i];

		p->fd = l->io.ours[i];
		if (p->writes)
			put_input(s, p);
	}
	wait_for_all(s);
	for (size_t i = 0; i < s->n; i++)
		pipe_close(&s->pipes[i]);
	close(s->pidfd);
	numbers[PID] = s->pid;
	numbers[CODE] = s->end.code;
	numbers[SIGNAL] = s->end.signal;
	numbers[ERROR] = s->error ? s->error : s->pipe_error;
	return 0;
}

/*
 * process_sync(tfd, argv, env, cwd, stdio, ours, numbers, inputs, directions): the
 * outputs; or -errno, after which there is no child. The numbers in are LAUNCH_*, uid,
 * gid, timeout, maxBuffer, killSignal; out: pid, code, signal, error.
 */
napi_value process_sync(napi_env napi, napi_callback_info info)
{
	struct sync s = { .pidfd = -1 };
	struct env *env = env_of(napi);
	napi_value args[LAUNCH_VALUES + 2];
	size_t n = COUNT(args), n_numbers = 0;
	void *numbers = NULL;
	struct launch l;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != COUNT(args) ||
	    napi_get_typedarray_info(napi, args[6], NULL, &n_numbers, &numbers,
				     NULL, NULL) != napi_ok ||
	    n_numbers < N_NUMBERS)
		return throw_arguments(napi);
	ret = launch_take(&l, napi, args);
	if (ret == 0) {
		s.n = l.io.n;
		for (size_t i = 0; i < s.n; i++)
			s.pipes[i].fd = -1;
		ret = take_pipes(&s, napi, args + LAUNCH_VALUES);
		if (ret < 0)
			stdio_close(&l.io, true);
		else
			ret = run_child(&s, &l, numbers);
	}
	launch_free(&l);
	return ret < 0 ? number_value(napi, ret) : outputs(env, &s);
}
