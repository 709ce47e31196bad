/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists a directory by getdents64(2), into the caller's buffer. Every function is
 * inlined and makes raw system calls, for code that runs between clone and exec.
 */
#ifndef ST_DENTS_H
#define ST_DENTS_H

#include "sys.h"

#define DENTS_FN static inline __attribute__((always_inline))

/* The kernel's struct linux_dirent64. */
struct st_dent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type; /* DT_* */
	char name[];
};

struct st_dents {
	int dir;
	char *buf; /* aligned to 8 */
	int size;
	int got; /* bytes in buf; 0 at the end; or -errno */
	int at;
};

DENTS_FN void st_dents_begin(struct st_dents *d, int dir, char *buf, int size)
{
	d->dir = dir;
	d->buf = buf;
	d->size = size;
	d->got = d->at = 0;
}

/* Return: an entry, valid until the next call; 0 at the end, or see .got. */
DENTS_FN const struct st_dent *st_dents_next(struct st_dents *d)
{
	const struct st_dent *e;

	if (d->at >= d->got) {
		d->at = 0;
		d->got = sys_call3(__NR_getdents64, d->dir, d->buf, d->size);
		if (d->got <= 0)
			return 0;
	}
	e = (const struct st_dent *)(d->buf + d->at);
	d->at += e->reclen;
	return e;
}

/* Return: the number at the beginning of the name; -1 if there is none. */
DENTS_FN int st_dent_number(const struct st_dent *e)
{
	const char *c = e->name;
	int number = 0;

	if (*c < '0' || *c > '9')
		return -1;
	for (; *c >= '0' && *c <= '9'; c++)
		number = number * 10 + (*c - '0');
	return number;
}

#undef DENTS_FN
#endif
