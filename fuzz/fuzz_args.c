/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the arguments that callers pass: the input chooses a call, the size
 * and every field of its structure, mostly from values that matter. A model
 * predicts which arguments must be refused, and with which error; a launch that
 * goes through runs the smallest of programs, with actions that harm nothing
 * outside of it.
 *
 * After each call: outputs are set on success only, no fd and no child is left,
 * working directory and umask are as before. Structures end where their memory
 * ends, so that the sanitizer sees a read or write beyond the stated size.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <spawn_template.h>

#include "fuzz.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096
#define ADDR(p) ((uint64_t)(uintptr_t)(p))

/* Does as MUST(), and prints the value that it got. */
static void must_be(int got, int want, const char *call)
{
	if (got == want)
		return;
	fprintf(stderr, "%s: got %d, want %d\n", call, got, want);
	abort();
}

static uint64_t number(void)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | byte();
	return n;
}

#define PICK(a) ((a)[byte() % COUNT(a)])

/* ---- the scene ---- */

static char exe[] = "/tmp/spawn-template-fuzz.XXXXXX/exe";
static char *dir, *script, *text, *not_executable;
static int tfd, tfd_dup, exe_fd, script_fd, text_fd, dir_fd, pipe_fd;
static int first_free;
static char home[4096]; /* the working directory */

