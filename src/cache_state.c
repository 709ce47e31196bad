/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "cache_state.h"
#include "guard/guard.h"
#include "identity.h"
#include "sys.h"
#include "table.h"
#include "template.h"

/* ---- a state's life */

struct st_cache_state *st_cache_state_new(uint64_t epoch, unsigned int entries)
{
	struct st_cache_state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (st_cache_map_init(&s->map, entries) < 0) {
		free(s);
		return NULL;
	}
	s->epoch = epoch;
	atomic_store(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void st_cache_state_put(struct st_cache_state *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	st_cache_map_free(&s->map);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- templates that leave */

bool st_cache_is_dear(const struct st_record *rec)
{
	return rec->guard.id || rec->warm;
}

/*
 * The number is still the entry's own if the entry's record is there, or a record by
 * which a launch has refreshed it. The entry keeps what the newer record says of the
 * file, but nothing that would live as long as the record.
 */
struct st_retired st_cache_retire_locked(struct st_cache_state *s,
					 struct st_cached *e)
{
	struct st_retired retired = { .fd = -1 };
	struct st_record *here = st_table_get(e->fd), *old = e->facts;

	if (here && here->counters == old->counters) {
		st_table_drop(e->fd);
		retired.fd = e->fd;
		retired.rec = here;
	} else {
		st_record_put(here);
		here = old;
	}
	e->facts = st_cache_is_dear(here) ? st_template_facts(here)
					  : st_record_hold(here);
	st_record_put(old);
	st_cache_map_close(&s->map, e);
	return retired;
}

void st_retired_close(const struct st_retired *r)
{
	struct spawn_template_key now;

	if (r->fd < 0)
		return;
	st_guard_unregister(r->rec->guard.id);
	if (st_key_of_fd(r->fd, &now) == 0 &&
	    st_key_same_file(&now, &r->rec->key))
		sys_close(r->fd);
	st_record_put(r->rec);
}
