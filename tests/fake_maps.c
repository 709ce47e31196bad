/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of the fake loader: look-ups, registrations, sweeps.
 */
#include "fake_loader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* ---- look-ups */

int fake_index(const struct loader *l, uint64_t id)
{
	for (int i = 0; id && i < TEMPLATES_MAX; i++)
		if (l->maps->ids[i] == id)
			return i;
	return -1;
}

static struct fake_exec *find_exec(const struct loader *l,
				   const struct exec_key *key)
{
	for (int i = 0; i < EXEC_CACHE_MAX; i++) {
		struct fake_exec *e = &l->maps->execs[i];

		if (e->used && !memcmp(&e->key, key, sizeof(*key)))
			return e;
	}
	return NULL;
}

int loader_template(const struct loader *l, uint64_t id,
		    struct template_entry *entry)
{
	int i = fake_index(l, id);

	if (i < 0)
		return -ENOENT;
	*entry = l->maps->templates[i];
	return 0;
}

int loader_executable(const struct loader *l, const struct exec_key *key,
		      struct exec_entry *entry)
{
	const struct fake_exec *e = find_exec(l, key);

	if (!e)
		return -ENOENT;
	*entry = e->entry;
	return 0;
}

int loader_next(const struct loader *l, uint64_t *id)
{
	int i = *id ? fake_index(l, *id) + 1 : 0;

	for (; i < TEMPLATES_MAX; i++) {
		if (l->maps->ids[i]) {
			*id = l->maps->ids[i];
			return 0;
		}
	}
	return -ENOENT;
}

unsigned int loader_executables(const struct loader *l)
{
	unsigned int n = (unsigned int)fake_number("FAKE_LOADER_EXECUTABLES");

	for (int i = 0; i < EXEC_CACHE_MAX; i++)
		n += l->maps->execs[i].used;
	return n;
}

int loader_words_fd(const struct loader *l)
{
	return l->words_fd;
}

unsigned int loader_words(const struct loader *l)
{
	(void)l;
	return EXEC_CACHE_MAX;
}

int loader_events_fd(const struct loader *l)
{
	return l->epoll_fd;
}

uint64_t loader_events_lost(const struct loader *l)
{
	return l->maps->events_lost;
}

void loader_totals(const struct loader *l, struct loader_totals *totals)
{
	*totals = l->maps->totals;
}

/* ---- registering */

static int key_of(int fd, struct exec_key *key, struct exec_identity *identity)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (!(st.st_mode & 0111))
		return -EACCES;
	memset(key, 0, sizeof(*key));
	key->ino = st.st_ino;
	key->dev = major(st.st_dev) << 20 | minor(st.st_dev);
	*identity = (struct exec_identity){
		.size = (uint64_t)st.st_size,
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.ctime_nsec = (uint32_t)st.st_ctim.tv_nsec,
		.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
		.ctime_sec = st.st_ctim.tv_sec,
		.mtime_sec = st.st_mtim.tv_sec,
	};
	return 0;
}

void fake_set_state(struct loader *l, struct fake_exec *e, uint32_t state,
		    uint32_t why)
{
	e->entry.state = state;
	e->entry.why = why;
	__atomic_store_n(&l->maps->words[e->entry.slot],
			 EXEC_STATE_WORD(e->entry.generation, state),
			 __ATOMIC_SEQ_CST);
}

static struct fake_exec *add_exec(struct loader *l, const struct exec_key *key)
{
	for (int i = 0; i < EXEC_CACHE_MAX; i++) {
		struct fake_exec *e = &l->maps->execs[i];

		if (e->used)
			continue;
		memset(e, 0, sizeof(*e));
		e->used = 1;
		e->key = *key;
		e->entry.slot = (uint32_t)i;
		return e;
	}
	return NULL;
}

/* The entry of the file, under a new generation if the file has changed. */
static int renew_exec(struct loader *l, int fd, const struct exec_key *key,
		      const struct exec_identity *identity,
		      struct fake_exec **exec)
{
	struct fake_exec *e = find_exec(l, key);
	char path[64];
	struct statfs fs;

