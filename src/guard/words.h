/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words in which the guard's kernel programs record the state of an
 * executable, and the fields with which a template's record finds its own.
 */
#ifndef ST_GUARD_WORDS_H
#define ST_GUARD_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <spawn_template.h>

/* One mapping of all words. */
struct st_words {
	_Atomic uint32_t refs;
	uint32_t n;
	_Atomic uint64_t *at;
};

/* Flags that need a guard; without one, such a template is of no use. */
#define ST_MUST_GUARD \
	(SPAWN_TEMPLATE_CREATE_GUARD | SPAWN_TEMPLATE_CREATE_DENY_WRITE)

/*
 * The part of a template's record that concerns the guard. Every field but
 * refused and why is written before the record is in the table.
 */
struct st_guarded {
	uint64_t id;			/* 0: not guarded */
	uint64_t word;			/* value of *at while fresh */
	_Atomic uint64_t *at;		/* read-only memory */
	struct st_words *words;		/* a reference, for at */
	bool deny_write;
	_Atomic bool refused;		/* exec has answered ESTALE */
	_Atomic uint32_t why;		/* the daemon's reason, or 0 */
};

enum st_guard_state {
	ST_GUARD_NONE,		/* never guarded */
	ST_GUARD_FRESH,
	ST_GUARD_STALE,
	ST_GUARD_GONE,		/* the guard is gone */
};

int st_words_map(int fd, uint32_t n, struct st_words **words);
void st_words_put(struct st_words *words);

void st_guard_drop(struct st_guarded *guarded);
enum st_guard_state st_guard_state(const struct st_guarded *guarded);
int st_guard_check(const struct st_guarded *guarded, uint64_t flags);

#endif
