/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session shells: a command in a fork of a bash that has sourced a file does the
 * same as in a bash that starts, sources the file and runs the command.
 */
#include "sessions.h"

#include <sys/socket.h>

static const char *shell_path(void)
{
	return access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/usr/bin/bash";
}

static const char *shell_name(void)
{
	return "bash";
}

/* ---- equal to a shell that starts */

#define PROFILE                                                     \
	"shopt -s expand_aliases extglob\n"                         \
	"set -o pipefail\n"                                         \
	"alias hello='echo hello from an alias'\n"                  \
	"greet() { local who=${1:-nobody}; echo \"hi $who\"; }\n"   \
	"fail() { return ${1:-1}; }\n"                              \
	"export EXPORTED=from-the-file PATH=$PATH:/added\n"         \
	"plain='not exported'\n"                                    \
	"list=(one 'two words' three)\n"                            \
	"declare -A map=([k]=v)\n"                                  \
	"readonly FIXED=1\n"                                        \
	"umask 027\n"                                               \
	"ulimit -S -n 250\n"                                        \
	"computed=$(echo computed | tr a-z A-Z)\n"                  \
	"trap 'echo the exit trap says $?' EXIT\n"                  \
	"trap 'echo got USR1' USR1\n"                               \
	"(exit 3)\n"

