/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a policy, as the command server does:
 *
 *	ask_policy FILE check|print
 *	ask_policy FILE ask [-c CWD] [-p PATH] [-e NAME]... [-s] COMMAND [ARGUMENT]...
 *	ask_policy FILE shell [-c CWD] STRING
 *	ask_policy FILE env|bounds
 *
 * FILE "-" is the policy by default. An answer is "allow|ask|deny RULE:LINE" and its text.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mcp/words.h"
#include "cli/policy/policy.h"

extern char **environ;

static int ask(struct policy *policy, const struct policy_request *request)
{
	static const char *const verdicts[] = { "allow", "ask", "deny" };
	struct policy_answer a;
	int err = policy_check(policy, request, &a);
	int fd = a.path ? open(a.path, O_PATH | O_CLOEXEC) : -1;

	if (err)
		printf("error %d\n%s\n", -err, a.text);
	else
		printf("%s %s:%u\n%s\n%s %d %d\n", verdicts[a.verdict], a.rule,
		       a.line, a.text, a.path, policy_is_program(&a, fd),
		       a.warm != 0);
	if (fd >= 0)
		close(fd);
	policy_answer_free(&a);
	return 0;
}

/* Do with a shell string what the server does. */
static int ask_shell(struct policy *policy, struct policy_request *request,
		     const char *string)
{
	const char *argv[] = { policy_shell(policy), "-c", string, NULL };
	const char **words;
	int ret;

	request->is_shell = words_split(string, strlen(string), &words) != 0;
	request->argv = request->is_shell ? argv : words;
	ret = ask(policy, request);
	if (!request->is_shell)
		free(words);
	return ret;
}

static int ask_words(struct policy *policy, int argc, char **argv, bool shell)
{
	static const struct sandbox_wishes none = {
		.flags = SPAWN_TEMPLATE_SANDBOX_NO_NET,
	};
	struct policy_request request = { .search = getenv("PATH") };
	const char *variables[16] = { NULL };
	size_t n = 0;
	int c;

	while ((c = getopt(argc, argv, "+c:p:e:s")) != -1)
		if (c == 'c')
			request.cwd = optarg;
		else if (c == 'p')
			request.search = optarg;
		else if (c == 's')
			request.sandbox = &none;
		else if (c == 'e' && n < 15)
			variables[n++] = optarg;
	request.variables = variables;
	request.argv = (const char *const *)argv + optind;
	if (optind == argc)
		return 2;
	return shell ? ask_shell(policy, &request, argv[optind])
		     : ask(policy, &request);
}

static void print_bounds(struct policy *policy)
{
	const struct policy_bounds *b = policy_bounds(policy);
	struct limits limits = {
		.value = { [LIMIT_MEMORY] = 1U << 30, [LIMIT_SWAP] = 5 }
	};

	policy_limit(policy, &limits);
	printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %u %" PRIu64
	       " %" PRIu64 " %" PRIu64 " %d\n",
	       policy_timeout(policy, 0) / 1000000000,
	       policy_timeout(policy, INT64_MAX) / 1000000000,
	       b->idle_timeout_ns / 1000000000, b->max_output, b->programs,
	       limits.value[LIMIT_MEMORY], limits.value[LIMIT_SWAP],
	       limits.value[LIMIT_PIDS], b->sandbox != NULL);
}

static void print_environment(struct policy *policy)
{
	const char **list = policy_environment(policy, environ);

	for (size_t i = 0; list && list[i]; i++)
		printf("%s\n", list[i]);
	free(list);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	struct policy *policy;
	char *error;
	int ret = 0;

	if (strcmp(what, "check") == 0)
		return out_finish(policy_check_file(argv[1]));
	policy = policy_load(argc > 1 && strcmp(argv[1], "-") ? argv[1] : NULL,
			     &error);
	if (!policy) {
		fprintf(stderr, "%s\n", error ? error : "no memory");
		free(error);
		return 1;
	}
	if (strcmp(what, "print") == 0)
		policy_print(policy);
	else if (strcmp(what, "env") == 0)
		print_environment(policy);
	else if (strcmp(what, "bounds") == 0)
		print_bounds(policy);
	else
		ret = ask_words(policy, argc - 2, argv + 2,
				strcmp(what, "shell") == 0);
	policy_free(policy);
	return out_finish(ret);
}
