/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the cost of a launch by four methods, from parents of several kinds.
 *
 * Each cell is a process of its own, so that the size of its parent is real.
 * All cells live at once and take turns, a few rounds each, so that a change in
 * the load of the machine meets all cells and all methods alike. Every number
 * printed was measured in this run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/measure/number.h"
#include "outputs.h"
#include "shared/measure/progress.h"
#include "summary.h"

#define ROUNDS_PER_TURN 8

struct options {
	unsigned int rounds, seconds;
	bool brief, check, json;
	const char *out, *first, *program;
};

struct running {
	pid_t pid;
	int requests, responses; /* our ends; see struct cell_setup */
	struct cell_samples *samples;
};

struct bench {
	struct options options;
	struct running running[CELLS];
	struct summary summary;
};

static const char usage[] =
	"usage: launch [options]\n"
	"\n"
	"Compares fork, vfork, posix_spawn and spawn_template.\n"
	"\n"
	"  --short        the cells and the time for continuous integration\n"
	"  --rounds N     at most so many rounds (3000; short: 800)\n"
	"  --seconds N    at most so long (420; short: 50)\n"
	"  --check        fail if a ratio is beyond its limit for certain:\n"
	"                 caller blocked to posix_spawn 0.90, to vfork 1.30;\n"
	"                 to exit to posix_spawn 1.10, to the base cell 1.50\n"
	"  --program P    launch this in place of /bin/true\n"
	"  --first P      the program that reports its first instruction\n"
	"                 (first, beside this one)\n"
	"  --out DIR      write launch.json, launch.md and launch.dat there\n"
	"  --json         print JSON in place of tables\n"
	"  --help         print this\n"
	"\n"
	"Exit status: 0; 1 it could not be measured; 2 wrong usage; 3 --check\n"
	"found a regression.\n";

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "short", no_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 't' },
		{ "check", no_argument, NULL, 'c' },
		{ "program", required_argument, NULL, 'p' },
		{ "first", required_argument, NULL, 'f' },
		{ "out", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->brief = true;
			break;
		case 'r':
			err = number_parse("launch", optarg, SAMPLES_MAX,
					   &o->rounds);
			break;
		case 't':
			err = number_parse("launch", optarg, 86400,
					   &o->seconds);
			break;
		case 'c':
			o->check = true;
			break;
		case 'p':
			o->program = optarg;
			break;
		case 'f':
			o->first = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			err = -EINVAL;
		}
	}
	if (err || optind < argc) {
		fprintf(stderr, "Try 'launch --help'.\n");
		return -EINVAL;
	}
	if (!o->rounds)
		o->rounds = o->brief ? 800 : 3000;
	if (!o->seconds)
		o->seconds = o->brief ? 50 : 420;
	return 0;
}

/* Returns the absolute path, as a template needs it; it is never freed. */
static const char *absolute(const char *path)
{
	const char *real = *path == '/' ? path : realpath(path, NULL);

	if (!real)
		fprintf(stderr, "launch: %s: %m\n", path);
	return real;
}

/* Returns the path of the program "first" beside this one. */
static const char *default_first(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	char *slash;

	if (n < 0)
		return NULL;
	path[n] = 0;
	slash = strrchr(path, '/');
	strcpy(slash + 1, "first");
	return path;
}

/*
 * Runs in the process of a cell and never returns. Keeps two fds, at low
 * numbers, and closes all others.
 */
static void become_cell(struct cell_setup *setup)
{
	int requests = dup(setup->requests), responses = dup(setup->responses);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setup->requests = dup2(requests, 3);
	setup->responses = dup2(responses, 4);
	syscall(SYS_close_range, 5, ~0U, 0);
	_exit(cell_process(setup));
}

static int start_cell(struct running *r, const struct cell *cell,
		      const struct options *o)
{
	int requests[2], responses[2];

	r->samples = mmap(NULL, sizeof(*r->samples), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->samples == MAP_FAILED)
		return -errno;
	if (pipe2(requests, O_CLOEXEC) || pipe2(responses, O_CLOEXEC))
		return -errno;
	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (!r->pid)
		become_cell(&(struct cell_setup){ cell, o->program, o->first,
						  r->samples, requests[0],
						  responses[1] });
	close(requests[0]);
	close(responses[1]);
	r->requests = requests[1];
	r->responses = responses[0];
	return 0;
}

