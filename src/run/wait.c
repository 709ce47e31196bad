/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run for which the calling thread waits. No thread, fd or handler is left.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "run/run.h"
#include "sys.h"

/* Keeps signals from the caller while its thread writes to pipes and files. */
struct quiet {
	uint64_t set;		/* SIGPIPE, SIGXFSZ */
	uint64_t old;		/* the caller's mask */
	uint64_t pending;	/* those that were before */
	bool blocked;		/* a sandbox may refuse it */
};

#define BIT(sig) (1ULL << ((sig)-1))

static uint64_t pending_of(uint64_t set)
{
	uint64_t pending = 0;

	sys_call2(__NR_rt_sigpending, &pending, sizeof(pending));
	return pending & set;
}

static void quiet_begin(struct quiet *q, uint64_t set)
{
	q->set = set;
	if (!set)
		return;
	q->pending = pending_of(set);
	q->blocked = sys_call4(__NR_rt_sigprocmask, SIG_BLOCK, &set, &q->old,
			       sizeof(set)) == 0;
}

/* Takes one of the signals. Return: false if that fails. */
static bool took(const uint64_t *set)
{
	const struct sys_timespec none = { 0, 0 };
	int ret = sys_call4(__NR_rt_sigtimedwait, set, 0, &none, sizeof(*set));

	return ret >= 0 || ret == -EINTR;
}

/* Takes the signals that our writes have raised, then restores the mask. */
static void quiet_end(const struct quiet *q)
{
	uint64_t raised;

	if (!q->blocked)
		return;
	while ((raised = pending_of(q->set) & ~q->pending))
		if (!took(&raised))
			break;
	sys_sigmask(&q->old, NULL);
}

/* ---- output as it comes */

#define PART (16U << 10) /* the most bytes of one call back */

/* The function of the caller's that takes output. */
struct output {
	struct stream_sink {
		struct st_sink sink;
		struct output *output;
		uint32_t kind;
	} out, err;
	spawn_template_output_fn fn;
	void *fn_data;
	struct quiet *quiet;
	bool stop;		/* it has had enough */
	bool lost;		/* memory was short, and the rest is dropped */
	char *part;
};

/* Calls the caller's function, with the caller's own mask. Return: as it does. */
static int tell(const struct stream_sink *of, size_t n)
{
	const struct output *output = of->output;
	int ret;

	quiet_end(output->quiet);
	ret = output->fn(output->fn_data, of->kind, output->part, n);
	quiet_begin(output->quiet, output->quiet->set);
	return ret;
}

static ssize_t take(struct st_sink *sink, struct st_stream *stream)
{
	struct stream_sink *of = (struct stream_sink *)sink;
	struct output *output = of->output;
	ssize_t n;

	if (!output->part && !output->lost)
		output->part = malloc(PART);
	if (!output->part)
		output->lost = true;
	if (output->stop || output->lost)
		return st_stream_drop(stream);
	n = sys_call3(__NR_read, stream->fd, output->part, PART);
	if (n > 0 && tell(of, (size_t)n))
		output->stop = true;
	return n;
}

static void output_attach(struct output *output, struct st_run *run,
			  const struct spawn_template_run_args *args)
{
	if (!(args->flags & SPAWN_TEMPLATE_RUN_STREAM))
		return;
	output->fn = (spawn_template_output_fn)(uintptr_t)args->on_output;
	output->fn_data = (void *)(uintptr_t)args->on_output_data;
	output->out = (struct stream_sink){ { take },
					    output,
					    SPAWN_TEMPLATE_CQE_OUT };
	output->err = (struct stream_sink){ { take },
					    output,
					    SPAWN_TEMPLATE_CQE_ERR };
	run->io.out.sink = &output->out.sink;
	run->io.err.sink = &output->err.sink;
}

/* ---- waiting */

enum { OUT, ERR, IN, EXIT, N_FDS };