static const char *const commands[] = {
	"echo $?; echo \"$_\"",
	"hello",
	"hello there | cat",
	"greet you; type -t greet; declare -f greet",
	"fail 7",
	"echo $EXPORTED $plain $computed ${list[1]} ${#list[@]} ${map[k]}",
	"env | grep -c EXPORTED; env | grep plain",
	"env | sort | grep -v -e ^_= -e ^COLUMNS -e ^LINES",
	"FIXED=2; echo not reached",
	"umask; ulimit -S -n",
	"set -o; shopt",
	"alias; trap -p",
	"echo $-",
	"echo $0 $# \"$@\"",
	"echo $LINENO; echo $LINENO\necho $LINENO",
	"nosuchcommand",
	"echo one; if",
	"echo 'unfinished",
	"exit 5",
	"kill -TERM $$",
	"kill -USR1 $$; echo after",
	"kill -KILL $$",
	"[ $$ = $BASHPID ] && echo same; ( [ $$ = $BASHPID ] || echo other )",
	"[ $(sh -c 'echo $PPID') = $$ ] && echo parent",
	"sleep 0 & [ $! != $$ ]; wait $!; echo $?",
	"{ sh -c 'kill -9 $$'; } 2>/dev/null; echo $?",
	"cat; cat",
	"read a b; echo \"$b $a\"; read c || echo end",
	"read -t 0.01 a; echo $?",
	"cat <<E\nhere $plain\nE\ncat <<<\"$EXPORTED\"",
	"echo $((SECONDS < 5))",
	"echo $BASH_SUBSHELL $SHLVL $BASH",
	"echo \"$BASH_COMMAND\"",
	"echo \"${BASH_SOURCE[*]}|${FUNCNAME[*]}|${BASH_LINENO[*]}\"",
	"f() { echo \"${BASH_SOURCE[*]}|${FUNCNAME[*]}|${BASH_LINENO[*]}\"; }; f",
	"caller; greet | while read x; do echo \"[$x]\"; done",
	"set -e; fail; echo not reached",
	"set -u; echo $unset; echo not reached",
	"set -x; greet",
	"set -m; sleep 0 & wait; echo $-",
	"false | true; echo $? ${PIPESTATUS[*]}",
	"trap - EXIT; exec echo replaced",
	"trap 'echo mine' EXIT; exit 2",
	"trap - EXIT; sleep 0",
	"echo out; echo err >&2; exec 3>&1; echo three >&3",
	"cd /; pwd; echo $PWD $OLDPWD; cd -; ",
	"pwd -P; echo ~ ~+",
	"for i in {1..3}; do echo $i; done; select x in a; do break; done",
	"echo ${EXPORTED@Q} ${list[@]@A}; printf '%q\\n' \"$plain\"",
	"history; fc -l",
	"type cd ls greet hello nosuch; command -v greet; hash",
	"getopts ab: o -a -b x; echo $o $OPTIND",
	"times >/dev/null; echo $PPID | grep -c .",
	("coproc cat; echo x >&${COPROC[1]}; read y <&${COPROC[0]}; echo $y; "
	 "kill $COPROC_PID"),
	"echo <(true) | grep -c /dev/fd; cat <(echo from a process)",
	"exec 2>&1; nosuch; . /no/such/file; echo $?",
	"return 4 2>&1; echo after",
	"printf '%(%Y)T\\n' 0; echo {a,b}{1,2}; echo !(x)",
	"bash -c 'echo inner $EXPORTED; greet'",
	"eval 'hello'; unalias hello; hello",
	"while :; do break; done; echo done # a comment",
	"\n\n  echo blank lines before\n\n",
	"#only a comment",
	"",
	"echo a\\\necho b",
	"(( 1 / 0 ))",
	"logout; suspend; bg; disown",
	"ls /proc/self/fd | wc -l; readlink /proc/$$/exe",
	"tr '\\0' '|' </proc/$$/environ | tr '|' '\\n' | grep -v -e ^_= | sort",
	/* by the shell itself: it blocks SIGCHLD for a moment while it has a child */
	("while read k v; do case $k in SigIgn:|SigBlk:|ShdPnd:|NoNewPrivs:) "
	 "echo $k $v;; esac; done </proc/$$/status"),
	"cat /proc/$$/comm; tr '\\0' '|' </proc/$$/cmdline",
	"ps -o stat= -p $$ | cut -c1; ulimit -a",
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

/* Files that change how bash treats the commands behind them. */
static const char *const profiles[] = {
	"set -eu\n",
	"set -o posix -a\nx=1\n",
	"set -f -o functrace\ntrap 'count=$((${count:-0} + 1))' DEBUG\n",
	"trap 'echo ERR $LINENO' ERR\nset -E\ntrap '' TERM\n",
	"readonly PWD OLDPWD BASH_EXECUTION_STRING\n",
	"unset PWD BASH_EXECUTION_STRING\nexport LC_ALL=C\n",
	"export BASH_EXECUTION_STRING\nIFS=,\nenable -n echo\n",
	"cd() { builtin cd \"$@\" && echo moved; }\nshopt -s lastpipe\n",
	"false",
	"source_me() { . \"$1\"; }\nreturn 9\necho not reached\n",
	"SECONDS=1000\nset -o history\nHISTFILE=\n",
	"# only a comment",
	"",
};

static const char *const short_commands[] = {
	"echo $? $- ${count:-none} $LINENO",
	"false; echo after $?",
	"echo $undefined; echo a b,c *",
	"sh -c 'kill -TERM $$; echo alive'; echo $?",
	"declare -p PWD OLDPWD BASH_EXECUTION_STRING; env | grep -c =",
	"cd ..; pwd; echo $PWD $OLDPWD",
	"echo x | read y; echo $y; f() { return 3; }; f; echo $((SECONDS / 20))",
	"sh -c 'echo \"$BASH_EXECUTION_STRING\"'; history; trap -p",
};

static void files_may_change_the_shell(void)
{
	static char *const directories[] = { NULL, "/usr" };
	struct line line = { 0 };

	for (size_t i = 0; i < TEST_COUNT(profiles); i++) {
		int tfd = session_of(profiles[i]);

		test_doing("%s", profiles[i]);
		make_ready(tfd);
		for (size_t k = 0; k < TEST_COUNT(short_commands); k++) {
			line.command = (char *)short_commands[k];
			line.directory = directories[k % 2];
			check_warm_as_cold(tfd, &line);
			line.directory = directories[!(k % 2)];
			check_warm_as_cold(tfd, &line);
		}
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

static void arguments_become_the_parameters(void)
{
	int tfd = ready_session(PROFILE);
	char *command = "echo \"$0\" $# \"$@\"; shift; echo \"$*\"; set -- x; "
			"echo $1; nosuch; echo $BASH_ARGV0";

	struct line lines[] = {
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
	char *more = test_fmt("echo '%0120000d' | wc -c", 7);
	struct line line = { .command = text, .args = { "name", "one" } };
	struct seen cold, session;

	check_warm_as_cold(tfd, &line);
	/* too long for the room: cold, with the same result */
	line.command = more;
	cold = see_cold(&line);
	session = see_session(tfd, &line);
	check_same(&session, &cold);
}

static void directories_are_the_launchs(void)
{
	int tfd = ready_session(PROFILE);
	struct line line = { .command = "pwd; echo $PWD $OLDPWD; pwd -P; "
					"env | grep PWD | sort; cd -; cd sub;"
					"pwd; dirs" };
	char *sub = test_path("sub"), *link = test_path("link");

	CHECK_SYS(mkdir(sub, 0755));
	CHECK_SYS(symlink("sub", link));
	check_warm_as_cold(tfd, &line);
	line.directory = test_tmpdir();
	check_warm_as_cold(tfd, &line);
	CHECK_SYS(chdir(sub));
	line.directory = NULL;
	check_warm_as_cold(tfd, &line);
	/* a logical name, and values that are wrong or missing */
	CHECK_SYS(chdir(link));
	setenv("PWD", link, 1);
	check_warm_as_cold(tfd, &line);
	setenv("PWD", "/wrong", 1);
	setenv("OLDPWD", test_tmpdir(), 1);
	check_warm_as_cold(tfd, &line);
	setenv("OLDPWD", "/no/such/directory", 1);
	check_warm_as_cold(tfd, &line);
}

static void a_command_changes_nothing_for_the_next(void)
{
	int tfd = ready_session(PROFILE);
	struct line change = {
		.command = "greet() { echo changed; }; unset EXPORTED plain; "
			   "alias hello=false; shopt -u extglob; umask 077; "
			   "cd /; trap - EXIT; ulimit -S -n 99; x=1; set -- a"
	};
	struct line look = {
		.command = "greet; echo $EXPORTED $plain $x $#; alias; umask; "
			   "shopt extglob; pwd; trap -p; ulimit -S -n"
	};

	check_changes_nothing(tfd, &change, &look);
}

static void every_command_has_ids_and_random_numbers_of_its_own(void)
{
	int tfd = ready_session("profile_pid=$$\n");
	struct line line = { .command = "echo $$ $RANDOM$RANDOM $SRANDOM; "
					"[ $$ != $profile_pid ]" };
	struct line parent = { .command = "echo $PPID" };
	struct seen a = see_warm(tfd, &line), b = see_warm(tfd, &line);
	int pid[2], random[2];
	unsigned int other[2];

	CHECK_EQ(a.code, 0);
	CHECK_EQ(sscanf(a.out, "%d %d %u", &pid[0], &random[0], &other[0]), 3);
	CHECK_EQ(sscanf(b.out, "%d %d %u", &pid[1], &random[1], &other[1]), 3);
	CHECK_NE(pid[0], pid[1]);
	CHECK_NE(random[0], random[1]);
	CHECK_NE(other[0], other[1]);
	CHECK_EQ(atoi(see_warm(tfd, &parent).out), getpid());
}

/* ---- the key */

static void another_environment_goes_cold_and_is_then_served(void)
{
	int tfd = ready_session("export GREETING=\"hello $NAME\"\n");
	char *one[] = { "NAME=one", "PATH=/usr/bin:/bin", NULL };
	char *two[] = { "NAME=two", "PATH=/usr/bin:/bin", "X=1", NULL };
	struct line line = { .command = "echo $GREETING; env | grep NAME" };
	uint64_t cold = stat_of(tfd).cold_reasons[COLD(ENVIRONMENT)];
	struct seen seen;

	for (int i = 0; i < 3; i++) {
		line.env = i == 1 ? two : one;
		seen = see_session(tfd, &line);
		CHECK_HAS(seen.out, i == 1 ? "hello two" : "hello one");
	}
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(ENVIRONMENT)], cold + 3);
	see_session(tfd, &line);
	CHECK(becomes_ready(tfd, 5000));
	usleep(50000);
	CHECK_STR(see_warm(tfd, &line).out, "hello one\nNAME=one\n");
}

static void check_change(int tfd, const char *file)
{
	struct line line = { .command = "echo $VALUE" };

	CHECK_STR(see_warm(tfd, &line).out, "old\n");
	CHECK(becomes_ready(tfd, 5000));
	test_write(file, "VALUE=new\n", 0644);
	CHECK_STR(see_session(tfd, &line).out, "new\n");
	CHECK_GT(stat_of(tfd).cold_reasons[COLD(FILES)], 0);
	CHECK_STR(see_warm(tfd, &line).out, "new\n");
}

static void a_changed_file_is_sourced_anew(void)
{
	check_change(ready_session("VALUE=old\n"), test_path("profile"));
}

static void a_changed_file_that_the_file_sources_counts_too(void)
{
	test_write(test_path("inner"), "VALUE=old\n", 0644);
	check_change(ready_session(test_fmt(". '%s'\n", test_path("inner"))),
		     test_path("inner"));
}

static void check_cold(int tfd, unsigned int reason, const struct line *line)
{
	uint64_t before = stat_of(tfd).cold_reasons[reason];
	struct seen cold = see_cold(line), session = see_session(tfd, line);

	check_same(&session, &cold);
	CHECK_EQ(stat_of(tfd).cold_reasons[reason], before + 1);
}

static void another_umask_or_mask_goes_cold(void)
{
	int tfd = ready_session("shown=$(umask)\n");
	struct line line = { .command = "echo $shown; umask" };
	sigset_t usr1;

	CHECK(becomes_ready(tfd, 5000));
	umask(umask(0) ^ 5);
	check_cold(tfd, COLD(INHERITED), &line);
	make_ready(tfd);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	line.command = "while read k v; do [ $k = SigBlk: ] && echo $v; done "
		       "</proc/$$/status";
	check_cold(tfd, COLD(INHERITED), &line);
}

/* Python ignores the signal, and has each child reset it. */
static void signals_that_a_launch_resets_are_reset_before_the_file(void)
{
	int tfd = session_of("trap 'echo got it' XFSZ\n");
	struct spawn_template_sigset set;
	uint64_t bits = 1ULL << (SIGXFSZ - 1);
	struct spawn_template_action reset = {
		.type = SPAWN_TEMPLATE_ACTION_SIGDEFAULT,
		.arg = (uintptr_t)&set,
	};
	char *argv[] = { "bash", "-c", "kill -XFSZ $$", NULL };
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result r;
	struct line line = { .command = "kill -XFSZ $$; echo alive" };
	int warm = 0;

	set = (struct spawn_template_sigset){ .sigset = (uintptr_t)&bits,
					      .sigsetsize = sizeof(bits) };
	signal(SIGXFSZ, SIG_IGN);
	make_ready(tfd);
	/* an ignored signal cannot be trapped */
	CHECK_STR(see_warm(tfd, &line).out, "alive\n");
	args.spawn.actions = (uintptr_t)&reset;
	args.spawn.actions_len = 1;
	for (int i = 0; i < 6 && !warm; i++) {
		CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &r,
					    sizeof(r)));
		CHECK_STR(r.out, "got it\n");
		warm = r.flags & RESULT(WARM);
		spawn_template_result_free(&r);
		usleep(50000);
		becomes_ready(tfd, 5000);
	}
	CHECK(warm);
	CHECK_STR(see_session(tfd, &line).out, "alive\n");
}

