/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rights that a thread has, and that its children get. Each thread has its
 * own: libc changes ids in all of them, the raw system calls in one.
 */
#ifndef ST_RIGHTS_H
#define ST_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

struct st_rights {
	uint32_t uid[3], gid[3];
	int32_t securebits;
	int32_t groups;			/* count, or -errno */
	uint64_t groups_hash;
	uint64_t effective, permitted, inheritable, bounding, ambient;
};

void st_rights_get(struct st_rights *rights, bool is_ours);
bool st_rights_equal(const struct st_rights *a, const struct st_rights *b);

#endif
