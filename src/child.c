/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child of a launch, from clone to exec.
 *
 * It runs in the caller's memory, on a stack of its own, while the caller's other
 * threads go on, and the one that launches waits or, as pending.c has it, goes on
 * as well. So: raw system calls only, no libc, no thread-local data, no writable
 * static data, no return; the build checks that this object refers to nothing
 * outside. It writes to nothing but its stack and the report.
 *
 * No handler of the caller can run here: what it handles was reset by clone3,
 * or all signals are blocked until just before exec (see clone.c).
 */
#include <linux/prctl.h>
#include <asm/ioctls.h>

#include "child_fds.h"
#include "identity.h"
#include "launch.h"
#include "sys.h"

struct child {
	const struct st_launch *launch;
	struct st_report *report;
	int held;		/* executed by fd; -1: executed by path */
};

static inline const void *pointer(uint64_t value)
{
	return (const void *)(uintptr_t)value;
}

static inline bool has(const struct child *c, uint64_t flag)
{
	return c->launch->args->flags & flag;
}

static inline bool lacks(const struct child *c, uint32_t what)
{
	return c->launch->lacks & what;
}

static inline void fell_back(const struct child *c, int what)
{
	c->report->fallbacks |= 1U << what;
}

static _Noreturn void fail(const struct child *c, int error)
{
	c->report->error = error;
	sys_exit(127);
}

/* Enters a stage: what fails from here on is told as failing there. */
static inline void stage(const struct child *c, uint32_t name)
{
	c->report->stage = name;
}

static inline void must(const struct child *c, int ret)
{
	if (ret < 0)
		fail(c, ret);
}

/* ---- an fd table of its own */

/*
 * A fresh table that ends below cut. Copying a table of 10,000 fds takes longer
 * than the rest of a launch; sharing it first and leaving it with a cut copies
 * only what is needed.
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
 * Where clone cannot make a pidfd, the child opens its own, in the table that
 * it still shares with the parent: it is alive then, so the pid is its own.
 */
static void open_own_pidfd(const struct child *c)
{
	int fd = sys_call2(__NR_pidfd_open, sys_call0(__NR_getpid), 0);

	must(c, fd);
	c->report->pidfd = fd;
	fell_back(c, SPAWN_TEMPLATE_FALLBACK_PIDFD);
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

/* ---- which file */

/*
 * The deciding check. In the parent, another thread could give the number to
 * another file between check and use; the child's table is its own.
 */
static void check_identity(const struct child *c)
{
	struct spawn_template_key now;

	stage(c, SPAWN_TEMPLATE_STAGE_ARGS);
	must(c, st_key_of_fd(c->launch->tfd, &now));
	if (!st_key_equal(&now, c->launch->key))
		fail(c, -ESTALE);
}

static bool is_named(const struct st_launch *l, int fd)
{
	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].fd == fd || l->actions[i].newfd == fd)
			return true;
	return false;
}

/*
 * Moves the held fd out of the way of the actions: above all numbers that they
 * name or, where the limit on open files does not allow that, to any number
 * that none of them names.
 */
static void move_held(struct child *c)
{
	const struct st_launch *l = c->launch;
	int from = l->plan.highest + 1;
	int fd = sys_fcntl(c->held, F_DUPFD_CLOEXEC, from);

	if (fd == -EINVAL || fd == -EMFILE) {
		for (from = 0;; from = fd + 1) {
			fd = sys_fcntl(c->held, F_DUPFD_CLOEXEC, from);
			if (fd < 0 || !is_named(l, fd))
				break;
			sys_close(fd);
		}
	}
	must(c, fd);
	c->held = fd;
}

/* ---- actions */

/*
 * close_range(2) around the held fd. Close-on-exec does not hinder exec by fd;
 * the table is the child's own already, so UNSHARE needs no other way.
 */
static int do_close_range(const struct child *c,
			  const struct spawn_template_action *a)
{
	const bool cloexec = a->flags & CLOSE_RANGE_CLOEXEC;
	const struct fds fds = {
		.first = a->fd,
		.last = a->newfd,
		.spare = &c->held,
		.n_spare = c->held >= 0 && !cloexec,
		.how = cloexec ? FDS_SET_CLOEXEC : FDS_CLOSE,
	};
	int way = SPAWN_TEMPLATE_FALLBACK_PROC_FD;
	int ret;

	if (cloexec)
		ret = sys_close_range(fds.first, fds.last, a->flags);
	else
		ret = fds_close_ranges(&fds);
	if (ret == -EINVAL && cloexec)
		way = SPAWN_TEMPLATE_FALLBACK_RANGES;
	else if (ret != -ENOSYS && ret != -EPERM)
		return ret;
	fell_back(c, way);
	return fds_by_proc(&fds);
}

