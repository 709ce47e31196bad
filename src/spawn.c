/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One launch: from the caller's arguments to a running program.
 *
 * Everything that can be refused without a child is refused before there is
 * one, in the proposal's order: structure, fd, ids, arguments, identity. The
 * fast path makes four system calls: ids (2), statx of the path, clone3. It
 * takes the record at the fd's number and lets the child compare that with the
 * file. Only if they do not match does the parent look closely at the fd.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/filter.h>

#include "action.h"
#include "args.h"
#include "check.h"
#include "clone.h"
#include "identity.h"
#include "spawn.h"
#include "warm/warm.h"

#define SPAWN_FLAGS                                                          \
	(SPAWN_TEMPLATE_SPAWN_INHERIT_FDS | SPAWN_TEMPLATE_SPAWN_SETPGROUP | \
	 SPAWN_TEMPLATE_SPAWN_SETSID | SPAWN_TEMPLATE_SPAWN_INTO_CGROUP |    \
	 SPAWN_TEMPLATE_SPAWN_UMASK | SPAWN_TEMPLATE_SPAWN_SETUID |          \
	 SPAWN_TEMPLATE_SPAWN_SETGID | SPAWN_TEMPLATE_SPAWN_SETGROUPS |      \
	 SPAWN_TEMPLATE_SPAWN_NICE | SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |     \
	 SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT |                              \
	 SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE)
#define SANDBOX_FLAGS \
	(SPAWN_TEMPLATE_SPAWN_LANDLOCK | SPAWN_TEMPLATE_SPAWN_SECCOMP)

static const size_t spawn_versions[] = {
	SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0,
	SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1,
	SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2,
};
#define N_SPAWN_VERSIONS 3

/* The flags that each version may have. */
static const uint64_t flags_known[N_SPAWN_VERSIONS] = {
	SPAWN_TEMPLATE_SPAWN_INHERIT_FDS,
	SPAWN_FLAGS,
	SPAWN_FLAGS | SANDBOX_FLAGS,
};

#define ST_NO_SUCH_FLAG (1ULL << 63)
#define GROUPS_MAX 65536 /* the kernel's NGROUPS_MAX */
#define FILTER_MAX 4096 /* the kernel's BPF_MAXINSNS */
#define RETRIES 64 /* while others refresh the template */
#define FAILURE_MOST 4096 /* bytes that a caller may have for one */

_Static_assert(sizeof(struct spawn_template_spawn_args) ==
		       SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2,
	       "spawn args");
_Static_assert(sizeof(struct spawn_template_failure) ==
		       SPAWN_TEMPLATE_FAILURE_SIZE_VER0,
	       "failure");
_Static_assert(sizeof(struct spawn_template_action) == 24, "action");

/* ---- arguments */

static bool sandbox_ok(const struct spawn_template_spawn_args *a)
{
	const struct sock_fprog *filter = st_pointer(a->seccomp);

	if ((a->flags & SPAWN_TEMPLATE_SPAWN_LANDLOCK) && a->landlock_fd < 0)
		return false;
	return !(a->flags & SPAWN_TEMPLATE_SPAWN_SECCOMP) ||
	       (filter && filter->filter && filter->len &&
		filter->len <= FILTER_MAX);
}

static bool attributes_ok(const struct spawn_template_spawn_args *a)
{
	uint64_t f = a->flags;

	if ((f & SPAWN_TEMPLATE_SPAWN_SETPGROUP) && a->pgroup < 0)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP) && a->cgroup_fd < 0)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_UMASK) && a->umask > 0777)
		return false;
	/* -1 would mean "unchanged" to setresuid(2) */
	if ((f & SPAWN_TEMPLATE_SPAWN_SETUID) && a->uid == UINT32_MAX)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_SETGID) && a->gid == UINT32_MAX)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_NICE) && (a->nice < -20 || a->nice > 19))
		return false;
	if (f & SPAWN_TEMPLATE_SPAWN_SETGROUPS)
		return a->n_groups <= GROUPS_MAX && (a->groups || !a->n_groups);
	return true;
}

