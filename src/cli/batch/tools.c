/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kept templates: one for each name and the path along which it was searched. A
 * name that was not found is searched again each time. If a file was replaced,
 * the template takes the new file; if a file has gone, the name is searched
 * again. So a kept template is never older than its file, but a new file
 * earlier on the path goes unnoticed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch/batch.h"

static struct tool **bucket_of(struct tools *tools, const char *key, size_t n)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)key[i]) * 16777619U;
	return &tools->buckets[(hash ^ hash >> 16) % 256];
}

static struct tool *make_key(const char *name, const char *path)
{
	size_t n = strlen(name) + 1, m = strlen(path) + 1;
	struct tool *tool = calloc(1, sizeof(*tool) + n + m);

	if (!tool)
		return NULL;
	memcpy(tool->key, name, n);
	memcpy(tool->key + n, path, m);
	tool->key_size = n + m;
	tool->tfd = -1;
	return tool;
}

/*
 * Close the template at the last release: its launches need the number until
 * they have completed.
 */
static void release(struct tool *tool)
{
	if (--tool->users)
		return;
	spawn_template_close(tool->tfd);
	free(tool);
}

static void forget(struct tools *tools, struct tool **at)
{
	struct tool *tool = *at;

	*at = tool->next;
	tools->n--;
	release(tool);
}

/*
 * Forget the template that was not taken for longest, of those without a user.
 */
static void forget_oldest(struct tools *tools)
{
	struct tool **oldest = NULL;

	for (size_t i = 0; i < 256; i++)
		for (struct tool **at = &tools->buckets[i]; *at;
		     at = &(*at)->next)
			if ((*at)->users == 1 &&
			    (!oldest || (*at)->used < (*oldest)->used))
				oldest = at;
	if (oldest)
		forget(tools, oldest);
}

static struct tool **find(struct tools *tools, const struct tool *key)
{
	struct tool **at = bucket_of(tools, key->key, key->key_size);

	while (*at && ((*at)->key_size != key->key_size ||
		       memcmp((*at)->key, key->key, key->key_size) != 0))
		at = &(*at)->next;
	return at;
}

/* Tell whether the template has today's file, or could be refreshed. */
static bool is_good(int tfd)
{
	int err = spawn_template_check(tfd);

	return !err || (err == -ESTALE && !spawn_template_refresh(tfd));
}

static int make(struct tools *tools, struct tool *tool)
{
	const char *name = tool->key, *path = name + strlen(name) + 1;
	struct tool **at;

	if (tools->n >= tools->kept)
		forget_oldest(tools);
	tool->tfd = launch_template_in(name, path,
				       SPAWN_TEMPLATE_CREATE_AUTO_REFRESH);
	if (tool->tfd < 0)
		return tool->tfd;
	at = bucket_of(tools, tool->key, tool->key_size);
	tool->next = *at;
	*at = tool;
	tool->users = 1; /* held by the map */
	tools->n++;
	return 0;
}

int tool_take(struct tools *tools, const char *name, const char *path,
	      struct tool **result)
{
	struct tool *key = make_key(name, strchr(name, '/') ? "" : path);
	struct tool **at, *tool;
	int err;

	if (!key)
		return -ENOMEM;
	at = find(tools, key);
	if (*at && !is_good((*at)->tfd))
		forget(tools, at);
	tool = *find(tools, key);
	if (!tool) {
		err = make(tools, key);
		if (err) {
			free(key);
			return err;
		}
		tool = key;
	} else {
		free(key);
	}
	tool->users++;
	tool->used = ++tools->clock;
	*result = tool;
	return 0;
}

void tool_give_back(struct tool *tool)
{
	release(tool);
}

void tools_free(struct tools *tools)
{
	for (size_t i = 0; i < 256; i++)
		while (tools->buckets[i])
			forget(tools, &tools->buckets[i]);
}
