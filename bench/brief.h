/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program around a benchmark of one table: options, rounds, report and judgement.
 * Functions here end the program with a message if something fails.
 */
#ifndef BENCH_BRIEF_H
#define BENCH_BRIEF_H

#include <stdio.h>

struct brief {
	const char *name; /* of the program, and of the file NAME.md */
	int rounds, rounds_short; /* without and with --short */
	void (*measure)(int rounds);
	void (*print)(FILE *out); /* the table, as Markdown */
	void (*json)(FILE *out); /* NAME.json; or NULL */
	void (*columns)(FILE *out); /* NAME.dat, for plots; or NULL */
	int (*check)(void); /* 0, or 3 after a message: a gross regression */
};

/* Return: the exit status of the program. */
int brief_main(const struct brief *b, int argc, char **argv);

/* Return: RET, if it is not negative. */
int brief_must(const char *what, int ret);

/* Return: the monotonic clock in nanoseconds. */
double brief_now(void);

#endif
