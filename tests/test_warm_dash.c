/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session shells: a command in a fork of a dash that has sourced a file does the same as
 * in a dash that starts, sources the file and runs the command.
 */
#include "sessions.h"

static const char *shell_path(void)
{
	return access("/bin/dash", X_OK) == 0 ? "/bin/dash" : "/usr/bin/dash";
}

static const char *shell_name(void)
{
	return "dash";
}

/* ---- equal to a shell that starts */

#define PROFILE                                                    \
	"alias hello='echo hello from an alias'\n"                 \
	"greet() { local who=${1:-nobody}; echo \"hi $who\"; }\n"  \
	"fail() { return ${1:-1}; }\n"                             \
	"export EXPORTED=from-the-file PATH=$PATH:/added\n"        \
	"plain='not exported'\n"                                   \
	"readonly FIXED=1\n"                                       \
	"umask 027\n"                                              \
	"ulimit -S -n 250\n"                                       \
	"computed=$(echo computed | tr a-z A-Z)\n"                 \
	"read first rest </etc/passwd\n"                           \
	"trap 'echo the exit trap says $?' EXIT\n"                 \
	"trap 'echo got USR1' USR1\n"                              \
	"eval 'evaluated=1'\n"                                     \
	"(exit 3)\n"

static const char *const commands[] = {
	"echo $?",
	"hello",
	"hello there | cat",
	"greet you; type greet hello",
	"fail 7",
	"echo $EXPORTED $plain $computed $first $evaluated",
	"env | sort | grep -v ^_=",
	"FIXED=2; echo not reached",
	"umask; ulimit -S -n",
	"set -o",
	"set | grep -v -e ^_= -e ^PPID",
	"alias; trap",
	"echo \"$-\" $0 $# \"$@\"",
	"echo $LINENO; echo $LINENO\necho $LINENO",
	"nosuchcommand",
	"echo one; if",
	"echo 'unfinished",
	"exit 5",
	"kill -TERM $$",
	"kill -USR1 $$; echo after",
	"kill -KILL $$",
	"[ $(sh -c 'echo $PPID') = $$ ] && echo parent",
	"[ $(ps -o ppid= -p $$) = $PPID ] && echo parent",
	"sleep 0 & [ $! != $$ ]; wait $!; echo $?",
	"cat; cat",
	"read a b; echo \"$b $a\"; read c || echo end",
	"cat <<E\nhere $plain\nE\n",
	"set -e; fail; echo not reached",
	"set -u; echo $unset; echo not reached",
	"set -x; greet",
	"false | true; echo $?",
	"trap - EXIT; exec echo replaced",
	"trap 'echo mine' EXIT; exit 2",
	"trap - EXIT; sleep 0",
	"echo out; echo err >&2; exec 3>&1; echo three >&3",
	"cd /; pwd; echo $PWD $OLDPWD; cd -; pwd -P",
	"greet | while read x; do echo \"[$x]\"; done",
	"type cd ls greet hello nosuch; command -v greet",
	"getopts ab: o -a -b x; echo $o $OPTIND",
	"exec 2>&1; nosuch; . /no/such/file; echo not reached",
	"return 4; echo not reached",
	"dash -c 'echo inner $EXPORTED; greet'",
	"eval 'hello'; unalias hello; hello",
	"while :; do break; done; echo done # a comment",
	"\n\n  echo blank lines before\n\n",
	"#only a comment",
	"",
	"echo a\\\necho b",
	"echo $((1 / 0))",
	"ls /proc/self/fd | wc -l; readlink /proc/$$/exe",
	"tr '\\0' '|' </proc/$$/environ | tr '|' '\\n' | grep -v ^_= | sort",
	"grep -e SigIgn -e ShdPnd -e NoNewPrivs /proc/$$/status",
	"cat /proc/$$/comm; tr '\\0' '|' </proc/$$/cmdline",
};

static void commands_do_the_same_as_in_a_shell_that_starts(void)
{
	int tfd = ready_session(PROFILE);

	for (size_t i = 0; i < TEST_COUNT(commands); i++) {
		const struct line line = { .command = (char *)commands[i],
					   .input = "first line\nsecond\n" };

		check_warm_as_cold(tfd, &line);
	}
}

