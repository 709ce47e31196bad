/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code in a parked process: it waits for a launch, takes its steps, and
 * goes on into the program.
 *
 * The parking helper copies the code into the process, beside one page with
 * struct warm_control. It runs with nothing else: no libc, no constant outside
 * of its section, no jump table (CHILD_CFLAGS prevents them, all functions are
 * inlined, and the build checks that the object consists of its one section).
 * All signals are blocked.
 *
 * A launch runs on the program's own stack, a gap below the image that it
 * receives there. The loop of WARM_FORK has another stack, which fork does not
 * copy, and never touches a request: so no page of the parked process is copied
 * on write for it.
 */
#include "warm/arch.h"

#if WARM_ARCH

#define INLINE static inline __attribute__((always_inline))
#define CHILD_FN INLINE
#define CHILD_WITHOUT_PROC
#define IN_SECTION __attribute__((section(WARM_STUB_CODE), flatten, noinline))

#include <signal.h>
#include <linux/sched.h>

#include "child_steps.h"
#include "warm/message.h"
#include "warm/stub.h"

#define FUTEX_WAKE_SHARED 1
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, since Linux 5.14 */
#define FD_MESSAGE_SIZE(n) (16 + 4 * (n))
#define RECEIVE_FLAGS 0x40000000 /* MSG_CMSG_CLOEXEC */

struct stub_iov {
	void *base;
	uint64_t len;
};

struct stub_message {
	void *name;
	uint32_t name_len, pad;
	struct stub_iov *iov;
	uint64_t n_iov;
	void *control;
	uint64_t control_len;
	uint32_t flags, pad2;
};

struct stub_control {
	uint64_t len;
	int32_t level, type;
	int32_t fd[WARM_FDS_MOST];
};

/* ---- the answer */

/*
 * Ends this launch for the caller: the slot may be another launch's from here on,
 * whose caller would merely look once more.
 * Return: whether the caller slept.
 */
INLINE bool tell_done(struct warm_slot *slot)
{
	__atomic_store_n(&slot->done, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&slot->sleeps, __ATOMIC_SEQ_CST))
		return false;
	sys_call3(__NR_futex, &slot->done, FUTEX_WAKE_SHARED, 1);
	return true;
}

INLINE struct warm_slot *slot_of_report(const struct child *c)
{
	return (struct warm_slot *)((char *)c->report -
				    __builtin_offsetof(struct warm_slot,
						       report));
}

_Noreturn INLINE void fail(const struct child *c, int error)
{
	c->report->error = error;
	tell_done(slot_of_report(c));
	sys_exit(127);
}

/*
 * Announces a process that waits for a launch. The process opens its own pidfd:
 * while it lives, its number cannot be another's.
 */
INLINE int announce(void)
{
	int pidfd = sys_call2(__NR_pidfd_open, sys_call0(__NR_getpid), 0);
	uint32_t pid = (uint32_t)sys_call0(__NR_getpid);
	struct stub_control control;
	struct stub_message m;
	struct stub_iov iov;
	int ret;

	if (pidfd < 0)
		return pidfd;
	iov.base = &pid;
	iov.len = sizeof(pid);
	control.len = FD_MESSAGE_SIZE(1);
	control.level = 1; /* SOL_SOCKET */
	control.type = 1; /* SCM_RIGHTS */
	control.fd[0] = pidfd;
	m.name = 0;
	m.name_len = 0;
	m.iov = &iov;
	m.n_iov = 1;
	m.control = &control;
	m.control_len = 24;
	m.flags = 0;
	ret = sys_call3(__NR_sendmsg, WARM_SOCKET, &m, 0x4000 /* NOSIGNAL */);
	sys_close(pidfd);
	return ret < 0 ? ret : 0;
}

/* ---- the request */

/*
 * Copies the pages that most programs write first, while there is time: later the
 * program would wait for it. A kernel that cannot do it leaves it to the program.
 */
INLINE void copy_ahead(const struct warm_control *z)
{
	for (int i = 0; i < WARM_AHEAD_MOST && z->ahead[i].len; i++)
		sys_call3(__NR_madvise, z->ahead[i].at, z->ahead[i].len,
			  POPULATE_WRITE);
}

/*
 * Tells whether the caller's sandbox is the same. A caller in a sandbox that
 * this process is not in cannot look into it, and goes cold itself. The other
 * way round this process finds out: it cannot look into the caller, and must
 * not be its child.
 */
INLINE bool is_as_free(uint32_t caller)
{
	uint64_t head, len;

	return sys_call3(__NR_get_robust_list, caller, &head, &len) >= 0;
}

