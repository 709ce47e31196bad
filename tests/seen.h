/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The output of a program, cold or by a prepared runtime: shared by the tests of
 * session shells and of prepared Pythons.
 */
#ifndef TESTS_SEEN_H
#define TESTS_SEEN_H

#include "running.h"
#include "warming.h"

#define RUNTIME \
	(SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)

/* The output that a program has shown. */
struct seen {
	char *out, *err;
	int code, signal;
};

/* The place in which a launch runs. */
struct place {
	char **env;		/* NULL: this process's */
	const char *input, *directory;
};

static inline struct seen see_in(int tfd, char **argv,
				 const struct place *place, int seconds)
{
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result r;
	struct spawn_template_action action = ACT_CHDIR(place->directory);
	struct seen seen;

	if (place->env)
		args.spawn.envp = (uintptr_t)place->env;
	if (place->input) {
		args.input = (uintptr_t)place->input;
		args.input_len = strlen(place->input);
	}
	if (place->directory) {
		args.spawn.actions = (uintptr_t)&action;
		args.spawn.actions_len = 1;
	}
	args.timeout_ns = seconds * SECOND;
	CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &r, sizeof(r)));
	CHECK(!(r.flags & RESULT(TIMED_OUT)));
	seen = (struct seen){ test_fmt("%s", r.out), test_fmt("%s", r.err),
			      r.code, r.signal };
	spawn_template_result_free(&r);
	return seen;
}

static inline void check_same(const struct seen *got, const struct seen *want)
{
	CHECK_STR(got->out, want->out);
	CHECK_STR(got->err, want->err);
	CHECK_EQ(got->code, want->code);
	CHECK_EQ(got->signal, want->signal);
}

static inline bool becomes_ready(int tfd, int ms)
{
	for (int i = 0; i < ms && !stat_of(tfd).warm_ready; i++)
		usleep(1000);
	return stat_of(tfd).warm_ready;
}

#endif
