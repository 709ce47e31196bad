/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the identity of a file so that a later change cannot go unseen. */
#include <time.h>

#include "identity.h"

/* Tells whether a later change of the file would get a later ctime. */
static bool ctime_is_past(const struct spawn_template_key *key)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return true;
	return key->ctime_sec < now.tv_sec ||
	       (key->ctime_sec == now.tv_sec && key->ctime_nsec < now.tv_nsec);
}

/*
 * Takes the key of fd, once its ctime is in the past of the clock that stamps
 * files. That clock moves once a tick (1 to 10 ms) on many file systems and
 * kernels (all before 6.13): two changes within one tick have the same ctime,
 * so a key taken between them would hide the second. If the ctime stays in the
 * future, as from a file server with another clock, it is taken as it is after
 * a few ticks.
 *
 * attributes: stx_attributes, or NULL.
 * Return: 0 or -errno.
 */
int st_key_settle(int fd, struct spawn_template_key *key, uint64_t *attributes)
{
	struct statx stx;
	int ret;

	for (int ms = 0; ms <= 20; ms++) {
		ret = sys_statx(fd, "", AT_EMPTY_PATH, ST_KEY_MASK, &stx);
		if (ret < 0)
			return st_key_error(ret);
		st_key_from_statx(&stx, key);
		if (ctime_is_past(key))
			break;
		sys_sleep_ms(1);
	}
	if (attributes)
		*attributes = stx.stx_attributes;
	return 0;
}
