/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that the caller does not wait for: its thread goes on while the child
 * is on its way to exec, and so an event loop does not stand still.
 *
 * The child is the calling thread's own, as in any launch, and inherits that thread's
 * mask, priority, affinity and sandbox. A ring's launch, by another thread, cannot
 * give these.
 *
 * The child shares this memory, as with vfork(2), but nobody waits for it. So the
 * child reads only the handle and a copy of the arguments, and has a stack of its own,
 * until it has left this memory. Two things tell that it has left. The write end of a
 * pipe, of which the child has the only copy, closes at exec or exit, so that the read
 * end can be polled. Before that the kernel zeroes a word, which decides here.
 *
 * A prepared process that takes the launch shares no memory with the caller. It has the
 * end of the pipe among its descriptors, and closes it with its answer.
 *
 * A launch that changes ids, and any launch without clone3(2), is waited for after all.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/futex.h>

#include "copy.h"
#include "epoch.h"
#include "identity.h"
#include "no_fork.h"
#include "own.h"
#include "pidfd.h"
#include "shared/clock.h"
#include "spawn.h"
#include "sys.h"
#include "warm/warm.h"

#define LOOK_AGAIN (10 * ST_MS)
#define COPY_GUESS 8192

struct spawn_template_begin {
	struct st_spawn spawn;	/* its arguments lead into copy */
	void *copy;
	struct st_launch launch;
	struct st_report report;
	struct st_record *rec;
	struct st_stack stack;	/* base NULL: there is no child in this memory */
	struct st_warm_begun *prepared;	/* under way; or NULL */
	uint64_t epoch;		/* the owner's */
	pid_t pid;
	int done;		/* reads as ended once the child has left */
	struct st_own done_file;
};

static struct spawn_template_begin *of_launch(struct st_launch *launch)
{
	return (struct spawn_template_begin
			*)((char *)launch -
			   offsetof(struct spawn_template_begin, launch));
}

/*
 * Tells whether the launch is this process's. After fork(2) it is the parent's.
 */
static bool is_mine(const struct spawn_template_begin *b)
{
	return b->epoch && b->epoch == st_epoch_current();
}

/* ---- begun */

/*
 * Compares the file with the record. The child does that, too, but its answer
 * comes late: here a template can still be refreshed.
 */
static int check_file(const struct st_launch *l)
{
	struct spawn_template_key now;
	int ret = st_key_of_fd(l->tfd, &now);

	if (ret < 0)
		return ret;
	return st_key_fits(&now, l->key, l->another_ctime) ? 0 : -ESTALE;
}

static int clone_with_pipe(struct spawn_template_begin *b)
{
	int pipe[2], ret;

	st_no_fork_begin();
	ret = sys_call2(__NR_pipe2, pipe, O_CLOEXEC);
	if (ret == 0) {
		b->done = st_own_raise(pipe[0]);
		st_own_take(&b->done_file, b->done);
		ret = b->done < 0 ? b->done
				  : st_clone_begin(&b->launch, &b->stack);
		sys_close(pipe[1]);
	}
	st_no_fork_end();
	return ret;
}

/* Clones. Processes that wait make room if none is left: see launch_child(). */
static int clone_or_make_room(struct spawn_template_begin *b)
{
	int ret = clone_with_pipe(b);

	if (ret != -EAGAIN || !st_warm_make_room(b->launch.args->flags))
		return ret;
	sys_close_own(&b->done);
	return clone_with_pipe(b);
}

/* Launches from a process that waits. Return: as st_warm_begin(). */
static pid_t take_prepared(struct spawn_template_begin *b)
{
	struct st_launch *l = &b->launch;
	pid_t pid = st_warm_begin(l->warm, l, &b->done, &b->prepared);

	if (pid > 0)
		st_own_take(&b->done_file, b->done);
	return pid;
}

static pid_t clone_unwaited(struct st_launch *l)
{
	struct spawn_template_begin *b = of_launch(l);
	int ret = check_file(l);

	if (ret < 0)
		return ret;
	l->report->stage = SPAWN_TEMPLATE_STAGE_CLONE;
	b->done = -1;
	if (l->warm && (ret = take_prepared(b)) != 0)
		return ret;
	ret = st_stack_take(&b->stack);
	if (ret < 0)
		return ret;
	ret = clone_or_make_room(b);
	if (ret > 0)
		return ret;
	st_stack_give(&b->stack);
	b->stack.base = NULL;
	if (ret == -ENOSYS)
		ret = st_clone_launch(l);
	if (ret < 0 && b->done >= 0)
		sys_close(b->done);
	return ret;
}

static pid_t begin_launch(int tfd, struct spawn_template_begin *b)
{
	int ret = 0;

	/* malformed arguments are not copied, and are reported with the rest */
	if (st_spawn_check(&b->spawn.args) == 0)
		ret = st_copy_args(&b->spawn.args, NULL, 0, COPY_GUESS,
				   &b->copy);
	if (ret < 0) {
		b->report.stage = SPAWN_TEMPLATE_STAGE_CLONE;
		return ret;
	}
	b->spawn.clone = clone_unwaited;
	ret = st_spawn_begin(tfd, &b->spawn, &b->launch, &b->report, &b->rec);
	if (ret < 0)
		free(b->copy);
	return ret;
}

