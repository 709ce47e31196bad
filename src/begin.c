/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches without waiting, unlike vfork(2): the child shares this memory
 * without CLONE_VFORK, on a stack of its own, and all that it reads stays until
 * it has left. Two signs show that it has. The write end of a pipe, whose only
 * copy the child has, closes at exec or exit, so that the read end can be
 * polled; and before that the kernel zeroes a word, which is the sign that
 * decides.
 *
 * A launch that needs more than the plain case, or fails in any way, is not
 * tried again here: the caller launches once more, waits, and so learns the
 * reason.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/futex.h>

#include "begin.h"
#include "epoch.h"
#include "shared/clock.h"
#include "sys.h"

#define LOOK_AGAIN (10 * ST_MS)

/*
 * Tells whether the launch belongs to this process. In a forked child it is the
 * parent's, and there is nothing to wait for.
 */
static bool is_mine(const struct st_begin *p)
{
	return p->epoch && p->epoch == st_epoch_current();
}

static bool is_dead(int pidfd)
{
	struct pollfd entry = { .fd = pidfd, .events = POLLIN };

	return poll(&entry, 1, 0) > 0;
}

/*
 * Waits until the child has left this memory, as it has if done reads as ended.
 * Old kernels do not zero the word if the child dumps core: then its pidfd
 * tells.
 */
static void wait_left(struct st_begin *p)
{
	const struct sys_timespec again = { 0, LOOK_AGAIN };
	uint32_t *tid = &p->launch.mark.tid, seen;

	/* not a private futex, because the kernel's wake is not private */
	while ((seen = __atomic_load_n(tid, __ATOMIC_ACQUIRE)) &&
	       !is_dead(p->launch.pidfd))
		sys_call4(__NR_futex, tid, FUTEX_WAIT, seen, &again);
}

/*
 * Frees what the launch holds. A forked child closes nothing: the inherited
 * numbers may be other files by now.
 */
static void let_go(struct st_begin *p)
{
	st_stack_give(&p->stack);
	st_record_put(p->rec);
	if (is_mine(p))
		sys_close(p->done);
}

/**
 * st_begin_launch - begin to launch
 * @p: filled in; it must stay where it is until st_begin_wait() or
 *     st_begin_drop(), one of which must follow
 * @tfd: the template
 * @args: to the present version; the memory they point to must not change
 *
 * Return: 0; -ENOSYS if the launch has to be waited for; -errno. After an error
 * nothing is left, and a launch that waits finds the error, if it still exists.
 */
int st_begin_launch(struct st_begin *p, int tfd,
		    const struct spawn_template_spawn_args *args)
{
	int pipe[2], ret;

	*p = (struct st_begin){ .spawn.args = *args };
	ret = st_spawn_prepare(tfd, &p->spawn, &p->launch, &p->report, &p->rec);
	if (ret < 0)
		return ret;
	ret = st_stack_take(&p->stack);
	if (ret < 0)
		goto no_stack;
	ret = sys_call2(__NR_pipe2, pipe, O_CLOEXEC);
	if (ret < 0)
		goto no_pipe;
	p->done = pipe[0];
	p->epoch = st_epoch_current();
	ret = p->pid = st_clone_begin(&p->launch, &p->stack);
	sys_close(pipe[1]);
	if (ret > 0)
		return 0;
	sys_close(p->done);
no_pipe:
	st_stack_give(&p->stack);
no_stack:
	st_record_put(p->rec);
	return ret;
}

/**
 * st_begin_wait - wait for the end of a launch, and learn its result
 * @p: begun; it is over afterwards
 * @pidfd: set on success
 * @failure: filled in on failure
 *
 * A launch that failed is not counted, since the caller makes another.
 *
 * Return: pid or -errno, as spawn_template_spawn(); -ESRCH in a forked child.
 */
pid_t st_begin_wait(struct st_begin *p, int *pidfd,
		    struct spawn_template_failure *failure)
{
	pid_t ret = -ESRCH;

	if (is_mine(p)) {
		wait_left(p);
		ret = st_clone_end(&p->launch, p->pid);
	}
	if (ret > 0) {
		*pidfd = p->launch.pidfd;
		st_spawn_count(p->rec, ret, &p->report);
	} else {
		failure->error = -ret;
		failure->stage = p->report.stage;
		failure->action = p->report.action;
	}
	let_go(p);
	return ret;
}

/*
 * Kills the child, whether it has reached exec or not.
 * Return: 0; -errno: it lives on.
 */
int st_begin_kill(struct st_begin *p)
{
	if (!is_mine(p))
		return -ESRCH;
	return sys_call4(__NR_pidfd_send_signal, p->launch.pidfd, SIGKILL, 0,
			 0);
}

/*
 * Ends a launch that nobody wants any more, and the program if it has begun. A
 * program that may not be signalled, because it has other ids since exec, is
 * not waited for.
 */
void st_begin_drop(struct st_begin *p)
{
	struct spawn_template_failure failure;
	bool is_killed = st_begin_kill(p) != -EPERM;
	int pidfd;

	if (st_begin_wait(p, &pidfd, &failure) < 0)
		return;
	/* if it was killed in exec, it may have no exit signal yet */
	while (is_killed && sys_call5(__NR_waitid, P_PIDFD, pidfd, NULL,
				      WEXITED | __WALL, NULL) == -EINTR)
		;
	sys_close(pidfd);
}
