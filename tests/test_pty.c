/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that have a terminal: what it is for the program, its input, size and end. */
#include "rings.h"

static int shell(void)
{
	return CHECK_OK(spawn_template_open(
		"/bin/sh",
		SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT));
}

static struct spawn_template_run_args on_terminal(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(PTY);
	return args;
}

#define SH(script) TEST_ARGV("sh", "-c", script)

static int put(struct spawn_template_ring *ring, const char *text)
{
	return spawn_template_ring_write(ring, 3, text, strlen(text));
}

/* Takes output until it ends with this text. */
static void take_until(struct spawn_template_ring *ring, const char *want)
{
	char text[4096] = "";
	size_t len = 0, end = strlen(want);

	do {
		struct spawn_template_cqe *cqe = ring_take_of(ring, 3);

		CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_OUT);
		CHECK_LT(len + cqe->data_len, sizeof(text));
		memcpy(text + len, cqe->data, cqe->data_len);
		len += cqe->data_len;
		text[len] = 0;
		test_note("output: %s", text);
		spawn_template_ring_seen(ring, cqe);
	} while (len < end || strcmp(text + len - end, want));
}

static struct spawn_template_result take_end(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe;
	struct spawn_template_result result;

	while ((cqe = ring_take_of(ring, 3))->kind != SPAWN_TEMPLATE_CQE_END)
		spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(cqe->res, 0);
	result = *cqe->result;
	spawn_template_ring_seen(ring, cqe);
	return result;
}

static struct spawn_template_ring *talk(uint32_t flags, char *const argv[])
{
	struct spawn_template_run_args args = on_terminal(argv);
	struct spawn_template_ring *ring = ring_new(1, 1);

	args.flags |= RUN(STREAM) | RUN(OPEN_INPUT) | flags;
	queue_run_args(ring, shell(), &args, 3);
	return ring;
}

/* ---- the program ---- */

static void all_three_are_the_controlling_terminal(void)
{
	struct spawn_template_run_args args = on_terminal(
		SH("test -t 0 && test -t 1 && test -t 2 && stty size && "
		   "echo tty >/dev/tty; echo err >&2; exit 7"));
	struct spawn_template_result res = run_ok(shell(), &args);

	CHECK_EQ(res.code, 7);
	CHECK_EQ(res.flags, 0);
	CHECK_STR(res.out, "24 80\r\ntty\r\nerr\r\n");
	CHECK_EQ(res.err_len, 0);
	spawn_template_result_free(&res);
	args.winsize = SPAWN_TEMPLATE_WINSIZE(7, 300);
	res = run_ok(shell(), &args);
	CHECK_STR(res.out, "7 300\r\ntty\r\nerr\r\n");
	spawn_template_result_free(&res);
}

static void the_end_of_the_program_ends_the_stream(void)
{
	struct spawn_template_run_args args =
		on_terminal(TREE("flood", "1", "251"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_result res;
	int tfd = tree_template();
	struct scene before = scene_now();

	/* of 251 different bytes one is a newline */
	res = run_ok(tfd, &args);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.out_len, 252);
	CHECK(!memcmp(res.out + 9, "\t\r\n\v", 4));
	spawn_template_result_free(&res);
	args = on_terminal(TREE("flood", "1", "1000000"));
	queue_run_args(ring, tfd, &args, 3);
	res = take_end(ring);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.out_total, 1000000 + 1000000 / 251 + 1);
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

static void the_input_is_typed_and_ends(void)
{
	struct spawn_template_run_args args =
		on_terminal(SH("cat; echo \"end $?\""));
	struct spawn_template_result res;
	int tfd = shell();

	args.flags |= RUN(NO_ECHO);
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "end 0\r\n");
	spawn_template_result_free(&res);
	/* with an end that is no newline, too */
	args.input = (uintptr_t) "one\ntwo";
	args.input_len = 7;
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "one\r\ntwoend 0\r\n");
	spawn_template_result_free(&res);
}

/* ---- a talk ---- */

static void what_is_written_comes_back_unless_asked_not_to(void)
{
	const char *script = "echo go; read x; echo \"got $x\"; exit 3";
	struct spawn_template_ring *ring = talk(0, SH((char *)script));

	take_until(ring, "go\r\n");
	CHECK_EQ(put(ring, "hello\n"), 6);
	take_until(ring, "hello\r\ngot hello\r\n");
	CHECK_EQ(take_end(ring).code, 3);
	spawn_template_ring_exit(ring);
	ring = talk(RUN(NO_ECHO), SH((char *)script));
	take_until(ring, "go\r\n");
	CHECK_EQ(put(ring, "hello\n"), 6);
	take_until(ring, "got hello\r\n");
	CHECK_EQ(take_end(ring).out_total, strlen("go\r\ngot hello\r\n"));
	spawn_template_ring_exit(ring);
}

/* The bytes of Ctrl-C, Ctrl-D and carriage return arrive as they are, as does a newline. */
static void a_raw_terminal_changes_no_byte(void)
{
	const char *script =
		"printf 'go\\n'; head -c 6 | od -An -tx1 | tr -d ' '; "
		"stty -a | grep -c -- -icanon";
	struct spawn_template_ring *ring = talk(RUN(RAW), SH((char *)script));

	take_until(ring, "go\n");
	CHECK_EQ(put(ring, "\003\004\r\nab"), 6);
	take_until(ring, "03040d0a6162\n1\n");
	CHECK_EQ(take_end(ring).code, 0);
	spawn_template_ring_exit(ring);
}