static char *in_dir(const char *name)
{
	char *path;

	MUST(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static void put(const char *path, const void *data, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	MUST(!fchmod(fd, mode) && !close(fd));
}

static void put_program(void)
{
	const char *program = getenv("FUZZ_PROGRAM");
	static char buf[65536];
	int fd;
	ssize_t n;

	MUST(program);
	fd = open(program, O_RDONLY | O_CLOEXEC);
	MUST(fd >= 0);
	n = read(fd, buf, sizeof(buf));
	MUST(n > 0);
	close(fd);
	put(exe, buf, (size_t)n, 0755);
}

static void remove_scene(void)
{
	unlink(exe);
	unlink(script);
	unlink(text);
	unlink(not_executable);
	rmdir(dir);
}

static int low_fd(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

/*
 * Turns off the naming of functions: that needs a child, which would look lost.
 */
static void add_flag(int *argc, char ***argv)
{
	static char flag[] = "-print_funcs=0";
	char **all = calloc((size_t)*argc + 2, sizeof(*all));

	MUST(all);
	memcpy(all, *argv, (size_t)*argc * sizeof(*all));
	all[(*argc)++] = flag;
	*argv = all;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fds[2];

	MUST(!setenv("SPAWN_TEMPLATE_GUARD", "", 1));
	add_flag(argc, argv);
	*strrchr(exe, '/') = 0;
	dir = mkdtemp(exe);
	MUST(dir);
	dir = strdup(exe);
	exe[strlen(exe)] = '/';
	script = in_dir("script");
	text = in_dir("text");
	not_executable = in_dir("not-executable");
	put_program();
	put(script, "#!/bin/true\n", 12, 0755);
	put(text, "text", 4, 0755);
	put(not_executable, "#!/bin/true\n", 12, 0644);
	MUST(!atexit(remove_scene));

	/* no terminal may be taken over, and none is read */
	MUST(dup2(low_fd("/dev/null", O_RDWR), 0) == 0);
	exe_fd = low_fd(exe, O_PATH);
	script_fd = low_fd(script, O_RDONLY);
	text_fd = low_fd(text, O_PATH);
	dir_fd = low_fd("/", O_PATH | O_DIRECTORY);
	MUST(!pipe2(fds, O_CLOEXEC));
	pipe_fd = fds[0];
	tfd = spawn_template_open(exe, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	MUST(tfd >= 0);
	tfd_dup = fcntl(tfd, F_DUPFD_CLOEXEC, 3);
	MUST(tfd_dup >= 0);
	umask(022);
	MUST(getcwd(home, sizeof(home)));
	return 0;
}

/*
 * Checks that nothing is left behind and nothing of this process has changed.
 */
static void check_scene(void)
{
	int fd = dup(0), status = 0;
	char cwd[sizeof(home)];
	pid_t child;
	mode_t mask = umask(022);

	MUST(fd == first_free);
	close(fd);
	MUST(mask == 022);
	MUST(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, home));
	child = waitpid(-1, &status, WNOHANG | __WALL);
	if (child >= 0 || errno != ECHILD)
		fprintf(stderr, "child %d, status %x\n", child, status);
	MUST(child < 0 && errno == ECHILD);
}

/* ---- structures of any size ---- */

/* The sizes of a structure's versions, smallest first; the last is ours. */
struct versions {
	size_t size[3];
	int n;
};

static size_t pick_size(const struct versions *v)
{
	const size_t some = v->size[byte() % v->n], last = v->size[v->n - 1];
	const size_t sizes[] = {
		last,		some,	  last,	    some + 8, some - 1,
		some + 4,	0,	  last - 1, PAGE,     PAGE + 1,
		2 * PAGE,	some + 1, 8,	    some,     v->size[0] + 1,
		(size_t)byte(),
	};

	return PICK(sizes);
}

/* Returns the version that counts for a size, or below 0. */
static int version_of(const struct versions *v, size_t size)
{
	int version = v->n - 1;

	while (version >= 0 && size < v->size[version])
		version--;
	return version;
}

/*
 * Copies into memory of exactly that size: the start of *args, zeroes behind
 * it, and at times an unknown value among these. Return: the answer of the size
 * rule.
 */
static int sized(const void *args, const struct versions *v, size_t size,
		 void **copy)
{
	unsigned char *mem = calloc(1, size ? size : 1);
	size_t ours = v->size[v->n - 1];
	int version = version_of(v, size);

	MUST(mem);
	memcpy(mem, args, size < ours ? size : ours);
	if (size > ours && rarely(4))
		mem[ours + number() % (size - ours)] = 1;
	*copy = mem;
	if (version < 0)
		return -EINVAL;
	if (size > PAGE)
		return -E2BIG;
	for (size_t i = v->size[version]; i < size; i++)
		if (mem[i])
			return -E2BIG;
	return 0;
}

/* ---- create ---- */

static const uint64_t create_flags[] = {
	0,
	SPAWN_TEMPLATE_CREATE_CLOEXEC,
	SPAWN_TEMPLATE_CREATE_SCRIPT,
	SPAWN_TEMPLATE_CREATE_NO_GUARD,
	SPAWN_TEMPLATE_CREATE_AUTO_REFRESH,
	SPAWN_TEMPLATE_CREATE_DENY_WRITE,
	SPAWN_TEMPLATE_CREATE_GUARD,
	SPAWN_TEMPLATE_CREATE_WARM_ONCE,
	SPAWN_TEMPLATE_CREATE_WARM_FORK,
	SPAWN_TEMPLATE_CREATE_WARM_RUNTIME,
	1ULL << 1,
	1ULL << 31,
	1ULL << 40,
	1ULL << 63,
};

#define CREATE_WARM \
	(SPAWN_TEMPLATE_CREATE_WARM_ONCE | SPAWN_TEMPLATE_CREATE_WARM_FORK)
#define CREATE_KNOWN                                                     \
	(CREATE_WARM | SPAWN_TEMPLATE_CREATE_CLOEXEC |               \
	 SPAWN_TEMPLATE_CREATE_SCRIPT | SPAWN_TEMPLATE_CREATE_NO_GUARD | \
	 SPAWN_TEMPLATE_CREATE_AUTO_REFRESH |                            \
	 SPAWN_TEMPLATE_CREATE_DENY_WRITE | SPAWN_TEMPLATE_CREATE_GUARD)

static uint64_t pick_flags(const uint64_t *flags, size_t n)
{
	uint64_t all = 0;

	for (int i = byte() % 4; i > 0; i--)
		all |= flags[byte() % n];
	return rarely(32) ? number() : all;
}

/* A file, and the answer of create without and with CREATE_SCRIPT. */
struct file {
	const char *path;
	int fd, plain, scripts;
};

static void pick_file(struct file *f)
{
	const struct file files[] = {
		{ exe, exe_fd, 0, 0 },
		{ script, script_fd, -ENOEXEC, 0 },
		{ text, text_fd, -ENOEXEC, -ENOEXEC },
		{ dir, dir_fd, -EACCES, -EACCES },
		{ not_executable, pipe_fd, -EACCES, -EACCES },
		{ "/dev/null", 0, -EACCES, -EACCES },
		{ exe, tfd, 0, 0 },
		{ exe, tfd_dup, 0, 0 },
		{ NULL, 99999, -EBADF, -EBADF },
		{ "/no/such/file", -1, -ENOENT, -ENOENT },
		{ "relative", -1, -EINVAL, -EINVAL },
		{ "", -1, -EINVAL, -EINVAL },
	};

	*f = PICK(files);
}

/*
 * Predicts the answer where no guard runs. create asks for the guard last, but
 * refuses a contradiction at once.
 */
static int guard_model(uint64_t flags, bool asked)
{
	if (flags & SPAWN_TEMPLATE_CREATE_NO_GUARD) {
		if (flags & SPAWN_TEMPLATE_CREATE_GUARD)
			return -EINVAL;
		return flags & SPAWN_TEMPLATE_CREATE_DENY_WRITE ? -EOPNOTSUPP
								: 0;
	}
	if (asked && (flags & SPAWN_TEMPLATE_CREATE_GUARD))
		return -ENOTCONN;
	return asked && (flags & SPAWN_TEMPLATE_CREATE_DENY_WRITE) ? -EOPNOTSUPP
								   : 0;
}

/* A file for CREATE_WARM_RUNTIME to source, and the answer of create. */
struct preload {
	const char *path;
	int want;
};

static void pick_preload(struct preload *p)
{
	const struct preload preloads[] = {
		{ NULL, 0 },
		{ exe, 0 },
		{ dir, -EACCES },
		{ "/dev/null", -EACCES },
		{ "relative", -EINVAL },
		{ "", -EINVAL },
		{ "/no/such", -ENOENT },
	};

	*p = PICK(preloads);
}

static int preload_model(uint64_t flags, const struct preload *p)
{
	bool asked = flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;

	return asked == !!p->path ? p->want : -EINVAL;
}

static int create_model(const struct spawn_template_create_args *a, int version,
			const struct file *f, const struct preload *p)
{
	uint64_t flags = a->flags;
	int ret;

	if (flags & ~(CREATE_KNOWN | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME))
		return -EINVAL;
	if (flags >> 32 && !version)
		return -EINVAL;
	if (a->exec_flags || a->actions || a->actions_len || a->reserved[0] ||
	    a->reserved[1] || a->reserved[2] || a->reserved[3])
		return -EINVAL;
	if (version > 0 && a->pad)
		return -EINVAL;
	if ((a->execfd >= 0) == !!a->filename)
		return -EINVAL;
	if (a->filename && f->path[0] != '/')
		return -EINVAL;
	if (flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME && flags & CREATE_WARM)
		return -EINVAL;
	ret = guard_model(flags, false);
	if (ret)
		return ret;
	if ((flags & CREATE_WARM) == CREATE_WARM)
		return -EINVAL;
	ret = preload_model(flags, p);
	if (ret)
		return ret;
	ret = flags & SPAWN_TEMPLATE_CREATE_SCRIPT ? f->scripts : f->plain;
	return ret ? ret : guard_model(flags, true);
}

static void check_created(int fd, uint64_t flags)
{
	bool cloexec = flags & SPAWN_TEMPLATE_CREATE_CLOEXEC;
	struct spawn_template_stat st;

	MUST(fcntl(fd, F_GETFD) == (cloexec ? FD_CLOEXEC : 0));
	MUST(fcntl(fd, F_GETFL) & O_PATH);
	MUST(spawn_template_check(fd) == 0);
	MUST(spawn_template_stat(fd, &st, sizeof(st)) == 0);
	MUST(st.flags == flags && st.cold == 0);
	MUST(st.state == SPAWN_TEMPLATE_STATE_FRESH);
	MUST(byte() % 2 ? spawn_template_close(fd) == 0 : close(fd) == 0);
}

static void fuzz_create(void)
{
	static const struct versions versions = {
		{ SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0,
		  SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1,
		  SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2 },
		3
	};
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	size_t size = pick_size(&versions);
	struct preload preload = { NULL, 0 };
	struct file file;
	void *copy;
	int want, ret;

	pick_file(&file);
	args.flags = pick_flags(create_flags, COUNT(create_flags));
	if (byte() % 2 || !file.path)
		args.execfd = file.fd;
	else
		args.filename = ADDR(file.path);
	if (rarely(16) && file.path) {
		args.execfd = byte() % 2 ? -1 : file.fd;
		args.filename = byte() % 2 ? 0 : ADDR(file.path);
	}
	if (rarely(16))
		args.exec_flags = byte();
	if (rarely(16))
		args.actions = number();
	if (rarely(16))
		args.actions_len = byte();
	if (rarely(16))
		args.reserved[byte() % 4] = number();
	if (rarely(8))
		args.warm_target = byte();
	if (rarely(16))
		args.pad = byte() & 1;
	if (rarely(4))
		pick_preload(&preload);
	args.warm_preload = preload.path ? ADDR(preload.path) : 0;

	/* create refuses a relative path before it looks at any fd */
	if (args.execfd >= 0 && file.plain == -EINVAL)
		return;
	want = sized(&args, &versions, size, &copy);
	if (version_of(&versions, size) < 2)
		preload = (struct preload){ NULL, 0 };
	if (!want)
		want = create_model(&args, version_of(&versions, size), &file,
				    &preload);
	ret = spawn_template_create(copy, size);
	free(copy);
	must_be(ret, want ? want : first_free, "create");
	if (ret >= 0)
		check_created(ret, args.flags);
}

/* ---- search ---- */

static void fuzz_search(void)
{
	const char *const names[] = {
		"exe", "script", "text", "not-executable", "none",
		exe,   "",	 "/",	 "./exe",	   "../tmp",
	};
	const char *const paths[] = {
		dir, "", "::", "/no/such", "/dev/null", ":/no/such:", "tmp",
	};
	const char *const missing[] = { "/none", "relative", "/dev/null" };
	char path[1024] = "";
	int ret;

	for (int i = byte() % 4; i > 0; i--) {
		strcat(path, PICK(paths));
		strcat(path, ":");
		strcat(path, PICK(missing));
	}
	ret = spawn_template_search(
		PICK(names), byte() % 4 ? path : NULL,
		pick_flags(create_flags, COUNT(create_flags)));
	if (ret >= 0) {
		MUST(ret == first_free);
		MUST(spawn_template_check(ret) == 0);
		MUST(spawn_template_close(ret) == 0);
	} else {
		MUST(ret > -4096);
	}
}

/* ---- cache ---- */

static int cache_model(const struct spawn_template_cache_params *p)
{
	uint64_t flags = p->create_flags;
	int ret;

	if (p->entries > SPAWN_TEMPLATE_CACHE_ENTRIES_MAX)
		return -EINVAL;
	if (p->warm_preload &&
	    (!(flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME) ||
	     strchr((const char *)(uintptr_t)p->warm_preload, ' ')))
		return -EINVAL;
	if (flags & ~(CREATE_KNOWN | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME))
		return -EINVAL;
	ret = guard_model(flags, false);
	if (ret)
		return ret;
	return (flags & CREATE_WARM) == CREATE_WARM ? -EINVAL : 0;
}

/* Gets files and drops them, some of them later; nothing is open at the end. */
static void use_cache(struct spawn_template_cache *cache, uint64_t flags)
{
	bool scripts = flags & SPAWN_TEMPLATE_CREATE_SCRIPT;
	struct spawn_template_cache_stat st;
	int out[8], n = 0;
	struct file f;

	for (int i = byte() % 8; i > 0; i--) {
		int want, got;

		pick_file(&f);
		if (!f.path || *f.path != '/')
			continue;
		want = scripts ? f.scripts : f.plain;
		if (!want)
			want = guard_model(flags, true);
		got = spawn_template_cache_get(cache, f.path, "");
		must_be(got < 0 ? got : 0, want, "cache_get");
		if (got < 0)
			continue;
		MUST(spawn_template_check(got) == 0);
		out[n++] = got;
		if (byte() % 2)
			MUST(!spawn_template_cache_drop(cache, out[--n]));
	}
	must_be(spawn_template_cache_drop(cache, tfd), -EINVAL, "cache_drop");
	must_be(spawn_template_cache_drop(cache, -1), -EBADF, "cache_drop");
	while (n)
		MUST(!spawn_template_cache_drop(cache, out[--n]));
	MUST(!spawn_template_cache_stat(cache, &st, sizeof(st)));
	MUST(!st.out && !st.held);
}

static void fuzz_cache(void)
{
	static const struct versions versions = {
		{ SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0,
		  SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1 },
		2
	};
	static const char *const modules[] = { "", "json,re", "no list" };
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache = NULL;
	size_t size = pick_size(&versions);
	void *copy;
	int want, ret;

	params.create_flags = pick_flags(create_flags, COUNT(create_flags));
	params.entries = (uint32_t)byte() % 4;
	params.negative_ns = byte() % 2 ? number() : 0;
	params.hold_ns = byte() % 2 ? number() : 0;
	if (rarely(8))
		params.entries = (uint32_t)number();
	if (rarely(16))
		params.warm_target = (uint32_t)byte();
	if (rarely(4))
		params.warm_preload = (uintptr_t)modules[byte() % 3];
	want = sized(&params, &versions, size, &copy);
	/* the first version has no list of modules */
	if (version_of(&versions, size) < 1)
		params.warm_preload = 0;
	if (!want)
		want = cache_model(&params);
	ret = spawn_template_cache_new(copy, size, &cache);
	free(copy);
	must_be(ret, want, "cache_new");
	MUST(!ret == !!cache);
	/* prepared processes would come and go */
	if (cache && !(params.create_flags &
		       (CREATE_WARM | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)))
		use_cache(cache, params.create_flags);
	spawn_template_cache_free(cache);
}

/* ---- spawn ---- */

static const uint64_t spawn_flags[] = {
	0,
	SPAWN_TEMPLATE_SPAWN_INHERIT_FDS,
	SPAWN_TEMPLATE_SPAWN_SETPGROUP,
	SPAWN_TEMPLATE_SPAWN_SETSID,
	SPAWN_TEMPLATE_SPAWN_INTO_CGROUP,
	SPAWN_TEMPLATE_SPAWN_UMASK,
	SPAWN_TEMPLATE_SPAWN_SETUID,
	SPAWN_TEMPLATE_SPAWN_SETGID,
	SPAWN_TEMPLATE_SPAWN_SETGROUPS,
	SPAWN_TEMPLATE_SPAWN_NICE,
	SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS,
	SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT,
	SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE,
	SPAWN_TEMPLATE_SPAWN_LANDLOCK,
	SPAWN_TEMPLATE_SPAWN_SECCOMP,
	1ULL << 1,
	1ULL << 31,
	1ULL << 45,
	1ULL << 63,
};

#define SPAWN_KNOWN                                                          \
	(SPAWN_TEMPLATE_SPAWN_INHERIT_FDS | SPAWN_TEMPLATE_SPAWN_SETPGROUP | \
	 SPAWN_TEMPLATE_SPAWN_SETSID | SPAWN_TEMPLATE_SPAWN_INTO_CGROUP |    \
	 SPAWN_TEMPLATE_SPAWN_UMASK | SPAWN_TEMPLATE_SPAWN_SETUID |          \
	 SPAWN_TEMPLATE_SPAWN_SETGID | SPAWN_TEMPLATE_SPAWN_SETGROUPS |      \
	 SPAWN_TEMPLATE_SPAWN_NICE | SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |     \
	 SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT |                              \
	 SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE | SANDBOX_KNOWN)
#define SANDBOX_KNOWN \
	(SPAWN_TEMPLATE_SPAWN_LANDLOCK | SPAWN_TEMPLATE_SPAWN_SECCOMP)

/* The arguments of one launch, with all that they point to. */
struct launch {
	struct spawn_template_spawn_args args;
	struct spawn_template_action actions[SPAWN_TEMPLATE_ACTIONS_MAX + 1];
	struct spawn_template_open open;
	struct spawn_template_sigset set;
	struct rlimit limit;
	struct sock_filter code[1]; /* lets everything pass */
	struct sock_fprog filter;
	uint64_t bits;
	union {
		struct spawn_template_failure failure;
		unsigned char told[64];
	};
	int pidfd;
	bool begun; /* not waited for at first */
	int fd_answer; /* the answer that this fd must get */
	bool bad_action, too_many;
};

static gid_t some_groups[65536];

static int pick_fd(void)
{
	const int fds[] = {
		0,
		1,
		2,
		-1,
		3,
		50,
		tfd,
		tfd_dup,
		exe_fd,
		dir_fd,
		pipe_fd,
		first_free,
		AT_FDCWD,
		1 << 20,
		INT32_MAX,
		INT32_MIN,
		(int8_t)byte(),
	};

	return PICK(fds);
}

static void pick_arg(struct launch *l, struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_OPEN:
		a->arg = ADDR(&l->open);
		break;
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		a->arg = ADDR(&l->set);
		break;
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		a->arg = ADDR(byte() % 4 ? "/" : "/no/such");
		break;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		a->arg = ADDR(&l->limit);
		break;
	default:
		a->arg = rarely(16) ? number() : 0;
		return;
	}
	if (rarely(16))
		a->arg = 0;
}

/* Predicts whether a well-formed action is accepted. */
static bool action_ok(const struct launch *l,
		      const struct spawn_template_action *a)
{
	bool plain = !a->flags && !a->newfd && !a->arg;

	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_CLOSE:
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
	case SPAWN_TEMPLATE_ACTION_KEEP:
		return a->fd >= 0 && plain;
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		return a->fd >= 0 && plain &&
		       (l->args.flags & SPAWN_TEMPLATE_SPAWN_SETSID);
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return a->fd >= 0 && a->newfd >= 0 && !a->arg &&
		       (!a->flags || a->flags == O_CLOEXEC);
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return (a->fd >= 0 || a->fd == AT_FDCWD) && a->newfd >= 0 &&
		       !a->flags && a->arg && l->open.path;
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return a->fd >= 0 && !a->arg && a->flags <= 6 &&
		       a->flags % 2 == 0 &&
		       (a->newfd == -1 || a->newfd >= a->fd);
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return !a->fd && !a->flags && !a->newfd && a->arg &&
		       l->set.sigset && l->set.sigsetsize == 8;
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return !a->fd && !a->flags && !a->newfd && a->arg;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		return a->fd >= 0 && a->fd < (int)RLIM_NLIMITS && !a->flags &&
		       !a->newfd && a->arg;
	default:
		return false;
	}
}

/* Makes an action as a caller would, with a mistake at times. */
static void pick_action(struct launch *l, struct spawn_template_action *a)
{
	const uint32_t types[] = { 0, 1, 2, 3, 4, 5, 6, 32, 33, 34, 35, 1, 1 };
	const uint32_t flags[] = { 1, 2, 4, 6, 8, O_CLOEXEC, ~0U };

	memset(a, 0, sizeof(*a));
	a->type = rarely(32) ? (uint32_t)byte() : PICK(types);
	pick_arg(l, a);
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		break;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		a->fd = byte() % 20;
		break;
	case SPAWN_TEMPLATE_ACTION_DUP2:
	case SPAWN_TEMPLATE_ACTION_OPEN:
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		a->newfd = pick_fd();
		/* fall through */
	default:
		a->fd = pick_fd();
	}
	if (rarely(8))
		a->flags = PICK(flags);
	if (rarely(16))
		a->fd = pick_fd();
	if (rarely(16))
		a->newfd = pick_fd();
}

