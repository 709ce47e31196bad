/* SPDX-License-Identifier: BSD-2-Clause */
#include "own.h"
#include "sys.h"

static int file_of(int fd, struct st_own *own)
{
	struct statx stx;
	int ret = fd < 0 ? -EBADF
			 : sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stx);

	if (ret < 0)
		return ret;
	own->major = stx.stx_dev_major;
	own->minor = stx.stx_dev_minor;
	own->ino = stx.stx_ino;
	return 0;
}

/* Remembers which file an fd of ours is. */
void st_own_take(struct st_own *own, int fd)
{
	if (file_of(fd, own) < 0)
		*own = (struct st_own){ 0, 0, 0 };
}

/*
 * Tells whether a number is the file that was remembered. Where it cannot be found
 * out, the number is believed.
 */
bool st_own_is(const struct st_own *own, int fd)
{
	struct st_own now;
	int ret = file_of(fd, &now);

	if (ret < 0 || !own->ino)
		return ret != -EBADF;
	return now.ino == own->ino && now.major == own->major &&
	       now.minor == own->minor;
}

/* Closes an fd that its variable owns, if the number is still that file. */
void st_own_close(const struct st_own *own, int *fd)
{
	if (st_own_is(own, *fd))
		sys_close(*fd);
	*fd = -1;
}