/**
 * st_spawn_args - take the caller's arguments of a launch
 * @args: filled in, to the present version @from, @size: the caller's
 *
 * Return: 0; -EINVAL, -E2BIG. It does not judge the arguments, except flags for
 * which @size is too small.
 */
int st_spawn_args(struct spawn_template_spawn_args *args, const void *from,
		  size_t size)
{
	int version = st_args_copy(args, from, size, spawn_versions,
				   N_SPAWN_VERSIONS);

	if (version < 0)
		return version;
	st_spawn_version(args, version);
	return 0;
}

/**
 * st_spawn_version - have a launch refuse flags that are too new for a version
 * @args: taken by st_spawn_args(), or out of a structure around them
 * @version: the caller's, 0 for the first
 *
 * The launch refuses them, and not this call, because the template comes first in
 * the order of errors.
 */
void st_spawn_version(struct spawn_template_spawn_args *args, int version)
{
	if (args->flags & ~flags_known[version])
		args->flags |= ST_NO_SUCH_FLAG;
}

static bool all_zero(const uint64_t *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i])
			return false;
	return true;
}

/* Tells whether a failure may have that size; 0: that of the first version. */
bool st_failure_size_ok(size_t size)
{
	return !size || (size >= SPAWN_TEMPLATE_FAILURE_SIZE_VER0 &&
			 size <= FAILURE_MOST);
}

/*
 * Checks the form of the arguments, but for the actions: see st_action_plan().
 */
static bool args_ok(const struct spawn_template_spawn_args *a)
{
	if (a->flags & ~(SPAWN_FLAGS | SANDBOX_FLAGS))
		return false;
	if (!all_zero(a->reserved, 4) || !all_zero(a->reserved2, 14) ||
	    !st_failure_size_ok(a->failure_size))
		return false;
	return a->argv && *(char **)(uintptr_t)a->argv && attributes_ok(a) &&
	       sandbox_ok(a);
}

/* Return: 0; -EINVAL or -E2BIG for arguments that no launch accepts. */
int st_spawn_check(const struct spawn_template_spawn_args *args)
{
	struct st_plan plan;

	if (!args_ok(args))
		return -EINVAL;
	return st_action_plan(args, 0, -1, &plan);
}

/* ---- one try */

/*
 * Tells whether an error is the guard's: exec gave it, for a guarded template.
 */
static bool is_the_guards(const struct st_record *rec,
			  const struct st_report *report)
{
	return rec->guard.id && report->stage == SPAWN_TEMPLATE_STAGE_EXEC &&
	       report->by_exec;
}

/* Counts the result of a launch; ret is its answer. */
static void count_launch(struct st_record *rec, pid_t ret,
			 const struct st_report *report)
{
	struct st_counters *c = rec->counters;
	_Atomic uint64_t *counter = &c->failed;
	uint32_t fallbacks = report->fallbacks;

	if (ret > 0)
		counter = report->warm ? &c->warm : &c->cold;
	else if (ret == -ESTALE)
		counter = &c->stale;
	else if (ret == -EACCES && is_the_guards(rec, report))
		counter = &c->refused;
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	for (int i = 0; fallbacks; i++, fallbacks >>= 1)
		if (fallbacks & 1)
			atomic_fetch_add(&c->fallbacks[i], 1);
}

/*
 * Takes the record to launch from, with a reference: the one at the number if
 * the ids are its creator's, else the one that a close look finds.
 */
static int take_record(int tfd, struct st_record **rec)
{
	struct spawn_template_key now;
	struct st_ids ids;
	struct st_record *r = st_table_get(tfd);

	if (r && st_ids_get(&ids) == 0 && st_ids_equal(&ids, &r->ids)) {
		*rec = r;
		return 0;
	}
	st_record_put(r);
	return st_template_find(tfd, rec, &now);
}