static void pick_actions(struct launch *l)
{
	const uint64_t open_flags[] = {
		O_RDONLY,    O_PATH,	 O_RDWR,     O_CLOEXEC,
		O_DIRECTORY, 1ULL << 40, O_NONBLOCK,
	};
	const uint64_t limits[] = { 0, 1, 3, 100, 1 << 20, RLIM_INFINITY };
	size_t n = byte() % 6;

	l->open.path = rarely(16) ? 0 : ADDR(byte() % 4 ? "/dev/null" : "/no");
	l->open.how.flags = PICK(open_flags);
	l->open.how.resolve = rarely(8) ? byte() : 0;
	l->open.how.mode = rarely(16) ? byte() : 0;
	l->bits = number();
	l->set.sigset = rarely(16) ? 0 : ADDR(&l->bits);
	l->set.sigsetsize = rarely(16) ? byte() : 8;
	l->limit.rlim_cur = PICK(limits);
	l->limit.rlim_max = PICK(limits);
	if (rarely(32))
		n = SPAWN_TEMPLATE_ACTIONS_MAX + byte() % 2;
	for (size_t i = 0; i < n; i++)
		pick_action(l, &l->actions[i]);
	l->args.actions_len = n;
	l->args.actions = n || byte() % 2 ? ADDR(l->actions) : 0;
	l->too_many = n > SPAWN_TEMPLATE_ACTIONS_MAX;
	if (rarely(32)) {
		l->args.actions = 0;
		l->bad_action = n;
	}
	if (rarely(32)) {
		l->args.actions_len = number() | 1ULL << 20;
		l->too_many = true;
	}
}

