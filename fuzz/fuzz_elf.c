/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the reader of executable headers: the input is the file.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf.h"
#include "fuzz.h"

static void check_read(const struct st_elf *elf, size_t size)
{
	MUST(memchr(elf->interpreter, 0, sizeof(elf->interpreter)));
	MUST(strlen(elf->interpreter) < size);
	switch (elf->format) {
	case SPAWN_TEMPLATE_FORMAT_ELF:
		MUST(elf->class == ELFCLASS32 || elf->class == ELFCLASS64);
		MUST(!(elf->flags &
		       ~(SPAWN_TEMPLATE_ELF_DYNAMIC | SPAWN_TEMPLATE_ELF_PIE)));
		MUST(!elf->interpreter[0] ||
		     (elf->flags & SPAWN_TEMPLATE_ELF_DYNAMIC));
		break;
	case SPAWN_TEMPLATE_FORMAT_SCRIPT:
		MUST(!elf->class && !elf->machine && !elf->flags);
		MUST(!strpbrk(elf->interpreter, " \t\n"));
		break;
	default:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct st_elf elf;
	int ret;

	if (fd < 0)
		fd = memfd_create("fuzz_elf", MFD_CLOEXEC);
	MUST(fd >= 0 && !ftruncate(fd, 0));
	MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
	memset(&elf, 0xa5, sizeof(elf));
	ret = st_elf_read(fd, &elf);
	MUST(ret == 0 || ret == -ENOEXEC);
	if (ret == 0)
		check_read(&elf, size);
	MUST(lseek(fd, 0, SEEK_CUR) == 0);
	return 0;
}
