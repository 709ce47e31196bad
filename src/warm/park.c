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
#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <linux/sched.h>

#include "identity.h"
#include "sys.h"
#include "warm/arch.h"
#include "warm/park.h"
#include "warm/stub.h"

#if WARM_ARCH

#define STACKS_SIZE (64 * 1024)	/* the helper's, and behind it the process's */
#define LOOP_STACK 16384
#define TEXT_MOST (4 * WARM_PAGE)
#define THREAD_BLOCK 0xb00	/* of libc's struct pthread, in which the tid is */

/* Shared by the three processes while parking. */
struct tracer {
	struct st_park *park;
	struct st_parked *out;
	char *stacks;
	pid_t helper;
	_Atomic uint32_t ready, go;	/* futexes */
	pid_t pid;
	int exec_error;
	int ret;
	struct user_regs_struct regs;	/* at the program's start */
	uint64_t call_at;		/* address for remote calls */
	uint64_t base;			/* AT_BASE */
	char text[16384];		/* text of /proc files */
	char code[4096 + sizeof(warm_gadget)];
};

static void wait_word(_Atomic uint32_t *word)
{
	while (!*word)
		sys_call4(__NR_futex, word, FUTEX_WAIT, 0, 0);
}

static void set_word(_Atomic uint32_t *word)
{
	*word = 1;
	sys_call3(__NR_futex, word, FUTEX_WAKE, 1);
}

static int at_step(struct tracer *t, enum warm_step step, int ret)
{
	if (ret < 0)
		t->park->step = step;
	return ret;
}

/* ---- the process, until exec */

static int take_fds(const struct st_park *p)
{
	const int from[] = { p->null, p->null,	 p->null,
			     p->slot, p->socket, p->door };
	const int to[] = { 0, 1, 2, WARM_SLOT_FD, WARM_SOCKET, WARM_DOOR };
	int copy[6], ret = 0;

	/* copy all above first: any number may be one of those */
	for (int i = 0; i < 6 && ret >= 0; i++)
		ret = copy[i] =
			sys_fcntl(from[i], F_DUPFD_CLOEXEC, WARM_DOOR + 1);
	for (int i = 0; i < 6 && ret >= 0; i++)
		ret = sys_dup3(copy[i], to[i], 0);
	if (ret >= 0)
		ret = sys_close_range(3, WARM_SLOT_FD - 1, 0);
	if (ret >= 0)
		ret = sys_close_range(WARM_DOOR + 1, ~0U, 0);
	return ret;
}

/* Runs in the process, in the helper's memory, with all signals blocked. */
static void process(void *arg)
{
	struct tracer *t = arg;
	const struct st_park *p = t->park;
	char *argv[] = { (char *)p->argv0, NULL };
	char *envp[] = { NULL };
	int ret;

	/* under yama a sibling may trace only a process that names it first */
	sys_call5(__NR_prctl, PR_SET_PTRACER, t->helper, 0, 0, 0);
	set_word(&t->ready);
	wait_word(&t->go);
	ret = take_fds(p);
	if (ret >= 0)
		ret = sys_call5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (ret >= 0)
		ret = st_path_check(p->path, p->key, 0);
	if (ret >= 0)
		ret = sys_execve(p->path, argv, envp);
	t->exec_error = ret;
	sys_exit(127);
}

/* ---- tracing */

/* Return: the status of a stop; -errno, and -ESRCH if the process has ended. */
static int wait_stop(const struct tracer *t)
{
	int status = 0;
	long ret;

	do {
		ret = sys_call4(__NR_wait4, t->pid, &status, __WALL, 0);
	} while (ret == -EINTR);
	if (ret < 0)
		return (int)ret;
	return WIFSTOPPED(status) ? status : -ESRCH;
}

static int get_regs(const struct tracer *t, struct user_regs_struct *regs)
{
	return sys_call4(__NR_ptrace, PTRACE_GETREGS, t->pid, 0, regs);
}

static int set_regs(const struct tracer *t, const struct user_regs_struct *regs)
{
	return sys_call4(__NR_ptrace, PTRACE_SETREGS, t->pid, 0, regs);
}

static int resume(const struct tracer *t)
{
	return sys_call4(__NR_ptrace, PTRACE_CONT, t->pid, 0, 0);
}

