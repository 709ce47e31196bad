/* SPDX-License-Identifier: BSD-2-Clause */
/* A case of the table as the arguments of a run. */
#ifndef BINDINGS_TESTS_BEHAVIOUR_H
#define BINDINGS_TESTS_BEHAVIOUR_H

#include <jansson.h>
#include <spawn_template.h>

struct behaviour_run {
	const char *program;
	struct spawn_template_run_args args;
	struct spawn_template_action cwd;
	char **argv, **envp;	/* the pointers are allocated; envp's texts, too */
	char *input;
};

/* Ends the program if the case has a field that it does not know. */
void behaviour_take(struct behaviour_run *run, const json_t *entry);
void behaviour_free(struct behaviour_run *run);

/* The flag of that name; NULL: all that the table may name. */
uint32_t behaviour_flag(const char *name);

#endif /* BINDINGS_TESTS_BEHAVIOUR_H */