static void wait_for_run_events(const struct st_run *run, struct pollfd *fds)
{
	int64_t left = run->due == ST_NEVER ? 0 : run->due - st_now();
	struct sys_timespec ts;

	fds[OUT] = (struct pollfd){ run->io.out.fd, POLLIN, 0 };
	fds[ERR] = (struct pollfd){ run->io.err.fd, POLLIN, 0 };
	fds[IN] = (struct pollfd){ run->io.in, POLLOUT, 0 };
	fds[EXIT] = (struct pollfd){ run->exited ? -1 : run->pidfd, POLLIN, 0 };
	if (left < 0)
		left = 0;
	ts.sec = left / 1000000000LL;
	ts.nsec = left % 1000000000LL;
	/* no memory, or a handler ran: nothing is ready, look again */
	if (sys_call5(__NR_ppoll, fds, N_FDS, run->due == ST_NEVER ? NULL : &ts,
		      0, 0) <= 0)
		for (int i = 0; i < N_FDS; i++)
			fds[i].revents = 0;
}

static void wait_until_over(struct st_run *run, const struct output *output)
{
	struct pollfd fds[N_FDS];

	while (!st_run_over(run)) {
		if (output->stop && run->phase == ST_RUN_LIVE)
			st_run_end(run, run->grace_ns);
		wait_for_run_events(run, fds);
		if (fds[OUT].revents)
			st_run_read(run, &run->io.out);
		if (fds[ERR].revents && !st_run_over(run))
			st_run_read(run, &run->io.err);
		if (fds[IN].revents && run->io.in >= 0)
			st_io_feed(&run->io,
				   fds[IN].revents & (POLLERR | POLLHUP));
		if (fds[EXIT].revents)
			st_run_exited(run);
		if (run->due <= st_now())
			st_run_due(run, st_now());
	}
}

/* ---- the call */

struct call {
	int tfd;
	struct spawn_template_run_args args;
	struct st_tree_home home;
	bool fallback;
	struct st_run run;
	struct output output;
	struct spawn_template_failure failure;
};

static int launch_call(struct call *c, int devnull)
{
	const struct st_tree_home *home = c->home.dir >= 0 ? &c->home : NULL;
	struct st_spawn spawn = { .close_now = true, .outlives = true };
	struct st_io_ends ends;
	int ret;

	ret = st_run_open(&c->run, &c->args, devnull, NULL, &ends);
	output_attach(&c->output, &c->run, &c->args);
	if (ret == 0)
		ret = c->fallback ? st_tree_make_or_none(&c->run.tree, home)
				  : st_tree_make_limited(&c->run.tree, home,
							 &c->run.limits,
							 &c->failure);
	if (ret == 0) {
		st_run_start(&c->run, c->args.timeout_ns);
		ret = st_run_launch(&c->run, c->tfd, &c->args, &ends,
				    c->fallback, &spawn, &c->failure);
	}
	if (ret == 0)
		st_run_idle(&c->run);
	st_io_close_ends(&ends, devnull);
	return ret;
}

static int run_to_end(struct call *c)
{
	struct quiet quiet = { .set = 0 };
	int devnull = -1;
	uint64_t set = 0;
	int ret;

	ret = st_io_devnull(&devnull);
	if (ret < 0)
		return ret;
	ret = launch_call(c, devnull);
	sys_close(devnull);
	if (ret == 0) {
		if (c->run.io.in >= 0)
			set |= BIT(SIGPIPE);
		if (c->args.flags & SPAWN_TEMPLATE_RUN_SPILL)
			set |= BIT(SIGXFSZ);
		c->output.quiet = &quiet;
		quiet_begin(&quiet, set);
		wait_until_over(&c->run, &c->output);
		quiet_end(&quiet);
	}
	return ret;
}

int spawn_template_run(int tfd, const struct spawn_template_run_args *args,
		       size_t size, struct spawn_template_result *result,
		       size_t result_size)
{
	struct call c = {
		.tfd = tfd,
		.run = ST_RUN_NONE,
		.home = ST_TREE_HOME_NONE,
	};
	int ret;

	if (!result || result_size < SPAWN_TEMPLATE_RESULT_SIZE_VER0)
		return -EINVAL;
	ret = st_run_args(&c.args, args, size, false);
	if (ret == 0) {
		/*
		 * a failure before the launch counts as one to make the child
		 */
		c.failure.stage = SPAWN_TEMPLATE_STAGE_CLONE;
		ret = st_run_home(&c.args, &c.home, &c.fallback, &c.failure);
	}
	if (ret == 0)
		ret = run_to_end(&c);
	if (ret == 0) {
		st_run_give_result(&c.run, result, result_size);
	} else {
		c.failure.error = -ret;
		st_failure_give(&c.args.spawn, &c.failure);
	}
	free(c.output.part);
	st_run_close(&c.run);
	st_tree_home_close(&c.home);
	return ret;
}