/* Runs after the flags are known, since SETCTTY depends on them. */
static void judge_actions(struct launch *l)
{
	if (l->too_many || !l->args.actions)
		return;
	for (uint64_t i = 0; i < l->args.actions_len; i++)
		l->bad_action |= !action_ok(l, &l->actions[i]);
}

static void pick_attributes(struct launch *l)
{
	const uint32_t ids[] = { 0, 65534, UINT32_MAX, 1 };
	const int32_t nices[] = { 0, 19, -20, 20, -21, INT32_MIN };
	const uint32_t masks[] = { 0, 022, 0777, 01000, UINT32_MAX };
	const uint64_t counts[] = { 0, 1, 16, 65536, 65537, UINT64_MAX };
	const int32_t groups[] = { 0, 1, -1, INT32_MAX };

	l->args.pgroup = PICK(groups);
	l->args.cgroup_fd = pick_fd();
	l->args.umask = PICK(masks);
	l->args.uid = PICK(ids);
	l->args.gid = PICK(ids);
	l->args.nice = PICK(nices);
	l->args.n_groups = PICK(counts);
	l->args.groups = byte() % 8 ? ADDR(some_groups) : 0;
}

static bool attributes_ok(const struct spawn_template_spawn_args *a)
{
	uint64_t f = a->flags;

	if ((f & SPAWN_TEMPLATE_SPAWN_SETPGROUP) && a->pgroup < 0)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP) && a->cgroup_fd < 0)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_UMASK) && a->umask > 0777)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_SETUID) && a->uid == UINT32_MAX)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_SETGID) && a->gid == UINT32_MAX)
		return false;
	if ((f & SPAWN_TEMPLATE_SPAWN_NICE) && (a->nice < -20 || a->nice > 19))
		return false;
	if (!(f & SPAWN_TEMPLATE_SPAWN_SETGROUPS))
		return true;
	return a->n_groups <= 65536 && (a->groups || !a->n_groups);
}

