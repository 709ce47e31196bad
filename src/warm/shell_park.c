/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a traced bash source its file, and stops it where it would read the
 * command: at the call of parse_command() for the second line of -c's text.
 *
 * Breakpoints stand at functions that bash exports. A child that the file
 * starts is a copy of bash with these breakpoints in it: they are taken out
 * before the child goes on, untraced.
 */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "sys.h"
#include "warm/tracer.h"

#if WARM_ARCH

/* The time within which the file must have been sourced. */
#define SOURCE_MOST_S 10

#define SPAWNS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

/* The breakpoints, in the order of these symbols. */
static const unsigned char stops[] = {
	WARM_BASH_parse_command,
	WARM_BASH_source_file,
	WARM_BASH_set_working_directory,
};
#define STOPS 3

struct sourcing {
	struct tracer *t;
	uint64_t at[STOPS], code[STOPS];
	int64_t deadline;	/* seconds */
	bool begun;		/* the file is being sourced */
};

static int64_t seconds(void)
{
	struct sys_timespec now = { 0, 0 };

	sys_call2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.sec;
}

/* Waits for a stop, but not for ever. Return: its status, or -errno. */
static int next_stop(const struct sourcing *s)
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

static int set_stops(const struct sourcing *s, pid_t pid, bool on)
{
	int ret = 0;

	for (int i = 0; i < STOPS && ret == 0; i++)
		ret = sys_call4(__NR_ptrace, PTRACE_POKETEXT, pid, s->at[i],
				on ? (s->code[i] & ~0xffULL) | WARM_TRAP
				   : s->code[i]);
	return ret;
}

/* Lets a child of the shell go. A child of vfork has the shell's memory. */
static int release_child(const struct sourcing *s, bool copied)
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
		return 0; /* killed: the shell will see it */
	if (copied)
		set_stops(s, (pid_t)child, false);
	sys_call4(__NR_ptrace, PTRACE_DETACH, child, 0, 0);
	return 0;
}

/* Runs the instruction that the breakpoint at the stopped place replaces. */
static int step_over(const struct sourcing *s, struct user_regs_struct *regs)
{
	struct tracer *t = s->t;
	int ret = set_stops(s, t->pid, false);

	if (ret == 0)
		ret = st_trace_set_regs(t, regs);
	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_SINGLESTEP, t->pid, 0, 0);
	if (ret == 0)
		ret = next_stop(s);
	/* a signal came first: the shell will be back at the breakpoint */
	if (ret > 0 && WSTOPSIG(ret) != SIGTRAP) {
		int sig = WSTOPSIG(ret);

		ret = set_stops(s, t->pid, true);
		return ret < 0 ? ret
			       : sys_call4(__NR_ptrace, PTRACE_CONT, t->pid, 0,
					   sig);
	}
	if (ret > 0)
		ret = set_stops(s, t->pid, true);
	return ret < 0 ? ret : st_trace_resume(t);
}

/* ---- breakpoints */

static uint64_t symbol(const struct sourcing *s, enum warm_bash i)
{
	return s->t->out->control.shell.symbol[i];
}

static int read_int(const struct sourcing *s, enum warm_bash i, int *value)
{
	return st_trace_copy_in(s->t, symbol(s, i), value, sizeof(*value));
}

/* Tells whether bash is about to read the text that is to be replaced. */
static bool is_at_command(const struct sourcing *s)
{
	const struct st_shell_start *sh = s->t->park->shell;
	const char *text = sh->argv[2] + sh->rest;
	char there[64];
	uint64_t at;
	int level;

	if (read_int(s, WARM_BASH_parse_and_execute_level, &level) < 0 ||
	    level != 1)
		return false;
	if (st_trace_copy_in(
		    s->t, symbol(s, WARM_BASH_bash_input) + WARM_BASH_INPUT_AT,
		    &at, sizeof(at)) < 0 ||
	    st_trace_copy_in(s->t, at - 1, there, sizeof(there)) < 0)
		return false;
	return memcmp(there, text - 1, sizeof(there)) == 0;
}

/* Notes a file that the shell sources: a change of it will retire the shell. */
static int note_source(struct sourcing *s, uint64_t at)
{
	char path[SPAWN_TEMPLATE_PATH_MAX];
	size_t len = 0;

	s->begun = true;
	do {
		if (len == sizeof(path) ||
		    st_trace_copy_in(s->t, at + len, path + len, 1) < 0)
			return -ENAMETOOLONG;
	} while (path[len++]);
	return *path == '/' ? st_park_file(s->t, path, len - 1) : -EINVAL;
}

/* Return: 1: at the command; 0: the shell goes on; -errno. */
static int take_trap(struct sourcing *s)
{
	struct user_regs_struct regs;
	int ret = st_trace_get_regs(s->t, &regs), which = 0;

	if (ret < 0)
		return ret;
	regs.rip -= WARM_TRAP_SIZE;
	while (which < STOPS && s->at[which] != regs.rip)
		which++;
	if (which == STOPS)
		return -ENOEXEC;
	if (stops[which] == WARM_BASH_parse_command && is_at_command(s)) {
		s->t->regs = regs;
		return 1;
	}
	if (stops[which] == WARM_BASH_source_file)
		ret = note_source(s, regs.rdi);
	/* the next command would start in another directory than its caller */
	else if (stops[which] == WARM_BASH_set_working_directory && s->begun)
		ret = -EXDEV;
	return ret < 0 ? ret : step_over(s, &regs);
}

