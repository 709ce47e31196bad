/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that a parked process has mapped, with their keys, and in one of
 * them the system call by which the stub unmaps itself.
 */
#include <stddef.h>
#include <string.h>

#include "identity.h"
#include "sys.h"
#include "warm/tracer.h"

#if WARM_ARCH

#define ZEROED_MOST 8 /* pages of a mapping without a file */

int st_park_file(struct tracer *t, const char *path, size_t len)
{
	struct st_parked *out = t->out;
	struct warm_file *f = &out->files[out->n_files];
	char *to = out->paths + out->paths_len;
	int ret;

	if (out->n_files == WARM_FILES_MOST ||
	    out->paths_len + len + 1 > WARM_PATHS_SIZE)
		return -E2BIG;
	memcpy(to, path, len);
	to[len] = '\0';
	for (unsigned int i = 0; i < out->n_files; i++)
		if (strcmp(out->files[i].path, to) == 0)
			return 0;
	ret = st_key_of_path(to, &f->key);
	if (ret == -ENOENT)
		memset(&f->key, 0, sizeof(f->key));
	else if (ret < 0)
		return ret;
	f->path = to;
	out->paths_len += (unsigned int)len + 1;
	out->n_files++;
	return ret;
}

/*
 * Adds a mapping's file, if device and inode are those of the file at its path.
 */
static int add_mapped(struct tracer *t, const char *path, size_t len,
		      uint64_t major, uint64_t minor, uint64_t ino)
{
	unsigned int n = t->out->n_files;
	const struct spawn_template_key *key;
	int ret = st_park_file(t, path, len);

	if (ret < 0 || t->out->n_files == n)
		return ret;
	key = &t->out->files[n].key;
	return key->ino == ino && key->dev_major == major &&
			       key->dev_minor == minor
		       ? 0
		       : -ESTALE;
}

static int find_gadget(struct tracer *t, uint64_t from, uint64_t to)
{
	char *code = t->code;

	for (uint64_t at = from; at < to; at += 4096) {
		size_t len = sizeof(t->code);
		const char *hit;

		if (at + len > to)
			len = (size_t)(to - at);
		if (st_trace_copy_in(t, at, code, len) < 0)
			return 0;
		hit = memmem(code, len, warm_gadget, sizeof(warm_gadget));
		if (hit) {
			t->out->control.gadget = at + (uint64_t)(hit - code);
			return 1;
		}
	}
	return 0;
}

/* The first memory to be written is the slot of a launch. */
static void begin_ahead(struct warm_control *z)
{
	memset(z->ahead, 0, sizeof(z->ahead));
	z->ahead[0].at = z->shared + offsetof(struct warm_shared, slot);
	z->ahead[0].len = WARM_SLOT_AHEAD;
}

/*
 * Notes memory that the program is going to write, to be copied ahead: at most so
 * many pages of it.
 */
static void note_ahead(struct tracer *t, uint64_t from, uint64_t to,
		       uint64_t most)
{
	struct warm_control *z = &t->out->control;
	uint64_t left = WARM_AHEAD_PAGES;
	int i = 0;

	/* the stub's own, and its stack's */
	if ((from < z->stub + z->stub_len && to > z->stub) ||
	    (from < z->stack_top && to >= z->stack_top))
		return;
	for (; i < WARM_AHEAD_MOST && z->ahead[i].len; i++)
		left -= z->ahead[i].len / WARM_PAGE;
	if (i == WARM_AHEAD_MOST || !left)
		return;
	most = (most < left ? most : left) * WARM_PAGE;
	z->ahead[i].at = from;
	z->ahead[i].len = to - from < most ? to - from : most;
}

/* Returns where the used part of the stack begins while the stub runs. */
static uint64_t stub_frame(const struct tracer *t, uint64_t from)
{
	uint64_t at = t->out->control.initial_sp - WARM_GAP - WARM_PAGE;

	at &= ~(uint64_t)(WARM_PAGE - 1);
	return at > from ? at : from;
}

/* Parses a line: "from-to prot offset major:minor inode   path". */
static int take_mapping(struct tracer *t, const char *line, const char *end)
{
	const char *at = line, *path;
	uint64_t from, to, major, minor, ino;
	bool runs, writes;

	from = st_trace_number(&at, 16);
	at++;
	to = st_trace_number(&at, 16);
	at++;
	writes = at[0] == 'r' && at[1] == 'w' && at[3] == 'p';
	runs = at[2] == 'x';
	at += 5;
	st_trace_number(&at, 16);
	at++;
	major = st_trace_number(&at, 16);
	at++;
	minor = st_trace_number(&at, 16);
	at++;
	ino = st_trace_number(&at, 10);
	path = memchr(at, '/', (size_t)(end - at));
	if (writes && from <= t->out->control.initial_sp &&
	    t->out->control.initial_sp < to)
		note_ahead(t, stub_frame(t, from), to, WARM_AHEAD_PAGES);
	else if (writes && path)
		note_ahead(t, from, to, WARM_AHEAD_PAGES);
	else if (writes && !memchr(at, '[', (size_t)(end - at)))
		note_ahead(t, from, to, ZEROED_MOST);
	if (!ino || !path)
		return 0;
	/* the slot's file has no name in the file system */
	if (strncmp(path, "/memfd:", 7) == 0)
		return 0;
	if (runs && !t->out->control.gadget && from <= t->regs.rip)
		find_gadget(t, from, to);
	return add_mapped(t, path, (size_t)(end - path), major, minor, ino);
}

/* Adds files, each of which may be missing. */
static int add_named(struct tracer *t, const char *const *path)
{
	int ret = 0;

	for (; *path && ret >= 0; path++) {
		ret = st_park_file(t, *path, strlen(*path));
		if (ret == -ENOENT)
			ret = 0;
	}
	return ret;
}

/*
 * Notes what the process has mapped and read. A runtime has set its locale before it is
 * parked, and may have found none: then what it looked for counts. It is noted before
 * the runtime starts, and so once for all.
 */
int st_park_files(struct tracer *t)
{
	static const char *const read_by_ld[] = { "/etc/ld.so.cache",
						  "/etc/ld.so.preload", NULL };
	static const char *const read_by_locale[] = {
		"/usr/lib/locale/locale-archive", "/usr/lib/locale",
		"/usr/share/locale/locale.alias", NULL
	};
	char *text = t->text + 16;
	int ret = st_trace_read_proc(t, "maps", text, sizeof(t->text) - 16);
	char *line = text, *end;

	begin_ahead(&t->out->control);
	for (; ret >= 0 && (end = strchr(line, '\n')); line = end + 1)
		ret = take_mapping(t, line, end);
	if (ret >= 0)
		ret = add_named(t, read_by_ld);
	if (ret >= 0 && t->park->shell)
		ret = add_named(t, read_by_locale);
	if (ret < 0)
		return st_park_at(t, WARM_STEP_FILES, ret);
	if (!t->out->control.gadget)
		return st_park_at(t, WARM_STEP_GADGET, -ENOEXEC);
	return 0;
}

#endif
