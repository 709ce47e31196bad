/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sentence for a failed launch: each failure of a launch has a sentence, with the
 * remedy if one is known, whatever the locale and the size of the buffer.
 */
#include "harness.h"

#include <locale.h>
#include <pthread.h>

#define ERRNO_MOST 133

static const char *const steps[] = {
	"cannot be launched: ",	       "cannot make a process: ",
	"cannot set up the process: ", "action 3 failed: ",
	"cannot close descriptors: ",  "exec failed: ",
};

static char *sentence(int error, uint32_t stage, uint32_t action)
{
	struct spawn_template_failure failure = { error, stage, action };
	static char text[1024];
	int n = CHECK_OK(spawn_template_strerror(&failure, text, sizeof(text)));

	CHECK_EQ(strlen(text), n);
	return text;
}

/* ---- words ---- */

/* A failure that a launch, or the making of a template, can have. */
struct expected {
	uint32_t stage;
	int error;
	const char *remedy; /* words of the remedy; NULL: none is known */
};

#define ARGS SPAWN_TEMPLATE_STAGE_ARGS
#define CLONE SPAWN_TEMPLATE_STAGE_CLONE
#define ATTR SPAWN_TEMPLATE_STAGE_ATTR
#define ACTION SPAWN_TEMPLATE_STAGE_ACTION
#define CLOSE SPAWN_TEMPLATE_STAGE_CLOSE
#define EXEC SPAWN_TEMPLATE_STAGE_EXEC