/* A host that has raised its own limit gives its children the former one. */
static void a_limit_of_open_files_is_set_before_the_file(void)
{
	int tfd = session_of("seen=$(ulimit -S -n)\nulimit -S -n 300\n");
	struct rlimit limit = { 500, 600 };
	struct spawn_template_action set = ACT_RLIMIT(RLIMIT_NOFILE, &limit);
	char *argv[] = { "bash", "-c",
			 "echo $seen $(ulimit -S -n) $(ulimit -H -n)", NULL };
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result r;
	int warm = 0;

	args.spawn.actions = (uintptr_t)&set;
	args.spawn.actions_len = 1;
	make_ready(tfd);
	for (int i = 0; i < 12 && warm < 2; i++) {
		CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &r,
					    sizeof(r)));
		CHECK_STR(r.out, limit.rlim_cur == 500 ? "500 300 600\n"
						       : "400 300 600\n");
		if (r.flags & RESULT(WARM)) {
			warm++;
			limit.rlim_cur = 400;
		}
		spawn_template_result_free(&r);
		usleep(20000);
		becomes_ready(tfd, 5000);
	}
	CHECK_EQ(warm, 2);
	/* too low for the parked shell's own descriptors */
	limit.rlim_cur = 100;
	args.spawn.argv = (uintptr_t)(char *[]){ "bash", "-c", ":", NULL };
	CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &r, sizeof(r)));
	CHECK(!(r.flags & RESULT(WARM)));
	CHECK_GT(stat_of(tfd).cold_reasons[COLD(FLAGS)], 0);
	spawn_template_result_free(&r);
}

