/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: can a program be launched in a sandbox, and what would be lost of it? */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* missing in older headers */
#endif
#define ASK_VERSION 1

static int lost_of(uint64_t flags, bool files)
{
	static const char *const root[] = { "/", NULL };
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;

	args.flags = flags;
	args.read_only = files ? (uintptr_t)root : 0;
	return spawn_template_sandbox_lost(&args, sizeof(args));
}

/* Name what the rulesets of this version cannot hold. */
static void tell_lost(struct finding *f, long abi, int lost)
{
	static const struct {
		int bit;
		const char *words;
	} names[] = {
		{ SPAWN_TEMPLATE_SANDBOX_LOST_RENAME, "moves between folders" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE, "truncation" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_TCP, "TCP ports" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL, "ioctls of devices" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS, "signals" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT, "abstract sockets" },
		{ SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS, "sockets by path" },
	};
	char text[160] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lost & names[i].bit && n < sizeof(text))
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%s%s",
				n ? ", " : "; not held: ", names[i].words);
	found(f, FEATURE_OK, "version %ld%s", abi, text);
}

static void probe_landlock(struct finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);

	if (abi > 0)
		tell_lost(f, abi,
			  lost_of(SPAWN_TEMPLATE_SANDBOX_CONNECT |
					  SPAWN_TEMPLATE_SANDBOX_SIGNALS |
					  SPAWN_TEMPLATE_SANDBOX_ABSTRACT,
				  true));
	else if (errno == EOPNOTSUPP)
		found(f, FEATURE_MISSING, "switched off at boot");
	else
		found_call(f, -errno);
}

static void probe_filter(struct finding *f)
{
	int lost = lost_of(SPAWN_TEMPLATE_SANDBOX_NO_NET, false);

	if (lost)
		found(f, FEATURE_MISSING, "no filters");
	else
		found(f, FEATURE_OK, "filters");
}

static const struct feature features[] = {
	{
		.id = "landlock",
		.name = "Landlock",
		.since = KERNEL(5, 13),
		.lost = "no launch with --ro and --rw",
		.remedy = "a kernel with Landlock, and landlock in lsm= of its "
			  "command line",
		.probe = probe_landlock,
	},
	{
		.id = "seccomp_filter",
		.name = "seccomp filter",
		.lost = "no launch with --no-net",
		.probe = probe_filter,
	},
};

const struct area area_sandbox = {
	.id = "sandbox",
	.title = "Sandboxes of launches",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
