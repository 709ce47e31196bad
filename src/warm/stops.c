/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets a traced program run on, to breakpoints and system calls.
 *
 * A child that the program starts is a copy of it with these breakpoints in it:
 * they are taken out before the child goes on, untraced.
 */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "sys.h"
#include "warm/stops.h"

#if WARM_ARCH

#define SPAWNS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

#define CALL_MARK 0x80 /* of PTRACE_O_TRACESYSGOOD */

static int64_t seconds(void)
{
	struct sys_timespec now = { 0, 0 };

	sys_call2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.sec;
}

/* Waits for a stop, but not for ever. Return: its status, or -errno. */
static int next_stop(const struct st_stops *s)
{
	struct sys_timespec second = { 1, 0 };
	uint64_t chld = 1ULL << (SIGCHLD - 1);
	int status = 0, ret;

	for (;;) {
		ret = sys_call4(__NR_wait4, s->t->pid, &status,
				__WALL | WNOHANG, 0);
		if (ret > 0)
			return WIFSTOPPED(status) ? status : -ESRCH;
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (seconds() > s->deadline)
			return -ETIMEDOUT;
		sys_call4(__NR_rt_sigtimedwait, &chld, 0, &second,
			  sizeof(chld));
	}
}

int st_stops_set(const struct st_stops *s, pid_t pid, bool on)
{
	int ret = 0;

	for (int i = 0; i < s->n && ret == 0; i++)
		ret = sys_call4(__NR_ptrace, PTRACE_POKETEXT, pid, s->at[i],
				on ? (s->code[i] & ~0xffULL) | WARM_TRAP
				   : s->code[i]);
	return ret;
}

static int go_on(const struct st_stops *s, int sig)
{
	return sys_call4(__NR_ptrace, s->call ? PTRACE_SYSCALL : PTRACE_CONT,
			 s->t->pid, 0, sig);
}

/* Lets a child of the program go. A child of vfork has the program's memory. */
static int release_child(const struct st_stops *s, bool copied)
{
	unsigned long child = 0;
	int status, ret;

	ret = sys_call4(__NR_ptrace, PTRACE_GETEVENTMSG, s->t->pid, 0, &child);
	if (ret < 0)
		return ret;
	do {
		ret = sys_call4(__NR_wait4, child, &status, __WALL, 0);
	} while (ret == -EINTR);
	if (ret < 0 || !WIFSTOPPED(status))
		return 0; /* killed: the program will see it */
	if (copied)
		st_stops_set(s, (pid_t)child, false);
	sys_call4(__NR_ptrace, PTRACE_DETACH, child, 0, 0);
	return 0;
}

/* Runs the instruction that the breakpoint at the stopped place replaces. */
static int step_over(const struct st_stops *s, struct user_regs_struct *regs)
{
	struct tracer *t = s->t;
	int ret = st_stops_set(s, t->pid, false);

	if (ret == 0)
		ret = st_trace_set_regs(t, regs);
	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_SINGLESTEP, t->pid, 0, 0);
	if (ret == 0)
		ret = next_stop(s);
	/* a signal came first: the program will be back at the breakpoint */
	if (ret > 0 && WSTOPSIG(ret) != SIGTRAP) {
		int sig = WSTOPSIG(ret);

		ret = st_stops_set(s, t->pid, true);
		return ret < 0 ? ret : go_on(s, sig);
	}
	if (ret > 0)
		ret = st_stops_set(s, t->pid, true);
	return ret < 0 ? ret : go_on(s, 0);
}

/* Return: 1: the program stays there; 0: it goes on; -errno. */
static int take_trap(struct st_stops *s)
{
	struct user_regs_struct regs;
	int ret = st_trace_get_regs(s->t, &regs), which = 0;

	if (ret < 0)
		return ret;
	regs.rip -= WARM_TRAP_SIZE;
	while (which < s->n && s->at[which] != regs.rip)
		which++;
	ret = s->take(s, which, &regs);
	if (ret > 0)
		s->t->regs = regs;
	if (ret != 0)
		return ret;
	return which < s->n ? step_over(s, &regs) : -ENOEXEC;
}

/* The same, at a system call. */
static int take_call(struct st_stops *s)
{
	struct user_regs_struct regs;
	int ret = st_trace_get_regs(s->t, &regs);

	if (ret == 0)
		ret = s->call(s, &regs);
	if (ret > 0)
		s->t->regs = regs;
	return ret ? ret : go_on(s, 0);
}

