/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file for the whole output of a stream, once that exceeds its bound: the caller's
 * file, or a new one in the caller's directory.
 */
#ifndef ST_SPILL_H
#define ST_SPILL_H

#include <stdbool.h>
#include <stddef.h>

struct st_spill {
	int fd;			/* -1: none */
	const char *name;	/* in the directory fd; NULL: fd is the file */
	bool begun;		/* the file has bytes */
	bool failed;		/* it does not have all */
};

#define ST_SPILL_NONE \
	{ \
		.fd = -1, \
	}

int st_spill_open(struct st_spill *out, struct st_spill *err, int fd);
void st_spill_write(struct st_spill *spill, const char *before, size_t len,
		    const char *bytes, size_t n);
void st_spill_close(struct st_spill *spill);

#endif
