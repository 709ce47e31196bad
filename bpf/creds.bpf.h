/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Compares what credentials allow, for threads whose credential objects differ,
 * and decides whether they allow to execute a file.
 */
#ifndef CREDS_H
#define CREDS_H

#include "maps.bpf.h"

#define CAP_DAC_OVERRIDE	(1 << 1)
#define MNT_NOEXEC		0x04
#define SB_I_NOEXEC		0x02
#define SB_POSIXACL		(1 << 16)
#define GROUPS_MOST		65536	/* NGROUPS_MAX */

static __always_inline __u64 caps_of(const kernel_cap_t *set)
{
	__u64 caps = 0;

	bpf_core_read(&caps, sizeof(caps), set);
	return caps;
}

static __always_inline void creds_of(const struct cred *cred,
				     struct template_creds *to)
{
	to->uid = cred->uid.val;
	to->gid = cred->gid.val;
	to->suid = cred->suid.val;
	to->sgid = cred->sgid.val;
	to->euid = cred->euid.val;
	to->egid = cred->egid.val;
	to->fsuid = cred->fsuid.val;
	to->fsgid = cred->fsgid.val;
	to->securebits = cred->securebits;
	to->pad = 0;
	to->inheritable = caps_of(&cred->cap_inheritable);
	to->permitted = caps_of(&cred->cap_permitted);
	to->effective = caps_of(&cred->cap_effective);
	to->bounding = caps_of(&cred->cap_bset);
	to->ambient = caps_of(&cred->cap_ambient);
	to->user_ns = (__u64)cred->user_ns;
}

struct two_groups {
	const char *a, *b;	/* numbers */
	bool differ;
};

static long compare_group(__u32 i, void *arg)
{
	struct two_groups *g = arg;
	__u32 a, b;

	if (!bpf_probe_read_kernel(&a, sizeof(a), g->a + i * sizeof(a)) &&
	    !bpf_probe_read_kernel(&b, sizeof(b), g->b + i * sizeof(b)) &&
	    a == b)
		return 0;
	g->differ = true;
	return 1;
}

/*
 * Compares the contents: threads that set the same groups, each for itself,
 * have objects of their own.
 */
static __always_inline bool same_groups(const struct cred *a,
					const struct cred *b)
{
	struct group_info *x = BPF_CORE_READ(a, group_info);
	struct group_info *y = BPF_CORE_READ(b, group_info);
	struct two_groups g = { (const char *)&x->gid, (const char *)&y->gid,
				false };
	__u32 n = (__u32)BPF_CORE_READ(x, ngroups);

	if (x == y)
		return true;
	if (n != (__u32)BPF_CORE_READ(y, ngroups) || n > GROUPS_MOST)
		return false;
	return bpf_loop(n, compare_group, &g, 0) >= 0 && !g.differ;
}

static __always_inline bool same_creds(const struct cred *cred,
				       const struct template_creds *want)
{
	struct template_creds now;

	creds_of(cred, &now);
	return now.uid == want->uid && now.gid == want->gid &&
	       now.suid == want->suid && now.sgid == want->sgid &&
	       now.euid == want->euid && now.egid == want->egid &&
	       now.fsuid == want->fsuid && now.fsgid == want->fsgid &&
	       now.securebits == want->securebits &&
	       now.inheritable == want->inheritable &&
	       now.permitted == want->permitted &&
	       now.effective == want->effective &&
	       now.bounding == want->bounding && now.ambient == want->ambient &&
	       now.user_ns == want->user_ns;
}

/*
 * Returns all bits set if a is less than b. It has no branch, because the
 * verifier follows each branch of each round of a loop to the end of the
 * program.
 */
static __always_inline __u32 less(__s64 a, __s64 b)
{
	__s64 difference = a - b;

	barrier_var(difference);
	return (__u32)(difference >> 63);
}

