/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: what all findings together mean, in four sentences, one for each thing that
 * a user may want to do: launch, run, prepare, guard.
 */
#include <stdio.h>
#include <string.h>

#include "cli/doctor/doctor.h"

static const struct finding *find(const struct found_area *all, const char *id)
{
	for (; all->area; all++)
		for (size_t i = 0; i < all->area->n_features; i++)
			if (strcmp(all->area->features[i].id, id) == 0)
				return &all->findings[i];
	return NULL;
}

static bool is_ok(const struct found_area *all, const char *id)
{
	const struct finding *f = find(all, id);

	return f && f->status == FEATURE_OK;
}

static const char *detail_of(const struct found_area *all, const char *id)
{
	const struct finding *f = find(all, id);

	return f ? f->detail : "";
}

static void judge_launches(const struct found_area *all, struct verdict *v)
{
	v->level = VERDICT_OK;
	snprintf(v->text, sizeof(v->text), "Launches work here.");
	for (; all->area; all++) {
		for (size_t i = 0; i < all->area->n_features; i++) {
			const struct feature *feature = &all->area->features[i];

			if (!feature->essential ||
			    all->findings[i].status == FEATURE_OK)
				continue;
			v->level = VERDICT_NO;
			snprintf(v->text, sizeof(v->text),
				 "Launches do not work here: %s: %s.",
				 feature_name(feature),
				 all->findings[i].detail);
			return;
		}
	}
}

/* Puts the names of the limits whose status is ok, or is not, into a list. */
static void list_limits(const struct found_area *all, bool ok, char *list,
			size_t size)
{
	static const struct {
		const char *id, *name;
	} limits[] = {
		{ "limit_memory", "memory" },
		{ "limit_pids", "processes" },
		{ "limit_cpu", "CPU time" },
		{ "limit_io", "disks" },
	};
	const size_t n = sizeof(limits) / sizeof(limits[0]);
	size_t len = 0;

	*list = '\0';
	for (size_t i = 0; i < n; i++) {
		if (is_ok(all, limits[i].id) != ok)
			continue;
		len += (size_t)snprintf(list + len, size - len, "%s%s",
					len ? ", " : "", limits[i].name);
	}
}

static void judge_runs(const struct found_area *all, struct verdict *v)
{
	char without[80];

	list_limits(all, false, without, sizeof(without));
	v->level = is_ok(all, "tree_ending") && !*without ? VERDICT_OK
							  : VERDICT_PART;
	if (is_ok(all, "tree_ending"))
		snprintf(v->text, sizeof(v->text),
			 "Runs end their processes by %s; %s%s.",
			 detail_of(all, "tree_ending"),
			 *without ? "no limits of " : "all limits hold",
			 without);
	else
		snprintf(v->text, sizeof(v->text),
			 "Runs may not end all their processes: %s.",
			 detail_of(all, "tree_ending"));
}

static void judge_prepared(const struct found_area *all, struct verdict *v)
{
	v->level = is_ok(all, "warm_launch") ? VERDICT_OK : VERDICT_NO;
	snprintf(v->text, sizeof(v->text), "Launches %s be prepared (%s).",
		 v->level == VERDICT_OK ? "can" : "cannot",
		 detail_of(all, "warm_launch"));
}

static void judge_guard(const struct found_area *all, struct verdict *v)
{
	v->level = is_ok(all, "guard_daemon") ? VERDICT_OK : VERDICT_NO;
	if (v->level == VERDICT_OK)
		snprintf(v->text, sizeof(v->text), "The guard runs: %s.",
			 detail_of(all, "guard_enforcement"));
	else
		snprintf(v->text, sizeof(v->text),
			 "No guard (%s): the library alone checks templates.",
			 detail_of(all, "guard_daemon"));
}

const struct judge judges[N_JUDGES] = {
	{ "launches", judge_launches },
	{ "runs", judge_runs },
	{ "prepared", judge_prepared },
	{ "guard", judge_guard },
};