/*
 * Receives descriptors and the number of a slot. Other processes read from this
 * socket, too, so one call has to take all of a message.
 * Return: the slot; the process ends if there is no request, or no longer.
 */
INLINE struct warm_slot *receive(const struct warm_control *z,
				 struct stub_control *control, uint32_t *n_fds)
{
	struct warm_shared *shared = (struct warm_shared *)z->shared;
	struct warm_message message;
	struct warm_slot *slot;
	struct stub_iov iov;
	struct stub_message m;
	uint32_t free = 0;
	long got;

	iov.base = &message;
	iov.len = sizeof(message);
	m.name = 0;
	m.name_len = 0;
	m.iov = &iov;
	m.n_iov = 1;
	m.control = control;
	m.control_len = sizeof(*control);
	m.flags = 0;
	got = sys_call3(__NR_recvmsg, WARM_SOCKET, &m,
			RECEIVE_FLAGS | 0x40 /* MSG_DONTWAIT */);
	if (got == -EAGAIN) {
		copy_ahead(z);
		got = sys_call3(__NR_recvmsg, WARM_SOCKET, &m, RECEIVE_FLAGS);
	}
	if (got != (long)sizeof(message) || message.magic != WARM_MAGIC ||
	    message.slot >= WARM_SLOTS ||
	    control->len != FD_MESSAGE_SIZE(message.n_fds))
		sys_exit(0);
	slot = &shared->slot[message.slot];
	slot->pid = (uint32_t)sys_call0(__NR_getpid);
	sys_call3(__NR_getcpu, &slot->cpu, 0, 0);
	/* told before the launch is taken: from then on it cannot become cold */
	slot->refused = !is_as_free(slot->req.caller);
	if (!__atomic_compare_exchange_n(&slot->taken, &free, WARM_TAKEN, 0,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		sys_exit(0);
	*n_fds = message.n_fds;
	return slot;
}

/* Waits for the word. So far nothing was done that anybody could notice. */
INLINE void await_go(struct warm_slot *slot)
{
	uint32_t go;

	/* the caller compares meanwhile, which takes less than to sleep */
	for (int i = 0; i < (int)slot->req.spins && slot->cpu != slot->req.cpu;
	     i++) {
		if (__atomic_load_n(&slot->go, __ATOMIC_ACQUIRE))
			break;
		warm_relax();
	}
	while (!(go = __atomic_load_n(&slot->go, __ATOMIC_ACQUIRE))) {
		__atomic_store_n(&slot->waits, 1, __ATOMIC_SEQ_CST);
		sys_call4(__NR_futex, &slot->go, 0 /* FUTEX_WAIT */, 0, 0);
	}
	if (go != WARM_GO)
		sys_exit(0);
}

/* ---- descriptors */

/* The descriptors of a request. */
struct stub_fds {
	struct stub_control control;
	uint32_t n;
	const int32_t *numbers;	/* at which the launch needs them */
};

INLINE bool is_wanted(const struct stub_fds *fds, int fd)
{
	for (uint32_t i = 0; i < fds->n; i++)
		if (fds->numbers[i] == fd)
			return true;
	return false;
}

/* Moves a descriptor out of a place that another one needs. */
INLINE void move_away(const struct child *c, const struct stub_fds *fds,
		      int *fd)
{
	int from = 3, to;

	for (;; from = to + 1) {
		to = sys_fcntl(*fd, F_DUPFD_CLOEXEC, from);
		must(c, to);
		if (!is_wanted(fds, to))
			break;
		sys_close(to);
	}
	sys_close(*fd);
	*fd = to;
}

/* Puts the descriptors at the numbers that they have in the caller. */
INLINE void place_descriptors(const struct child *c, struct stub_fds *fds)
{
	int32_t *fd = fds->control.fd;

	for (uint32_t i = 0; i < fds->n; i++)
		if (is_wanted(fds, fd[i]))
			move_away(c, fds, &fd[i]);
	for (uint32_t i = 0; i < fds->n; i++) {
		if (fds->numbers[i] < 0)
			must(c, sys_call1(__NR_fchdir, fd[i]));
		else
			must(c, sys_dup3(fd[i], fds->numbers[i], 0));
		sys_close(fd[i]);
	}
}

/*
 * Does the default close. The socket, as the held descriptor, and the door, as
 * wait_fd, are spared: the answer needs them.
 */
INLINE int close_all(const struct child *c, const struct warm_control *z)
{
	int spare[SPAWN_TEMPLATE_ACTIONS_MAX + 2];
	struct fds fds;

	fds.first = z->node.node ? WARM_NODE_FD_FIRST : 3;
	fds.last = ~0U;
	fds.spare = spare;
	fds.n_spare = list_spared(c, spare);
	return fds_close_ranges(&fds);
}

/* ---- steps in place of an exec */

INLINE void set_ignored(const struct warm_slot *slot)
{
	struct sys_sigaction act;

	act.flags = 0;
	act.restorer = 0;
	act.mask = 0;
	for (int sig = 1; slot->reset_ignored && sig <= SYS_NSIG; sig++) {
		act.handler = slot->ignored >> (sig - 1) & 1;
		if (blockable(sig))
			sys_sigaction(sig, &act, 0);
	}
}

/*
 * Drops pending signals by ignoring them for a moment: those that came while
 * this process waited were not meant for the program. Later ones, after the
 * answer, are.
 */
INLINE void drop_pending(void)
{
	struct sys_sigaction ignore, old;
	uint64_t pending = 0;

	ignore.handler = SYS_SIG_IGN;
	ignore.flags = 0;
	ignore.restorer = 0;
	ignore.mask = 0;
	sys_call2(__NR_rt_sigpending, &pending, sizeof(pending));
	for (int sig = 1; pending && sig <= SYS_NSIG; sig++) {
		if (!(pending >> (sig - 1) & 1))
			continue;
		pending &= ~(1ULL << (sig - 1));
		sys_sigaction(sig, &ignore, &old);
		sys_sigaction(sig, &old, 0);
	}
}

/*
 * Makes new secrets, since a fork would share them with its siblings: new bytes
 * at AT_RANDOM, and of them the two that libc has made of the old ones.
 */
INLINE void renew_secrets(const struct child *c, const struct warm_control *z)
{
	uint64_t *random = (uint64_t *)z->at_random;
	int got = sys_call3(__NR_getrandom, random, 16, 0);

	if (got != 16)
		fail(c, got < 0 ? got : -EIO);
	warm_set_secrets(random[0], random[1]);
}

/* Tells whether the program runs already, up to the launch's own part. */
INLINE bool is_runtime(const struct warm_control *z)
{
	return z->shell.shell || z->python.python || z->node.node;
}

INLINE void become(const struct child *c, const struct warm_control *z,
		   struct warm_request *req)
{
	stage(c, SPAWN_TEMPLATE_STAGE_EXEC);
	/* another thread of node's may have moved it */
	if (z->node.node)
		req->mm.brk = (uint64_t)sys_call1(__NR_brk, 0);
	must(c, sys_call5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &req->mm,
			  sizeof(req->mm), 0));
	if (z->tid_field)
		*(volatile int *)z->tid_field = sys_call0(__NR_getpid);
	must(c, sys_call2(__NR_set_robust_list, z->robust_list, 24));
	/* frames of a runtime have the old ones */
	if (z->mode != WARM_ONCE && !is_runtime(z))
		renew_secrets(c, z);
}

/* ---- one launch */

#include "warm/node_stub.h"
#include "warm/python_stub.h"
#include "warm/shell_stub.h"

/*
 * The umask and the signals of a session shell are those of its file, and the
 * signals of a Python are its own.
 */
INLINE void take_steps(const struct child *c, const struct warm_slot *slot,
		       const struct warm_control *z)
{
	const struct st_launch *l = c->launch;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (slot->no_new_privs)
		must(c, sys_call5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!z->shell.shell)
		sys_call1(__NR_umask, slot->umask);
	if (!is_runtime(z))
		set_ignored(slot);
	set_session(c);
	each_action(c, do_action);
	stage(c, SPAWN_TEMPLATE_STAGE_CLOSE);
	must(c, close_all(c, z));
	if (l->plan.keeps)
		each_action(c, keep_fd);
	set_umask_and_nice(c);
	if (l->plan.limits)
		each_action(c, set_limit);
	set_ids(c);
	if (!is_runtime(z))
		reset_sigpipe(c);
	set_parent_death(c);
}

/* Returns the mask to set after the answer, because it lets signals in. */
INLINE uint64_t mask_of(const struct st_launch *l)
{
	uint64_t mask = l->mask;

	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_SIGMASK)
			mask = action_sigset(&l->actions[i]);
	return mask;
}

