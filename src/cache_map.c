/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache_map.h"

int st_cache_map_init(struct st_cache_map *map, unsigned int entries)
{
	uint64_t buckets = 1;

	while (buckets < entries)
		buckets *= 2;
	map->by_path = calloc(buckets, sizeof(*map->by_path));
	map->mask = buckets - 1;
	return map->by_path ? 0 : -ENOMEM;
}

/* ---- counting */

static void add(struct st_cache_count *count, const struct st_record *facts)
{
	if (!facts)
		return;
	count->cold += atomic_load_explicit(&facts->counters->cold,
					    memory_order_relaxed);
	count->warm += atomic_load_explicit(&facts->counters->warm,
					    memory_order_relaxed);
}

struct st_cache_count st_cache_map_count(const struct st_cache_map *map)
{
	struct st_cache_count count = map->gone;

	for (struct st_cached *e = map->newest; e; e = e->older)
		add(&count, e->facts);
	/* forgotten while their templates are out */
	for (int i = 0; i < ST_CACHE_FDS; i++)
		for (struct st_cached *e = map->by_fd[i]; e; e = e->next_fd)
			if (!e->known)
				add(&count, e->facts);
	return count;
}

/* ---- the end of entries, and of their knowledge */

void st_cache_map_learn(struct st_cache_map *map, struct st_cached *e,
			struct st_record *facts)
{
	if (e->facts && (!facts || facts->counters != e->facts->counters))
		add(&map->gone, e->facts);
	st_record_put(e->facts);
	e->facts = facts;
}

static void free_entry(struct st_cache_map *map, struct st_cached *e)
{
	st_cache_map_learn(map, e, NULL);
	free(e);
}

void st_cache_map_free(struct st_cache_map *map)
{
	while (map->oldest)
		st_cache_map_forget(map, map->oldest);
	for (int i = 0; i < ST_CACHE_FDS; i++)
		while (map->by_fd[i])
			st_cache_map_close(map, map->by_fd[i]);
	free(map->by_path);
}

/* ---- finding */

static uint64_t hash_of_path(const char *path)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 1099511628211ULL;
	return hash ^ hash >> 32;
}

static struct st_cached **path_bucket(struct st_cache_map *map, uint64_t hash)
{
	return &map->by_path[hash & map->mask];
}

static struct st_cached **fd_bucket(struct st_cache_map *map, int fd)
{
	return &map->by_fd[(unsigned int)fd % ST_CACHE_FDS];
}

struct st_cached *st_cache_map_find(struct st_cache_map *map, const char *path)
{
	uint64_t hash = hash_of_path(path);
	struct st_cached *e = *path_bucket(map, hash);

	while (e && (e->hash != hash || strcmp(e->path, path) != 0))
		e = e->next_path;
	return e;
}

struct st_cached *st_cache_map_find_fd(struct st_cache_map *map, int fd)
{
	struct st_cached *e = fd < 0 ? NULL : *fd_bucket(map, fd);

	while (e && e->fd != fd)
		e = e->next_fd;
	return e;
}

/* ---- known ones, in the order of their last use */

static void put_newest(struct st_cache_map *map, struct st_cached *e)
{
	e->newer = NULL;
	e->older = map->newest;
	if (e->older)
		e->older->newer = e;
	else
		map->oldest = e;
	map->newest = e;
}

static void take_out(struct st_cache_map *map, struct st_cached *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		map->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		map->oldest = e->newer;
}

void st_cache_map_touch(struct st_cache_map *map, struct st_cached *e)
{
	if (map->newest == e)
		return;
	take_out(map, e);
	put_newest(map, e);
}

struct st_cached *st_cache_map_add(struct st_cache_map *map, const char *path)
{
	size_t size = strlen(path) + 1;
	struct st_cached *e = calloc(1, sizeof(*e) + size), **bucket;

	if (!e)
		return NULL;
	memcpy(e->path, path, size);
	e->hash = hash_of_path(path);
	e->fd = -1;
	bucket = path_bucket(map, e->hash);
	e->next_path = *bucket;
	*bucket = e;
	e->known = true;
	put_newest(map, e);
	map->known++;
	return e;
}

void st_cache_map_forget(struct st_cache_map *map, struct st_cached *e)
{
	struct st_cached **at = path_bucket(map, e->hash);

	while (*at != e)
		at = &(*at)->next_path;
	*at = e->next_path;
	take_out(map, e);
	map->known--;
	e->known = false;
	if (e->fd < 0)
		free_entry(map, e);
}

/* ---- open ones */

void st_cache_map_open(struct st_cache_map *map, struct st_cached *e, int fd)
{
	struct st_cached **bucket = fd_bucket(map, fd);

	e->fd = fd;
	e->next_fd = *bucket;
	*bucket = e;
	map->open++;
}

void st_cache_map_close(struct st_cache_map *map, struct st_cached *e)
{
	struct st_cached **at = fd_bucket(map, e->fd);

	while (*at != e)
		at = &(*at)->next_fd;
	*at = e->next_fd;
	e->fd = -1;
	map->open--;
	if (!e->known)
		free_entry(map, e);
}
