/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child of a launch, from clone to exec.
 *
 * It runs in the caller's memory, on a stack of its own, while the caller's
 * other threads go on. The launching thread waits, or goes on as well, as in
 * begin.c. So the child uses raw system calls only, no libc, no thread-local
 * data, no writable static data, and does not return; the build checks that
 * this object refers to nothing outside. The child writes only to its stack, the
 * report and the place for its pid.
 *
 * No handler of the caller can run here: either clone3 has reset all handlers,
 * or all signals are blocked until just before exec (see clone.c). Where a core
 * dump would end the caller, the child has a handler of its own in its place.
 */
#include "child.h"
#include "child_steps.h"
#include "identity.h"
#include "shared/calls.h"

static _Noreturn void fail(const struct child *c, int error)
{
	c->report->error = error;
	sys_exit(127);
}

/* ---- an fd table of its own */

/*
 * Makes a fresh table that ends below cut. Copying a table of 10,000 fds takes
 * longer than the rest of a launch; sharing it first and leaving it with a cut
 * copies only the fds that are needed.
 */
static void leave_shared_table(const struct child *c)
{
	const struct st_launch *l = c->launch;
	int ret;

	ret = sys_close_range(l->cut, ~0U, CLOSE_RANGE_UNSHARE);
	if (ret < 0 && l->open_pidfd)
		ret = sys_call1(__NR_unshare, 0x400 /* CLONE_FILES */);
	if (ret < 0) {
		c->report->not_private = true;
		fail(c, ret);
	}
	/* the pidfd is for the parent, and no action may find it */
	if (l->pidfd >= 0 && (unsigned int)l->pidfd < l->cut)
		sys_close(l->pidfd);
}

/*
 * Opens the child's own pidfd, because clone cannot make one, in the table that
 * the child still shares with the parent. The child is alive, so the pid is its
 * own.
 */
static void open_own_pidfd(const struct child *c)
{
	int fd = sys_call2(__NR_pidfd_open, sys_call0(__NR_getpid), 0);

	must(c, fd);
	c->report->pidfd = fd;
	fell_back(c, SPAWN_TEMPLATE_FALLBACK_PIDFD);
}

/* Waits until the parent of a forked child has the child's pidfd; see fork.c. */
static void wait_for_parent(const struct st_launch *l)
{
	char go;
	int ret;

	sys_close(l->go_fd);
	do {
		ret = sys_call3(__NR_read, l->wait_fd, &go, 1);
	} while (ret == -EINTR);
	if (ret != 1)
		sys_exit(127);
}

static void make_table_private(const struct child *c)
{
	const struct st_launch *l = c->launch;

	stage(c, SPAWN_TEMPLATE_STAGE_CLONE);
	if (l->open_pidfd)
		open_own_pidfd(c);
	if (l->shared_files)
		leave_shared_table(c);
	if (l->open_pidfd)
		sys_close(c->report->pidfd);
}

/* ---- identity of the file */

/*
 * The deciding check. In the parent, another thread could give the number to
 * another file between check and use; the child's table is its own.
 */
static void check_identity(const struct child *c)
{
	struct spawn_template_key now;

	stage(c, SPAWN_TEMPLATE_STAGE_ARGS);
	must(c, st_key_of_fd(c->launch->tfd, &now));
	if (!st_key_fits(&now, c->launch->key, c->launch->another_ctime))
		fail(c, -ESTALE);
}

/*
 * Moves a needed fd out of the way of the actions: above all numbers that they
 * name or, if the limit on open files forbids that, to any number that none of
 * them names. Return: its new number.
 */
static int move_away(const struct child *c, int needed)
{
	const struct st_launch *l = c->launch;
	int from, fd = -EINVAL;

	/* above the highest number there is none */
	if (l->plan.highest < INT32_MAX)
		fd = sys_fcntl(needed, F_DUPFD_CLOEXEC, l->plan.highest + 1);
	if (fd == -EINVAL || fd == -EMFILE) {
		for (from = 0;; from = fd + 1) {
			fd = sys_fcntl(needed, F_DUPFD_CLOEXEC, from);
			if (fd < 0 || !st_launch_names(l, fd))
				break;
			sys_close(fd);
		}
	}
	must(c, fd);
	return fd;
}

static void move_needed(struct child *c)
{
	if (c->held >= 0 && c->launch->plan.collides)
		c->held = move_away(c, c->held);
	if (c->launch->plan.hits_ruleset)
		c->ruleset = move_away(c, c->ruleset);
}

/* ---- the sandbox */

/*
 * Enters the sandbox as the last step before exec, since it may forbid any of the
 * others. The domain and the filter are this task's alone: the caller, whose memory
 * it may share, has other credentials and no filter of it.
 */
