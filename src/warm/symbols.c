/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds symbols in the memory of a traced process: in the tables of dynamic
 * symbols of whatever it has mapped, the program first. The process is another's:
 * a table that is wrong gives wrong addresses in that process, and no more.
 */
#include <elf.h>
#include <string.h>

#include "sys.h"
#include "warm/tracer.h"

#if WARM_ARCH

#define DYNAMIC_MOST 128 /* entries of a dynamic section */
#define HEADERS_MOST 64
#define CHAIN_MOST 4096
#define NAME_MOST 48

struct object {
	uint64_t bias; /* of addresses in the file */
	uint64_t symbols, strings, hash;
	uint32_t buckets, first, bloom, shift; /* of the GNU hash */
};

static int read_dynamic(struct tracer *t, struct object *o, uint64_t at)
{
	Elf64_Dyn d;
	int ret = 0;

	for (int i = 0; i < DYNAMIC_MOST && ret == 0; i++) {
		uint64_t *to = NULL;

		ret = st_trace_copy_in(t, at + (uint64_t)i * sizeof(d), &d,
				       sizeof(d));
		if (ret < 0 || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_SYMTAB)
			to = &o->symbols;
		else if (d.d_tag == DT_STRTAB)
			to = &o->strings;
		else if (d.d_tag == DT_GNU_HASH)
			to = &o->hash;
		/* ld.so has made addresses of these, where it could */
		if (to)
			*to = d.d_un.d_ptr < o->bias ? d.d_un.d_ptr + o->bias
						     : d.d_un.d_ptr;
	}
	return ret < 0 || !o->symbols || !o->strings || !o->hash ? -ENOENT : 0;
}

/* Reads the object whose first page is mapped at this address. */
static int open_object(struct tracer *t, struct object *o, uint64_t from)
{
	uint64_t dynamic = 0, first = ~0ULL;
	uint32_t head[4];
	Elf64_Ehdr e;
	Elf64_Phdr p;

	memset(o, 0, sizeof(*o));
	if (st_trace_copy_in(t, from, &e, sizeof(e)) < 0 ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phnum > HEADERS_MOST)
		return -ENOENT;
	for (unsigned int i = 0; i < e.e_phnum; i++) {
		if (st_trace_copy_in(t, from + e.e_phoff + i * sizeof(p), &p,
				     sizeof(p)) < 0)
			return -ENOENT;
		if (p.p_type == PT_LOAD && p.p_vaddr < first)
			first = p.p_vaddr & ~(uint64_t)(WARM_PAGE - 1);
		if (p.p_type == PT_DYNAMIC)
			dynamic = p.p_vaddr;
	}
	o->bias = from - first;
	if (!dynamic || read_dynamic(t, o, o->bias + dynamic) < 0 ||
	    st_trace_copy_in(t, o->hash, head, sizeof(head)) < 0 || !head[0])
		return -ENOENT;
	o->buckets = head[0];
	o->first = head[1];
	o->bloom = head[2];
	return 0;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static bool is_named(struct tracer *t, const struct object *o,
		     const Elf64_Sym *symbol, const char *name)
{
	size_t len = strlen(name) + 1;
	char there[NAME_MOST];

	return len <= sizeof(there) && symbol->st_shndx != SHN_UNDEF &&
	       st_trace_copy_in(t, o->strings + symbol->st_name, there, len) ==
		       0 &&
	       memcmp(there, name, len) == 0;
}

/* Return: the symbol's address; 0: the object does not define it. */
static uint64_t look_up(struct tracer *t, const struct object *o,
			const char *name)
{
	const uint32_t hash = hash_of(name);
	const uint64_t buckets = o->hash + 16 + 8ULL * o->bloom;
	const uint64_t chains = buckets + 4ULL * o->buckets;
	uint32_t i, link;
	Elf64_Sym symbol;

	if (st_trace_copy_in(t, buckets + 4ULL * (hash % o->buckets), &i, 4) <
		    0 ||
	    i < o->first)
		return 0;
	for (int n = 0; n < CHAIN_MOST; n++, i++) {
		if (st_trace_copy_in(t, chains + 4ULL * (i - o->first), &link,
				     4) < 0)
			return 0;
		if ((link | 1) == (hash | 1) &&
		    st_trace_copy_in(t, o->symbols + i * sizeof(symbol),
				     &symbol, sizeof(symbol)) == 0 &&
		    is_named(t, o, &symbol, name))
			return o->bias + symbol.st_value;
		if (link & 1)
			break;
	}
	return 0;
}

/* Takes "from-to perms offset ..."; return: whether a file begins there. */
static bool begins_file(const char *line, const char *end, uint64_t *from)
{
	const char *at = line;

	*from = st_trace_number(&at, 16);
	at++;
	st_trace_number(&at, 16);
	at += 6;
	return st_trace_number(&at, 16) == 0 &&
	       memchr(at, '/', (size_t)(end - at));
}

int st_trace_symbols(struct tracer *t, const char *const *names, int n,
		     uint64_t *address)
{
	char *line = t->text + 16, *end;
	int ret = st_trace_read_proc(t, "maps", line, sizeof(t->text) - 16);
	struct object o;
	uint64_t from;

	memset(address, 0, sizeof(*address) * (size_t)n);
	for (; ret >= 0 && (end = strchr(line, '\n')); line = end + 1) {
		if (!begins_file(line, end, &from) ||
		    open_object(t, &o, from) < 0)
			continue;
		for (int i = 0; i < n; i++)
			if (!address[i])
				address[i] = look_up(t, &o, names[i]);
	}
	for (int i = 0; i < n && ret >= 0; i++)
		if (!address[i])
			ret = -ENOEXEC;
	return ret < 0 ? ret : 0;
}

#endif
