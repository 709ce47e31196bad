/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parks a process, by a helper that traces it through a plain exec of the file.
 *
 * The helper is a process that shares the caller's memory, as a child of vfork
 * does, and has no exit signal: no waitpid(-1) of the host sees it. It makes
 * the process to park as the caller's own child (CLONE_PARENT), traces it until
 * ld.so has relocated everything and is about to jump to the program, puts the
 * stub in and detaches. By then no constructor has run, only ld.so has read the
 * environment, and the program will find nothing loaded that a cold launch
 * would not have loaded.
 *
 * The calling thread waits until the helper has ended, and must live as long as
 * the process: a parked process is killed with the thread that parked it.
 *
 * The helper, and the process up to exec, use raw system calls only.
 */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <linux/sched.h>

#include "identity.h"
#include "sys.h"
#include "warm/park.h"
#include "warm/stub.h"
#include "warm/tracer.h"

#if WARM_ARCH

#define STACKS_SIZE (64 * 1024) /* the helper's, and behind it the process's */
#define LOOP_STACK 16384
#define WORD_MOST 50 /* tenths of a second */

/*
 * Waits, but not for ever: the other side may have been killed, by a filter, for
 * example, and who is no tracer yet is not told.
 */
static int wait_word(_Atomic uint32_t *word)
{
	struct sys_timespec tenth = { 0, 100000000 };

	for (int i = 0; i < WORD_MOST && !*word; i++)
		sys_call4(__NR_futex, word, FUTEX_WAIT, 0, &tenth);
	return *word ? 0 : -ETIMEDOUT;
}

static void set_word(_Atomic uint32_t *word)
{
	*word = 1;
	sys_call3(__NR_futex, word, FUTEX_WAKE, 1);
}

/* ---- the process, until exec */

static int take_fds(const struct st_park *p)
{
	const struct st_shell_start *sh = p->shell;
	const int from[] = { sh ? sh->in : p->null,
			     sh ? sh->out : p->null,
			     sh ? sh->out : p->null,
			     p->shared,
			     p->socket,
			     p->door };
	const int to[] = { 0, 1, 2, WARM_SHARED_FD, WARM_SOCKET, WARM_DOOR };
	int copy[6], ret = 0;

	/* copy all above first: any number may be one of those */
	for (int i = 0; i < 6 && ret >= 0; i++)
		ret = copy[i] =
			sys_fcntl(from[i], F_DUPFD_CLOEXEC, WARM_DOOR + 1);
	for (int i = 0; i < 6 && ret >= 0; i++)
		ret = sys_dup3(copy[i], to[i], 0);
	if (ret >= 0)
		ret = sys_close_range(3, WARM_SHARED_FD - 1, 0);
	if (ret >= 0)
		ret = sys_close_range(WARM_DOOR + 1, ~0U, 0);
	return ret;
}

static int exec_shell(const struct st_park *p)
{
	const uint64_t reset = p->shell->defaulted | 1ULL << (SIGPIPE - 1);
	struct sys_sigaction act = { .handler = 0 };
	int ret = 0;

	if (p->shell->directory)
		ret = sys_call1(__NR_chdir, (long)p->shell->directory);
	if (p->shell->files.rlim_cur && ret == 0)
		ret = sys_call4(__NR_prlimit64, 0, RLIMIT_NOFILE,
				&p->shell->files, 0);
	for (int sig = 1; sig <= SYS_NSIG && ret == 0; sig++)
		if ((reset >> (sig - 1) & 1) && sig != SIGKILL &&
		    sig != SIGSTOP)
			ret = sys_sigaction(sig, &act, NULL);
	return ret < 0 ? ret
		       : sys_execve(p->path, (char **)p->shell->argv,
				    (char **)p->shell->envp);
}

/*
 * Has the calling process end with the thread that parks, from the start: it has
 * all descriptors of the host.
 */
static void end_with_host(const struct tracer *t)
{
	int ret = sys_call5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

	if (ret < 0 || sys_call0(__NR_getppid) != t->host)
		sys_exit(127);
}

/* Runs in the process, in the helper's memory, with all signals blocked. */
static void process(void *arg)
{
	struct tracer *t = arg;
	const struct st_park *p = t->park;
	char *argv[] = { (char *)p->argv0, NULL };
	char *envp[] = { NULL };
	int ret;

	end_with_host(t);
	/* under yama a sibling may trace only a process that names it first */
	sys_call5(__NR_prctl, PR_SET_PTRACER, t->helper, 0, 0, 0);
	set_word(&t->ready);
	if (wait_word(&t->go) < 0)
		sys_exit(127);
	ret = take_fds(p);
	if (ret >= 0)
		ret = st_path_check(p->path, p->key, 0);
	if (ret >= 0)
		ret = p->shell ? exec_shell(p)
			       : sys_execve(p->path, argv, envp);
	t->exec_error = ret;
	sys_exit(127);
}