/* Judges the arguments after the fd: a wrong fd is reported first. */
static int plan_launch(int tfd, const struct st_spawn *spawn,
		       struct st_plan *plan)
{
	const struct spawn_template_spawn_args *args = &spawn->args;
	struct spawn_template_key now;
	struct st_record *rec;
	int ret, fd_ret;

	ret = -EINVAL;
	if (args_ok(args))
		ret = st_action_plan(args, spawn->n_own, tfd, plan);
	if (ret == 0)
		return 0;
	fd_ret = st_template_find(tfd, &rec, &now);
	if (fd_ret < 0)
		return fd_ret;
	st_record_put(rec);
	return ret;
}

/*
 * Sets the mark for the guard's programs; they do not check an exec without it.
 */
static int set_mark(struct st_launch *l, const struct st_record *rec)
{
	int ret = st_guard_check(&rec->guard, rec->flags);

	if (ret == 0 && st_guard_state(&rec->guard) != ST_GUARD_GONE)
		l->mark = (struct st_mark){
			.magic = ST_MARK_MAGIC,
			.id = rec->guard.id,
		};
	return ret;
}

/* The guard sees every change of a file whose word is fresh, so ctime tells nothing. */
static uint64_t another_ctime(struct st_record *rec)
{
	if (rec->guard.id && st_guard_state(&rec->guard) == ST_GUARD_FRESH)
		return ST_ANY_CTIME;
	return atomic_load_explicit(&rec->another_ctime, memory_order_relaxed);
}

/*
 * Fills in a launch, all but its child.
 * Return: 0, or the error that forbids it, with the stage in the report.
 */
static int fill_launch(struct st_launch *l, int tfd,
		       const struct st_spawn *spawn, const struct st_plan *plan,
		       struct st_record *rec, struct st_report *report)
{
	const struct spawn_template_spawn_args *args = &spawn->args;

	*l = (struct st_launch){
		.args = args,
		.actions = (const void *)(uintptr_t)args->actions,
		.n_actions = (uint32_t)args->actions_len,
		.plan = *plan,
		.tfd = tfd,
		.key = &rec->key,
		.another_ctime =
			report->any_ctime ? ST_ANY_CTIME : another_ctime(rec),
		.exec_path = rec->exec_path,
		.by_path = rec->by_path_reason != 0,
		.masked = spawn->masked,
		.mask = spawn->mask,
		.batch = spawn->batch,
		.close_now = spawn->close_now,
		.outlives = spawn->outlives,
		.watch = spawn->watch,
		.told = spawn->told,
		.keeper = spawn->keeper,
		.warm = rec->warm,
		.report = report,
	};
	report->stage = SPAWN_TEMPLATE_STAGE_ARGS;
	if (rec->guard.id) {
		int ret = set_mark(l, rec);

		if (ret < 0)
			return ret;
	}
	if (rec->exec_path &&
	    st_path_check(rec->exec_path, &rec->key, l->another_ctime) < 0) {
		/* a template of an fd is not bound to the file's old path */
		if (rec->path || st_record_needs_path(rec))
			return -ESTALE;
		l->exec_path = NULL;
		l->by_path = false;
	}
	if (args->flags & SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT || l->told)
		l->parent = getpid();
	return 0;
}

static pid_t launch_child(int tfd, const struct st_spawn *spawn,
			  const struct st_plan *plan, struct st_record *rec,
			  struct st_report *report, struct st_launch *l)
{
	pid_t pid = fill_launch(l, tfd, spawn, plan, rec, report);

	if (pid == 0 && rec->warm)
		pid = st_warm_arguments(rec->warm, l);
	if (pid < 0)
		return pid;
	if (spawn->clone) {
		pid = spawn->clone(l);
		if (pid > 0)
			return pid; /* the child may still need the block */
	} else if (rec->warm) {
		pid = st_warm_launch(rec->warm, l);
	}
	if (pid == 0)
		pid = st_clone_launch(l);
	/* processes that wait count for the limit, too: not worse than without */
	if (pid == -EAGAIN && report->stage == SPAWN_TEMPLATE_STAGE_CLONE &&
	    !spawn->clone && st_warm_make_room(spawn->args.flags))
		pid = st_clone_launch(l);
	if (l->block) /* a plain launch makes no call for memory */
		free(l->block);
	l->block = NULL;
	return pid;
}