static const struct expected expected[] = {
	/* this is the order of the header: create, spawn, run, ring */
	{ ARGS, EINVAL, "spawn_template_spawn(3)" },
	{ ARGS, E2BIG, "256 actions" },
	{ ARGS, EBADF, "open until" },
	{ ARGS, EACCES, "execute permission" },
	{ ARGS, ESTALE, "refresh the template" },
	{ ARGS, ENOENT, "check the name" },
	{ ARGS, ENOTDIR, "not a directory" },
	{ ARGS, ELOOP, "symbolic links" },
	{ ARGS, ENAMETOOLONG, "4095 bytes" },
	{ ARGS, ENOEXEC, "sh FILE" },
	{ ARGS, ETXTBSY, "open for writing" },
	{ ARGS, EMFILE, "ulimit -n" },
	{ ARGS, ENFILE, "fs.file-max" },
	{ ARGS, ENOMEM, "memory.max" },
	{ ARGS, EAGAIN, "ulimit -u" },
	{ ARGS, ENOTCONN, "start the guard" },
	{ ARGS, EDQUOT, "--quota" },
	{ ARGS, ENOSPC, "close some templates" },
	{ ARGS, EOPNOTSUPP, "spawn-template doctor" },
	{ ARGS, EPERM, "sandbox" },
	{ ARGS, ENOSYS, "sandbox" },
	{ ARGS, ECHILD, "killed before exec" },
	{ ARGS, EIO, "dmesg" },
	{ ARGS, ETIMEDOUT, "more time" },
	{ ARGS, ECANCELED, NULL },

	{ CLONE, EAGAIN, "pids.max" },
	{ CLONE, ENOMEM, "memory.max" },
	{ CLONE, EMFILE, "ulimit -n" },
	{ CLONE, ENFILE, "fs.file-max" },
	{ CLONE, EBUSY, "controllers" },
	{ CLONE, EACCES, "cgroup.procs" },
	{ CLONE, EPERM, "cgroup.procs" },
	{ CLONE, EINVAL, "clone3(2)" },
	{ CLONE, ENOSYS, "clone3(2)" },
	{ CLONE, EOPNOTSUPP, "clone3(2)" },
	{ CLONE, EBADF, "cgroup_fd" },
	{ CLONE, ENODEV, "make it anew" },
	{ CLONE, ENOENT, "make it anew" },
	{ CLONE, ECHILD, "killed before exec" },
	{ CLONE, EIO, "dmesg" },

	{ ATTR, EPERM, "RLIMIT_NICE" },
	{ ATTR, EACCES, "RLIMIT_NICE" },
	{ ATTR, EINVAL, "user namespace" },
	{ ATTR, ESRCH, "process group" },
	{ ATTR, EAGAIN, "ulimit -u" },
	{ ATTR, ENOMEM, "memory.max" },
	{ ATTR, ECHILD, "killed before exec" },
	{ ATTR, ENOSYS, "sandbox" },

	{ ACTION, EBADF, "ulimit -n" },
	{ ACTION, EMFILE, "ulimit -n" },
	{ ACTION, ENFILE, "fs.file-max" },
	{ ACTION, ENOENT, "check the path" },
	{ ACTION, ENOTDIR, "check the path" },
	{ ACTION, EISDIR, "check the path" },
	{ ACTION, EACCES, "permissions" },
	{ ACTION, EPERM, "CAP_SYS_RESOURCE" },
	{ ACTION, EINVAL, "spawn_template_spawn(3)" },
	{ ACTION, ELOOP, "symbolic links" },
	{ ACTION, ENAMETOOLONG, "4095 bytes" },
	{ ACTION, EROFS, "for reading" },
	{ ACTION, EXDEV, "openat2(2)" },
	{ ACTION, EEXIST, "O_EXCL" },
	{ ACTION, ENXIO, "fifo" },
	{ ACTION, ENOTTY, "terminal" },
	{ ACTION, ETXTBSY, "open for writing" },
	{ ACTION, ENOMEM, "memory.max" },
	{ ACTION, EIO, "dmesg" },
	{ ACTION, ENOSYS, "sandbox" },
	{ ACTION, ECHILD, "killed before exec" },
	{ ACTION, ENOSPC, NULL },

	{ CLOSE, ENOSYS, "close_range(2)" },
	{ CLOSE, EPERM, "close_range(2)" },
	{ CLOSE, EACCES, "/proc" },
	{ CLOSE, ENOENT, "/proc" },
	{ CLOSE, EINVAL, "close_range(2)" },
	{ CLOSE, EMFILE, "ulimit -n" },
	{ CLOSE, ENFILE, "fs.file-max" },
	{ CLOSE, ENOMEM, "memory.max" },
	{ CLOSE, ECHILD, "killed before exec" },

	{ EXEC, ENOENT, "its interpreter is not there" },
	{ EXEC, ENOENT, "must not end in a carriage return" },
	{ EXEC, ENOEXEC, "for another machine" },
	{ ARGS, ENOEXEC, "an interpreter of at most 253 bytes" },
	{ EXEC, ENOTDIR, "interpreter" },
	{ EXEC, EISDIR, "interpreter" },
	{ EXEC, EACCES, "noexec" },
	{ EXEC, EPERM, "sandbox" },
	{ EXEC, ENOEXEC, "sh FILE" },
	{ EXEC, ETXTBSY, "open for writing" },
	{ EXEC, ESTALE, "refresh the template" },
	{ EXEC, E2BIG, "128 KiB" },
	{ EXEC, ELIBBAD, "architecture" },
	{ EXEC, ELOOP, "symbolic links" },
	{ EXEC, ENAMETOOLONG, "4095 bytes" },
	{ EXEC, EINVAL, "ELF header" },
	{ EXEC, ENODEV, "file system" },
	{ EXEC, ENOMEM, "memory.max" },
	{ EXEC, EAGAIN, "ulimit -u" },
	{ EXEC, EMFILE, "ulimit -n" },
	{ EXEC, ENFILE, "fs.file-max" },
	{ EXEC, EIO, "dmesg" },
	{ EXEC, ECHILD, "killed before exec" },
};

static void each_failure_has_its_remedy(void)
{
	for (size_t i = 0; i < TEST_COUNT(expected); i++) {
		const struct expected *e = &expected[i];
		uint32_t action = e->stage == ACTION ? 3 : 0;
		char *text = sentence(e->error, e->stage, action), *remedy;

		test_doing("stage %u, %s: %s", e->stage, strerror(e->error),
			   text);
		CHECK_EQ(
			strncmp(text, steps[e->stage], strlen(steps[e->stage])),
			0);
		remedy = strstr(text, "; ");
		CHECK_EQ(!!remedy, !!e->remedy);
		if (remedy)
			CHECK_HAS(remedy, e->remedy);
		/* JSON, logs and terminals want plain text */
		for (char *p = text; *p; p++)
			CHECK(*p >= ' ' && *p <= '~');
	}
}