/* ---- run to the program's start */

static int begin_trace(struct tracer *t)
{
	int ret = wait_word(&t->ready), status;

	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_SEIZE, t->pid, 0,
				PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	/* else it never goes on: it would run the program, until it is killed */
	if (ret < 0)
		return st_park_at(t, WARM_STEP_TRACE, ret);
	set_word(&t->go);
	status = st_trace_wait_stop(t);
	if (status < 0)
		return st_park_at(t, WARM_STEP_EXEC,
				  t->exec_error ? t->exec_error : status);
	if (status >> 16 != PTRACE_EVENT_EXEC)
		return st_park_at(t, WARM_STEP_EXEC, -ECHILD);
	return st_park_at(t, WARM_STEP_TRACE, st_trace_get_regs(t, &t->regs));
}

/* Lets ld.so run until it has relocated everything. */
static int run_to_start(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	uint64_t code[WARM_START_BYTES / 8 + 1], at = t->regs.rip;
	struct user_regs_struct regs;
	int ret = st_trace_copy_in(t, at, code, sizeof(code));

	if (ret < 0)
		return st_park_at(t, WARM_STEP_START, ret);
	if (!warm_is_start((unsigned char *)code))
		return st_park_at(t, WARM_STEP_START, -ENOEXEC);
	z->initial_sp = t->regs.rsp;
	z->resume = at + WARM_RESUME_AT;
	ret = st_trace_poke(t, z->resume, (code[1] & ~0xffULL) | WARM_TRAP);
	if (ret == 0)
		ret = st_trace_resume(t);
	if (ret == 0)
		ret = st_trace_expect_trap(t, &regs);
	if (ret == 0 && (regs.rip != z->resume + WARM_TRAP_SIZE ||
			 regs.rax != z->entry || regs.rsp != z->initial_sp))
		ret = -ENOEXEC;
	if (ret < 0)
		return st_park_at(t, WARM_STEP_RELOCATE, ret);
	t->regs = regs;
	t->call_at = z->resume;
	ret = st_trace_poke(t, t->call_at,
			    (code[1] & ~WARM_REMOTE_MASK) | WARM_REMOTE_CALL);
	t->text[0] = 0;
	memcpy(t->text, &code[1], sizeof(code[1])); /* to be put back */
	return st_park_at(t, WARM_STEP_RELOCATE, ret);
}

/* ---- leave for the stub */

static int map_stub(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const uint64_t own = WARM_TEXT_MOST + WARM_PAGE;
	const uint64_t size = own + sizeof(struct warm_shared);
	long at = st_trace_remote(t, __NR_mmap, 0, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0);
	long ret = at, stack = 0;

	if (ret < 0 && ret > -4096)
		return st_park_at(t, WARM_STEP_MAP, (int)ret);
	z->stub = (uint64_t)at;
	z->stub_len = size;
	z->shared = z->stub + own;
	ret = st_trace_remote(t, __NR_mmap, z->shared, size - own,
			      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			      WARM_SHARED_FD, 0);
	if (ret == (long)z->shared)
		ret = st_trace_remote(t, __NR_close, WARM_SHARED_FD, 0, 0, 0, 0,
				      0);
	if (ret == 0 && z->mode != WARM_ONCE) {
		stack = st_trace_remote(t, __NR_mmap, 0, LOOP_STACK,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0);
		ret = stack < 0 && stack > -4096
			      ? stack
			      : st_trace_remote(t, __NR_madvise,
						(uint64_t)stack, LOOP_STACK,
						MADV_DONTFORK, 0, 0, 0);
		z->stack_top = (uint64_t)stack + LOOP_STACK;
	}
	return st_park_at(t, WARM_STEP_MAP, (int)ret);
}

static int leave(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const size_t len = (size_t)(__stop_st_warm_stub - __start_st_warm_stub);
	struct user_regs_struct regs = t->regs;
	uint64_t code;
	long ret = st_trace_copy_out(t, z->stub, __start_st_warm_stub, len);

	if (ret == 0)
		ret = st_trace_copy_out(t, z->stub + WARM_TEXT_MOST, z,
					sizeof(*z));
	if (ret == 0)
		ret = st_trace_remote(t, __NR_mprotect, z->stub, WARM_TEXT_MOST,
				      PROT_READ | PROT_EXEC, 0, 0, 0);
	memcpy(&code, t->text, sizeof(code));
	if (ret == 0)
		ret = st_trace_poke(t, z->resume, code);
	regs.rip = z->stub + (uint64_t)((const char *)st_warm_enter -
					__start_st_warm_stub);
	regs.rdi = z->stub + WARM_TEXT_MOST;
	regs.rsp = (z->mode == WARM_ONCE ? z->initial_sp - WARM_GAP
					 : z->stack_top) -
		   8;
	regs.rsp = (regs.rsp & ~15ULL) - 8; /* as behind a call */
	regs.orig_rax = -1UL;
	if (ret == 0)
		ret = st_trace_set_regs(t, &regs);
	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_DETACH, t->pid, 0, 0);
	return st_park_at(t, WARM_STEP_LEAVE, (int)ret);
}

