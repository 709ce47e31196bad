/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "run/spill.h"
#include "sys.h"

/* Takes a copy of the caller's fd, above those that the child gets. */
static int take_fd(struct st_spill *spill, int fd)
{
	spill->fd = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return spill->fd < 0 ? spill->fd : 0;
}

/**
 * st_spill_open - take the caller's file or directory
 * @out, @err: none yet; @err NULL: there is one stream
 * @fd: the caller's
 *
 * Return: 0; -ENOTDIR for a file for two streams, -EINVAL for neither a regular file
 * nor a directory; or as fcntl(2). st_spill_close() is still due.
 */
int st_spill_open(struct st_spill *out, struct st_spill *err, int fd)
{
	struct stat st;
	int ret = take_fd(out, fd);

	if (ret < 0)
		return ret;
	if (fstat(out->fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return err ? -ENOTDIR : 0;
	if (!S_ISDIR(st.st_mode))
		return -EINVAL;
	out->name = "out";
	if (!err)
		return 0;
	err->name = "err";
	return take_fd(err, fd);
}

/* Makes the file in the directory, and lets the directory go. */
static int make_file(struct st_spill *spill)
{
	int fd = sys_openat(
		spill->fd, spill->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fd;
	sys_close(spill->fd);
	spill->fd = fd;
	spill->name = NULL;
	return 0;
}

static void write_all(struct st_spill *spill, const char *bytes, size_t n)
{
	while (n && !spill->failed) {
		ssize_t done = sys_call3(__NR_write, spill->fd, bytes, n);

		if (done == -EINTR)
			continue;
		if (done <= 0) {
			spill->failed = true;
			return;
		}
		bytes += done;
		n -= (size_t)done;
	}
}

/**
 * st_spill_write - write bytes that exceed the bound
 * @spill: if its fd is -1, the call does nothing
 * @before, @len: the bytes before, which the first call writes, too
 * @bytes, @n: the bytes
 *
 * The caller's thread has SIGXFSZ blocked.
 */
void st_spill_write(struct st_spill *spill, const char *before, size_t len,
		    const char *bytes, size_t n)
{
	if (spill->fd < 0 || spill->failed)
		return;
	if (!spill->begun) {
		spill->begun = true;
		spill->failed = spill->name && make_file(spill) < 0;
		write_all(spill, before, len);
	}
	write_all(spill, bytes, n);
}

void st_spill_close(struct st_spill *spill)
{
	sys_close_own(&spill->fd);
}
