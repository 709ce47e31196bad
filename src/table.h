/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records behind template fds: one table for the process, no lock.
 */
#ifndef ST_TABLE_H
#define ST_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <spawn_template.h>

#include "elf.h"
#include "digest.h"
#include "guard/guard.h"
#include "warm/warm.h"

struct st_ids {
	uid_t uid[3];	/* real, effective, saved */
	gid_t gid[3];
};

/* Shared by a record and those that follow it at refreshes. */
struct st_counters {
	_Atomic uint32_t refs;
	_Atomic uint64_t cold, warm, stale, refused, failed;
	_Atomic uint64_t fallbacks[SPAWN_TEMPLATE_FALLBACKS_MAX];
};

/*
 * The facts about one template. Every field but refs and epoch is written once,
 * before the record is put into the table, and read by any thread with a
 * reference.
 */
struct st_record {
	_Atomic uint32_t refs;		/* 0: free to be taken */
	struct st_record *next; /* next of all records; none is ever unlinked */
	_Atomic uint64_t epoch;		/* the owner's; 0: not in the table */
	uint64_t flags;			/* SPAWN_TEMPLATE_CREATE_* */
	struct st_ids ids;		/* the creator's */
	struct spawn_template_key key;
	uint32_t format, elf_class, elf_machine, elf_flags;
	struct st_digest digest;	/* of the content, if there is one */
	_Atomic uint64_t
		another_ctime; /* with which the content was the same */
	uint8_t head[ST_ELF_HEAD];	/* zero if the file was not read */
	uint32_t by_path_reason;	/* 0: launched by fd */
	char *path; /* the template's path; NULL: made from an fd */
	char *exec_path; /* for launches by path; may equal path */
	char *interpreter;		/* NULL: none */
	bool no_interpreter;		/* at create that could not be executed */
	struct st_guarded guard;	/* set if it is guarded */
	uint32_t warm_target;
	char *preload;			/* of a session shell; else NULL */
	struct st_warm *warm;		/* NULL: its launches are not prepared */
	struct st_counters *counters;
};

/* Tells whether the file's interpreter opens its path, so that no fd can replace it. */
static inline bool st_record_needs_path(const struct st_record *rec)
{
	return rec->format == SPAWN_TEMPLATE_FORMAT_SCRIPT ||
	       rec->format == SPAWN_TEMPLATE_FORMAT_OTHER;
}

struct st_record *st_record_new(struct st_counters *counters);
struct st_record *st_record_hold(struct st_record *rec);
void st_record_put(struct st_record *rec);

struct st_record *st_table_get(int fd);
struct st_record *st_table_find(const struct spawn_template_key *key);
bool st_table_inherited(const struct spawn_template_key *key);
int st_table_set(int fd, struct st_record *rec);
bool st_table_drop(int fd);

/* held while the file behind a number changes */
bool st_table_lock(int fd);
void st_table_unlock(int fd);
bool st_table_changing(int fd);
uint64_t st_table_changes(int fd);

#endif
