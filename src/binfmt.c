/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells whether binfmt_misc may run a file that is neither ELF nor a script: a
 * program of Windows, of Java, or whatever was registered.
 *
 * The kernel cannot be asked, so its list of formats is read and compared as it
 * compares them. Where the list is not mounted, as in most containers, the host's
 * formats count all the same; then only a file of text is known to be none. The
 * answer decides whether a mistake shows at create or at the first launch.
 */
#include <stdlib.h>
#include <string.h>

#include "binfmt.h"
#include "dents.h"
#include "sys.h"

#define FORMATS "/proc/sys/fs/binfmt_misc"

/* ---- one format, as the kernel writes it */

/* Returns what is behind the word at the beginning of a line; NULL: no such line. */
static const char *line_of(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) == 0)
			return line + n;
	}
	return NULL;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a byte of two digits, and goes on behind it. Return: the byte, or -1. */
static int next_byte(const char **hex)
{
	int high = digit((*hex)[0]);
	int low = high < 0 ? -1 : digit((*hex)[1]);

	if (low < 0)
		return -1;
	*hex += 2;
	return high << 4 | low;
}

static bool has_magic(const char *format, const struct st_elf *elf)
{
	const char *offset = line_of(format, "offset ");
	const char *magic = line_of(format, "magic ");
	const char *mask = line_of(format, "mask ");
	unsigned long at = offset ? strtoul(offset, NULL, 10) : 0;
	int byte, of = 0xff;

	if (!magic || next_byte(&(const char *){ magic }) < 0)
		return false;
	for (; (byte = next_byte(&magic)) >= 0; at++) {
		if (mask)
			of = next_byte(&mask);
		if (at >= sizeof(elf->first) || of < 0 ||
		    ((elf->first[at] ^ byte) & of))
			return false;
	}
	return true;
}

/* Compares what is behind the last dot of the path. */
static bool has_extension(const char *format, const char *path)
{
	const char *want = line_of(format, "extension .");
	const char *dot = strrchr(path, '.');
	size_t n = dot ? strlen(dot + 1) : 0;

	return want && dot && strncmp(want, dot + 1, n) == 0 &&
	       (want[n] == '\n' || want[n] == '\0');
}

static bool is_of_format(int dir, const char *name, const char *path,
			 const struct st_elf *elf)
{
	char format[4096];

	if (name[0] == '.' || strcmp(name, "register") == 0 ||
	    strcmp(name, "status") == 0)
		return false;
	if (sys_read_file(dir, name, format, sizeof(format)) < 0 ||
	    strncmp(format, "enabled\n", 8) != 0)
		return false;
	return has_magic(format, elf) || has_extension(format, path);
}

/* ---- all of them */

static bool is_of_some_format(int dir, const char *path,
			      const struct st_elf *elf)
{
	char buf[2048] __attribute__((aligned(8)));
	const struct st_dent *e;
	struct st_dents dents;

	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while ((e = st_dents_next(&dents)))
		if (is_of_format(dir, e->name, path, elf))
			return true;
	return false;
}

/* Tells whether the kernel has binfmt_misc, as far as this can be read. */
static bool kernel_has_it(void)
{
	char types[4096];

	return sys_read_file(AT_FDCWD, "/proc/filesystems", types,
			     sizeof(types)) < 0 ||
	       strstr(types, "\tbinfmt_misc\n");
}

static bool is_text(const struct st_elf *elf)
{
	for (uint32_t i = 0; i < elf->n_first; i++)
		if (elf->first[i] < ' ' &&
		    !strchr("\t\n\v\f\r\033", elf->first[i]))
			return false;
	return true;
}

static bool is_elf(const struct st_elf *elf)
{
	return memcmp(elf->first, "\177ELF", 4) == 0;
}

/**
 * st_binfmt_may_run - tell whether a file may be of a format of binfmt_misc
 * @path: its path, whose end may be what tells the format; may be empty
 * @elf: with the first bytes of the file
 *
 * Return: false if the kernel certainly does not run it in this way.
 */
bool st_binfmt_may_run(const char *path, const struct st_elf *elf)
{
	char status[16];
	bool ret = false;
	int dir = sys_openat(AT_FDCWD, FORMATS,
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int known =
		dir < 0 ? dir
			: sys_read_file(dir, "status", status, sizeof(status));

	if (known >= 0)
		ret = strncmp(status, "enabled", 7) == 0 &&
		      is_of_some_format(dir, path, elf);
	else
		ret = !is_text(elf) && !is_elf(elf) && kernel_has_it();
	if (dir >= 0)
		sys_close(dir);
	return ret;
}
