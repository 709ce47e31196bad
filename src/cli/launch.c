/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes templates for the commands, and puts the library's answers into words:
 * the step that failed, the reason, the remedy, and the exit code.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "cli/cli.h"
#include "cli/stat_names.h"

/* Look for the command in each directory of a search path that can be read. */
static bool is_on_path(const char *command, const char *path)
{
	char file[PATH_MAX];
	struct stat st;

	while (path && *path) {
		int n = (int)strcspn(path, ":");

		if (snprintf(file, sizeof(file), "%.*s/%s", n, n ? path : ".",
			     command) < PATH_MAX &&
		    stat(file, &st) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/*
 * If a directory of the path may not be searched, the library answers EACCES, as
 * execvp(3) does. A user who mistyped a name is better served by "not found", as
 * in shells.
 */
int launch_searched(int tfd, const char *command, const char *path)
{
	if (tfd == -EACCES && !strchr(command, '/') &&
	    !is_on_path(command, path ? path : getenv("PATH")))
		return -ENOENT;
	return tfd;
}

int launch_template(const char *command, uint64_t flags)
{
	int tfd = spawn_template_search(command, NULL,
					flags | SPAWN_TEMPLATE_CREATE_CLOEXEC |
						SPAWN_TEMPLATE_CREATE_SCRIPT);

	return launch_searched(tfd, command, NULL);
}

/* ---- rings, which need threads */

int launch_no_ring(int err)
{
	out_error("cannot make a ring: %s", strerror(err));
	if (err == EPERM || err == EACCES)
		out_remedy("have the sandbox answer ENOSYS to clone3(2): on "
			   "other errors libc starts no thread");
	else if (err == EINVAL)
		out_remedy("in a new pid namespace, as by 'unshare --pid', no "
			   "thread can be started: add --fork there");
	return CLI_FAILED;
}

/* ---- cgroups */

int open_cgroup(const char *option, const char *path, bool make)
{
	struct statfs fs;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		fd = -errno;
		out_error("%s %s: %s", option, path, strerror(-fd));
	} else if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		close(fd);
		fd = -ENOTDIR;
		out_error("%s %s: not a cgroup v2 directory", option, path);
		out_remedy("'spawn-template doctor' tells where cgroup v2 is "
			   "mounted and whether this account may use it");
	} else if (make && access(path, W_OK | X_OK)) {
		out_error("%s %s: no directory can be made there: %s", option,
			  path, strerror(errno));
		close(fd);
		fd = -EACCES;
	}
	return fd;
}

/* ---- words */

#define PATH_SHOWN 512 /* bytes of $PATH in a remedy */
#define CHAIN_MOST 5 /* the kernel follows no more scripts */

CLI_PRINTF(1, 2)
static char *words(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

/* PATH may be long, and is the same for all answers of a batch. */
static void say_path(const struct launch_error *e, struct launch_words *w)
{
	static const char remedy[] =
		"give its path, or add its directory to PATH";
	const char *path = getenv("PATH");
	bool cut = path && strlen(path) > PATH_SHOWN;

	if (e->one_of_many)
		w->remedy = strdup(remedy);
	else
		w->remedy = words("%s (now %.*s%s)", remedy, PATH_SHOWN,
				  path ? path : "unset", cut ? "..." : "");
}

static void say_not_found(const struct launch_error *e, struct launch_words *w)
{
	w->status = CLI_NOT_FOUND;
	if (!*e->command) {
		w->error = words("the command's name is empty");
	} else if (strchr(e->command, '/')) {
		w->error = words("%s: not found", e->command);
		w->remedy = words("check the path; a relative one counts from "
				  "the directory that the command starts in");
	} else {
		w->error = words("%s: not found on PATH", e->command);
		say_path(e, w);
	}
}

/* Say it in the words of the library, in which the remedy is behind a "; ". */
static void say_sentence(const struct launch_error *e, const char *name,
			 const char *note, struct launch_words *w)
{
	const struct spawn_template_failure failure = {
		.error = e->error,
		.stage = e->failure.stage,
		.action = e->failure.action,
	};
	char text[1024] = "", *remedy;

	spawn_template_strerror(&failure, text, sizeof(text));
	remedy = strstr(text, "; ");
	if (remedy) {
		*remedy = '\0';
		w->remedy = strdup(remedy + 2);
	}
	w->error = words("%s: %s%s", name, text, note);
}

static bool is_no_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) || !S_ISDIR(st.st_mode);
}

