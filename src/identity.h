/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The identity key: the fields that must be equal for a file to be "still the
 * same".
 *
 * The functions here are inline because the deciding comparison runs in the
 * child, between clone and exec. It compares all fields but nlink, which a new
 * hard link changes.
 *
 * A change of ctime alone is no proof of a change: a new hard link makes one, and
 * everybody who can reach the file can make one, by chown(2) to no other owner. So
 * a launch may be allowed another ctime, or any, once the content was found to be
 * the same (see check.c), or where the guard sees every change.
 */
#ifndef ST_IDENTITY_H
#define ST_IDENTITY_H

#include <spawn_template.h>

#include "shared/calls.h"
#include "sys.h"

#define ST_IS_REGULAR(mode) (((mode) & 0170000) == 0100000)

/*
 * Without a unique mount id, before Linux 6.8, the kernel ignores that bit and
 * returns the plain id.
 */
#define ST_KEY_MASK (STATX_BASIC_STATS | STATX_MNT_ID | STATX_MNT_ID_UNIQUE)

static inline void st_key_from_statx(const struct statx *stx,
				     struct spawn_template_key *key)
{
	key->dev_major = stx->stx_dev_major;
	key->dev_minor = stx->stx_dev_minor;
	key->ino = stx->stx_ino;
	key->mnt_id = stx->stx_mnt_id;
	key->size = stx->stx_size;
	key->mode = stx->stx_mode;
	key->nlink = stx->stx_nlink;
	key->uid = stx->stx_uid;
	key->gid = stx->stx_gid;
	key->ctime_sec = stx->stx_ctime.tv_sec;
	key->mtime_sec = stx->stx_mtime.tv_sec;
	key->ctime_nsec = stx->stx_ctime.tv_nsec;
	key->mtime_nsec = stx->stx_mtime.tv_nsec;
}

/*
 * Tells a sandbox that denies statx(2), by -ENOSYS, from the answer to a path. Without
 * a path, the call answers EBADF if it is there.
 */
static inline int st_key_error(int ret)
{
	struct statx stx;

	if (st_call_is_missing(ST_CALL_STATX, ret) &&
	    sys_statx(-1, "", AT_EMPTY_PATH, ST_KEY_MASK, &stx) != -EBADF)
		return -ENOSYS;
	return ret;
}

/*
 * Takes the key of an open file, of any type of descriptor.
 * Return: 0 or -errno.
 */
static inline int st_key_of_fd(int fd, struct spawn_template_key *key)
{
	struct statx stx;
	int ret = sys_statx(fd, "", AT_EMPTY_PATH, ST_KEY_MASK, &stx);

	if (ret < 0)
		return st_key_error(ret);
	st_key_from_statx(&stx, key);
	return 0;
}

/* Takes the key of the file at an absolute path; opens nothing. */
static inline int st_key_of_path(const char *path,
				 struct spawn_template_key *key)
{
	struct statx stx;
	int ret = sys_statx(AT_FDCWD, path, 0, ST_KEY_MASK, &stx);

	if (ret < 0)
		return st_key_error(ret);
	st_key_from_statx(&stx, key);
	return 0;
}

/* Tells whether both keys are of the same file, changed or not. */
static inline bool st_key_same_file(const struct spawn_template_key *a,
				    const struct spawn_template_key *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       a->ino == b->ino && a->mnt_id == b->mnt_id;
}

/* Tells whether both keys are equal in all but ctime, or in that, too. */
static inline bool st_key_equal_but_ctime(const struct spawn_template_key *a,
					  const struct spawn_template_key *b)
{
	return st_key_same_file(a, b) && a->size == b->size &&
	       a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec;
}

/* Tells whether both keys are of the same file, unchanged. */
static inline bool st_key_equal(const struct spawn_template_key *a,
				const struct spawn_template_key *b)
{
	return st_key_equal_but_ctime(a, b) && a->ctime_sec == b->ctime_sec &&
	       a->ctime_nsec == b->ctime_nsec;
}

/* A ctime in one word, which is never 0 and never ST_ANY_CTIME. */
static inline uint64_t st_key_ctime(const struct spawn_template_key *key)
{
	return ((uint64_t)key->ctime_sec << 31 | key->ctime_nsec << 1) + 2;
}

#define ST_ANY_CTIME 1

/* Tells whether a file is that of a key, with its ctime or with another_ctime. */
static inline bool st_key_fits(const struct spawn_template_key *now,
			       const struct spawn_template_key *key,
			       uint64_t another_ctime)
{
	if (!st_key_equal_but_ctime(now, key))
		return false;
	return (now->ctime_sec == key->ctime_sec &&
		now->ctime_nsec == key->ctime_nsec) ||
	       another_ctime == ST_ANY_CTIME ||
	       (another_ctime && another_ctime == st_key_ctime(now));
}

/* Returns 0 if path leads to the file of key, unchanged; else -ESTALE. */
static inline int st_path_check(const char *path,
				const struct spawn_template_key *key,
				uint64_t another_ctime)
{
	struct spawn_template_key now;

	if (st_key_of_path(path, &now) < 0)
		return -ESTALE;
	return st_key_fits(&now, key, another_ctime) ? 0 : -ESTALE;
}

int st_key_settle(int fd, struct spawn_template_key *key, uint64_t *attributes);

#endif