static int poke(const struct tracer *t, uint64_t at, uint64_t word)
{
	return sys_call4(__NR_ptrace, PTRACE_POKETEXT, t->pid, at, word);
}

static int copy_in(const struct tracer *t, uint64_t from, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)from, len };
	long ret = sys_call6(__NR_process_vm_readv, t->pid, (long)&local, 1,
			     (long)&remote, 1, 0);

	return ret == (long)len ? 0 : ret < 0 ? (int)ret : -EFAULT;
}

static int copy_out(const struct tracer *t, uint64_t to, const void *from,
		    size_t len)
{
	struct iovec local = { (void *)from, len },
		     remote = { (void *)to, len };
	long ret = sys_call6(__NR_process_vm_writev, t->pid, (long)&local, 1,
			     (long)&remote, 1, 0);

	return ret == (long)len ? 0 : ret < 0 ? (int)ret : -EFAULT;
}

static int expect_trap(const struct tracer *t, struct user_regs_struct *regs)
{
	int status = wait_stop(t);

	if (status < 0)
		return status;
	if (WSTOPSIG(status) != SIGTRAP)
		return -ENOEXEC;
	return get_regs(t, regs);
}

/* Has the stopped process make a system call. Return: its answer. */
static long remote(struct tracer *t, long nr, uint64_t a, uint64_t b,
		   uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct user_regs_struct regs = t->regs;
	int ret;

	regs.rax = (unsigned long)nr;
	regs.orig_rax = -1UL;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	regs.rip = t->call_at;
	ret = set_regs(t, &regs);
	if (ret == 0)
		ret = resume(t);
	if (ret == 0)
		ret = expect_trap(t, &regs);
	return ret < 0 ? ret : (long)regs.rax;
}

/* ---- /proc */

