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

enum st_init { ST_INIT_UNKNOWN, ST_INIT_NONE, ST_INIT_THERE };

/*
 * Tells whether the pid namespace of this thread's next child has a process 1. After
 * unshare(CLONE_NEWPID) it has none: the next child is it, and when that ends, no
 * child can be made any more. The kernel shows such a namespace as one that is not
 * there. Without /proc nobody knows.
 */
static inline enum st_init st_init_of_children(void)
{
	char link[32];

	if (readlink("/proc/thread-self/ns/pid_for_children", link,
		     sizeof(link)) > 0)
		return ST_INIT_THERE;
	return readlink("/proc/thread-self/ns/pid", link, sizeof(link)) > 0
		       ? ST_INIT_NONE
		       : ST_INIT_UNKNOWN;
}

/*
 * Tells whether this thread's next child will be in the thread's own pid namespace, so
 * that its number is the same for both. Without /proc nobody knows.
 */
static inline bool st_has_children_beside_it(void)
{
	char own[32], theirs[32];
	ssize_t n = readlink("/proc/thread-self/ns/pid", own, sizeof(own));

	return n > 0 &&
	       readlink("/proc/thread-self/ns/pid_for_children", theirs,
			sizeof(theirs)) == n &&
	       memcmp(own, theirs, (size_t)n) == 0;
}

#endif
