/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads the identity of a file, compares it, and marks an executable as stale.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "maps.bpf.h"

/*
 * Linux 6.13: this bit of ctime's nanoseconds records that the time was read.
 */
#define CTIME_NSEC_MASK	0x3fffffff

/* ---- identity */

static __always_inline void key_of(struct inode *inode, struct exec_key *key)
{
	key->inode = (__u64)inode;
	key->ino = inode->i_ino;
	key->dev = inode->i_sb->s_dev;
	key->generation = inode->i_generation;
}

static __always_inline bool same_key(const struct exec_key *a,
				     const struct exec_key *b)
{
	return a->inode == b->inode && a->ino == b->ino && a->dev == b->dev &&
	       a->generation == b->generation;
}

static __always_inline void ctime_of(struct inode *inode,
				     struct exec_identity *id)
{
	struct inode___split_times *split = (void *)inode;
	struct inode___hidden_times *hidden = (void *)inode;
	struct inode___times *plain = (void *)inode;

	if (bpf_core_field_exists(split->i_ctime_sec)) {
		id->ctime_sec = split->i_ctime_sec;
		id->ctime_nsec = split->i_ctime_nsec;
	} else if (bpf_core_field_exists(hidden->__i_ctime)) {
		id->ctime_sec = hidden->__i_ctime.tv_sec;
		id->ctime_nsec = hidden->__i_ctime.tv_nsec;
	} else {
		id->ctime_sec = plain->i_ctime.tv_sec;
		id->ctime_nsec = plain->i_ctime.tv_nsec;
	}
	id->ctime_nsec &= CTIME_NSEC_MASK;
}

static __always_inline void mtime_of(struct inode *inode,
				     struct exec_identity *id)
{
	struct inode___split_times *split = (void *)inode;
	struct inode___hidden_times *hidden = (void *)inode;
	struct inode___times *plain = (void *)inode;

	if (bpf_core_field_exists(split->i_mtime_sec)) {
		id->mtime_sec = split->i_mtime_sec;
		id->mtime_nsec = split->i_mtime_nsec;
	} else if (bpf_core_field_exists(hidden->__i_mtime)) {
		id->mtime_sec = hidden->__i_mtime.tv_sec;
		id->mtime_nsec = hidden->__i_mtime.tv_nsec;
	} else {
		id->mtime_sec = plain->i_mtime.tv_sec;
		id->mtime_nsec = plain->i_mtime.tv_nsec;
	}
}

static __always_inline void identity_of(struct inode *inode,
					struct exec_identity *id)
{
	id->size = inode->i_size;
	id->mode = inode->i_mode;
	id->uid = inode->i_uid.val;
	id->gid = inode->i_gid.val;
	id->unlinked = !inode->i_nlink;
	ctime_of(inode, id);
	mtime_of(inode, id);
}

/*
 * ctime is recorded, but not compared: everybody can move it, and what else moves it,
 * a write or a change of attributes, is seen when it happens (writing.bpf.h).
 */
static __always_inline bool same_identity(const struct exec_identity *a,
					  const struct exec_identity *b)
{
	return a->size == b->size && a->mode == b->mode && a->uid == b->uid &&
	       a->gid == b->gid && a->unlinked == b->unlinked &&
	       a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec;
}

/* ---- the state of an executable */

static __always_inline void set_word(__u32 slot, __u64 word)
{
	__u64 *p = bpf_map_lookup_elem(&exec_states, &slot);

	if (p)
		*(volatile __u64 *)p = word;
}

/* Turns fresh into stale, once: only the first caller goes on. */
static __always_inline void invalidate(struct exec_entry *e,
				       const struct exec_key *key, __u32 why)
{
	if (__sync_val_compare_and_swap(&e->state, EXEC_FRESH, EXEC_STALE) !=
	    EXEC_FRESH)
		return;
	e->why = why;
	set_word(e->slot, EXEC_STATE_WORD(e->generation, EXEC_STALE));
	tell(EVENT_INVALIDATED, why, 0, e->generation, key);
}

#endif
