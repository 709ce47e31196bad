/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks up functions and variables that bash exports, in the file's table of
 * dynamic symbols. The file is another's: nothing in it is believed unchecked.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "sys.h"
#include "warm/shell.h"

#define FILE_MOST (64 * 1024 * 1024)

struct file {
	const char *at;
	size_t size;
};

static const char *const names[] = {
#define NAME(name) #name,
	WARM_BASH_SYMBOLS(NAME)
#undef NAME
};

static const void *part(const struct file *f, uint64_t at, uint64_t size)
{
	return at <= f->size && size <= f->size - at ? f->at + at : NULL;
}

static const Elf64_Shdr *section(const struct file *f, const Elf64_Ehdr *head,
				 unsigned int i)
{
	return i < head->e_shnum && head->e_shentsize == sizeof(Elf64_Shdr)
		       ? part(f, head->e_shoff + i * sizeof(Elf64_Shdr),
			      sizeof(Elf64_Shdr))
		       : NULL;
}

static void take_symbol(const char *name, uint64_t value, uint64_t entry,
			int64_t *offset)
{
	for (int i = 0; i < WARM_BASH_N; i++)
		if (strcmp(name, names[i]) == 0)
			offset[i] = (int64_t)(value - entry);
}

static int take_table(const struct file *f, const Elf64_Ehdr *head,
		      const Elf64_Shdr *table, int64_t *offset)
{
	const Elf64_Shdr *strings = section(f, head, table->sh_link);
	const Elf64_Sym *symbol = part(f, table->sh_offset, table->sh_size);
	const char *text =
		strings ? part(f, strings->sh_offset, strings->sh_size) : NULL;

	if (!symbol || !text || !strings->sh_size ||
	    text[strings->sh_size - 1] || table->sh_offset % 8)
		return -ENOEXEC;
	for (uint64_t i = 0; i < table->sh_size / sizeof(*symbol); i++)
		if (symbol[i].st_value && symbol[i].st_shndx != SHN_UNDEF &&
		    symbol[i].st_name < strings->sh_size)
			take_symbol(text + symbol[i].st_name,
				    symbol[i].st_value, head->e_entry, offset);
	return 0;
}

static int take_symbols(const struct file *f, int64_t *offset)
{
	const Elf64_Ehdr *head = part(f, 0, sizeof(*head));
	int ret = -ENOEXEC;

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_shoff % 8)
		return -ENOEXEC;
	for (unsigned int i = 0; i < head->e_shnum && ret < 0; i++) {
		const Elf64_Shdr *table = section(f, head, i);

		if (table && table->sh_type == SHT_DYNSYM)
			ret = take_table(f, head, table, offset);
	}
	for (int i = 0; i < WARM_BASH_N && ret == 0; i++)
		if (!offset[i] && i != WARM_BASH_shellstart)
			ret = -ENOEXEC;
	return ret;
}

/*
 * Copies the file. It is not mapped: who touches a mapping of a file that has just
 * become shorter is killed.
 */
static int read_all(int fd, char *to, size_t size)
{
	size_t done = 0;
	int got;

	while (done < size) {
		got = sys_call4(__NR_pread64, fd, to + done, size - done, done);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? got : -ESTALE;
		done += (size_t)got;
	}
	return 0;
}

int st_shell_symbols(const char *path, const struct spawn_template_key *key,
		     int64_t offset[WARM_BASH_N])
{
	const size_t size = (size_t)key->size;
	struct spawn_template_key now;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), ret = fd;
	char *copy;

	if (fd < 0)
		return fd;
	memset(offset, 0, WARM_BASH_N * sizeof(*offset));
	copy = size <= FILE_MOST ? malloc(size) : NULL;
	ret = size <= FILE_MOST ? st_key_of_fd(fd, &now) : -ENOEXEC;
	if (ret == 0 && !st_key_equal(&now, key))
		ret = -ESTALE;
	if (ret == 0)
		ret = copy ? read_all(fd, copy, size) : -ENOMEM;
	sys_close(fd);
	if (ret == 0)
		ret = take_symbols(&(struct file){ copy, size }, offset);
	free(copy);
	return ret;
}
