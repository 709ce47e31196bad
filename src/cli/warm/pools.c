/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools: prepared processes, added up by their parent, program and way. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/guard/guard.h"
#include "cli/warm/pools.h"
#include "shared/text.h"

static struct pool *find_pool(struct pools *pools, const struct parked *p)
{
	for (size_t i = 0; i < pools->n; i++) {
		const struct parked *first = pools->list[i].first;

		if (first->parent == p->parent && first->way == p->way &&
		    strcmp(first->program, p->program) == 0)
			return &pools->list[i];
	}
	return NULL;
}

static struct pool *add_pool(struct pools *pools, const struct parked *p)
{
	struct pool *pool = &pools->list[pools->n++];
	char path[64];

	*pool = (struct pool){ .first = p };
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->parent);
	if (st_read_text(path, pool->command, sizeof(pool->command)) < 0)
		pool->command[0] = '\0';
	return pool;
}

static int by_pss(const void *a, const void *b)
{
	const struct pool *x = a, *y = b;

	if (x->pss != y->pss)
		return x->pss < y->pss ? 1 : -1;
	return (x->first->parent > y->first->parent) -
	       (x->first->parent < y->first->parent);
}

int pools_look(struct pools *pools)
{
	int err;

	*pools = (struct pools){ .list = NULL };
	err = parked_look(0, &pools->parked);
	if (err)
		return err;
	pools->list = calloc(pools->parked.n + 1, sizeof(*pools->list));
	if (!pools->list)
		return -ENOMEM;
	for (size_t i = 0; i < pools->parked.n; i++) {
		const struct parked *p = &pools->parked.list[i];
		struct pool *pool = find_pool(pools, p);

		if (!pool)
			pool = add_pool(pools, p);
		pool->waiting++;
		pool->pss += p->pss;
		pool->private_bytes += p->private_bytes;
		if (p->age_ns > pool->age_ns)
			pool->age_ns = p->age_ns;
		pools->pss += p->pss;
	}
	qsort(pools->list, pools->n, sizeof(*pools->list), by_pss);
	return 0;
}

void pools_free(struct pools *pools)
{
	parked_free(&pools->parked);
	free(pools->list);
	*pools = (struct pools){ .list = NULL };
}

/* ---- for people, and for programs */

static const struct text_column columns[] = {
	{ "PID", .right = true },
	{ "USER", .right = false, .min = 4, .drop = 3 },
	{ "COMMAND", .right = false, .min = 6, .drop = 4 },
	{ "PROGRAM", .keep_end = true, .min = 8 },
	{ "WAY", .right = false },
	{ "WAITING", .right = true },
	{ "PRIVATE", .right = true, .drop = 2 },
	{ "PSS", .right = true },
	{ "AGE", .right = true, .drop = 1 },
};

static const char *way_name(const struct pool *pool)
{
	enum warm_way way = pool->first->way;

	return way == WAY_PYTHON ? "runtime" : warm_way_name(way);
}

void pools_table(struct text_table *table, const struct pools *pools)
{
	char text[NUMBER_TEXT];

	*table = (struct text_table){ .columns = columns,
				      .n_columns = COUNT(columns) };
	for (size_t i = 0; i < pools->n; i++) {
		const struct pool *pool = &pools->list[i];

		text_row(table, OUT_PLAIN);
		text_cell(table, "%d", (int)pool->first->parent);
		text_cell(table, "%s", name_user(pool->first->uid));
		text_cell(table, "%s", pool->command);
		text_cell(table, "%s", pool->first->program);
		text_cell(table, "%s", way_name(pool));
		text_cell(table, "%u", pool->waiting);
		text_cell(table, "%s", format_bytes(text, pool->private_bytes));
		text_cell(table, "%s", format_bytes(text, pool->pss));
		text_cell(table, "%s", format_age(text, pool->age_ns));
	}
}

json_t *pools_json(const struct pools *pools)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pools->n; i++) {
		const struct pool *pool = &pools->list[i];

		json_array_append_new(
			list,
			json_pack("{s:i, s:I, s:o, s:o, s:s, s:i, s:I, s:I, "
				  "s:I}",
				  "pid", (int)pool->first->parent, "uid",
				  (json_int_t)pool->first->uid, "command",
				  out_text(pool->command), "program",
				  out_text(pool->first->program), "way",
				  way_name(pool), "waiting", (int)pool->waiting,
				  "private_bytes",
				  (json_int_t)pool->private_bytes, "pss_bytes",
				  (json_int_t)pool->pss, "age_ms",
				  (json_int_t)(pool->age_ns / 1000000)));
	}
	return list;
}
