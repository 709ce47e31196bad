/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session shells: the command line of a launch, the environment for which
 * shells are parked, and the checks that sourcing has left nothing behind that
 * forks would not share.
 *
 * The environment is a part of the key, since the file may have read any of it.
 * A launch with another one is cold; the second such launch in a row has the
 * shells parked anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "sys.h"
#include "warm/environment.h"
#include "warm/shell.h"
#include "warm/warm.h"

/* The shell's own descriptors, and some to receive, must be below the limit. */
#define FILES_LEAST 256

/* Behind the line, in the text of a shell to park: room for a command. */
#define ROOM (96 * 1024)

#define SHELL_COLD_FLAGS                                               \
	(SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE | SPAWN_TEMPLATE_SPAWN_UMASK | \
	 SPAWN_TEMPLATE_SPAWN_NICE)

/* ---- the command line */

/* Returns ". 'FILE'" and a newline, with quotes in the name escaped. */
static char *source_line(const char *preload)
{
	char *line = malloc(4 * strlen(preload) + 8), *to = line;

	if (!line)
		return NULL;
	to = stpcpy(to, ". '");
	for (; *preload; preload++) {
		if (*preload == '\'')
			to = stpcpy(to, "'\\'");
		*to++ = *preload;
	}
	stpcpy(to, "'\n");
	return line;
}

/* Tells whether the program is named dash, whatever links lead to it. */
static bool is_dash(const char *path)
{
	char *real = realpath(path, NULL), *base;
	bool is;

	base = real ? strrchr(real, '/') : NULL;
	is = base && strcmp(base, "/dash") == 0;
	free(real);
	return is;
}

struct st_session *st_session_new(const char *path, const char *preload)
{
	struct st_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->line = source_line(preload);
	if (!session->line) {
		free(session);
		return NULL;
	}
	session->line_len = strlen(session->line);
	session->is_dash = is_dash(path);
	return session;
}

void st_session_free(struct st_session *session)
{
	if (!session)
		return;
	free(session->envp);
	free(session->directory);
	free(session->line);
	free(session);
}

int st_session_arguments(const struct st_session *session, struct st_launch *l)
{
	struct block {
		struct spawn_template_spawn_args args;
		char *argv[];
	} *b;
	char **argv = (char **)(uintptr_t)l->args->argv, *text;
	size_t n = 0, len;

	while (argv[n])
		n++;
	/* a name with a dash makes a login shell */
	if (n < 3 || strcmp(argv[1], "-c") != 0 || *argv[0] == '-')
		return 0;
	len = strlen(argv[2]) + 1;
	b = malloc(sizeof(*b) + (n + 1) * sizeof(char *) + session->line_len +
		   len);
	if (!b)
		return -ENOMEM;
	b->args = *l->args;
	b->args.argv = (uintptr_t)b->argv;
	memcpy(b->argv, argv, (n + 1) * sizeof(char *));
	b->argv[2] = text = (char *)&b->argv[n + 1];
	memcpy(text, session->line, session->line_len);
	memcpy(text + session->line_len, argv[2], len);
	l->args = &b->args;
	l->rest = (uint32_t)session->line_len;
	l->block = b;
	return 0;
}

/* ---- the environment to park for */

static uint64_t sigset_of(const struct spawn_template_action *a)
{
	const struct spawn_template_sigset *s =
		(const struct spawn_template_sigset *)(uintptr_t)a->arg;

	return *(const uint64_t *)(uintptr_t)s->sigset;
}

uint64_t st_session_defaulted(const struct st_launch *l)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_SIGDEFAULT)
			all |= sigset_of(&l->actions[i]);
	return all;
}

/*
 * Finds the RLIMIT_NOFILE that the launch sets, which a shell can be parked with.
 * Return: false if it sets other limits, or that one twice, or a low one.
 */
static bool find_files(const struct st_launch *l, struct rlimit *files)
{
	*files = (struct rlimit){ 0, 0 };
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];

		if (a->type != SPAWN_TEMPLATE_ACTION_RLIMIT)
			continue;
		if (a->fd != RLIMIT_NOFILE || files->rlim_cur)
			return false;
		memcpy(files, (const void *)(uintptr_t)a->arg, sizeof(*files));
		if (files->rlim_cur < FILES_LEAST)
			return false;
	}
	return true;
}

/* Returns the directory that an action sets; NULL: none, or more than one. */
static const char *directory_of(const struct st_launch *l)
{
	const char *path = NULL;

	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];

		if (a->type == SPAWN_TEMPLATE_ACTION_CHDIR) {
			if (path)
				return NULL;
			path = (const char *)(uintptr_t)a->arg;
		}
	}
	return path;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void st_session_forget(struct st_session *session)
{
	free(session->envp);
	free(session->directory);
	session->envp = NULL;
	session->directory = NULL;
}

