/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the header of an executable: ELF, or "#!".
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
#define FOREIGN_DATA ELFDATA2MSB
#else
#define NATIVE_DATA ELFDATA2MSB
#define FOREIGN_DATA ELFDATA2LSB
#endif

/* Larger tables of names are not searched. */
#define NAMES_MAX (1U << 20)
#define DYNAMIC_MAX (1U << 16)

union elf_header {
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr e32;
	Elf64_Ehdr e64;
	char bytes[ST_ELF_FIRST];
};

struct segment {
	uint32_t type;
	uint64_t offset;
	uint64_t address;
	uint64_t size; /* in the file */
};

/* The program header table. */
struct segments {
	int fd;
	uint32_t class;
	uint64_t offset;
	size_t count;
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

static void segment_at(uint32_t class, const char *phdr, struct segment *seg)
{
	if (class == ELFCLASS64) {
		Elf64_Phdr p;

		memcpy(&p, phdr, sizeof(p));
		*seg = (struct segment){ p.p_type, p.p_offset, p.p_vaddr,
					 p.p_filesz };
	} else {
		Elf32_Phdr p;

		memcpy(&p, phdr, sizeof(p));
		*seg = (struct segment){ p.p_type, p.p_offset, p.p_vaddr,
					 p.p_filesz };
	}
}

/* Takes a step for each program header, reading a buffer of them at a time. */
static int each_segment(const struct segments *table,
			int (*step)(const struct segment *, void *), void *arg)
{
	size_t entry = table->class == ELFCLASS64 ? sizeof(Elf64_Phdr)
						  : sizeof(Elf32_Phdr);
	char buf[64 * sizeof(Elf64_Phdr)];
	struct segment seg;
	int ret = 0;

	if (table->count == 0 || table->count * entry > PHDRS_MAX)
		return -ENOEXEC;
	for (size_t done = 0; ret == 0 && done < table->count;) {
		size_t part = sizeof(buf) / entry;
		ssize_t n;

		if (part > table->count - done)
			part = table->count - done;
		n = read_at(table->fd, buf, part * entry,
			    table->offset + done * entry);
		if (n < 0)
			return (int)n;
		if ((size_t)n < part * entry)
			return -ENOEXEC;
		for (size_t i = 0; ret == 0 && i < part; i++) {
			segment_at(table->class, buf + i * entry, &seg);
			ret = step(&seg, arg);
		}
		done += part;
	}
	return ret;
}

struct found {
	struct segment interpreter; /* the first one counts, as in the kernel */
	struct segment dynamic;
};

static int find(const struct segment *seg, void *arg)
{
	struct found *f = arg;

	if (seg->type == PT_INTERP && !f->interpreter.type)
		f->interpreter = *seg;
	if (seg->type == PT_DYNAMIC)
		f->dynamic = *seg;
	return 0;
}

/* ---- the names that a program asks the dynamic linker for */

struct place {
	uint64_t address;
	uint64_t size;
	uint64_t offset; /* in the file */
	bool known;
};

/* Finds where in the file the bytes at an address are. */
static int find_place(const struct segment *seg, void *arg)
{
	struct place *p = arg;

	if (seg->type != PT_LOAD || p->address < seg->address ||
	    p->address - seg->address >= seg->size ||
	    p->size > seg->size - (p->address - seg->address))
		return 0;
	p->offset = seg->offset + (p->address - seg->address);
	p->known = true;
	return 0;
}

/* Takes the place of the table of names out of the dynamic section. */
static bool find_names(const struct segments *table,
		       const struct segment *dynamic, struct place *names)
{
	Elf64_Dyn entries[64];
	bool ended = false;

	memset(names, 0, sizeof(*names));
	for (uint64_t done = 0; !ended && done < dynamic->size;) {
		ssize_t n = read_at(table->fd, entries, sizeof(entries),
				    dynamic->offset + done);

		if (n < (ssize_t)sizeof(entries[0]) || done > DYNAMIC_MAX)
			return false;
		n /= (ssize_t)sizeof(entries[0]);
		for (ssize_t i = 0; !ended && i < n; i++) {
			ended = entries[i].d_tag == DT_NULL;
			if (entries[i].d_tag == DT_STRTAB)
				names->address = entries[i].d_un.d_ptr;
			if (entries[i].d_tag == DT_STRSZ)
				names->size = entries[i].d_un.d_val;
		}
		done += (uint64_t)n * sizeof(entries[0]);
	}
	return names->size && names->size <= NAMES_MAX &&
	       each_segment(table, find_place, names) == 0 && names->known;
}

/*
 * Tells whether a name that ends in getauxval, or none that can be read, is in the
 * table. The NUL of the name is part of what is looked for.
 */
static bool has_getauxval(int fd, const struct place *names)
{
	static const char name[] = "getauxval";
	char buf[4096];
	size_t kept = 0;

	for (uint64_t done = 0; done < names->size;) {
		size_t want = sizeof(buf) - kept;
		ssize_t n;

		if (want > names->size - done)
			want = (size_t)(names->size - done);
		n = read_at(fd, buf + kept, want, names->offset + done);
		if (n < (ssize_t)want)
			return true;
		if (memmem(buf, kept + want, name, sizeof(name)))
			return true;
		done += want;
		/* the name may begin at the end of this part */
		n = (ssize_t)(kept + want);
		kept = (size_t)n < sizeof(name) ? (size_t)n : sizeof(name) - 1;
		memmove(buf, buf + n - kept, kept);
	}
	return false;
}

/* Tells whether that is the dynamic linker of glibc, which does not look itself. */
static bool is_glibc(const char *interpreter)
{
	const char *slash = strrchr(interpreter, '/');

	return slash && strncmp(slash, "/ld-linux-", 10) == 0;
}

/*
 * Tells whether the program may look at the name in its auxiliary vector. musl does
 * so in each program; a static one can without asking for a name.
 */
static bool may_look(const struct segments *table, const struct found *found,
		     const char *interpreter)
{
	struct place names;

	return !is_glibc(interpreter) || !found->dynamic.type ||
	       !find_names(table, &found->dynamic, &names) ||
	       has_getauxval(table->fd, &names);
}

/* Looks through the program headers for the interpreter and what is asked of it. */
static int read_segments(const struct segments *table, struct st_elf *out)
{
	struct found found = { .interpreter.type = PT_NULL };
	int ret = each_segment(table, find, &found);

	if (ret == 0 && found.interpreter.type) {
		out->flags |= SPAWN_TEMPLATE_ELF_DYNAMIC;
		ret = read_interpreter(table->fd, &found.interpreter,
				       out->interpreter);
	}
	if (ret == 0)
		out->may_look = out->foreign ||
				may_look(table, &found, out->interpreter);
	return ret;
}

/*
 * Takes what can be told of a program in the other byte order, which no kernel runs
 * by itself.
 */
static int read_other_order(const union elf_header *head, struct st_elf *out)
{
	uint16_t type = __builtin_bswap16(head->e64.e_type);

	if (out->class != ELFCLASS32 && out->class != ELFCLASS64)
		return -ENOEXEC;
	if (type != ET_EXEC && type != ET_DYN)
		return -ENOEXEC;
	out->format = SPAWN_TEMPLATE_FORMAT_ELF;
	out->machine = __builtin_bswap16(head->e64.e_machine);
	if (type == ET_DYN)
		out->flags |= SPAWN_TEMPLATE_ELF_PIE;
	out->foreign = out->may_look = true;
	return 0;
}

static int read_elf(int fd, const union elf_header *head, size_t len,
		    struct st_elf *out)
{
	struct segments table = { .fd = fd };
	size_t entry;
	uint16_t type;

