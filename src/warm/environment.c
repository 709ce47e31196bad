/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environments of session shells: compared with the parked shell's, but for
 * PWD and OLDPWD, which go with the working directory, and `_`, which bash sets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "warm/environment.h"

char **st_environment_copy(char *const *list)
{
	size_t n = 0, bytes = 0;
	char **copy, *to;

	for (; list && list[n]; n++)
		bytes += strlen(list[n]) + 1;
	copy = malloc((n + 1) * sizeof(*copy) + bytes);
	if (!copy)
		return NULL;
	to = (char *)&copy[n + 1];
	for (size_t i = 0; i < n; i++) {
		copy[i] = to;
		to = stpcpy(to, list[i]) + 1;
	}
	copy[n] = NULL;
	return copy;
}

/* Return: length of the name, with "=", of a variable of each launch's own. */
static size_t own_variable(const char *variable)
{
	static const char *const own[] = { "PWD=", "OLDPWD=", "_=" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strncmp(variable, own[i], strlen(own[i])) == 0)
			return strlen(own[i]);
	return 0;
}

static bool same_variable(const char *a, const char *b)
{
	size_t own = own_variable(a);

	return own ? strncmp(a, b, own) == 0 : strcmp(a, b) == 0;
}

char *const *st_environment_of(const struct st_launch *l)
{
	static char *none[] = { NULL };
	char *const *envp = (char *const *)(uintptr_t)l->args->envp;

	return envp ? envp : none;
}

bool st_environment_same(char *const *a, char *const *b)
{
	for (; *a && *b; a++, b++)
		if (!same_variable(*a, *b))
			return false;
	return *a == *b;
}

#define DIGEST_START 0xcbf29ce484222325ULL

static uint64_t add_to_digest(uint64_t hash, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)from[i]) * 0x100000001b3ULL;
	return hash;
}

/* FNV-1a over what st_environment_same() compares */
uint64_t st_environment_digest(char *const *envp)
{
	uint64_t hash = DIGEST_START;

	for (; *envp; envp++) {
		size_t own = own_variable(*envp);

		hash = add_to_digest(hash, *envp,
				     own ? own : strlen(*envp) + 1);
	}
	return hash;
}

/* With dash, `_` counts, too: the variable stays as it is. */
static uint64_t digest_of_directories(char *const *envp, bool dash,
				      const char **pwd)
{
	uint64_t hash = DIGEST_START;

	*pwd = NULL;
	for (; *envp; envp++) {
		if (strncmp(*envp, "PWD=", 4) == 0)
			*pwd = *envp + 4;
		else if (strncmp(*envp, "OLDPWD=", 7) != 0 &&
			 !(dash && strncmp(*envp, "_=", 2) == 0))
			continue;
		hash = add_to_digest(hash, *envp, strlen(*envp) + 1);
	}
	return hash;
}

static uint64_t device_of(const struct spawn_template_key *key)
{
	return (uint64_t)key->dev_major << 32 | key->dev_minor;
}

static bool is_parkeds(const struct spawn_template_key *key,
		       const struct st_parked *parked)
{
	return key->ino == parked->directory_ino &&
	       device_of(key) == parked->directory_dev;
}

/* Tells whether the path is a name of the parked shell's directory by now. */
static bool names_directory(const char *path, const struct st_parked *parked)
{
	struct spawn_template_key key;

	return path && *path == '/' && st_key_of_path(path, &key) == 0 &&
	       is_parkeds(&key, parked);
}

/* Identifies the directory of a launch, if not more than one action changes it. */
static int key_of_directory(const struct st_launch *l, int directory,
			    struct spawn_template_key *key)
{
	const char *path = NULL;

	for (uint32_t i = 0; i < l->n_actions; i++) {
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_FCHDIR ||
		    (l->actions[i].type == SPAWN_TEMPLATE_ACTION_CHDIR && path))
			return -EINVAL;
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_CHDIR)
			path = (const char *)(uintptr_t)l->actions[i].arg;
	}
	if (path && *path != '/')
		return -EINVAL;
	return path ? st_key_of_path(path, key) : st_key_of_fd(directory, key);
}

bool st_environment_is_there(const struct st_parked *parked,
			     const struct st_launch *l, int directory)
{
	struct spawn_template_key key = { 0 };
	const char *pwd;
	const bool dash = parked->control.shell.shell == WARM_SHELL_DASH;

	if (digest_of_directories(st_environment_of(l), dash, &pwd) !=
		    parked->directories ||
	    key_of_directory(l, directory, &key) < 0)
		return false;
	if (!is_parkeds(&key, parked))
		return false;
	/* a shell takes a PWD that is right; dash keeps the name that it has found */
	if (names_directory(pwd, parked))
		return strcmp(pwd, parked->directory) == 0;
	return dash && names_directory(parked->directory, parked);
}

void st_environment_note(struct st_parked *parked, char *const *envp)
{
	struct spawn_template_key key;
	const char *pwd;
	char path[48];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)parked->pid);
	parked->directories = digest_of_directories(
		envp, parked->control.shell.shell == WARM_SHELL_DASH, &pwd);
	if (st_key_of_path(path, &key) < 0)
		return;
	parked->directory_ino = key.ino;
	parked->directory_dev = device_of(&key);
	if (names_directory(pwd, parked) &&
	    strlen(pwd) < sizeof(parked->directory)) {
		strcpy(parked->directory, pwd);
		return;
	}
	len = readlink(path, parked->directory, sizeof(parked->directory));
	if (len < 0 || len == sizeof(parked->directory))
		len = 0;
	parked->directory[len] = '\0';
}
