/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reason why a Python was not prepared that was to import modules ahead: they are
 * imported one after the other by a Python that looks at what each leaves behind, as
 * the preparation does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text_safe.h"
#include "cli/warm/warm.h"
#include "shared/clock.h"

#define IMPORT_MOST (30000 * ST_MS)
#define MARK "\n-- " /* in front of the module's name, at the end of stderr */

extern char **environ;

/* The exit codes of the source. */
enum found {
	FOUND_RAISES = 81,
	FOUND_THREAD,
	FOUND_DESCRIPTOR,
	FOUND_PROCESS,
	FOUND_STREAM,
};

/*
 * Handlers for fork may end threads, so they run before threads are counted: a thread
 * has a moment to be gone, as in the preparation.
 */
static const char source[] =
	"import os, sys, time\n"
	"std = sys.stdin, sys.stdout, sys.stderr\n"
	"def seen(what): return len(os.listdir('/proc/self/' + what))\n"
	"def has_child():\n"
	"    try: os.waitpid(-1, os.WNOHANG)\n"
	"    except ChildProcessError: return False\n"
	"    return True\n"
	"def has_thread():\n"
	"    if os.fork() == 0: os._exit(0)\n"
	"    os.wait()\n"
	"    for n in range(200):\n"
	"        if seen('task') == 1: return False\n"
	"        time.sleep(0.001)\n"
	"    return True\n"
	"def check(name, fds):\n"
	"    try: __import__(name)\n"
	"    except BaseException as e:\n"
	"        print(type(e).__name__ + ':', e, file=sys.stderr)\n"
	"        return 81\n"
	"    if (sys.stdin, sys.stdout, sys.stderr) != std: return 85\n"
	"    if has_child(): return 84\n"
	"    if has_thread(): return 82\n"
	"    if seen('fd') != fds: return 83\n"
	"fds = seen('fd')\n"
	"for name in sys.argv[1].split(','):\n"
	"    code = name and check(name, fds)\n"
	"    if code:\n"
	"        print('\\n-- ' + name, end='', file=sys.__stderr__)\n"
	"        sys.__stderr__.flush()\n"
	"        os._exit(code)\n"
	"os._exit(0)\n";

static const struct {
	int code;
	const char *text, *remedy;
} finds[] = {
	{ FOUND_RAISES, "cannot be imported: ",
	  "leave it out of --modules, or install it for this Python" },
	{ FOUND_THREAD, "starts a thread, which forks would not have",
	  "leave it out of --modules, or set what has its library start none, "
	  "such as OPENBLAS_NUM_THREADS=1 or OMP_NUM_THREADS=1" },
	{ FOUND_DESCRIPTOR, "keeps a descriptor open",
	  "leave it out of --modules" },
	{ FOUND_PROCESS, "leaves a process behind",
	  "leave it out of --modules" },
	{ FOUND_STREAM, "replaces sys.stdin, sys.stdout or sys.stderr",
	  "leave it out of --modules" },
};

/* Splits what Python has written: the name, and the last line in front of it. */
static const char *split(char *err, const char **name)
{
	char *mark = NULL, *line;

	for (char *at = err; at && (at = strstr(at, MARK)); at++)
		mark = at;
	*name = "a module";
	if (!mark)
		return "";
	*name = mark + strlen(MARK);
	while (mark > err && mark[-1] == '\n')
		mark--;
	*mark = '\0';
	line = strrchr(err, '\n');
	return line ? line + 1 : err;
}

static bool tell(struct warm_why *why, struct spawn_template_result *r)
{
	const char *last, *name;
	char *safe;

	if (r->flags & SPAWN_TEMPLATE_RESULT_TIMED_OUT) {
		snprintf(why->text, sizeof(why->text),
			 "the modules were not imported within 30 s");
		why->remedy = "leave slow ones out of --modules";
		return true;
	}
	for (size_t i = 0; i < COUNT(finds); i++) {
		if (r->code != finds[i].code)
			continue;
		last = split(r->err, &name);
		safe = text_safe(r->code == FOUND_RAISES ? last : "");
		snprintf(why->text, sizeof(why->text), "%.80s %s%.120s", name,
			 finds[i].text, safe ? safe : "");
		free(safe);
		why->remedy = finds[i].remedy;
		return true;
	}
	if (r->code == 0 && (r->out_len || r->err_len)) {
		snprintf(why->text, sizeof(why->text),
			 "a module prints when it is imported");
		why->remedy = "leave it out of --modules";
		return true;
	}
	return false;
}

bool warm_why_modules(const struct warm_program *program, const char *modules,
		      struct warm_why *why)
{
	char *argv[] = { (char *)program->st.path, (char *)"-c", (char *)source,
			 (char *)modules, NULL };
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result result;
	bool told = false;
	int tfd;

	if (!modules || !program->way[WAY_PYTHON].tried ||
	    program->way[WAY_PYTHON].prepared || program->slow)
		return false;
	tfd = spawn_template_open(program->st.path,
				  SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0)
		return false;
	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)environ;
	args.timeout_ns = IMPORT_MOST;
	if (spawn_template_run(tfd, &args, sizeof(args), &result,
			       sizeof(result)) >= 0) {
		told = tell(why, &result);
		why->id = told ? "modules" : why->id;
		spawn_template_result_free(&result);
	}
	spawn_template_close(tfd);
	return told;
}
