/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closes ranges of fds in the child, with and without close_range(2). It is
 * part of child.c and follows its rules: raw system calls only, and no writes
 * but to the stack. The table that changes is the child's own.
 */
#ifndef ST_CHILD_FDS_H
#define ST_CHILD_FDS_H

#include "dents.h"
#include "sys.h"

/*
 * A user whose code must stay in one piece defines CHILD_FN to inline it all.
 */
#ifndef CHILD_FN
#define CHILD_FN static inline
#endif

/* The fds to treat, and the way. spare is in ascending order. */
struct fds {
	unsigned int first, last;
	const int *spare;
	int n_spare;
	enum { FDS_CLOSE, FDS_SET_CLOEXEC, FDS_CLOSE_CLOEXEC } how;
};

CHILD_FN int fds_close_ranges(const struct fds *fds)
{
	unsigned int first = fds->first;
	int ret = 0;

	for (int i = 0; i < fds->n_spare && ret == 0; i++) {
		unsigned int spare = fds->spare[i];

		if (spare < first || spare > fds->last)
			continue;
		if (spare > first)
			ret = sys_close_range(first, spare - 1, 0);
		first = spare + 1;
	}
	if (ret < 0 || first > fds->last)
		return ret;
	return sys_close_range(first, fds->last, 0);
}

CHILD_FN bool fds_spared(const struct fds *fds, int fd)
{
	if ((unsigned int)fd < fds->first || (unsigned int)fd > fds->last)
		return true;
	for (int i = 0; i < fds->n_spare; i++)
		if (fds->spare[i] == fd)
			return true;
	return false;
}

CHILD_FN void fds_treat(const struct fds *fds, int fd)
{
	if (fds->how == FDS_SET_CLOEXEC)
		sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
	else if (fds->how == FDS_CLOSE || sys_fcntl(fd, F_GETFD, 0) > 0)
		sys_close(fd);
}

#ifdef CHILD_WITHOUT_PROC

CHILD_FN int fds_by_proc(const struct fds *fds)
{
	(void)fds;
	return -ENOSYS;
}

#else

/*
 * Treats the fds one by one, as /proc lists them. A close during the listing
 * skips no other fd: the directory's position is the fd number.
 */
CHILD_FN int fds_by_proc(const struct fds *fds)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct st_dent *e;
	struct st_dents dents;
	int dir;

	dir = sys_openat(AT_FDCWD, "/proc/self/fd",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return dir;
	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while ((e = st_dents_next(&dents))) {
		int fd = st_dent_number(e);

		if (fd >= 0 && fd != dir && !fds_spared(fds, fd))
			fds_treat(fds, fd);
	}
	sys_close(dir);
	return dents.got;
}

#endif

#endif
