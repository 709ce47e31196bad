/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools: the prepared processes that one process keeps of one program, prepared in one
 * way. The library has no list of pools that other processes can read: they are found
 * by their processes, in /proc.
 */
#ifndef POOLS_H
#define POOLS_H

#include "cli/text_table.h"
#include "cli/warm/warm.h"

struct pool {
	const struct parked
		*first; /* parent, uid, way and program are those of all */
	unsigned int waiting; /* processes */
	int64_t age_ns; /* of the oldest */
	uint64_t pss, private_bytes; /* of all */
	char command[32]; /* the parent's name */
};

struct pools {
	struct parked_list parked;
	struct pool *list; /* the largest PSS first */
	size_t n;
	uint64_t pss; /* of all */
};

/*
 * Find the pools of all processes that this one may look at.
 * Return: 0 or -errno. pools_free() is due in any case.
 */
int pools_look(struct pools *pools);
void pools_free(struct pools *pools);

void pools_table(struct text_table *table, const struct pools *pools);
json_t *pools_json(const struct pools *pools);

#endif
