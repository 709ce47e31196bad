/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text and JSON output: errors with their remedy on stderr, results on stdout,
 * colour only where it is wanted, and no write error lost.
 *
 * No other file prints. All text is made safe here, because names and what stands in
 * files were written by others, and a terminal obeys them; and all output waits for
 * its reader, because another process may have made the descriptor non-blocking.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text_safe.h"

const struct command *out_command;

/* ---- writing */

/* A stream onto a descriptor that may be non-blocking. */
struct sink {
	int fd;
	int error; /* the first one, a positive errno */
	FILE *stream;
};

static struct sink sinks[] = {
	[STDOUT_FILENO] = { .fd = STDOUT_FILENO },
	[STDERR_FILENO] = { .fd = STDERR_FILENO },
};

int out_write(int fd, const char *text, size_t n, int stops)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	while (n) {
		ssize_t written = write(fd, text, n);

		if (written >= 0) {
			text += written;
			n -= (size_t)written;
			continue;
		}
		if (errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (errno != EINTR)
			return errno;
		if (stop_count() > stops)
			return ECANCELED;
	}
	return 0;
}

/*
 * Pretend that all was written, also after an error: this is kept in the sink, and
 * what follows it is dropped.
 */
static ssize_t write_sink(void *cookie, const char *text, size_t n)
{
	struct sink *sink = cookie;
	static int stops = -1;

	if (stops < 0) /* a signal that asked for this output does not end it */
		stops = stop_count();
	if (!sink->error)
		sink->error = out_write(sink->fd, text, n, stops);
	return (ssize_t)n;
}

FILE *out_stream(int fd)
{
	const cookie_io_functions_t functions = { .write = write_sink };
	struct sink *sink = &sinks[fd];

	if (sink->stream)
		return sink->stream;
	sink->stream = fopencookie(sink, "w", functions);
	if (!sink->stream) {
		out_error("out of memory");
		_exit(CLI_FAILED);
	}
	if (isatty(fd))
		setvbuf(sink->stream, NULL, _IOLBF, 0);
	return sink->stream;
}

/* ---- text, made safe whoever has written it */

CLI_PRINTF(1, 0)
static char *safe_text(const char *fmt, va_list ap)
{
	char *text, *safe;

	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	safe = text_safe(text);
	free(text);
	return safe;
}

/* Write a line to stderr at once, so that those of several processes do not mix. */
CLI_PRINTF(2, 0)
static void print_error(const char *prefix, const char *fmt, va_list ap)
{
	char *text = safe_text(fmt, ap), *line = NULL;

	if (text && asprintf(&line, "%s%s\n", prefix, text) >= 0)
		out_write(STDERR_FILENO, line, strlen(line), INT_MAX);
	free(line);
	free(text);
}

CLI_PRINTF(1, 0)
static void print_own_error(const char *fmt, va_list ap)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix),
		 "spawn-template%s%s: ", out_command ? " " : "",
		 out_command ? out_command->name : "");
	print_error(prefix, fmt, ap);
}

void out_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_own_error(fmt, ap);
	va_end(ap);
}

void out_remedy(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error("  remedy: ", fmt, ap);
	va_end(ap);
}

void out_try_help(void)
{
	fprintf(out_stream(STDERR_FILENO), "Try 'spawn-template help%s%s'.\n",
		out_command ? " " : "", out_command ? out_command->name : "");
	fflush(out_stream(STDERR_FILENO));
}

int out_bad_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_own_error(fmt, ap);
	va_end(ap);
	out_try_help();
	return CLI_FAILED;
}

void out_styled(enum out_style style, const char *fmt, ...)
{
	FILE *file = out_stream(STDOUT_FILENO);
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = safe_text(fmt, ap);
	va_end(ap);
	if (style != OUT_PLAIN)
		fputs(out_style(style), file);
	fputs(text ? text : "(out of memory)", file);
	if (style != OUT_PLAIN)
		fputs(out_style(OUT_PLAIN), file);
	free(text);
}

void out_lines(const char *fmt, ...)
{
	char *text = NULL, *line, *rest;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		out_styled(OUT_PLAIN, "%s", line);
		if (rest)
			fputc('\n', out_stream(STDOUT_FILENO));
	}
	free(text);
}

/* ---- options */

/* Tell whether getopt_long() is inside this word, a row of short options. */
static bool is_within(const char *word, int c)
{
	const char *at;

	if (!word || word[0] != '-' || word[1] == '-')
		return false;
	at = strchr(word + 1, c);
	return at && at[1];
}

