/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells everything that a program can observe of how it was started, as lines
 * key=value. Two launches alike print the same text: addresses, ids and times are
 * told by their relation to others.
 *
 *	dump			all of it
 *	dump since TICKS	started=before or after that time since boot
 *	dump secrets		stack protector, pointer guard and AT_RANDOM in hex
 *
 * The part about libc is for glibc on x86-64.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern char _start[], _end[];

static struct {
	int argc;
	char **argv, **envp;
	const char *path;
	int error;
} at_start;

static __thread int of_thread = 41;
static char text[1 << 17];

__attribute__((constructor)) static void note(int argc, char **argv,
					      char **envp)
{
	at_start.error = errno;
	at_start.argc = argc;
	at_start.argv = argv;
	at_start.envp = envp;
	at_start.path = getenv("PATH");
}

static int plus_one(int n)
{
	return n + 1;
}

static __attribute__((used)) int (*choose_plus_one(void))(int)
{
	return plus_one;
}

/* libc's loader calls the chooser while it relocates */
int chosen(int n) __attribute__((ifunc("choose_plus_one")));

/* ---- files of /proc */

static ssize_t load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got = -1;

	while (fd >= 0 && n < (ssize_t)sizeof(text) - 1) {
		got = read(fd, text + n, sizeof(text) - 1 - (size_t)n);
		if (got <= 0)
			break;
		n += got;
	}
	if (fd >= 0)
		close(fd);
	text[n] = 0;
	return got < 0 ? -errno : n;
}

/* Tell the whole file; bytes that are not text are shown as dots. */
static void tell_file(const char *path)
{
	ssize_t n = load(path);

	printf("%s=", path);
	for (ssize_t i = 0; i < n; i++)
		putchar(text[i] >= ' ' && text[i] <= '~' ? text[i]
			: text[i] == '\n'		 ? '|'
							 : '.');
	printf(" (%zd)\n", n);
}

static void tell_link(const char *path)
{
	char to[4096];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	to[n < 0 ? 0 : n] = 0;
	printf("%s -> %s\n", path, n < 0 ? strerror(errno) : to);
}

static void tell_files(void)
{
	static const char *const files[] = {
		"cmdline",	   "environ",	    "comm",	    "limits",
		"cgroup",	   "oom_score_adj", "personality",  "autogroup",
		"loginuid",	   "sessionid",	    "attr/current", "attr/exec",
		"coredump_filter", "timerslack_ns", "timers",	    "uid_map",
		"gid_map",	   "setgroups",	    "mountinfo",    "cpuset",
		"timens_offsets",
	};
	static const char *const links[] = {
		"exe",
		"cwd",
		"root",
		"ns/mnt",
		"ns/net",
		"ns/ipc",
		"ns/uts",
		"ns/user",
		"ns/pid",
		"ns/cgroup",
		"ns/time",
		"ns/pid_for_children",
		"ns/time_for_children",
	};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
		tell_file(path);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", links[i]);
		tell_link(path);
	}
}

static void tell_status(void)
{
	static const char *const own[] = {
		"Pid:",	 "Tgid:",	  "Ngid:",	   "NS",
		"Vm",	 "Rss",		  "voluntary",	   "nonvoluntary",
		"SigQ:", "HugetlbPages:", "Mems_allowed:",
	};
	size_t i, n = sizeof(own) / sizeof(*own);

	load("/proc/self/status");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		for (i = 0; i < n && strncmp(line, own[i], strlen(own[i])); i++)
			;
		if (!strncmp(line, "PPid:", 5))
			printf("status.PPid is the parent %d\n",
			       atoi(line + 5) == getppid());
		else if (i == n)
			printf("status.%s\n", line);
	}
}

/* ---- mappings */

struct area {
	uint64_t from, to;
};

static struct area stack, heap, vdso, exe, linker, exe_data;

static bool in(const struct area *a, const void *p)
{
	return (uint64_t)p >= a->from && (uint64_t)p < a->to;
}

static void note_area(struct area *a, uint64_t from, uint64_t to)
{
	if (!a->from)
		a->from = from;
	a->to = to;
}

