/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells whether exec would find what runs a script or a dynamic program.
 *
 * The answer decides how far a search along PATH goes, and never what may be
 * launched. The interpreter of a script may be a script itself, whose interpreter
 * then has to be there, too.
 */
#include <string.h>

#include "elf.h"
#include "interpreter.h"
#include "sys.h"

#define DEPTH_MAX 5 /* the kernel gives up there, too */

static bool is_executable(const char *path)
{
	int ret = sys_call4(__NR_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);

	if (ret == -ENOSYS)
		ret = sys_call3(__NR_faccessat, AT_FDCWD, path, X_OK);
	return ret != -ENOENT && ret != -ENOTDIR && ret != -EACCES;
}

/*
 * Reads what an interpreter needs itself.
 * Return: 1; 0 if it needs nothing, as far as known; -EISDIR.
 */
static int read_next(const char *path, struct st_elf *elf)
{
	int fd = sys_openat(AT_FDCWD, path,
			    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return 0;
	ret = st_elf_read(fd, elf);
	sys_close(fd);
	if (ret == -EISDIR)
		return ret;
	return ret == 0 && elf->interpreter[0];
}

/**
 * st_interpreter_may_run - tell whether exec would find an interpreter
 * @path: the interpreter
 * @format: SPAWN_TEMPLATE_FORMAT_* of the file that names it
 *
 * Return: false if it, or what that needs itself, is certainly not to be executed. A
 * relative path counts from the directory of the launch, which is not known here.
 */
bool st_interpreter_may_run(const char *path, uint32_t format)
{
	char next[SPAWN_TEMPLATE_PATH_MAX];
	struct st_elf elf;
	int ret;

	for (int i = 0; i < DEPTH_MAX && path[0] == '/'; i++) {
		if (!is_executable(path))
			return false;
		/* a dynamic linker needs nothing */
		if (format != SPAWN_TEMPLATE_FORMAT_SCRIPT)
			break;
		ret = read_next(path, &elf);
		if (ret <= 0)
			return ret == 0;
		format = elf.format;
		path = strcpy(next, elf.interpreter);
	}
	return true;
}