static void each_limit_has_its_step_and_remedy(void)
{
	static const struct {
		uint32_t attr;
		const char *step;
	} limits[] = {
		{ SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT, "cannot limit memory: " },
		{ SPAWN_TEMPLATE_ATTR_PIDS_LIMIT, "cannot limit processes: " },
		{ SPAWN_TEMPLATE_ATTR_CPU_LIMIT, "cannot limit CPU time: " },
		{ SPAWN_TEMPLATE_ATTR_IO_LIMIT, "cannot limit I/O: " },
	};
	static const struct {
		int error;
		const char *remedy;
	} remedies[] = {
		{ EOPNOTSUPP, "Delegate=yes" }, { EBUSY, "without processes" },
		{ EACCES, "Delegate=yes" },	{ EPERM, "Delegate=yes" },
		{ EROFS, "writable" },		{ EINVAL, "refuses the value" },
		{ ENODEV, "doctor" },
	};

	for (size_t i = 0; i < TEST_COUNT(limits); i++)
		for (size_t j = 0; j < TEST_COUNT(remedies); j++) {
			char *text = sentence(remedies[j].error, ATTR,
					      limits[i].attr);

			test_doing("%s", text);
			CHECK_EQ(strncmp(text, limits[i].step,
					 strlen(limits[i].step)),
				 0);
			CHECK_HAS(strstr(text, "; "), remedies[j].remedy);
			CHECK_LT(strlen(text), 512);
		}
}

/* If the C library has the error, its English text is the name. */
static void each_error_of_a_launch_has_a_name(void)
{
	for (size_t i = 0; i < TEST_COUNT(expected); i++) {
		test_doing("%s", strerror(expected[i].error));
		CHECK_HAS_NOT(sentence(expected[i].error, ARGS, 0), ": error ");
	}
	CHECK_HAS(sentence(ENOENT, EXEC, 0),
		  "exec failed: No such file or directory; ");
	CHECK_HAS(sentence(EACCES, ARGS, 0),
		  "cannot be launched: Permission denied; ");
}

static void any_failure_has_a_sentence(void)
{
	const uint32_t stages[] = { 0, 1, 2, 3, 4, 5, 6, 31, 32, 33, ~0U };

	for (size_t s = 0; s < TEST_COUNT(stages); s++)
		for (int error = -2; error <= ERRNO_MOST + 2; error++) {
			char *text = sentence(error, stages[s], ~0U);

			CHECK_GT(strlen(text), 10);
			CHECK_HAS(text, ": ");
			CHECK_HAS_NOT(text, "(null)");
			/* a buffer of this size is enough in bindings */
			CHECK_LT(strlen(text), 512);
		}
	CHECK_STR(sentence(99999, EXEC, 0), "exec failed: error 99999");
	CHECK_STR(sentence(-5, 77, 0), "cannot be launched: error -5");
	CHECK_STR(sentence(INT32_MIN, 77, 0),
		  "cannot be launched: error -2147483648");
	CHECK_HAS(sentence(EBADF, ACTION, 255), "action 255 failed: ");
	CHECK_HAS(sentence(EBADF, ACTION, ~0U), "action 4294967295 failed: ");
}

/* ---- the buffer ---- */

static void a_short_buffer_is_cut_off_with_a_nul(void)
{
	struct spawn_template_failure failure = { ENOENT, EXEC, 0 };
	char whole[1024], text[1024];
	int n = CHECK_OK(
		spawn_template_strerror(&failure, whole, sizeof(whole)));

	for (size_t size = 1; size < (size_t)n + 3; size++) {
		memset(text, 'x', sizeof(text));
		CHECK_EQ(spawn_template_strerror(&failure, text, size), n);
		CHECK_EQ(strlen(text),
			 size <= (size_t)n ? size - 1 : (size_t)n);
		CHECK_EQ(strncmp(text, whole, strlen(text)), 0);
		CHECK_EQ(text[size], 'x');
	}
	text[0] = 'x';
	CHECK_EQ(spawn_template_strerror(&failure, text, 0), n);
	CHECK_EQ(text[0], 'x');
	CHECK_EQ(spawn_template_strerror(&failure, NULL, 0), n);
	CHECK_EQ(spawn_template_strerror(&failure, text, SIZE_MAX), n);
	CHECK_STR(text, whole);
}

static void no_failure_and_no_buffer_are_refused(void)
{
	struct spawn_template_failure failure = { ENOENT, EXEC, 0 };
	char text[16] = "as it was";

	CHECK_EQ(spawn_template_strerror(NULL, text, sizeof(text)), -EINVAL);
	CHECK_STR(text, "as it was");
	CHECK_EQ(spawn_template_strerror(&failure, NULL, 16), -EINVAL);
}