static void enter_sandbox(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_LANDLOCK)) {
		c->report->action = SPAWN_TEMPLATE_ATTR_LANDLOCK;
		must(c, sys_call2(__NR_landlock_restrict_self, c->ruleset, 0));
	}
	if (has(c, SPAWN_TEMPLATE_SPAWN_SECCOMP)) {
		c->report->action = SPAWN_TEMPLATE_ATTR_SECCOMP;
		must(c, sys_call3(__NR_seccomp, 1 /* SET_MODE_FILTER */, 0,
				  st_pointer(args->seccomp)));
	}
	c->report->action = 0;
}

/* ---- signals */

#define SET(sig) (1ULL << ((sig)-1))
/* QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ and SYS */
#define CORE_SIGNALS                                                 \
	(SET(3) | SET(4) | SET(5) | SET(6) | SET(7) | SET(8) | SET(11) | \
	 SET(24) | SET(25) | SET(31))
#define CATCHER_FLAGS (0x4UL /* SA_SIGINFO */ | 0x04000000UL /* SA_RESTORER */)

/*
 * Ends the child in place of a core dump. The alternate stack is not used as
 * one: the kernel only tells its address, the third word of the context.
 */
static void end_child(int sig, void *info, void *const *context)
{
	const struct child *c = context[2];

	(void)sig;
	(void)info;
	fail(c, -ECHILD);
}

/*
 * Before Linux 5.16 a core dump ends every process that shares the memory, and
 * so the caller. All signals are blocked here, but they will not stay so until
 * the memory is left, and some cannot be held by that. An exec that succeeds
 * takes the handler away.
 */
static void catch_core_dumps(struct child *c)
{
	const struct {
		void *address;
		int flags;
		size_t size;
	} stack = { c, 0, 1UL << 16 };
	const uint64_t mine = c->launch->mask;
	/* handlers of the caller that are left must not run */
	const uint64_t mask =
		c->launch->reset_handlers ? mine | ~CORE_SIGNALS : mine;
	struct sys_sigaction old;

	if (sys_call2(__NR_sigaltstack, &stack, 0) < 0)
		return;
	c->caught = CORE_SIGNALS;
	c->catcher.handler = (unsigned long)end_child;
	c->catcher.restorer = (unsigned long)end_child; /* it does not return */
	c->catcher.flags = CATCHER_FLAGS;
	c->catcher.mask = ~0ULL;
	for (int sig = 1; sig <= SYS_NSIG; sig++) {
		if (!(CORE_SIGNALS & SET(sig)) ||
		    sys_sigaction(sig, &c->catcher, &old) < 0)
			continue;
		if (old.handler == SYS_SIG_IGN)
			sys_sigaction(sig, &old, 0);
	}
	sys_sigmask(&mask, 0);
}

/*
 * Resets the parent's handlers, if clone could not, before any signal is
 * unblocked.
 */
static void reset_handlers(const struct child *c)
{
	struct sys_sigaction act;

	for (int sig = 1; sig <= SYS_NSIG; sig++) {
		if (!blockable(sig) || sys_sigaction(sig, 0, &act) < 0)
			continue;
		if (act.handler == SYS_SIG_DFL || act.handler == SYS_SIG_IGN)
			continue;
		set_default(c, sig);
	}
}

/* ---- exec */

/* While in_exec is set, only exec itself can have ended the child. */
static int exec_fd(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;
	int ret;

	c->report->in_exec = true;
	ret = sys_execveat(c->held, "", st_pointer(args->argv),
			   st_pointer(args->envp), AT_EMPTY_PATH);
	c->report->in_exec = false;
	c->report->by_exec = true;
	return ret;
}

static int exec_name(const struct child *c, const char *path)
{
	const struct spawn_template_spawn_args *args = c->launch->args;
	int ret;

	c->report->in_exec = true;
	ret = sys_execve(path, st_pointer(args->argv), st_pointer(args->envp));
	c->report->in_exec = false;
	c->report->by_exec = true;
	return ret;
}

/*
 * Compares the path once more at the last moment, so that the time in which
 * somebody could put another file there is as short as possible.
 */
static int exec_path(const struct child *c)
{
	const struct st_launch *l = c->launch;
	struct spawn_template_key now;
	int ret = st_key_of_path(l->exec_path, &now);

	c->report->by_exec = false;
	if (ret < 0)
		return ret;
	if (!st_key_fits(&now, l->key, l->another_ctime))
		return -ESTALE;
	return exec_name(c, l->exec_path);
}

/* Executes a file without a path, and without execveat(2), through /proc. */
static int exec_proc_fd(const struct child *c)
{
	char link[32] = "/proc/self/fd/";
	char digits[12];
	int fd = c->held, n = 0, at = 14;

	do {
		digits[n++] = '0' + fd % 10;
		fd /= 10;
	} while (fd);
	while (n)
		link[at++] = digits[--n];
	link[at] = '\0';
	return exec_name(c, link);
}

/*
 * Tells whether execveat(2) itself is missing. A denial may also be the answer to
 * this file; without a file, the call answers EBADF if it is there.
 */