static void say_no_cwd(const struct launch_error *e, struct launch_words *w)
{
	w->error = words("%s: cannot start in %s: %s", e->command, e->cwd,
			 strerror(e->error));
	w->remedy = words("check the directory: it must be there, and this "
			  "account must be allowed to enter it");
}

/* Explain why no template could be made, or why it could not be launched. */
static void say_args(const struct launch_error *e, struct launch_words *w)
{
	struct stat st;

	if (e->error == ENOENT || e->error == ENOTDIR) {
		if (e->cwd && is_no_directory(e->cwd))
			say_no_cwd(e, w);
		else
			say_not_found(e, w);
		return;
	}
	/* these are no fault of the file */
	if (e->error != EAGAIN && e->error != ENOMEM && e->error != EOPNOTSUPP)
		w->status = CLI_NOT_LAUNCHABLE;
	if (e->error == EACCES && stat(e->command, &st) == 0 &&
	    S_ISDIR(st.st_mode))
		w->error = words("%s: is a directory", e->command);
	else
		say_sentence(e, e->command, "", w);
}

/* A file whose interpreter is missing, at the end of a chain of scripts. */
struct chain {
	char file[PATH_MAX], interpreter[PATH_MAX];
};

/* Go on to the interpreter. Return: whether it is there, and has one itself. */
static bool go_on(struct chain *c)
{
	struct spawn_template_stat st = { 0 };
	int tfd;

	if (c->interpreter[0] != '/' || access(c->interpreter, F_OK))
		return false;
	tfd = spawn_template_open(c->interpreter,
				  SPAWN_TEMPLATE_CREATE_CLOEXEC |
					  SPAWN_TEMPLATE_CREATE_SCRIPT |
					  SPAWN_TEMPLATE_CREATE_NO_GUARD);
	if (tfd < 0)
		return false;
	if (spawn_template_stat(tfd, &st, sizeof(st)) < 0)
		st.interpreter[0] = '\0';
	spawn_template_close(tfd);
	if (!*st.interpreter)
		return false;
	strcpy(c->file, c->interpreter);
	snprintf(c->interpreter, sizeof(c->interpreter), "%s", st.interpreter);
	return true;
}

static void say_interpreter(const struct launch_error *e, struct chain *c,
			    struct launch_words *w)
{
	bool own = strcmp(c->file, e->path) == 0;
	size_t n = strlen(c->interpreter);

	if (c->interpreter[n - 1] == '\r') {
		w->error = words("%s: %s%s%sthe first line ends in a carriage "
				 "return, which counts as part of the "
				 "interpreter's name",
				 e->path, own ? "" : "in its interpreter ",
				 own ? "" : c->file, own ? "" : " ");
		w->remedy = words("save the file with the line ends of Unix, "
				  "LF and not CRLF");
		return;
	}
	if (own)
		w->error = words("%s: its interpreter %s is not there", e->path,
				 c->interpreter);
	else
		w->error = words("%s: its interpreter %s needs %s, which is "
				 "not there",
				 e->path, c->file, c->interpreter);
	w->remedy = words("install the interpreter, or a build of the program "
			  "for this system");
}

