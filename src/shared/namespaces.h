/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's first namespaces: a container has others.
 */
#ifndef ST_NAMESPACES_H
#define ST_NAMESPACES_H

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define ST_FIRST_PIDS	"pid:[4026531836]"	/* PROC_PID_INIT_INO */
#define ST_FIRST_USERS	"user:[4026531837]"	/* PROC_USER_INIT_INO */

/* Tells whether a link in /proc/PID/ns is this one, or cannot be read. */
static inline bool st_in_namespace(const char *path, const char *first)
{
	char link[32] = "";

	return readlink(path, link, sizeof(link) - 1) < 0 ||
	       strcmp(link, first) == 0;
}

#endif
