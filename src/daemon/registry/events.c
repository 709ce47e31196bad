/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles events from the kernel programs: executables that changed, templates
 * whose file was closed. If events were lost, it compares with the maps
 * instead.
 *
 * News for a client is a mark at the template, not a queue: there is at most
 * one piece for each template, and it waits as long as the client likes.
 */
#include "shared/clock.h"
#include "shared/log/log.h"
#include "daemon/registry/registry.h"

static void tell_peer(struct registry *registry, struct template *t)
{
	/* after a restart, or if its connection was closed */
	if (!t->peer)
		t->peer = t->process->peers;
	t->is_news = true;
	if (!t->peer)
		return; /* until it connects */
	t->peer->has_news = true;
	if (registry->news)
		registry->news(t->peer);
}

static void invalidated(struct registry *registry, uint64_t generation,
			uint32_t why)
{
	for (unsigned int i = 0; i < registry->n_templates; i++) {
		struct template *t = registry->templates[i];

		if (t->generation != generation || t->why)
			continue;
		t->why = why;
		tell_peer(registry, t);
	}
}

static const char *event_name(uint32_t type)
{
	static const char *const names[] = { "?",	    "stale",
					     "refused",	    "write denied",
					     "invalidated", "closed" };

	return names[type <= EVENT_CLOSED ? type : 0];
}

static void handle_event(const struct exec_event *event, void *arg)
{
	struct registry *registry = arg;
	struct template *t;

	log_verbose("%s: template %llu, inode %llu, why %u, by %u (uid %u, "
		    "%.16s)",
		    event_name(event->type), (unsigned long long)event->id,
		    (unsigned long long)event->exec.ino, event->why, event->pid,
		    event->uid, event->comm);
	switch (event->type) {
	case EVENT_INVALIDATED:
		invalidated(registry, event->generation,
			    event->why ? event->why : WHY_IDENTITY);
		break;
	case EVENT_CLOSED:
		t = registry_find(registry, event->id);
		if (t)
			registry_remove(registry, t);
		else /* of one that was closed before, the last launch ended */
			registry_release(registry, event->id);
		break;
	}
}

struct template *registry_next_news(struct peer *peer)
{
	if (!peer->has_news)
		return NULL;
	for (struct template *t = peer->process->templates; t; t = t->next)
		if (t->is_news && t->peer == peer)
			return t;
	peer->has_news = false;
	return NULL;
}

/* Finds in the maps what the lost events would have told. */
static void compare_with_maps(struct registry *registry)
{
	struct template_entry entry;
	struct exec_entry exec;

	for (unsigned int i = registry->n_templates; i-- > 0;) {
		struct template *t = registry->templates[i];

		if (loader_template(registry->loader, t->id, &entry) ||
		    entry.state == TEMPLATE_CLOSED) {
			registry_remove(registry, t);
			continue;
		}
		if (t->why ||
		    loader_executable(registry->loader, &entry.exec, &exec))
			continue;
		if (exec.generation == t->generation &&
		    exec.state == EXEC_FRESH)
			continue;
		t->why = exec.why ? exec.why : (uint32_t)WHY_IDENTITY;
		tell_peer(registry, t);
	}
}

/*
 * Least time between two comparisons: a process that makes events get lost must
 * not cause one for each of them.
 */
#define COMPARE_NS (1000 * ST_MS)

static void compare_if_lost(struct registry *registry)
{
	uint64_t lost = loader_events_lost(registry->loader);
	int64_t now;

	registry->due = ST_NEVER;
	if (lost == registry->lost_seen)
		return;
	now = st_now();
	if (now < registry->compare_at) {
		registry->due = registry->compare_at;
		return;
	}
	registry->compare_at = now + COMPARE_NS;
	registry->lost_seen = lost;
	compare_with_maps(registry);
	registry->must_sweep = true;
}

bool registry_events(struct registry *registry)
{
	int n = loader_events(registry->loader, handle_event, registry);

	compare_if_lost(registry);
	return n >= LOADER_EVENTS;
}