	out->class = table.class = head->ident[EI_CLASS];
	if (len >= sizeof(head->e32) && head->ident[EI_DATA] == FOREIGN_DATA)
		return read_other_order(head, out);
	if (out->class == ELFCLASS64 && len >= sizeof(head->e64)) {
		type = head->e64.e_type;
		out->machine = head->e64.e_machine;
		table.offset = head->e64.e_phoff;
		table.count = head->e64.e_phnum;
		entry = head->e64.e_phentsize;
		if (entry != sizeof(Elf64_Phdr))
			return -ENOEXEC;
	} else if (out->class == ELFCLASS32 && len >= sizeof(head->e32)) {
		type = head->e32.e_type;
		out->machine = head->e32.e_machine;
		table.offset = head->e32.e_phoff;
		table.count = head->e32.e_phnum;
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
	out->foreign =
		out->class != ELFCLASS64 || out->machine != ARCH_ELF_MACHINE;
	return read_segments(&table, out);
}

static bool ends_name(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

/*
 * Reads the interpreter, as the kernel does: from the first 256 bytes only, in which
 * its name has to end; behind the end of the file they are zero.
 */
static int read_script(const char *head, struct st_elf *out)
{
	size_t i = 2, start;

	while (i < ST_ELF_FIRST && (head[i] == ' ' || head[i] == '\t'))
		i++;
	start = i;
	while (i < ST_ELF_FIRST && !ends_name(head[i]))
		i++;
	if (i == ST_ELF_FIRST || (i == start && head[i] == '\n'))
		return -ENOEXEC;
	out->format = SPAWN_TEMPLATE_FORMAT_SCRIPT;
	memcpy(out->interpreter, head + start, i - start);
	out->interpreter[i - start] = '\0';
	return 0;
}

/**
 * st_elf_read - read the header of an executable
 * @fd: open for reading; its offset is not used
 * @out: filled in; on -ENOEXEC its first bytes; on other failures not defined
 *
 * Return: 0; -ENOEXEC if it is neither ELF nor begins with "#!", or is cut short;
 * or -errno of pread(2).
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
	memcpy(out->first, head.bytes, sizeof(out->first));
	out->n_first = (uint32_t)n;
	if (n >= SELFMAG && memcmp(head.bytes, ELFMAG, SELFMAG) == 0)
		return read_elf(fd, &head, (size_t)n, out);
	if (n >= 2 && head.bytes[0] == '#' && head.bytes[1] == '!')
		return read_script(head.bytes, out);
	return -ENOEXEC;
}
