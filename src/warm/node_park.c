/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a traced node start, and stops it before it looks at its command line: at the
 * return of a function without a result. No JavaScript of the program's has run then,
 * and none of ours ever runs.
 *
 * What node keeps of the command line and of the standard descriptors is looked for by
 * its contents, in the memory of the main thread's allocator, its stack and the variables
 * of the program. If it is not found in the known form, launches are cold.
 */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sys.h"
#include "warm/node.h"
#include "warm/stops.h"

#if WARM_ARCH

/* Another one may keep more of the command line by then than is replaced. */
#define VERSION_LEAST 20
#define VERSION_MOST 26

/* The time within which node must have started. */
#define START_MOST_S 10

/* Node's class of an instance; it is larger, but for the part with the vectors. */
#define INSTANCE_SIZE 8192
/* The class of its options. */
#define OPTIONS_SIZE 4096

#define REGIONS_MOST 32
/*
 * The allocator maps so much where the heap cannot grow, because the engine has memory
 * behind it; the stacks of threads are larger.
 */
#define MORE_HEAP_LEAST (1024 * 1024)
#define MORE_HEAP_MOST (8 * 1024 * 1024 - 1)
#define NANOSECOND 1
#define MICROSECOND WARM_NODE_REAL

#define CHUNK (256 * 1024)
/* Read with each chunk, and looked at with the next one. */
#define OVERLAP 64
/* struct stat, of 18 words, and the terminal's state are in between. */
#define STAT_APART_LEAST 144
#define STAT_APART_MOST 512

enum { AT_DIAGNOSTICS, AT_RETURN };

static const char *const names[] = {
	"_ZN4node11Environment21InitializeDiagnosticsEv",
	"environ",
	"_ZN4node11per_process15node_start_timeE",
	"_ZN4node11per_process8metadataE",
};

enum { DIAGNOSTICS, ENVIRON, START_TIME, METADATA, NAMES };

enum kind { VARIABLES = 1, HEAP = 2, STACK = 4 };

struct region {
	uint64_t from, to;
	int kind;
};

struct search;
typedef int word_fn(struct search *s, uint64_t at, const uint64_t *word);

struct search {
	struct st_stops stops;
	uint64_t instance; /* address of node's own object */
	struct region region[REGIONS_MOST];
	int n_regions;
	bool heap; /* it is one of them */
	char *chunk;
	uint64_t in[2], out[2]; /* device and inode of 0, and of 1 and 2 */
	uint64_t arg_start, arg_size, argv0_len;
	struct span {
		double from, to;
	} monotonic, real; /* nanoseconds and microseconds, while it started */
	uint64_t n_numbers;
	unsigned int stats[2], titles;
};

static struct warm_node *node_of(const struct search *s)
{
	return &s->stops.t->out->control.node;
}

/* ---- times */

static uint64_t nanoseconds(int clock)
{
	struct sys_timespec now = { 0, 0 };

	sys_call2(__NR_clock_gettime, clock, &now);
	return (uint64_t)now.sec * 1000000000 + (uint64_t)now.nsec;
}

static int take_time(struct search *s, uint64_t at, uint64_t unit)
{
	struct warm_node *n = node_of(s);
	struct warm_node_time *time = &n->time[n->n_times];

	if (n->n_times == WARM_NODE_TIMES)
		return -E2BIG;
	*time = (struct warm_node_time){ .at = at, .unit = unit };
	n->n_times++;
	return st_trace_copy_in(s->stops.t, at, &time->bits,
				sizeof(time->bits));
}

/* ---- run to the place */

/* Return: 1: node has started; 0: it goes on; -errno. */
static int take_stop(struct st_stops *stops, int which,
		     const struct user_regs_struct *regs)
{
	struct search *s = (struct search *)(void *)stops;
	int ret;

	if (which == stops->n)
		return -ENOEXEC;
	if (which == AT_RETURN)
		return 1;
	if (stops->n > AT_RETURN)
		return -ENOEXEC;
	s->instance = regs->rdi;
	ret = st_trace_copy_in(stops->t, regs->rsp, &stops->at[AT_RETURN], 8);
	if (ret == 0)
		ret = st_trace_copy_in(stops->t, stops->at[AT_RETURN],
				       &stops->code[AT_RETURN], 8);
	stops->n = AT_RETURN + 1;
	return ret;
}