static int do_dup2(const struct spawn_template_action *a)
{
	int ret;

	if (a->fd == a->newfd)
		ret = sys_fcntl(a->fd, F_GETFD, 0);
	else
		ret = sys_dup3(a->fd, a->newfd, a->flags);
	return ret < 0 ? ret : 0;
}

static int do_open(const struct spawn_template_action *a)
{
	const struct spawn_template_open *o = pointer(a->arg);
	const char *path = pointer(o->path);
	int fd, ret;

	fd = sys_openat2(a->fd, path, &o->how);
	/* a sandbox may not know openat2; openat does what needs no resolve */
	if ((fd == -ENOSYS || fd == -EPERM) && !o->how.resolve)
		fd = sys_openat(a->fd, path, (int)o->how.flags,
				(int)o->how.mode);
	if (fd < 0 || fd == a->newfd)
		return fd < 0 ? fd : 0;
	ret = sys_dup3(fd, a->newfd, (int)(o->how.flags & O_CLOEXEC));
	sys_close(fd);
	return ret < 0 ? ret : 0;
}

static inline bool blockable(int sig)
{
	return sig != 9 /* SIGKILL */ && sig != 19 /* SIGSTOP */;
}

static int do_sigdefault(uint64_t set)
{
	struct sys_sigaction act = { .handler = SYS_SIG_DFL };

	for (int sig = 1; sig <= SYS_NSIG; sig++) {
		int ret = 0;

		if ((set >> (sig - 1) & 1) && blockable(sig))
			ret = sys_sigaction(sig, &act, 0);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static uint64_t action_sigset(const struct spawn_template_action *a)
{
	const struct spawn_template_sigset *s = pointer(a->arg);

	return *(const uint64_t *)pointer(s->sigset);
}

/* KEEP, RLIMIT and SIGMASK have their time later. */
static int do_action(const struct child *c,
		     const struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_CLOSE:
		return sys_close(a->fd);
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return do_dup2(a);
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
		return sys_call1(__NR_fchdir, a->fd);
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return do_open(a);
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return do_close_range(c, a);
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return do_sigdefault(action_sigset(a));
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return sys_call1(__NR_chdir, pointer(a->arg));
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		return sys_call3(__NR_ioctl, a->fd, TIOCSCTTY, 0);
	default:
		return 0;
	}
}

static int keep_fd(const struct child *c, const struct spawn_template_action *a)
{
	(void)c;
	if (a->type != SPAWN_TEMPLATE_ACTION_KEEP)
		return 0;
	return sys_fcntl(a->fd, F_SETFD, 0);
}

static int set_limit(const struct child *c,
		     const struct spawn_template_action *a)
{
	(void)c;
	if (a->type != SPAWN_TEMPLATE_ACTION_RLIMIT)
		return 0;
	return sys_call4(__NR_prlimit64, 0, a->fd, pointer(a->arg), 0);
}

/* Runs one step over all actions, in order; what fails is told by its index. */
static void each_action(const struct child *c,
			int (*step)(const struct child *,
				    const struct spawn_template_action *))
{
	const struct st_launch *l = c->launch;

	stage(c, SPAWN_TEMPLATE_STAGE_ACTION);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		c->report->action = i;
		must(c, step(c, &l->actions[i]));
	}
	c->report->action = 0;
}

/* ---- the default close */

/* Puts what must stay open, in ascending order, into spare. */
static int list_spared(const struct child *c, int *spare)
{
	const struct st_launch *l = c->launch;
	int n = 0;

	if (c->held > 2)
		spare[n++] = c->held;
	for (uint32_t i = 0; i < l->n_actions; i++) {
		int fd = l->actions[i].fd, at = n;

		if (l->actions[i].type != SPAWN_TEMPLATE_ACTION_KEEP || fd < 3)
			continue;
		for (; at > 0 && spare[at - 1] > fd; at--)
			spare[at] = spare[at - 1];
		spare[at] = fd;
		n++;
	}
	return n;
}

/*
 * Closes for real, sparing what is held and kept. Return: the fallback that did
 * it, or -errno.
 */
