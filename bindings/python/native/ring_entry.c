/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entry keeps what a ring needs of a launch or run in flight: its token, the
 * objects that must live until its end, and the facts for an error.
 */
#include <string.h>
#include <unistd.h>

#include "native.h"

struct entry *entry_new(struct py_template *template, PyObject *token,
			struct launch *l)
{
	size_t n = l->args.actions_len;
	struct entry *entry = PyMem_Malloc(sizeof(*entry) + n);

	if (!entry) {
		PyErr_NoMemory();
		return NULL;
	}
	*entry = (struct entry){
		.token = token,
		.template = template,
		.cwd = l->cwd,
		.sandbox = l->sandbox,
		.n_spare = l->n_spare,
		.n_actions = (uint32_t)n,
	};
	memcpy(entry->spare, l->spare, sizeof(entry->spare));
	l->n_spare = 0;
	for (size_t i = 0; i < n; i++)
		entry->actions[i] = (uint8_t)l->actions[i].type;
	Py_INCREF(token);
	Py_INCREF((PyObject *)template);
	Py_XINCREF(entry->cwd);
	Py_XINCREF(entry->sandbox);
	template->users++;
	return entry;
}

void entry_free(struct entry *entry)
{
	while (entry->n_spare > 0)
		close(entry->spare[--entry->n_spare]);
	template_release(entry->template);
	Py_DECREF((PyObject *)entry->template);
	Py_XDECREF(entry->cwd);
	Py_XDECREF(entry->sandbox);
	Py_DECREF(entry->token);
	PyMem_Free(entry);
}

struct error entry_error(const struct entry *entry, int error, uint32_t flags)
{
	uint32_t action = SPAWN_TEMPLATE_CQE_ACTION(flags);
	struct error e = {
		.error = error,
		.stage = SPAWN_TEMPLATE_CQE_STAGE(flags),
		.filename = entry->template->path,
	};

	if (e.stage == SPAWN_TEMPLATE_STAGE_ATTR)
		e.index = action;
	if (e.stage == SPAWN_TEMPLATE_STAGE_ACTION &&
	    action < entry->n_actions) {
		e.index = action;
		e.action = launch_action_name(entry->actions[action]);
		if (entry->actions[action] == SPAWN_TEMPLATE_ACTION_CHDIR)
			e.filename = entry->cwd;
	}
	return e;
}