static void other_command_lines_run_as_they_are(void)
{
	int tfd = ready_session("FROM_FILE=1\n");
	char *script = test_path("script");
	uint64_t before = stat_of(tfd).cold_reasons[COLD(COMMAND)];
	struct line none = { 0 };
	struct seen seen;

	test_write(script, "echo ran ${FROM_FILE:-plain} $1\n", 0644);
	seen = see(tfd, (char *[]){ "bash", script, "x", NULL }, &none);
	CHECK_STR(seen.out, "ran plain x\n");
	seen = see(tfd, (char *[]){ "bash", "-ec", "echo $-", NULL }, &none);
	CHECK_HAS(seen.out, "e");
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(COMMAND)], before + 2);
}

static void a_socket_as_stdin_goes_cold(void)
{
	int tfd = ready_session("trap - EXIT\n"), pair[2];
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("bash", "-c", "exit 3"));
	uint64_t before = stat_of(tfd).cold_reasons[COLD(DESCRIPTORS)];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	TEST_ACTIONS(&args, ACT_DUP2(pair[0], 0));
	CHECK_EQ(test_spawn_args(tfd, args), 3);
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(DESCRIPTORS)], before + 1);
}

/* ---- files that are not prepared */

static const char *const impossible[] = {
	"echo printed",
	"echo printed >&2",
	"read line",
	"cd /",
	"cd /; cd - >/dev/null",
	"sleep 100 &",
	"exec 5</dev/null",
	"exec 2>/dev/null",
	"exec 0</dev/null",
	"set -- parameter",
	"exit 0",
	"exec true",
	"shopt -s extdebug",
	"RANDOM=1",
	"syntax error (",
};

