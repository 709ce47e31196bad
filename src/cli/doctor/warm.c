/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: prepared launches. A shell is prepared and launched, and each call that this
 * needs is tried. With names, the programs of these names are prepared, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/warm/warm.h"

#define SHELL "/bin/sh"
#define KIB(bytes) ((unsigned long long)(bytes) >> 10)

/* ---- the calls */

static void ask(struct finding *f, enum warm_need need)
{
	int ret = warm_ask(need);

	found_call(f, ret);
	if (ret < 0)
		found_remedy(f, "%s", warm_need_remedy(need, ret));
}

static void probe_machine(struct finding *f)
{
	int ret = warm_ask(NEED_MACHINE);

	found(f, ret < 0 ? FEATURE_MISSING : FEATURE_OK,
	      ret < 0 ? "not for this one" : "x86-64");
}

static void probe_trace(struct finding *f)
{
	int scope = warm_ptrace_scope();
	char answer[FINDING_TEXT];

	ask(f, NEED_TRACE);
	memcpy(answer, f->detail, sizeof(answer));
	if (scope >= 0)
		found(f, f->status, "%.100s%syama's ptrace_scope is %d", answer,
		      *answer ? "; " : "", scope);
	else if (f->status == FEATURE_OK)
		found(f, FEATURE_OK, "a child that allows it");
}

static void probe_memory(struct finding *f)
{
	ask(f, NEED_MEMORY);
	if (f->status == FEATURE_OK)
		found(f, FEATURE_OK, "read and written by /proc/PID/mem");
}

static void probe_map(struct finding *f)
{
	ask(f, NEED_MAP);
	if (f->status == FEATURE_OK)
		found(f, FEATURE_OK, "the kernel has CHECKPOINT_RESTORE");
}

/* ---- a whole launch */

/* Tell the ways and the memory of a program that was prepared. */
static void found_prepared(struct finding *f, const struct warm_program *p)
{
	char ways[64] = "", memory[64] = "";

	for (int i = 0; i < WARM_WAYS; i++) {
		const struct warm_fact *fact = &p->way[i];
		size_t n = strlen(ways), m = strlen(memory);

		if (!fact->prepared)
			continue;
		snprintf(ways + n, sizeof(ways) - n, "%s%s", n ? " and " : "",
			 warm_way_name((enum warm_way)i));
		snprintf(memory + m, sizeof(memory) - m, "%s%llu KiB",
			 m ? " and " : "", KIB(fact->pss));
	}
	found(f, FEATURE_OK, "%.100s: %s; %s of memory", p->st.path, ways,
	      memory);
}

/* Return: 0; or the exit code after a message, and then *error is set. */
static int prepare(struct finding *f, const char *name, char **argv, int *error,
		   struct warm_why *why)
{
	const struct warm_spec spec = { .name = name, .argv = argv };
	struct warm_program program;
	bool launching;
	int err = warm_measure(&spec, &program, &launching);

	*why = (struct warm_why){ 0 };
	*error = -err;
	if (err == -ENOENT && !launching) {
		found(f, FEATURE_UNKNOWN, "there is no such program");
		found_remedy(f, "install it, or give its path");
	} else if (err) {
		found(f, FEATURE_UNKNOWN, "%s: %s",
		      launching ? "a launch failed" : "no template",
		      strerror(-err));
	} else if (warm_can(&program)) {
		found_prepared(f, &program);
	} else {
		warm_why(&program, why);
		found(f, FEATURE_MISSING, "%s", why->text);
		if (why->remedy)
			found_remedy(f, "%s", why->remedy);
	}
	warm_program_free(&program);
	if (!err)
		return 0;
	return launching	? CLI_NOT_LAUNCHABLE
	       : err == -ENOENT ? CLI_NOT_FOUND
				: CLI_FAILED;
}

static void probe_launch(struct finding *f)
{
	static char *argv[] = { "sh", "-c", "exit 7", NULL };
	struct warm_why why;
	int error;

	for (int need = 0; need < WARM_NEEDS; need++) {
		int ret = warm_ask((enum warm_need)need);

		if (ret == 0)
			continue;
		found_call(f, ret);
		found(f,
		      f->status == FEATURE_DENIED ? FEATURE_DENIED
						  : FEATURE_MISSING,
		      "not without %s", warm_need_name((enum warm_need)need));
		return;
	}
	prepare(f, SHELL, argv, &error, &why);
	/* the shell tells nothing about other programs */
	if (f->status == FEATURE_MISSING && why.id && strcmp(why.id, "program"))
		f->status = FEATURE_UNKNOWN;
}

static const struct feature features[] = {
	{
		.id = "warm_launch",
		.name = "prepared launch",
		.lost = "WARM_ONCE and WARM_FORK do nothing: all launches are "
			"cold",
		.remedy = "see the rows below for the cause",
		.probe = probe_launch,
	},
	{
		.id = "warm_machine",
		.name = "its processor",
		.lost = "no launch can be prepared",
		.remedy = "use a 64-bit x86 machine",
		.probe = probe_machine,
	},
	{
		.id = "warm_ptrace",
		.name = "ptrace",
		.lost = "no launch can be prepared",
		.probe = probe_trace,
	},
	{
		.id = "warm_memory",
		.name = "memory of a child",
		.lost = "no launch can be prepared",
		.probe = probe_memory,
	},
	{
		.id = "warm_mm_map",
		.name = "PR_SET_MM_MAP",
		.lost = "no launch can be prepared",
		.probe = probe_map,
	},
};

const struct area area_warm = {
	.id = "warm",
	.title = "Prepared launches",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};

/* ---- programs by name */

int doctor_program(char *name, struct finding *f, const char **reason)
{
	char version[] = "--version", c[] = "-c", pass[] = "pass";
	char *python[] = { name, c, pass, NULL };
	char *other[] = { name, version, NULL };
	char **argv = names_python(name) ? python : other;
	struct warm_why why;
	int error, status;

	memset(f, 0, sizeof(*f));
	f->ns = -1;
	status = prepare(f, name, argv, &error, &why);
	*reason = why.id;
	return status;
}