/* Has shells parked for the launch's environment. Return: false: no memory. */
bool st_session_learn(struct st_session *session, const struct st_launch *l)
{
	char **copy;

	if (session->envp)
		return true;
	copy = st_environment_copy(st_environment_of(l));
	if (copy && session->is_dash && directory_of(l)) {
		session->directory = strdup(directory_of(l));
		if (!session->directory) {
			free(copy);
			return false;
		}
	}
	session->envp = copy;
	session->defaulted = st_session_defaulted(l);
	find_files(l, &session->files);
	session->generation++;
	return copy;
}

/* Tells whether shells are parked for the environment of this launch. */
static bool fits(const struct st_session *session, const struct st_launch *l)
{
	struct rlimit files;

	if (session->is_dash && !same_text(session->directory, directory_of(l)))
		return false;
	if (!find_files(l, &files) ||
	    files.rlim_cur != session->files.rlim_cur ||
	    files.rlim_max != session->files.rlim_max)
		return false;
	return st_environment_same(session->envp, st_environment_of(l)) &&
	       session->defaulted == st_session_defaulted(l);
}

/* Tells whether bash looks for further files to source. */
static bool has_startup_file(char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "BASH_ENV=", 9) == 0 ||
		    strncmp(*envp, "SSH_CLIENT=", 11) == 0 ||
		    strncmp(*envp, "SSH2_CLIENT=", 12) == 0)
			return true;
	return false;
}

/*
 * Return: true if the launch's environment is the one to park shells for from
 * now on, and another than before.
 */
bool st_session_moves(struct st_session *session, const struct st_launch *l)
{
	struct rlimit files;
	uint64_t other;

	/* no bash is parked for these, so that they end none */
	if (!session->is_dash && has_startup_file(st_environment_of(l)))
		return false;
	if (!l->rest || !session->envp || fits(session, l)) {
		session->other = 0;
		return false;
	}
	other = st_environment_digest(st_environment_of(l)) ^
		st_session_defaulted(l);
	if (session->is_dash && directory_of(l))
		other ^= st_environment_digest(
			(char *[]){ (char *)directory_of(l), NULL });
	find_files(l, &files);
	other ^= files.rlim_cur * 31 + files.rlim_max;
	if (other != session->other) {
		session->other = other;
		return false;
	}
	session->other = 0;
	st_session_forget(session);
	return true;
}

/* Tells whether 0 will be a socket: for bash, that is a remote login. */
static bool has_socket(const struct st_launch *l)
{
	struct spawn_template_key key;
	int from = 0;

	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];

		if (a->type == SPAWN_TEMPLATE_ACTION_DUP2 && a->newfd == 0)
			from = a->fd;
		else if (a->type == SPAWN_TEMPLATE_ACTION_OPEN && !a->newfd)
			return false;
	}
	return st_key_of_fd(from, &key) == 0 && (key.mode & S_IFMT) == S_IFSOCK;
}

/* A dash has the directory that it began in; here that is the caller's, or a path. */
static bool may_be_dashs(const struct st_launch *l)
{
	const char *directory = directory_of(l);

	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_FCHDIR ||
		    (l->actions[i].type == SPAWN_TEMPLATE_ACTION_CHDIR &&
		     (!directory || *directory != '/')))
			return false;
	return true;
}

unsigned int st_session_judge(const struct st_session *session,
			      const struct st_launch *l)
{
	char *const *envp = st_environment_of(l);
	struct rlimit files;

	if (!l->rest)
		return SPAWN_TEMPLATE_COLD_COMMAND;
	if (l->args->flags & SHELL_COLD_FLAGS)
		return SPAWN_TEMPLATE_COLD_FLAGS;
	if (session->is_dash && !may_be_dashs(l))
		return SPAWN_TEMPLATE_COLD_FLAGS;
	/* these would have to be taken before the file is sourced */
	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_SIGMASK)
			return SPAWN_TEMPLATE_COLD_FLAGS;
	if (!find_files(l, &files))
		return SPAWN_TEMPLATE_COLD_FLAGS;
	if (!session->is_dash && has_socket(l))
		return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	if (!session->is_dash && has_startup_file(envp))
		return SPAWN_TEMPLATE_COLD_ENVIRONMENT;
	return !session->envp || fits(session, l)
		       ? ST_COLD_NONE
		       : SPAWN_TEMPLATE_COLD_ENVIRONMENT;
}

/* ---- parking */

static int make_file(struct st_own *own, int *to)
{
	int fd = st_own_raise(
		sys_call2(__NR_memfd_create, "spawn-template", MFD_CLOEXEC));

	*to = fd < 0 ? -1 : fd;
	st_own_take(own, *to);
	return fd < 0 ? fd : 0;
}

/* Makes 0 such that a read of it shows in the offset; 1 and 2 such that output does. */
static int make_files(struct st_shell_start *start)
{
	int ret = make_file(&start->in_file, &start->in);

	if (ret == 0)
		ret = make_file(&start->out_file, &start->out);
	if (ret == 0 && (write(start->in, "\n", 1) != 1 ||
			 lseek(start->in, 0, SEEK_SET) < 0))
		ret = -errno;
	return ret;
}

