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

/*
 * Moves an fd that was just opened above 2; an error in its place is returned as it is.
 * Return: the fd; or -errno, and then it is closed.
 */
int st_own_raise(int fd)
{
	struct st_own file;
	int high;

	if (fd < 0 || fd > 2)
		return fd;
	st_own_take(&file, fd);
	high = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	st_own_close(&file, &fd);
	if (high >= 0 && !st_own_is(&file, high)) {
		sys_close(high); /* the host opened its own at that moment */
		return -EBADF;
	}
	return high;
}

/*
 * Keeps what a function of libc returned, above 2, and remembers its file.
 * Return: 0; or -errno, and then nothing is open and *to is -1.
 */
int st_own_keep(struct st_own *own, int *to, int fd)
{
	fd = fd < 0 ? -errno : st_own_raise(fd);
	*to = fd < 0 ? -1 : fd;
	st_own_take(own, *to);
	return fd < 0 ? fd : 0;
}