static void files_may_change_the_shell(void)
{
	static const char *const profiles[] = {
		"set -eu\n",
		"set -f -a\nx=1\n",
		"trap '' TERM\n",
		"readonly PWD OLDPWD\n",
		"unset PWD\nexport LC_ALL=C\nIFS=,\n",
		"cd() { command cd \"$@\" && echo moved; }\n",
		"false",
		"source_me() { . \"$1\"; }\nreturn 9\necho not reached\n",
		"# only a comment",
		"",
	};
	static const char *const short_commands[] = {
		"echo $? $- $LINENO",
		"false; echo after $?",
		"echo $undefined; echo a b,c *",
		"sh -c 'kill -TERM $$; echo alive'; echo $?",
		"cd ..; pwd; echo $PWD $OLDPWD",
	};
	struct line line = { 0 };

	for (size_t i = 0; i < TEST_COUNT(profiles); i++) {
		int tfd = session_of(profiles[i]);

		test_doing("%s", profiles[i]);
		make_ready(tfd);
		for (size_t k = 0; k < TEST_COUNT(short_commands); k++) {
			line.command = (char *)short_commands[k];
			check_warm_as_cold(tfd, &line);
		}
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

static void arguments_become_the_parameters(void)
{
	int tfd = ready_session(PROFILE);
	char *command = "echo \"$0\" $# \"$@\"; shift; echo \"$*\"; set -- x; "
			"echo $1; nosuch; f() { echo $#; }; f a b; echo $#";
	struct line lines[] = {
		{ .command = command },
		{ .command = command, .args = { "name" } },
		{ .command = command, .args = { "", "", "" } },
		{ .command = command,
		  .args = { "my name", "a b", "*", "-x", "\n", "" } },
	};

	for (size_t i = 0; i < TEST_COUNT(lines); i++)
		check_warm_as_cold(tfd, &lines[i]);
}

static void a_long_command_is_served(void)
{
	int tfd = ready_session(PROFILE);
	char *text = test_fmt("echo '%060000d' | wc -c; echo $0 $1", 7);
	struct line line = { .command = text, .args = { "name", "one" } };

	check_warm_as_cold(tfd, &line);
}

static void a_command_changes_nothing_for_the_next(void)
{
	int tfd = ready_session(PROFILE);
	struct line change = {
		.command = "greet() { echo changed; }; unset EXPORTED plain; "
			   "alias hello=false; umask 077; cd /; trap - EXIT; "
			   "ulimit -S -n 99; x=1; set -- a"
	};
	struct line look = {
		.command = "greet; echo $EXPORTED $plain $x $#; alias; umask; "
			   "pwd; trap; ulimit -S -n"
	};

	check_changes_nothing(tfd, &change, &look);
}

static void every_command_has_an_id_of_its_own(void)
{
	int tfd = ready_session("profile_pid=$$\n");
	struct line line = { .command = "echo $$; [ $$ != $profile_pid ]" };
	struct line parent = { .command = "echo $PPID" };
	struct seen a = see_warm(tfd, &line), b = see_warm(tfd, &line);

	CHECK_EQ(a.code, 0);
	CHECK_NE(atoi(a.out), atoi(b.out));
	CHECK_EQ(atoi(see_warm(tfd, &parent).out), getpid());
}

static void a_link_named_sh_is_served(void)
{
	struct spawn_template_create_args args;
	char *sh = test_path("sh"),
	     *argv[] = { "sh", "-c", "echo $VALUE", NULL };
	struct line none = { 0 };
	int tfd;

	CHECK_SYS(symlink(shell_path(), sh));
	test_write(test_path("profile"), "VALUE=found\n", 0644);
	args = session_args(test_path("profile"));
	args.filename = (uintptr_t)sh;
	tfd = CHECK_OK(spawn_template_create(&args, sizeof(args)));
	for (int i = 0; i < 20 && !stat_of(tfd).warm; i++) {
		CHECK_STR(see(tfd, argv, &none).out, "found\n");
		becomes_ready(tfd, 1000);
	}
	CHECK_GT(stat_of(tfd).warm, 0);
}

/* ---- the key */

/* A shell of another directory is prepared when that is asked for twice. */
static void check_directory(int tfd, const struct line *line)
{
	struct seen cold = see_cold(line), session;
	uint64_t warm = stat_of(tfd).warm;

	for (int i = 0; i < 20 && stat_of(tfd).warm == warm; i++) {
		session = see_session(tfd, line);
		check_same(&session, &cold);
		usleep(20000);
		becomes_ready(tfd, 5000);
	}
	CHECK_GT(stat_of(tfd).warm, warm);
}

static void directories_are_the_launchs(void)
{
	int tfd = ready_session(PROFILE);
	char *sub = test_path("sub");
	struct line line = { .command = "pwd; echo $PWD $OLDPWD; pwd -P; "
					"cd ..; pwd; cd -" };

	CHECK_SYS(mkdir(sub, 0755));
	check_warm_as_cold(tfd, &line);
	line.directory = "/usr";
	check_directory(tfd, &line);
	line.directory = sub;
	check_directory(tfd, &line);
	line.directory = NULL;
	check_directory(tfd, &line);
	CHECK_SYS(chdir(sub));
	check_directory(tfd, &line);
	setenv("PWD", sub, 1);
	check_directory(tfd, &line);
	setenv("OLDPWD", "/usr", 1);
	check_directory(tfd, &line);
}

/* The directory is the same, but its name is another's by now, or is right at last. */
static void a_directory_that_is_renamed_goes_by_its_new_name(void)
{
	char *old = test_path("old"), *new = test_path("new");
	struct line line = { .command = "pwd; cd sub && pwd -P" };
	int tfd;

	for (int i = 0; i < 3; i++) {
		test_doing("PWD of kind %d", i);
		CHECK_SYS(mkdir(old, 0755));
		CHECK_SYS(mkdir(test_path("old/sub"), 0755));
		CHECK_SYS(chdir(old));
		if (i == 0)
			unsetenv("PWD");
		else
			setenv("PWD", i == 1 ? old : new, 1);
		tfd = ready_session(PROFILE);
		check_warm_as_cold(tfd, &line);
		CHECK_SYS(rename(old, new));
		CHECK_SYS(mkdir(old, 0755));
		check_directory(tfd, &line);
		CHECK_EQ(spawn_template_close(tfd), 0);
		CHECK_SYS(rmdir(test_path("new/sub")));
		CHECK_SYS(rmdir(new));
		CHECK_SYS(rmdir(old));
	}
}

static void a_changed_file_is_sourced_anew(void)
{
	int tfd = ready_session("VALUE=old\n");
	struct line line = { .command = "echo $VALUE" };

	CHECK_STR(see_warm(tfd, &line).out, "old\n");
	CHECK(becomes_ready(tfd, 5000));
	test_write(test_path("profile"), "VALUE=new\n", 0644);
	CHECK_STR(see_session(tfd, &line).out, "new\n");
	CHECK_GT(stat_of(tfd).cold_reasons[COLD(FILES)], 0);
	CHECK_STR(see_warm(tfd, &line).out, "new\n");
}

static void a_changed_file_that_the_file_reads_counts_too(void)
{
	struct line line = { .command = "echo $VALUE $READ" };
	int tfd;

	test_write(test_path("inner"), "VALUE=old\n", 0644);
	test_write(test_path("data"), "old\n", 0644);
	tfd = ready_session(test_fmt(". '%s'\nread READ <'%s'\n",
				     test_path("inner"), test_path("data")));
	CHECK_STR(see_warm(tfd, &line).out, "old old\n");
	test_write(test_path("inner"), "VALUE=new\n", 0644);
	CHECK_STR(see_session(tfd, &line).out, "new old\n");
	CHECK_STR(see_warm(tfd, &line).out, "new old\n");
	test_write(test_path("data"), "new\n", 0644);
	CHECK_STR(see_session(tfd, &line).out, "new new\n");
}

/* ---- files that are not prepared */

static void files_that_forks_would_not_repeat_go_cold(void)
{
	static const char *const impossible[] = {
		"echo printed",	    "read line",	"cd /",
		"sleep 100 &",	    "exec 5</dev/null", "exec 0</dev/null",
		"set -- parameter", "exit 0",		"exec true",
		"syntax error (",
	};
	struct line line = { .input = "one\ntwo\n" };

	ready_session("");
	for (size_t i = 0; i < TEST_COUNT(impossible); i++) {
		int tfd = session_of(impossible[i]);
		struct seen cold, session;

		test_doing("%s", impossible[i]);
		line.command = strstr(impossible[i], "&") ? "echo $#; kill $!"
							  : "echo $# $PWD; cat";
		for (int k = 0; k < 3000; k++) {
			if (stat_of(tfd).cold_reasons[COLD(PROGRAM)])
				break;
			usleep(1000);
			see_session(tfd, &line);
		}
		cold = see_cold(&line);
		session = see_session(tfd, &line);
		check_same(&session, &cold);
		CHECK_GT(stat_of(tfd).cold_reasons[COLD(PROGRAM)], 0);
		CHECK_EQ(stat_of(tfd).warm, 0);
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

static const struct test_case cases[] = {
	TEST_CASE(commands_do_the_same_as_in_a_shell_that_starts),
	TEST_CASE_SECONDS(files_may_change_the_shell, 60),
	TEST_CASE(arguments_become_the_parameters),
	TEST_CASE(a_long_command_is_served),
	TEST_CASE(a_command_changes_nothing_for_the_next),
	TEST_CASE(every_command_has_an_id_of_its_own),
	TEST_CASE(a_link_named_sh_is_served),
	TEST_CASE(directories_are_the_launchs),
	TEST_CASE(a_directory_that_is_renamed_goes_by_its_new_name),
	TEST_CASE(a_changed_file_is_sourced_anew),
	TEST_CASE(a_changed_file_that_the_file_reads_counts_too),
	TEST_CASE(files_that_forks_would_not_repeat_go_cold),
};
TEST_MAIN(cases)
