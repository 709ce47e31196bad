/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy of the command server: which programs a client may run, in which folders,
 * with which variables, in which sandbox and within which limits. docs/policy.md
 * describes the file.
 *
 * A rule that denies wins over one that asks, and both win over one that allows; order
 * does not matter. An allowing rule holds for a program under the name that the rule has
 * and at the path that this name leads to; the other rules hold for the file under any
 * name. So a mistake denies too much rather than too little.
 *
 * policy_check() opens the program and the folder first, and judges what it has opened.
 * The caller launches what the answer holds: a template of answer.path that is
 * policy_is_program(), from the descriptor answer.cwd.
 *
 * One thread uses a policy.
 */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/limits.h"
#include "cli/sandbox.h"

struct policy;

/*
 * Read a policy. path NULL: the policy by default.
 * Return: NULL, with an error for the caller to free: "FILE:LINE:COLUMN: reason"; NULL there,
 * too: no memory.
 */
struct policy *policy_load(const char *path, char **error);
void policy_free(struct policy *policy);

/* Print the policy in force as TOML, which policy_load() reads as the same policy. */
void policy_print(const struct policy *policy);

/*
 * Read a policy file and say whether it is right: for --check.
 * Return: the exit code.
 */
int policy_check_file(const char *path);

/* ---- verdicts */

enum policy_verdict { POLICY_ALLOW, POLICY_ASK, POLICY_DENY };

struct policy_request {
	/* argv[0] is the program as it was named; of a shell string: policy_shell(),
	 * "-c", the string */
	const char *const *argv;
	bool is_shell; /* a shell string, which is not words alone */
	const char *search; /* the PATH of the launch; "": none */
	const char *cwd; /* NULL: that of this process */
	const char *const *variables; /* "NAME[=value]"; NULL: none */
	const struct sandbox_wishes *sandbox; /* of the request; NULL: none */
};

struct policy_answer {
	enum policy_verdict verdict;
	const char *rule; /* "" if none decided; valid as long as the policy */
	unsigned int line; /* of the rule in the file; 0: none */
	char text[768]; /* the reason, in words for the client */
	char *path; /* owned: the program, without symbolic links; NULL: none */
	char *name; /* owned: argv[0] of the launch; NULL: that of the request */
	int program; /* owned: O_PATH descriptor of it; -1: none */
	int cwd; /* owned: O_PATH descriptor of the folder; -1: none */
	uint64_t warm; /* SPAWN_TEMPLATE_CREATE_WARM_*, or 0 */
};

/*
 * Judge a request. Free the answer in any case.
 * Return: 0 with a verdict; or -errno, with the text: there is no such folder (answer.cwd
 * is -1) or program, and so nothing to judge.
 */
int policy_check(struct policy *policy, const struct policy_request *request,
		 struct policy_answer *answer);
void policy_answer_free(struct policy_answer *answer);

/* Tell whether a descriptor, such as a template, is of the file that was judged. */
bool policy_is_program(const struct policy_answer *answer, int fd);

/*
 * Open and judge a folder that the server itself writes to for a request.
 * Return: 0 and an O_PATH descriptor; -EACCES or another -errno, with the text.
 */
int policy_open_output(struct policy *policy, const char *path, int *fd,
		       struct policy_answer *answer);

/* ---- what holds for each launch */

struct policy_bounds {
	int64_t timeout_ns; /* of a request that has none; never 0 */
	int64_t timeout_most_ns; /* of any request; never 0 */
	int64_t idle_timeout_ns; /* of a request that has none; 0: none */
	uint64_t max_output; /* bytes of each stream, at most; 0: the default */
	unsigned int programs; /* at a time; 0: the default */
	struct limits limits; /* at most */
	bool no_leftovers; /* a bound of times or programs, which they would escape */
	const struct sandbox_wishes *sandbox; /* NULL: none */
};

/* The path of the program that runs shell strings. */
const char *policy_shell(const struct policy *policy);

const struct policy_bounds *policy_bounds(const struct policy *policy);

/* Return the timeout of a request that asks for so long; 0: that does not ask. */
int64_t policy_timeout(const struct policy *policy, int64_t asked_ns);

/* Lower the limits that a request asks for to those of the policy. */
void policy_limit(const struct policy *policy, struct limits *limits);

/*
 * Make the environment that requests begin with: the variables of own that pass, and
 * those that the policy sets.
 * Return: a list that ends with NULL, for the caller to free, not its strings, which are
 * own's and the policy's; or NULL: no memory.
 */
const char **policy_environment(const struct policy *policy, char *const *own);

/* The variables that the policy sets, as "NAME=value", up to NULL; NULL: none. */
char *const *policy_variables(const struct policy *policy);

#endif
