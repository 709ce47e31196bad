/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the cost of a template by the ways in which a caller can come by one:
 * kept open and checked, out of a cache, or made each time. So it shows that a cache
 * need not keep files open.
 *
 * In a round each way has its turn once, and another way begins each time. The times
 * are all that a caller pays besides the launch: for the template, and for its end.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include <spawn_template.h>

#include "brief.h"
#include "machine.h"
#include "shared/measure/stats.h"
#include "shared/measure/values.h"

#define ROUNDS 4000
#define ROUNDS_SHORT 1000
#define PROGRAM "/bin/true"
#define DIRECTORIES 5 /* directories without the program */
#define MAKING_LEAST 3 /* --check: as often as dear as reviving, at least */

enum way { HELD, SHARED, REVIVED, SEARCHED, MADE, WAYS };

static const char *const titles[WAYS] = {
	[HELD] = "kept open by the caller: check",
	[SHARED] = "cache, the file is out already: get, drop",
	[REVIVED] = "cache, the file is known: get, drop",
	[SEARCHED] = "the same behind 5 directories of PATH",
	[MADE] = "made each time: open, close",
};

static struct bench {
	struct spawn_template_cache *cache, *busy;
	char path[512];
	int held;
	struct samples ns[WAYS];
} bench;

static void get_and_drop(struct spawn_template_cache *cache, const char *name,
			 const char *path)
{
	int tfd =
		brief_must("get", spawn_template_cache_get(cache, name, path));

	brief_must("drop", spawn_template_cache_drop(cache, tfd));
}

static void go(const struct bench *b, enum way way)
{
	switch (way) {
	case HELD:
		brief_must("check", spawn_template_check(b->held));
		break;
	case SHARED:
		get_and_drop(b->busy, PROGRAM, NULL);
		break;
	case REVIVED:
		get_and_drop(b->cache, PROGRAM, NULL);
		break;
	case SEARCHED:
		get_and_drop(b->cache, strrchr(PROGRAM, '/') + 1, b->path);
		break;
	default:
		brief_must("close",
			   spawn_template_close(brief_must(
				   "open", spawn_template_open(PROGRAM, 0))));
	}
}

static void measure_rounds(struct bench *b, int rounds)
{
	for (int i = 0; i < rounds + rounds / 10; i++)
		for (int w = 0; w < WAYS; w++) {
			enum way way = (enum way)((i + w) % WAYS);
			double begin = brief_now();

			go(b, way);
			if (i >= rounds / 10) /* the rest is to warm up */
				brief_must("measure",
					   samples_add(&b->ns[way],
						       brief_now() - begin));
		}
	for (int w = 0; w < WAYS; w++)
		brief_must("measure", samples_sort(&b->ns[w]));
}

static void prepare(struct bench *b)
{
	brief_must("cache", spawn_template_cache_new(NULL, 0, &b->cache));
	brief_must("cache", spawn_template_cache_new(NULL, 0, &b->busy));
	b->held = brief_must(PROGRAM, spawn_template_open(PROGRAM, 0));
	brief_must(PROGRAM, spawn_template_cache_get(b->busy, PROGRAM, NULL));
	for (int i = 0; i < DIRECTORIES; i++)
		snprintf(b->path + strlen(b->path),
			 sizeof(b->path) - strlen(b->path), "/usr/none/%d:", i);
	strcat(b->path, "/bin");
}

static void print(FILE *out)
{
	const struct bench *b = &bench;
	struct machine machine;
	struct ratio r;

	machine_describe(&machine);
	fprintf(out, "### A template of %s, microseconds\n\n", PROGRAM);
	fprintf(out, "%ld x %s, %s, %s; %zu rounds\n\n", machine.processors,
		machine.processor, machine.kernel, machine.libc,
		b->ns[MADE].count);
	fprintf(out, "| way | p10 | median | p90 | made each time / this |\n"
		     "|---|--:|--:|--:|--:|\n");
	for (int w = 0; w < WAYS; w++) {
		fprintf(out, "| %s | %.2f | %.2f | %.2f |", titles[w],
			samples_percentile(&b->ns[w], 10) / 1e3,
			samples_median(&b->ns[w]) / 1e3,
			samples_percentile(&b->ns[w], 90) / 1e3);
		brief_must("ratio", samples_ratio(&b->ns[MADE], &b->ns[w], &r));
		ratio_cell(r, 1, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static int check(void)
{
	const struct bench *b = &bench;
	struct ratio r;

	brief_must("ratio", samples_ratio(&b->ns[MADE], &b->ns[REVIVED], &r));
	if (r.high >= MAKING_LEAST)
		return 0;
	fprintf(stderr,
		"bench: a known file costs more than 1/%d of one that "
		"is made\n",
		MAKING_LEAST);
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
		.name = "cache",
		.rounds = ROUNDS,
		.rounds_short = ROUNDS_SHORT,
		.measure = measure,
		.print = print,
		.check = check,
	};

	return brief_main(&brief, argc, argv);
}
