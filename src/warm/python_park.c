/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a traced CPython initialise itself, and stops it where it would begin with
 * its program: at the call of Py_RunMain(). There the stub has it run the source
 * that prepares it for forks, which may import modules.
 *
 * Libraries may register handlers for fork(2), which the stub's clone does not
 * run: they are noted at a breakpoint, and run by the stub.
 */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sys.h"
#include "warm/stops.h"
#include "warm/stub.h"

#if WARM_ARCH

/* The time within which the interpreter must be initialised; and prepared. */
#define START_MOST_S 10
#define PREPARE_MOST_S 20
/* The time that ended threads have to be gone. */
#define THREADS_MOST_MS 200

enum { AT_RUN_MAIN, AT_REGISTER, STOPS };

static const char *const names[] = {
#define NAME(name) #name,
	WARM_PYTHON_SYMBOLS(NAME)
#undef NAME
};

/* argv, run_command, run_module, run_filename, orig_argv; of 3.9 and later */
static const struct warm_python_layout layouts[WARM_PYTHON_MINORS] = {
	{ 96, 336, 344, 352, 376 },  { 104, 352, 360, 368, 88 },
	{ 120, 384, 392, 400, 104 }, { 128, 392, 400, 408, 112 },
	{ 128, 400, 408, 416, 112 }, { 128, 408, 416, 424, 112 },
};

static struct warm_python *python_of(const struct st_stops *s)
{
	return &s->t->out->control.python;
}

/* Returns the address of the struct in the process. */
static uint64_t python_there(const struct tracer *t)
{
	return t->out->control.stub + WARM_TEXT_MOST +
	       offsetof(struct warm_control, python);
}

/* The child's handler is the third; the parent's is nobody's here. */
static int note_handlers(struct tracer *t, const struct user_regs_struct *regs)
{
	const size_t at = offsetof(struct warm_python, n_handlers);
	const size_t end = offsetof(struct warm_python, layouts);
	struct warm_python *p = &t->out->control.python;

	if (p->n_handlers == WARM_PYTHON_HANDLERS)
		return -E2BIG;
	p->before[p->n_handlers] = regs->rdi;
	p->child[p->n_handlers++] = regs->rdx;
	return st_trace_copy_out(t, python_there(t) + at, (const char *)p + at,
				 end - at);
}

/* Return: 1: at the call of Py_RunMain(), or the stub is through; 0; -errno. */
static int take_stop(struct st_stops *s, int which,
		     const struct user_regs_struct *regs)
{
	const struct warm_control *z = &s->t->out->control;

	if (which == AT_REGISTER)
		return note_handlers(s->t, regs);
	if (which == AT_RUN_MAIN)
		return 1;
	return regs->rip >= z->stub && regs->rip < z->stub + WARM_TEXT_MOST
		       ? 1
		       : -ENOEXEC;
}

static void note_registers(struct warm_control *z,
			   const struct user_regs_struct *regs)
{
	const uint64_t registers[8] = { regs->rbx, regs->rbp, regs->r12,
					regs->r13, regs->r14, regs->r15,
					regs->rsp, regs->rip };

	memcpy(z->python.registers, registers, sizeof(registers));
	/* forks begin below the stopped frame and its red zone */
	z->initial_sp = (regs->rsp - 256) & ~15ULL;
}

/* Notes addresses, and what the stub compares the interpreter with. */
static int note_facts(struct tracer *t)
{
	static const struct warm_python none = {
		.python = 1,
		.names = { "__builtins__", "take", "files" },
	};
	struct warm_control *z = &t->out->control;
	const struct st_shell_start *start = t->park->shell;
	struct warm_python *p = &z->python;

	*p = none;
	memcpy(p->layouts, layouts, sizeof(layouts));
	while (start->argv[p->argc])
		p->argc++;
	while (start->envp[p->n_environ])
		p->n_environ++;
	p->environ = z->initial_sp + 8 * (p->argc + 2);
	return st_trace_symbols(t, names, WARM_PYTHON_N, p->symbol);
}

/* Ends the source with a NUL, in front of the room for a launch's strings. */
static int cut_source(struct tracer *t)
{
	struct warm_python *p = &t->out->control.python;
	const struct st_shell_start *start = t->park->shell;
	const char none = '\0';
	uint64_t at = 0;
	int ret = st_trace_copy_in(
		t, p->environ - 8 * (p->argc + 1) + 8 * (p->argc - 1), &at, 8);

	p->source = at;
	return ret < 0 ? ret : st_trace_copy_out(t, at + start->rest, &none, 1);
}

/* Sets the registers to run the stub's part, whose code is put in place. */
static int enter_stub(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const size_t len = (size_t)(__stop_st_warm_stub - __start_st_warm_stub);
	struct user_regs_struct regs = t->regs;
	long ret = st_trace_copy_out(t, z->stub, __start_st_warm_stub, len);

	if (ret == 0)
		ret = st_trace_copy_out(t, z->stub + WARM_TEXT_MOST, z,
					sizeof(*z));
	if (ret == 0)
		ret = st_trace_remote(t, __NR_mprotect, z->stub, WARM_TEXT_MOST,
				      PROT_READ | PROT_EXEC, 0, 0, 0);
	regs.rip = z->stub + (uint64_t)((const char *)st_warm_python_prepare -
					__start_st_warm_stub);
	regs.rdi = z->stub + WARM_TEXT_MOST;
	regs.rsp = (z->initial_sp & ~15ULL) - 8; /* as behind a call */
	regs.orig_rax = -1UL;
	return ret < 0 ? (int)ret : st_trace_set_regs(t, &regs);
}