/*
 * Find the option that getopt_long() rejected. It has already stepped over a
 * long option, but not over a word of short ones with more to come. optopt is
 * the short option, or the value of a long one, or 0 if unknown.
 */
int out_bad_option(int c, char **argv)
{
	const char *given = argv[optind - 1];
	bool is_long = strncmp(given, "--", 2) == 0;

	if (c == ':' && !is_long)
		return out_bad_usage("option '-%c' needs a value", optopt);
	if (c == ':')
		return out_bad_usage("option '%s' needs a value", given);
	if (optopt == 0)
		return out_bad_usage("unknown option '%s'", given);
	if (is_long && !is_within(argv[optind], optopt))
		return out_bad_usage("option '%s' takes no value", given);
	return out_bad_usage("unknown option '-%c'", optopt);
}

int out_json_option(int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			*json = true;
			break;
		case 'h':
			out_lines("%s", out_command->help);
			return 0;
		default:
			return out_bad_option(c, argv);
		}
	}
	return -1;
}

/* ---- descriptions */

static bool use_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no && *no)
		return false;
	if (!term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(STDOUT_FILENO);
}

const char *out_style(enum out_style style)
{
	static const char *const sequence[] = {
		[OUT_PLAIN] = "\033[0m", [OUT_BOLD] = "\033[1m",
		[OUT_GOOD] = "\033[32m", [OUT_WARN] = "\033[33m",
		[OUT_BAD] = "\033[31m",
	};
	static int colour = -1;

	if (colour < 0)
		colour = use_colour();
	return colour ? sequence[style] : "";
}

/* Break lists without spaces behind their commas. */
void out_wrapped(int column, int indent, const char *text)
{
	int gap = 0;

	while (*text) {
		int length = (int)strcspn(text, " ,");

		length += (int)strspn(text + length, ",");
		if (column > indent && column + gap + length > 80) {
			out_lines("\n%*s", indent, "");
			column = indent;
			gap = 0;
		}
		out_styled(OUT_PLAIN, "%*s%.*s", gap, "", length, text);
		column += gap + length;
		text += length;
		gap = *text == ' ';
		text += gap;
	}
	out_lines("\n");
}

void out_row(const char *label, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = safe_text(fmt, ap);
	va_end(ap);
	out_lines("  %-12s  %s\n", label, text ? text : "(out of memory)");
	free(text);
}

void out_row_styled(const char *label, enum out_style style, const char *word,
		    const char *text)
{
	out_styled(OUT_PLAIN, "  %-12s  ", label);
	out_styled(style, "%s", word);
	out_styled(OUT_PLAIN, "%s", text);
	out_lines("\n");
}

/* ---- JSON */

json_t *out_number(int n)
{
	return n >= 0 ? json_integer(n) : json_null();
}

json_t *out_text(const char *text)
{
	static const char unknown[] = "\xef\xbf\xbd";
	json_t *value = json_string(text);
	size_t n = 0;
	char *fixed;

	if (value)
		return value;
	fixed = malloc(3 * strlen(text) + 1);
	if (!fixed)
		return NULL;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80) {
			fixed[n++] = *text;
		} else {
			memcpy(fixed + n, unknown, 3);
			n += 3;
		}
	}
	value = json_stringn(fixed, n);
	free(fixed);
	return value;
}

/*
 * Ask for ASCII on a terminal: other users choose names, and none of their
 * characters may be more than a letter.
 */
size_t out_json_flags(int fd)
{
	return isatty(fd) ? JSON_ENSURE_ASCII : 0;
}

int out_json(int fd, json_t *value, size_t flags)
{
	FILE *file = out_stream(fd);
	int err;

	if (!value) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	err = json_dumpf(value, file, flags | out_json_flags(fd));
	fputc('\n', file);
	json_decref(value);
	if (fd == STDERR_FILENO)
		fflush(file);
	if (err)
		out_error("out of memory");
	/* out_finish() reports what could not be written */
	return err || sinks[fd].error ? CLI_FAILED : 0;
}

/*
 * Report a write error, once, unless the reader has gone away or a signal has ended the
 * wait for it.
 */
int out_finish(int status)
{
	static bool reported;
	struct sink *out = &sinks[STDOUT_FILENO];

	if (out->stream)
		fflush(out->stream);
	if (!out->error)
		return status;
	if (!reported && out->error != EPIPE && out->error != ECANCELED)
		out_error("cannot write the output: %s", strerror(out->error));
	reported = true;
	return CLI_FAILED;
}