/* Node's version is a string, "20.1.2", which its metadata begin with. */
static bool is_tested(const struct search *s, uint64_t metadata)
{
	char text[16] = "";
	const char *at = text;
	uint64_t word = 0, version;

	if (st_trace_copy_in(s->stops.t, metadata, &word, sizeof(word)) < 0 ||
	    st_trace_copy_in(s->stops.t, word, text, 4) < 0)
		return false;
	version = st_trace_number(&at, 10);
	return *at == '.' && version >= VERSION_LEAST &&
	       version <= VERSION_MOST;
}

static void note_registers(struct warm_control *z,
			   const struct user_regs_struct *regs)
{
	const uint64_t registers[8] = { regs->rbx, regs->rbp, regs->r12,
					regs->r13, regs->r14, regs->r15,
					regs->rsp, regs->rip };

	memcpy(z->node.registers, registers, sizeof(registers));
	z->initial_sp = (regs->rsp - 256) & ~15ULL;
}

static int run_to_program(struct search *s)
{
	struct tracer *t = s->stops.t;
	struct warm_node *n = node_of(s);
	const struct st_shell_start *start = t->park->shell;
	uint64_t symbol[NAMES], argc = 0, list = 0;
	int ret;

	while (start->argv[argc])
		argc++;
	while (start->envp[n->n_environ])
		n->n_environ++;
	n->environ = t->out->control.initial_sp + 8 * (argc + 2);
	ret = st_trace_symbols(t, names, NAMES, symbol);
	s->stops.at[AT_DIAGNOSTICS] = symbol[DIAGNOSTICS];
	s->monotonic.from = (double)nanoseconds(CLOCK_MONOTONIC);
	s->real.from = (double)nanoseconds(CLOCK_REALTIME) / MICROSECOND;
	if (ret == 0)
		ret = st_stops_begin(&s->stops, START_MOST_S);
	if (ret == 0)
		ret = st_stops_run(&s->stops);
	n->stopped = nanoseconds(CLOCK_MONOTONIC);
	n->stopped_real = nanoseconds(CLOCK_REALTIME);
	s->monotonic.to = (double)n->stopped;
	s->real.to = (double)n->stopped_real / MICROSECOND;
	if (ret == 0 && !is_tested(s, symbol[METADATA]))
		ret = -ENOEXEC;
	if (ret == 0)
		ret = take_time(s, symbol[START_TIME], 0);
	if (ret == 0)
		ret = st_trace_copy_in(t, symbol[ENVIRON], &list, sizeof(list));
	/* else it has set variables */
	return ret < 0 ? ret : list == n->environ ? 0 : -EBUSY;
}

/* ---- the memory to search */

static int kind_of(const char *name)
{
	if (!name)
		return VARIABLES;
	return strncmp(name, "[heap]", 6) == 0	  ? HEAP
	       : strncmp(name, "[stack]", 7) == 0 ? STACK
						  : 0;
}

static bool is_more_heap(const struct search *s, const struct region *r,
			 const char *line, const char *end)
{
	const uint64_t size = r->to - r->from;

	if (memchr(line, '/', (size_t)(end - line)))
		return false;
	return (size >= MORE_HEAP_LEAST && size <= MORE_HEAP_MOST) ||
	       (r->from <= s->instance && s->instance < r->to);
}

/* Parses a line of maps: "from-to prot offset major:minor inode   path". */
static void take_region(struct search *s, const char *line, const char *end)
{
	const char *at = line, *name = memchr(line, '[', (size_t)(end - line));
	struct region r;
	bool writes, follows;

	r.from = st_trace_number(&at, 16);
	at++;
	r.to = st_trace_number(&at, 16);
	at++;
	writes = at[0] == 'r' && at[1] == 'w' && at[3] == 'p';
	/* the program's variables end in a mapping without a name */
	follows = s->n_regions && s->region[s->n_regions - 1].to == r.from &&
		  r.to < s->stops.t->base;
	if (!writes || s->n_regions == REGIONS_MOST)
		return;
	r.kind = kind_of(name);
	if (!r.kind)
		return;
	/* the variables of libraries come behind the heap, too */
	if (s->heap && !name) {
		if (!is_more_heap(s, &r, line, end))
			return;
		r.kind = HEAP;
	} else if (!name && !follows &&
		   !memchr(line, '/', (size_t)(end - line)))
		return;
	s->heap |= r.kind == HEAP;
	s->region[s->n_regions++] = r;
}

static int find_regions(struct search *s)
{
	struct tracer *t = s->stops.t;
	char *line = t->text + 16, *end;
	int ret = st_trace_read_proc(t, "maps", line, sizeof(t->text) - 16);

	for (; ret >= 0 && (end = strchr(line, '\n')); line = end + 1)
		take_region(s, line, end);
	return ret < 0 ? ret : 0;
}

