/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard as the rest of the library sees it: templates are registered with
 * its daemon, and a word in memory that the kernel programs write tells whether
 * one is still what it was.
 */
#ifndef ST_GUARD_H
#define ST_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <spawn_template.h>

/* What a guard alone can keep; without it, such a template is of no use. */
#define ST_MUST_GUARD \
	(SPAWN_TEMPLATE_CREATE_GUARD | SPAWN_TEMPLATE_CREATE_DENY_WRITE)

struct st_states;	/* a mapping of the words, with a count of references */

/*
 * What the record of a template keeps of it. All but refused and why is written
 * before the record is in the table.
 */
struct st_guarded {
	uint64_t id;			/* 0: not guarded */
	uint64_t word;			/* *at, as long as it is fresh */
	_Atomic uint64_t *at;		/* read-only memory */
	struct st_states *states;	/* a reference, for at */
	bool deny_write;
	_Atomic bool refused;		/* exec was answered ESTALE */
	_Atomic uint32_t why;		/* if the daemon told; else 0 */
};

enum st_guard_state {
	ST_GUARD_NONE,		/* was never guarded */
	ST_GUARD_FRESH,
	ST_GUARD_STALE,
	ST_GUARD_GONE,		/* there is no guard any more */
};

int st_guard_register(int fd, uint64_t flags, const uint8_t *header,
		      struct st_guarded *guarded);
void st_guard_unregister(uint64_t id);
void st_guard_drop(struct st_guarded *guarded);

enum st_guard_state st_guard_state(const struct st_guarded *guarded);
int st_guard_check(const struct st_guarded *guarded, uint64_t flags);
uint32_t st_guard_why(struct st_guarded *guarded);

#endif
