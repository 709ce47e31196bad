/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text and JSON output: errors with their remedy on stderr, results on stdout,
 * colour only where it is wanted, and no write error lost.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

const struct command *out_command;

CLI_PRINTF(2, 0)
static void print_error(const char *prefix, const char *fmt, va_list ap)
{
	fputs(prefix, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

static void print_name(void)
{
	fputs("spawn-template", stderr);
	if (out_command)
		fprintf(stderr, " %s", out_command->name);
}

void out_error(const char *fmt, ...)
{
	va_list ap;

	print_name();
	va_start(ap, fmt);
	print_error(": ", fmt, ap);
	va_end(ap);
}

void out_remedy(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error("  remedy: ", fmt, ap);
	va_end(ap);
}

int out_bad_usage(const char *fmt, ...)
{
	va_list ap;

	print_name();
	va_start(ap, fmt);
	print_error(": ", fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try 'spawn-template help%s%s'.\n",
		out_command ? " " : "", out_command ? out_command->name : "");
	return CLI_FAILED;
}

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
			fputs(out_command->help, stdout);
			return 0;
		default:
			return out_bad_option(c, argv);
		}
	}
	return -1;
}

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
			printf("\n%*s", indent, "");
			column = indent;
			gap = 0;
		}
		printf("%*s%.*s", gap, "", length, text);
		column += gap + length;
		text += length;
		gap = *text == ' ';
		text += gap;
	}
	putchar('\n');
}

void out_row(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("  %-12s  ", label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

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

int out_json(FILE *file, json_t *value, size_t flags)
{
	int err = 0;

	if (!value) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	flags |= out_json_flags(fileno(file));
	if (json_dumpf(value, file, flags) < 0 || fputc('\n', file) == EOF)
		err = CLI_FAILED; /* out_finish() reports it */
	json_decref(value);
	return err;
}

/* Report a write error, unless the reader has gone away. */
int out_finish(int status)
{
	int err = 0;

	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		err = errno ? errno : EIO;
	if (!err)
		return status;
	if (err != EPIPE)
		out_error("cannot write the output: %s", strerror(err));
	return CLI_FAILED;
}
