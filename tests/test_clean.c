/* SPDX-License-Identifier: BSD-2-Clause */
/* Output cleaned for a model: what a terminal would show, in bounded memory. */
#include <sys/resource.h>

#include "cli/mcp/clean.h"
#include "tests/harness.h"

#define ROOM ((size_t)1 << 16)

/* ---- helpers */

static char *cleaned(const char *bytes, size_t n, size_t step, size_t head,
		     size_t tail, struct clean_result *result)
{
	struct clean *clean = clean_new(head, tail);
	char *text;

	CHECK(clean);
	for (size_t i = 0; i < n; i += step)
		clean_add(clean, bytes + i, n - i < step ? n - i : step);
	CHECK_EQ(clean_end(clean, result), 0);
	CHECK_EQ(result->raw, n);
	CHECK_EQ(strlen(result->text), result->n);
	text = test_fmt("%s", result->text);
	clean_free(clean);
	return text;
}

/* Check what becomes of bytes, whole and in parts of any length. */
static void becomes(const char *bytes, const char *expected)
{
	struct clean_result r;
	size_t n = strlen(bytes);

	for (size_t step = 1; step <= n + 1; step++) {
		test_doing("steps of %zu", step);
		CHECK_STR(cleaned(bytes, n, step, ROOM, ROOM, &r), expected);
		CHECK_EQ(r.bytes_omitted, 0);
		CHECK_EQ(r.lines_omitted, 0);
	}
}

/* ---- cases */

static void text_stays_as_it_is(void)
{
	becomes("", "");
	becomes("a\tb  \n\n c\n", "a\tb  \n\n c\n");
	becomes("no newline", "no newline");
	becomes("é € 😀 ñ\n", "é € 😀 ñ\n");
	becomes("dos  \r\nlines\r\n", "dos  \nlines\n");
}

static void escape_sequences_are_removed(void)
{
	becomes("\x1b[1;31mred\x1b[0m\x1b[m x", "red x");
	becomes("\x1b[38:2::1:2:3mx\x1b[?25l\x1b[?1049h\x1b[2J\x1b[Hy", "xy");
	becomes("\x1b]0;title\ax\x1b]8;;http\x1b\\link\x1b]8;;\x1b\\", "xlink");
	becomes("\x1b(Bx\x1b=\x1b>y\x1b#8z\x1b"
		"7\x1bM",
		"xyz");
	becomes("\x1bPq#0;2;0\nsixel\x1b\\x\x1b_Gkitty\x1b\\y\x1b^pm\x1b\\z",
		"xyz");
	becomes("\x1b]unended\nx", "\nx");
	becomes("\x1b[31\nx", "\nx");
	becomes("a\x1b", "a");
	becomes("a\x1b[", "a");
	becomes("a\x07\x0e\x0f\x7f\x0b\x0c\x01z\xc2\x9b\xc2\x85", "az");
}

static void progress_shows_its_last_state(void)
{
	becomes("  1%\r 50%\r100%\ndone\n", "100%\ndone\n");
	becomes("long text\rshort\x1b[K\n", "short\n");
	becomes("long text\x1b[2K\rshort\n", "short\n");
	becomes("long text\r\x1b[1Kx\n", "xong text\n");
	becomes("long\r    \rok\n", "ok\n");
	becomes("abc\rX\n", "Xbc\n");
	becomes("a\x1b[Gb\x1b[3Cc\x1b[2Dd\n", "b  dc\n");
	becomes("last\rline", "line");
}

static void a_backspace_is_a_step_back(void)
{
	becomes("abc\b \b\bX\n", "aX\n");
	becomes("N\bNA\bAM\bME\bE _\bx\n", "NAME x\n");
	becomes("\b\b\ba\n", "a\n");
	becomes("/\b-\b\\\b|\b done\n", " done\n");
}