/* ---- repeated until it succeeds or certainly fails */

/*
 * Checks the template once more. A template that exec found stale may look
 * fresh here, if the guard has forgotten it while file and word are unchanged.
 * Then the record is marked, so that no later check finds it fresh.
 */
static int check_again(int tfd, struct st_record *rec, bool by_exec,
		       struct st_record **found)
{
	uint32_t reason;
	int ret = st_template_check(tfd, found, &reason);

	if (ret < 0 || !by_exec || *found != rec)
		return ret;
	atomic_store(&rec->guard.refused, true);
	st_record_put(*found);
	*found = NULL;
	return st_template_check(tfd, found, &reason);
}

/* Does the file differ in nothing but ctime from the record that was made just now? */
static bool only_ctime_differs(int tfd, const struct st_record *rec)
{
	struct spawn_template_key now;

	return rec && st_key_of_fd(tfd, &now) == 0 &&
	       st_key_equal_but_ctime(&now, &rec->key);
}

/* Takes today's file. Where somebody moves its ctime all the time, that is enough. */
static int refresh(int tfd, struct st_record **found)
{
	uint32_t reason;
	int ret = spawn_template_refresh(tfd) < 0 ? -ESTALE : 0;

	if (ret == 0)
		ret = st_template_check(tfd, found, &reason);
	if (ret == -ESTALE && only_ctime_differs(tfd, *found))
		ret = 0;
	return ret;
}

/*
 * Looks closely after a record that did not match the file or the path, or that
 * exec refused.
 * Return: 0 to try again with *rec, which may be another one; else the answer.
 */
static int look_again(int tfd, struct st_record **rec, bool by_exec,
		      bool *refreshed)
{
	struct st_record *found = NULL;
	int ret = check_again(tfd, *rec, by_exec, &found);

	if (ret == -ESTALE && !*refreshed &&
	    (found->flags & SPAWN_TEMPLATE_CREATE_AUTO_REFRESH)) {
		*refreshed = true;
		st_record_put(found);
		found = NULL;
		ret = refresh(tfd, &found);
	}
	if (found) {
		st_record_put(*rec);
		*rec = found;
	}
	return ret;
}

/**
 * st_spawn_begin - launch, or with spawn->clone begin to
 * @tfd, @spawn: as for st_spawn()
 * @l: filled in; it points into @spawn and @report
 * @report: filled in
 * @rec: set on success to the record that it is launched from; @l needs it, too
 *
 * Return: pid, to be followed by st_spawn_end(); or -errno, and then nothing is
 * held and the failure is counted.
 */
pid_t st_spawn_begin(int tfd, const struct st_spawn *spawn, struct st_launch *l,
		     struct st_report *report, struct st_record **rec)
{
	bool refreshed = false, by_exec;
	struct st_plan plan;
	pid_t ret;

	*report = (struct st_report){ .stage = SPAWN_TEMPLATE_STAGE_ARGS };
	ret = take_record(tfd, rec);
	if (ret < 0)
		return ret;
	ret = plan_launch(tfd, spawn, &plan);
	if (ret < 0)
		goto out;
	for (int i = 0; i < RETRIES; i++) {
		ret = launch_child(tfd, spawn, &plan, *rec, report, l);
		if (ret > 0)
			return ret;
		by_exec = is_the_guards(*rec, report);
		if (ret != -ESTALE ||
		    (report->stage != SPAWN_TEMPLATE_STAGE_ARGS && !by_exec))
			break;
		ret = look_again(tfd, rec, by_exec, &refreshed);
		if (ret < 0 && ret != -ESTALE)
			report->stage = SPAWN_TEMPLATE_STAGE_ARGS;
		if (ret < 0)
			break;
		/* all else was compared just now, and is compared again */
		report->any_ctime = true;
		ret = -ESTALE; /* the answer if this was the last try */
	}
	/* a refusal without a child was counted where it was found */
	if (ret != -EACCES || report->stage != SPAWN_TEMPLATE_STAGE_ARGS)
		count_launch(*rec, ret, report);
out:
	st_record_put(*rec);
	return ret;
}

