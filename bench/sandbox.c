/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures what a sandbox adds to a launch: a Landlock ruleset and a seccomp filter
 * that the child enters before exec, and bubblewrap, a program that makes namespaces
 * and then executes the other one. Both let /bin/true read everything, write in /tmp
 * only, and use no network.
 *
 * In a round each way has its turn once, and another way begins each time. The times go
 * from the call to the program's end, and the overhead of a sandbox is the difference
 * to the launch without one in the same round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn_template.h>

#include "brief.h"
#include "machine.h"
#include "shared/measure/stats.h"
#include "shared/measure/values.h"

#define ROUNDS 1000
#define ROUNDS_SHORT 200
#define PROGRAM "/bin/true"
#define OVERHEAD_MOST 0.1 /* the goal, of bubblewrap's */
#define OVERHEAD_GROSS 0.3 /* --check */

enum way { FREE, SANDBOX, BUBBLEWRAP, WAYS };

static const char *const titles[WAYS] = {
	[FREE] = "no sandbox",
	[SANDBOX] = "in the child: Landlock and seccomp",
	[BUBBLEWRAP] = "bubblewrap: namespaces and mounts",
};

static struct bench {
	struct spawn_template_sandbox *sandbox;
	int program,
		bubblewrap; /* templates; bubblewrap -1: it does not work */
	struct samples ns[WAYS], over[WAYS];
} bench;

/* Launch and wait for the end. Return: the status. */
static int launch(const struct bench *b, enum way way)
{
	static char *const plain[] = { (char *)"true", NULL };
	static char *const wrapped[] = {
		(char *)"bwrap",  (char *)"--ro-bind",
		(char *)"/",	  (char *)"/",
		(char *)"--bind", (char *)"/tmp",
		(char *)"/tmp",	  (char *)"--dev",
		(char *)"/dev",	  (char *)"--unshare-net",
		(char *)PROGRAM,  NULL,
	};
	int tfd = way == BUBBLEWRAP ? b->bubblewrap : b->program;
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd, status;
	pid_t pid;

	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)(way == BUBBLEWRAP ? wrapped : plain);
	args.envp = (uintptr_t)environ;
	if (way == SANDBOX)
		brief_must("apply", spawn_template_sandbox_apply(
					    b->sandbox, &args, sizeof(args)));
	pid = brief_must(titles[way],
			 spawn_template_spawn(tfd, &args, sizeof(args)));
	if (waitpid(pid, &status, 0) != pid)
		brief_must("waitpid", -errno);
	close(pidfd);
	return status;
}

/* Return: the time of a launch, in ns. */
static double go(const struct bench *b, enum way way)
{
	double begin = brief_now();
	int status = launch(b, way);

	if (status) {
		fprintf(stderr, "bench: %s: status %#x\n", titles[way],
			(unsigned int)status);
		exit(1);
	}
	return brief_now() - begin;
}

static void measure_rounds(struct bench *b, int rounds)
{
	int ways = b->bubblewrap < 0 ? BUBBLEWRAP : WAYS;

	for (int i = 0; i < rounds + rounds / 10; i++) {
		double ns[WAYS];

		for (int w = 0; w < ways; w++)
			ns[(i + w) % ways] = go(b, (enum way)((i + w) % ways));
		/* the first are to warm up */
		for (int w = 0; i >= rounds / 10 && w < ways; w++) {
			brief_must("measure", samples_add(&b->ns[w], ns[w]));
			brief_must("measure",
				   samples_add(&b->over[w], ns[w] - ns[FREE]));
		}
	}
	for (int w = 0; w < ways; w++) {
		brief_must("measure", samples_sort(&b->ns[w]));
		brief_must("measure", samples_sort(&b->over[w]));
	}
}

static void prepare(struct bench *b)
{
	static const char *const ro[] = { "/", NULL }, *const rw[] = { "/tmp",
								       NULL };
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;

	args.flags = SPAWN_TEMPLATE_SANDBOX_NO_NET |
		     SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT;
	args.read_only = (uintptr_t)ro;
	args.writable = (uintptr_t)rw;
	brief_must("sandbox", spawn_template_sandbox_new(&args, sizeof(args),
							 &b->sandbox));
	b->program = brief_must(PROGRAM, spawn_template_open(PROGRAM, 0));
	b->bubblewrap = spawn_template_search("bwrap", NULL, 0);
	if (b->bubblewrap >= 0 && launch(b, BUBBLEWRAP))
		b->bubblewrap = -1; /* a container may forbid namespaces */
	if (b->bubblewrap < 0)
		fprintf(stderr, "bench: bubblewrap is not there, or does not "
				"work here\n");
}

static void print(FILE *out)
{
	const struct bench *b = &bench;
	struct machine machine;
	struct ratio r = { 0 };

	machine_describe(&machine);
	fprintf(out, "### %s in a sandbox, microseconds until its end\n\n",
		PROGRAM);
	fprintf(out, "%ld x %s, %s, %s; %zu rounds\n\n", machine.processors,
		machine.processor, machine.kernel, machine.libc,
		b->ns[FREE].count);
	fprintf(out, "| way | p10 | median | p90 | overhead | of "
		     "bubblewrap's |\n|---|--:|--:|--:|--:|--:|\n");
	for (int w = 0; w < WAYS && b->ns[w].count; w++) {
		fprintf(out, "| %s | %.1f | %.1f | %.1f | %.1f |", titles[w],
			samples_percentile(&b->ns[w], 10) / 1e3,
			samples_median(&b->ns[w]) / 1e3,
			samples_percentile(&b->ns[w], 90) / 1e3,
			samples_median(&b->over[w]) / 1e3);
		if (w == SANDBOX && b->over[BUBBLEWRAP].count) {
			brief_must("ratio",
				   samples_ratio(&b->over[w],
						 &b->over[BUBBLEWRAP], &r));
			ratio_cell(r, 3, out);
			fprintf(out, "\n");
			continue;
		}
		fprintf(out, " - |\n");
	}
	fprintf(out, "\n");
	if (b->over[BUBBLEWRAP].count)
		fprintf(out, "Goal: at most %.1f of bubblewrap's: %s\n\n",
			OVERHEAD_MOST, ratio_verdict(r, -1, OVERHEAD_MOST));
}

static int check(void)
{
	const struct bench *b = &bench;
	struct ratio r;

	if (!b->over[BUBBLEWRAP].count)
		return 0;
	brief_must("ratio",
		   samples_ratio(&b->over[SANDBOX], &b->over[BUBBLEWRAP], &r));
	if (r.low <= OVERHEAD_GROSS)
		return 0;
	fprintf(stderr, "bench: a sandbox costs over %.1f of bubblewrap\n",
		OVERHEAD_GROSS);
	return 3;
}

static void measure(int rounds)
{
	prepare(&bench);
	measure_rounds(&bench, rounds);
}

int main(int argc, char **argv)
{
	static const struct brief brief = {
		.name = "sandbox",
		.rounds = ROUNDS,
		.rounds_short = ROUNDS_SHORT,
		.measure = measure,
		.print = print,
		.check = check,
	};

	return brief_main(&brief, argc, argv);
}
