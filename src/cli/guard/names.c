/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for the guard's numbers. The words in JSON are stable: programs may
 * compare them. A newer daemon may have numbers that are unknown here.
 */
#include <linux/magic.h>

#include "cli/guard/account.h"
#include "cli/guard/guard.h"

/* Missing in the headers of older systems, or in another library's. */
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define F2FS_MAGIC 0xf2f52010
#define ZFS_MAGIC 0x2fc12fc1

const char *name_guard_state(unsigned int state)
{
	static const char *const names[] = {
		[EXEC_NONE] = "unwatched",
		[EXEC_FRESH] = "fresh",
		[EXEC_STALE] = "stale",
	};

	return state < COUNT(names) ? names[state] : "unknown";
}

const char *name_guard_why(unsigned int why)
{
	static const char *const names[] = {
		[WHY_NONE] = "none",
		[WHY_IDENTITY] = "identity",
		[WHY_HEADER] = "header",
		[WHY_OPENED] = "opened",
		[WHY_ATTRIBUTES] = "attributes",
		[WHY_FILE] = "file",
		[WHY_PROCESS] = "process",
		[WHY_CREDENTIALS] = "credentials",
		[WHY_CLOSED] = "closed",
	};

	return why < COUNT(names) ? names[why] : "unknown";
}

const char *explain_guard_why(unsigned int why)
{
	static const char *const text[] = {
		[WHY_NONE] = "no reason given",
		[WHY_IDENTITY] = "an exec found the file changed",
		[WHY_HEADER] = "an exec found another ELF header",
		[WHY_OPENED] = "it was opened for writing",
		[WHY_ATTRIBUTES] = "its mode, owner, size or times were set",
		[WHY_FILE] = "it was another file than the template's",
		[WHY_PROCESS] = "not a child of the creator",
		[WHY_CREDENTIALS] = "not the creator's credentials any more",
		[WHY_CLOSED] = "the template was closed",
	};

	return why < COUNT(text) ? text[why]
				 : "for a reason that this tool does not know";
}

const char *explain_attached(unsigned int attached)
{
	return attached == ST_STATUS_LSM ? "LSM programs"
	       : attached == ST_STATUS_FMOD_RET
		       ? "fmod_ret programs on the security functions"
		       : "unknown to this tool";
}

const char *name_fs_magic(unsigned int magic)
{
	static const struct {
		unsigned int magic;
		const char *name;
	} names[] = {
		{ BTRFS_SUPER_MAGIC, "btrfs" },
		{ EROFS_SUPER_MAGIC_V1, "erofs" },
		{ EXT4_SUPER_MAGIC, "ext4" },
		{ F2FS_MAGIC, "f2fs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" },
		{ RAMFS_MAGIC, "ramfs" },
		{ SQUASHFS_MAGIC, "squashfs" },
		{ TMPFS_MAGIC, "tmpfs" },
		{ XFS_SUPER_MAGIC, "xfs" },
		{ ZFS_MAGIC, "zfs" },
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].magic == magic)
			return names[i].name;
	return NULL;
}

static const struct {
	const char *name, *text;
} proofs[] = {
	{ "creator", "no launch by another process than the creator: EACCES" },
	{ "identity", "no launch of a file that has changed: ESTALE" },
	{ "deny_write", "no writing to an executable that denies it: ETXTBSY" },
	{ "ordinary", "an exec that is no launch of a template goes through" },
};

const char *name_proof(unsigned int bit)
{
	return bit < COUNT(proofs) ? proofs[bit].name : NULL;
}

const char *explain_proof(unsigned int bit)
{
	return bit < COUNT(proofs) ? proofs[bit].text : NULL;
}

const char *name_user(uint32_t uid)
{
	static struct {
		uint32_t uid;
		char name[64];
	} known[64];
	size_t at = uid % COUNT(known);

	if (*known[at].name && known[at].uid == uid)
		return known[at].name;
	known[at].uid = uid;
	if (!account_user(uid, known[at].name, sizeof(known[at].name)))
		snprintf(known[at].name, sizeof(known[at].name), "%u", uid);
	return known[at].name;
}