int st_stops_run(struct st_stops *s)
{
	int ret = 0;

	while (ret == 0) {
		int status = next_stop(s), event = status >> 16;

		if (status < 0)
			return status;
		if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		    event == PTRACE_EVENT_CLONE) {
			ret = release_child(s, event == PTRACE_EVENT_FORK);
			if (ret == 0)
				ret = go_on(s, 0);
		} else if (event) {
			return -ENOEXEC; /* it execs, or was stopped */
		} else if (WSTOPSIG(status) == SIGTRAP) {
			ret = take_trap(s);
		} else if (WSTOPSIG(status) == (SIGTRAP | CALL_MARK)) {
			ret = take_call(s);
		} else {
			ret = go_on(s, WSTOPSIG(status));
		}
	}
	return ret < 0 ? ret : 0;
}

void st_stops_allow(struct st_stops *s, int most)
{
	s->deadline = seconds() + most;
}

/* Prepares the process to run on from ld.so, as after a cold exec. */
int st_stops_begin(struct st_stops *s, int most)
{
	struct tracer *t = s->t;
	const uint64_t none = 0,
		       scratch = t->out->control.stub + WARM_TEXT_MOST;
	struct user_regs_struct regs = t->regs;
	struct sys_sigaction act = { .handler = 0 };
	uint64_t code;
	long ret = st_trace_copy_out(t, scratch, &none, sizeof(none));

	st_stops_allow(s, most);
	memcpy(&code, t->text, sizeof(code));
	sys_sigaction(SIGCHLD, &act, NULL); /* this helper's: it waits for it */
	for (int fd = WARM_SOCKET; fd <= WARM_DOOR && ret == 0; fd++)
		ret = st_trace_remote(t, __NR_fcntl, (uint64_t)fd, F_SETFD,
				      FD_CLOEXEC, 0, 0, 0);
	if (ret == 0)
		ret = st_trace_remote(t, __NR_rt_sigprocmask, SIG_SETMASK,
				      scratch, 0, 8, 0, 0);
	if (ret == 0)
		ret = st_trace_poke(t, t->call_at, code);
	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_SETOPTIONS, t->pid, 0,
				PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL |
					SPAWNS |
					(s->call ? PTRACE_O_TRACESYSGOOD : 0));
	for (int i = 0; i < s->n && ret == 0; i++)
		ret = st_trace_copy_in(t, s->at[i], &s->code[i], 8);
	if (ret == 0)
		ret = st_stops_set(s, t->pid, true);
	regs.rip = t->call_at;
	regs.orig_rax = -1UL;
	if (ret == 0)
		ret = st_trace_set_regs(t, &regs);
	return ret < 0 ? (int)ret : go_on(s, 0);
}

int st_stops_hold(struct st_stops *s)
{
	struct tracer *t = s->t;
	const uint64_t all = ~0ULL,
		       scratch = t->out->control.stub + WARM_TEXT_MOST;
	uint64_t code, mask = ~0ULL;
	long ret = st_stops_set(s, t->pid, false);

	memcpy(&code, t->text, sizeof(code));
	if (ret == 0)
		ret = st_trace_poke(t, t->call_at,
				    (code & ~WARM_REMOTE_MASK) |
					    WARM_REMOTE_CALL);
	if (ret == 0)
		ret = st_trace_copy_out(t, scratch, &all, sizeof(all));
	if (ret == 0)
		ret = st_trace_remote(t, __NR_rt_sigprocmask, SIG_SETMASK,
				      scratch, scratch + 8, 8, 0, 0);
	if (ret == 0)
		ret = st_trace_copy_in(t, scratch + 8, &mask, sizeof(mask));
	return ret < 0 ? (int)ret : mask ? -EBUSY : 0;
}

void st_stops_note(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const struct user_regs_struct *regs = &t->regs;
	const uint64_t registers[8] = { regs->rbx, regs->rbp, regs->r12,
					regs->r13, regs->r14, regs->r15,
					regs->rsp, regs->rip };

	memcpy(z->shell.registers, registers, sizeof(registers));
	/* forks begin below the stopped frame and its red zone */
	z->initial_sp = (regs->rsp - 256) & ~15ULL;
}

/* ---- the state that is left behind */

bool st_stops_has_children(struct tracer *t)
{
	static const char to[] = "/children";
	char file[40] = "task/", *at = file + 5, digits[12];
	int n = 0, pid = t->pid;

	for (; pid; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n)
		*at++ = digits[--n];
	memcpy(at, to, sizeof(to));
	/* cannot tell: assume that it has */
	return st_trace_read_proc(t, file, t->text + 16, 64) != 0;
}

int st_stops_count(struct tracer *t, const char *directory)
{
	char *buf = t->text + 16;
	int fd = st_trace_open_proc(t, directory, O_RDONLY), n = 0, got = fd;

	if (fd < 0)
		return fd;
	while ((got = sys_call3(__NR_getdents64, fd, buf, 4096)) > 0)
		for (int at = 0; at < got; n++)
			at += *(unsigned short *)(void *)(buf + at + 16);
	sys_close(fd);
	return got < 0 ? got : n - 2; /* "." and ".." */
}

#endif
