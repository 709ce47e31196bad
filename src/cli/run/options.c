/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of run that say what becomes of the output, and of sandboxes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/run.h"

int option_tail(struct run_options *o, const char *text)
{
	o->output_flags |= SPAWN_TEMPLATE_RUN_TAIL;
	return read_size("--tail", text, &o->tail);
}

int option_spill(struct run_options *o, const char *text)
{
	o->output_flags |= SPAWN_TEMPLATE_RUN_SPILL;
	o->spill_fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->spill_fd >= 0)
		return 0;
	out_error("--spill %s: %s", text, strerror(errno));
	out_remedy("name a directory without files \"out\" and \"err\"");
	return CLI_FAILED;
}

/* Read COLUMNSxROWS, as terminals show it; NULL: the default. */
int option_pty(struct run_options *o, const char *text)
{
	const char *x = text ? strchr(text, 'x') : NULL;
	char columns[8] = "";
	long width, height;

	o->output_flags |= SPAWN_TEMPLATE_RUN_PTY;
	if (!text)
		return 0;
	if (x && x - text < (long)sizeof(columns))
		memcpy(columns, text, (size_t)(x - text));
	if (!x || parse_number(columns, 10, 1, UINT16_MAX, &width) ||
	    parse_number(x + 1, 10, 1, UINT16_MAX, &height))
		return out_bad_usage(
			"--pty=%s: not COLUMNSxROWS, such as 80x24", text);
	o->winsize = SPAWN_TEMPLATE_WINSIZE(height, width);
	return 0;
}

int option_session(struct run_options *o, const char *text)
{
	o->session = session_of(text);
	if (o->session != SESSION_UNSET)
		return 0;
	return out_bad_usage("--session %s: neither " SESSION_WANTED, text);
}

int option_port(struct run_options *o, bool bind, const char *text)
{
	struct sandbox_wishes *w = &o->sandbox;
	long port;
	int err;

	if (parse_number(text, 10, 0, UINT16_MAX, &port))
		return out_bad_usage("--tcp-%s %s: not a port",
				     bind ? "bind" : "connect", text);
	if (bind)
		err = sandbox_add_port(&w->bind, &w->n_bind, port);
	else
		err = sandbox_add_port(&w->connect, &w->n_connect, port);
	w->flags |= bind ? SPAWN_TEMPLATE_SANDBOX_BIND
			 : SPAWN_TEMPLATE_SANDBOX_CONNECT;
	if (!err)
		return 0;
	out_error("out of memory");
	return CLI_FAILED;
}

int options_check(const struct run_options *o)
{
	uint64_t most =
		o->max_output ? o->max_output : SPAWN_TEMPLATE_RUN_MAX_OUTPUT;

	if ((o->output_flags || o->idle_timeout_ns) && !o->capture)
		return out_bad_usage(
			"--idle-timeout, --tail, --spill, --pty and "
			"--merge-stderr need --capture");
	if (o->output_flags &
		    (SPAWN_TEMPLATE_RUN_NO_ECHO | SPAWN_TEMPLATE_RUN_RAW) &&
	    !(o->output_flags & SPAWN_TEMPLATE_RUN_PTY))
		return out_bad_usage("--no-echo and --raw need --pty");
	if (o->session && o->output_flags & SPAWN_TEMPLATE_RUN_PTY)
		return out_bad_usage("--pty is a session of its own, without "
				     "--session");
	if (o->session > SESSION_OWN && o->flags & SPAWN_TEMPLATE_SPAWN_SETSID)
		return out_bad_usage("--setsid is --session own");
	if (o->modules &&
	    !(o->create_flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME))
		return out_bad_usage("--modules needs --warm, or "
				     "--warm=python");
	if (o->tail > most)
		return out_bad_usage("--tail is more than --max-output");
	return 0;
}