	if (!e)
		e = add_exec(l, key);
	if (!e)
		return -ENOSPC;
	if (e->entry.state != EXEC_FRESH ||
	    memcmp(&e->entry.identity, identity, sizeof(*identity))) {
		e->entry.identity = *identity;
		e->entry.generation = ++l->maps->last_generation;
		if (!fstatfs(fd, &fs))
			e->entry.fs_magic = (uint32_t)fs.f_type;
		fake_set_state(l, e, EXEC_FRESH, WHY_NONE);
	}
	if (!e->watch) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		e->watch = inotify_add_watch(l->inotify_fd, path,
					     IN_MODIFY | IN_ATTRIB |
						     IN_CLOSE_WRITE);
	}
	*exec = e;
	return 0;
}

int loader_register(struct loader *l, int fd, struct template_entry *entry,
		    uint64_t *id, struct exec_entry *exec)
{
	struct exec_identity identity;
	struct fake_exec *e = NULL;
	int i, ret = -fake_number("FAKE_LOADER_REGISTER");

	if (!ret && entry->flags & TEMPLATE_DENY_WRITE)
		ret = -fake_number("FAKE_LOADER_DENY_WRITE");
	if (!ret)
		ret = key_of(fd, &entry->exec, &identity);
	for (i = 0; i < TEMPLATES_MAX && l->maps->ids[i]; i++)
		;
	if (!ret && i == TEMPLATES_MAX)
		ret = -ENOSPC;
	if (!ret)
		ret = renew_exec(l, fd, &entry->exec, &identity, &e);
	if (ret < 0)
		return ret;
	/* only the kernel could check the opener, and that it is the first time */
	entry->creds.uid = entry->creds.euid;
	entry->exec_generation = e->entry.generation;
	entry->created_ns = fake_boot_ns();
	entry->state = TEMPLATE_LIVE;
	e->entry.refs++;
	e->entry.denies += entry->flags & TEMPLATE_DENY_WRITE;
	*id = ++l->maps->last_id;
	l->maps->templates[i] = *entry;
	l->maps->ids[i] = *id;
	*exec = e->entry;
	return 0;
}

void fake_close_template(struct loader *l, int i)
{
	struct template_entry *t = &l->maps->templates[i];
	struct fake_exec *e = find_exec(l, &t->exec);

	if (t->state != TEMPLATE_LIVE)
		return;
	t->state = TEMPLATE_CLOSED;
	if (e) {
		e->entry.refs--;
		e->entry.denies -= t->flags & TEMPLATE_DENY_WRITE;
	}
}

int loader_release(struct loader *l, uint64_t id, struct template_entry *last)
{
	int i = fake_index(l, id);

	if (i < 0)
		return -ENOENT;
	fake_close_template(l, i);
	if (l->maps->templates[i].running > 0)
		return -EBUSY;
	l->maps->ids[i] = 0;
	if (last)
		*last = l->maps->templates[i];
	return 0;
}

void loader_sweep(struct loader *l, bool all,
		  void (*over)(uint64_t id, const struct template_entry *entry,
			       void *arg),
		  void *arg)
{
	for (int i = 0; i < TEMPLATES_MAX; i++) {
		const struct template_entry *t = &l->maps->templates[i];

		if (!l->maps->ids[i] || t->state != TEMPLATE_CLOSED ||
		    (!all && t->running > 0))
			continue;
		if (over)
			over(l->maps->ids[i], t, arg);
		l->maps->ids[i] = 0;
	}
	for (int i = 0; i < EXEC_CACHE_MAX; i++) {
		struct fake_exec *e = &l->maps->execs[i];

		if (!e->used || e->entry.refs > 0)
			continue;
		if (e->watch)
			inotify_rm_watch(l->inotify_fd, e->watch);
		l->maps->words[e->entry.slot] = 0;
		e->used = 0;
	}
}
