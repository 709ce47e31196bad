/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides whether the process that listens at a socket may be the guard's
 * daemon: root may, and at a path that the caller has named, so may the
 * caller's own user.
 *
 * A user namespace may have no number for the root user outside. The kernel
 * then reports a number that stands for all users without one, and that the
 * namespace normally does not use itself. At the default path this number is
 * taken for root, if the directory, too, belongs to such a user and nobody else
 * may write to it: outside, only root makes that directory, and inside, nobody
 * can make one that belongs to such a user. If the namespace has given the
 * number to a user of its own, as containers with 65536 users do, root cannot
 * be recognised, and nobody is trusted.
 *
 * The system calls are raw, because libc's would be cancellation points.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/peer.h"
#include "sys.h"

/* ---- the caller's user namespace */

/* A line of uid_map(5): first number inside, first number outside, count. */
struct line {
	uint64_t n[3];
	unsigned int at;
	bool in_number;
};

/* Takes the next character. Return: true if it ends a line that has this id. */
static bool take_character(struct line *l, char c, uint32_t uid)
{
	bool has;

	if (c >= '0' && c <= '9') {
		if (l->at < 3)
			l->n[l->at] = l->n[l->at] * 10 + (uint64_t)(c - '0');
		l->in_number = true;
		return false;
	}
	l->at += l->in_number;
	l->in_number = false;
	if (c != '\n')
		return false;
	has = uid >= l->n[0] && uid - l->n[0] < l->n[2];
	*l = (struct line){ .at = 0 };
	return has;
}

/* Tells whether the namespace maps the user id; true if that is unknown. */
static bool is_mapped(uint32_t uid)
{
	int fd = sys_openat(AT_FDCWD, "/proc/self/uid_map",
			    O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	struct line line = { .at = 0 };
	bool found = fd < 0;
	char text[512];
	int n = 0;

	while (!found) {
		n = sys_call3(__NR_read, fd, text, sizeof(text));
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			found |= take_character(&line, text[i], uid);
	}
	if (fd >= 0)
		sys_close(fd);
	return found || n < 0;
}

/* ---- the directory */

/*
 * Tells whether the directory belongs to a user that the namespace does not
 * map, and only that user may write to it.
 */
static bool is_from_outside(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct statx stx;
	char dir[128];

	if (!slash || (size_t)(slash - path) >= sizeof(dir))
		return false;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return sys_statx(AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW,
			 STATX_TYPE | STATX_MODE | STATX_UID, &stx) == 0 &&
	       S_ISDIR(stx.stx_mode) && !(stx.stx_mode & (S_IWGRP | S_IWOTH)) &&
	       !is_mapped(stx.stx_uid);
}

/**
 * st_guard_check_peer - decide whether the listener may be the guard
 * @fd: connected
 * @path: the path of the socket
 * @is_named: the path is the caller's, not the default
 *
 * Return: 0; -EACCES: it may not; or another error.
 */
int st_guard_check_peer(int fd, const char *path, bool is_named)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int ret = sys_call5(__NR_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer,
			    &len);

	if (ret < 0)
		return ret;
	if (peer.uid == 0 || (is_named && peer.uid == geteuid()))
		return 0;
	if (!is_named && !is_mapped(peer.uid) && is_from_outside(path))
		return 0;
	return -EACCES;
}
