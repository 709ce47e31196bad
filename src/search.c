/* SPDX-License-Identifier: BSD-2-Clause */
/* Resolves a name along a search path, by the rules of execvp(3). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interpreter.h"
#include "search.h"
#include "sys.h"
#include "table.h"

struct buffer {
	char bytes[SPAWN_TEMPLATE_PATH_MAX];
	size_t len;
};

static int add_text(struct buffer *b, const char *text, size_t len)
{
	if (len >= sizeof(b->bytes) - b->len)
		return -ENAMETOOLONG;
	memcpy(b->bytes + b->len, text, len);
	b->len += len;
	b->bytes[b->len] = '\0';
	return 0;
}

/* Begins with the current directory and a slash, unless dir is absolute. */
static int begin_path(struct buffer *b, const char *dir, size_t len)
{
	b->len = 0;
	if (len && dir[0] == '/')
		return 0;
	if (!getcwd(b->bytes, sizeof(b->bytes)))
		return errno == ERANGE ? -ENAMETOOLONG : -errno;
	/* outside of the process's root the kernel gives no absolute path */
	if (b->bytes[0] != '/')
		return -ENOENT;
	b->len = strlen(b->bytes);
	return b->len > 1 ? add_text(b, "/", 1) : 0;
}

/* Writes the absolute path of a name in a directory. */
static int path_in(struct buffer *b, const char *dir, size_t len,
		   const char *name)
{
	int ret = begin_path(b, dir, len);

	if (ret == 0 && len)
		ret = add_text(b, dir, len);
	if (ret == 0 && len && dir[len - 1] != '/')
		ret = add_text(b, "/", 1);
	if (ret == 0)
		ret = add_text(b, name, strlen(name));
	return ret;
}

static int open_in(const char *dir, size_t len, const char *name,
		   const struct st_opener *opener, struct buffer *b)
{
	int ret = path_in(b, dir, len, name);

	return ret < 0 ? ret : opener->open(b->bytes, opener->arg);
}

/*
 * Returns the path that is used without $PATH.
 * Return: 0 or -ENOMEM; the caller frees *path.
 */
static int default_path(char **path)
{
	size_t size = confstr(_CS_PATH, NULL, 0);

	*path = malloc(size ? size : 1);
	if (!*path)
		return -ENOMEM;
	**path = '\0';
	if (size)
		confstr(_CS_PATH, *path, size);
	return 0;
}

static bool is_script(const char *path)
{
	char start[3] = "";

	return sys_read_file(AT_FDCWD, path, start, sizeof(start)) == 2 &&
	       start[0] == '#' && start[1] == '!';
}

/*
 * Tells errors after which the search goes on to the next directory. It does not pass
 * over a script that is refused only because the caller wants none.
 */
static bool goes_on(int ret, const char *path, const struct st_opener *opener)
{
	if (ret == -ENOEXEC)
		return opener->scripts || !is_script(path);
	return ret == -ENOENT || ret == -ENOTDIR || ret == -EACCES ||
	       ret == -ESTALE || ret == -ENODEV || ret == -ETIMEDOUT ||
	       ret == -ENAMETOOLONG || ret == -ELOOP;
}

/* Returns which error tells more about why nothing was found. */
static int better_answer(int answer, int ret)
{
	/* found, but not executable; or executable, but of no format */
	if (ret == -EACCES || (ret == -ENOEXEC && answer == -ENOENT))
		return ret;
	return answer;
}

/* Tells whether exec will not find what runs the template's file. */
static bool lacks_interpreter(int tfd)
{
	struct st_record *rec = st_table_get(tfd);
	bool lacks = rec && rec->no_interpreter &&
		     !st_interpreter_may_run(rec->interpreter, rec->format);

	st_record_put(rec);
	return lacks;
}

static int search(const char *name, const char *path,
		  const struct st_opener *opener)
{
	int ret, answer = -ENOENT, first = -1;
	struct buffer b;

	for (;;) {
		size_t len = strcspn(path, ":");

		ret = open_in(path, len, name, opener, &b);
		if (ret >= 0 && lacks_interpreter(ret)) {
			/* its launch tells what is missing, if nothing better comes */
			if (first < 0)
				first = ret;
			else
				opener->close(ret, opener->arg);
		} else if (ret >= 0 || !goes_on(ret, b.bytes, opener)) {
			if (first >= 0)
				opener->close(first, opener->arg);
			return ret;
		} else {
			answer = better_answer(answer, ret);
		}
		if (path[len] == '\0')
			return first >= 0 ? first : answer;
		path += len + 1;
	}
}

int st_search(const char *name, const char *path,
	      const struct st_opener *opener)
{
	char *fallback = NULL;
	struct buffer b;
	int ret;

	if (!name)
		return -EINVAL;
	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return *name == '/' ? opener->open(name, opener->arg)
				    : open_in("", 0, name, opener, &b);
	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	if (!path)
		path = getenv("PATH");
	if (!path) {
		ret = default_path(&fallback);
		if (ret < 0)
			return ret;
		path = fallback;
	}
	ret = search(name, path, opener);
	free(fallback);
	return ret;
}

static int open_template(const char *path, void *flags)
{
	return spawn_template_open(path, *(const uint64_t *)flags);
}

static void close_template(int tfd, void *flags)
{
	(void)flags;
	spawn_template_close(tfd);
}

int spawn_template_search(const char *name, const char *path, uint64_t flags)
{
	const struct st_opener opener = {
		.open = open_template,
		.close = close_template,
		.arg = &flags,
		.scripts = flags & SPAWN_TEMPLATE_CREATE_SCRIPT,
	};

	return st_search(name, path, &opener);
}
