/* SPDX-License-Identifier: BSD-2-Clause */
/* Examines the file of a template when that is made. */
#ifndef ST_EXAMINE_H
#define ST_EXAMINE_H

#include "table.h"

/* The source of a template: a path, or an fd. */
struct st_source {
	const char *path;		/* NULL: execfd */
	int execfd;
	unsigned int warm_target;
	const char *preload;	/* of a session shell; else NULL */
};

int st_source_open(const struct st_source *from);
int st_examine(int fd, const struct st_source *from, struct st_record *rec);

#endif
