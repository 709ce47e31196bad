/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The templates of session shells and of Pythons with modules: one for each program and
 * what it is to source or import. A few that no line uses are kept, with the processes
 * that wait in them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/engine/engine.h"

#define UNUSED_MOST 4

struct engine_session {
	struct engine_session *next; /* the one that was taken last is first */
	char *path, *preload;
	int tfd;
	unsigned int users;
};

static void session_free(struct engine_session *s)
{
	if (s->tfd >= 0)
		spawn_template_close(s->tfd);
	free(s->path);
	free(s->preload);
	free(s);
}

static struct engine_session *session_new(const char *path, const char *preload,
					  int *error)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct engine_session *s = calloc(1, sizeof(*s));

	*error = -ENOMEM;
	if (!s)
		return NULL;
	s->tfd = -1;
	s->path = strdup(path);
	s->preload = strdup(preload);
	args.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC |
		     SPAWN_TEMPLATE_CREATE_SCRIPT |
		     SPAWN_TEMPLATE_CREATE_AUTO_REFRESH |
		     SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	args.filename = (uintptr_t)path;
	args.warm_preload = (uintptr_t)preload;
	if (s->path && s->preload)
		*error = s->tfd = spawn_template_create(&args, sizeof(args));
	if (s->tfd >= 0)
		return s;
	session_free(s);
	return NULL;
}

/* Take a session out of the list. Return: NULL if there is none. */
static struct engine_session *take_out(struct engine *e, const char *path,
				       const char *preload)
{
	for (struct engine_session **link = &e->sessions; *link;
	     link = &(*link)->next) {
		struct engine_session *s = *link;

		if (strcmp(s->path, path) != 0 ||
		    strcmp(s->preload, preload) != 0)
			continue;
		*link = s->next;
		return s;
	}
	return NULL;
}

int session_get(struct engine *e, struct engine_job *job, int program,
		const char *preload, struct complaint *c)
{
	struct spawn_template_stat st;
	struct engine_session *s;
	int ret = spawn_template_stat(program, &st, sizeof(st));

	if (ret < 0)
		return ret;
	if (*preload != '/' && !names_python(st.path))
		return complain(c, EINVAL, "\"modules\": %.256s is no Python",
				st.path);
	s = take_out(e, st.path, preload);
	if (!s)
		s = session_new(st.path, preload, &ret);
	if (!s) {
		complain(c, -ret, "\"%s\": %.256s: %s",
			 *preload == '/' ? "profile" : "modules", preload,
			 strerror(-ret));
		return ret;
	}
	s->next = e->sessions;
	e->sessions = s;
	s->users++;
	job->session = s;
	job->tfd = s->tfd;
	return 0;
}

/* Close those that were not taken for the longest time. */
static void trim(struct engine *e, unsigned int most)
{
	struct engine_session **link = &e->sessions;
	unsigned int unused = 0;

	while (*link) {
		struct engine_session *s = *link;

		if (!s->users && ++unused > most) {
			*link = s->next;
			session_free(s);
		} else {
			link = &s->next;
		}
	}
}

void session_drop(struct engine *e, struct engine_session *session)
{
	session->users--;
	trim(e, UNUSED_MOST);
}

void sessions_free(struct engine *e)
{
	trim(e, 0);
}