static int close_spared(const struct child *c)
{
	int spare[SPAWN_TEMPLATE_ACTIONS_MAX + 1];
	const struct fds fds = {
		.first = 3,
		.last = ~0U,
		.spare = spare,
		.n_spare = list_spared(c, spare),
		.how = FDS_CLOSE,
	};
	int way = SPAWN_TEMPLATE_FALLBACK_RANGES;
	int ret = -ENOSYS;

	if (!lacks(c, ST_LACKS_CLOSE_RANGE))
		ret = fds_close_ranges(&fds);
	if (ret == -ENOSYS || ret == -EPERM) {
		way = SPAWN_TEMPLATE_FALLBACK_PROC_FD;
		ret = fds_by_proc(&fds);
	}
	/* the template may have been made without CREATE_CLOEXEC */
	if (ret == 0 && c->held > 2)
		ret = sys_fcntl(c->held, F_SETFD, FD_CLOEXEC);
	return ret < 0 ? ret : way;
}

/*
 * Closes now what exec would close: of a file that is to be executed, this child
 * may hold a copy of a writer's fd.
 */
static void close_early(const struct child *c)
{
	const struct fds fds = {
		.first = 3,
		.last = ~0U,
		.spare = &c->held,
		.n_spare = c->held >= 0,
		.how = FDS_CLOSE_CLOEXEC,
	};

	if (has(c, SPAWN_TEMPLATE_SPAWN_INHERIT_FDS))
		fds_by_proc(&fds);
	else
		close_spared(c);
}

/*
 * Everything above 2 closes at exec, or is closed here: where other runs have
 * pipes among it, of which they wait for the end, an exec that takes long, from a
 * slow disk say, must not hold them.
 */
static void close_default(const struct child *c)
{
	int ret = -ENOSYS;

	stage(c, SPAWN_TEMPLATE_STAGE_CLOSE);
	if (c->launch->close_now && !lacks(c, ST_LACKS_CLOSE_RANGE)) {
		ret = close_spared(c);
		if (ret == SPAWN_TEMPLATE_FALLBACK_RANGES)
			return;
	}
	if (!lacks(c, ST_LACKS_CLOEXEC_RANGE | ST_LACKS_CLOSE_RANGE))
		ret = sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (ret == -ENOSYS || ret == -EPERM || ret == -EINVAL) {
		ret = close_spared(c);
		if (ret >= 0)
			fell_back(c, ret);
	}
	must(c, ret);
}

/* ---- attributes */

/*
 * A launching thread gives way to those that ask it to launch; a program not,
 * unless a sandbox that came later has it so.
 */
static void set_scheduler(const struct child *c)
{
	const int priority = 0;

	if (c->launch->batch)
		sys_call3(__NR_sched_setscheduler, 0, 0 /* SCHED_OTHER */,
			  &priority);
}

static void set_session(const struct child *c)
{
	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETSID))
		must(c, sys_call0(__NR_setsid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETPGROUP))
		must(c, sys_call2(__NR_setpgid, 0, c->launch->args->pgroup));
}

static void set_umask_and_nice(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_UMASK))
		sys_call1(__NR_umask, args->umask);
	if (has(c, SPAWN_TEMPLATE_SPAWN_NICE))
		must(c, sys_call3(__NR_setpriority, 0, 0, args->nice));
}

