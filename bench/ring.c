/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the cost of many runs: through a ring, and in ways that do without
 * one.
 *
 * Each way is a process of its own, which lives as long as this program and
 * does as many runs as it is asked for. In a round all cells have their turn,
 * and in the turn of a cell all ways run one after another; another way begins
 * each time. So a change in the load of the machine meets all of them alike.
 * Every number printed was measured in this run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/measure/launchers.h"
#include "shared/measure/number.h"
#include "outputs.h"
#include "shared/measure/progress.h"
#include "ring_load.h"
#include "ring_summary.h"

struct options {
	unsigned int rounds, seconds, threads, gib;
	bool brief, check, json;
	const char *out, *peers, *serve;
};

struct bench {
	struct options options;
	char self[4096]; /* path of this program */
	struct work work;
	char *work_json;
	struct worker workers[WAYS], large[WAYS];
	struct ring_summary summary;
};

static const char usage[] =
	"usage: ring [options]\n"
	"\n"
	"Compares a ring of spawn_template with posix_spawn + epoll, Node and\n"
	"asyncio.\n"
	"\n"
	"  --short        the cells and the time for continuous integration\n"
	"  --rounds N     at most so many rounds (200)\n"
	"  --seconds N    at most so long (300; short: 50)\n"
	"  --check        fail if the ring is worse for certain than\n"
	"                 a quarter of posix_spawn's blocked p50, 0.9 of the\n"
	"                 throughput of posix_spawn + epoll, 1.5 of asyncio's,\n"
	"                 2 of Node's, 32 KiB a run, 2 MiB a ring\n"
	"  --threads N    of the ring, at least (its default)\n"
	"  --peers DIR    node.mjs and asyncio_loop.py (bench/peers)\n"
	"  --out DIR      write ring.json, ring.md and ring.dat there\n"
	"  --json         print JSON in place of tables\n"
	"  --serve WAY    be the process of a way, ring, loop or prepared: answer\n"
	"                 requests \"PROGRAM INFLIGHT WARM RUNS\"; for profilers\n"
	"  --gib N        touch so much memory before (with --serve)\n"
	"  --help         print this\n"
	"\n"
	"With MUST_WORK=1 a way that is missing is a failure. Exit status: 0; 1 it\n"
	"could not be measured; 2 wrong usage; 3 --check found a regression.\n";

