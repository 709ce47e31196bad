/* SPDX-License-Identifier: BSD-2-Clause */
/* Adopts the templates that the maps hold when the daemon starts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/log/log.h"
#include "daemon/registry/registry.h"

/* Finds the process that the entry names. Return: 0; -ESRCH: ended; -errno. */
static int creator(struct registry *registry,
		   const struct template_entry *entry, struct process **process)
{
	int pidfd = (int)syscall(SYS_pidfd_open, entry->tgid, 0);
	struct process *p;

	if (pidfd < 0)
		return -errno;
	p = process_hold(registry, entry->tgid, pidfd);
	if (!p)
		return -errno;
	if (p->start_ticks != entry->start_ticks) {
		process_release(p);
		return -ESRCH;
	}
	*process = p;
	return 0;
}

/* Return: 0; -ESRCH: its process has ended; -errno. */
static int adopt_live(struct registry *registry, uint64_t id,
		      const struct template_entry *entry)
{
	struct process *process = NULL;
	struct user *user;
	struct template *t;
	int ret = creator(registry, entry, &process);

	if (ret < 0)
		return ret;
	user = user_find(registry, entry->creds.euid);
	t = user ? template_new(process, user, NULL, entry->creds.euid) : NULL;
	if (t) {
		t->id = id;
		t->generation = entry->exec_generation;
		registry_insert(registry, t);
	} else if (user) {
		user_forget(registry, user);
	}
	process_release(process);
	return t ? 0 : -ENOMEM;
}

/* Return: 0: adopted or released; -errno: neither. */
static int adopt_one(struct registry *registry, uint64_t id)
{
	struct template_entry entry;
	int ret = -ESRCH;

	if (registry_find(registry, id) ||
	    loader_template(registry->loader, id, &entry))
		return 0;
	if (entry.state == TEMPLATE_LIVE)
		ret = adopt_live(registry, id, &entry);
	if (ret != -ESRCH)
		return ret;
	registry_release(registry, id);
	return 0;
}

/* Adopted processes must not use the last descriptors: these few are kept. */
#define RESERVE 8

static void take_reserve(const struct registry *registry, int fds[RESERVE])
{
	for (int i = 0; i < RESERVE; i++)
		fds[i] = fcntl(registry->loop->epoll_fd, F_DUPFD_CLOEXEC, 0);
}

static void give_reserve(const int fds[RESERVE])
{
	for (int i = 0; i < RESERVE; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void registry_adopt(struct registry *registry)
{
	int reserve[RESERVE];
	uint64_t *ids = malloc(TEMPLATES_MAX * sizeof(*ids)), id = 0;
	unsigned int before = registry->n_templates, adopted, n = 0, left = 0;
	int ret = ids ? 0 : -ENOMEM;

	/*
	 * collect all ids first: a deletion may make the iteration begin again
	 */
	while (ids && n < TEMPLATES_MAX && !loader_next(registry->loader, &id))
		ids[n++] = id;
	take_reserve(registry, reserve);
	for (unsigned int i = 0; i < n; i++) {
		int one = adopt_one(registry, ids[i]);

		if (one < 0) {
			ret = one;
			left++;
		}
	}
	give_reserve(reserve);
	free(ids);
	adopted = registry->n_templates - before;
	/* events about them before now are unknown */
	if (adopted)
		registry->lost_seen = UINT64_MAX;
	registry_sweep_maps(registry, false);
	log_verbose("adopted %u templates of %u", adopted, n);
	if (ret < 0 && !registry->must_adopt)
		log_line("cannot take over %u templates yet: %s", left,
			 strerror(-ret));
	registry->must_adopt = ret < 0;
}