static void files_that_forks_would_not_repeat_go_cold(void)
{
	struct line line = { .input = "one\ntwo\n" };

	ready_session("");
	for (size_t i = 0; i < TEST_COUNT(impossible); i++) {
		int tfd = session_of(impossible[i]);

		test_doing("%s", impossible[i]);
		line.command =
			strstr(impossible[i], "&")
				? "echo $#; kill %1"
				: "echo $# $PWD $RANDOM | tr -s 0-9 n; cat";
		check_cold(tfd, COLD(FIRST), &line);
		check_cold(tfd, COLD(NOT_READY), &line);
		for (int k = 0; k < 3000; k++) {
			if (stat_of(tfd).cold_reasons[COLD(PROGRAM)])
				break;
			usleep(1000);
			see_session(tfd, &line);
		}
		check_cold(tfd, COLD(PROGRAM), &line);
		CHECK_EQ(stat_of(tfd).warm, 0);
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

static void children_of_the_file_are_not_disturbed(void)
{
	int tfd = ready_session("a=$(f() { g=$(echo deep; hash); echo \"$g\"; "
				"}; f; . /dev/stdin <<<'echo sourced')\n"
				"b=$( (exit 7); echo $?)\n"
				"sleep 0 & wait\n");

	check_warm_as_cold(tfd, &(struct line){ .command = "echo $a $b" });
}

/* ---- the call */

static void wrong_files_are_refused(void)
{
	struct spawn_template_create_args args;

	test_write(test_path("profile"), "", 0644);
	args = session_args("profile");
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args = session_args(test_path("nothing"));
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -ENOENT);
	args = session_args("/");
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EACCES);
	args = session_args(NULL);
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args = session_args(test_path("profile"));
	args.flags = SPAWN_TEMPLATE_CREATE_WARM_FORK;
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args.flags = RUNTIME | SPAWN_TEMPLATE_CREATE_WARM_FORK;
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	CHECK_EQ(spawn_template_open(shell_path(), RUNTIME), -EINVAL);
}

static void a_name_with_quotes_and_newlines_is_sourced(void)
{
	char *path = test_path("it's a\n\"file\" $x");
	struct spawn_template_create_args args = session_args(path);
	struct line line = { .command = "echo $VALUE" };
	int tfd;

	test_write(path, "VALUE=found\n", 0644);
	tfd = CHECK_OK(spawn_template_create(&args, sizeof(args)));
	CHECK_STR(see_session(tfd, &line).out, "found\n");
	make_ready(tfd);
	CHECK_STR(see_warm(tfd, &line).out, "found\n");
}

