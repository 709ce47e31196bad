/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run for a tracer to watch, between two markers, which are writes to fd -1.
 *
 *	run_once [-r] [-l] PROGRAM ARGUMENT...
 *
 * -r makes the run in a ring, and -l ends what the program leaves behind. In the two
 * runs before the watched one, the library makes the thread's stack, starts the ring's
 * threads and probes the kernel. A run asks for nothing else. The program must write
 * five bytes and exit with 0.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spawn_template.h"

static void must(const char *what, int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "run_once: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void mark(bool watch)
{
	if (watch && write(-1, "MARK", 4) >= 0)
		exit(1);
}

static void look(const struct spawn_template_result *result)
{
	if (result->code || result->out_len != 5) {
		fprintf(stderr, "run_once: the run went wrong\n");
		exit(1);
	}
}

static void run(int tfd, const struct spawn_template_run_args *args, bool watch)
{
	struct spawn_template_result result;
	int ret;

	mark(watch);
	ret = spawn_template_run(tfd, args, sizeof(*args), &result,
				 sizeof(result));
	mark(watch);
	must("run", ret);
	look(&result);
	spawn_template_result_free(&result);
}

/* Under a tracer even an ignored SIGCHLD interrupts a wait. */
static void block_sigchld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Lets the ring's threads come to rest. */
static void rest(void)
{
	const struct timespec ts = { 0, 50000000 };

	nanosleep(&ts, NULL);
}

static void run_in_ring(struct spawn_template_ring *ring, int tfd,
			const struct spawn_template_run_args *args, bool watch)
{
	struct spawn_template_cqe *cqe;

	rest();
	mark(watch);
	must("queue",
	     spawn_template_ring_run(ring, tfd, args, sizeof(*args), 1));
	must("wait", spawn_template_ring_wait(ring, &cqe, -1));
	rest();
	mark(watch);
	must("run", cqe->res);
	look(cqe->result);
	spawn_template_ring_seen(ring, cqe);
}

int main(int argc, char **argv)
{
	struct spawn_template_ring_params params =
		SPAWN_TEMPLATE_RING_PARAMS_INIT;
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_ring *ring = NULL;
	bool in_ring = false;
	int tfd, c;

	while ((c = getopt(argc, argv, "+rl")) != -1) {
		if (c == 'r')
			in_ring = true;
		else if (c == 'l')
			args.flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS;
		else
			return 2;
	}
	argv += optind;
	if (!*argv)
		return 2;
	tfd = spawn_template_open(*argv, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	must(*argv, tfd);
	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)environ;
	params.threads = 1;
	block_sigchld();
	if (in_ring)
		must("ring", spawn_template_ring_init(1, &params,
						      sizeof(params), &ring));
	for (int i = 0; i < 3; i++) {
		if (ring)
			run_in_ring(ring, tfd, &args, i == 2);
		else
			run(tfd, &args, i == 2);
	}
	spawn_template_ring_exit(ring);
	return 0;
}