INLINE void answer(const struct child *c)
{
	c->report->in_exec = true;
	/* the caller may have been woken on this processor, and should go first */
	if (tell_done(slot_of_report(c)))
		sys_call0(__NR_sched_yield);
}

/*
 * Has the process end with the thread that parked: the end of the socket alone
 * does not tell, since a fork of the caller may hold it open.
 */
INLINE void await_parent_death(const struct warm_control *z)
{
	sys_call5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* it may have ended before */
	if (sys_call0(__NR_getppid) != (int)z->host)
		sys_exit(0);
}

/* Becomes a process of its own while there is time, as far as Python is concerned. */
INLINE void begin_python(const struct warm_control *z)
{
	if (z->tid_field)
		*(volatile int *)z->tid_field = sys_call0(__NR_getpid);
	python_after_fork(&z->python);
}

static _Noreturn void IN_SECTION serve(const struct warm_control *z)
{
	struct warm_request *req;
	struct warm_slot *slot;
	struct stub_fds fds;
	struct child c;
	uint64_t mask, sp, command;

	if (z->mode == WARM_FORK)
		await_parent_death(z);
	if (z->mode == WARM_FORK && announce() < 0)
		sys_exit(1);
	if (z->python.python)
		begin_python(z);
	slot = receive(z, &fds.control, &fds.n);
	req = &slot->req;
	fds.numbers = req->numbers;
	warm_copy((void *)req->base, slot->image, req->size);
	sp = req->sp;
	c.launch = (const struct st_launch *)req->launch;
	c.report = &slot->report;
	c.held = WARM_SOCKET;
	c.ruleset = -1;
	stage(&c, SPAWN_TEMPLATE_STAGE_CLONE);
	if (slot->refused)
		fail(&c, -EPERM);
	place_descriptors(&c, &fds);
	await_go(slot);
	/* so far, nothing would have told of the caller's death in here */
	sys_call5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
	take_steps(&c, slot, z);
	become(&c, z, req);
	drop_pending();
	mask = mask_of(c.launch);
	command = req->command;
	answer(&c);
	sys_close_range(WARM_SOCKET, WARM_DOOR, 0);
	if (z->shell.shell)
		become_shell(&z->shell, (const struct warm_command *)command);
	if (z->python.python)
		become_python(&z->python,
			      (const struct warm_python_command *)command,
			      mask);
	if (z->node.node)
		become_node(&z->node, (const struct warm_node_command *)command,
			    mask);
	sys_sigmask(&mask, 0);
	if (is_runtime(z))
		warm_resume_call(z->shell.shell	    ? z->shell.registers
				 : z->python.python ? z->python.registers
						    : z->node.registers,
				 z->gadget, z->stub, z->stub_len);
	warm_resume(sp, z->resume, z->entry, z->gadget, z->stub, z->stub_len);
}

