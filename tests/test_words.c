/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shell strings of words only: what the command server runs without a shell must be what
 * shells would run.
 *
 * The comparison evaluates thousands of strings in one dash and one bash, where a
 * function stands for the program.
 */
#include "cli/mcp/words.h"
#include "tests/harness.h"

#define STRINGS 6000
#define LONGEST 40

/* ---- splitting, and strings for a shell */

static void check_words(const char *text, const char *const *expected)
{
	const char **words;

	CHECK_EQ(words_split(text, strlen(text), &words), 0);
	for (size_t i = 0; expected[i] || words[i]; i++) {
		CHECK(expected[i] && words[i]);
		CHECK_STR(words[i], expected[i]);
	}
	free(words);
}

#define WORDS(text, ...) \
	check_words(text, (const char *const[]){ __VA_ARGS__, NULL })

static bool is_for_shell(const char *text)
{
	const char **words;
	int err = words_split(text, strlen(text), &words);

	if (err == 0)
		free(words);
	else
		CHECK_EQ(err, -ENOEXEC);
	return err != 0;
}

static void words_and_quotes_are_split_as_a_shell_splits_them(void)
{
	WORDS("rg foo src", "rg", "foo", "src");
	WORDS("  rg\t foo  ", "rg", "foo");
	WORDS("rg 'a b' \"c d\" e\\ f", "rg", "a b", "c d", "e f");
	WORDS("rg 'a'\"b\"c ''", "rg", "abc", "");
	WORDS("rg \"\\\"\\\\\\$\\a\" \\$", "rg", "\"\\$\\a", "$");
	WORDS("git show HEAD^ --color=never a#b", "git", "show", "HEAD^",
	      "--color=never", "a#b");
	WORDS("'/usr/bin/env' x=1", "/usr/bin/env", "x=1");
	WORDS("ls '*' \\* \"?\" é", "ls", "*", "*", "?", "é");
	WORDS("true", "true");
}

static void all_else_is_for_a_shell(void)
{
	static const char *const texts[] = {
		"",	      "  ",	  "a | b",    "a; b",	  "a & b",
		"a && b",     "a > b",	  "a 2>&1",   "a < b",	  "(a)",
		"{ a; }",     "a $b",	  "a `b`",    "a \"$b\"", "a *",
		"a ?",	      "a [b]",	  "a ~",      "a x=~/b",  "a # b",
		"#a",	      "a=1 b",	  "a=1",      "a\\=1",	  "! a",
		"a !!",	      "a \"!\"",  "a {b,c}",  "a {}",	  "a\nb",
		"a\n",	      "a\r",	  "a \\",     "a \\\n b", "a 'b",
		"a \"b",      "''",	  "'' a",     "a \x01",	  "a \x7f",
		"a '\n'",     "cd x",	  "'cd' x",   "exit",	  ": a",
		". a",	      "export a", "if",	      "time a",	  "echo a",
		"[ a ]",      "[[ a ]]",  "source a", "exec a",	  "a \"`b`\"",
		"a \"\\\n\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		test_doing("%s", texts[i]);
		CHECK(is_for_shell(texts[i]));
	}
}

static void a_nul_and_a_long_string_are_taken_as_they_are(void)
{
	size_t n = 1 << 20;
	char *text = malloc(n);
	const char **words;

	CHECK(text);
	CHECK_EQ(words_split("a\0b", 3, &words), -ENOEXEC);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 2 ? ' ' : 'a';
	CHECK_EQ(words_split(text, n, &words), 0);
	for (size_t i = 0; i < n / 2; i++)
		CHECK_STR(words[i], "a");
	CHECK(!words[n / 2]);
	free(words);
	free(text);
}

/* ---- the comparison with shells */

/* Write a string so that a shell's "eval" takes it as it is. */
static void quote(FILE *script, const char *text)
{
	fputs("eval '", script);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", script);
		else
			fputc(*text, script);
	fputs("'\n", script);
}

struct comparison {
	FILE *script, *expected;
	int strings, split;
};

static void compare_string(struct comparison *c, const char *text)
{
	const char **words;
	size_t n = 0;

	c->strings++;
	if (words_split(text, strlen(text), &words))
		return;
	if (strcmp(words[0], "probe") == 0) {
		c->split++;
		while (words[n + 1])
			n++;
		fprintf(c->expected, "%zu%c", n, 0);
		for (size_t i = 1; i <= n; i++)
			fprintf(c->expected, "%s%c", words[i], 0);
		quote(c->script, text);
	}
	free(words);
}