/* Tell the mappings in order of their addresses. */
static void tell_maps(void)
{
	char self[4096] = "", rights[8], name[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	uint64_t from, to, offset;

	self[n < 0 ? 0 : n] = 0;
	load("/proc/self/maps");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		name[0] = 0;
		sscanf(line, "%lx-%lx %7s %lx %*s %*s %4095[^\n]", &from, &to,
		       rights, &offset, name);
		if (!strcmp(name, "[stack]"))
			note_area(&stack, from, to);
		else if (!strcmp(name, "[heap]"))
			note_area(&heap, from, to);
		else if (!strcmp(name, "[vdso]"))
			note_area(&vdso, from, to);
		else if (!strcmp(name, self))
			note_area(rights[1] == 'w' ? &exe_data : &exe, from,
				  to);
		else if (strstr(name, "/ld-linux"))
			note_area(&linker, from, to);
		/* the kernel chooses the stack's size and the order of vvar */
		if (name[0] == '[')
			printf("map %s %s\n", rights, name);
		else
			printf("map %s %lx %lx %s\n", rights, offset, to - from,
			       name);
	}
	printf("stack holds argv %d environment %d strings %d\n",
	       in(&stack, at_start.argv), in(&stack, at_start.envp),
	       in(&stack, at_start.argv[0]));
}

/* ---- /proc/self/stat */

static uint64_t stat_field[64];

static char read_stat(void)
{
	char *at;
	int i = 3;

	load("/proc/self/stat");
	at = strrchr(text, ')');
	for (char *word = strtok(at + 3, " "); word && ++i < 64;
	     word = strtok(NULL, " "))
		stat_field[i] = strtoull(word, NULL, 10);
	return at[2];
}

static void tell_stat(void)
{
	static const struct {
		int at;
		const char *name;
	} plain[] = {
		{ 7, "tty" },
		{ 8, "tpgid" },
		{ 9, "flags" },
		{ 18, "priority" },
		{ 19, "nice" },
		{ 20, "threads" },
		{ 21, "itimer" },
		{ 25, "rss-limit" },
		{ 31, "pending" },
		{ 32, "blocked" },
		{ 33, "ignored" },
		{ 34, "caught" },
		{ 38, "exit-signal" },
		{ 40, "rt-priority" },
		{ 41, "policy" },
		{ 16, "children-user" },
		{ 17, "children-system" },
	};
	const uint64_t *f = stat_field;
	char state = read_stat();

	printf("stat.state=%c\n", state);
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		printf("stat.%s=%lx\n", plain[i].name, f[plain[i].at]);
	printf("stat: leads group %d session %d parent's group %d session %d\n",
	       f[5] == (uint64_t)getpid(), f[6] == (uint64_t)getpid(),
	       f[5] == (uint64_t)getpgid(getppid()),
	       f[6] == (uint64_t)getsid(getppid()));
	printf("stat: arguments %d..%d environment %d..%d stack %d\n",
	       f[48] == (uint64_t)at_start.argv[0],
	       f[49] == (uint64_t)at_start.envp[0],
	       f[50] == (uint64_t)at_start.envp[0],
	       f[51] > f[50] && in(&stack, (void *)f[51]),
	       f[28] == (uint64_t)(at_start.argv - 1));
	printf("stat: code %d..%d data %d..%d heap behind data %d\n",
	       in(&exe, (void *)f[26]), in(&exe, (void *)(f[27] - 1)),
	       f[45] >= exe.from && f[45] < exe_data.to,
	       f[46] <= (uint64_t)_end, f[47] >= (uint64_t)_end);
	printf("heap begins at its start %d, all used below 10 s of time %d\n",
	       !heap.from || heap.from == f[47], f[14] + f[15] < 1000);
}

/* ---- arguments, environment, auxiliary vector */

static void tell_value(uint64_t type, uint64_t value)
{
	const void *p = (const void *)value;

	switch (type) {
	case AT_PLATFORM:
	case AT_BASE_PLATFORM:
	case AT_EXECFN:
		printf("%s in stack %d", (const char *)p, in(&stack, p));
		break;
	case AT_RANDOM:
		printf("in stack %d", in(&stack, p));
		break;
	case AT_SYSINFO_EHDR:
		printf("vdso %d", value == vdso.from);
		break;
	case AT_BASE:
		printf("linker %d", value == linker.from);
		break;
	case AT_ENTRY:
		printf("start %d", p == _start);
		break;
	case AT_PHDR:
		printf("in exe %d", in(&exe, p));
		break;
	default:
		printf("%lx", value);
	}
}

static void tell_start(void)
{
	char **end = at_start.envp, **argv = at_start.argv;
	uint64_t *aux;
	int argc = at_start.argc;

	printf("argc=%d on the stack %ld, aligned %d\n", argc,
	       ((long *)argv)[-1], ((uint64_t)(argv - 1) & 15) == 0);
	for (int i = 0; i < argc; i++)
		printf("argv.%d=%s\n", i, argv[i]);
	for (; *end; end++)
		printf("env %s\n", *end);
	printf("environ is envp %d behind argv %d; strings in a row %d\n",
	       environ == at_start.envp, at_start.envp == argv + argc + 1,
	       !at_start.envp[0] ||
		       at_start.envp[0] ==
			       argv[argc - 1] + strlen(argv[argc - 1]) + 1);
	printf("errno=%d name=%s short=%s PATH in constructor=%s\n",
	       at_start.error, program_invocation_name,
	       program_invocation_short_name,
	       at_start.path ? at_start.path : "");
	for (aux = (uint64_t *)(end + 1); aux[0] != AT_NULL; aux += 2) {
		printf("aux.%lu=", aux[0]);
		tell_value(aux[0], aux[1]);
		printf(" getauxval %d\n", getauxval(aux[0]) == aux[1]);
	}
	printf("/proc/self/auxv is the same %d\n",
	       load("/proc/self/auxv") > 0 &&
		       !memcmp(text, end + 1,
			       (size_t)((char *)aux - (char *)(end + 1))));
}

