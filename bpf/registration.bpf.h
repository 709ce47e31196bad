/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Registers a template by the client's descriptor, and ends the registration.
 */
#ifndef REGISTRATION_H
#define REGISTRATION_H

#include "creds.bpf.h"
#include "identity.bpf.h"

#define FMODE_PATH	0x4000
#define TMPFS_MAGIC	0x01021994
#define F_GETFL		3
#define S_IFMT		0170000
#define S_IFREG		0100000

/* ---- registering */

/*
 * Accepts file systems whose inode counts all writers on this machine. On
 * overlayfs the inode counts the writers that come through overlayfs, as the
 * kernel does for a running program. Network file systems and FUSE may have
 * other writers.
 */
static __always_inline bool counts_writers(const struct inode *inode,
					   __u64 magic)
{
	switch (magic) {
	case 0xef53:		/* ext2, ext3, ext4 */
	case 0x58465342:	/* xfs */
	case 0x9123683e:	/* btrfs */
	case 0x858458f6:	/* ramfs */
	case 0xf2f52010:	/* f2fs */
	case 0xca451a4e:	/* bcachefs */
	case 0x2fc12fc1:	/* zfs */
	case 0x794c7630:	/* overlayfs */
	case 0x73717368:	/* squashfs */
	case 0xe0f5e1e2:	/* erofs */
		return true;
	case TMPFS_MAGIC:
		/* the creator of a memfd writes to it without being counted */
		return inode->i_nlink;
	}
	return false;
}

/* Makes a new element, or puts the old one under a new generation. */
static __always_inline struct exec_entry *
renew(struct exec_entry *e, const struct template_entry *t, __u64 id,
      const struct exec_key *key, const struct exec_identity *now, __u32 magic)
{
	if (!e) {
		struct exec_entry new = {
			.generation = id,
			.slot = t->slot,
			.state = EXEC_STALE,
			.fs_magic = magic,
			.flags = t->flags & TEMPLATE_CANARY,
		};

		bpf_map_update_elem(&exec_cache, key, &new, BPF_NOEXIST);
		e = bpf_map_lookup_elem(&exec_cache, key);
		if (!e)
			return 0;
	}
	e->identity = *now;
	e->has_header = 0;
	e->why = WHY_NONE;
	/* from here on, holders of the old generation are stale */
	*(volatile __u64 *)&e->generation = id;
	set_word(e->slot, EXEC_STATE_WORD(id, EXEC_FRESH));
	__sync_val_compare_and_swap(&e->state, EXEC_STALE, EXEC_FRESH);
	return e;
}

/*
 * Counts the template, then looks for writers. The entry is in the map, fresh
 * and counted before the look, and the kernel counts a writer before it calls
 * file_open: so each writer is either seen here or finds the entry there.
 */
static __always_inline int settle(struct exec_entry *e,
				  const struct template_entry *t,
				  struct inode *inode,
				  const struct exec_key *key)
{
	bool deny = t->flags & TEMPLATE_DENY_WRITE;
	struct exec_identity now;
	int error = 0, before;

	if (deny)
		__sync_fetch_and_add(&e->denies, 1);
	/* its result is used, so it orders all accesses around it */
	before = __sync_fetch_and_add(&e->refs, 1);
	barrier_var(before);
	if (*(volatile int *)&inode->i_writecount.counter > 0)
		error = ETXTBSY;
	identity_of(inode, &now);
	if (!error && !same_identity(&e->identity, &now))
		error = ESTALE;
	if (!error)
		return 0;
	if (deny)
		__sync_fetch_and_add(&e->denies, -1);
	__sync_fetch_and_add(&e->refs, -1);
	invalidate(e, key, error == ETXTBSY ? WHY_OPENED : WHY_IDENTITY);
	return error;
}

static __always_inline int register_file(struct file *file, __u64 id,
					 struct template_entry *t)
{
	struct inode *inode = file->f_inode;
	const struct cred *cred = file->f_cred;
	__u64 address = (__u64)file, magic;
	__u32 euid = t->creds.euid;
	struct exec_identity now;
	struct exec_entry *e;
	int error;

