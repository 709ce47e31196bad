/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges runs by the policy of the server, when their turn has come. What was judged is what
 * is launched: the file and the folder that the policy has opened, with the variables, in the
 * sandbox and within the limits of the policy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/mcp.h"
#include "cli/policy/policy.h"

extern char **environ;

/* ---- requests */

/* This server sets PWD to the folder, as a shell does. */
static bool is_own(const struct request *r, const char *name, json_t *value)
{
	const char *text = json_string_value(value);

	return r->cwd && text && strcmp(name, "PWD") == 0 &&
	       strcmp(text, r->cwd) == 0;
}

static size_t add_names(const char **list, size_t n, const struct request *r,
			json_t *variables)
{
	const char *name;
	json_t *value;

	json_object_foreach(variables, name, value)
	{
		if (!is_own(r, name, value))
			list[n++] = name;
	}
	return n;
}

/* Return the names of the variables that a request sets or removes; NULL: no memory. */
static const char **name_variables(const struct request *r)
{
	size_t n = json_object_size(r->env) + json_object_size(r->setenv) +
		   json_object_size(r->setenv_decoded);
	const char **list = calloc(n + 1, sizeof(*list));

	if (!list)
		return NULL;
	n = add_names(list, 0, r, r->env);
	n = add_names(list, n, r, r->setenv);
	add_names(list, n, r, r->setenv_decoded);
	return list;
}

/* ---- verdicts */

static int refuse(const struct policy_answer *a, struct complaint *c)
{
	return complain(c, EACCES, "%s%s", a->text,
			a->verdict == POLICY_ASK
				? ". Nobody can be asked here: the user may "
				  "run it, or change the rule's action to "
				  "\"allow\" and start the server again"
				: "");
}

/* Lower what a request asks for to what the policy gives. */
static int bound(const struct mcp *m, struct request *r, struct complaint *c)
{
	const struct policy *policy = m->options->policy;

	policy_limit(policy, &r->limits);
	if (r->keep_leftovers > 0 &&
	    (r->limits.given || policy_bounds(policy)->no_leftovers))
		return complain(c, EACCES,
				"denied by [limits]: \"keep_leftovers\" would "
				"leave processes without limits");
	return 0;
}

/* Take over what was judged. */
static void take(const struct mcp *m, struct engine_job *job,
		 struct policy_answer *a)
{
	job->verdict = (struct engine_verdict){
		.path = a->path,
		.name = a->name,
		.program = a->program,
		.cwd = a->cwd,
		.way = a->warm && !m->options->cold ? engine_way_of(a->warm)
						    : ENGINE_COLD,
	};
	a->path = a->name = NULL;
	a->program = a->cwd = -1;
}

int run_judge(struct engine *e, struct engine_job *job, struct complaint *c)
{
	struct mcp *m = e->owner;
	struct mcp_run *run = job->owner;
	const struct request *r = job->request;
	struct policy_request request = {
		.argv = r->argv,
		.is_shell = run->is_shell,
		.search = request_search_path(r),
		.cwd = r->cwd,
		.sandbox = &r->sandbox,
	};
	struct policy_answer a;
	const char **variables;
	int err;

	if (!m->options->policy)
		return 0;
	variables = name_variables(r);
	if (!variables)
		return complain(c, ENOMEM, "out of memory");
	request.variables = variables;
	err = policy_check(m->options->policy, &request, &a);
	if (err)
		err = complain(c, -err, "%s", a.text);
	else if (a.verdict != POLICY_ALLOW)
		err = refuse(&a, c);
	else
		err = bound(m, job->request, c);
	if (!err)
		take(m, job, &a);
	policy_answer_free(&a);
	free(variables);
	return err;
}

/* ---- before the first run */

int judge_open(struct mcp *m)
{
	const struct policy *policy = m->options->policy;
	const struct policy_bounds *bounds;
	struct sandbox_failure failure = { 0 };

	if (!policy)
		return 0;
	m->environment = policy_environment(policy, environ);
	if (!m->environment) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	bounds = policy_bounds(policy);
	if (!bounds->sandbox ||
	    sandbox_make(bounds->sandbox, NULL, &m->sandbox, &failure) == 0)
		return 0;
	out_error("the policy's sandbox: %s", failure.text);
	if (failure.remedy)
		out_remedy("%s", failure.remedy);
	return CLI_FAILED;
}

void judge_close(struct mcp *m)
{
	spawn_template_sandbox_free(m->sandbox);
	free(m->environment);
}
