/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template top: prints the guard's templates, or pools of prepared processes,
 * again and again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "cli/text_safe.h"
#include "cli/guard/top.h"

#define LEAST_DELAY_NS 100000000
#define LINES_AROUND 5 /* header, titles and keys */

#define KEYS                                                       \
	"sort: l launches  r rate  9 p99  s stale  p pid  i id   " \
	"R reverse  space pause  q quit"

#define KEYS_OF_POOLS "space pause  q quit"

/* ---- frames, one after the other */

static int print_once(struct top *top)
{
	if (top_sample(top))
		return guard_say(&top->error);
	if (top->options.json)
		return out_json(STDOUT_FILENO, top_json(top), JSON_COMPACT);
	return top_frame(out_stream(STDOUT_FILENO), top, terminal_columns(),
			 SIZE_MAX);
}

static void wait_ns(int64_t ns)
{
	struct timespec left = { ns / 1000000000, ns % 1000000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static int run_batch(struct top *top, long count)
{
	for (long i = 0; count == 0 || i < count; i++) {
		int status;

		if (i) {
			wait_ns(top->delay_ns);
			if (!top->options.json)
				out_lines("\n");
		}
		status = print_once(top);
		if (status)
			return status;
		status = out_finish(0);
		if (status)
			return status;
	}
	return 0;
}

/* ---- on a terminal */

/* Return: false to quit. */
static bool take_key(struct top *top, char key)
{
	static const struct {
		char key;
		enum guard_sort field;
	} keys[] = {
		{ 'l', SORT_LAUNCHES }, { 'r', SORT_RATE }, { '9', SORT_P99 },
		{ 's', SORT_STALE },	{ 'p', SORT_PID },  { 'i', SORT_ID },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key) {
			top->sort = keys[i].field;
			top->reverse = false;
		}
	if (key == 'R' && !top->of_pools)
		top->reverse = !top->reverse;
	if (key == ' ')
		top->paused = !top->paused;
	return key != 'q' && key != 'Q' && key != 4 /* Ctrl-D */;
}

/* Return: false to quit, also when the terminal is gone. */
static bool take_keys(struct top *top)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return false;
	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] == '\033')
			break; /* a cursor key sends all of this */
		if (!take_key(top, keys[i]))
			return false;
	}
	return true;
}

static void print_keys(FILE *file, const struct top *top, size_t width)
{
	char text[160];

	snprintf(text, sizeof(text), "by %s%s  %s",
		 top->of_pools ? "PSS" : guard_sort_name(top->sort),
		 top->reverse ? ", reversed" : "",
		 top->of_pools ? KEYS_OF_POOLS : KEYS);
	fputs(out_style(OUT_BOLD), file);
	text_fit(file, text, width, false, false);
	fputs(out_style(OUT_PLAIN), file);
}

/* Replace the last frame line by line, so that nothing flickers. */
static void write_frame(const char *text, size_t size)
{
	char *out = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&out, &length);

	if (!file)
		return;
	fputs("\033[H", file);
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			fputs("\033[K", file);
		putc(text[i], file);
	}
	fputs("\033[K\033[J", file);
	if (fclose(file) == 0)
		screen_write(out, length);
	free(out);
}

static int draw(struct top *top)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	int status;

	if (!file)
		return 0; /* try again next time */
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (!size.ws_col)
		size.ws_col = 80;
	if (!size.ws_row)
		size.ws_row = 24;
	status = top_frame(
		file, top, size.ws_col,
		size.ws_row > LINES_AROUND ? size.ws_row - LINES_AROUND : 0);
	print_keys(file, top, size.ws_col);
	if (fclose(file) == 0 && !status)
		write_frame(text, length);
	free(text);
	return status;
}

/* Wait for a key, a signal or the next refresh. Return: false to quit. */
static bool wait_for_key(struct top *top, int64_t until)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = until - st_now();
	struct timespec ts = { 0 };

	if (left > 0) {
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
	}
	if (ppoll(&pfd, 1, top->paused ? NULL : &ts, screen_mask()) <= 0)
		return true;
	return take_keys(top);
}