static const struct option longs[] = {
	{ "short", no_argument, NULL, 's' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 't' },
	{ "check", no_argument, NULL, 'c' },
	{ "threads", required_argument, NULL, 'n' },
	{ "peers", required_argument, NULL, 'p' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "serve", required_argument, NULL, 'w' },
	{ "gib", required_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* Parses a number that may be 0; 0 stands for the default. */
static int number_or_none(const char *text, unsigned int most,
			  unsigned int *ret)
{
	return strcmp(text, "0") ? number_parse("ring", text, most, ret) : 0;
}

static int parse_option(struct options *o, int c)
{
	switch (c) {
	case 's':
		o->brief = true;
		return 0;
	case 'r':
		return number_parse("ring", optarg, 100000, &o->rounds);
	case 't':
		return number_parse("ring", optarg, 86400, &o->seconds);
	case 'c':
		o->check = true;
		return 0;
	case 'n':
		return number_or_none(optarg, 64, &o->threads);
	case 'p':
		o->peers = optarg;
		return 0;
	case 'o':
		o->out = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'w':
		o->serve = optarg;
		return 0;
	case 'g':
		return number_or_none(optarg, 1024, &o->gib);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

static int parse_options(struct options *o, int argc, char **argv)
{
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		err = parse_option(o, c);
	if (err || optind < argc) {
		fprintf(stderr, "Try 'ring --help'.\n");
		return -EINVAL;
	}
	if (!o->rounds)
		o->rounds = 200;
	if (!o->seconds)
		o->seconds = o->brief ? 50 : 300;
	return 0;
}

static int serve_parent(const struct options *o)
{
	if (!strcmp(o->serve, "memory"))
		return memory_serve(o->threads);
	return ways_serve(o->serve, o->threads, o->gib);
}

/* Does runs that are not measured: the first ones of a process are slower. */
static int warm_up(struct worker *w)
{
	struct round round = { PROGRAM_TRUE, 16, 128 };

	return w->missing[0] ? 0 : worker_ask(w, &round, 0, NULL);
}

static int start_workers(struct bench *b)
{
	struct worker_options o = { b->self, b->options.peers, b->work_json,
				    b->options.threads, 0 };
	int err = 0;

	for (int w = 0; w < WAYS && !err; w++) {
		err = worker_start(&b->workers[w], w, &o);
		if (!err)
			err = warm_up(&b->workers[w]);
	}
	o.gib = b->summary.large_gib;
	for (int w = WAY_RING; w <= WAY_LOOP && !err; w++) {
		err = worker_start(&b->large[w], w, &o);
		if (!err)
			err = warm_up(&b->large[w]);
		if (b->large[w].missing[0])
			b->summary.large_missing = b->large[w].missing;
	}
	return err;
}

/* Fails if a way is missing and MUST_WORK=1 is set. */
static int check_missing(const struct bench *b)
{
	const char *must = getenv("MUST_WORK");
	int err = 0;

	for (int w = 0; w < WAYS; w++) {
		const char *why = b->workers[w].missing;

		/* the default watcher uses pidfds already: no thread way */
		if (!*why || (w == WAY_ASYNCIO_THREADS &&
			      !b->workers[WAY_ASYNCIO].missing[0]))
			continue;
		fprintf(stderr, "ring: %s is missing: %s\n", way_name[w], why);
		if (must && !strcmp(must, "1"))
			err = -ENOENT;
	}
	return err;
}

static void choose_cells(struct bench *b)
{
	struct ring_summary *s = &b->summary;

	for (int i = 0; i < RING_CELLS; i++)
		if (!b->options.brief || ring_cells[i].brief)
			s->cells[s->n_cells++].cell = &ring_cells[i];
}

/*
 * Keeps the slow ways out of every second round, which leaves time for more
 * rounds of the fast ones.
 */
static bool takes_part(const struct worker *w, unsigned int way,
		       unsigned int round)
{
	return w->pid && !w->missing[0] && (way_is_in_c(way) || round % 2 == 0);
}

/* Gives a cell its turn: all its ways, beginning with another each time. */
static int run_cell(struct bench *b, struct ring_cell_summary *c)
{
	struct worker *workers = c->cell->large ? b->large : b->workers;
	struct round round = { c->cell->program, c->cell->inflight,
			       ring_cell_runs(c->cell) };
	unsigned int warm = round.inflight < 8 ? 8 : round.inflight;
	unsigned int n = b->summary.rounds;
	int err = 0;

	for (unsigned int i = 0; i < WAYS && !err; i++) {
		unsigned int w = (i + n + c->cell->inflight / 4) % WAYS;

		if (takes_part(&workers[w], w, n))
			err = worker_ask(&workers[w], &round, warm,
					 &c->ways[w]);
	}
	return err;
}

static int run_rounds(struct bench *b)
{
	struct ring_summary *s = &b->summary;
	const struct options *o = &b->options;
	struct progress p = progress_start();
	uint64_t start = now_ns();
	double a_round = 0;
	int err = 0;

	while (!err && s->rounds < o->rounds &&
	       s->seconds + a_round < o->seconds) {
		for (size_t i = 0; i < s->n_cells && !err; i++) {
			char text[32];

			snprintf(text, sizeof(text), "round %u", s->rounds);
			progress_show(&p,
				      (double)(now_ns() - start) / 1e9 /
					      o->seconds,
				      text);
			err = run_cell(b, &s->cells[i]);
		}
		s->rounds++;
		s->seconds = (double)(now_ns() - start) / 1e9;
		a_round = s->seconds / s->rounds;
	}
	progress_end(&p);
	return err;
}

static struct load load_of_bench(const struct bench *b)
{
	pid_t pids[2 * WAYS];

	for (int w = 0; w < WAYS; w++) {
		pids[w] = b->workers[w].pid;
		pids[WAYS + w] = b->large[w].pid;
	}
	return load_now(pids, 2 * WAYS);
}

static int measure_rounds(struct bench *b)
{
	struct load before = load_of_bench(b), after;
	int err = run_rounds(b);

	after = load_of_bench(b);
	b->summary.others = load_by_others(&before, &after);
	if (b->summary.others > RING_OTHERS_MOST)
		fprintf(stderr,
			"ring: other work had %.0f %% of the machine: that "
			"favours the ring, which has more threads\n",
			b->summary.others * 100);
	return err;
}

static int write_files(const struct ring_summary *s, const char *dir)
{
	struct outputs o;
	int ret, err = outputs_open(&o, dir, "ring");

	if (!err) {
		err = ring_json(s, o.json);
		ring_markdown(s, o.markdown);
		ring_columns(s, o.columns);
	}
	ret = outputs_close(&o);
	return err ? err : ret;
}

static int report(struct bench *b)
{
	struct ring_summary *s = &b->summary;
	int err = ring_summary_make(s);

	if (!err && b->options.json)
		err = ring_json(s, stdout);
	else if (!err)
		ring_markdown(s, stdout);
	if (!err && b->options.out)
		err = write_files(s, b->options.out);
	return err;
}

static int measure(struct bench *b)
{
	int err = work_prepare(&b->work);

	if (err)
		return err;
	if (readlink("/proc/self/exe", b->self, sizeof(b->self) - 1) < 0)
		return -errno;
	b->work_json = work_json(&b->work);
	err = start_workers(b);
	if (!err)
		err = check_missing(b);
	if (!err)
		err = measure_rounds(b);
	if (!err)
		err = memory_measure(b->self, b->options.threads,
				     &b->summary.memory);
	return err ? err : report(b);
}

int main(int argc, char **argv)
{
	static struct bench b = { .options.peers = "bench/peers",
				  .summary.large_missing = "" };
	unsigned int regressions = 0;
	int err;

	if (parse_options(&b.options, argc, argv))
		return 2;
	if (b.options.serve)
		return serve_parent(&b.options);
	signal(SIGPIPE, SIG_IGN);
	b.summary.large_gib = b.options.brief ? 1 : 4;
	b.summary.work = &b.work;
	b.summary.workers = b.workers;
	choose_cells(&b);
	err = measure(&b);
	if (!err && b.options.check)
		regressions = ring_regressions(&b.summary, stderr);
	for (int w = 0; w < WAYS; w++) {
		worker_stop(&b.workers[w]);
		worker_stop(&b.large[w]);
	}
	ring_summary_free(&b.summary);
	free(b.work_json);
	return err ? 1 : regressions ? 3 : 0;
}
