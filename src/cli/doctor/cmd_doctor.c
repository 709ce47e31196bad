/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template doctor: tells what this kernel, account and sandbox offer,
 * what is lost by a missing feature, and what to do about it. It makes all
 * probes before it prints the first line, and begins with what they mean.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "shared/namespaces.h"

static const struct area *const areas[] = {
	&area_launch, &area_process, &area_cgroup,  &area_limits,  &area_bpf,
	&area_guard,  &area_warm,    &area_sandbox, &area_machine,
};

#define N_AREAS (sizeof(areas) / sizeof(areas[0]))

/* The words for a status, for people and for JSON. */
static const struct {
	const char *word, *id;
	enum out_style style;
} statuses[] = {
	[FEATURE_UNKNOWN] = { "unknown", "unknown", OUT_WARN },
	[FEATURE_OK] = { "ok", "ok", OUT_GOOD },
	[FEATURE_MISSING] = { "missing", "missing", OUT_BAD },
	[FEATURE_DENIED] = { "no permission", "no_permission", OUT_WARN },
	[FEATURE_INFO] = { "-", "info", OUT_PLAIN },
};

/* The words for a verdict, for people and for JSON. */
static const struct {
	const char *word;
	enum out_style style;
} levels[] = {
	[VERDICT_OK] = { "ok", OUT_GOOD },
	[VERDICT_PART] = { "part", OUT_WARN },
	[VERDICT_NO] = { "no", OUT_BAD },
};

#define STATUS_WIDTH 13
#define NAME_WIDTH 24
#define LABEL_WIDTH 9
#define NOTE_COLUMN (2 + STATUS_WIDTH + 2 + LABEL_WIDTH)
#define VERDICT_COLUMN 6
#define DETAIL_COLUMN (2 + STATUS_WIDTH + 2 + NAME_WIDTH + 2)

struct totals {
	unsigned int missing, denied, unknown;
	bool essential_missing;
};

static bool is_good(const struct finding *f)
{
	return f->status == FEATURE_OK || f->status == FEATURE_INFO;
}

static const char *remedy_of(const struct feature *feature,
			     const struct finding *f)
{
	if (f->remedy[0])
		return f->remedy;
	if (f->status == FEATURE_UNKNOWN)
		return NULL; /* unless the probe names one */
	return feature->remedy ? feature->remedy
			       : "allow it in the sandbox around this process";
}

static void count(struct totals *t, const struct feature *feature,
		  const struct finding *f)
{
	t->missing += f->status == FEATURE_MISSING;
	t->denied += f->status == FEATURE_DENIED;
	t->unknown += f->status == FEATURE_UNKNOWN;
	if (feature->essential && f->status != FEATURE_OK)
		t->essential_missing = true;
}

/* ---- for people */

static void print_note(const char *label, const char *text)
{
	out_lines("  %*s  %-*s", STATUS_WIDTH, "", LABEL_WIDTH, label);
	out_wrapped(NOTE_COLUMN, NOTE_COLUMN, text);
}

static void print_feature(const struct feature *feature,
			  const struct finding *f)
{
	out_lines("  ");
	out_styled(statuses[f->status].style, "%-*s", STATUS_WIDTH,
		   statuses[f->status].word);
	out_lines("  %-*s  ", NAME_WIDTH, feature_name(feature));
	out_wrapped(DETAIL_COLUMN, DETAIL_COLUMN, f->detail);
	if (is_good(f))
		return;
	if (*feature_lost(feature))
		print_note(f->status == FEATURE_UNKNOWN ? "at risk:" : "lost:",
			   feature_lost(feature));
	if (remedy_of(feature, f) && *remedy_of(feature, f))
		print_note("remedy:", remedy_of(feature, f));
}

static void print_verdict(const struct found_area *all)
{
	for (size_t i = 0; i < N_JUDGES; i++) {
		struct verdict v;

		judges[i].judge(all, &v);
		out_styled(levels[v.level].style, "%-6s", levels[v.level].word);
		out_wrapped(VERDICT_COLUMN, VERDICT_COLUMN, v.text);
	}
	out_lines("\n");
}

static void print_counts(const struct totals *t)
{
	if (t->missing || t->denied || t->unknown)
		out_lines("%u missing, %u without permission, %u unknown.\n",
			  t->missing, t->denied, t->unknown);
	else
		out_lines("Nothing is missing.\n");
}

static void print_area(const struct found_area *found)
{
	const struct area *area = found->area;

	out_styled(OUT_BOLD, "%s", area->title);
	out_lines("\n");
	for (size_t i = 0; i < area->n_features; i++)
		print_feature(&area->features[i], &found->findings[i]);
	out_lines("\n");
}

/* ---- for programs */

static json_t *feature_json(const struct area *area,
			    const struct feature *feature,
			    const struct finding *f)
{
	bool good = is_good(f);
	const char *lost = feature_lost(feature);
	int since = feature_since(feature);
	char text[16];

	snprintf(text, sizeof(text), "%d.%d", since >> 8, since & 255);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:s?, s:o, s:s?, s:s?, s:o}", "id",
		feature->id, "area", area->id, "name", feature_name(feature),
		"status", statuses[f->status].id, "essential",
		feature->essential, "since", since ? text : NULL, "detail",
		out_text(f->detail), "lost", good || !*lost ? NULL : lost,
		"remedy", good ? NULL : remedy_of(feature, f), "ns",
		f->ns >= 0 ? json_integer(f->ns) : json_null());
}

static json_t *verdict_json(const struct found_area *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < N_JUDGES; i++) {
		struct verdict v;

		judges[i].judge(all, &v);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o}", "id", judges[i].id,
					"level", levels[v.level].word, "text",
					out_text(v.text)));
	}
	return list;
}