static void ctrl_c_ends_the_program(void)
{
	struct spawn_template_ring *ring =
		talk(0, SH("trap 'echo caught; exit 9' INT; echo go; "
			   "while :; do sleep 0.1; done"));

	take_until(ring, "go\r\n");
	CHECK_EQ(put(ring, "\003"), 1);
	CHECK_EQ(take_end(ring).code, 9);
	spawn_template_ring_exit(ring);
	ring = talk(0, SH("echo go; exec sleep 60"));
	take_until(ring, "go\r\n");
	CHECK_EQ(put(ring, "\003"), 1);
	CHECK_EQ(take_end(ring).signal, SIGINT);
	spawn_template_ring_exit(ring);
}

static void closing_the_input_is_the_end_of_file(void)
{
	struct spawn_template_ring *ring =
		talk(RUN(NO_ECHO), SH("echo go; cat; echo end; exit 4"));

	take_until(ring, "go\r\n");
	CHECK_EQ(put(ring, "half"), 4);
	CHECK_EQ(spawn_template_ring_close_input(ring, 3), 0);
	take_until(ring, "halfend\r\n");
	CHECK_EQ(take_end(ring).code, 4);
	spawn_template_ring_exit(ring);
}

static void a_new_size_is_told_to_the_program(void)
{
	const uint32_t size = SPAWN_TEMPLATE_WINSIZE(33, 111);
	struct spawn_template_ring *ring =
		talk(0, SH("trap 'stty size; exit 5' WINCH; stty size; echo go;"
			   " while :; do sleep 0.1; done"));

	CHECK_EQ(spawn_template_ring_winsize(ring, 4, size), -ENOENT);
	CHECK_EQ(spawn_template_ring_winsize(ring, 3, 0), -EINVAL);
	take_until(ring, "24 80\r\ngo\r\n");
	CHECK_EQ(spawn_template_ring_winsize(ring, 3, size), 0);
	take_until(ring, "33 111\r\n");
	CHECK_EQ(take_end(ring).code, 5);
	CHECK_EQ(spawn_template_ring_winsize(ring, 3, size), -ENOENT);
	/* a run without a terminal has no size */
	queue_run(ring, tree_template(), TREE("sleep", "200"), 3);
	CHECK_EQ(spawn_template_ring_winsize(ring, 3, size), -EINVAL);
	CHECK_EQ(take_run_code(ring, 3), 0);
	spawn_template_ring_exit(ring);
}

static void a_size_set_before_the_launch_counts(void)
{
	struct spawn_template_run_args args =
		on_terminal(SH("sleep 0.3; stty size"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;

	queue_run_args(ring, shell(), &args, 3);
	CHECK_EQ(spawn_template_ring_winsize(ring, 3,
					     SPAWN_TEMPLATE_WINSIZE(5, 6)),
		 0);
	cqe = ring_take_of(ring, 3);
	CHECK_STR(cqe->result->out, "5 6\r\n");
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* The echo is there before the launch, but what comes of it is the launch's failure. */
static void a_launch_that_fails_has_no_output(void)
{
	const struct spawn_template_action gone = {
		.type = SPAWN_TEMPLATE_ACTION_CHDIR,
		.arg = (uintptr_t) "/nonexistent",
	};
	struct spawn_template_run_args args = on_terminal(SH("exit 0"));
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct scene before;
	int tfd = shell();

	args.input = (uintptr_t) "one\ntwo\nthree\n";
	args.input_len = 14;
	args.spawn.actions = (uintptr_t)&gone;
	args.spawn.actions_len = 1;
	before = scene_now();
	for (int i = 0; i < 50; i++) {
		args.flags = RUN(PTY) | (i % 2 ? RUN(STREAM) : 0);
		for (int n = 0; n < 8; n++)
			queue_run_args(ring, tfd, &args, 3);
		for (int n = 0; n < 8; n++) {
			struct spawn_template_cqe *cqe = ring_take_of(ring, 3);

			CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
			CHECK_EQ(cqe->res, -ENOENT);
			spawn_template_ring_seen(ring, cqe);
		}
	}
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

static void in_a_session_without_a_terminal(void *unused)
{
	struct spawn_template_run_args args = on_terminal(SH("exit 0"));
	struct spawn_template_result res;
	int tfd = shell();

	(void)unused;
	CHECK_SYS(setsid());
	res = run_only(tfd, &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(open("/dev/tty", O_RDWR | O_CLOEXEC), -1);
}

static void the_caller_gets_no_terminal(void)
{
	/* only one that leads no group gets a session */
	test_in_child(in_a_session_without_a_terminal, NULL);
}

static void what_a_terminal_cannot_have_is_refused(void)
{
	struct spawn_template_run_args args = on_terminal(SH("exit 0"));
	struct spawn_template_result res;
	int tfd = shell();

	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.spawn.flags = 0;
	args.flags |= RUN(NO_CAPTURE);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.flags = RUN(NO_ECHO);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.flags = RUN(RAW);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
}

static const struct test_case cases[] = {
	TEST_CASE(all_three_are_the_controlling_terminal),
	TEST_CASE(the_end_of_the_program_ends_the_stream),
	TEST_CASE(the_input_is_typed_and_ends),
	TEST_CASE(what_is_written_comes_back_unless_asked_not_to),
	TEST_CASE(a_raw_terminal_changes_no_byte),
	TEST_CASE(ctrl_c_ends_the_program),
	TEST_CASE(closing_the_input_is_the_end_of_file),
	TEST_CASE(a_new_size_is_told_to_the_program),
	TEST_CASE(a_size_set_before_the_launch_counts),
	TEST_CASE(a_launch_that_fails_has_no_output),
	TEST_CASE(the_caller_gets_no_terminal),
	TEST_CASE(what_a_terminal_cannot_have_is_refused),
};

TEST_MAIN(cases)