static void set_ids(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETGROUPS))
		must(c, sys_call2(__NR_setgroups, args->n_groups,
				  pointer(args->groups)));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETGID))
		must(c, sys_call3(__NR_setresgid, args->gid, args->gid,
				  args->gid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETUID))
		must(c, sys_call3(__NR_setresuid, args->uid, args->uid,
				  args->uid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS))
		must(c, sys_call5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/*
 * Last, because a change of credentials clears it. A parent that was gone
 * before sends nothing; then this child must not start.
 */
static void set_parent_death(const struct child *c)
{
	if (!has(c, SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT))
		return;
	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	must(c, sys_call5(__NR_prctl, PR_SET_PDEATHSIG, 9, 0, 0, 0));
	if (sys_call0(__NR_getppid) != c->launch->parent)
		fail(c, -ESRCH);
}

/* ---- signals */

/*
 * Without CLONE_CLEAR_SIGHAND, what the parent handles is reset here, before
 * any signal is let in.
 */
static void reset_handlers(void)
{
	struct sys_sigaction act;

	for (int sig = 1; sig <= SYS_NSIG; sig++) {
		if (!blockable(sig) || sys_sigaction(sig, 0, &act) < 0)
			continue;
		if (act.handler == SYS_SIG_DFL || act.handler == SYS_SIG_IGN)
			continue;
		act = (struct sys_sigaction){ .handler = SYS_SIG_DFL };
		sys_sigaction(sig, &act, 0);
	}
}

/*
 * Python and Node ignore SIGPIPE, and an ignored signal stays ignored over
 * exec: `head` would leave its writer running.
 */
static void reset_sigpipe(const struct child *c)
{
	struct sys_sigaction act = { .handler = SYS_SIG_DFL };

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (!has(c, SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE))
		must(c, sys_sigaction(13, &act, 0));
}

/* The mask of the last SIGMASK action; else the caller's, which is inherited. */
static void set_mask(const struct child *c)
{
	const struct st_launch *l = c->launch;
	bool changed = l->masked;
	uint64_t mask = l->mask;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		if (l->actions[i].type != SPAWN_TEMPLATE_ACTION_SIGMASK)
			continue;
		mask = action_sigset(&l->actions[i]);
		changed = true;
		stage(c, SPAWN_TEMPLATE_STAGE_ACTION);
		c->report->action = i;
	}
	if (changed)
		must(c, sys_sigmask(&mask, 0));
	c->report->action = 0;
}

/* ---- exec */

/* While in_exec is set, only exec itself can have ended the child. */
static int exec_fd(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;
	int ret;

	c->report->in_exec = true;
	ret = sys_execveat(c->held, "", pointer(args->argv),
			   pointer(args->envp), AT_EMPTY_PATH);
	c->report->in_exec = false;
	c->report->by_exec = true;
	return ret;
}

static int exec_name(const struct child *c, const char *path)
{
	const struct spawn_template_spawn_args *args = c->launch->args;
	int ret;

	c->report->in_exec = true;
	ret = sys_execve(path, pointer(args->argv), pointer(args->envp));
	c->report->in_exec = false;
	c->report->by_exec = true;
	return ret;
}

/*
 * The path is looked at once more at the last moment, so that the time in which
 * somebody could put another file there is as short as it gets.
 */
static int exec_path(const struct child *c)
{
	const struct st_launch *l = c->launch;
	struct spawn_template_key now;
	int ret = st_key_of_path(l->exec_path, &now);

	c->report->by_exec = false;
	if (ret < 0)
		return ret;
	if (!st_key_equal(&now, l->key))
		return -ESTALE;
	return exec_name(c, l->exec_path);
}

/* A file without a path, without execveat(2): /proc leads to it. */
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

static int exec_once(const struct child *c)
{
	const struct st_launch *l = c->launch;
	int ret = -ENOSYS;

	if (l->by_path)
		return exec_path(c);
	if (!lacks(c, ST_LACKS_EXECVEAT))
		ret = exec_fd(c);
	if (ret != -ENOSYS && ret != -EPERM && ret != -EINVAL)
		return ret;
	fell_back(c, SPAWN_TEMPLATE_FALLBACK_PATH);
	return l->exec_path ? exec_path(c) : exec_proc_fd(c);
}

/*
 * A file that was just written answers ETXTBSY as long as any process has it
 * open for writing, also a child of another thread that is about to exec, and
 * also this one if it has a copy of the writer's fd: so close for real, then
 * try again for a bounded time.
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

void st_child(void *launch)
{
	const struct st_launch *l = launch;
	struct child c = {
		.launch = l,
		.report = l->report,
		.held = l->by_path ? -1 : l->tfd,
	};

	c.report->runs = true;
	make_table_private(&c);
	check_identity(&c);
	if (c.held >= 0 && l->plan.collides)
		move_held(&c);
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
		reset_handlers();
	reset_sigpipe(&c);
	set_mask(&c);
	set_parent_death(&c);
	exec_file(&c);
}

/*
 * Asks whether exec would be allowed (AT_EXECVE_CHECK, Linux 6.14). A child
 * asks, because the question marks the asker's fs as in exec for a moment, in
 * which another thread of the same process could not start a thread.
 */
void st_child_exec_check(void *exec_check)
{
	struct st_exec_check *check = exec_check;
	char name[1] = "";
	char *argv[2] = { name, 0 };
	char *envp[1] = { 0 };

	check->ret = sys_execveat(check->fd, "", argv, envp,
				  AT_EMPTY_PATH | AT_EXECVE_CHECK);
	sys_exit(0);
}
