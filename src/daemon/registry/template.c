/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The templates, in an array sorted by id: bisection finds one, and a list can go
 * on behind the last template sent, whatever was added or removed meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/registry/registry.h"

/* Returns the index of the first template with an id of at least `id`. */
static unsigned int position(const struct registry *registry, uint64_t id)
{
	unsigned int low = 0, high = registry->n_templates;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (registry->templates[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct template *registry_find(const struct registry *registry, uint64_t id)
{
	unsigned int i = position(registry, id);

	if (i == registry->n_templates || registry->templates[i]->id != id)
		return NULL;
	return registry->templates[i];
}

struct template *registry_after(const struct registry *registry, uint64_t id)
{
	unsigned int i = id == UINT64_MAX ? registry->n_templates
					  : position(registry, id + 1);

	return i < registry->n_templates ? registry->templates[i] : NULL;
}

struct template *template_new(struct process *process, struct user *user,
			      struct peer *peer, uint32_t uid)
{
	struct template *t = calloc(1, sizeof(*t));

	if (t) {
		t->process = process;
		t->user = user;
		t->uid = uid;
		t->peer = peer;
	}
	return t;
}

void registry_insert(struct registry *registry, struct template *t)
{
	unsigned int i = position(registry, t->id);
	struct template **at = registry->templates + i;

	memmove(at + 1, at, (registry->n_templates - i) * sizeof(*at));
	*at = t;
	registry->n_templates++;
	registry->n_templates_others += t->user->person != 0;
	t->user->templates++;
	t->next = t->process->templates;
	t->process->templates = t;
	t->process->holds++;
}

void registry_forget(struct registry *registry, struct template *t)
{
	unsigned int i = position(registry, t->id);
	struct template **at = registry->templates + i;
	struct template **link = &t->process->templates;

	registry->n_templates--;
	memmove(at, at + 1, (registry->n_templates - i) * sizeof(*at));
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	registry->n_templates_others -= t->user->person != 0;
	t->user->templates--;
	user_forget(registry, t->user);
	process_release(t->process);
	free(t);
}

void registry_release(struct registry *registry, uint64_t id)
{
	struct template_entry last;

	if (loader_release(registry->loader, id, &last) == 0)
		totals_add_gone(registry, &last);
}

void registry_remove(struct registry *registry, struct template *t)
{
	registry_release(registry, t->id);
	registry->must_sweep = true;
	registry_forget(registry, t);
}

/* Forgets a template that is closed, though its event has not arrived. */
static void swept(uint64_t id, const struct template_entry *entry, void *arg)
{
	struct registry *registry = arg;
	struct template *t = registry_find(registry, id);

	totals_add_gone(registry, entry);
	if (t)
		registry_forget(registry, t);
}

void registry_sweep_maps(struct registry *registry, bool all)
{
	loader_sweep(registry->loader, all, swept, registry);
}
