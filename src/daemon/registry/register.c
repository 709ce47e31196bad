/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers templates, within the limits of the user and of the maps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/text.h"
#include "daemon/registry/registry.h"

/* Fills in the part of a template that only the daemon knows. */
static void describe(const struct peer *peer, int fd,
		     const struct st_msg_register *request,
		     struct template_entry *entry)
{
	const struct process *process = peer->process;
	char path[64];
	ssize_t n;

	memset(entry, 0, sizeof(*entry));
	entry->tgid = process->pid;
	entry->start_ticks = process->start_ticks;
	entry->creds.euid = peer->uid;
	if (request->flags & ST_REGISTER_DENY_WRITE)
		entry->flags = TEMPLATE_DENY_WRITE;
	if (request->flags & ST_REGISTER_HEADER) {
		entry->has_header = 1;
		memcpy(entry->header, request->header, ST_HEADER_SIZE);
	}
	snprintf(path, sizeof(path), "/proc/%u/comm", process->pid);
	/* a name may have a newline in it, too */
	if (st_read_text(path, entry->comm, sizeof(entry->comm)) > 0)
		entry->comm[strcspn(entry->comm, "\n")] = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, entry->path, sizeof(entry->path) - 1);
	entry->path[n > 0 ? n : 0] = 0;
}

static int within_limits(const struct registry *registry,
			 const struct user *user)
{
	if (user->templates >= user_templates_max(registry, user))
		return -EDQUOT;
	if (registry->n_templates == TEMPLATES_MAX)
		return -ENOSPC;
	if (user->person != 0 &&
	    registry->n_templates_others >= WITHOUT_ROOT(TEMPLATES_MAX))
		return -ENOSPC;
	return 0;
}

/* Enough rounds for all events that the kernel holds at a time. */
#define EVENT_ROUNDS \
	((int)(EVENTS_SIZE / sizeof(struct exec_event) / LOADER_EVENTS) + 1)

/*
 * Handles pending events if a limit is reached: some templates may have been
 * closed a moment ago.
 */
static int make_room(struct registry *registry, const struct user *user)
{
	int ret = within_limits(registry, user);

	for (int i = 0; ret < 0 && i < EVENT_ROUNDS; i++) {
		bool more = registry_events(registry);

		ret = within_limits(registry, user);
		if (!more)
			break;
	}
	return ret;
}

static int load_template(struct registry *registry, const struct user *user,
			 int fd, struct template_entry *entry, uint64_t *id,
			 struct exec_entry *exec)
{
	const struct template_entry request = *entry;
	int ret = loader_register(registry->loader, fd, entry, id, exec);

	if (ret == -ENOSPC) {
		registry_sweep_maps(registry, true);
		*entry = request;
		ret = loader_register(registry->loader, fd, entry, id, exec);
	}
	if (ret < 0)
		return ret;
	/* the last executables are reserved for root */
	if (user->person != 0 && exec->refs <= 1 &&
	    loader_executables(registry->loader) >
		    WITHOUT_ROOT(EXEC_CACHE_MAX)) {
		loader_release(registry->loader, *id, NULL);
		registry->must_sweep = true;
		return -ENOSPC;
	}
	return 0;
}

int registry_register(struct registry *registry, struct peer *peer, int fd,
		      const struct st_msg_register *request,
		      struct st_msg *answer)
{
	struct exec_entry exec = { 0 };
	struct template_entry entry;
	struct template *t;
	uint64_t id = 0;
	int ret;

	ret = make_room(registry, peer->user);
	if (ret < 0)
		goto rejected;
	t = template_new(peer->process, peer->user, peer, peer->uid);
	ret = -ENOMEM;
	if (!t)
		goto rejected;
	describe(peer, fd, request, &entry);
	ret = load_template(registry, peer->user, fd, &entry, &id, &exec);
	if (ret < 0) {
		free(t);
		goto rejected;
	}
	t->id = id;
	t->generation = entry.exec_generation;
	registry_insert(registry, t);
	registry->registered++;
	answer->h.id = id;
	answer->u.reg.slot = exec.slot;
	answer->u.reg.word = EXEC_STATE_WORD(t->generation, EXEC_FRESH);
	return 0;
rejected:
	registry->rejected++;
	return ret;
}