static int pick_template(struct launch *l)
{
	const struct {
		int fd, answer;
	} fds[] = {
		{ tfd, 0 },
		{ tfd_dup, 0 },
		{ tfd, 0 },
		{ tfd, 0 },
		{ script_fd, -EACCES },
		{ dir_fd, -EINVAL },
		{ pipe_fd, -EINVAL },
		{ 0, -EINVAL },
		{ -1, -EBADF },
		{ 99999, -EBADF },
		{ INT32_MIN, -EBADF },
	};
	int i = byte() % COUNT(fds);

	l->fd_answer = fds[i].answer;
	return fds[i].fd;
}

static void pick_filter(struct launch *l)
{
	static const unsigned short lengths[] = { 0, 1, 1, 1, 4097, 65535 };

	l->code[0] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0,
					   SECCOMP_RET_ALLOW };
	l->filter.len = PICK(lengths);
	l->filter.filter = rarely(8) ? NULL : l->code;
	l->args.seccomp = rarely(8) ? 0 : ADDR(&l->filter);
}

static bool sandbox_bad(const struct launch *l)
{
	const struct spawn_template_spawn_args *a = &l->args;

	if (a->flags & SPAWN_TEMPLATE_SPAWN_LANDLOCK && a->landlock_fd < 0)
		return true;
	return a->flags & SPAWN_TEMPLATE_SPAWN_SECCOMP &&
	       (!a->seccomp || l->filter.len != 1 || !l->filter.filter);
}

