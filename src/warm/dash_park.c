/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a traced dash source its file, and stops it where it closes that file: what it
 * reads next is the second line of -c's text.
 *
 * dash exports nothing, so its variables are found by their values, when it opens the
 * file. Each must be there once, and with neighbours that fit; else launches are cold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "sys.h"
#include "warm/stops.h"

#if WARM_ARCH

/* The time within which the file must have been sourced. */
#define SOURCE_MOST_S 10

#define PART 4096	/* bytes that are searched at a time */
#define DATA_MOST (1024 * 1024)

/* dash's struct parsefile, up to the next character to be read */
struct dash_input {
	uint64_t prev;
	int32_t line, fd, left, left_in_buffer;
	uint64_t next;
};

/* dash's struct shparam */
struct dash_parameters {
	int32_t n, is_allocated;
	uint64_t list;
	int32_t index, offset;
};

/* Memory of dash's own: the file's, with what follows it, and the heap. */
struct span {
	uint64_t from, to;
};

struct dash {
	struct st_stops run;	/* the first: take_call() gets its address */
	bool begun;		/* the file is being sourced */
	bool unknown;		/* it is not: other words look like the variables */
	struct span data, heap;
	uint64_t argv;		/* address of the array */
	uint64_t input, top;	/* of -c's text; of the pointer to the innermost */
	uint64_t opened;	/* address of the name that is being opened */
	bool inside;		/* in a system call */
};

/* ---- finding variables */

/* Parses a line of maps. Return: whether it is written and private. */
static bool read_span(const char *line, struct span *span)
{
	span->from = st_trace_number(&line, 16);
	line++;
	span->to = st_trace_number(&line, 16);
	line++;
	return line[0] == 'r' && line[1] == 'w' && line[3] == 'p';
}

/* Notes the memory of the program, whose entry is below its data. */
static int find_memory(struct dash *d)
{
	struct tracer *t = d->run.t;
	char *text = t->text + 16;
	int ret = st_trace_read_proc(t, "maps", text, sizeof(t->text) - 16);
	uint64_t entry = t->out->control.entry;
	char *line = text, *end;
	struct span span;

	d->data = d->heap = (struct span){ 0, 0 };
	for (; ret >= 0 && (end = strchr(line, '\n')); line = end + 1) {
		if (!read_span(line, &span))
			continue;
		*end = '\0';
		if (strstr(line, "[heap]"))
			d->heap = span;
		else if (!d->data.from && span.from > entry)
			d->data = span;
		else if (span.from == d->data.to && !strchr(line, '/'))
			d->data.to = span.to;
	}
	if (ret < 0)
		return ret;
	return d->data.from && d->heap.from &&
			       d->data.to - d->data.from <= DATA_MOST &&
			       d->heap.to - d->heap.from <= DATA_MOST
		       ? 0
		       : -ENOEXEC;
}

/*
 * Looks for a value of some bytes, at multiples of that.
 * Return: how often it is there; *at is the last place.
 */
static int find(const struct dash *d, struct span span, uint64_t value,
		unsigned int bytes, uint64_t *at)
{
	char *part = d->run.t->text + 16;
	int n = 0;

	for (uint64_t from = span.from; from < span.to; from += PART) {
		if (st_trace_copy_in(d->run.t, from, part, PART) < 0)
			return -EFAULT;
		for (unsigned int i = 0; i < PART; i += bytes) {
			if (memcmp(part + i, &value, bytes) != 0)
				continue;
			*at = from + i;
			n++;
		}
	}
	return n;
}

static int read_input(const struct dash *d, uint64_t at, struct dash_input *in)
{
	return st_trace_copy_in(d->run.t, at, in, sizeof(*in));
}

/* Tells whether it is the input of -c's text, at the start of its second line. */
static bool is_text(const struct dash *d, uint64_t at)
{
	const struct st_shell_start *sh = d->run.t->park->shell;
	const char *text = sh->argv[2] + sh->rest;
	struct dash_input in;
	char there[64];

	if (read_input(d, at, &in) < 0 || in.fd != -1 || in.line != 2 ||
	    in.left != (int)strlen(text) || in.left_in_buffer ||
	    in.prev < d->data.from || in.prev >= d->data.to)
		return false;
	return st_trace_copy_in(d->run.t, in.next - 1, there, sizeof(there)) ==
		       0 &&
	       memcmp(there, text - 1, sizeof(there)) == 0;
}

