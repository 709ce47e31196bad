/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures what each option of a run adds to it, by a ring, one run at a time. The
 * program writes 1,088 bytes. In a round each way has its turn once, in another order
 * each time. The times go from the call that queues a run to its last
 * completion; a ratio compares a way with the run without options in the same round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spawn_template.h>

#include "brief.h"
#include "machine.h"
#include "shared/measure/stats.h"
#include "shared/measure/values.h"

#define ROUNDS 600
#define ROUNDS_SHORT 120
#define OUTPUT 1088 /* bytes that the program writes */
#define BOUND 512 /* of the output, where the rest is spilled or only counted */
#define GROSS 4.0 /* --check: a ratio that is certainly above */

#define MEMORY_MOST (1ULL << 30) /* limits that the program never reaches */
#define PIDS_MOST 1000

#define RUN(x) SPAWN_TEMPLATE_RUN_##x

enum way {
	PLAIN,
	STREAM,
	IDLE,
	TAIL,
	SPILL,
	PTY,
	SANDBOX,
	LEFTOVERS,
	CGROUP,
	LIMITS,
	SUPERVISE,
	CALLER,
	ENGINE,
	WAYS,
};

static const struct {
	const char *name, *title;
	uint32_t flags;
	bool in_cgroup;
} ways[WAYS] = {
	[PLAIN] = { "plain", "no option", 0, false },
	[STREAM] = { "stream", "output as it comes", RUN(STREAM), false },
	[IDLE] = { "idle", "idle timeout and deadline", 0, false },
	[TAIL] = { "tail", "first and last bytes of the output", RUN(TAIL),
		   false },
	[SPILL] = { "spill", "output spilled to a file",
		    RUN(SPILL) | RUN(MERGE_STDERR), false },
	[PTY] = { "pty", "a terminal", RUN(PTY), false },
	[SANDBOX] = { "sandbox", "Landlock and seccomp", 0, false },
	[LEFTOVERS] = { "leftovers", "ends what is left, by /proc",
			RUN(END_LEFTOVERS), false },
	[CGROUP] = { "cgroup", "a cgroup", RUN(CGROUP), true },
	[LIMITS] = { "limits", "a cgroup with limits of memory and processes",
		     RUN(LIMITS), true },
	[SUPERVISE] = { "supervise", "a cgroup with supervisor", RUN(SUPERVISE),
			false },
	[CALLER] = { "caller", "ends with the caller", RUN(END_WITH_CALLER),
		     false },
	[ENGINE] = { "engine", "ends what is left, and with the caller",
		     RUN(END_LEFTOVERS) | RUN(END_WITH_CALLER), false },
};

static struct bench {
	struct spawn_template_ring *ring;
	struct spawn_template_sandbox *sandbox;
	int program, spill;
	bool limited; /* the machine can set limits; else the usage is told */
	bool kept; /* without a cgroup, a keeper supervises */
	bool works[WAYS];
	struct samples us[WAYS];
} bench;

static void prepare_args(enum way way, struct spawn_template_run_args *args)
{
	static char *const argv[] = { (char *)"seq", (char *)"299", NULL };

	*args = (struct spawn_template_run_args)SPAWN_TEMPLATE_RUN_ARGS_INIT;
	args->spawn.argv = (uintptr_t)argv;
	args->spawn.envp = (uintptr_t)environ;
	args->flags = ways[way].flags;
	if (way == IDLE)
		args->idle_timeout_ns = args->timeout_ns = 10000000000;
	if (way == TAIL || way == SPILL)
		args->max_output = BOUND;
	if (way == SPILL) {
		brief_must("spill", ftruncate(bench.spill, 0));
		brief_must("spill", (int)lseek(bench.spill, 0, SEEK_SET));
		args->spill_fd = bench.spill;
	}
	if (way == LIMITS && bench.limited) {
		args->memory_max = MEMORY_MOST;
		args->pids_max = PIDS_MOST;
	}
	if (way == SANDBOX)
		brief_must("apply", spawn_template_sandbox_apply(
					    bench.sandbox, &args->spawn,
					    sizeof(args->spawn)));
}

/* Takes completions to the last one. Return: its result's code; -errno. */
static int take(enum way way, uint32_t *flags)
{
	size_t bytes = 0;

	for (;;) {
		struct spawn_template_cqe *cqe;
		bool end;
		int ret;

		brief_must("wait",
			   spawn_template_ring_wait(bench.ring, &cqe, -1));
		end = cqe->kind == SPAWN_TEMPLATE_CQE_END;
		ret = cqe->res ? cqe->res : 0;
		bytes += cqe->data_len;
		if (end && !ret) {
			const struct spawn_template_result *r = cqe->result;

			*flags = r->flags;
			ret = r->code;
			if (way != PTY && r->out_total != OUTPUT)
				ret = -EIO;
			if (way == STREAM && bytes != OUTPUT)
				ret = -EIO;
		}
		spawn_template_ring_seen(bench.ring, cqe);
		if (end)
			return ret;
	}
}