static void close_files(struct st_shell_start *start)
{
	st_own_close(&start->in_file, &start->in);
	st_own_close(&start->out_file, &start->out);
}

static bool is_at(pid_t pid, const char *name, int fd)
{
	struct spawn_template_key a, b;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return st_key_of_path(path, &a) == 0 && st_key_of_fd(fd, &b) == 0 &&
	       a.ino == b.ino && a.dev_minor == b.dev_minor;
}

/* Checks that the file has left the standard descriptors alone. */
static int check_files(const struct st_shell_start *start, pid_t pid)
{
	if (lseek(start->in, 0, SEEK_CUR) != 0 ||
	    lseek(start->out, 0, SEEK_END) != 0)
		return -EIO;
	return is_at(pid, "fd/0", start->in) &&
			       is_at(pid, "fd/1", start->out) &&
			       is_at(pid, "fd/2", start->out)
		       ? 0
		       : -EIO;
}

/* Looks for a text. Return: 1 or 0; -errno. */
static int find_text(int fd, const char *text)
{
	const size_t keep = strlen(text) - 1;
	char buf[4096];
	size_t have = 0;
	bool has = false;
	int got;

	do {
		got = sys_call3(__NR_read, fd, buf + have, sizeof(buf) - have);
		if (got <= 0)
			continue;
		have += (size_t)got;
		has = memmem(buf, have, text, keep + 1);
		if (have > keep) {
			memmove(buf, buf + have - keep, keep);
			have = keep;
		}
	} while (!has && (got > 0 || got == -EINTR));
	return got < 0 ? got : has;
}

/*
 * Tells whether the file has the text, or cannot be read. It is not mapped: who
 * touches a mapping of a file that has just become shorter is killed.
 */
static bool has_text(const char *path, const char *text)
{
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK,
			    0);
	struct spawn_template_key key;
	bool has = true;

	if (fd < 0)
		return true;
	if (st_key_of_fd(fd, &key) == 0 && (key.mode & S_IFMT) == S_IFCHR)
		has = false; /* /dev/null */
	else if (st_key_of_fd(fd, &key) == 0 && (key.mode & S_IFMT) == S_IFREG)
		has = find_text(fd, text);
	sys_close(fd);
	return has;
}

/**
 * st_session_park - park a process of a runtime, whose start has files for its streams
 * @start: its arguments and environment
 * @seat: filled in on success
 * @park: what is parked; its step is set on failure
 *
 * Return: 0; or -errno, and nothing is open.
 */
int st_session_park(struct st_shell_start *start, struct warm_seat *seat,
		    struct st_park *park)
{
	int ret = make_files(start);

	park->shell = start;
	if (ret == 0)
		ret = st_seat_open(seat, park);
	if (ret == 0) {
		ret = check_files(start, seat->parked.pid);
		if (ret < 0) {
			park->step = WARM_STEP_SHELL;
			st_seat_close(seat);
		}
		seat->parked.program = park->path;
	}
	close_files(start);
	return ret;
}

/*
 * Each fork gets random numbers of its own. A file that sets the seed wants the
 * same ones each time.
 */
static int check_sources(const struct st_parked *parked)
{
	for (unsigned int i = parked->first_source; i < parked->last_source;
	     i++)
		if (has_text(parked->files[i].path, "RANDOM="))
			return -EBUSY;
	return 0;
}

static char *make_text(const struct st_session *session)
{
	size_t len = session->line_len;
	char *text = malloc(len + ROOM + 1);

	if (!text)
		return NULL;
	memcpy(text, session->line, len);
	memset(text + len, '#', ROOM);
	text[len + ROOM] = '\0';
	return text;
}

int st_session_open(const struct st_session *session,
		    const struct st_session_key *key, struct warm_seat *seat,
		    struct st_park *park)
{
	struct st_shell_start start = {
		.envp = key->envp,
		.defaulted = key->defaulted,
		.files = key->files,
		.directory = key->directory,
		.is_dash = session->is_dash,
		.in = -1,
		.out = -1,
	};
	char *text = make_text(session);
	char *argv[] = { (char *)park->argv0, "-c", text, NULL };
	int ret = text && key->envp ? make_files(&start) : -ENOMEM;

	start.argv = argv;
	start.rest = (unsigned int)session->line_len;
	if (ret == 0 && !session->is_dash)
		ret = st_shell_symbols(park->path, park->key, start.offset);
	park->shell = &start;
	if (ret == 0)
		ret = st_seat_open(seat, park);
	if (ret == 0) {
		ret = check_files(&start, seat->parked.pid);
		if (ret == 0)
			ret = check_sources(&seat->parked);
		if (ret < 0) {
			park->step = WARM_STEP_SHELL;
			st_seat_close(seat);
		} else {
			st_environment_note(&seat->parked, key->envp);
		}
	}
	close_files(&start);
	free(text);
	return ret;
}