/* ---- descriptors */

static void tell_fd(const char *name)
{
	char path[300];
	int fd = atoi(name);

	snprintf(path, sizeof(path), "/proc/self/fd/%s", name);
	tell_link(path);
	printf("fd.%d flags %x fd-flags %x at %ld tty %d\n", fd,
	       fcntl(fd, F_GETFL), fcntl(fd, F_GETFD),
	       (long)lseek(fd, 0, SEEK_CUR), isatty(fd));
}

static void tell_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");

	for (struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] != '.' && atoi(d->d_name) != dirfd(dir))
			tell_fd(d->d_name);
	if (dir)
		closedir(dir);
}

/* ---- signals and timers */

static void tell_signals(void)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} act;
	struct itimerval timer;
	uint64_t set = 0;
	stack_t alternate;

	for (int sig = 1; sig <= 64; sig++)
		if (syscall(SYS_rt_sigaction, sig, NULL, &act, 8) == 0 &&
		    (act.handler || act.flags || act.mask))
			printf("signal.%d=%s %lx %lx\n", sig,
			       !act.handler		? "default"
			       : act.handler == SIG_IGN ? "ignored"
							: "caught",
			       act.flags, act.mask);
	syscall(SYS_rt_sigprocmask, 0, NULL, &set, 8);
	printf("blocked=%lx\n", set);
	syscall(SYS_rt_sigpending, &set, 8);
	printf("pending=%lx\n", set);
	sigaltstack(NULL, &alternate);
	printf("alternate=%p %d %zu\n", alternate.ss_sp, alternate.ss_flags,
	       alternate.ss_size);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		getitimer(which, &timer);
		printf("itimer.%d=%ld\n", which,
		       timer.it_value.tv_sec + timer.it_value.tv_usec +
			       timer.it_interval.tv_sec);
	}
}

/* ---- attributes by calls */

static void tell_prctl(const char *name, int option)
{
	long ret = prctl(option, 0, 0, 0, 0);

	printf("%s=%ld\n", name, ret < 0 ? -(long)errno : ret);
}

static void tell_attributes(void)
{
	int sig = -1, reaper = -1, mode = -1, fd;
	uint64_t nodes[16] = { 0 };
	struct sched_param param;
	cpu_set_t cpus;

	prctl(PR_GET_PDEATHSIG, &sig);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	printf("pdeathsig=%d\nsubreaper=%d\n", sig, reaper);
	tell_prctl("dumpable", PR_GET_DUMPABLE);
	tell_prctl("no-new-privs", PR_GET_NO_NEW_PRIVS);
	tell_prctl("keepcaps", PR_GET_KEEPCAPS);
	tell_prctl("securebits", PR_GET_SECUREBITS);
	tell_prctl("timing", PR_GET_TIMING);
	tell_prctl("slack", PR_GET_TIMERSLACK);
	tell_prctl("huge-pages", PR_GET_THP_DISABLE);
	tell_prctl("io-flusher", PR_GET_IO_FLUSHER);
	tell_prctl("machine-check", PR_MCE_KILL_GET);
	tell_prctl("deny-write-exec", 66 /* PR_GET_MDWE */);
	tell_prctl("memory-merge", 68 /* PR_GET_MEMORY_MERGE */);
	for (long i = 0; i < 3; i++)
		printf("speculation.%ld=%d\n", i,
		       prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0));
	printf("keyring=%ld\n", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
	sched_getparam(0, &param);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("policy=%d priority=%d nice=%d io=%ld processors=%d\n",
	       sched_getscheduler(0), param.sched_priority,
	       getpriority(PRIO_PROCESS, 0), syscall(SYS_ioprio_get, 1, 0),
	       CPU_COUNT(&cpus));
	syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0);
	printf("mempolicy=%d %lx\n", mode, nodes[0]);
	printf("umask=%03o\n", umask(022));
	/* a sandbox shows by what it forbids */
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	printf("writes=%d\n", fd < 0 ? -errno : 1);
	close(fd);
}

