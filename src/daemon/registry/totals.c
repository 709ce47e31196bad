/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Totals. A counter that is shown must not fall when a template goes, so its
 * counts are kept by path, for at most PATHS_MAX paths: nobody can fill memory
 * or a metrics store with names. Further paths count together as "other". A
 * path gets its place, or joins the others, when it is first seen with a count,
 * and keeps it: otherwise both counters would jump.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "shared/text.h"
#include "daemon/registry/registry.h"

static void totals_add(struct totals *totals,
		       const struct template_entry *entry)
{
	totals->launches += entry->launches;
	totals->stale += entry->stale;
	totals->refused += entry->refused;
	totals->launch_ns += entry->launch_ns;
	totals->run_ns += entry->run_ns;
	for (int i = 0; i < HISTOGRAM_SLOTS; i++) {
		totals->launch_us[i] += entry->launch_us[i];
		totals->run_us[i] += entry->run_us[i];
	}
}

/*
 * Makes a path printable: it may hold any byte, but collectors need UTF-8. Two
 * paths that print the same are one here, since no name may appear twice.
 */
static void show_path(char shown[TEMPLATE_PATH_SIZE], const char *path)
{
	size_t n = 0;

	for (; n < TEMPLATE_PATH_SIZE - 1 && path[n]; n++)
		shown[n] = path[n] < ' ' || path[n] > '~' ? '?' : path[n];
	memset(shown + n, 0, TEMPLATE_PATH_SIZE - n);
}

/*
 * Finds or makes the place of the entry's path; NULL if it has counted nothing.
 */
static struct path_totals *place_of(struct registry *registry,
				    const struct template_entry *entry)
{
	char shown[TEMPLATE_PATH_SIZE];
	struct path_totals *paths = registry->paths;

	if (!entry->launches && !entry->stale && !entry->refused)
		return NULL;
	show_path(shown, entry->path);
	for (unsigned int i = 0; i < registry->n_paths; i++)
		if (!strcmp(paths[i].path, shown))
			return &paths[i];
	if (registry->n_paths == PATHS_MAX || !*shown)
		return &paths[PATHS_MAX];
	memcpy(paths[registry->n_paths].path, shown, sizeof(shown));
	return &paths[registry->n_paths++];
}

void totals_add_gone(struct registry *registry,
		     const struct template_entry *entry)
{
	struct path_totals *p = place_of(registry, entry);

	if (p)
		totals_add(&p->totals, entry);
}

unsigned int totals_by_path(struct registry *registry,
			    struct path_totals **paths)
{
	struct template_entry entry;
	struct path_totals *p, *sums = calloc(PATHS_MAX + 1, sizeof(*sums));
	uint64_t id = 0;

	*paths = sums;
	if (!sums)
		return 0;
	memcpy(sums, registry->paths, sizeof(registry->paths));
	/* closed templates that are still there count, too */
	for (unsigned int i = 0;
	     i < TEMPLATES_MAX && loader_next(registry->loader, &id) == 0;
	     i++) {
		if (loader_template(registry->loader, id, &entry))
			continue;
		p = place_of(registry, &entry);
		if (!p)
			continue;
		memcpy(sums[p - registry->paths].path, p->path,
		       sizeof(p->path));
		totals_add(&sums[p - registry->paths].totals, &entry);
	}
	/* put the others behind the last path */
	if (registry->n_paths < PATHS_MAX)
		sums[registry->n_paths] = sums[PATHS_MAX];
	return registry->n_paths + 1;
}

uint64_t registry_rss(void)
{
	unsigned long long pages;
	char text[128];

	if (st_read_text("/proc/self/statm", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void registry_status(const struct registry *registry, const struct user *user,
		     struct st_msg_status *status)
{
	const struct loader *loader = registry->loader;
	struct loader_totals totals;
	struct utsname uts;

	loader_totals(loader, &totals);
	*status = (struct st_msg_status){
		.attached = loader_attached(loader),
		.proved = loader_proved(loader),
		.pins_missing = loader_pins_missing(loader),
		.adopted = loader_adopted(loader),
		.pid = (uint32_t)getpid(),
		.clients = registry->clients,
		.clients_max = CLIENTS_MAX,
		.templates = registry->n_templates,
		.templates_max = TEMPLATES_MAX,
		.executables = loader_executables(loader),
		.executables_max = EXEC_CACHE_MAX,
		.user_templates = user->templates,
		.user_templates_max = user_templates_max(registry, user),
		.started_ns = registry->started_ns,
		.launches = totals.launches,
		.stale = totals.stale,
		.refused = totals.refused,
		.write_denied = totals.write_denied,
		.events_lost = loader_events_lost(loader),
		.rss_bytes = registry_rss(),
		.version = VERSION,
	};
	if (uname(&uts) == 0)
		snprintf(status->kernel, sizeof(status->kernel), "%.63s",
			 uts.release);
}