static void pick_launch(struct launch *l)
{
	static char *const program[] = { "exe", "one", NULL };
	static char *const none[] = { NULL };
	const uint32_t failure_sizes[] = { 0,  sizeof(l->failure),
					   13, sizeof(l->told),
					   11, PAGE + 1,
					   4,  UINT32_MAX };
	struct spawn_template_spawn_args *a = &l->args;

	l->pidfd = -77;
	memset(l->told, 0x5a, sizeof(l->told));
	l->failure = (struct spawn_template_failure){ -77, 77, 77 };
	a->flags = pick_flags(spawn_flags, COUNT(spawn_flags));
	a->pidfd = rarely(16) ? 0 : ADDR(&l->pidfd);
	a->argv = rarely(16) ? 0 : ADDR(rarely(16) ? none : program);
	a->envp = byte() % 2 ? 0 : ADDR(none);
	a->failure = byte() % 4 ? ADDR(&l->failure) : 0;
	if (rarely(16))
		a->reserved[byte() % 4] = number();
	if (rarely(16))
		a->reserved2[byte() % 14] = number();
	a->landlock_fd = rarely(8) ? (int8_t)byte() : 0;
	pick_filter(l);
	a->failure_size = byte() % 4 ? 0 : PICK(failure_sizes);
	pick_actions(l);
	pick_attributes(l);
	judge_actions(l);
}