/* Make a string of bytes that mean something, and of some that do not. */
static void compare_random(struct comparison *c, unsigned int *seed)
{
	static const char pieces[] =
		"aaabbb   \t''''\"\"\"\"\\\\\\#=~*?[]{}!$`|&;<>()^%@+,-./:";
	char text[LONGEST + 16] = "probe ";
	size_t n = strlen(text), length = (size_t)rand_r(seed) % LONGEST;

	for (size_t i = 0; i < length; i++) {
		int kind = rand_r(seed) % 100;
		/* bytes that are for a shell are rare, or few strings are left */
		size_t most = kind < 96 ? 27 : sizeof(pieces) - 1;

		text[n++] = kind < 2 ? (char)(1 + rand_r(seed) % 255)
				     : pieces[(size_t)rand_r(seed) % most];
	}
	text[n] = 0;
	compare_string(c, text);
}

static void compare_bytes(struct comparison *c)
{
	static const char *const forms[] = {
		"probe a%cb",	    "probe %c",	      "probe a%c",
		"probe \\%c",	    "probe '%c'",     "probe \"%c\"",
		"probe \"\\%c\"",   "probe a=%c",     "probe ''%c",
		"probe -%ca b%c",   "probe%c a",      "%cprobe a",
		"probe \"a\"%c'b'", "probe x\\%c\\%c"
	};

	for (int byte = 1; byte < 256; byte++)
		for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
			char text[64];

			snprintf(text, sizeof(text), forms[i], byte, byte);
			compare_string(c, text);
		}
}

static char *whole_file(const char *path, size_t *n)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(8 << 20);

	CHECK(file && text);
	*n = fread(text, 1, 8 << 20, file);
	fclose(file);
	return text;
}

/* Check that a shell makes the same words of all strings. */
static void check_shell(const char *shell)
{
	size_t n, n_expected, same = 0;
	char command[512], *got, *expected;

	snprintf(command, sizeof(command), "%s script > got 2> errors", shell);
	CHECK_EQ(system(command), 0);
	got = whole_file("got", &n);
	expected = whole_file("expected", &n_expected);
	while (same < n && same < n_expected && got[same] == expected[same])
		same++;
	test_doing("byte %zu of %zu and %zu differs: '%.60s', not '%.60s'",
		   same, n, n_expected, got + (same > 30 ? same - 30 : 0),
		   expected + (same > 30 ? same - 30 : 0));
	CHECK(n == n_expected && same == n);
	free(got);
	free(expected);
}

static void compare(const char *shell)
{
	struct comparison c = { 0 };
	unsigned int seed = 1;

	if (access(shell, X_OK))
		TEST_SKIP("this shell is not installed");
	CHECK_EQ(chdir(test_tmpdir()), 0);
	c.script = fopen("script", "w");
	c.expected = fopen("expected", "w");
	CHECK(c.script && c.expected);
	fputs("probe() { printf '%s\\0' \"$#\" \"$@\"; }\n", c.script);
	compare_bytes(&c);
	for (int i = 0; i < STRINGS; i++)
		compare_random(&c, &seed);
	fclose(c.script);
	fclose(c.expected);
	CHECK(c.split > c.strings / 4);
	check_shell(shell);
}

static void dash_makes_the_same_words(void)
{
	compare("/bin/dash");
}

static void bash_makes_the_same_words(void)
{
	compare("/bin/bash");
}

static void all_own_words_of_bash_are_for_a_shell(void)
{
	char word[64];
	FILE *list;
	int n = 0;

	if (access("/bin/bash", X_OK))
		TEST_SKIP("bash is not installed");
	list = popen("/bin/bash -c 'compgen -k; compgen -b'", "r");
	CHECK(list);
	for (; fgets(word, sizeof(word), list); n++) {
		word[strcspn(word, "\n")] = 0;
		test_doing("%s", word);
		CHECK(strcmp(word, "true") == 0 || strcmp(word, "false") == 0 ||
		      is_for_shell(word));
	}
	pclose(list);
	CHECK(n > 50);
}

static const struct test_case cases[] = {
	TEST_CASE(words_and_quotes_are_split_as_a_shell_splits_them),
	TEST_CASE(all_else_is_for_a_shell),
	TEST_CASE(a_nul_and_a_long_string_are_taken_as_they_are),
	TEST_CASE(dash_makes_the_same_words),
	TEST_CASE(bash_makes_the_same_words),
	TEST_CASE(all_own_words_of_bash_are_for_a_shell),
};
TEST_MAIN(cases)
