/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounds of each launch by a policy: the environment, times and limits. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cli/policy/pattern.h"
#include "cli/policy/rules.h"

const char *policy_shell(const struct policy *p)
{
	return p->shell;
}

const struct policy_bounds *policy_bounds(const struct policy *p)
{
	return &p->bounds;
}

int64_t policy_timeout(const struct policy *p, int64_t asked_ns)
{
	int64_t ns = asked_ns > 0 ? asked_ns : p->bounds.timeout_ns;

	return ns < p->bounds.timeout_most_ns ? ns : p->bounds.timeout_most_ns;
}

/* A limit of 0 is none, but for swap beside a limit of memory, where it is the least. */
void policy_limit(const struct policy *p, struct limits *limits)
{
	const uint64_t *bounds = p->bounds.limits.value;

	if (!p->bounds.limits.given)
		return;
	limits->given = true;
	for (int i = 0; i < LIMITS; i++) {
		uint64_t most = bounds[i], *value = &limits->value[i];
		bool is_bound =
			most || (i == LIMIT_SWAP && bounds[LIMIT_MEMORY]);
		bool may_be_0 = i == LIMIT_SWAP && limits->value[LIMIT_MEMORY];

		if (is_bound && (*value > most || (!*value && !may_be_0)))
			*value = most;
	}
}

static bool is_in(const struct policy_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (pattern_matches(list->text[i], name, ""))
			return true;
	return false;
}

static bool passes(const struct policy *p, const char *variable)
{
	char *name = strndup(variable, strcspn(variable, "="));
	bool yes =
		name && is_in(&p->pass, name) && !is_in(&p->unsettable, name);

	for (size_t i = 0; yes && p->set && p->set[i]; i++)
		yes = strncmp(p->set[i], variable, strlen(name) + 1) != 0;
	free(name);
	return yes;
}

char *const *policy_variables(const struct policy *p)
{
	return p->set;
}

const char **policy_environment(const struct policy *p, char *const *own)
{
	size_t n = 0, most = 1;
	const char **list;

	for (size_t i = 0; own && own[i]; i++)
		most++;
	for (size_t i = 0; p->set && p->set[i]; i++)
		most++;
	list = calloc(most, sizeof(*list));
	for (size_t i = 0; list && own && own[i]; i++)
		if (passes(p, own[i]))
			list[n++] = own[i];
	for (size_t i = 0; list && p->set && p->set[i]; i++)
		list[n++] = p->set[i];
	return list;
}