static bool ver2_bad(const struct spawn_template_spawn_args *a)
{
	for (int i = 0; i < 14; i++)
		if (a->reserved2[i])
			return true;
	return a->failure_size &&
	       (a->failure_size < sizeof(struct spawn_template_failure) ||
		a->failure_size > PAGE);
}

/* Predicts whether the arguments must be refused, with any fd. */
static bool args_bad(const struct launch *l, int version)
{
	const struct spawn_template_spawn_args *a = &l->args;

	if (a->flags & ~SPAWN_KNOWN)
		return true;
	if (a->flags >> 32 && !version)
		return true;
	if (version < 2 && a->flags & SANDBOX_KNOWN)
		return true;
	if (version > 1 && (ver2_bad(a) || sandbox_bad(l)))
		return true;
	if (a->reserved[0] || a->reserved[1] || a->reserved[2] ||
	    a->reserved[3])
		return true;
	if (!a->pidfd || !a->argv || !*(char **)(uintptr_t)a->argv)
		return true;
	return l->bad_action || l->too_many || !attributes_ok(a);
}

static void check_refused(const struct launch *l, int ret, int want)
{
	if (want)
		must_be(ret, want, "spawn");
	else if (l->too_many)
		MUST(ret == -E2BIG || ret == -EINVAL);
	else
		must_be(ret, -EINVAL, "spawn");
}

/* Checks that nothing is written behind the caller's size of a failure. */
static void check_told(const struct launch *l, int version)
{
	size_t size = sizeof(l->failure), i = size;

	if (version > 1 && l->args.failure_size && l->failure.error != -77)
		size = l->args.failure_size;
	for (; i < sizeof(l->told); i++)
		MUST(l->told[i] == (i < size ? 0 : 0x5a));
}

static void check_failure(const struct launch *l, int ret, int version)
{
	const struct spawn_template_failure *f = &l->failure;

	MUST(ret > -4096);
	MUST(l->pidfd == -77);
	check_told(l, version);
	if (f->error == -77) {
		MUST(f->stage == 77 && f->action == 77);
		return;
	}
	MUST(version > 0 && l->args.failure);
	MUST(f->error == -ret && f->stage <= SPAWN_TEMPLATE_STAGE_EXEC);
	if (f->stage == SPAWN_TEMPLATE_STAGE_ACTION)
		MUST(f->action < l->args.actions_len);
	else
		MUST(f->action <= (f->stage == SPAWN_TEMPLATE_STAGE_ATTR
					   ? SPAWN_TEMPLATE_ATTR_SECCOMP
					   : 0));
}

/* Checks a launched program: a limit that the input set may have killed it. */
static void check_launched(const struct launch *l, pid_t pid)
{
	siginfo_t info = { 0 };
	int ret;

	MUST(l->failure.error == -77);
	/* the two ends of a pipe come first if it was not waited for */
	MUST(l->pidfd >= first_free);
	MUST(l->pidfd <= first_free + (l->begun ? 2 : 0));
	MUST(fcntl(l->pidfd, F_GETFD) == FD_CLOEXEC);
	do {
		ret = waitid(P_PID, (id_t)pid, &info, WEXITED | __WALL);
	} while (ret < 0 && errno == EINTR); /* the fuzzer's own timer */
	MUST(!ret);
	MUST(info.si_code != CLD_EXITED || info.si_status == 0);
	MUST(!close(l->pidfd));
}

