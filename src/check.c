/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks closely at an fd: is it a template of this process, and is it fresh?
 *
 * A launch that goes well never comes here: it takes the record at the number
 * and lets the child compare. This is for check, stat and refresh, for dups,
 * and for explaining a failed launch.
 */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "identity.h"

#define RETRIES 1000
#define YIELDS 20 /* then sleep: the changing thread may wait for a processor */

/* ---- ids */

/* Reads the ids by two system calls: the price of noticing a change of ids. */
int st_ids_get(struct st_ids *ids)
{
	int ret = sys_call3(__NR_getresuid, &ids->uid[0], &ids->uid[1],
			    &ids->uid[2]);

	if (ret < 0)
		return ret;
	return sys_call3(__NR_getresgid, &ids->gid[0], &ids->gid[1],
			 &ids->gid[2]);
}

bool st_ids_equal(const struct st_ids *a, const struct st_ids *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static int check_ids(const struct st_record *rec)
{
	struct st_ids ids;
	int ret = st_ids_get(&ids);

	if (ret < 0)
		return ret;
	return st_ids_equal(&ids, &rec->ids) ? 0 : -EACCES;
}

/* ---- finding the record */

/*
 * Chooses the error for an fd that is no template. A file that could have been
 * made into one is refused as another process's template; any other fd is a
 * mistake.
 */
static int refuse(int fd, const struct spawn_template_key *now)
{
	if (!ST_IS_REGULAR(now->mode))
		return -EINVAL;
	if (st_table_inherited(now))
		return -EACCES;
	if (sys_call4(__NR_faccessat2, fd, "", X_OK,
		      AT_EMPTY_PATH | AT_EACCESS) == 0)
		return -EACCES;
	return -EINVAL;
}

static bool is_o_path(int fd)
{
	int flags = sys_fcntl(fd, F_GETFL, 0);

	return flags >= 0 && (flags & O_PATH);
}

static int find_once(int tfd, struct st_record **rec,
		     struct spawn_template_key *now)
{
	struct st_record *r;
	int ret = st_key_of_fd(tfd, now);

	if (ret < 0)
		return ret;
	r = st_table_get(tfd);
	if (r && !st_key_same_file(&r->key, now)) {
		st_record_put(r);
		r = NULL;
	}
	if (!r && is_o_path(tfd))
		r = st_table_find(now);
	if (!r)
		return refuse(tfd, now);
	*rec = r;
	return 0;
}

/**
 * st_template_of - find the record of an fd, with any ids
 * @tfd: the fd
 * @rec: set on success, with a reference for the caller
 * @now: set to the key of the file behind the fd
 *
 * While another thread refreshes the number, file and record do not agree; a
 * refusal counts only if no refresh came between.
 *
 * Return: 0; -EBADF not open; -EINVAL no template; -EACCES of another process.
 */
int st_template_of(int tfd, struct st_record **rec,
		   struct spawn_template_key *now)
{
	int ret = -EBADF;

	if (tfd < 0)
		return ret;
	for (int i = 0; i < RETRIES; i++) {
		uint64_t before = st_table_changes(tfd);

		ret = find_once(tfd, rec, now);
		if (ret == 0 || (!st_table_changing(tfd) &&
				 st_table_changes(tfd) == before))
			break;
		if (i < YIELDS)
			sys_call0(__NR_sched_yield);
		else
			sys_sleep_ms(1);
	}
	return ret;
}

/**
 * st_template_find - find the record of an fd, if the ids are its creator's
 *
 * Parameters and return as of st_template_of(); and -EACCES if the ids have
 * changed since the template was made.
 */
int st_template_find(int tfd, struct st_record **rec,
		     struct spawn_template_key *now)
{
	int ret = st_template_of(tfd, rec, now);

	if (ret < 0)
		return ret;
	ret = check_ids(*rec);
	if (ret < 0) {
		atomic_fetch_add(&(*rec)->counters->refused, 1);
		st_record_put(*rec);
		*rec = NULL;
	}
	return ret;
}

/* ---- fresh or stale */

/*
 * Returns why the path leads elsewhere; 0 if it leads to this file, even
 * changed.
 */
static uint32_t path_reason(const struct st_record *rec)
{
	struct spawn_template_key key;

	if (!rec->path)
		return 0;
	if (st_key_of_path(rec->path, &key) < 0)
		return SPAWN_TEMPLATE_STALE_PATH_GONE;
	if (!st_key_same_file(&key, &rec->key))
		return SPAWN_TEMPLATE_STALE_PATH_REPLACED;
	return 0;
}

/*
 * Only ctime differs: the content decides. Where ctime stood still meanwhile, it is
 * remembered, and launches look at nothing again.
 */
static bool content_is_same(int tfd, struct st_record *rec)
{
	struct spawn_template_key before, after;
	struct st_digest digest;

	if (!rec->digest.known || st_key_of_fd(tfd, &before) < 0 ||
	    st_digest_file(tfd, rec->key.size, &digest) < 0 ||
	    st_key_of_fd(tfd, &after) < 0)
		return false;
	if (memcmp(digest.word, rec->digest.word, sizeof(digest.word)) != 0 ||
	    !st_key_equal_but_ctime(&before, &rec->key) ||
	    !st_key_equal_but_ctime(&after, &rec->key))
		return false;
	if (st_key_equal(&before, &after))
		atomic_store(&rec->another_ctime, st_key_ctime(&after));
	return true;
}

static bool is_unchanged(int tfd, const struct spawn_template_key *now,
			 struct st_record *rec)
{
	if (st_key_fits(now, &rec->key, atomic_load(&rec->another_ctime)))
		return true;
	if (!st_key_equal_but_ctime(now, &rec->key))
		return false;
	return st_guard_state(&rec->guard) == ST_GUARD_FRESH ||
	       content_is_same(tfd, rec);
}

/**
 * st_template_check - find the record of an fd, and tell whether it is fresh
 * @tfd: the fd
 * @rec: set, with a reference, if the answer is 0 or -ESTALE
 * @reason: set to SPAWN_TEMPLATE_STALE_*, 0 if fresh
 *
 * Return: 0; -ESTALE; or as st_template_find().
 */
int st_template_check(int tfd, struct st_record **rec, uint32_t *reason)
{
	struct spawn_template_key now;
	int ret = st_template_find(tfd, rec, &now);

	*reason = 0;
	if (ret < 0)
		return ret;
	/* a replaced file has changed, too: its number of links */
	*reason = path_reason(*rec);
	if (!*reason && !is_unchanged(tfd, &now, *rec))
		*reason = SPAWN_TEMPLATE_STALE_FILE_CHANGED;
	if (!*reason && st_guard_state(&(*rec)->guard) == ST_GUARD_STALE)
		*reason = SPAWN_TEMPLATE_STALE_GUARD;
	return *reason ? -ESTALE : 0;
}

int spawn_template_check(int tfd)
{
	struct st_record *rec = NULL;
	uint32_t reason;
	int ret = st_template_check(tfd, &rec, &reason);

	if (ret == 0)
		ret = st_guard_check(&rec->guard, rec->flags);
	st_record_put(rec);
	return ret;
}