/* Return: the exit status, with *sig the signal that asks to end. */
static int run_screen(struct top *top, long count, int *sig)
{
	int64_t next = st_now() + top->delay_ns;
	bool changed;
	int status;

	for (long refreshed = 1;;) {
		*sig = screen_signals(&changed);
		if (*sig)
			return 0;
		if (!top->paused && st_now() >= next) {
			if (count && refreshed == count)
				return 0;
			/* an interrupted request changes nothing */
			if (top_sample(top) == -EINTR)
				continue;
			refreshed++;
			next = st_now() + top->delay_ns;
		}
		status = draw(top);
		if (status)
			return status;
		if (!wait_for_key(top, next))
			return 0;
	}
}

static int run_terminal(struct top *top, long count)
{
	int err, sig = 0, status;

	/* print an error at the start where it can be read */
	if (top_sample(top))
		return guard_say(&top->error);
	err = screen_open();
	if (err < 0) {
		out_error("the terminal: %s", strerror(-err));
		return CLI_FAILED;
	}
	top->guard.mask = screen_mask();
	status = run_screen(top, count, &sig);
	screen_close();
	return sig ? end_by_signal(sig) : status;
}

/* ---- options */

struct top_options {
	bool batch;
	long count; /* 0: no end */
};

static int set_option(struct top *top, struct top_options *o, int c,
		      char **argv)
{
	switch (c) {
	case 'b':
		o->batch = true;
		return -1;
	case 'p':
		top->of_pools = true;
		return -1;
	case 'd':
		if (read_duration("-d", optarg, &top->delay_ns))
			return CLI_FAILED;
		if (top->delay_ns < LEAST_DELAY_NS)
			return out_bad_usage("-d %s: less than 0.1 s", optarg);
		return -1;
	case 'n':
		if (parse_number(optarg, 10, 1, LONG_MAX, &o->count))
			return out_bad_usage("-n %s: not a number from 1",
					     optarg);
		return -1;
	default:
		return guard_option(&top->options, c, argv);
	}
}

static int run_top(struct top *top, const struct top_options *o)
{
	const char *term = getenv("TERM");

	if (o->batch || top->options.json)
		return run_batch(top, o->count);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return out_bad_usage("this is not a terminal; -b prints one "
				     "table after the other");
	if (!term || !*term || strcmp(term, "dumb") == 0)
		return out_bad_usage("this terminal has no other screen; -b "
				     "prints one table after the other");
	return run_terminal(top, o->count);
}

static int top_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "pools", no_argument, NULL, 'p' },
		GUARD_LONG_OPTIONS,
		{ 0 },
	};
	struct top top = {
		.guard = { .fd = -1 },
		.delay_ns = 1000000000,
		.sort = SORT_RATE,
	};
	struct top_options options = { 0 };
	int c, status;

	while ((c = getopt_long(argc, argv, ":hbd:n:", longs, NULL)) != -1) {
		status = set_option(&top, &options, c, argv);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return out_bad_usage("takes no arguments");
	status = run_top(&top, &options);
	top_free(&top);
	return status;
}

const struct command cmd_top = {
	.name = "top",
	.summary = "watch the templates that the guard keeps",
	.help = "Usage: spawn-template top [-d SECONDS] [-n COUNT] [-b | "
		"--json]\n"
		"                          [--pools | --socket PATH]\n"
		"\n"
		"Show the table of list with launches per second, and refresh "
		"it. Keys sort it: l\n"
		"by launches, r rate, 9 p99, s stale, p pid, i id. R "
		"reverses, space pauses, q\n"
		"quits.\n"
		"\n"
		"  -d, --delay SECONDS  time between refreshes; default 1\n"
		"  -n, --count COUNT    end after COUNT refreshes\n"
		"  -b, --batch          print one table after the other, for "
		"files and pipes\n"
		"  --pools              show the processes that were prepared "
		"for launches, by\n"
		"                       the process that keeps them, in place "
		"of the guard's\n"
		"                       templates; no guard is needed\n" GUARD_OPTIONS_HELP
		"\n"
		"With --json, each refresh is a line. Exit status: 0; 125 for "
		"errors. -b and\n"
		"--json end with 125 if no guard is running.\n",
	.main = top_main,
};