/* Waits until the process has answered or has died. */
static int await(struct running *r, const struct cell *cell)
{
	char byte;

	if (read(r->responses, &byte, 1) == 1 && !r->samples->failed[0])
		return 0;
	fprintf(stderr, "launch: %s: %s\n", cell->name,
		r->samples->failed[0] ? r->samples->failed
				      : "its process ended before its time");
	return -EIO;
}

static int start_cells(struct bench *b)
{
	for (int i = 0; i < CELLS; i++) {
		struct summary *s = &b->summary;
		struct cell_summary *c = &s->cells[s->n_cells];
		struct running *r = &b->running[s->n_cells];
		int err;

		if (b->options.brief && !cells[i].brief)
			continue;
		s->n_cells++;
		c->cell = &cells[i];
		err = start_cell(r, c->cell, &b->options);
		if (err) {
			fprintf(stderr, "launch: %s: %s\n", c->cell->name,
				strerror(-err));
			return err;
		}
		err = await(r, c->cell);
		if (err)
			return err;
		if (r->samples->skipped[0])
			c->skipped = r->samples->skipped;
	}
	return 0;
}

static int run_turn(struct bench *b, uint32_t rounds, size_t first)
{
	struct summary *s = &b->summary;

	for (size_t i = 0; i < s->n_cells; i++) {
		size_t at = (first + i) % s->n_cells;
		struct running *r = &b->running[at];
		int err;

		if (s->cells[at].skipped)
			continue;
		if (write(r->requests, &rounds, sizeof(rounds)) !=
		    sizeof(rounds))
			return -EPIPE;
		err = await(r, s->cells[at].cell);
		if (err)
			return err;
	}
	s->rounds += rounds;
	return 0;
}

static int run_rounds(struct bench *b)
{
	struct options *o = &b->options;
	struct progress p = progress_start();
	uint64_t start = now_ns();
	double elapsed = 0;
	int err = 0;

	for (size_t turn = 0; !err && elapsed < o->seconds; turn++) {
		unsigned int done = b->summary.rounds, left = o->rounds - done;
		double by_time = elapsed / o->seconds;
		double by_rounds = (double)done / o->rounds;
		char text[32];

		if (!left)
			break;
		snprintf(text, sizeof(text), "round %u", done);
		progress_show(&p, by_time > by_rounds ? by_time : by_rounds,
			      text);
		err = run_turn(b,
			       left < ROUNDS_PER_TURN ? left : ROUNDS_PER_TURN,
			       turn);
		elapsed = (double)(now_ns() - start) / 1e9;
	}
	progress_end(&p);
	b->summary.seconds = elapsed;
	return err;
}

static void stop_cells(struct bench *b)
{
	for (size_t i = 0; i < b->summary.n_cells; i++) {
		struct running *r = &b->running[i];

		if (r->pid <= 0)
			continue;
		close(r->requests);
		close(r->responses);
		waitpid(r->pid, NULL, 0);
	}
}

static int write_files(const struct summary *s, const char *dir)
{
	struct outputs o;
	int ret, err = outputs_open(&o, dir, "launch");

	if (!err) {
		err = summary_json(s, o.json);
		summary_markdown(s, o.markdown);
		summary_columns(s, o.columns);
	}
	ret = outputs_close(&o);
	return err ? err : ret;
}

static int report(struct bench *b)
{
	struct cell_samples *samples[CELLS];
	struct summary *s = &b->summary;
	int err;

	for (size_t i = 0; i < s->n_cells; i++)
		samples[i] = b->running[i].samples;
	err = summary_make(s, samples);
	if (!err && b->options.json)
		err = summary_json(s, stdout);
	else if (!err)
		summary_markdown(s, stdout);
	if (!err && b->options.out)
		err = write_files(s, b->options.out);
	return err;
}

int main(int argc, char **argv)
{
	static struct bench b = { .options.program = "/bin/true" };
	unsigned int regressions = 0;
	int err;

	if (parse_options(&b.options, argc, argv))
		return 2;
	if (!b.options.first)
		b.options.first = default_first();
	b.summary.program = b.options.program;
	b.options.program = absolute(b.options.program);
	b.options.first = b.options.first ? absolute(b.options.first) : NULL;
	if (!b.options.program || !b.options.first)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	err = start_cells(&b);
	if (!err)
		err = run_rounds(&b);
	stop_cells(&b);
	if (!err)
		err = report(&b);
	if (!err && b.options.check)
		regressions = summary_regressions(&b.summary, stderr);
	summary_free(&b.summary);
	return err ? 1 : regressions ? 3 : 0;
}