/* The numbers of characters left, in the line and in the buffer, are a pair. */
static int find_input(struct dash *d)
{
	const struct st_shell_start *sh = d->run.t->park->shell;
	uint64_t left = strlen(sh->argv[2] + sh->rest), at = 0;
	int n = find(d, d->heap, left, 8, &at);

	d->input = at - offsetof(struct dash_input, left);
	return n == 1 && is_text(d, d->input) ? 0 : -ENOEXEC;
}

static bool has_no_parameters(const struct dash *d, uint64_t list)
{
	struct dash_parameters p;

	if (st_trace_copy_in(d->run.t,
			     list - offsetof(struct dash_parameters, list), &p,
			     sizeof(p)) < 0)
		return false;
	return !p.n && !(p.is_allocated & 0xff) && p.index == 1 &&
	       p.offset == -1 && p.list == d->argv + 24;
}

/* Notes where the variables are. Return: 0; -ENOEXEC: it is no such dash. */
static int find_variables(struct dash *d)
{
	struct tracer *t = d->run.t;
	uint64_t *symbol = t->out->control.shell.symbol, name;
	int ret = find_memory(d);

	if (ret == 0)
		ret = find_input(d);
	if (ret == 0)
		ret = st_trace_copy_in(t, d->argv, &name, sizeof(name));
	if (ret < 0)
		return ret;
	symbol[WARM_DASH_INPUT] = d->input;
	if (find(d, d->data, d->input, 8, &d->top) != 1 ||
	    find(d, d->data, (uint64_t)t->pid, 4, &symbol[WARM_DASH_PID]) !=
		    1 ||
	    find(d, d->data, name, 8, &symbol[WARM_DASH_NAME]) != 1 ||
	    find(d, d->data, d->argv + 24, 8, &symbol[WARM_DASH_LIST]) != 1)
		return -ENOEXEC;
	return has_no_parameters(d, symbol[WARM_DASH_LIST]) ? 0 : -ENOEXEC;
}

/* ---- system calls */

/* Reads a name; t->text is the buffer. Return: its length, or -errno. */
static int read_name(const struct dash *d, uint64_t at)
{
	char *to = d->run.t->text + 16;
	int len = 0;

	do {
		if (len == SPAWN_TEMPLATE_PATH_MAX ||
		    st_trace_copy_in(d->run.t, at + (uint64_t)len, to + len,
				     1) < 0)
			return -ENAMETOOLONG;
	} while (to[len++]);
	return len - 1;
}

static bool is_below(const char *path, const char *directory)
{
	return strncmp(path, directory, strlen(directory)) == 0;
}

/*
 * Notes a file that the shell reads: a change of it will retire the shell. The first
 * one is the file to be sourced.
 */
static int take_open(struct dash *d, uint64_t name, uint64_t flags)
{
	const char *path = d->run.t->text + 16;
	int len = read_name(d, name), ret;

	if (len < 0)
		return len;
	if (!d->begun) {
		ret = find_variables(d);
		d->begun = true;
		d->unknown = ret < 0;
		if (ret < 0)
			return ret;
		/* the search has used the buffer */
		len = read_name(d, name);
		if (len < 0)
			return len;
	}
	if ((flags & O_ACCMODE) != O_RDONLY || is_below(path, "/dev/") ||
	    is_below(path, "/proc/"))
		return 0;
	return *path == '/' ? st_park_file(d->run.t, path, (size_t)len)
			    : -EINVAL;
}

/* Tells whether the name is that of the file to be sourced. */
static bool is_first(const struct dash *d, uint64_t name)
{
	const char *line = d->run.t->park->shell->argv[2];
	const char *path = d->run.t->text + 16;
	int len = read_name(d, name);

	/* without the quotes; a name that needs more of them is not prepared */
	return len > 0 && strncmp(line + 3, path, (size_t)len) == 0 &&
	       line[3 + len] == '\'';
}