static void put_number(char *to, unsigned int n)
{
	char digits[12];
	int len = 0;

	do {
		digits[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (len)
		*to++ = digits[--len];
	*to = '\0';
}

static int open_proc(const struct tracer *t, const char *file)
{
	char path[40] = "/proc/";
	int at = 6;

	put_number(path + at, (unsigned int)t->pid);
	while (path[at])
		at++;
	path[at++] = '/';
	while ((path[at++] = *file++))
		;
	return sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

/*
 * Reads a file of /proc.
 * Return: bytes, with a NUL behind the last; -E2BIG if there are more.
 */
static int read_proc(const struct tracer *t, const char *file, char *to,
		     int size)
{
	int fd = open_proc(t, file), len = 0, got = fd;

	if (fd < 0)
		return fd;
	do {
		got = sys_call3(__NR_read, fd, to + len, size - 1 - len);
		if (got > 0)
			len += got;
	} while (got > 0 || got == -EINTR);
	sys_close(fd);
	if (got < 0)
		return got;
	to[len] = '\0';
	return len < size - 1 ? len : -E2BIG;
}

static uint64_t number(const char **at, unsigned int base)
{
	uint64_t n = 0;

	for (;; (*at)++) {
		unsigned int digit;

		if (**at >= '0' && **at <= '9')
			digit = (unsigned int)(**at - '0');
		else if (base == 16 && **at >= 'a' && **at <= 'f')
			digit = (unsigned int)(**at - 'a') + 10;
		else
			return n;
		n = n * base + digit;
	}
}

/* ---- run to the program's start */

static int begin_trace(struct tracer *t)
{
	int ret, status;

	wait_word(&t->ready);
	ret = sys_call4(__NR_ptrace, PTRACE_SEIZE, t->pid, 0,
			PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	set_word(&t->go);
	if (ret < 0)
		return at_step(t, WARM_STEP_TRACE, ret);
	status = wait_stop(t);
	if (status < 0)
		return at_step(t, WARM_STEP_EXEC,
			       t->exec_error ? t->exec_error : status);
	if (status >> 16 != PTRACE_EVENT_EXEC)
		return at_step(t, WARM_STEP_EXEC, -ECHILD);
	return at_step(t, WARM_STEP_TRACE, get_regs(t, &t->regs));
}

static int take_auxv(struct tracer *t)
{
	struct st_parked *out = t->out;
	int len = read_proc(t, "auxv", t->text, sizeof(t->text));
	bool secure = false;

	if (len < 0 || (size_t)len > sizeof(out->auxv))
		return at_step(t, WARM_STEP_START, len < 0 ? len : -E2BIG);
	memcpy(out->auxv, t->text, (size_t)len);
	out->n_auxv = (unsigned int)len / 8;
	for (unsigned int i = 0; i + 1 < out->n_auxv; i += 2) {
		uint64_t value = out->auxv[i + 1];

		if (out->auxv[i] == AT_BASE)
			t->base = value;
		else if (out->auxv[i] == AT_ENTRY)
			out->control.entry = value;
		else if (out->auxv[i] == AT_RANDOM)
			out->control.at_random = value;
		else if (out->auxv[i] == AT_SECURE)
			secure = value;
	}
	if (secure)
		return at_step(t, WARM_STEP_SECURE, -EPERM);
	if (!t->base || !out->control.at_random)
		return at_step(t, WARM_STEP_STATIC, -ENOEXEC);
	return 0;
}

/* Lets ld.so run until it has relocated everything. */
static int run_to_start(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	uint64_t code[WARM_START_BYTES / 8 + 1], at = t->regs.rip;
	struct user_regs_struct regs;
	int ret = copy_in(t, at, code, sizeof(code));

	if (ret < 0)
		return at_step(t, WARM_STEP_START, ret);
	if (!warm_is_start((unsigned char *)code))
		return at_step(t, WARM_STEP_START, -ENOEXEC);
	z->initial_sp = t->regs.rsp;
	z->resume = at + WARM_RESUME_AT;
	ret = poke(t, z->resume, (code[1] & ~0xffULL) | WARM_TRAP);
	if (ret == 0)
		ret = resume(t);
	if (ret == 0)
		ret = expect_trap(t, &regs);
	if (ret == 0 && (regs.rip != z->resume + WARM_TRAP_SIZE ||
			 regs.rax != z->entry || regs.rsp != z->initial_sp))
		ret = -ENOEXEC;
	if (ret < 0)
		return at_step(t, WARM_STEP_RELOCATE, ret);
	t->regs = regs;
	t->call_at = z->resume;
	ret = poke(t, t->call_at,
		   (code[1] & ~WARM_REMOTE_MASK) | WARM_REMOTE_CALL);
	t->text[0] = 0;
	memcpy(t->text, &code[1], sizeof(code[1])); /* to be put back */
	return at_step(t, WARM_STEP_RELOCATE, ret);
}

/* ---- facts for the stub */

static int map_stub(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const uint64_t size = TEXT_MOST + 2 * WARM_PAGE;
	long at = remote(t, __NR_mmap, 0, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0);
	long ret = at, stack = 0;

	if (ret < 0 && ret > -4096)
		return at_step(t, WARM_STEP_MAP, (int)ret);
	z->stub = (uint64_t)at;
	z->stub_len = size;
	z->slot = z->stub + TEXT_MOST + WARM_PAGE;
	ret = remote(t, __NR_mmap, z->slot, WARM_PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, WARM_SLOT_FD, 0);
	if (ret == (long)z->slot)
		ret = remote(t, __NR_close, WARM_SLOT_FD, 0, 0, 0, 0, 0);
	if (ret == 0 && z->mode != WARM_ONCE) {
		stack = remote(t, __NR_mmap, 0, LOOP_STACK,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0);
		ret = stack < 0 && stack > -4096
			      ? stack
			      : remote(t, __NR_madvise, (uint64_t)stack,
				       LOOP_STACK, MADV_DONTFORK, 0, 0, 0);
		z->stack_top = (uint64_t)stack + LOOP_STACK;
	}
	return at_step(t, WARM_STEP_MAP, (int)ret);
}

/*
 * Finds the thread's id in libc's thread block: the one word there that equals
 * the id. If the upper half of a pointer equals it, too, this process is not
 * parked.
 */
static int find_tid(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	uint32_t block[THREAD_BLOCK / 4];
	int found = 0, ret = copy_in(t, t->regs.fs_base, block, sizeof(block));

	for (unsigned int i = 0; ret == 0 && i < THREAD_BLOCK / 4; i++) {
		if (block[i] != (uint32_t)t->pid)
			continue;
		z->tid_field = t->regs.fs_base + i * 4ULL;
		found++;
	}
	return ret < 0 ? ret : found == 1 ? 0 : -EAGAIN;
}

static int take_thread(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	/* room above the stub's text, where the control page will be */
	uint64_t scratch = z->stub + TEXT_MOST, words[2];
	long ret =
		remote(t, __NR_prctl, PR_GET_TID_ADDRESS, scratch, 0, 0, 0, 0);

	if (ret == 0)
		ret = copy_in(t, scratch, words, 8);
	if (ret == 0)
		z->tid_address = words[0];
	if (ret == 0)
		ret = remote(t, __NR_get_robust_list, 0, scratch, scratch + 8,
			     0, 0, 0);
	if (ret == 0)
		ret = copy_in(t, scratch, words, 8);
	if (ret == 0)
		z->robust_list = words[0];
	if (ret == 0)
		ret = find_tid(t);
	return at_step(t, WARM_STEP_THREAD, (int)ret);
}

/* Reads the fields of /proc/PID/stat that PR_SET_MM_MAP takes. */
static int take_layout(struct tracer *t)
{
	struct prctl_mm_map *mm = &t->out->mm;
	uint64_t field[53] = { 0 };
	const char *at;
	long brk;
	int ret = read_proc(t, "stat", t->text + 16, sizeof(t->text) - 16);

	if (ret < 0)
		return at_step(t, WARM_STEP_THREAD, ret);
	at = strrchr(t->text + 16, ')');
	for (int i = 2; at && *at && i < 53; i++) {
		const char *digits = at + (*at == '-' || *at == ' ');

		field[i] = number(&digits, 10);
		at = strchr(at + 1, ' ');
		if (at)
			at++;
	}
	brk = remote(t, __NR_brk, 0, 0, 0, 0, 0, 0);
	if (!field[50] || brk <= 0)
		return at_step(t, WARM_STEP_THREAD, -EPROTO);
	*mm = (struct prctl_mm_map){
		.start_code = field[26],
		.end_code = field[27],
		.start_stack = field[28],
		.start_data = field[45],
		.end_data = field[46],
		.start_brk = field[47],
		.brk = (uint64_t)brk,
		.exe_fd = (uint32_t)-1,
	};
	return 0;
}

/* ---- mapped files */

static int add_file(struct tracer *t, const char *path, size_t len)
{
	struct st_parked *out = t->out;
	struct warm_file *f = &out->files[out->n_files];
	char *to = out->paths + out->paths_len;
	int ret;

	if (out->n_files == WARM_FILES_MOST ||
	    out->paths_len + len + 1 > WARM_PATHS_SIZE)
		return -E2BIG;
	memcpy(to, path, len);
	to[len] = '\0';
	for (unsigned int i = 0; i < out->n_files; i++)
		if (strcmp(out->files[i].path, to) == 0)
			return 0;
	ret = st_key_of_path(to, &f->key);
	if (ret == -ENOENT)
		memset(&f->key, 0, sizeof(f->key));
	else if (ret < 0)
		return ret;
	f->path = to;
	out->paths_len += (unsigned int)len + 1;
	out->n_files++;
	return ret;
}

/*
 * Adds a mapping's file, if device and inode are those of the file at its path.
 */
static int add_mapped(struct tracer *t, const char *path, size_t len,
		      uint64_t major, uint64_t minor, uint64_t ino)
{
	unsigned int n = t->out->n_files;
	const struct spawn_template_key *key;
	int ret = add_file(t, path, len);

	if (ret < 0 || t->out->n_files == n)
		return ret;
	key = &t->out->files[n].key;
	return key->ino == ino && key->dev_major == major &&
			       key->dev_minor == minor
		       ? 0
		       : -ESTALE;
}

static int find_gadget(struct tracer *t, uint64_t from, uint64_t to)
{
	char *code = t->code;

	for (uint64_t at = from; at < to; at += 4096) {
		size_t len = sizeof(t->code);
		const char *hit;

		if (at + len > to)
			len = (size_t)(to - at);
		if (copy_in(t, at, code, len) < 0)
			return 0;
		hit = memmem(code, len, warm_gadget, sizeof(warm_gadget));
		if (hit) {
			t->out->control.gadget = at + (uint64_t)(hit - code);
			return 1;
		}
	}
	return 0;
}

/* Parses a line: "from-to prot offset major:minor inode   path". */
static int take_mapping(struct tracer *t, const char *line, const char *end)
{
	const char *at = line, *path;
	uint64_t from, to, major, minor, ino;
	bool runs;

	from = number(&at, 16);
	at++;
	to = number(&at, 16);
	at++;
	runs = at[2] == 'x';
	at += 5;
	number(&at, 16);
	at++;
	major = number(&at, 16);
	at++;
	minor = number(&at, 16);
	at++;
	ino = number(&at, 10);
	path = memchr(at, '/', (size_t)(end - at));
	if (!ino || !path)
		return 0;
	/* the slot's file has no name in the file system */
	if (strncmp(path, "/memfd:", 7) == 0)
		return 0;
	if (runs && !t->out->control.gadget && from <= t->regs.rip)
		find_gadget(t, from, to);
	return add_mapped(t, path, (size_t)(end - path), major, minor, ino);
}

static int take_files(struct tracer *t)
{
	static const char *const read_by_ld[] = { "/etc/ld.so.cache",
						  "/etc/ld.so.preload" };
	char *text = t->text + 16;
	int ret = read_proc(t, "maps", text, sizeof(t->text) - 16);
	char *line = text, *end;

	for (; ret >= 0 && (end = strchr(line, '\n')); line = end + 1)
		ret = take_mapping(t, line, end);
	for (int i = 0; i < 2 && ret >= 0; i++) {
		ret = add_file(t, read_by_ld[i], strlen(read_by_ld[i]));
		if (ret == -ENOENT)
			ret = 0;
	}
	if (ret < 0)
		return at_step(t, WARM_STEP_FILES, ret);
	if (!t->out->control.gadget)
		return at_step(t, WARM_STEP_GADGET, -ENOEXEC);
	return 0;
}

/* ---- leave for the stub */

static int leave(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const size_t len = (size_t)(__stop_st_warm_stub - __start_st_warm_stub);
	struct user_regs_struct regs = t->regs;
	uint64_t code;
	long ret = copy_out(t, z->stub, __start_st_warm_stub, len);

	if (ret == 0)
		ret = copy_out(t, z->stub + TEXT_MOST, z, sizeof(*z));
	if (ret == 0)
		ret = remote(t, __NR_mprotect, z->stub, TEXT_MOST,
			     PROT_READ | PROT_EXEC, 0, 0, 0);
	memcpy(&code, t->text, sizeof(code));
	if (ret == 0)
		ret = poke(t, z->resume, code);
	regs.rip = z->stub + (uint64_t)((const char *)st_warm_enter -
					__start_st_warm_stub);
	regs.rdi = z->stub + TEXT_MOST;
	regs.rsp = (z->mode == WARM_ONCE ? z->initial_sp - WARM_GAP
					 : z->stack_top) -
		   8;
	regs.rsp = (regs.rsp & ~15ULL) - 8; /* as behind a call */
	regs.orig_rax = -1UL;
	if (ret == 0)
		ret = set_regs(t, &regs);
	if (ret == 0)
		ret = sys_call4(__NR_ptrace, PTRACE_DETACH, t->pid, 0, 0);
	return at_step(t, WARM_STEP_LEAVE, (int)ret);
}

static int trace(struct tracer *t)
{
	int ret = begin_trace(t);

	if (ret == 0)
		ret = take_auxv(t);
	if (ret == 0)
		ret = run_to_start(t);
	if (ret == 0)
		ret = map_stub(t);
	if (ret == 0)
		ret = take_thread(t);
	if (ret == 0)
		ret = take_layout(t);
	if (ret == 0)
		ret = take_files(t);
	if (ret == 0)
		ret = leave(t);
	return ret;
}

/* Runs the helper, which ends with the thread that parks. */
static void helper(void *arg)
{
	struct tracer *t = arg;
	long pid;

	t->helper = sys_call0(__NR_getpid);
	t->ret = sys_call5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	pid = arch_clone(__NR_clone, CLONE_VM | CLONE_PARENT,
			 (long)(t->stacks + STACKS_SIZE), 0, 0, process, t);
	if (pid < 0) {
		t->ret = at_step(t, WARM_STEP_CLONE, (int)pid);
		sys_exit(0);
	}
	t->pid = (pid_t)pid;
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
	return pid < 0 ? at_step(t, WARM_STEP_CLONE, (int)pid) : t->ret;
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
	memset(park->parked, 0, sizeof(*park->parked));
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