static __always_inline bool in_group(const struct cred *cred, __u32 gid)
{
	struct group_info *groups = cred->group_info;
	const char *gids = (const char *)&groups->gid;
	__u32 n = (__u32)groups->ngroups, below = 0, got = 0;

	/* binary search for gid; values read past the end do not count */
	for (__u32 bit = GROUPS_MOST; bit; bit >>= 1) {
		__u32 at = below + bit;

		bpf_probe_read_kernel(&got, sizeof(got),
				      gids + (at - 1) * sizeof(got));
		below += bit & ~less(n, at) & less(got, gid);
	}
	if (cred->fsgid.val == gid)
		return true;
	return below < n &&
	       !bpf_probe_read_kernel(&got, sizeof(got),
				      gids + below * sizeof(got)) &&
	       got == gid;
}

/* Tells a mount or a file system on which nobody executes anything. */
static __always_inline bool is_noexec(struct file *file)
{
	return file->f_path.mnt->mnt_flags & MNT_NOEXEC ||
	       file->f_inode->i_sb->s_iflags & SB_I_NOEXEC;
}

/*
 * Where struct mnt_idmap has its fields; NOWHERE: it has none of this name. The
 * loader looks them up, because libbpf, for a type that a kernel does not have,
 * looks into all modules, and that takes CAP_SYS_ADMIN.
 */
#define NOWHERE 0xffffffff

const volatile __u32 idmap_owner = NOWHERE;	/* until Linux 6.7 */
const volatile __u32 idmap_uid_map = NOWHERE;
const volatile __u32 idmap_gid_map = NOWHERE;

/* Tells whether the map, at this address, has an entry; so if it is unreadable. */
static __always_inline bool maps_ids(const char *address)
{
	const struct uid_gid_map *map = (const void *)address;
	__u32 n;

	return bpf_core_read(&n, sizeof(n), &map->nr_extents) || n;
}

/* Tells a mount on which files have other owners than their inodes. */
static __always_inline bool is_idmapped(struct vfsmount *mnt)
{
	struct vfsmount___users *users = (void *)mnt;
	struct vfsmount___idmap *mapped = (void *)mnt;
	struct user_namespace *owner;
	const char *idmap;

	if (bpf_core_field_exists(users->mnt_userns))
		return BPF_CORE_READ(users, mnt_userns, level);
	if (!bpf_core_field_exists(mapped->mnt_idmap))
		return true;
	idmap = BPF_CORE_READ(mapped, mnt_idmap);
	if (idmap_owner != NOWHERE)
		return bpf_probe_read_kernel(&owner, sizeof(owner),
					     idmap + idmap_owner) ||
		       BPF_CORE_READ(owner, level);
	if (idmap_uid_map == NOWHERE || idmap_gid_map == NOWHERE)
		return true;
	return maps_ids(idmap + idmap_uid_map) ||
	       maps_ids(idmap + idmap_gid_map);
}

/*
 * Tells whether an access list may decide for others than the owner: also where
 * the inode does not say. It says after access(2) by such a user, but on file
 * systems that keep no list in the inode, as overlayfs.
 */
static __always_inline bool may_have_list(struct inode *inode)
{
	struct inode___acl *with = (void *)inode;

	if (!bpf_core_field_exists(with->i_acl))
		return false;
	return inode->i_sb->s_flags & SB_POSIXACL && inode->i_mode & 0070 &&
	       BPF_CORE_READ(with, i_acl);
}

/*
 * Decides by the bits of the mode, and for nobody where these do not tell:
 * where an access list may decide, or the mount has other owners. It does not
 * know users whom only a list, or a capability in a namespace of their own, lets
 * execute the file.
 */
static __always_inline bool may_execute(const struct cred *cred,
					struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 mode = inode->i_mode;
	bool listed = may_have_list(inode);

	if ((mode & 0111) == 0111 && !listed)
		return true;
	if (is_idmapped(file->f_path.mnt))
		return false;
	if (!cred->user_ns->level &&
	    caps_of(&cred->cap_effective) & CAP_DAC_OVERRIDE)
		return mode & 0111;
	if (cred->fsuid.val == inode->i_uid.val)
		return mode & 0100;
	if (listed)
		return false;
	return mode & (in_group(cred, inode->i_gid.val) ? 0010 : 0001);
}

#endif