/* ---- many launches */

/* Tells the callers that wait: those without a process launch cold. */
INLINE void tell_failure(struct warm_shared *shared)
{
	__atomic_fetch_add(&shared->fork_failures, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < WARM_SLOTS; i++)
		sys_call3(__NR_futex, &shared->slot[i].done, FUTEX_WAKE_SHARED,
			  WARM_SLOTS);
}

/* Forks a child of this process's parent, whose id goes where none is noted. */
INLINE long fork_one(const struct warm_control *z, struct warm_shared *shared)
{
	uint32_t *pid = shared->forked;

	while (__atomic_load_n(pid, __ATOMIC_ACQUIRE))
		if (++pid == shared->forked + WARM_FORKED)
			return -EAGAIN;
	return warm_fork(CLONE_PARENT | CLONE_PARENT_SETTID |
				 CLONE_CHILD_CLEARTID,
			 z->initial_sp - WARM_GAP, pid, z->tid_address,
			 (void (*)(const void *))serve, z);
}

/* Forks for each launch that the door counts. */
static _Noreturn void IN_SECTION fork_loop(const struct warm_control *z)
{
	struct warm_shared *shared = (struct warm_shared *)z->shared;
	uint64_t count;
	long ret;

	for (;;) {
		ret = sys_call3(__NR_read, WARM_DOOR, &count, sizeof(count));
		if (ret == -EINTR)
			continue;
		if (ret != sizeof(count))
			sys_exit(0);
		if (fork_one(z, shared) < 0)
			tell_failure(shared);
	}
}

/* The entry: the parking helper sets the control page and the stack. */
_Noreturn void IN_SECTION st_warm_enter(const struct warm_control *z)
{
	if (z->mode == WARM_ONCE)
		serve(z);
	fork_loop(z);
}

_Noreturn void IN_SECTION st_warm_python_prepare(struct warm_control *z)
{
	z->python.state = python_prepare(&z->python);
	warm_trap();
}

#endif
