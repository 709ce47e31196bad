/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells a cgroup directory's maker by the directory's name, and removes directories
 * whose makers were killed.
 *
 * A process is known by its pid and its start time, in clock ticks since boot. Both
 * numbers depend on namespaces, so the name has the namespaces, too. This process
 * cannot find a process of another pid or time namespace, so such directories stay.
 * A directory whose maker is not known for certain to have ended stays as well.
 *
 * A sweep kills nothing: without a supervisor, a tree outlives its caller. But a
 * caller that was killed while its tree was frozen cannot thaw the tree any more, so
 * the sweep does.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dents.h"
#include "epoch.h"
#include "shared/clock.h"
#include "shared/process/process.h"
#include "sys.h"
#include "tree/owner.h"
#include "tree/walk.h"

#define PREFIX "spawn-template."

/* The most directories that one sweep removes, so that no run waits for long. */
#define SWEEP_MOST 256

static const struct walk_names names = WALK_NAMES;

/* A supervised home has the directories of its runs below it. */
#define SWEEP_DEPTH 1

/* start is 0 where it cannot be told: /proc is missing, or another namespace's. */
struct owner {
	pid_t pid;
	uint64_t start;
	uint64_t spaces;	/* the numbers of pid and time namespace */
};

/* ---- this process */

static uint64_t number_of_file(const char *path)
{
	struct statx stx;

	/* before Linux 5.6 there are no time namespaces */
	return sys_statx(AT_FDCWD, path, 0, STATX_INO, &stx) ? 0 : stx.stx_ino;
}

static struct owner read_self(void)
{
	struct owner self = { .pid = (pid_t)sys_call0(__NR_getpid) };
	struct st_process process;

	if (st_process_check_proc() < 0 ||
	    st_process_read(self.pid, &process) < 0)
		return self;
	self.start = process.start;
	self.spaces = number_of_file("/proc/self/ns/pid") << 32 |
		      (number_of_file("/proc/self/ns/time") & UINT32_MAX);
	return self;
}

/* Reads what tells this process once; a forked child is in another epoch. */
static struct owner this_process(void)
{
	static _Atomic uint64_t known, start, spaces;
	uint64_t epoch = st_epoch_current();
	struct owner self;

	if (epoch && atomic_load(&known) == epoch)
		return (struct owner){ (pid_t)sys_call0(__NR_getpid),
				       atomic_load(&start),
				       atomic_load(&spaces) };
	self = read_self();
	if (epoch && self.start) {
		atomic_store(&start, self.start);
		atomic_store(&spaces, self.spaces);
		atomic_store(&known, epoch);
	}
	return self;
}

/**
 * st_owner_name - make a name for a cgroup directory of this process
 * @name: set, ST_CGROUP_NAME bytes; another one at each call
 */
void st_owner_name(char *name)
{
	static _Atomic uint64_t serial;
	const struct owner self = this_process();

	snprintf(name, ST_CGROUP_NAME, PREFIX "%d.%llu.%llx.%llu", self.pid,
		 (unsigned long long)self.start,
		 (unsigned long long)self.spaces,
		 (unsigned long long)atomic_fetch_add(&serial, 1));
}

/* ---- others */

/* Return: false for a name that this library does not give. */
static bool read_name(const char *name, struct owner *owner)
{
	unsigned long long start, spaces, serial;
	int end = 0;

	if (sscanf(name, PREFIX "%d.%llu.%llx.%llu%n", &owner->pid, &start,
		   &spaces, &serial, &end) != 4 ||
	    name[end] || owner->pid <= 0)
		return false;
	owner->start = start;
	owner->spaces = spaces;
	return true;
}

/* Tells whether a directory of this name was made for a run, or for several. */
bool st_owner_is_name(const char *name)
{
	struct owner owner;

	return read_name(name, &owner);
}

/* Tells whether a process has certainly ended. /proc may hide it while it lives. */
static bool owner_has_ended(const struct owner *owner)
{
	struct st_process process;

	if (sys_call2(__NR_kill, owner->pid, 0) == -ESRCH)
		return true;
	return st_process_read(owner->pid, &process) == 0 &&
	       (process.start != owner->start || st_process_is_dead(&process));
}

struct sweep {
	struct owner self;
	struct owner alive;	/* one that was just found to live */
	int left;		/* the limit that remains */
};

static bool is_same(const struct owner *a, const struct owner *b)
{
	return a->pid == b->pid && a->start == b->start &&
	       a->spaces == b->spaces;
}

static bool is_abandoned(struct sweep *s, const char *name)
{
	struct owner owner;

	if (!read_name(name, &owner) || !owner.start ||
	    owner.spaces != s->self.spaces || is_same(&owner, &s->self) ||
	    is_same(&owner, &s->alive))
		return false;
	if (owner_has_ended(&owner))
		return true;
	s->alive = owner;
	return false;
}

static bool is_this_users(int dir)
{
	struct statx stx;

	return sys_statx(dir, "", AT_EMPTY_PATH, STATX_UID, &stx) == 0 &&
	       stx.stx_uid == (uint32_t)sys_call0(__NR_geteuid);
}

static void sweep_below(struct sweep *s, int dir, int depth);

/* Thaws an abandoned directory, and removes it if nothing lives in it. */
static void sweep_one(struct sweep *s, int parent, const char *name, int depth)
{
	int dir = walk_open_dir(parent, name);

	if (dir < 0)
		return;
	if (is_this_users(dir)) {
		walk_thaw(dir, &names);
		if (walk_event(dir, &names, 'p') == 0) {
			walk_remove_below(dir, &names);
			sys_call3(__NR_unlinkat, parent, name, AT_REMOVEDIR);
			s->left--;
		} else if (depth > 0) {
			sweep_below(s, dir, depth - 1);
		}
	}
	sys_close(dir);
}

static void sweep_below(struct sweep *s, int dir, int depth)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct st_dent *e;
	struct st_dents dents;

	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while (s->left > 0 && (e = st_dents_next(&dents)))
		if (e->type == DT_DIR && is_abandoned(s, e->name))
			sweep_one(s, dir, e->name, depth);
}

/* Tells whether this process has swept the same place within the same second. */
static bool was_just_swept(int parent_fd)
{
	static _Atomic uint64_t last;
	uint64_t now = (uint64_t)(uint32_t)(parent_fd + 2) << 32 |
		       (uint32_t)(st_now() / (1000 * ST_MS));

	return atomic_exchange(&last, now) == now;
}

/**
 * st_owner_sweep - remove what callers of this user that were killed have left
 * @dir: a place of cgroups, opened for this call
 * @parent_fd: the caller's name for it; -1: none
 *
 * Whatever fails is left to the next sweep.
 */
void st_owner_sweep(int dir, int parent_fd)
{
	struct sweep s = { .left = SWEEP_MOST };

	if (was_just_swept(parent_fd))
		return;
	s.self = this_process();
	if (s.self.start)
		sweep_below(&s, dir, SWEEP_DEPTH);
}