static int enter_call(struct dash *d, const struct user_regs_struct *regs)
{
	bool at = regs->orig_rax == __NR_openat;

	if (at || regs->orig_rax == __NR_open) {
		uint64_t name = at ? regs->rsi : regs->rdi;

		if (d->begun || is_first(d, name))
			return take_open(d, name, at ? regs->rdx : regs->rsi);
	}
	if (d->begun &&
	    (regs->orig_rax == __NR_chdir || regs->orig_rax == __NR_fchdir))
		return -EXDEV;
	return 0;
}

/*
 * Return: 1 if the shell has just closed the file to be sourced: the innermost input is
 * that file's, and the next one is -c's text; 0 or -errno.
 */
static int leave_call(struct dash *d, const struct user_regs_struct *regs)
{
	static const unsigned char checks[] = { 0x48, 0x3d, 0x00,
						0xf0, 0xff, 0xff };
	unsigned char code[sizeof(checks)];
	struct dash_input in;
	uint64_t top;

	if (!d->begun || regs->orig_rax != __NR_close || regs->rax)
		return 0;
	if (st_trace_copy_in(d->run.t, d->top, &top, sizeof(top)) < 0 ||
	    read_input(d, top, &in) < 0)
		return -EFAULT;
	if (in.prev != d->input || in.fd != (int)regs->rdi)
		return 0;
	/* libc checks the result, and needs no other register */
	if (st_trace_copy_in(d->run.t, regs->rip, code, sizeof(code)) < 0 ||
	    memcmp(code, checks, sizeof(code)) != 0)
		return -ENOEXEC;
	return 1;
}

static int take_call(struct st_stops *run, const struct user_regs_struct *regs)
{
	struct dash *d = (struct dash *)run;

	d->inside = !d->inside;
	return d->inside ? enter_call(d, regs) : leave_call(d, regs);
}

/* No breakpoint is set. */
static int take_trap(struct st_stops *run, int which,
		     const struct user_regs_struct *regs)
{
	(void)run;
	(void)which;
	(void)regs;
	return -ENOEXEC;
}

/* ---- the state to fork from */

static int check_shell(const struct dash *d)
{
	const uint64_t *symbol = d->run.t->out->control.shell.symbol;
	uint64_t name = 0, want = 1;
	int pid = 0;

	if (st_trace_copy_in(d->run.t, symbol[WARM_DASH_PID], &pid,
			     sizeof(pid)) < 0 ||
	    pid != d->run.t->pid || !is_text(d, d->input))
		return -ENOEXEC;
	if (st_trace_copy_in(d->run.t, symbol[WARM_DASH_NAME], &name,
			     sizeof(name)) < 0 ||
	    st_trace_copy_in(d->run.t, d->argv, &want, sizeof(want)) < 0 ||
	    name != want || !has_no_parameters(d, symbol[WARM_DASH_LIST]))
		return -EBUSY; /* the file has set parameters */
	if (st_stops_has_children(d->run.t))
		return -ECHILD;
	return st_stops_count(d->run.t, "fd") == 5 ? 0 : -EMFILE;
}

int st_park_dash(struct tracer *t)
{
	struct dash d = { .argv = t->out->control.initial_sp + 8 };
	int ret;

	d.run = (struct st_stops){ .t = t,
				   .take = take_trap,
				   .call = take_call };
	t->out->first_source = t->out->n_files;
	ret = st_stops_begin(&d.run, SOURCE_MOST_S);
	if (ret == 0)
		ret = st_stops_run(&d.run);
	t->out->last_source = t->out->n_files;
	if (ret < 0)
		return st_park_at(
			t, d.unknown ? WARM_STEP_START : WARM_STEP_SOURCE, ret);
	ret = st_stops_hold(&d.run);
	if (ret == 0)
		ret = check_shell(&d);
	st_stops_note(t);
	t->out->control.shell.shell = WARM_SHELL_DASH;
	return st_park_at(t, WARM_STEP_SHELL, ret);
}

#endif