/*
 * Launches without waiting, and then waits. Everything that the arguments lead to
 * may change in between.
 */
static pid_t begin_and_wait(int fd, struct launch *l, void *args, size_t size,
			    int version)
{
	bool tell = version > 0 && l->args.failure;
	size_t room = version > 1 ? l->args.failure_size : 0;
	struct spawn_template_begin *begin = NULL;
	pid_t pid = spawn_template_begin(fd, args, size, &begin);

	MUST((pid > 0) == !!begin);
	if (!begin)
		return pid;
	memset(args, 0x5a, size);
	memset(l->actions, 0x5a, sizeof(l->actions));
	MUST(spawn_template_begin_fd(begin) >= first_free);
	if (rarely(4)) {
		spawn_template_begin_drop(begin);
		return 0;
	}
	return spawn_template_begin_wait(begin, &l->pidfd,
					 tell ? &l->failure : NULL,
					 room ? room : sizeof(l->failure));
}

static void fuzz_spawn(void)
{
	static const struct versions versions = {
		{ SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0,
		  SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1,
		  SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2 },
		3
	};
	static struct launch l;
	size_t size = pick_size(&versions);
	int fd, want, version = version_of(&versions, size);
	void *copy;
	pid_t pid;
	bool bad;

	memset(&l, 0, sizeof(l));
	fd = pick_template(&l);
	pick_launch(&l);
	want = sized(&l.args, &versions, size, &copy);
	/* it would not mind that there is no pidfd */
	l.begun = byte() % 2 && l.args.pidfd;
	bad = want || l.fd_answer || args_bad(&l, version);
	pid = l.begun ? begin_and_wait(fd, &l, copy, size, version)
		      : spawn_template_spawn(fd, copy, size);
	free(copy);
	MUST(pid != 0 || l.begun);
	if (!pid)
		return;
	if (bad)
		check_refused(&l, pid, want ? want : l.fd_answer);
	if (pid > 0)
		check_launched(&l, pid);
	else
		check_failure(&l, pid, version);
}

/* ---- the rest ---- */

static void fuzz_stat(void)
{
	const size_t sizes[] = {
		sizeof(struct spawn_template_stat),
		SPAWN_TEMPLATE_STAT_SIZE_VER0 - 1,
		SPAWN_TEMPLATE_STAT_SIZE_VER0,
		SPAWN_TEMPLATE_STAT_SIZE_VER0 + 8,
		0,
		64,
		3 * PAGE,
	};
	size_t size = PICK(sizes);
	struct launch l = { 0 };
	int fd = pick_template(&l), ret;
	unsigned char *mem = malloc(size ? size : 1);

	MUST(mem);
	memset(mem, 0x5a, size);
	ret = spawn_template_stat(fd, (void *)mem, size);
	if (size < SPAWN_TEMPLATE_STAT_SIZE_VER0)
		MUST(ret < 0);
	else
		must_be(ret, l.fd_answer, "stat");
	for (size_t i = 0; ret < 0 && i < size; i++)
		MUST(mem[i] == 0x5a);
	free(mem);
}

static void fuzz_check(void)
{
	struct launch l = { 0 };
	int fd = pick_template(&l);

	must_be(spawn_template_check(fd), l.fd_answer, "check");
	if (l.fd_answer) {
		must_be(spawn_template_refresh(fd), l.fd_answer, "refresh");
		if (fd != 99999)
			MUST(spawn_template_close(fd) < 0);
	} else {
		MUST(spawn_template_refresh(tfd) == 0);
	}
}

/* Any failure has a sentence, and no byte behind the buffer is written. */
static void fuzz_strerror(void)
{
	struct spawn_template_failure failure = {
		.error = byte() % 4 ? byte() : (int32_t)number(),
		.stage = byte() % 4 ? byte() % 7 : (uint32_t)number(),
		.action = (uint32_t)number(),
	};
	size_t size = byte() * 4;
	char *buf = malloc(size ? size : 1);
	int n;

	MUST(buf);
	n = spawn_template_strerror(rarely(32) ? NULL : &failure, buf, size);
	MUST(n == -EINVAL || (n > 10 && n < 512));
	if (n > 0 && size)
		MUST(strlen(buf) == ((size_t)n < size ? (size_t)n : size - 1));
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	first_free = dup(0);
	MUST(first_free >= 0 && !close(first_free));
	/* several in a row, to find a call that disturbs the next */
	for (int i = 0; i < 8 && left; i++) {
		switch (byte() % 8) {
		case 0:
		case 1:
			fuzz_create();
			break;
		case 2:
			fuzz_search();
			break;
		case 3:
			fuzz_stat();
			break;
		case 4:
			fuzz_check();
			fuzz_strerror();
			break;
		case 5:
			fuzz_cache();
			break;
		default:
			fuzz_spawn();
		}
		check_scene();
	}
	return 0;
}
