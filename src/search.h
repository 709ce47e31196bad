/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_SEARCH_H
#define ST_SEARCH_H

#include <spawn_template.h>

/* open() makes a template of an absolute path; it returns as spawn_template_open(). */
struct st_opener {
	int (*open)(const char *path, void *arg);
	void *arg;
};

/*
 * Tries the files that execvp(3) would try for name along path (NULL: $PATH), in
 * the same order, until one opens, or fails in a way that ends the search.
 * Return: as spawn_template_search().
 */
int st_search(const char *name, const char *path,
	      const struct st_opener *opener);

#endif
