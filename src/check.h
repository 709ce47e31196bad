/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the template behind an fd, and tells whether it is fresh. */
#ifndef ST_CHECK_H
#define ST_CHECK_H

#include "table.h"

/* The extension flags, which need a structure of VER1. */
#define ST_VER1_FLAGS(flags) ((flags) >> 32)

int st_ids_get(struct st_ids *ids);
bool st_ids_equal(const struct st_ids *a, const struct st_ids *b);

/* Find the record; 0 says nothing about staleness. */
int st_template_of(int tfd, struct st_record **rec,
		   struct spawn_template_key *now);
int st_template_find(int tfd, struct st_record **rec,
		     struct spawn_template_key *now);

/* Finds the record and looks whether it is fresh. */
int st_template_check(int tfd, struct st_record **rec, uint32_t *stale_reason);

#endif
