/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways in which launches are prepared: words for them, and templates by them. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define PYTHON \
	(SPAWN_TEMPLATE_CREATE_WARM_RUNTIME | SPAWN_TEMPLATE_CREATE_WARM_FORK)

static const struct {
	const char *word;
	uint64_t flags;
} ways[] = {
	{ "once", SPAWN_TEMPLATE_CREATE_WARM_ONCE },
	{ "fork", SPAWN_TEMPLATE_CREATE_WARM_FORK },
	{ "python", PYTHON },
};

uint64_t warm_flag(const char *word)
{
	for (size_t i = 0; i < COUNT(ways); i++)
		if (strcmp(word, ways[i].word) == 0)
			return ways[i].flags;
	return 0;
}

int read_warm(const char *text, uint64_t *create_flag)
{
	*create_flag = text ? warm_flag(text) : PYTHON;
	if (*create_flag)
		return 0;
	return out_bad_usage("--warm=%s: neither once, fork nor python", text);
}

bool is_module_list(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.,";

	return strspn(text, allowed) == strlen(text) &&
	       strlen(text) < SPAWN_TEMPLATE_PATH_MAX;
}

int read_modules(const char *text, const char **modules)
{
	*modules = text;
	if (is_module_list(text))
		return 0;
	return out_bad_usage("--modules %s: no list of modules, such as "
			     "json,re",
			     text);
}

int read_profile_path(const char *text, const char **profile)
{
	static char path[SPAWN_TEMPLATE_PATH_MAX];
	size_t n = 0;

	if (*text != '/') {
		if (!getcwd(path, sizeof(path)))
			return out_bad_usage("--profile %s: name it by its "
					     "absolute path",
					     text);
		n = strlen(path);
		path[n++] = '/';
	}
	if (n + strlen(text) >= sizeof(path) || strpbrk(text, "'\n"))
		return out_bad_usage("--profile %s: too long, or with an "
				     "apostrophe or a line break",
				     text);
	strcpy(path + n, text);
	*profile = path;
	return 0;
}

bool names_python(const char *command)
{
	const char *slash = strrchr(command, '/');

	return strncmp(slash ? slash + 1 : command, "python", 6) == 0;
}

int launch_template_warm(const char *command, uint64_t flags,
			 const char *preload)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	bool runtime = flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	static struct spawn_template_stat st;
	int ret, tfd = launch_template(command, runtime ? 0 : flags);

	if (tfd < 0 || !runtime)
		return tfd;
	ret = spawn_template_stat(tfd, &st, sizeof(st));
	spawn_template_close(tfd);
	if (ret < 0)
		return ret;
	args.flags = flags | SPAWN_TEMPLATE_CREATE_CLOEXEC |
		     SPAWN_TEMPLATE_CREATE_SCRIPT;
	args.filename = (uintptr_t)st.path;
	if ((preload && *preload == '/') || names_python(st.path)) {
		args.flags &= ~SPAWN_TEMPLATE_CREATE_WARM_FORK;
		args.warm_preload = (uintptr_t)preload;
	} else {
		args.flags &= ~SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	}
	return spawn_template_create(&args, sizeof(args));
}
