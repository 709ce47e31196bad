/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports the state of a template and its use. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "check.h"

_Static_assert(offsetof(struct spawn_template_stat, guard_id) ==
			       SPAWN_TEMPLATE_STAT_SIZE_VER0 &&
		       sizeof(struct spawn_template_stat) ==
			       SPAWN_TEMPLATE_STAT_SIZE_VER2,
	       "the size of a version does not change");

static void copy_path(char *to, size_t size, const char *from)
{
	if (from)
		strncpy(to, from, size - 1);
}

static void fill_counters(struct spawn_template_stat *st,
			  struct st_counters *from)
{
	st->cold = atomic_load(&from->cold);
	st->warm = atomic_load(&from->warm);
	st->stale = atomic_load(&from->stale);
	st->refused = atomic_load(&from->refused);
	st->failed = atomic_load(&from->failed);
	for (int i = 0; i < SPAWN_TEMPLATE_FALLBACKS_MAX; i++)
		st->fallbacks[i] = atomic_load(&from->fallbacks[i]);
}

static void fill_stat(struct spawn_template_stat *st, struct st_record *rec)
{
	st->flags = rec->flags;
	st->key = rec->key;
	st->format = rec->format;
	st->elf_class = rec->elf_class;
	st->elf_machine = rec->elf_machine;
	st->elf_flags = rec->elf_flags;
	st->launch_by = rec->by_path_reason ? SPAWN_TEMPLATE_LAUNCH_BY_PATH
					    : SPAWN_TEMPLATE_LAUNCH_BY_FD;
	st->by_path_reason = rec->by_path_reason;
	fill_counters(st, rec->counters);
	copy_path(st->path, sizeof(st->path), rec->path);
	copy_path(st->interpreter, sizeof(st->interpreter), rec->interpreter);
}

static void fill_guard(struct spawn_template_stat *st, size_t size,
		       struct st_guarded *guarded)
{
	enum st_guard_state state = st_guard_state(guarded);

	st->guarded = state == ST_GUARD_FRESH || state == ST_GUARD_STALE;
	if (!st->guarded || size < SPAWN_TEMPLATE_STAT_SIZE_VER1)
		return;
	st->guard_id = guarded->id;
	st->deny_write = guarded->deny_write;
	if (state == ST_GUARD_STALE)
		st->guard_why = st_guard_why(guarded);
}

static void fill_warm(struct spawn_template_stat *st, size_t size,
		      struct st_warm *warm)
{
	st->warm_ready = st_warm_ready(warm);
	if (size < SPAWN_TEMPLATE_STAT_SIZE_VER2)
		return;
	for (unsigned int i = 0; i < SPAWN_TEMPLATE_COLD_REASONS_MAX; i++)
		st->cold_reasons[i] = st_warm_count(warm, i);
}

int spawn_template_stat(int tfd, struct spawn_template_stat *st, size_t size)
{
	struct st_record *rec = NULL;
	uint32_t reason;
	int ret;

	if (!st || size < SPAWN_TEMPLATE_STAT_SIZE_VER0)
		return -EINVAL;
	ret = st_template_check(tfd, &rec, &reason);
	if (ret < 0 && ret != -ESTALE)
		return ret;
	memset(st, 0, size);
	fill_stat(st, rec);
	fill_guard(st, size, &rec->guard);
	if (rec->warm)
		fill_warm(st, size, rec->warm);
	st->state = ret < 0 ? SPAWN_TEMPLATE_STATE_STALE
			    : SPAWN_TEMPLATE_STATE_FRESH;
	st->stale_reason = reason;
	st_record_put(rec);
	return 0;
}
