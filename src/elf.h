/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about an executable file from its first bytes. */
#ifndef ST_ELF_H
#define ST_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include <spawn_template.h>

#define ST_ELF_HEAD 64	/* the header of a 64-bit file */
#define ST_ELF_FIRST 256	/* what the kernel reads to tell the format */

struct st_elf {
	uint32_t format;	/* SPAWN_TEMPLATE_FORMAT_* */
	uint32_t class;		/* ELFCLASS32 or ELFCLASS64 */
	uint32_t machine;	/* EM_* */
	uint32_t flags;		/* SPAWN_TEMPLATE_ELF_* */
	/* ELF interpreter, or the word behind #!; else "" */
	char interpreter[SPAWN_TEMPLATE_PATH_MAX];
	uint8_t first[ST_ELF_FIRST];	/* first bytes; zero behind the end */
	uint32_t n_first;		/* bytes that the file has of these */
	bool foreign;	/* ELF of another machine, class or byte order */
	bool may_look;	/* ELF of a program that may look at AT_EXECFN */
};

int st_elf_read(int fd, struct st_elf *out);

#endif
