/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads places of control groups by raw system calls, which leave errno alone.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/cgroups.h"
#include "sys.h"

char *st_read_whole(const char *path, int *ret)
{
	size_t len = 0, size = 4096;
	char *text = malloc(size), *more;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	*ret = fd < 0 ? fd : text ? 1 : -ENOMEM;
	while (*ret > 0) {
		*ret = sys_call3(__NR_read, fd, text + len, size - len - 1);
		len += *ret > 0 ? (size_t)*ret : 0;
		if (*ret <= 0 || size - len > 1024)
			continue;
		more = realloc(text, size *= 2);
		if (!more)
			*ret = -ENOMEM;
		else
			text = more;
	}
	if (fd >= 0)
		sys_close(fd);
	if (*ret < 0) {
		free(text);
		return NULL;
	}
	text[len] = 0;
	return text;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Decodes \ooo, in which mountinfo writes space, tab, newline and backslash. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*to++ = (char)((text[1] - '0') << 6 |
				       (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

bool st_cgroup_mount(char *line, struct st_cgroup_mount *mount)
{
	char *type = strstr(line, " - "), *save = NULL, *field[5];

	if (!type || strncmp(type, " - cgroup2 ", 11) != 0)
		return false;
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return false;
	}
	unescape(field[3]);
	unescape(field[4]);
	mount->root = field[3];
	mount->point = field[4];
	return true;
}

char *st_cgroup_own_path(char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);

	for (; line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "0::/", 4) == 0)
			return line + 3;
	return NULL;
}
