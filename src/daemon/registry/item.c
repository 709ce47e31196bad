/* SPDX-License-Identifier: BSD-2-Clause */
/* Describes a template to a client that may see it. */
#include <string.h>

#include "daemon/registry/registry.h"

bool registry_may_see(const struct peer *peer, const struct template *t)
{
	return peer->uid == 0 || peer->uid == t->uid;
}

static void item_executable(const struct registry *registry,
			    const struct template *t,
			    const struct template_entry *entry,
			    struct st_msg_item *item)
{
	struct exec_entry exec;

	item->ino = entry->exec.ino;
	item->generation = entry->exec.generation;
	/* the kernel's own form: 12 bits of major, 20 of minor */
	item->dev_major = entry->exec.dev >> 20;
	item->dev_minor = entry->exec.dev & 0xfffff;
	item->state = EXEC_NONE;
	item->why = t->why;
	if (loader_executable(registry->loader, &entry->exec, &exec))
		return;
	item->fs_magic = exec.fs_magic;
	item->write_denied = exec.write_denied;
	if (exec.generation == t->generation && exec.state == EXEC_FRESH) {
		item->state = EXEC_FRESH;
		item->why = WHY_NONE;
		return;
	}
	item->state = EXEC_STALE;
	if (!item->why)
		item->why = exec.why ? exec.why : (uint32_t)WHY_IDENTITY;
}

void registry_item(const struct registry *registry, const struct template *t,
		   struct st_msg_item *item)
{
	struct template_entry entry;

	memset(item, 0, sizeof(*item));
	item->pid = t->process->pid;
	item->uid = t->uid;
	if (loader_template(registry->loader, t->id, &entry))
		return;
	item->flags =
		entry.flags & TEMPLATE_DENY_WRITE ? ST_REGISTER_DENY_WRITE : 0;
	item->last_why = entry.last_why;
	item->created_ns = entry.created_ns;
	item->launches = entry.launches;
	item->stale = entry.stale;
	item->refused = entry.refused;
	item->launch_ns = entry.launch_ns;
	item->run_ns = entry.run_ns;
	memcpy(item->comm, entry.comm, sizeof(item->comm));
	memcpy(item->path, entry.path, sizeof(item->path));
	memcpy(item->launch_us, entry.launch_us, sizeof(item->launch_us));
	memcpy(item->run_us, entry.run_us, sizeof(item->run_us));
	item_executable(registry, t, &entry, item);
}
