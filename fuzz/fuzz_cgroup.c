/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the search for a cgroup: the first line of the input is a path as
 * /proc/self/cgroup has it, the rest a line of /proc/self/mountinfo. The result
 * must fit, and must be a string.
 */
#include <string.h>

#include "fuzz.h"
#include "tree/cgroup.h"

/*
 * Copies to memory of just its size: the sanitizer sees any access behind it.
 */
static char *string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	MUST(s);
	memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t first = end ? (size_t)(end - data) : size;
	size_t rest = end ? size - first - 1 : 0;
	char *own = string(data, first);
	char *mount = string(end ? end + 1 : data + size, rest);
	size_t room = size % 64 + 1;
	char *path = malloc(room);

	MUST(path);
	if (st_cgroup_path(own, mount, path, room))
		MUST(strnlen(path, room) < room);
	free(path);
	free(mount);
	free(own);
	return 0;
}
