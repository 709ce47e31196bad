/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the two files of the fake loader. */
#ifndef TESTS_FAKE_LOADER_H
#define TESTS_FAKE_LOADER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <time.h>

#include "loader/loader.h"

struct fake_exec {
	struct exec_key key;
	struct exec_entry entry;
	int watch;			/* inotify's; 0: none */
	unsigned int used;
};

/* The file; the part that clients map stands first. */
struct fake_maps {
	uint64_t words[EXEC_CACHE_MAX];
	uint64_t last_id, last_generation, events_lost;
	struct loader_totals totals;
	uint64_t ids[TEMPLATES_MAX];
	struct template_entry templates[TEMPLATES_MAX];
	struct fake_exec execs[EXEC_CACHE_MAX];
};

struct loader {
	struct fake_maps *maps;
	int words_fd, epoll_fd, inotify_fd, socket_fd;
	bool adopted;
	char socket_path[108];
};

static inline int fake_number(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : 0;
}

static inline uint64_t fake_boot_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/*
 * An event of type 0 is none of the kernel's: launches by `why`. A whole one takes
 * 100 us, and 1 ms until the exit.
 */
enum { FAKE_LAUNCH, FAKE_LAUNCH_BEGINS, FAKE_LAUNCH_ENDS };

/* Return: the index of the template, or -1. */
int fake_index(const struct loader *l, uint64_t id);

/* Change the maps as the kernel programs would. */
void fake_set_state(struct loader *l, struct fake_exec *e, uint32_t state,
		    uint32_t why);
void fake_close_template(struct loader *l, int i);

#endif
