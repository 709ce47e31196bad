/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making templates for the commands, and turning what the library answers into
 * words: which step failed, why, what to do about it, and the exit code.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* Whether any directory of PATH has that name, as far as it can be seen. */
static bool is_on_path(const char *command)
{
	const char *path = getenv("PATH");
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
 * A directory of PATH that may not be searched makes the library say EACCES, as
 * execvp(3) does. People who mistyped a name are better told that it is not
 * there, as shells do.
 */
int launch_template(const char *command)
{
	int tfd = spawn_template_search(command, NULL,
					SPAWN_TEMPLATE_CREATE_CLOEXEC |
						SPAWN_TEMPLATE_CREATE_SCRIPT);

	if (tfd == -EACCES && !strchr(command, '/') && !is_on_path(command))
		return -ENOENT;
	return tfd;
}

static int explain_not_found(const char *command)
{
	const char *path = getenv("PATH");

	if (!*command) {
		out_error("the command's name is empty");
		return CLI_NOT_FOUND;
	}
	if (strchr(command, '/')) {
		out_error("%s: not found", command);
		out_remedy("check the path; a relative one counts from the "
			   "directory that the command starts in");
		return CLI_NOT_FOUND;
	}
	out_error("%s: not found on PATH", command);
	out_remedy("give its path, or add its directory to PATH (now %s)",
		   path ? path : "unset");
	return CLI_NOT_FOUND;
}

/* What to do about an error that concerns the file. NULL: nothing to say. */
static const char *remedy_for_file(int error)
{
	switch (error) {
	case EACCES:
		return "make it a regular file with execute permission for "
		       "this user, on a file system mounted without noexec";
	case ENOEXEC:
		return "it is neither an ELF program nor a script that starts "
		       "with \"#!\"; run a shell script as 'sh FILE'";
	case ETXTBSY:
		return "a process has it open for writing; wait until that "
		       "one closes it";
	case ESTALE:
		return "the file was replaced just now; try again";
	case ELOOP:
		return "its path has too many symbolic links, or a cycle";
	case ELIBBAD:
		return "its ELF interpreter is damaged or of another "
		       "architecture";
	case EMFILE:
	case ENFILE:
		return "too many open files: raise the limit (ulimit -n)";
	case E2BIG:
		return "arguments and environment are too long; see "
		       "'getconf ARG_MAX' and 'ulimit -s'";
	default:
		return NULL;
	}
}

static int explain_clone(const char *command, int error)
{
	out_error("cannot make a process for %s: %s", command, strerror(error));
	switch (error) {
	case EAGAIN:
		out_remedy("too many processes: see 'ulimit -u' and the "
			   "cgroup's pids.max");
		break;
	case ENOMEM:
		out_remedy("out of memory, or of the cgroup's memory.max");
		break;
	case EBUSY:
		out_remedy("the cgroup has controllers enabled for its "
			   "children; name one of these");
		break;
	case EACCES:
	case EPERM:
		out_remedy("with --cgroup: cgroup.procs there, and in the "
			   "nearest common parent, must be writable; else a "
			   "sandbox denies it: see 'spawn-template doctor'");
		break;
	case ENOSYS:
	case EOPNOTSUPP:
	case EINVAL:
		out_remedy("with --cgroup: clone3(2) is needed, and a cgroup "
			   "that may hold processes: see 'spawn-template "
			   "doctor'");
		break;
	default:
		break;
	}
	return CLI_FAILED;
}

int launch_explain_create(const char *command, int error)
{
	const char *remedy = remedy_for_file(error);
	struct stat st;

	if (error == ENOENT || error == ENOTDIR)
		return explain_not_found(command);
	if (error == EAGAIN || error == ENOMEM)
		return explain_clone(command, error);
	if (error == EACCES && stat(command, &st) == 0 && S_ISDIR(st.st_mode)) {
		out_error("%s: is a directory", command);
		return CLI_NOT_LAUNCHABLE;
	}
	out_error("%s: cannot be launched: %s", command, strerror(error));
	if (remedy)
		out_remedy("%s", remedy);
	return CLI_NOT_LAUNCHABLE;
}

static int explain_exec(const struct launch_error *e)
{
	const char *remedy = remedy_for_file(e->error);

	if (e->error == ENOENT && *e->interpreter) {
		out_error("%s: its interpreter %s is not there", e->path,
			  e->interpreter);
		out_remedy("install the interpreter, or a build of the program "
			   "for this system");
		return CLI_NOT_LAUNCHABLE;
	}
	out_error("%s: exec failed: %s", *e->path ? e->path : e->command,
		  strerror(e->error));
	if (remedy)
		out_remedy("%s", remedy);
	return CLI_NOT_LAUNCHABLE;
}

static int explain_attr(const struct launch_error *e)
{
	out_error("cannot set up the process for %s: %s", e->command,
		  strerror(e->error));
	if (e->error == EACCES || e->error == EPERM)
		out_remedy("this account may not do that: a lower --nice "
			   "needs CAP_SYS_NICE or RLIMIT_NICE");
	return CLI_FAILED;
}

static int explain_action(const struct launch_error *e)
{
	unsigned int i = e->failure.action;
	const char *what = i < e->n_actions ? e->actions[i] : "unknown";

	out_error("action %u of the launch failed (%s): %s", i, what,
		  strerror(e->error));
	return CLI_FAILED;
}

int launch_explain(const struct launch_error *e)
{
	switch (e->failure.stage) {
	case SPAWN_TEMPLATE_STAGE_EXEC:
		return explain_exec(e);
	case SPAWN_TEMPLATE_STAGE_CLONE:
		return explain_clone(e->command, e->error);
	case SPAWN_TEMPLATE_STAGE_ATTR:
		return explain_attr(e);
	case SPAWN_TEMPLATE_STAGE_ACTION:
		return explain_action(e);
	case SPAWN_TEMPLATE_STAGE_CLOSE:
		out_error("cannot close descriptors for %s: %s", e->command,
			  strerror(e->error));
		out_remedy("allow close_range(2) in the sandbox, mount /proc, "
			   "or use --inherit-fds");
		return CLI_FAILED;
	default:
		return launch_explain_create(e->command, e->error);
	}
}

json_t *launch_error_json(const struct launch_error *e)
{
	unsigned int i = e->failure.action;
	json_t *action = json_null();

	if (e->failure.stage == SPAWN_TEMPLATE_STAGE_ACTION)
		action =
			json_pack("{s:i, s:s}", "index", (int)i, "what",
				  i < e->n_actions ? e->actions[i] : "unknown");
	return json_pack("{s:s, s:i, s:s, s:s, s:o}", "name",
			 name_errno(e->error), "errno", e->error, "message",
			 strerror(e->error), "stage",
			 name_stage(e->failure.stage), "action", action);
}

json_t *launch_json(const struct spawn_template_stat *st)
{
	bool by_path = st->launch_by == SPAWN_TEMPLATE_LAUNCH_BY_PATH;
	json_t *fallbacks = json_object();

	for (unsigned int i = 0; name_fallback(i); i++)
		json_object_set_new(fallbacks, name_fallback(i),
				    json_integer((json_int_t)st->fallbacks[i]));
	return json_pack("{s:o, s:s, s:o, s:o}", "path", out_text(st->path),
			 "by", by_path ? "path" : "fd", "reason",
			 by_path ? json_string(name_by_path(st->by_path_reason))
				 : json_null(),
			 "fallbacks", fallbacks);
}
