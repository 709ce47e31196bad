/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates added up by the path of their executable. Paths that print the same
 * are one here, since collectors of metrics take no name twice.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cli/text_safe.h"
#include "cli/guard/guard.h"

static int fill_total(struct guard_total *total, const struct st_msg_item *item)
{
	char *path = text_safe(item->path);

	if (!path)
		return -1;
	snprintf(total->path, sizeof(total->path), "%s", path);
	free(path);
	total->templates = 1;
	total->launches = item->launches;
	total->stale = item->stale;
	total->refused = item->refused;
	total->write_denied = item->write_denied;
	memcpy(total->launch_us, item->launch_us, sizeof(total->launch_us));
	return 0;
}

static void add_total(struct guard_total *to, const struct guard_total *from)
{
	to->templates += from->templates;
	to->launches += from->launches;
	to->stale += from->stale;
	to->refused += from->refused;
	/* each item has its executable's count */
	if (from->write_denied > to->write_denied)
		to->write_denied = from->write_denied;
	for (int i = 0; i < ST_ITEM_SLOTS; i++)
		to->launch_us[i] += from->launch_us[i];
}

static int compare_paths(const void *a, const void *b)
{
	const struct guard_total *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int most_first(const void *a, const void *b)
{
	const struct guard_total *x = a, *y = b;

	if (x->launches != y->launches)
		return x->launches < y->launches ? 1 : -1;
	return strcmp(x->path, y->path);
}

struct guard_total *guard_totals(const struct guard_list *list, size_t *n)
{
	struct guard_total *totals;

	*n = 0;
	if (!list->n)
		return NULL;
	totals = calloc(list->n, sizeof(*totals));
	if (!totals)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		if (fill_total(&totals[i], &list->items[i].i)) {
			free(totals);
			return NULL;
		}
	qsort(totals, list->n, sizeof(*totals), compare_paths);
	for (size_t i = 0; i < list->n; i++)
		if (*n && compare_paths(&totals[*n - 1], &totals[i]) == 0)
			add_total(&totals[*n - 1], &totals[i]);
		else
			totals[(*n)++] = totals[i];
	qsort(totals, *n, sizeof(*totals), most_first);
	return totals;
}
