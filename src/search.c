/* SPDX-License-Identifier: BSD-2-Clause */
/* Resolves a name along a search path, by the rules of execvp(3). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "search.h"

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

static int open_in(const char *dir, size_t len, const char *name,
		   const struct st_opener *opener)
{
	struct buffer b;
	int ret = begin_path(&b, dir, len);

	if (ret == 0 && len)
		ret = add_text(&b, dir, len);
	if (ret == 0 && len && dir[len - 1] != '/')
		ret = add_text(&b, "/", 1);
	if (ret == 0)
		ret = add_text(&b, name, strlen(name));
	return ret < 0 ? ret : opener->open(b.bytes, opener->arg);
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

/* Tells errors after which the search goes on to the next directory. */
static int goes_on(int ret)
{
	return ret == -ENOENT || ret == -ENOTDIR || ret == -EACCES ||
	       ret == -ESTALE || ret == -ENODEV || ret == -ETIMEDOUT ||
	       ret == -ENAMETOOLONG || ret == -ELOOP;
}

static int search(const char *name, const char *path,
		  const struct st_opener *opener)
{
	int ret, answer = -ENOENT;

	for (;;) {
		size_t len = strcspn(path, ":");

		ret = open_in(path, len, name, opener);
		if (ret >= 0 || !goes_on(ret))
			return ret;
		/*
		 * found, but not executable: the answer if nothing better comes
		 */
		if (ret == -EACCES)
			answer = ret;
		if (path[len] == '\0')
			return answer;
		path += len + 1;
	}
}

int st_search(const char *name, const char *path,
	      const struct st_opener *opener)
{
	char *fallback = NULL;
	int ret;

	if (!name)
		return -EINVAL;
	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return *name == '/' ? opener->open(name, opener->arg)
				    : open_in("", 0, name, opener);
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

int spawn_template_search(const char *name, const char *path, uint64_t flags)
{
	const struct st_opener opener = { open_template, &flags };

	return st_search(name, path, &opener);
}