static int trace(struct tracer *t)
{
	int ret = st_trace_has_proc(t) ? begin_trace(t)
				       : st_park_at(t, WARM_STEP_TRACE, -ESRCH);

	if (ret == 0)
		ret = st_park_auxv(t);
	if (ret == 0)
		ret = run_to_start(t);
	if (ret == 0)
		ret = map_stub(t);
	if (ret == 0 && t->park->shell)
		ret = st_park_files(t);
	if (ret == 0 && t->park->shell)
		ret = t->park->shell->python	? st_park_python(t)
		      : t->park->shell->node	? st_park_node(t)
		      : t->park->shell->is_dash ? st_park_dash(t)
						: st_park_bash(t);
	if (ret == 0)
		ret = st_park_thread(t);
	if (ret == 0)
		ret = st_park_layout(t);
	if (ret == 0)
		ret = st_park_try(t);
	if (ret == 0)
		ret = st_park_files(t);
	if (ret == 0)
		ret = leave(t);
	return ret;
}

/* Runs the helper, which ends with the thread that parks. */
static void helper(void *arg)
{
	struct tracer *t = arg;
	const long flags = CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID;
	long stack = (long)(t->stacks + STACKS_SIZE), noted = (long)&t->pid;
	long pid;

	t->helper = sys_call0(__NR_getpid);
	end_with_host(t);
	/* the kernel notes the id, in case the helper is killed meanwhile */
	pid = arch_clone(__NR_clone, flags, stack, noted, 0, process, t);
	if (pid < 0) {
		t->ret = st_park_at(t, WARM_STEP_CLONE, (int)pid);
		sys_exit(0);
	}
	t->ret = trace(t);
	if (t->ret < 0)
		sys_call2(__NR_kill, t->pid, SIGKILL);
	sys_exit(0);
}

static void reap_parked(pid_t pid)
{
	while (sys_call4(__NR_wait4, pid, 0, __WALL, 0) == -EINTR)
		;
}

/* Makes the helper with all signals blocked, which its children inherit. */
static int trace_by_helper(struct tracer *t)
{
	uint64_t all = ~0ULL, mine;
	long pid;
	int ret = sys_sigmask(&all, &mine);

	if (ret < 0)
		return ret;
	t->ret = -ECHILD;
	t->host = sys_call0(__NR_getpid);
	t->out->control.host = (uint64_t)t->host;
	pid = arch_clone(__NR_clone, CLONE_VM | CLONE_VFORK,
			 (long)(t->stacks + STACKS_SIZE / 2), 0, 0, helper, t);
	if (pid > 0)
		reap_parked((pid_t)pid);
	/* also if the helper, and so the traced process, was killed */
	if (pid > 0 && t->ret < 0 && t->pid > 0) {
		sys_call2(__NR_kill, t->pid, SIGKILL);
		reap_parked(t->pid);
	}
	sys_sigmask(&mine, NULL);
	return pid < 0 ? st_park_at(t, WARM_STEP_CLONE, (int)pid) : t->ret;
}

/**
 * st_park - park a process
 * @park: the program and the descriptors; parked is filled in
 *
 * It blocks for some milliseconds.
 *
 * Return: 0, with parked->pid a child of the caller; or -errno with the failed
 * step, and nothing left.
 */
int st_park(struct st_park *park)
{
	struct tracer *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = -ENOMEM;

	if (t == MAP_FAILED)
		return -ENOMEM;
	park->step = WARM_STEP_NONE;
	memset(park->parked, 0, offsetof(struct st_parked, files));
	t->park = park;
	t->out = park->parked;
	t->out->control.mode = (uint64_t)park->mode;
	t->stacks = mmap(NULL, STACKS_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (t->stacks != MAP_FAILED) {
		ret = trace_by_helper(t);
		park->parked->pid = t->pid;
		munmap(t->stacks, STACKS_SIZE);
	}
	munmap(t, sizeof(*t));
	return ret;
}

#else

int st_park(struct st_park *park)
{
	park->step = WARM_STEP_START;
	return -EOPNOTSUPP;
}

#endif
