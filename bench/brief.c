/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "brief.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int brief_must(const char *what, int ret)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

double brief_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void write_to(const struct brief *b, const char *dir, const char *suffix,
		     void (*print)(FILE *out))
{
	char path[4096];
	FILE *out;

	if (!print)
		return;
	snprintf(path, sizeof(path), "%s/%s.%s", dir, b->name, suffix);
	out = fopen(path, "we");
	if (!out) {
		perror(path);
		exit(1);
	}
	print(out);
	if (fclose(out)) {
		perror(path);
		exit(1);
	}
}

int brief_main(const struct brief *b, int argc, char **argv)
{
	bool brief = false, judge = false;
	const char *dir = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--short")) {
			brief = true;
		} else if (!strcmp(argv[i], "--check")) {
			judge = true;
		} else if (!strcmp(argv[i], "--out") && i + 1 < argc) {
			dir = argv[++i];
		} else {
			fprintf(stderr,
				"usage: %s [--short] [--check] [--out DIR]\n",
				b->name);
			return 2;
		}
	}
	b->measure(brief ? b->rounds_short : b->rounds);
	b->print(stdout);
	if (dir) {
		write_to(b, dir, "md", b->print);
		write_to(b, dir, "json", b->json);
		write_to(b, dir, "dat", b->columns);
	}
	return judge ? b->check() : 0;
}