/* Has the stub run the source, and takes what it notes. */
static int prepare(struct st_stops *s)
{
	struct tracer *t = s->t;
	struct warm_control *z = &t->out->control;
	const struct user_regs_struct regs = t->regs;
	int ret = cut_source(t);

	if (ret == 0)
		ret = enter_stub(t);
	if (ret == 0)
		ret = st_stops_set(s, t->pid, true);
	if (ret == 0)
		ret = st_trace_resume(t);
	st_stops_allow(s, PREPARE_MOST_S);
	if (ret == 0)
		ret = st_stops_run(s);
	t->regs = regs;
	if (ret == 0)
		ret = st_stops_set(s, t->pid, false);
	if (ret == 0)
		ret = st_trace_copy_in(t, python_there(t), &z->python,
				       sizeof(z->python));
	if (ret == 0 && z->python.state != WARM_PYTHON_READY)
		ret = -ENOEXEC;
	return ret;
}

static bool is_before(const struct sys_timespec *a,
		      const struct sys_timespec *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec < b->nsec);
}

/*
 * Tells whether a file may have changed after the interpreter has read it: its key,
 * taken now, would stand for contents that this one does not have. A time in the
 * future is not of this clock, and tells nothing.
 */
static bool may_be_newer(const struct spawn_template_key *key,
			 const struct sys_timespec *begin)
{
	const struct sys_timespec changed = { key->ctime_sec, key->ctime_nsec };
	struct sys_timespec now = { 0, 0 };

	if (!key->ino || is_before(&changed, begin))
		return false;
	sys_call2(__NR_clock_gettime, CLOCK_REALTIME, &now);
	return !is_before(&now, &changed);
}

/*
 * Notes the files that have made the interpreter what it is.
 * Return: 0; -EAGAIN: one has changed since begin; -errno.
 */
static int note_files(struct tracer *t, const struct sys_timespec *begin)
{
	struct st_parked *out = t->out;
	const struct warm_python *p = &t->out->control.python;
	char path[SPAWN_TEMPLATE_PATH_MAX];
	int ret = 0;

	for (uint64_t at = 0, len; at < p->files_len; at += len + 1) {
		const unsigned int had = out->n_files;
		const uint64_t left = p->files_len - at;
		const size_t n = left < sizeof(path) ? left : sizeof(path);

		if (st_trace_copy_in(t, p->files + at, path, n) < 0)
			return -EFAULT;
		len = strnlen(path, n);
		if (len == n)
			return -ENAMETOOLONG;
		if (*path != '/')
			continue;
		ret = st_park_file(t, path, len);
		if (ret < 0 && ret != -ENOENT && ret != -ENOTDIR)
			return ret;
		if (out->n_files > had &&
		    may_be_newer(&out->files[had].key, begin))
			return -EAGAIN;
	}
	return 0;
}

/*
 * A library with threads cannot be forked by them. A handler for fork may have ended
 * them, which a thread that waits for them learns a moment before /proc shows it.
 */
static bool has_threads(struct tracer *t)
{
	const struct sys_timespec step = { 0, 1000000 };
	int n = st_stops_count(t, "task");

	for (int i = 0; n > 1 && i < THREADS_MOST_MS; i++) {
		sys_call2(__NR_nanosleep, &step, NULL);
		n = st_stops_count(t, "task");
	}
	return n != 1;
}

static int check_state(struct tracer *t)
{
	if (st_stops_has_children(t))
		return -ECHILD;
	if (has_threads(t))
		return -EBUSY;
	/* descriptors that a module opens are not sent to forks */
	return st_stops_count(t, "fd") == 5 ? 0 : -EMFILE;
}

int st_park_python(struct tracer *t)
{
	struct st_stops s = { .t = t, .n = STOPS, .take = take_stop };
	struct sys_timespec begin = { 0, 0 };
	int ret = note_facts(t);

	/* the clock that stamps files */
	sys_call2(__NR_clock_gettime, CLOCK_REALTIME_COARSE, &begin);
	s.at[AT_RUN_MAIN] = python_of(&s)->symbol[WARM_PYTHON_Py_RunMain];
	s.at[AT_REGISTER] =
		python_of(&s)->symbol[WARM_PYTHON___register_atfork];
	if (ret < 0)
		return st_park_at(t, WARM_STEP_RUNTIME, ret);
	ret = st_stops_begin(&s, START_MOST_S);
	if (ret == 0)
		ret = st_stops_run(&s);
	if (ret < 0)
		return st_park_at(t, WARM_STEP_SOURCE, ret);
	note_registers(&t->out->control, &t->regs);
	ret = st_stops_hold(&s);
	if (ret == 0)
		ret = prepare(&s);
	if (ret == 0)
		ret = check_state(t);
	if (ret == 0)
		ret = note_files(t, &begin);
	/* the next one may be lucky */
	return st_park_at(t, ret == -EAGAIN ? WARM_STEP_FILES : WARM_STEP_SHELL,
			  ret);
}

#endif
