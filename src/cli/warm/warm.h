/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared launches, for the commands that show them: the processes that wait for
 * launches, what prepares them here, and what a program gains by them.
 */
#ifndef WARM_H
#define WARM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "shared/measure/stats.h"

/* By WARM_ONCE, WARM_FORK and WARM_RUNTIME. */
enum warm_way { WAY_ONCE, WAY_FORK, WAY_PYTHON, WARM_WAYS };

const char *warm_way_name(enum warm_way way); /* "once", "fork", "python" */

/* ---- parked.c: prepared processes, as /proc shows them */

struct parked {
	pid_t pid, parent;
	uint32_t uid;
	enum warm_way way;
	bool spare; /* forked ahead of a launch by another one */
	int64_t age_ns;
	uint64_t pss, private_bytes; /* bytes */
	char *program; /* the path of its executable */
};

struct parked_list {
	struct parked *list;
	size_t n;
};

/*
 * Find the prepared processes of one parent; 0: of all that this process may look at.
 * Return: 0 or -errno. parked_free() is due in any case.
 */
int parked_look(pid_t parent, struct parked_list *list);
void parked_free(struct parked_list *list);

/* ---- ask.c: what preparation needs of this machine */

/* The needs, in the order in which a preparation meets them. */
enum warm_need {
	NEED_MACHINE, /* a processor for which the stub was written */
	NEED_PROC, /* /proc */
	NEED_TRACE, /* ptrace(2) of a child that allows it */
	NEED_MEMORY, /* the file mem of it in /proc */
	NEED_MAP, /* PR_SET_MM_MAP */
	NEED_THREAD, /* a thread that prepares */
	NEED_NO_SIGNAL, /* clone(2) of a process that ends without a signal */
	NEED_CLOSE_RANGE, /* close_range(2) */
	NEED_PIDFD_OPEN, /* pidfd_open(2) */
	WARM_NEEDS,
};

/* Try it in processes of its own. Return: 0 or -errno. */
int warm_ask(enum warm_need need);

/* Return the first need that is not met, with its -errno; WARM_NEEDS: all are met. */
enum warm_need warm_lacking(int *error);

/* Describe what stands in the way of a need that answered -errno, and the remedy. */
const char *warm_need_name(enum warm_need need);
const char *warm_need_remedy(enum warm_need need, int error);

/* Return yama's ptrace_scope; -1: there is no yama. */
int warm_ptrace_scope(void);

/* ---- measure.c: one program, launched cold and prepared in turn */

struct warm_spec {
	const char *name; /* looked for as by execvp(3) */
	char **argv; /* argv[0] is replaced by name */
	const char *profile; /* of session shells, with argv[1] -c; or NULL */
	const char *modules; /* that a Python imports ahead; NULL: none */
	long rounds; /* 0: prepare, but measure nothing */
	int64_t time_ns; /* at most, for the rounds */
	void (*progress)(void *data, double done); /* from 0 to 1 */
	void *data;
};

struct warm_times {
	struct samples blocked, to_exit; /* ns */
};

struct warm_fact {
	bool tried; /* the way is for this program */
	bool prepared; /* a process waited for a launch */
	int64_t prepare_ns; /* from the second launch until one waited */
	uint64_t warm, cold; /* launches, of all that were made */
	uint64_t cold_reasons[SPAWN_TEMPLATE_COLD_REASONS_MAX];
	unsigned int processes; /* that waited at the end */
	uint64_t pss, private_bytes; /* of all of them */
	struct warm_times times;
};

struct warm_program {
	struct spawn_template_stat st; /* of a template without preparation */
	bool slow; /* it did not end by itself in time, and was killed */
	int code, signal; /* its last end: one is >= 0, the other -1 */
	long rounds; /* counted */
	struct warm_times cold;
	struct warm_fact way[WARM_WAYS];
};

/*
 * Prepare the program and measure it.
 * Return: 0; or -errno of making a template, or with *launching of a launch.
 * warm_program_free() is due in any case.
 */
int warm_measure(const struct warm_spec *spec, struct warm_program *ret,
		 bool *launching);
void warm_program_free(struct warm_program *program);

static inline bool warm_can(const struct warm_program *p)
{
	return p->way[WAY_ONCE].prepared || p->way[WAY_FORK].prepared ||
	       p->way[WAY_PYTHON].prepared;
}

/*
 * Wait until a process waits for a launch from this template.
 * Return: false if there is none after so many ns, or none is to be expected.
 */
bool warm_await(int tfd, int64_t most_ns);

/* ---- why.c: a program that was not prepared */

struct warm_why {
	const char *id; /* for JSON; stable */
	char text[256];
	const char *remedy; /* NULL: none */
};

void warm_why(const struct warm_program *program, struct warm_why *why);

/*
 * why_modules.c: tell why a Python has not imported these modules ahead.
 * Return: whether that is known; else why stays as it is.
 */
bool warm_why_modules(const struct warm_program *program, const char *modules,
		      struct warm_why *why);

/* Return a sentence for a SPAWN_TEMPLATE_COLD_*. */
const char *explain_cold(unsigned int reason);

#endif