/**
 * st_spawn_end - count a launch that was begun, and give its record back
 * @rec, @report: of st_spawn_begin()
 * @ret: its result: a pid or -errno
 *
 * If exec found the template stale, and nobody launches again, the next launch
 * finds it stale, too, and may refresh it.
 */
void st_spawn_end(struct st_record *rec, pid_t ret,
		  const struct st_report *report)
{
	if (ret == -ESTALE && is_the_guards(rec, report))
		atomic_store(&rec->guard.refused, true);
	count_launch(rec, ret, report);
	st_record_put(rec);
}

/*
 * Fills in a failure. Failures of actions that the caller did not ask for count
 * as failures to make the child.
 */
void st_spawn_tell(struct spawn_template_failure *f, pid_t ret,
		   const struct st_report *report, uint32_t n_own)
{
	f->error = -ret;
	f->stage = report->stage;
	f->action = report->action;
	if (f->stage != SPAWN_TEMPLATE_STAGE_ACTION || !n_own)
		return;
	if (f->action >= n_own) {
		f->action -= n_own;
	} else {
		f->action = 0;
		f->stage = SPAWN_TEMPLATE_STAGE_CLONE;
	}
}

/**
 * st_spawn - launch
 * @tfd: the template
 * @spawn: the arguments; it may have n_own more actions than a caller may give
 * @pidfd: set on success
 * @failure: filled in on failure
 *
 * Return: as spawn_template_spawn().
 */
pid_t st_spawn(int tfd, const struct st_spawn *spawn, int *pidfd,
	       struct spawn_template_failure *failure)
{
	struct st_report report;
	struct st_record *rec;
	struct st_launch l;
	pid_t ret = st_spawn_begin(tfd, spawn, &l, &report, &rec);

	if (ret < 0) {
		st_spawn_tell(failure, ret, &report, spawn->n_own);
		return ret;
	}
	*pidfd = l.pidfd;
	if (spawn->warm)
		*spawn->warm = report.warm;
	st_spawn_end(rec, ret, &report);
	return ret;
}

/**
 * st_failure_give - fill in the caller's failure, if the caller has given one
 * @args: taken by st_spawn_args()
 * @failure: the failure
 *
 * The caller's bytes beyond the version that is known here become zero.
 */
void st_failure_give(const struct spawn_template_spawn_args *args,
		     const struct spawn_template_failure *failure)
{
	unsigned char *to = (unsigned char *)(uintptr_t)args->failure;
	uint32_t size = args->failure_size;

	if (!to || !st_failure_size_ok(size))
		return;
	memcpy(to, failure, sizeof(*failure));
	if (size > sizeof(*failure))
		memset(to + sizeof(*failure), 0, size - sizeof(*failure));
}

pid_t spawn_template_spawn(int tfd,
			   const struct spawn_template_spawn_args *uargs,
			   size_t size)
{
	struct spawn_template_failure failure;
	struct st_spawn spawn = { .batch = false };
	int *pidfd;
	pid_t ret;

	ret = st_spawn_args(&spawn.args, uargs, size);
	if (ret < 0)
		return ret;
	pidfd = (int *)(uintptr_t)spawn.args.pidfd;
	if (!pidfd) /* refused with other wrong arguments, after the fd */
		spawn.args.flags |= ST_NO_SUCH_FLAG;
	ret = st_spawn(tfd, &spawn, pidfd, &failure);
	if (ret < 0)
		st_failure_give(&spawn.args, &failure);
	return ret;
}
