/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs of a Debian system write the same, to stdout and to stderr, and end with
 * the same status, cold and from prepared processes of both kinds.
 */
#include "warming.h"

#define WORDS 12

struct command {
	const char *argv[WORDS];
	const char *input;
	const char *path; /* NULL: /usr/bin/argv[0] */
	bool cold; /* the program cannot be prepared */
};

#define RUN(...)                        \
	{                               \
		.argv = { __VA_ARGS__ } \
	}
#define FEED(text, ...)                                \
	{                                              \
		.argv = { __VA_ARGS__ }, .input = text \
	}

static const struct command commands[] = {
	/* coreutils */
	RUN("true"),
	RUN("false"),
	RUN("echo", "a", "b c"),
	RUN("printf", "%s-%05d\\n", "x", "42"),
	RUN("cat", "text", "missing"),
	RUN("cat", "/proc/self/cmdline", "/proc/self/environ",
	    "/proc/self/comm"),
	FEED("from stdin\n", "cat"),
	RUN("head", "-n", "3", "text"),
	RUN("tail", "-n", "3", "text"),
	RUN("wc", "text", "table.csv"),
	RUN("sort", "-r", "-t,", "-k2", "table.csv"),
	FEED("a\na\nb\n", "uniq", "-c"),
	RUN("cut", "-d,", "-f2", "table.csv"),
	FEED("small\n", "tr", "a-z", "A-Z"),
	RUN("ls", "-la", "--time-style=full-iso"),
	RUN("ls", "missing"),
	RUN("stat", "-c", "%n %s %A %U %F", "text", "d"),
	RUN("date", "-u", "-d", "@86400", "+%F %T %A"),
	RUN("env"),
	RUN("expr", "6", "*", "7"),
	RUN("seq", "3", "2", "9"),
	RUN("factor", "1234567890"),
	RUN("md5sum", "text"),
	RUN("sha256sum", "text", "table.csv"),
	RUN("base64", "text"),
	RUN("od", "-c", "table.csv"),
	RUN("basename", "/a/b.c", ".c"),
	RUN("dirname", "/a/b.c"),
	RUN("realpath", "d/../text"),
	RUN("pwd"),
	RUN("id"),
	RUN("uname", "-srm"),
	RUN("nproc"),
	RUN("tac", "table.csv"),
	RUN("nl", "table.csv"),
	RUN("fold", "-w", "10", "text"),
	RUN("paste", "text", "table.csv"),
	RUN("comm", "text", "text"),
	RUN("du", "-b", "d"),
	RUN("numfmt", "--to=iec", "123456"),
	RUN("timeout", "5", "echo", "in time"),
	RUN("nice", "-n", "3", "nice"),
	RUN("sleep", "0.001"),
	/* findutils, grep, sed, awk */
	RUN("find", ".", "-name", "*.c", "-size", "-9k"),
	FEED("1 2 3", "xargs", "-n1", "echo", "item"),
	RUN("grep", "-n", "line 1", "text"),
	RUN("grep", "-c", "nowhere", "text"),
	RUN("sed", "-n", "2,4p;s/line/LINE/p", "text"),
	RUN("mawk", "-F,", "{ n += $2 } END { print n }", "table.csv"),
	/* git, with other programs under it */
	RUN("git", "--version"),
	RUN("git", "status", "--short", "--branch"),
	RUN("git", "log", "--oneline"),
	RUN("git", "diff", "--stat"),
	RUN("git", "-c", "alias.x=!echo from a shell", "x"),
	RUN("git", "ls-files", "-s"),
	RUN("git", "no-such-command"),
	/* search, data, archives */
	RUN("rg", "--no-config", "--sort", "path", "-n", "line [13]"),
	RUN("jq", "-c", ".b[1]", "data.json"),
	RUN("jq", ".", "text"),
	RUN("tar", "--sort=name", "--mtime=@0", "-cf", "-", "d"),
	RUN("tar", "-tvf", "d.tar"),
	RUN("gzip", "-nc", "text"),
	RUN("xz", "-c", "-T2", "text"),
	RUN("bzip2", "-c", "text"),
	RUN("openssl", "dgst", "-sha256", "text"),
	RUN("openssl", "version", "-a"),
	RUN("curl", "--version"),
	RUN("curl", "-sS", "file:///there/is/nothing"),
	RUN("diff", "-u", "text", "table.csv"),
	RUN("patch", "--version"),
	RUN("bc", "--version"),
	RUN("file", "text", "d.tar"),
	/* interpreters and compilers */
	RUN("perl", "-e", "print \"$0 @ARGV\\n\"; exit 3", "x"),
	RUN("python3", "-c",
	    "import sys, json; print(sys.argv, json.dumps([1]))", "x"),
	RUN("python3", "-c",
	    "import threading as t; a = t.Thread(target=print); "
	    "a.start(); a.join()"),
	RUN("gcc", "-O1", "-S", "-o", "-", "main.c"),
	RUN("gcc", "-o", "d/main", "main.c"),
	RUN("make", "-s", "all"),
	RUN("make", "missing"),
	RUN("readelf", "-h", "/usr/bin/true"),
	RUN("getconf", "PAGE_SIZE"),
	RUN("iconv", "-f", "utf-8", "-t", "latin1", "text"),
	RUN("locale"),
	RUN("locale", "-a"),
	/* shells */
	RUN("dash", "-c", "echo \"$0 $# $PPID\" | sed 's/[0-9]*$/pid/'; exit 7",
	    "a"),
	RUN("dash", "-c", "kill -TERM $$"),
	RUN("bash", "-c",
	    "trap 'echo end' EXIT; for i in 1 2; do echo $i; done"),
	RUN("bash", "-c", "cat <(echo one) - <<< two; no-such-command"),
	RUN("bash", "-c", "set -o; shopt; trap; umask; ulimit -a"),
	FEED("echo read $0\n", "bash", "-s"),
	{ .argv = { "busybox", "echo", "x" }, .cold = true },
};

