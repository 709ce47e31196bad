/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the header of an executable: ELF of either class in this machine's byte
 * order, or "#!".
 *
 * The file is untrusted and may change while it is read. So every offset and
 * size is checked against a bound, and nothing is mapped. The result is shown
 * to people and decides how to launch, never what may be launched: the kernel
 * reads the file again and decides for itself.
 */
#include <elf.h>
#include <string.h>
#include <sys/types.h>

#include "elf.h"
#include "sys.h"

/* The kernel refuses larger program header tables (fs/binfmt_elf.c). */
#define PHDRS_MAX 65536

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

union elf_header {
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr e32;
	Elf64_Ehdr e64;
	char bytes[256];
};

struct segment {
	uint32_t type;
	uint64_t offset;
	uint64_t size;
};

/*
 * Reads up to size bytes at offset, by the raw call, because libc's is a
 * cancellation point.
 * Return: bytes read, short at the end of the file, or -errno.
 */
static ssize_t read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - size)
		return 0;
	while (done < size) {
		ssize_t n = sys_call4(__NR_pread64, fd, (char *)buf + done,
				      size - done, offset + done);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Reads a path from the file into a buffer of SPAWN_TEMPLATE_PATH_MAX. */
static int read_interpreter(int fd, const struct segment *seg, char *path)
{
	ssize_t n;

	if (seg->size < 2 || seg->size > SPAWN_TEMPLATE_PATH_MAX)
		return -ENOEXEC;
	n = read_at(fd, path, seg->size, seg->offset);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n < seg->size || path[seg->size - 1] != '\0') {
		path[0] = '\0';
		return -ENOEXEC;
	}
	return 0;
}

static void segment_at(const struct st_elf *elf, const char *phdr,
		       struct segment *seg)
{
	if (elf->class == ELFCLASS64) {
		Elf64_Phdr p;

		memcpy(&p, phdr, sizeof(p));
		*seg = (struct segment){ p.p_type, p.p_offset, p.p_filesz };
	} else {
		Elf32_Phdr p;

		memcpy(&p, phdr, sizeof(p));
		*seg = (struct segment){ p.p_type, p.p_offset, p.p_filesz };
	}
}

/*
 * Looks through the program headers, a buffer at a time, for the interpreter:
 * the first PT_INTERP counts, as in the kernel.
 */
static int read_segments(int fd, struct st_elf *out, uint64_t offset,
			 size_t count)
{
	size_t entry = out->class == ELFCLASS64 ? sizeof(Elf64_Phdr)
						: sizeof(Elf32_Phdr);
	char buf[64 * sizeof(Elf64_Phdr)];
	struct segment seg;

	if (count == 0 || count * entry > PHDRS_MAX)
		return -ENOEXEC;
	for (size_t done = 0; done < count;) {
		size_t part = sizeof(buf) / entry;
		ssize_t n;

		if (part > count - done)
			part = count - done;
		n = read_at(fd, buf, part * entry, offset + done * entry);
		if (n < 0)
			return (int)n;
		if ((size_t)n < part * entry)
			return -ENOEXEC;
		for (size_t i = 0; i < part; i++) {
			segment_at(out, buf + i * entry, &seg);
			if (seg.type != PT_INTERP)
				continue;
			out->flags |= SPAWN_TEMPLATE_ELF_DYNAMIC;
			return read_interpreter(fd, &seg, out->interpreter);
		}
		done += part;
	}
	return 0;
}

static int read_elf(int fd, const union elf_header *head, size_t len,
		    struct st_elf *out)
{
	uint64_t offset;
	size_t count, entry;
	uint16_t type;

	out->class = head->ident[EI_CLASS];
	if (out->class == ELFCLASS64 && len >= sizeof(head->e64)) {
		type = head->e64.e_type;
		out->machine = head->e64.e_machine;
		offset = head->e64.e_phoff;
		count = head->e64.e_phnum;
		entry = head->e64.e_phentsize;
		if (entry != sizeof(Elf64_Phdr))
			return -ENOEXEC;
	} else if (out->class == ELFCLASS32 && len >= sizeof(head->e32)) {
		type = head->e32.e_type;
		out->machine = head->e32.e_machine;
		offset = head->e32.e_phoff;
		count = head->e32.e_phnum;
		entry = head->e32.e_phentsize;
		if (entry != sizeof(Elf32_Phdr))
			return -ENOEXEC;
	} else {
		return -ENOEXEC;
	}
	if (head->ident[EI_DATA] != NATIVE_DATA ||
	    (type != ET_EXEC && type != ET_DYN))
		return -ENOEXEC;
	out->format = SPAWN_TEMPLATE_FORMAT_ELF;
	if (type == ET_DYN)
		out->flags |= SPAWN_TEMPLATE_ELF_PIE;
	return read_segments(fd, out, offset, count);
}

/* Reads the interpreter, as the kernel does: from the first 256 bytes only. */
static void read_script(const char *head, size_t len, struct st_elf *out)
{
	size_t i = 2, start;

	out->format = SPAWN_TEMPLATE_FORMAT_SCRIPT;
	while (i < len && (head[i] == ' ' || head[i] == '\t'))
		i++;
	start = i;
	while (i < len && head[i] != ' ' && head[i] != '\t' &&
	       head[i] != '\n' && head[i] != '\0')
		i++;
	memcpy(out->interpreter, head + start, i - start);
	out->interpreter[i - start] = '\0';
}

/**
 * st_elf_read - read the header of an executable
 * @fd: open for reading; its offset is not used
 * @out: filled in; on failure not defined
 *
 * Return: 0; -ENOEXEC if it is neither ELF for this byte order nor begins with
 * "#!", or is cut short; or -errno of pread(2).
 */
int st_elf_read(int fd, struct st_elf *out)
{
	union elf_header head;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	memset(&head, 0, sizeof(head));
	n = read_at(fd, head.bytes, sizeof(head), 0);
	if (n < 0)
		return (int)n;
	memcpy(out->head, head.bytes, sizeof(out->head));
	if (n >= SELFMAG && memcmp(head.bytes, ELFMAG, SELFMAG) == 0)
		return read_elf(fd, &head, (size_t)n, out);
	if (n >= 2 && head.bytes[0] == '#' && head.bytes[1] == '!') {
		read_script(head.bytes, (size_t)n, out);
		return 0;
	}
	return -ENOEXEC;
}
