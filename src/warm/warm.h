/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared launches, for the core: a template may have processes that wait for
 * its launches. A launch that does not fit goes cold, and is counted by its
 * reason; preparation never makes a launch fail.
 */
#ifndef ST_WARM_H
#define ST_WARM_H

#include "launch.h"

struct st_warm;

/* The reasons are SPAWN_TEMPLATE_COLD_*; this value means none. */
#define ST_COLD_NONE SPAWN_TEMPLATE_COLD_REASONS_MAX

/* Tells whether warm_preload lists modules for a Python. */
bool st_warm_is_list(const char *preload);

/* Tells whether the program is node, by its name. */
bool st_warm_is_node(const char *path);

struct st_warm *st_warm_new(const char *path,
			    const struct spawn_template_key *key,
			    uint64_t create_flags, const char *preload,
			    unsigned int target, unsigned int never);
void st_warm_free(struct st_warm *warm);

/*
 * Makes the arguments of a session shell's launch those of a cold one. To be
 * freed: l->block.
 */
int st_warm_arguments(const struct st_warm *warm, struct st_launch *l);

/* Return: pid, with l->pidfd; 0: launch it cold; or -errno of the launch. */
pid_t st_warm_launch(struct st_warm *warm, struct st_launch *l);

struct st_warm_begun;

pid_t st_warm_begin(struct st_warm *warm, struct st_launch *l, int *done,
		    struct st_warm_begun **begun);
pid_t st_warm_end(struct st_warm *warm, struct st_warm_begun *begun);

unsigned int st_warm_ready(struct st_warm *warm);
uint64_t st_warm_count(const struct st_warm *warm, unsigned int reason);

/*
 * Ends all processes that wait, and waits for that: a launch with these flags has found
 * none free. Return: false if none waited, or if that cannot help.
 */
bool st_warm_make_room(uint64_t flags);

#endif