/* ---- the scene */

static void scene(void)
{
	const char *script =
		"umask 022; mkdir d; seq 1 9 | sed 's/^/line /' > text;"
		"printf 'b,2\\na,1\\nc,3\\n' > table.csv;"
		"echo '{\"a\": 1, \"b\": [2, {\"c\": null}]}' > data.json;"
		"echo 'int main(void) { return 0; }' > main.c; cp main.c d/;"
		"printf 'all:\\n\\t@echo from make; echo $(MAKELEVEL)\\n' > Makefile;"
		"tar --sort=name --mtime=@0 -cf d.tar d;"
		"command -v git > /dev/null || exit 0;"
		"git init -q -b main . && git add text && git -c user.name=a "
		"-c user.email=a@b commit -qm one && echo more >> table.csv";

	CHECK_SYS(chdir(test_tmpdir()));
	CHECK_SYS(setenv("HOME", test_tmpdir(), 1));
	CHECK_EQ(system(script), 0);
}

static char *environment[] = { "PATH=/usr/bin:/bin",
			       "LC_ALL=C.UTF-8",
			       "TZ=UTC",
			       "GIT_CONFIG_GLOBAL=/dev/null",
			       "GIT_CONFIG_NOSYSTEM=1",
			       "PYTHONDONTWRITEBYTECODE=1",
			       "SOURCE_DATE_EPOCH=1",
			       "TERM=dumb",
			       NULL };

/* ---- one command */

static const char *path_of(const struct command *c)
{
	return c->path ? c->path : test_fmt("/usr/bin/%s", c->argv[0]);
}

static bool is_installed(const struct command *c)
{
	return access(path_of(c), X_OK) == 0;
}

static struct spawn_template_result run(int tfd, const struct command *c)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result result;

	args.spawn.argv = (uintptr_t)c->argv;
	args.spawn.envp = (uintptr_t)environment;
	args.input = (uintptr_t)(c->input ? c->input : "");
	args.input_len = strlen(c->input ? c->input : "");
	CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &result,
				    sizeof(result)));
	return result;
}

static void compare(const struct spawn_template_result *got,
		    const struct spawn_template_result *want)
{
	CHECK_EQ(got->code, want->code);
	CHECK_EQ(got->signal, want->signal);
	CHECK_EQ(got->out_len, want->out_len);
	CHECK_EQ(got->err_len, want->err_len);
	check_lines(got->err, want->err);
	CHECK(!memcmp(got->out, want->out, want->out_len));
}

/*
 * The first two launches are cold; the second shows that the program itself does not
 * change its output.
 */
static void same_in_one_way(const struct command *c, uint64_t flags)
{
	struct spawn_template_result cold, again, warm;
	int tfd = open_warm(path_of(c), flags);

	test_doing("%s %s %s, %s", c->argv[0], c->argv[1] ? c->argv[1] : "",
		   c->argv[1] && c->argv[2] ? c->argv[2] : "",
		   flags == ONCE ? "once" : "fork");
	cold = run(tfd, c);
	again = run(tfd, c);
	compare(&again, &cold);
	if (!c->cold)
		await_ready(tfd);
	warm = run(tfd, c);
	CHECK_EQ(stat_of(tfd).warm, !c->cold);
	compare(&warm, &cold);
	spawn_template_result_free(&cold);
	spawn_template_result_free(&again);
	spawn_template_result_free(&warm);
	CHECK_OK(spawn_template_close(tfd));
}

static void all_in_one_way(uint64_t flags)
{
	scene();
	for (size_t i = 0; i < TEST_COUNT(commands); i++)
		if (is_installed(&commands[i]))
			same_in_one_way(&commands[i], flags);
}

static void each_program_writes_the_same_with_once(void)
{
	all_in_one_way(ONCE);
}

static void each_program_writes_the_same_with_fork(void)
{
	all_in_one_way(FORK);
}

static void a_thread_of_a_constructor_runs(void)
{
	const struct command c = { .argv = { "start_thread" },
				   .path = test_tool("start_thread") };

	test_need_program(c.path);
	same_in_one_way(&c, ONCE);
	same_in_one_way(&c, FORK);
}

static void all_listed_programs_are_installed(void)
{
	char missing[1024] = "";

	for (size_t i = 0; i < TEST_COUNT(commands); i++)
		if (!is_installed(&commands[i]) &&
		    !strstr(missing, commands[i].argv[0]))
			snprintf(missing + strlen(missing),
				 sizeof(missing) - strlen(missing), " %s",
				 commands[i].argv[0]);
	if (*missing)
		test_skip("not installed:%s", missing);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(each_program_writes_the_same_with_once, 120),
	TEST_CASE_SECONDS(each_program_writes_the_same_with_fork, 120),
	TEST_CASE(a_thread_of_a_constructor_runs),
	TEST_CASE(all_listed_programs_are_installed),
};
TEST_MAIN(cases)