static bool lacks_execveat(const struct child *c, int ret)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	if (!st_call_is_missing(ST_CALL_EXECVEAT, ret) || ret == -EINVAL)
		return ret == -EINVAL;
	return sys_execveat(-1, "", st_pointer(args->argv),
			    st_pointer(args->envp), AT_EMPTY_PATH) != -EBADF;
}

static int exec_once(const struct child *c)
{
	const struct st_launch *l = c->launch;
	int ret;

	if (l->by_path)
		return exec_path(c);
	if (!lacks(c, ST_LACKS_EXECVEAT)) {
		ret = exec_fd(c);
		/* its interpreter would open /dev/fd/N; or there is none */
		if (ret == -ENOENT && l->exec_path)
			c->report->needs_path = true;
		else if (!lacks_execveat(c, ret))
			return ret;
	}
	fell_back(c, SPAWN_TEMPLATE_FALLBACK_PATH);
	return l->exec_path ? exec_path(c) : exec_proc_fd(c);
}

/*
 * Closes now the fds that exec would close: this child may hold a copy of a
 * writer's fd for the file that it is about to execute.
 */
static void close_early(const struct child *c)
{
	int spare[OWN_MOST];
	const struct fds fds = {
		.first = 3,
		.last = ~0U,
		.spare = spare,
		.n_spare = list_own(c, spare),
		.how = FDS_CLOSE_CLOEXEC,
	};

	if (has(c, SPAWN_TEMPLATE_SPAWN_INHERIT_FDS))
		fds_by_proc(&fds);
	else
		close_spared(c);
}

/*
 * Executes the file. A file that was just written answers ETXTBSY as long as
 * any process has it open for writing. That may be a child of another thread
 * that is about to exec, or this child, if it has a copy of the writer's fd. So
 * it closes for real, then tries again for a bounded time.
 */
static _Noreturn void exec_file(const struct child *c)
{
	int ret;

	for (unsigned int ms = 1;; ms *= 2) {
		stage(c, SPAWN_TEMPLATE_STAGE_EXEC);
		ret = exec_once(c);
		if (ret != -ETXTBSY || ms > 32)
			break;
		fell_back(c, SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY);
		if (ms == 1)
			close_early(c);
		sys_sleep_ms(ms);
	}
	fail(c, ret);
}

/*
 * Tells the pid to the one that ends this child when the parent has ended. If the parent
 * has ended before, nobody may have seen the pid: then the child ends by itself.
 */
static void tell_pid(const struct st_launch *l)
{
	*l->told = sys_call0(__NR_getpid);
	if (sys_call0(__NR_getppid) != l->parent)
		sys_exit(127);
}

void st_child(void *launch)
{
	const struct st_launch *l = launch;
	struct child c = {
		.launch = l,
		.report = l->report,
		.held = l->by_path ? -1 : l->tfd,
		.ruleset = l->args->flags & SPAWN_TEMPLATE_SPAWN_LANDLOCK
				   ? l->args->landlock_fd
				   : -1,
	};

	if (l->reset_handlers)
		c.report->pid = sys_call0(__NR_getpid);
	if (l->told)
		tell_pid(l);
	c.report->runs = true;
	if (l->wait_fd)
		wait_for_parent(l);
	if (l->catch_cores)
		catch_core_dumps(&c);
	make_table_private(&c);
	check_identity(&c);
	move_needed(&c);
	set_scheduler(&c);
	set_session(&c);
	each_action(&c, do_action);
	if (!has(&c, SPAWN_TEMPLATE_SPAWN_INHERIT_FDS))
		close_default(&c);
	if (l->plan.keeps)
		each_action(&c, keep_fd);
	set_umask_and_nice(&c);
	if (l->plan.limits)
		each_action(&c, set_limit);
	set_ids(&c);
	if (l->reset_handlers)
		reset_handlers(&c);
	reset_sigpipe(&c);
	set_mask(&c);
	set_parent_death(&c);
	enter_sandbox(&c);
	exec_file(&c);
}

/*
 * Asks whether exec would be allowed (AT_EXECVE_CHECK, Linux 6.14). A child
 * asks, because the kernel marks the fs of the asking process as in exec for a
 * moment, in which another thread of that process could not start a thread.
 */
void st_child_exec_check(void *exec_check)
{
	struct st_exec_check *check = exec_check;
	char name[1] = "";
	char *argv[2] = { name, 0 };
	char *envp[1] = { 0 };

	int ret = sys_execveat(check->fd, "", argv, envp,
			       AT_EMPTY_PATH | AT_EXECVE_CHECK);

	/* a denial may be the answer to this file, or to every call */
	if (ret != -EINVAL && st_call_is_missing(ST_CALL_EXECVEAT, ret) &&
	    sys_execveat(-1, "", argv, envp, AT_EMPTY_PATH | AT_EXECVE_CHECK) !=
		    -EBADF)
		ret = -ENOSYS;
	check->ret = ret;
	sys_exit(0);
}
