/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums. A counter that is shown must not fall when a template goes, so what it
 * had counted is kept: by path, for at most PATHS_MAX of them, so that nobody can
 * fill memory or a metrics store with names; what is beyond is counted as others.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "registry.h"

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

/* The path's place in an array with `others` at the end; made if there is room. */
static struct path_totals *place(struct path_totals *paths, unsigned int *n,
				 const char *path)
{
	for (unsigned int i = 0; i < *n; i++)
		if (!strncmp(paths[i].path, path, TEMPLATE_PATH_SIZE))
			return &paths[i];
	if (*n == PATHS_MAX || !*path)
		return &paths[PATHS_MAX];
	memcpy(paths[*n].path, path, strnlen(path, TEMPLATE_PATH_SIZE - 1));
	return &paths[(*n)++];
}

void totals_add_gone(struct registry *registry,
		     const struct template_entry *entry)
{
	struct path_totals *p;

	/* a place is for what was launched */
	if (!entry->launches && !entry->stale && !entry->refused)
		return;
	p = place(registry->gone, &registry->n_paths, entry->path);
	totals_add(&p->totals, entry);
}

unsigned int totals_by_path(const struct registry *registry,
			    struct path_totals **paths)
{
	struct template_entry entry;
	unsigned int n = registry->n_paths;

	*paths = malloc(sizeof(registry->gone));
	if (!*paths)
		return 0;
	memcpy(*paths, registry->gone, sizeof(registry->gone));
	for (unsigned int i = 0; i < registry->n_templates; i++)
		if (!loader_template(registry->loader,
				     registry->templates[i]->id, &entry))
			totals_add(&place(*paths, &n, entry.path)->totals,
				   &entry);
	/* others stand behind the last */
	if (n < PATHS_MAX)
		(*paths)[n] = (*paths)[PATHS_MAX];
	return n + 1;
}

uint64_t registry_rss(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long long pages = 0;
	char text[128];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "%*u %llu", &pages) != 1)
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
		.user_templates_max = user_templates_max(registry, user->uid),
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