static void tell_usage(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	printf("children used %ld, faults %ld, largest %ld\n",
	       children.ru_utime.tv_usec + children.ru_stime.tv_usec,
	       children.ru_minflt + children.ru_majflt, children.ru_maxrss);
	printf("used below 10 s %d\n", self.ru_utime.tv_sec < 10);
	load("/proc/thread-self/children");
	printf("children=%s\n", text);
}

/* ---- libc */

static int tell_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	printf("object [%s] headers %d tls %zu\n", info->dlpi_name,
	       info->dlpi_phnum, info->dlpi_tls_modid);
	return 0;
}

static void *add_one(void *n)
{
	of_thread += (int)(uintptr_t)n;
	return (void *)(uintptr_t)(of_thread + 1);
}

static void tell_thread(void)
{
	int *tid_at = NULL, tid = (int)syscall(SYS_gettid), status;
	pthread_mutexattr_t kind;
	pthread_mutex_t mutex;
	void *head = NULL, *got = NULL;
	size_t size = 0;
	pthread_t thread;
	pid_t pid;

	syscall(SYS_get_robust_list, 0, &head, &size);
	printf("robust list %d of %zu\n", head && *(void **)head == head, size);
	prctl(PR_GET_TID_ADDRESS, &tid_at);
	printf("tid is pid %d, gettid %d; word is %s\n", tid == getpid(),
	       gettid() == tid, tid_at && *tid_at == tid ? "the tid" : "other");
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &kind);
	printf("lock %d", pthread_mutex_lock(&mutex));
	printf(" again %d", pthread_mutex_lock(&mutex));
	printf(" unlock %d\n", pthread_mutex_unlock(&mutex));
	pthread_create(&thread, NULL, add_one, (void *)1);
	pthread_join(thread, &got);
	printf("thread=%ld of-thread=%d chosen=%d\n", (long)got, of_thread,
	       chosen(6));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		raise(SIGTERM);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	printf("raise=%d\n", status);
}

static void tell_libc(void)
{
	pthread_attr_t attr;
	void *low;
	size_t size;

	dl_iterate_phdr(tell_object, NULL);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &size);
	printf("stack contains this %d, is in the mapping %d\n",
	       (void *)&attr > low && (char *)&attr < (char *)low + size,
	       in(&stack, (char *)low + size - 1));
	tell_thread();
	printf("main program again %d, libm %d\n", dlopen(NULL, RTLD_LAZY) != 0,
	       dlopen("libm.so.6", RTLD_LAZY) != NULL);
	fflush(stdout);
	printf("system=%d\n",
	       system("echo \"a shell of $PPID\" | sed s/.*/x/"));
}

#ifdef __x86_64__

/* libc makes both secrets of the bytes at AT_RANDOM. */
static void tell_secrets(bool all)
{
	const uint64_t *random = (uint64_t *)getauxval(AT_RANDOM);
	uint64_t canary, guard;
	uint32_t mxcsr;
	uint16_t control;

	__asm__("movq %%fs:0x28, %0\n\tmovq %%fs:0x30, %1"
		: "=r"(canary), "=r"(guard));
	if (all)
		printf("%lx\n%lx\n%lx%lx\n", canary, guard, random[0],
		       random[1]);
	__asm__("stmxcsr %0" : "=m"(mxcsr));
	__asm__("fnstcw %0" : "=m"(control));
	if (!all)
		printf("secrets of AT_RANDOM %d %d; mxcsr %x control %x\n",
		       canary == (random[0] & ~0xffULL), guard == random[1],
		       mxcsr, control);
}

/* Reads the cpu that rseq tells; libc registers the area for each thread. */
static void tell_rseq(void)
{
	const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	const unsigned int *size = dlsym(RTLD_DEFAULT, "__rseq_size");
	const char *self;
	int32_t cpu = -1;

	__asm__("movq %%fs:0, %0" : "=r"(self));
	if (offset && size && *size)
		memcpy(&cpu, self + *offset + 4, sizeof(cpu));
	printf("rseq size %u cpu known %d\n", size ? *size : 0, cpu >= 0);
}

#else

static void tell_secrets(bool all)
{
	(void)all;
}

static void tell_rseq(void)
{
}

#endif

int main(int argc, char **argv)
{
	static char buffer[1 << 16];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (argc > 1 && !strcmp(argv[1], "secrets")) {
		tell_secrets(true);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "since")) {
		read_stat();
		printf("started=%s\n", stat_field[22] < strtoull(argv[2], 0, 10)
					       ? "before"
					       : "after");
		return 0;
	}
	tell_maps();
	tell_start();
	tell_stat();
	tell_status();
	tell_files();
	tell_fds();
	tell_signals();
	tell_attributes();
	tell_usage();
	tell_secrets(false);
	tell_rseq();
	tell_libc();
	return 42;
}
