/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_SEARCH_H
#define ST_SEARCH_H

#include <stdbool.h>

#include <spawn_template.h>

/*
 * open() makes a template of an absolute path; it returns as spawn_template_open().
 * close() gives one back that is not taken after all.
 */
struct st_opener {
	int (*open)(const char *path, void *arg);
	void (*close)(int tfd, void *arg);
	void *arg;
	bool scripts; /* open() takes them */
};

/*
 * Tries the files that execvp(3) would try for name along path (NULL: $PATH), in
 * the same order, until one opens whose interpreter is there, or fails in a way that
 * ends the search.
 * Return: as spawn_template_search().
 */
int st_search(const char *name, const char *path,
	      const struct st_opener *opener);

#endif