/* ---- locales and threads ---- */

static void the_locale_does_not_matter(void)
{
	char *before = test_fmt("%s", sentence(ENOENT, EXEC, 0));
	char *number = test_fmt("%s", sentence(1234567, ACTION, 1234567));

	/* the machine may have one of these */
	setlocale(LC_ALL, "de_DE.UTF-8");
	setlocale(LC_ALL, "ja_JP.UTF-8");
	setenv("LANGUAGE", "de", 1);
	CHECK_STR(sentence(ENOENT, EXEC, 0), before);
	CHECK_STR(sentence(1234567, ACTION, 1234567), number);
}

static void *tell_often(void *arg)
{
	uint32_t stage = *(uint32_t *)arg;
	struct spawn_template_failure failure = { 0, stage,
						  stage == ACTION ? 3 : 0 };
	char text[1024];

	for (int i = 0; i < 2000; i++) {
		failure.error = i % ERRNO_MOST;
		CHECK_OK(spawn_template_strerror(&failure, text, sizeof(text)));
		CHECK_EQ(strncmp(text, steps[stage], strlen(steps[stage])), 0);
	}
	return NULL;
}

static void threads_tell_at_the_same_time(void)
{
	uint32_t stages[TEST_COUNT(steps)];
	pthread_t threads[TEST_COUNT(steps)];

	for (uint32_t i = 0; i < TEST_COUNT(steps); i++) {
		stages[i] = i;
		CHECK_EQ(pthread_create(&threads[i], NULL, tell_often,
					&stages[i]),
			 0);
	}
	for (size_t i = 0; i < TEST_COUNT(steps); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* ---- failures of real launches ---- */

static int open_template(const char *path, uint64_t flags)
{
	return CHECK_OK(spawn_template_open(
		path, SPAWN_TEMPLATE_CREATE_CLOEXEC | flags));
}

static char *failed(int tfd, struct spawn_template_spawn_args args)
{
	struct spawn_template_failure failure = { 0 };
	int pidfd = -1;

	args.pidfd = (uintptr_t)&pidfd;
	args.failure = (uintptr_t)&failure;
	CHECK_LT(spawn_template_spawn(tfd, &args, sizeof(args)), 0);
	return sentence(failure.error, failure.stage, failure.action);
}

static void real_failures_have_their_sentence(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	int tfd = open_template(test_tool("tiny"), 0), script;
	char *path = test_path("script");

	TEST_ACTIONS(&args, ACT_DUP2(0, 5), ACT_CHDIR("/nowhere"));
	CHECK_STR(failed(tfd, args),
		  "action 1 failed: No such file or directory; check the path "
		  "that it names");
	TEST_ACTIONS(&args, ACT_DUP2(77, 5));
	CHECK_HAS(failed(tfd, args), "action 0 failed: Bad file descriptor; ");
	args = test_args(NULL, TEST_ARGV("tiny"));
	CHECK_HAS(failed(500, args),
		  "cannot be launched: Bad file descriptor; ");
	args.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.pgroup = 1 << 22;
	CHECK_HAS(failed(tfd, args), "cannot set up the process: ");
	args.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args.cgroup_fd = 500;
	CHECK_HAS(failed(tfd, args), "cannot make a process: ");
	args.flags = 0;
	test_write(path, "#!/nowhere/sh\n", 0755);
	script = open_template(path, SPAWN_TEMPLATE_CREATE_SCRIPT);
	CHECK_HAS(failed(script, args),
		  "exec failed: No such file or directory; its interpreter is "
		  "not there");
}

static const struct test_case cases[] = {
	TEST_CASE(each_failure_has_its_remedy),
	TEST_CASE(each_limit_has_its_step_and_remedy),
	TEST_CASE(each_error_of_a_launch_has_a_name),
	TEST_CASE(any_failure_has_a_sentence),
	TEST_CASE(a_short_buffer_is_cut_off_with_a_nul),
	TEST_CASE(no_failure_and_no_buffer_are_refused),
	TEST_CASE(the_locale_does_not_matter),
	TEST_CASE(threads_tell_at_the_same_time),
	TEST_CASE(real_failures_have_their_sentence),
};
TEST_MAIN(cases)
