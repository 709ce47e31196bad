/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Denies a write, or marks the executable as stale. */
#ifndef WRITING_H
#define WRITING_H

#include "identity.bpf.h"

#define FMODE_WRITE	0x2
#define ATTR_MODE	(1 << 0)
#define ATTR_UID	(1 << 1)
#define ATTR_GID	(1 << 2)
#define ATTR_SIZE	(1 << 3)
#define ATTR_MTIME	(1 << 5)
#define ATTR_MTIME_SET	(1 << 8)

/* Attributes of which a change may hide a write, or change who may execute. */
#define ATTR_TELLING \
	(ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_SIZE | ATTR_MTIME | \
	 ATTR_MTIME_SET)

/* ---- writing */

static __always_inline int on_write(struct inode *inode, bool may_deny,
				    __u32 why)
{
	struct exec_entry *e;
	struct exec_key key;

	key_of(inode, &key);
	e = bpf_map_lookup_elem(&exec_cache, &key);
	if (!e)
		return 0;
	if (may_deny && *(volatile __s32 *)&e->denies > 0) {
		__sync_fetch_and_add(&e->write_denied, 1);
		if (!(e->flags & TEMPLATE_CANARY))
			COUNT(write_denied);
		tell(EVENT_WRITE_DENIED, why, 0, e->generation, &key);
		return -ETXTBSY;
	}
	invalidate(e, &key, why);
	return 0;
}

static __always_inline int on_open(struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	return on_write(file->f_inode, true, WHY_OPENED);
}

/*
 * The kernel checks write permission before it truncates, so this caller may
 * write to the file.
 */
static __always_inline int on_setattr(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;

	/* the verifier of Linux 6.15 and later demands a check of inode */
	if (!inode || !(attr->ia_valid & ATTR_SIZE))
		return 0;
	return on_write(inode, true, WHY_ATTRIBUTES);
}

/*
 * Notes a change of mode, owner or times that has been made. The file system
 * decides after the first hook whether the change is allowed: noted there, any
 * caller could make any executable stale. A change of ctime alone is allowed to
 * everybody, by chown(2) to no other owner, and tells nothing.
 */
static __always_inline int on_setattr_done(struct dentry *dentry,
					   struct iattr *attr, int error)
{
	struct inode *inode = dentry->d_inode;

	if (inode && !error && (attr->ia_valid & ATTR_TELLING))
		on_write(inode, false, WHY_ATTRIBUTES);
	return 0;
}

#endif