/* Fails as a launch without memory for its child does. */
static pid_t no_memory(const struct spawn_template_spawn_args *from,
		       size_t size)
{
	struct st_report report = { .stage = SPAWN_TEMPLATE_STAGE_CLONE };
	struct spawn_template_spawn_args args;
	struct spawn_template_failure failure;
	int ret = st_spawn_args(&args, from, size);

	if (ret < 0)
		return ret;
	st_spawn_tell(&failure, -ENOMEM, &report, 0);
	st_failure_give(&args, &failure);
	return -ENOMEM;
}

pid_t spawn_template_begin(int tfd,
			   const struct spawn_template_spawn_args *args,
			   size_t size, struct spawn_template_begin **begun)
{
	struct spawn_template_begin *b = calloc(1, sizeof(*b));
	struct spawn_template_failure failure;
	pid_t ret;

	if (!b)
		return no_memory(args, size);
	ret = st_spawn_args(&b->spawn.args, args, size);
	if (ret < 0)
		goto out;
	ret = begin_launch(tfd, b);
	if (ret < 0) {
		st_spawn_tell(&failure, ret, &b->report, 0);
		st_failure_give(&b->spawn.args, &failure);
		goto out;
	}
	b->epoch = st_epoch_current();
	b->pid = ret;
	*begun = b;
	return ret;
out:
	free(b);
	return ret;
}

int spawn_template_begin_fd(struct spawn_template_begin *b)
{
	return is_mine(b) ? b->done : -EACCES;
}

/* ---- over */

static bool is_dead(const struct spawn_template_begin *b)
{
	int pidfd = b->launch.pidfd;

	return st_pidfd_is(pidfd, b->pid) && !st_pidfd_alive(pidfd);
}

/* Opens the pidfd again if the host has closed it; -1: there is none any more. */
static void look_after_pidfd(struct spawn_template_begin *b)
{
	struct st_launch *l = &b->launch;

	if (st_pidfd_is(l->pidfd, b->pid))
		return;
	l->pidfd = sys_call2(__NR_pidfd_open, b->pid, 0);
	if (l->pidfd < 0)
		l->pidfd = -1;
}

/*
 * Waits until the child has left this memory. A child that dumps core leaves the
 * word as it is before Linux 5.16: then its pidfd tells.
 */
static void wait_left(struct spawn_template_begin *b)
{
	const struct sys_timespec again = { 0, LOOK_AGAIN };
	uint32_t *tid = &b->launch.mark.tid, seen;

	/* not a private futex: the kernel's wake is not one */
	while ((seen = __atomic_load_n(tid, __ATOMIC_ACQUIRE)) && !is_dead(b))
		sys_call4(__NR_futex, tid, FUTEX_WAIT, seen, &again);
}

static pid_t judge(struct spawn_template_begin *b)
{
	pid_t ret = b->pid;

	if (b->stack.base)
		wait_left(b);
	look_after_pidfd(b);
	if (b->prepared)
		ret = st_warm_end(b->launch.warm, b->prepared);
	b->prepared = NULL;
	if (ret < 0)
		return ret;
	return b->stack.base ? st_clone_end(&b->launch, b->pid) : b->pid;
}

/* Tells where it failed. A wrong size cannot be refused: the launch is over. */
static void tell(struct spawn_template_begin *b, pid_t ret, void *to,
		 size_t size)
{
	struct spawn_template_failure failure;

	if (!size || !st_failure_size_ok(size))
		return;
	st_spawn_tell(&failure, ret, &b->report, 0);
	b->spawn.args.failure = (uintptr_t)to;
	b->spawn.args.failure_size = (uint32_t)size;
	st_failure_give(&b->spawn.args, &failure);
}

static void free_launch(struct spawn_template_begin *b, pid_t ret)
{
	/* in a child of fork(2) the numbers may be other files' by now */
	if (is_mine(b)) {
		st_spawn_end(b->rec, ret, &b->report);
		st_own_close(&b->done_file, &b->done);
	} else {
		st_record_put(b->rec);
	}
	if (b->stack.base)
		st_stack_give(&b->stack);
	free(b->prepared);
	free(b->launch.block);
	free(b->copy);
	free(b);
}

pid_t spawn_template_begin_wait(struct spawn_template_begin *b, int *pidfd,
				struct spawn_template_failure *failure,
				size_t size)
{
	pid_t ret = -EACCES;

	if (is_mine(b))
		ret = judge(b);
	else
		b->report = (struct st_report){ .error = ret };
	if (ret < 0)
		tell(b, ret, failure, size);
	else if (pidfd)
		*pidfd = b->launch.pidfd;
	else
		sys_close_own(&b->launch.pidfd);
	free_launch(b, ret);
	return ret;
}

int spawn_template_begin_kill(struct spawn_template_begin *b)
{
	if (!is_mine(b))
		return -EACCES;
	look_after_pidfd(b);
	return st_pidfd_signal(b->launch.pidfd, b->pid, SIGKILL);
}

void spawn_template_begin_drop(struct spawn_template_begin *b)
{
	pid_t pid;
	bool killed;
	int pidfd;

	if (!b)
		return;
	pid = b->pid;
	killed = spawn_template_begin_kill(b) == 0;
	if (spawn_template_begin_wait(b, &pidfd, NULL, 0) < 0)
		return;
	/* killed in exec, it may have no exit signal yet */
	while (killed &&
	       st_pidfd_wait(pidfd, pid, NULL, WEXITED, NULL) == -EINTR)
		;
	sys_close_own(&pidfd);
}
