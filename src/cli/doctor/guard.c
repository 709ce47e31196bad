/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: describes the guard that runs here, if there is one: what it
 * enforces, and how that was proved. bpf.c tells whether one could run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/guard/guard.h"

/* Ask the daemon. Return: 0, or -errno with *e. */
static int ask_status(struct st_msg_status *status, struct guard_error *e)
{
	const struct guard_options options = { 0 };

	return guard_ask(&options, status, NULL, 0, e);
}

static void probe_daemon(struct finding *f)
{
	struct st_msg_status status;
	struct guard_error error;
	char age[NUMBER_TEXT];
	int err = ask_status(&status, &error);

	if (!err) {
		found(f, FEATURE_OK, "spawn-templated %s, pid %u, up %s",
		      status.version, status.pid,
		      format_age(age, age_ns(status.started_ns)));
		return;
	}
	if (err == -ENOENT || err == -ECONNREFUSED)
		found(f, FEATURE_MISSING, "not running");
	else
		found(f,
		      err == -EACCES || err == -EPERM ? FEATURE_DENIED
						      : FEATURE_UNKNOWN,
		      "%.250s", error.text);
	found_remedy(f, "%.250s", error.remedy);
}

/* List the proved, or the unproved, promises as words. */
static void list_proofs(char *text, size_t size, unsigned int proofs)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned int bit = 0; name_proof(bit) && used < size; bit++)
		if (proofs >> bit & 1)
			used += (size_t)snprintf(text + used, size - used,
						 "%s%s", used ? ", " : "",
						 name_proof(bit));
}

static void probe_enforcement(struct finding *f)
{
	struct st_msg_status status;
	struct guard_error error;
	char text[96];

	if (ask_status(&status, &error)) {
		found(f, FEATURE_INFO, "no daemon answers");
		return;
	}
	list_proofs(text, sizeof(text), status.proved);
	if ((status.proved & ST_PROVED_ALL) == ST_PROVED_ALL) {
		found(f, FEATURE_OK, "%s, by %s; tried when it started", text,
		      explain_attached(status.attached));
		return;
	}
	list_proofs(text, sizeof(text), ~status.proved & ST_PROVED_ALL);
	found(f, FEATURE_MISSING, "not proved: %s", text);
}

/* Report pinned links. A link does not say to what it is attached. */
static void pins_without_daemon(struct finding *f)
{
	int n = guard_pinned_links();

	if (n == 0)
		found(f, FEATURE_INFO, "none");
	else if (n > 0)
		found(f, FEATURE_UNKNOWN,
		      "%d kernel programs are pinned; their effect is not "
		      "proved",
		      n);
	else
		found(f, FEATURE_INFO, "this account may not look at them");
	if (n > 0)
		found_remedy(f, "start spawn-templated, which tests them, or "
				"remove them: spawn-templated --unload");
}

static void probe_pins(struct finding *f)
{
	struct st_msg_status status;
	struct guard_error error;

	if (ask_status(&status, &error))
		pins_without_daemon(f);
	else if (status.pins_missing)
		found(f, FEATURE_MISSING, "%u are missing",
		      status.pins_missing);
	else
		found(f, FEATURE_OK, "all are there");
}

static const struct feature features[] = {
	{
		.id = "guard_daemon",
		.name = "daemon",
		.lost = "templates are checked by the library alone",
		.probe = probe_daemon,
	},
	{
		.id = "guard_enforcement",
		.name = "enforcement",
		.lost = "the guard does not keep its promises",
		.remedy = "restart spawn-templated and read its messages",
		.probe = probe_enforcement,
	},
	{
		.id = "guard_pins",
		.name = "pins",
		.lost = "enforcement may end with the daemon",
		.remedy = GUARD_PINS_REMEDY,
		.probe = probe_pins,
	},
};

const struct area area_guard = {
	.id = "guard_running",
	.title = "Kernel-side guard, as it runs",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
