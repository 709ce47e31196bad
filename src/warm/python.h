/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Pythons, for the pool: which launches a Python serves that was
 * initialised ahead, for which options and environment it is initialised, and
 * its parking.
 */
#ifndef ST_WARM_PYTHON_H
#define ST_WARM_PYTHON_H

#include <signal.h>

#include "warm/seat.h"

/* The signals that Python ignores, whatever they were before. */
#define ST_PYTHON_IGNORES (1ULL << (SIGPIPE - 1) | 1ULL << (SIGXFSZ - 1))

/* The options and the environment with which a Python is initialised. */
struct st_python_start {
	char **envp; /* NULL: not yet known */
	char **options;
};

struct st_python {
	char *modules; /* to import ahead, with commas */
	struct st_python_start start;
	uint64_t other; /* digest of another start seen last */
	uint64_t generation; /* counts starts */
	bool node; /* it is a Node: see node.h */
};

extern const char st_python_source[];

/* Tells whether this is a list of modules, for a prepared Python. */
bool st_python_is_list(const char *modules);

struct st_python *st_python_new(const char *modules);
void st_python_free(struct st_python *python);

/* Each needs the pool's lock. */
bool st_python_moves(struct st_python *python, const struct st_launch *l);
bool st_python_learn(struct st_python *python, const struct st_launch *l);
unsigned int st_python_judge(const struct st_python *python,
			     const struct st_launch *l);
/* Return: false: there is none yet, or no memory. */
bool st_python_copy(const struct st_python *python, struct st_python_start *to);

void st_python_start_free(struct st_python_start *start);

/* Parks a Python; the lock is not held, and modules does not change. */
int st_python_open(const struct st_python *python,
		   const struct st_python_start *start, struct warm_seat *seat,
		   struct st_park *park);

/*
 * python_options.c. Return: how many arguments behind argv[0] are options; -1: no
 * prepared Python has these.
 */
int st_python_options(char *const *argv);
/* Tells whether only a new Python can have these variables. */
bool st_python_refuses(char *const *envp, const char *argv0);

#endif