static int run_to_command(struct sourcing *s)
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
				ret = st_trace_resume(s->t);
		} else if (event) {
			return -ENOEXEC; /* it execs, or was stopped */
		} else if (WSTOPSIG(status) == SIGTRAP) {
			ret = take_trap(s);
		} else {
			ret = sys_call4(__NR_ptrace, PTRACE_CONT, s->t->pid, 0,
					WSTOPSIG(status));
		}
	}
	return ret;
}

/* ---- before and behind */

/* Prepares the process to run on from ld.so, as after a cold exec. */
static int let_run(struct sourcing *s)
{
	struct tracer *t = s->t;
	const uint64_t none = 0,
		       scratch = t->out->control.stub + WARM_TEXT_MOST;
	struct user_regs_struct regs = t->regs;
	struct sys_sigaction act = { .handler = 0 };
	uint64_t code;
	long ret = st_trace_copy_out(t, scratch, &none, sizeof(none));

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
					SPAWNS);
	for (int i = 0; i < STOPS && ret == 0; i++) {
		s->at[i] = symbol(s, stops[i]);
		ret = st_trace_copy_in(t, s->at[i], &s->code[i], 8);
	}
	if (ret == 0)
		ret = set_stops(s, t->pid, true);
	regs.rip = t->call_at;
	regs.orig_rax = -1UL;
	if (ret == 0)
		ret = st_trace_set_regs(t, &regs);
	return ret < 0 ? (int)ret : st_trace_resume(t);
}

/* Makes remote calls possible again, and blocks all signals. */
static int hold(struct sourcing *s)
{
	struct tracer *t = s->t;
	const uint64_t all = ~0ULL,
		       scratch = t->out->control.stub + WARM_TEXT_MOST;
	uint64_t code, mask = ~0ULL;
	long ret = set_stops(s, t->pid, false);

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

static void note_registers(struct warm_control *z,
			   const struct user_regs_struct *regs)
{
	const uint64_t registers[8] = { regs->rbx, regs->rbp, regs->r12,
					regs->r13, regs->r14, regs->r15,
					regs->rsp, regs->rip };

	memcpy(z->shell.registers, registers, sizeof(registers));
	z->shell.shell = 1;
	/* forks begin below the stopped frame and its red zone */
	z->initial_sp = (regs->rsp - 256) & ~15ULL;
}

/* ---- the state to fork from */

/* A child that the file has left would be a child of no command's shell. */
static bool has_children(struct tracer *t)
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

/* Counts open descriptors: those that the file opens are not sent to forks. */
static int count_fds(struct tracer *t)
{
	char *buf = t->text + 16;
	int fd = st_trace_open_proc(t, "fd", O_RDONLY), n = 0, got = fd;

	if (fd < 0)
		return fd;
	while ((got = sys_call3(__NR_getdents64, fd, buf, 4096)) > 0)
		for (int at = 0; at < got; n++)
			at += *(unsigned short *)(void *)(buf + at + 16);
	sys_close(fd);
	return got < 0 ? got : n - 2; /* "." and ".." */
}

/* Checks that the variables are those of bash as it is known. */
static int check_shell(const struct sourcing *s)
{
	struct tracer *t = s->t;
	uint64_t vars[2] = { 0, 1 }, text = 0;
	char there[64];
	int pid = 0, debugging = 1;

	if (read_int(s, WARM_BASH_dollar_dollar_pid, &pid) < 0 || pid != t->pid)
		return -ENOEXEC;
	if (read_int(s, WARM_BASH_debugging_mode, &debugging) < 0 || debugging)
		return -EBUSY;
	if (st_trace_copy_in(t, symbol(s, WARM_BASH_dollar_vars), vars,
			     sizeof(vars)) < 0 ||
	    !vars[0] || vars[1])
		return -EBUSY; /* the file has set parameters */
	if (st_trace_copy_in(t, symbol(s, WARM_BASH_command_execution_string),
			     &text, sizeof(text)) < 0 ||
	    st_trace_copy_in(t, text, there, sizeof(there)) < 0 ||
	    memcmp(there, t->park->shell->argv[2], sizeof(there)) != 0)
		return -ENOEXEC;
	if (has_children(t))
		return -ECHILD;
	return count_fds(t) == 5 ? 0 : -EMFILE;
}

/* Notes the addresses of bash's symbols and of its environment. */
static void note_addresses(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const struct st_shell_start *sh = t->park->shell;
	uint64_t argc = 0, n = 0;

	for (int i = 0; i < WARM_BASH_N; i++)
		z->shell.symbol[i] =
			sh->offset[i] ? z->entry + (uint64_t)sh->offset[i] : 0;
	while (sh->argv[argc])
		argc++;
	while (sh->envp[n])
		n++;
	z->shell.environ = z->initial_sp + 8 * (argc + 2);
	z->shell.n_environ = n;
}

int st_park_shell(struct tracer *t)
{
	struct sourcing s = { .t = t, .deadline = seconds() + SOURCE_MOST_S };
	int ret;

	note_addresses(t);
	t->out->first_source = t->out->n_files;
	ret = let_run(&s);
	if (ret == 0)
		ret = run_to_command(&s);
	t->out->last_source = t->out->n_files;
	if (ret < 0)
		return st_park_at(t, WARM_STEP_SOURCE, ret);
	ret = hold(&s);
	if (ret == 0)
		ret = check_shell(&s);
	note_registers(&t->out->control, &t->regs);
	return st_park_at(t, WARM_STEP_SHELL, ret);
}

#endif
