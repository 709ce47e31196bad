/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry as a whole: it opens, is swept from time to time, and closes. */
#include <errno.h>
#include <stdlib.h>

#include "shared/clock.h"
#include "daemon/registry/registry.h"

/*
 * Removes the templates and the connections of a dead process, even if another
 * process holds these.
 */
static void process_died(struct process *process)
{
	struct registry *registry = process->registry;

	while (process->templates)
		registry_remove(registry, process->templates);
	while (process->peers)
		registry->hang_up(process->peers);
}

int registry_open(struct registry *registry, struct loader *loader,
		  struct loop *loop, unsigned int quota)
{
	*registry = (struct registry){
		.loader = loader,
		.loop = loop,
		.quota = quota,
		.died = process_died,
		.started_ns = (uint64_t)st_since_boot(),
		/* events that came while no daemon ran are unknown */
		.lost_seen = loader_adopted(loader)
				     ? UINT64_MAX
				     : loader_events_lost(loader),
		.must_sweep = true,
		.due = ST_NEVER,
	};
	registry->templates =
		malloc(TEMPLATES_MAX * sizeof(*registry->templates));
	return registry->templates ? 0 : -ENOMEM;
}

/* Forgets all, but releases nothing in the kernel: another daemon adopts it. */
void registry_close(struct registry *registry)
{
	while (registry->n_templates)
		registry_forget(registry,
				registry->templates[registry->n_templates - 1]);
	free(registry->templates);
	registry->templates = NULL;
}

void registry_sweep(struct registry *registry)
{
	if (registry->must_adopt)
		registry_adopt(registry);
	registry_events(registry);
	if (registry->must_sweep) {
		registry->must_sweep = false;
		registry_sweep_maps(registry, false);
	}
}