static void invalid_utf8_is_replaced(void)
{
	becomes("a\xff\xfe z\n", "a\xef\xbf\xbd\xef\xbf\xbd z\n");
	becomes("\xe2\x82z", "\xef\xbf\xbdz"); /* cut off */
	becomes("\xe2\x82", "\xef\xbf\xbd");
	becomes("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"); /* overlong */
	becomes("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	becomes("\xf4\x90\x80\x80",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	becomes("\xf0\x9f\x98\x1b[0m!", "\xef\xbf\xbd!");
}

static char *numbered_lines(int lines)
{
	char *text = malloc((size_t)lines * 8 + 1);

	CHECK(text);
	for (int i = 0; i < lines; i++)
		snprintf(text + i * 8, 9, "%07d\n", i);
	return text;
}

static void long_output_keeps_whole_lines_of_its_head_and_tail(void)
{
	char *text = numbered_lines(1000);
	struct clean_result r;
	char *got = cleaned(text, 8000, 777, 20, 30, &r);

	CHECK_STR(got, "0000000\n0000001\n"
		       "[... 7960 bytes, 995 lines omitted ...]\n"
		       "0000997\n0000998\n0000999\n");
	CHECK_EQ(r.bytes_omitted, 7960);
	CHECK_EQ(r.lines_omitted, 995);
	got = cleaned(text, 8000, 1, 16, 0, &r);
	CHECK_STR(got, "0000000\n0000001\n"
		       "[... 7984 bytes, 998 lines omitted ...]\n");
	got = cleaned(text, 8000, 8000, 0, 16, &r);
	CHECK_STR(got, "[... 7992 bytes, 999 lines omitted ...]\n0000999\n");
	got = cleaned(text, 48, 48, 24, 24, &r); /* fits to the byte */
	CHECK_EQ(r.bytes_omitted, 0);
	CHECK_EQ(strncmp(got, text, 48), 0);
	free(text);
}

static void a_long_line_is_cut_between_characters(void)
{
	char text[3000];
	struct clean_result r;

	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, "€", 3);
	CHECK_STR(cleaned(text, sizeof(text), 100, 10, 10, &r),
		  "€€€\n[... 2982 bytes, 0 lines omitted ...]\n€€€");
	CHECK_EQ(r.bytes_omitted, 2982);
}

static void a_line_longer_than_the_row_loses_nothing(void)
{
	size_t n = 100000;
	char *text = malloc(n + 8);
	struct clean_result r;
	char *got;

	CHECK(text);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 26);
	memcpy(text + n, "\rX\n", 4);
	got = cleaned(text, n + 3, 4096, 2 * n, n, &r);
	CHECK_EQ(r.n, n + 1);
	CHECK_EQ(strncmp(got, text, n / 2), 0);
	free(text);
}

/* Steps of a cursor must neither take memory nor much time. */
static void hostile_output_stays_within_the_bounds(void)
{
	static const char *const parts[] = {
		"\x1b[99999999999999999999Cx",
		"\x1b[999C",
		"\x1b[",
		"\x1b[;;;;;;;;;;;;",
		"\x1b]",
		"\x1bP",
		"\r",
		"\b",
		"\x1b[1K",
		"\xf0\x9f",
		"\n",
		"x\x1b[500G",
	};
	struct clean_result r;

	for (size_t i = 0; i < TEST_COUNT(parts); i++) {
		struct clean *clean = clean_new(100, 100);
		size_t n = strlen(parts[i]);

		CHECK(clean);
		test_doing("part %zu", i);
		for (int times = 0; times < 50000; times++)
			clean_add(clean, parts[i], n);
		CHECK_EQ(clean_end(clean, &r), 0);
		CHECK_LT(r.n, 300);
		clean_free(clean);
	}
}

static void memory_does_not_grow_with_the_output(void)
{
	struct clean *clean = clean_new(1000, 1000);
	char part[4096];
	struct rusage before, after;
	struct clean_result r;

	CHECK(clean);
	memset(part, 'x', sizeof(part));
	part[100] = '\n';
	clean_add(clean, part, sizeof(part));
	CHECK_EQ(getrusage(RUSAGE_SELF, &before), 0);
	for (int i = 0; i < 10000; i++)
		clean_add(clean, part, sizeof(part));
	CHECK_EQ(clean_end(clean, &r), 0);
	CHECK_EQ(r.raw, 10001 * sizeof(part));
	CHECK_EQ(getrusage(RUSAGE_SELF, &after), 0);
	CHECK_LT(after.ru_maxrss - before.ru_maxrss, 1024);
	clean_free(clean);
}

static void erasing_what_is_blank_costs_nothing(void)
{
	struct clean *clean = clean_new(1000, 0);
	struct rusage usage;
	struct clean_result r;

	becomes("abcdef\x1b[1K\rxy\x1b[1Kz", "  z");
	CHECK(clean);
	for (int i = 0; i < 8000; i++)
		clean_add(clean, "x", 1);
	for (int i = 0; i < 2 << 20; i++)
		clean_add(clean, "\x1b[1K", 4);
	CHECK_EQ(clean_end(clean, &r), 0);
	CHECK_EQ(r.n, 0);
	CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
	CHECK_LT(usage.ru_utime.tv_sec, 5);
	clean_free(clean);
}

static const struct test_case cases[] = {
	TEST_CASE(text_stays_as_it_is),
	TEST_CASE(escape_sequences_are_removed),
	TEST_CASE(progress_shows_its_last_state),
	TEST_CASE(a_backspace_is_a_step_back),
	TEST_CASE(invalid_utf8_is_replaced),
	TEST_CASE(long_output_keeps_whole_lines_of_its_head_and_tail),
	TEST_CASE(a_long_line_is_cut_between_characters),
	TEST_CASE(a_line_longer_than_the_row_loses_nothing),
	TEST_CASE(hostile_output_stays_within_the_bounds),
	TEST_CASE(memory_does_not_grow_with_the_output),
	TEST_CASE(erasing_what_is_blank_costs_nothing),
};
TEST_MAIN(cases)