/* Calls fn for each word of regions of these kinds, with the words that follow. */
static int each_word(struct search *s, int kinds, word_fn *fn)
{
	for (int i = 0; i < s->n_regions; i++) {
		const struct region *r = &s->region[i];

		if (!(r->kind & kinds))
			continue;
		for (uint64_t at = r->from; at + OVERLAP < r->to; at += CHUNK) {
			uint64_t len = r->to - at;
			int ret;

			if (len > CHUNK + OVERLAP)
				len = CHUNK + OVERLAP;
			ret = st_trace_copy_in(s->stops.t, at, s->chunk, len);
			for (uint64_t k = 0; ret == 0 && k + OVERLAP < len;
			     k += 8)
				ret = fn(s, at + k,
					 (const uint64_t *)(void *)(s->chunk +
								    k));
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}

/* ---- strings */

/* Tells whether bytes from some place on are all the one for an index, up to the NUL. */
static bool is_filled(struct search *s, uint64_t at, uint64_t len, char with)
{
	char there[512];

	for (uint64_t n; len > 0; at += n, len -= n) {
		n = len < sizeof(there) ? len : sizeof(there);
		if (st_trace_copy_in(s->stops.t, at, there, n) < 0)
			return false;
		for (uint64_t i = 0; i < n; i++)
			if (there[i] != with)
				return false;
	}
	return st_trace_copy_in(s->stops.t, at, there, 1) == 0 && !*there;
}

/*
 * Tells whether all of the text for an index is at the address: memory that has been
 * freed may be in use again behind the beginning of one, and must not be written.
 */
static bool has_text(struct search *s, const uint64_t *word, const char *text,
		     uint64_t index)
{
	char there[sizeof(ST_NODE_ARGUMENT)];
	const size_t len = strlen(text);

	return word[0] &&
	       st_trace_copy_in(s->stops.t, word[0], there, len) == 0 &&
	       memcmp(there, text, len) == 0 &&
	       is_filled(s, word[0] + len, word[1] - len,
			 (char)(ST_NODE_INDEX + index));
}

/* Return: the index of one of the strings to replace; -1: it is none. */
static int index_of(struct search *s, const uint64_t *word)
{
	const uint64_t index = word[1] - WARM_NODE_ARGUMENT_LEN;

	if (word[1] == WARM_NODE_CODE_LEN && has_text(s, word, ST_NODE_CODE, 0))
		return WARM_NODE_CODE;
	if (index < WARM_NODE_ARGUMENTS &&
	    has_text(s, word, ST_NODE_ARGUMENT, index))
		return (int)index;
	return -1;
}

static int take_string(struct search *s, uint64_t at, const uint64_t *word)
{
	struct warm_node *n = node_of(s);
	struct warm_node_run *last = n->run + n->n_runs - 1;
	const int index = index_of(s, word);

	if (index < 0)
		return 0;
	if (n->n_runs && last->at + last->n * WARM_NODE_STRING == at &&
	    last->first + last->n == (uint32_t)index) {
		last->n++;
		return 0;
	}
	if (n->n_runs == WARM_NODE_RUNS)
		return -E2BIG;
	n->run[n->n_runs++] = (struct warm_node_run){ at, (uint32_t)index, 1 };
	return 0;
}

/* Takes the end of a vector that ends with all arguments. */
static int take_end(struct search *s, uint64_t at, const uint64_t *word)
{
	struct warm_node *n = node_of(s);
	const uint64_t all = WARM_NODE_ARGUMENTS * WARM_NODE_STRING;

	for (uint32_t i = 0; i < n->n_runs; i++) {
		const struct warm_node_run *run = &n->run[i];

		if (run->n != WARM_NODE_ARGUMENTS || word[1] != run->at + all ||
		    word[0] > run->at || run->at - word[0] > all ||
		    (run->at - word[0]) % WARM_NODE_STRING)
			continue;
		if (n->n_ends == WARM_NODE_ENDS)
			return -E2BIG;
		n->end[n->n_ends++] = (struct warm_node_end){ at + 8, run->at };
	}
	return 0;
}

/* Tells whether the vector that programs see, of the instance, is among them. */
static bool has_argv(const struct search *s)
{
	const struct warm_node *n = node_of(s);

	for (uint32_t i = 0; i < n->n_ends; i++)
		if (n->end[i].end - s->instance < INSTANCE_SIZE)
			return true;
	return false;
}

/* Tells whether two words are the bounds of a vector that has the string. */
static bool is_in_vector(const uint64_t *word, uint64_t at)
{
	return word[0] <= at && at < word[1] &&
	       word[1] - word[0] <= 64 * WARM_NODE_STRING &&
	       (at - word[0]) % WARM_NODE_STRING == 0;
}

/*
 * Tells whether the code that node runs, in the options of the instance, and that in its
 * process.execArgv are among the strings.
 */
static bool has_code(struct search *s)
{
	const uint64_t *word = (const uint64_t *)(void *)s->chunk;
	const struct warm_node *n = node_of(s);
	bool in_options = false, in_vector = false;

	if (st_trace_copy_in(s->stops.t, s->instance, s->chunk, INSTANCE_SIZE) <
	    0)
		return false;
	for (uint32_t i = 0; i < n->n_runs; i++) {
		const uint64_t at = n->run[i].at;
		bool vector = false, options = false;

		for (int k = 0; k < INSTANCE_SIZE / 8 - 1 &&
				n->run[i].first == WARM_NODE_CODE;
		     k++) {
			vector |= is_in_vector(word + k, at);
			options |= word[k] <= at && at - word[k] < OPTIONS_SIZE;
		}
		in_vector |= vector;
		in_options |= options && !vector;
	}
	return in_options && in_vector;
}

static int find_strings(struct search *s)
{
	char *const *argv = s->stops.t->park->shell->argv;
	bool evaluates = false;
	int ret = each_word(s, HEAP | STACK | VARIABLES, take_string);

	for (; *argv; argv++)
		evaluates |=
			strncmp(*argv, ST_NODE_CODE, strlen(ST_NODE_CODE)) == 0;
	if (ret == 0)
		ret = each_word(s, HEAP | STACK | VARIABLES, take_end);
	if (ret == 0 && !has_argv(s))
		ret = -ENOEXEC;
	return ret < 0 ? ret : evaluates && !has_code(s) ? -ENOEXEC : 0;
}

/* ---- the standard descriptors, and the title */

static int take_variable(struct search *s, uint64_t at, const uint64_t *word)
{
	struct warm_node *n = node_of(s);

	if (memcmp(word, s->in, sizeof(s->in)) == 0 && s->stats[0]++ == 0)
		n->stat[0] = at;
	if (memcmp(word, s->out, sizeof(s->out)) == 0 && s->stats[1]++ < 2)
		n->stat[s->stats[1]] = at;
	if (word[0] == s->arg_start && word[1] == s->argv0_len &&
	    word[2] == s->arg_size && s->titles++ == 0)
		n->title = at + 16;
	return 0;
}

/*
 * Tells whether the flags of 0 to 2 stand in front of their states; and notes whether node
 * has marked them as close-on-exec.
 */
static bool has_flags(struct search *s)
{
	struct warm_node *n = node_of(s);
	const uint64_t apart = n->stat[1] - n->stat[0];

	if (apart != n->stat[2] - n->stat[1] || apart < STAT_APART_LEAST ||
	    apart > STAT_APART_MOST)
		return false;
	for (uint64_t fd = 0; fd <= 2; fd++) {
		long flags = st_trace_remote(s->stops.t, __NR_fcntl, fd,
					     F_GETFL, 0, 0, 0, 0);
		long marks = st_trace_remote(s->stops.t, __NR_fcntl, fd,
					     F_GETFD, 0, 0, 0, 0);
		int there = -1;

		if (marks < 0)
			return false;
		n->marks[fd] = (uint64_t)marks;
		if (st_trace_copy_in(s->stops.t, n->stat[fd] - 8, &there,
				     sizeof(there)) < 0 ||
		    there != flags)
			return false;
	}
	return true;
}

static int read_file(struct search *s, uint64_t fd, uint64_t key[2])
{
	struct tracer *t = s->stops.t;
	const uint64_t scratch = t->out->control.stub + WARM_TEXT_MOST;
	long ret = st_trace_remote(t, __NR_fstat, fd, scratch, 0, 0, 0, 0);

	return ret < 0 ? (int)ret : st_trace_copy_in(t, scratch, key, 16);
}

/* Reads where the kernel sees the command line, of which libuv keeps the place. */
static int read_line(struct search *s)
{
	char *const *argv = s->stops.t->park->shell->argv;
	uint64_t pointer = node_of(s)->environ;

	s->argv0_len = strlen(argv[0]);
	for (; *argv; argv++) {
		s->arg_size += strlen(*argv) + 1;
		pointer -= 8;
	}
	return st_trace_copy_in(s->stops.t, pointer - 8, &s->arg_start, 8);
}

static int find_variables(struct search *s)
{
	int ret = read_file(s, 0, s->in);

	if (ret == 0)
		ret = read_file(s, 1, s->out);
	if (ret == 0)
		ret = read_line(s);
	if (ret == 0)
		ret = each_word(s, VARIABLES, take_variable);
	if (ret == 0 && (s->stats[0] != 1 || s->stats[1] != 2 ||
			 s->titles != 1 || !has_flags(s)))
		ret = -ENOEXEC;
	return ret;
}

/* ---- the times of its start */

/* Takes a number that is a time at which node started: addresses are far smaller. */
static int take_number(struct search *s, uint64_t at, const uint64_t *word)
{
	double number;

	memcpy(&number, word, sizeof(number));
	if (number >= s->monotonic.from && number <= s->monotonic.to)
		return take_time(s, at, NANOSECOND);
	if (number >= s->real.from && number <= s->real.to)
		return take_time(s, at, MICROSECOND);
	return 0;
}

/* Takes an integer that is one of those numbers. */
static int take_integer(struct search *s, uint64_t at, const uint64_t *word)
{
	struct warm_node *n = node_of(s);

	for (uint64_t i = 0; i < s->n_numbers; i++) {
		double number;

		memcpy(&number, &n->time[i].bits, sizeof(number));
		if (n->time[i].unit == NANOSECOND && at != n->time[0].at &&
		    *word == (uint64_t)number)
			return take_time(s, at, 0);
	}
	return 0;
}

static int find_times(struct search *s)
{
	struct warm_node *n = node_of(s);
	int ret = each_word(s, HEAP | VARIABLES, take_number);

	s->n_numbers = n->n_times;
	if (ret == 0)
		ret = each_word(s, HEAP | VARIABLES, take_integer);
	/* performance.now() counts from one of them */
	return ret < 0 ? ret : n->n_times > s->n_numbers ? 0 : -ENOEXEC;
}

/* ---- the state to go on from */

/* Node's own descriptors must be low, and none of them may survive an exec. */
static int check_fds(struct search *s)
{
	struct tracer *t = s->stops.t;
	int open = 5; /* 0 to 2, and two of the stub */

	for (uint64_t fd = 3; fd < WARM_SHARED_FD + 1; fd++) {
		long ret =
			st_trace_remote(t, __NR_fcntl, fd, F_GETFD, 0, 0, 0, 0);

		if (ret == -EBADF)
			continue;
		if (ret != FD_CLOEXEC || fd >= WARM_NODE_FD_FIRST)
			return -EMFILE;
		open++;
	}
	return st_stops_count(t, "fd") == open ? 0 : -EMFILE;
}

static int note_file(struct tracer *t, const char *path)
{
	int ret = st_park_file(t, path, strlen(path));

	return ret == -ENOENT || ret == -ENOTDIR ? 0 : ret;
}

/* Files that node reads while it starts. */
static int note_files(struct tracer *t)
{
	const size_t len = strlen(ST_NODE_CERTIFICATES);
	char *const *envp = t->park->shell->envp;
	static const char *const files[] = { "/usr/lib/ssl/openssl.cnf",
					     "/etc/ssl/openssl.cnf",
					     "/etc/localtime" };
	int ret = 0;

	for (int i = 0; i < 3 && ret == 0; i++)
		ret = note_file(t, files[i]);
	for (; *envp && ret == 0; envp++)
		if (strncmp(*envp, ST_NODE_CERTIFICATES, len) == 0)
			ret = note_file(t, *envp + len);
	return ret;
}

static int search(struct search *s)
{
	long at =
		sys_call6(__NR_mmap, 0, CHUNK + OVERLAP, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = at < 0 && at > -4096 ? (int)at : find_regions(s);

	s->chunk = (char *)at;
	if (ret == 0)
		ret = find_strings(s);
	if (ret == 0)
		ret = find_variables(s);
	if (ret == 0)
		ret = find_times(s);
	if (at > 0)
		sys_call2(__NR_munmap, at, CHUNK + OVERLAP);
	return ret;
}

int st_park_node(struct tracer *t)
{
	struct search s = { .stops = { .t = t, .n = 1, .take = take_stop } };
	int ret = run_to_program(&s);

	if (ret < 0)
		return st_park_at(t, WARM_STEP_SOURCE, ret);
	note_registers(&t->out->control, &t->regs);
	ret = st_stops_hold(&s.stops);
	if (ret == 0)
		ret = st_stops_has_children(t) ? -ECHILD : check_fds(&s);
	if (ret == 0)
		ret = search(&s);
	if (ret == 0)
		ret = note_files(t);
	node_of(&s)->node = 1;
	return st_park_at(t, WARM_STEP_SHELL, ret);
}

#endif
