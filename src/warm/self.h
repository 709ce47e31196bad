/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of /proc about the calling thread that each warm launch reads. */
#ifndef ST_WARM_SELF_H
#define ST_WARM_SELF_H

#include <stdbool.h>
#include <stdint.h>

#define ST_SELF_SPACES 8

enum st_self_file {
	ST_SELF_STATUS,
	ST_SELF_CGROUP,
	ST_SELF_LABEL,
	ST_SELF_EXEC_LABEL,
	ST_SELF_OOM,
	ST_SELF_CORE,
	ST_SELF_FILES,
};

int st_self_read(enum st_self_file file, char *to, int size);
/* The calling thread's namespaces, as same.c read them last. */
struct st_self_spaces {
	bool lasting;		/* the thread cannot have changed them */
	uint64_t of[ST_SELF_SPACES];
};

struct st_self_spaces *st_self_spaces(void);
int st_self_links(void);

#endif