	if (!(file->f_mode & FMODE_PATH) || (inode->i_mode & S_IFMT) != S_IFREG)
		return EINVAL;
	creds_of(cred, &t->creds);
	if (t->creds.euid != euid)
		return EACCES;
	magic = inode->i_sb->s_magic;
	if ((t->flags & TEMPLATE_DENY_WRITE) && !(t->flags & TEMPLATE_CANARY) &&
	    !counts_writers(inode, magic))
		return EOPNOTSUPP;
	/*
	 * else a client could block the writers of a data file, or watch them
	 */
	if (!(inode->i_mode & 0111) || is_noexec(file) ||
	    ((t->flags & TEMPLATE_DENY_WRITE) && !may_execute(cred, file)))
		return EACCES;
	t->cred = (__u64)cred;
	t->file = address;
	key_of(inode, &t->exec);
	identity_of(inode, &now);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e || e->state != EXEC_FRESH || !same_identity(&e->identity, &now))
		e = renew(e, t, id, &t->exec, &now, (__u32)magic);
	if (!e)
		return ENOSPC;
	t->exec_generation = e->generation;
	t->slot = e->slot;
	error = settle(e, t, inode, &t->exec);
	if (error)
		return error;
	error = bpf_map_update_elem(&template_files, &address, &id,
				    BPF_NOEXIST);
	if (!error)
		return 0;
	if (t->flags & TEMPLATE_DENY_WRITE)
		__sync_fetch_and_add(&e->denies, -1);
	__sync_fetch_and_add(&e->refs, -1);
	return error == -EEXIST ? EEXIST : ENOSPC;
}

/*
 * Gives up the template's counts, at the first call: from the end of its file,
 * or from the daemon.
 */
static __always_inline void release(struct template_entry *t)
{
	__u64 address = t->file;
	struct exec_entry *e;

	if (__sync_val_compare_and_swap(&t->state, TEMPLATE_LIVE,
					TEMPLATE_CLOSED) != TEMPLATE_LIVE)
		return;
	bpf_map_delete_elem(&template_files, &address);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e)
		return;
	if (t->flags & TEMPLATE_DENY_WRITE)
		__sync_fetch_and_add(&e->denies, -1);
	__sync_fetch_and_add(&e->refs, -1);
}

/* Tells the daemon from a process that got its number after its end. */
static __always_inline bool is_daemon(void)
{
	__u32 zero = 0;
	struct guard_command *c = bpf_map_lookup_elem(&command, &zero);

	return c && c->daemon_tgid == own_tgid() &&
	       c->daemon_start == start_ticks_of(bpf_get_current_task_btf());
}

static __always_inline int on_fcntl(struct file *file, unsigned int cmd,
				    __u64 arg)
{
	struct template_entry *t;
	__u64 id = arg & GUARD_ID_MASK;
	int error;

	if (cmd != F_GETFL || !(arg & (GUARD_REGISTER | GUARD_RELEASE)))
		return 0;
	if (!is_daemon())
		return 0;
	t = bpf_map_lookup_elem(&templates, &id);
	if (!t)
		return 0;
	if (arg & GUARD_RELEASE) {
		release(t);
		return 0;
	}
	if (t->state != TEMPLATE_PENDING)
		return 0;
	error = register_file(file, id, t);
	t->error = error;
	__sync_val_compare_and_swap(&t->state, TEMPLATE_PENDING,
				    error ? TEMPLATE_FAILED : TEMPLATE_LIVE);
	return 0;
}

static __always_inline int on_file_free(struct file *file)
{
	__u64 address = (__u64)file, *found, id;
	struct template_entry *t;

	if (!(file->f_mode & FMODE_PATH))
		return 0;
	found = bpf_map_lookup_elem(&template_files, &address);
	if (!found)
		return 0;
	id = *found;
	t = bpf_map_lookup_elem(&templates, &id);
	if (!t || t->file != address) {
		bpf_map_delete_elem(&template_files, &address);
		return 0;
	}
	release(t);
	tell(EVENT_CLOSED, WHY_CLOSED, id, t->exec_generation, &t->exec);
	return 0;
}

#endif
