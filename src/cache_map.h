/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a cache: entries by path, by the number of an open template, and in
 * the order of their last use. Nothing here takes a lock or makes a system call.
 */
#ifndef ST_CACHE_MAP_H
#define ST_CACHE_MAP_H

#include "table.h"

#define ST_CACHE_FDS 64		/* buckets */

/*
 * One file, by the path that was asked for, and its template while that is open.
 * If an entry is forgotten while its template is open, only the number leads to it,
 * and it is freed when the template is closed.
 */
struct st_cached {
	struct st_cached *next_path, *next_fd;	/* in their buckets */
	struct st_cached *newer, *older;	/* the order of last use */
	bool known;			/* its path leads to it */
	int fd;				/* the open template; -1: none */
	unsigned int users;		/* callers that have the template */
	struct st_record *facts;	/* NULL: a refusal, or nothing known */

	/* set while the template is open without users */
	struct st_cached *next_held;
	bool held;
	int64_t close_at;		/* a time of st_now() */

	/* set with a refusal */
	int error;
	int64_t until;			/* a time of st_now() */
	struct spawn_template_key key;
	struct st_ids ids;

	uint64_t hash;
	char path[];
};

/* Launches that succeeded. */
struct st_cache_count {
	uint64_t cold, warm;
};

struct st_cache_map {
	struct st_cache_count gone;	/* from templates that are forgotten */
	struct st_cached *newest, *oldest;
	unsigned int known, open;
	struct st_cached *by_fd[ST_CACHE_FDS];
	uint64_t mask;			/* buckets of by_path - 1 */
	struct st_cached **by_path;
};

/* Return: 0 or -ENOMEM. */
int st_cache_map_init(struct st_cache_map *map, unsigned int entries);

/* Frees all entries, also those whose templates are open. */
void st_cache_map_free(struct st_cache_map *map);

struct st_cached *st_cache_map_find(struct st_cache_map *map, const char *path);
struct st_cached *st_cache_map_find_fd(struct st_cache_map *map, int fd);

/* Adds an entry, the newest. Return: NULL if memory is short. */
struct st_cached *st_cache_map_add(struct st_cache_map *map, const char *path);
void st_cache_map_touch(struct st_cache_map *map, struct st_cached *e);

/* Takes an entry from its path; frees it unless its template is open. */
void st_cache_map_forget(struct st_cache_map *map, struct st_cached *e);

/* Replaces what an entry knows of its file. Takes the reference. */
void st_cache_map_learn(struct st_cache_map *map, struct st_cached *e,
			struct st_record *facts);

/* Returns the launches from the templates of all entries, known or forgotten. */
struct st_cache_count st_cache_map_count(const struct st_cache_map *map);

void st_cache_map_open(struct st_cache_map *map, struct st_cached *e, int fd);

/* Takes an entry from the number of its template; frees it unless it is known. */
void st_cache_map_close(struct st_cache_map *map, struct st_cached *e);

#endif