static void the_file_is_sourced_without_waiting(void)
{
	int tfd = session_of("code=17\n"), pidfd;
	struct spawn_template_begin *begin;
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("bash", "-c", "exit $code"));

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &begin));
	CHECK_OK(spawn_template_begin_wait(begin, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 17);
}

/* The launching threads of a ring have all signals blocked, and their runs none. */
static void commands_of_a_ring_are_served(void)
{
	int tfd = ready_session("f() { echo \"from the file: $1\"; }\n");
	char *argv[] = { "bash", "-c", "f one", NULL };
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;

	CHECK_OK(spawn_template_ring_init(4, NULL, 0, &ring));
	for (int i = 0; i < 3; i++) {
		CHECK(becomes_ready(tfd, 5000));
		CHECK_OK(spawn_template_ring_run(ring, tfd, &args, sizeof(args),
						 1));
		CHECK_OK(spawn_template_ring_submit(ring));
		CHECK_OK(spawn_template_ring_wait(ring, &cqe, 10000));
		CHECK_EQ(cqe->res, 0);
		CHECK_STR(cqe->result->out, "from the file: one\n");
		CHECK(cqe->result->flags & SPAWN_TEMPLATE_RESULT_WARM);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static void a_refreshed_template_keeps_its_file(void)
{
	int tfd = ready_session("VALUE=found\n");
	struct line line = { .command = "echo $VALUE" };

	CHECK_EQ(spawn_template_refresh(tfd), 0);
	CHECK_STR(see_session(tfd, &line).out, "found\n");
	make_ready(tfd);
	CHECK_STR(see_warm(tfd, &line).out, "found\n");
}

static void commands_leave_nothing_behind(void)
{
	int tfd = ready_session("f() { local a=$(echo 1); echo $a; }\n"), fds;
	struct line line = { .command = "f; f | cat" };

	see_warm(tfd, &line);
	CHECK(becomes_ready(tfd, 5000));
	fds = test_count_fds();
	for (int i = 0; i < 100; i++)
		CHECK_STR(see_session(tfd, &line).out, "1\n1\n");
	CHECK(becomes_ready(tfd, 5000));
	CHECK_LE(test_count_fds(), fds + 6);
	CHECK_GT(stat_of(tfd).warm, 80);
	CHECK_EQ(spawn_template_close(tfd), 0);
	for (int i = 0; i < 2000 && !test_no_children(); i++)
		usleep(1000);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(commands_do_the_same_as_in_a_shell_that_starts),
	TEST_CASE_SECONDS(files_may_change_the_shell, 60),
	TEST_CASE(arguments_become_the_parameters),
	TEST_CASE(a_long_command_is_served),
	TEST_CASE(directories_are_the_launchs),
	TEST_CASE(a_command_changes_nothing_for_the_next),
	TEST_CASE(every_command_has_ids_and_random_numbers_of_its_own),
	TEST_CASE(another_environment_goes_cold_and_is_then_served),
	TEST_CASE(a_changed_file_is_sourced_anew),
	TEST_CASE(a_changed_file_that_the_file_sources_counts_too),
	TEST_CASE(another_umask_or_mask_goes_cold),
	TEST_CASE(a_socket_as_stdin_goes_cold),
	TEST_CASE(signals_that_a_launch_resets_are_reset_before_the_file),
	TEST_CASE(a_limit_of_open_files_is_set_before_the_file),
	TEST_CASE(other_command_lines_run_as_they_are),
	TEST_CASE(files_that_forks_would_not_repeat_go_cold),
	TEST_CASE(children_of_the_file_are_not_disturbed),
	TEST_CASE(wrong_files_are_refused),
	TEST_CASE(a_name_with_quotes_and_newlines_is_sourced),
	TEST_CASE(the_file_is_sourced_without_waiting),
	TEST_CASE(commands_of_a_ring_are_served),
	TEST_CASE(a_refreshed_template_keeps_its_file),
	TEST_CASE(commands_leave_nothing_behind),
};
TEST_MAIN(cases)