static void say_exec(const struct launch_error *e, struct launch_words *w)
{
	struct chain c;

	w->status = CLI_NOT_LAUNCHABLE;
	if (e->error == ENOENT && *e->interpreter) {
		snprintf(c.file, sizeof(c.file), "%s", e->path);
		snprintf(c.interpreter, sizeof(c.interpreter), "%s",
			 e->interpreter);
		for (int i = 0; i < CHAIN_MOST && go_on(&c); i++)
			;
		say_interpreter(e, &c, w);
		return;
	}
	say_sentence(e, *e->path ? e->path : e->command, "", w);
	if (e->sandboxed && e->error == EACCES) {
		free(w->remedy);
		w->remedy = words("in a sandbox the program, its interpreter "
				  "and its libraries must be in or below the "
				  "paths of --ro and --rw: add --ro /");
	}
}

static const char *action_name(const struct launch_error *e)
{
	unsigned int i = e->failure.action;

	return i < e->n_actions ? e->actions[i] : "unknown";
}

static void say_action(const struct launch_error *e, struct launch_words *w)
{
	char *note;

	if (e->cwd && strcmp(action_name(e), "cwd") == 0) {
		say_no_cwd(e, w);
		return;
	}
	note = words(" (%s)", action_name(e));
	say_sentence(e, e->command, note ? note : "", w);
	free(note);
}

void launch_say(const struct launch_error *e, struct launch_words *w)
{
	*w = (struct launch_words){ .status = CLI_FAILED };
	switch (e->failure.stage) {
	case SPAWN_TEMPLATE_STAGE_EXEC:
		say_exec(e, w);
		break;
	case SPAWN_TEMPLATE_STAGE_ACTION:
		say_action(e, w);
		break;
	case SPAWN_TEMPLATE_STAGE_CLONE:
	case SPAWN_TEMPLATE_STAGE_ATTR:
	case SPAWN_TEMPLATE_STAGE_CLOSE:
		say_sentence(e, e->command, "", w);
		break;
	default:
		say_args(e, w);
	}
}

void launch_words_free(struct launch_words *w)
{
	free(w->error);
	free(w->remedy);
}

int launch_explain(const struct launch_error *e)
{
	struct launch_words w;

	launch_say(e, &w);
	out_error("%s", w.error ? w.error : "out of memory");
	if (w.remedy)
		out_remedy("%s", w.remedy);
	launch_words_free(&w);
	return w.status;
}

int launch_explain_create(const char *command, int error)
{
	const struct launch_error e = {
		.command = command,
		.path = "",
		.interpreter = "",
		.error = error,
	};

	return launch_explain(&e);
}

json_t *launch_error_json(const struct launch_error *e)
{
	json_t *action = json_null();
	struct launch_words w;
	json_t *value;

	if (e->failure.stage == SPAWN_TEMPLATE_STAGE_ACTION)
		action =
			json_pack("{s:i, s:s}", "index", (int)e->failure.action,
				  "what", action_name(e));
	launch_say(e, &w);
	value = json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:o}", "name",
			  name_errno(e->error), "errno", e->error, "message",
			  strerror(e->error), "stage",
			  name_stage(e->failure.stage), "action", action,
			  "detail", w.error ? out_text(w.error) : json_null(),
			  "remedy",
			  w.remedy ? out_text(w.remedy) : json_null());
	launch_words_free(&w);
	return value;
}

json_t *launch_json(const struct spawn_template_stat *st)
{
	bool by_path = st->launch_by == SPAWN_TEMPLATE_LAUNCH_BY_PATH;
	json_t *fallbacks = json_object();

	for (unsigned int i = 0; st_name_fallback(i); i++)
		json_object_set_new(fallbacks, st_name_fallback(i),
				    json_integer((json_int_t)st->fallbacks[i]));
	return json_pack(
		"{s:o, s:s, s:o, s:o}", "path", out_text(st->path), "by",
		by_path ? "path" : "fd", "reason",
		by_path ? json_string(st_name_by_path(st->by_path_reason))
			: json_null(),
		"fallbacks", fallbacks);
}
