/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the files open that each warm launch reads, because opening a file of
 * /proc costs more than reading it. The descriptors belong to a thread, end
 * with it, and are close-on-exec.
 *
 * A host may close descriptors that it does not know. So a number is used, or
 * closed, only while the file behind it has the recorded inode.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "sys.h"
#include "epoch.h"
#include "warm/self.h"

struct held {
	int fd;			/* -1: not open */
	uint64_t ino;
};

struct self {
	uint64_t epoch; /* the owner's: see epoch.h */
	struct held file[ST_SELF_FILES];
	struct held links;	/* /proc/thread-self/ns */
	struct st_self_spaces spaces;
};

static const char *const names[ST_SELF_FILES] = {
	[ST_SELF_STATUS] = "/proc/thread-self/status",
	[ST_SELF_CGROUP] = "/proc/thread-self/cgroup",
	[ST_SELF_LABEL] = "/proc/thread-self/attr/current",
	[ST_SELF_EXEC_LABEL] = "/proc/thread-self/attr/exec",
	[ST_SELF_OOM] = "/proc/thread-self/oom_score_adj",
	[ST_SELF_CORE] = "/proc/self/coredump_filter",
};

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
static __thread struct self *mine;

/* ---- one descriptor */

static int inode_of(int fd, uint64_t *ino)
{
	struct statx stx;
	int ret = sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stx);

	*ino = stx.stx_ino;
	return ret;
}

static bool is_ours(const struct held *h)
{
	uint64_t ino;

	return h->fd >= 0 && inode_of(h->fd, &ino) == 0 && ino == h->ino;
}

static int hold(struct held *h, const char *path, int flags)
{
	int ret;

	if (is_ours(h))
		return 0;
	h->fd = -1;
	ret = st_own_raise(sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0));
	if (ret < 0)
		return ret;
	h->fd = ret;
	return inode_of(h->fd, &h->ino);
}

static void let_go(struct held *h)
{
	if (is_ours(h))
		sys_close(h->fd);
	h->fd = -1;
}

/* ---- state of a thread */

static void thread_ends(void *arg)
{
	struct self *self = arg;

	mine = NULL;
	for (int i = 0; i < ST_SELF_FILES; i++)
		let_go(&self->file[i]);
	let_go(&self->links);
	free(self);
}

static void make_key(void)
{
	key_made = pthread_key_create(&key, thread_ends) == 0;
}

static struct self *self_get(void)
{
	struct self *self = mine;
	uint64_t epoch = st_epoch_current();

	if (!self) {
		pthread_once(&key_once, make_key);
		self = key_made ? calloc(1, sizeof(*self)) : NULL;
		if (!self || pthread_setspecific(key, self) != 0) {
			free(self);
			return NULL;
		}
		mine = self;
	}
	if (self->epoch != epoch) {
		/* new, or a parent's, whose descriptors are left alone */
		for (int i = 0; i < ST_SELF_FILES; i++)
			self->file[i].fd = -1;
		self->links.fd = -1;
		self->spaces.lasting = false;
		self->epoch = epoch;
	}
	return self;
}

/* Return: bytes, with a NUL behind the last; or -errno. */
int st_self_read(enum st_self_file file, char *to, int size)
{
	struct self *self = self_get();
	int ret;

	if (!self)
		return -ENOMEM;
	ret = hold(&self->file[file], names[file], O_RDONLY);
	if (ret < 0)
		return ret;
	do {
		ret = sys_call4(__NR_pread64, self->file[file].fd, to, size - 1,
				0);
	} while (ret == -EINTR);
	to[ret > 0 ? ret : 0] = '\0';
	return ret == size - 1 ? -E2BIG : ret;
}

/*
 * Opens /proc/thread-self/ns, which has a link for each namespace.
 * Return: the thread's descriptor for it, or -errno.
 */
int st_self_links(void)
{
	struct self *self = self_get();
	int ret;

	if (!self)
		return -ENOMEM;
	ret = hold(&self->links, "/proc/thread-self/ns",
		   O_RDONLY | O_DIRECTORY);
	return ret < 0 ? ret : self->links.fd;
}

/* Return: where the thread keeps them; NULL if memory is short. */
struct st_self_spaces *st_self_spaces(void)
{
	struct self *self = self_get();

	return self ? &self->spaces : NULL;
}
