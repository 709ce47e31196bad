/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes policies: the input is a file, and behind a NUL the arguments of a request, each
 * with a NUL behind it. A verdict is the same when it is asked for again, and a rule more that
 * denies all programs makes a denial of any verdict.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/policy/policy.h"
#include "fuzz.h"

#define ARGS_MOST 64

static const char deny_all[] = "\n[[rule]]\n"
			       "name = \"the fuzzer's last rule\"\n"
			       "action = \"deny\"\n"
			       "program = \"*\"\n";

/* Read a policy from memory. Return: NULL if it is wrong. */
static struct policy *load(const uint8_t *text, size_t n, const char *more)
{
	static int fd = -1;
	struct policy *policy;
	char path[32], *error;

	if (fd < 0)
		fd = memfd_create("policy", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	MUST(pwrite(fd, text, n, 0) == (ssize_t)n);
	MUST(pwrite(fd, more, strlen(more), (off_t)n) == (ssize_t)strlen(more));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	policy = policy_load(path, &error);
	MUST(policy || error);
	MUST(policy || strncmp(error, path, strlen(path)) == 0);
	free(error);
	return policy;
}

static enum policy_verdict ask(struct policy *policy,
			       const struct policy_request *request)
{
	struct policy_answer first, second;

	MUST(policy_check(policy, request, &first) == 0);
	MUST(policy_check(policy, request, &second) == 0);
	MUST(first.verdict == second.verdict && first.line == second.line);
	MUST(first.program >= 0 && first.cwd >= 0 && first.path);
	MUST(policy_is_program(&first, second.program));
	policy_answer_free(&second);
	policy_answer_free(&first);
	return first.verdict;
}

static void judge(const uint8_t *text, size_t n, struct policy *policy,
		  const struct policy_request *request)
{
	struct policy *denies;

	ask(policy, request);
	denies = load(text, n, deny_all);
	if (denies)
		MUST(ask(denies, request) == POLICY_DENY);
	policy_free(denies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t n = end ? (size_t)(end - data) : size, args = 1;
	const char *argv[ARGS_MOST + 2] = { "/bin/true" };
	const char *string[4] = { "/bin/sh", "-c", "", NULL };
	struct policy_request request = { .search = "/usr/bin:/bin" };
	struct policy *policy = load(data, n, "");

	if (!policy)
		return 0;
	for (size_t at = n + 1; at < size && args <= ARGS_MOST;) {
		const uint8_t *stop = memchr(data + at, 0, size - at);

		if (!stop)
			break;
		argv[args++] = (const char *)data + at;
		at = (size_t)(stop - data) + 1;
	}
	request.argv = argv;
	judge(data, n, policy, &request);
	string[2] = args > 1 ? argv[1] : "";
	request.argv = string;
	request.is_shell = true;
	judge(data, n, policy, &request);
	policy_free(policy);
	return 0;
}