/* Return: the time of a run in microseconds; -1 if it does not work here. */
static double go(enum way way)
{
	struct spawn_template_run_args args;
	uint32_t flags = 0;
	double begin;
	int ret;

	prepare_args(way, &args);
	begin = brief_now();
	brief_must("queue", spawn_template_ring_run(bench.ring, bench.program,
						    &args, sizeof(args), way));
	ret = take(way, &flags);
	if (ways[way].in_cgroup &&
	    (ret < 0 || !(flags & SPAWN_TEMPLATE_RESULT_CGROUP)))
		return -1;
	brief_must(ways[way].title, ret > 0 ? -EIO : ret);
	if (way == SUPERVISE)
		bench.kept = !(flags & SPAWN_TEMPLATE_RESULT_CGROUP);
	return (brief_now() - begin) / 1e3;
}

static void prepare(void)
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
							 &bench.sandbox));
	bench.program =
		brief_must("seq", spawn_template_search("seq", NULL, 0));
	bench.spill = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (bench.spill < 0)
		brief_must("/tmp", -errno);
	brief_must("ring", spawn_template_ring_init(2, NULL, 0, &bench.ring));
	bench.limited = true;
	bench.limited = go(LIMITS) >= 0;
	for (enum way w = PLAIN; w < WAYS; w++) {
		bench.works[w] = go(w) >= 0;
		if (!bench.works[w])
			fprintf(stderr, "bench: %s: it does not work here\n",
				ways[w].title);
	}
}

/*
 * Returns the way whose turn comes as number W of a round. A way meets each other one as
 * its predecessor, whose cleaning up it may pay for: any step is a permutation, as the
 * number of ways is prime.
 */
static enum way turn(int round, int w)
{
	return (enum way)((round + w * (1 + round % (WAYS - 1))) % WAYS);
}

static void measure(int rounds)
{
	prepare();
	for (int i = 0; i < rounds + rounds / 10; i++) {
		for (int w = 0; w < WAYS; w++) {
			enum way way = turn(i, w);
			double us = bench.works[way] ? go(way) : -1;

			/* the first are to warm up */
			if (us >= 0 && i >= rounds / 10)
				brief_must("measure",
					   samples_add(&bench.us[way], us));
		}
	}
	for (int w = 0; w < WAYS; w++)
		brief_must("measure", samples_sort(&bench.us[w]));
	spawn_template_ring_exit(bench.ring);
}

static const char *title_of(int way)
{
	if (way == LIMITS && !bench.limited)
		return "a cgroup that tells the usage";
	if (way == SUPERVISE && bench.kept)
		return "a keeper, where there is no cgroup";
	return ways[way].title;
}

static struct ratio to_plain(int way)
{
	struct ratio r;

	brief_must("ratio",
		   samples_ratio(&bench.us[way], &bench.us[PLAIN], &r));
	return r;
}

static void print(FILE *out)
{
	struct machine machine;

	machine_describe(&machine);
	fprintf(out,
		"### A run with an option, microseconds until its end\n\n"
		"%ld x %s, %s, %s; %zu rounds\n\n"
		"| the run has | p10 | median | p90 | to a run without |\n"
		"|---|--:|--:|--:|--:|\n",
		machine.processors, machine.processor, machine.kernel,
		machine.libc, bench.us[PLAIN].count);
	for (int w = 0; w < WAYS; w++) {
		if (!bench.works[w])
			continue;
		fprintf(out, "| %s | %.0f | %.0f | %.0f |", title_of(w),
			samples_percentile(&bench.us[w], 10),
			samples_median(&bench.us[w]),
			samples_percentile(&bench.us[w], 90));
		ratio_cell(to_plain(w), 2, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static void print_json(FILE *out)
{
	json_t *all = json_object();

	for (int w = 0; w < WAYS; w++) {
		const struct samples *s = &bench.us[w];

		if (bench.works[w])
			json_object_set_new(
				all, ways[w].name,
				json_pack("{s:I, s:o, s:o, s:o, s:o}", "count",
					  (json_int_t)s->count, "p10_us",
					  value_json(samples_percentile(s, 10)),
					  "p50_us",
					  value_json(samples_median(s)),
					  "p90_us",
					  value_json(samples_percentile(s, 90)),
					  "to_plain", ratio_json(to_plain(w))));
	}
	brief_must("runs.json", value_write(all, out));
}

/* One row for each way: its title, p10, p50, p90, and the ratio with its interval. */
static void print_columns(FILE *out)
{
	fprintf(out, "way\tp10\tp50\tp90\tratio\tlow\thigh\n");
	for (int w = 0; w < WAYS; w++) {
		const struct samples *s = &bench.us[w];
		struct ratio r;

		if (!bench.works[w])
			continue;
		r = to_plain(w);
		fprintf(out, "%s\t%.1f\t%.1f\t%.1f\t%.3f\t%.3f\t%.3f\n",
			ways[w].name, samples_percentile(s, 10),
			samples_median(s), samples_percentile(s, 90), r.value,
			r.low, r.high);
	}
}

static int check(void)
{
	int ret = 0;

	for (int w = 0; w < WAYS; w++) {
		if (!bench.works[w] || to_plain(w).low <= GROSS)
			continue;
		fprintf(stderr, "bench: %s: over %.1f of a plain run\n",
			ways[w].title, GROSS);
		ret = 3;
	}
	return ret;
}

int main(int argc, char **argv)
{
	static const struct brief brief = {
		.name = "runs",
		.rounds = ROUNDS,
		.rounds_short = ROUNDS_SHORT,
		.measure = measure,
		.print = print,
		.json = print_json,
		.columns = print_columns,
		.check = check,
	};

	return brief_main(&brief, argc, argv);
}
