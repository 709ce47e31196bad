/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that the guard's kernel programs write, one for each executable. A
 * process maps them to read, and a template is fresh as long as its word has
 * the value from its registration. A launch looks here, without a call or a
 * lock.
 *
 * Each connection maps them anew, since the daemon behind it may have others. A
 * mapping lives as long as a record or the connection holds it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shared/proto.h"
#include "guard/words.h"
#include "sys.h"

#define WORDS_MAX (1U << 20)

/* Drops a reference; the last one unmaps. */
void st_words_put(struct st_words *words)
{
	if (!words || atomic_fetch_sub(&words->refs, 1) != 1)
		return;
	munmap(words->at, words->n * sizeof(*words->at));
	free(words);
}

/* Maps n words, with one reference. Return: 0; -ENOMEM; -EPROTO. */
int st_words_map(int fd, uint32_t n, struct st_words **words)
{
	struct st_words *w;

	if (n == 0 || n > WORDS_MAX)
		return -EPROTO;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->at = mmap(NULL, n * sizeof(*w->at), PROT_READ, MAP_SHARED, fd, 0);
	if (w->at == MAP_FAILED) {
		free(w);
		return -EPROTO;
	}
	atomic_init(&w->refs, 1);
	w->n = n;
	*words = w;
	return 0;
}

/* Drops the words that a record holds; it unregisters nothing. */
void st_guard_drop(struct st_guarded *guarded)
{
	st_words_put(guarded->words);
	memset(guarded, 0, sizeof(*guarded));
}

enum st_guard_state st_guard_state(const struct st_guarded *guarded)
{
	uint64_t word;

	if (!guarded->id)
		return ST_GUARD_NONE;
	word = atomic_load(guarded->at);
	if ((word & 0xff) == EXEC_NONE)
		return ST_GUARD_GONE;
	return word == guarded->word && !atomic_load(&guarded->refused)
		       ? ST_GUARD_FRESH
		       : ST_GUARD_STALE;
}

/**
 * st_guard_check - decide whether the guard lets a template launch
 * @guarded: the template's
 * @flags: SPAWN_TEMPLATE_CREATE_*, given when it was made
 *
 * Return: 0; -ESTALE; -ENOTCONN if it must be guarded and no longer is.
 */
int st_guard_check(const struct st_guarded *guarded, uint64_t flags)
{
	switch (st_guard_state(guarded)) {
	case ST_GUARD_STALE:
		return -ESTALE;
	case ST_GUARD_GONE:
		return flags & ST_MUST_GUARD ? -ENOTCONN : 0;
	default:
		return 0;
	}
}
