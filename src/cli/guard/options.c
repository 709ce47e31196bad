/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the options of the commands about the guard, and asks the daemon. */
#include "cli/guard/guard.h"

int guard_option(struct guard_options *options, int c, char **argv)
{
	switch (c) {
	case GUARD_SOCKET:
		options->socket = optarg;
		return -1;
	case GUARD_JSON:
		options->json = true;
		return -1;
	case 'h':
		out_lines("%s", out_command->help);
		return 0;
	default:
		return out_bad_option(c, argv);
	}
}

int guard_only_options(struct guard_options *options, int argc, char **argv)
{
	static const struct option longs[] = { GUARD_LONG_OPTIONS, { 0 } };
	int c, status;

	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		status = guard_option(options, c, argv);
		if (status >= 0)
			return status;
	}
	return -1;
}

int guard_ask(const struct guard_options *options, struct st_msg_status *status,
	      struct guard_list *list, uint64_t id, struct guard_error *e)
{
	struct guard guard = { .fd = -1 };
	int err = guard_connect(&guard, options->socket, e);

	if (!err && status)
		err = guard_get_status(&guard, status, e);
	if (!err && list)
		err = guard_get_list(&guard, id, list, e);
	guard_disconnect(&guard);
	return err;
}