static json_t *features_json(const struct found_area *all)
{
	json_t *list = json_array();

	for (; all->area; all++)
		for (size_t i = 0; i < all->area->n_features; i++)
			json_array_append_new(
				list,
				feature_json(all->area, &all->area->features[i],
					     &all->findings[i]));
	return list;
}

static json_t *doctor_json(const struct totals *t, const struct found_area *all,
			   json_t *programs)
{
	return json_pack("{s:s, s:b, s:i, s:i, s:i, s:o, s:o, s:o}", "version",
			 VERSION, "launches_work", !t->essential_missing,
			 "missing", (int)t->missing, "no_permission",
			 (int)t->denied, "unknown", (int)t->unknown, "verdict",
			 verdict_json(all), "features", features_json(all),
			 "programs", programs);
}

/* ---- programs by name: their prepared launches */

/* Returns what its user loses; "": it could not be launched at all. */
static const char *program_lost(const struct finding *f)
{
	return f->status == FEATURE_UNKNOWN ? "" : "its launches are cold";
}

static json_t *program_json(const char *name, const struct finding *f,
			    const char *reason)
{
	const char *lost = is_good(f) ? "" : program_lost(f);

	return json_pack("{s:o, s:s, s:o, s:s?, s:s?, s:o}", "name",
			 out_text(name), "status", statuses[f->status].id,
			 "detail", out_text(f->detail), "reason", reason,
			 "lost", *lost ? lost : NULL, "remedy",
			 *f->remedy ? out_text(f->remedy) : json_null());
}

static void print_program(const char *name, const struct finding *f)
{
	const struct feature feature = {
		.name = name,
		.lost = program_lost(f),
		.remedy = "",
	};

	print_feature(&feature, f);
}

/* Return: the exit code of the last program that cannot be launched; 0: none. */
static int examine_programs(char **names, json_t *list)
{
	int status = 0;

	if (!list && *names) {
		out_styled(OUT_BOLD, "Prepared launches of programs");
		out_lines("\n");
	}
	for (char **name = names; *name; name++) {
		struct finding f;
		const char *reason;
		int err = doctor_program(*name, &f, &reason);

		status = err ? err : status;
		if (list)
			json_array_append_new(list,
					      program_json(*name, &f, reason));
		else
			print_program(*name, &f);
	}
	if (!list && *names)
		out_lines("\n");
	return status;
}

/* ---- all together */

/*
 * In a new pid namespace the first probe would be the init, and the others fail: have
 * another process be it. Return: its pid; 0 if there is none.
 */
static pid_t hold_init(void)
{
	pid_t pid;

	if (st_init_of_children() != ST_INIT_NONE)
		return 0;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid < 0 ? 0 : pid;
}

/* Return: the findings of all areas in one block, to be freed; NULL: out of memory. */
static struct finding *probe_all(struct found_area *all, struct totals *totals)
{
	size_t n = 0, at = 0;
	struct finding *found;
	pid_t init;

	for (size_t i = 0; i < N_AREAS; i++)
		n += areas[i]->n_features;
	found = calloc(n, sizeof(*found));
	if (!found)
		return NULL;
	init = hold_init();
	for (size_t i = 0; i < N_AREAS; i++) {
		const struct area *area = areas[i];

		all[i] = (struct found_area){ area, &found[at] };
		for (size_t j = 0; j < area->n_features; j++, at++) {
			feature_probe(&area->features[j], &found[at]);
			count(totals, &area->features[j], &found[at]);
		}
	}
	all[N_AREAS] = (struct found_area){ NULL, NULL };
	if (init && kill(init, SIGKILL) == 0)
		wait_exit(init);
	return found;
}

static int examine(char **names, bool json)
{
	struct totals totals = { 0 };
	struct found_area all[N_AREAS + 1];
	struct finding *found = probe_all(all, &totals);
	json_t *programs = json ? json_array() : NULL;
	int status = totals.essential_missing, of_programs;

	if (!found) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	if (!json) {
		print_verdict(all);
		for (size_t i = 0; i < N_AREAS; i++)
			print_area(&all[i]);
	}
	of_programs = examine_programs(names, programs);
	if (of_programs)
		status = of_programs;
	if (!json)
		print_counts(&totals);
	else if (out_json(STDOUT_FILENO, doctor_json(&totals, all, programs),
			  JSON_INDENT(2)))
		status = CLI_FAILED;
	free(found);
	return status;
}

static int doctor_main(int argc, char **argv)
{
	bool json = false;
	int status = out_json_option(argc, argv, &json);

	if (status >= 0)
		return status;
	/* if SIGCHLD were ignored, the ends of programs would be lost */
	signal(SIGCHLD, SIG_DFL);
	return examine(argv + optind, json);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check this machine and account, and print remedies",
	.help = "Usage: spawn-template doctor [--json] [PROGRAM...]\n"
		"\n"
		"Try every kernel feature that launches can use, each in a "
		"process of its own. If\n"
		"a feature is missing or not permitted, print the loss and "
		"the remedy. The doctor\n"
		"changes nothing and loads no BPF program or module.\n"
		"\n"
		"With names, tell for each PROGRAM whether its launches can be "
		"prepared; it is\n"
		"launched some times as 'PROGRAM --version'. 'spawn-template "
		"warm' measures, too.\n"
		"\n"
		"  --json      print a JSON object\n"
		"  -h, --help  print this help\n"
		"\n"
		"Exit status: 0 if launches work here, 1 if they do not; 126 if "
		"a PROGRAM cannot\n"
		"be launched, 127 if it was not found; 125 for errors.\n",
	.main = doctor_main,
};
