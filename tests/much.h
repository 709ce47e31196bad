/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One launch that asks for much: actions of most kinds, attributes, an fd to
 * keep, signals to reset. Its output tells whether all of it was done, so a
 * launch by another way, or with a fault, must write the same.
 */
#ifndef TESTS_MUCH_H
#define TESTS_MUCH_H

#include "harness.h"

#include <sys/resource.h>

/* Fds that are open in the caller; KEEP keeps MUCH_KEPT from closing at exec. */
enum { MUCH_LOW = 20, MUCH_KEPT = 60, MUCH_HIGH = 200 };

#define MUCH_OWN_MEMORY \
	(SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID)

static void much_on_signal(int sig)
{
	(void)sig;
}

/* Sets fds and signals of the caller, which the program must have or not have. */
static inline void much_scene(void)
{
	sigset_t set;

	CHECK_SYS(dup2(0, MUCH_LOW));
	CHECK_SYS(dup2(0, MUCH_HIGH));
	CHECK_SYS(dup2(0, MUCH_KEPT));
	CHECK_SYS(fcntl(MUCH_KEPT, F_SETFD, FD_CLOEXEC));
	CHECK(signal(SIGUSR1, much_on_signal) != SIG_ERR);
	CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	test_write(test_path("input"), "from the file", 0644);
}

/* RLIMIT_FSIZE is 1; OPEN has put the file at fd 0 that is read last. */
#define MUCH_WORDS                                                       \
	"probe args nfds fd 0 fd 1 fd 2 fd 20 fd 60 fd 200 cwd signals " \
	"pending umask nice nnp comm pdeathsig env rlimit 1 read 0"

struct much {
	char words[sizeof(MUCH_WORDS)];
	char *argv[40];
	char *envp[3];
	struct spawn_template_open open;
	struct rlimit limit;
	uint64_t mask, defaults;
	struct spawn_template_sigset mask_arg, defaults_arg;
	struct spawn_template_action actions[7];
	struct spawn_template_failure failure;
	struct spawn_template_spawn_args args;
	/* called in place of spawn_template_spawn(), if set */
	pid_t (*spawn)(int tfd, struct much *m);
	/* called right before and after the launch, if set */
	void (*before)(void *arg);
	void (*after)(void *arg);
	void *arg;
};

static inline void much_ask(struct much *m, uint64_t flags)
{
	char *word, *rest = m->words;
	int argc = 0;

	memset(m, 0, sizeof(*m));
	strcpy(m->words, MUCH_WORDS);
	while ((word = strsep(&rest, " ")))
		m->argv[argc++] = word;
	m->envp[0] = "ONE=1";
	m->envp[1] = "TWO=2";
	m->open.path = (uintptr_t) "input";
	m->limit = (struct rlimit){ 12345678, 12345678 };
	m->mask = TEST_SIGBIT(SIGHUP);
	m->defaults = TEST_SIGBIT(SIGUSR2);
	m->mask_arg = (struct spawn_template_sigset){ (uintptr_t)&m->mask, 8 };
	m->defaults_arg =
		(struct spawn_template_sigset){ (uintptr_t)&m->defaults, 8 };
	m->actions[0] = ACT_CHDIR(test_tmpdir());
	m->actions[1] = ACT_OPEN(AT_FDCWD, 0, &m->open);
	m->actions[2] = ACT_DUP2(0, 2);
	m->actions[3] = ACT_KEEP(MUCH_KEPT);
	m->actions[4] = ACT_SIGMASK(&m->mask_arg);
	m->actions[5] = ACT_SIGDEFAULT(&m->defaults_arg);
	m->actions[6] = ACT_RLIMIT(RLIMIT_FSIZE, &m->limit);
	m->args = (struct spawn_template_spawn_args){
		.flags = flags | SPAWN_TEMPLATE_SPAWN_UMASK |
			 SPAWN_TEMPLATE_SPAWN_NICE |
			 SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |
			 SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT,
		.argv = (uintptr_t)m->argv,
		.envp = (uintptr_t)m->envp,
		.actions = (uintptr_t)m->actions,
		.actions_len = TEST_COUNT(m->actions),
		.failure = (uintptr_t)&m->failure,
		.umask = 027,
		.nice = 19,
		.uid = getuid(),
		.gid = getgid(),
	};
}

/* The pidfd is of this child and closes at exec. */
static inline void much_check_pidfd(int pidfd, pid_t pid)
{
	char *info = test_read(test_fmt("/proc/self/fdinfo/%d", pidfd));

	CHECK_HAS(info, test_fmt("Pid:\t%d\n", pid));
	CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
}

/*
 * Launches with fd 1 led into a pipe. Unlike test_output_args(), it also checks the
 * pidfd, and the launch may fail.
 * Return: 0 with *output set, or -errno of the launch, which m->failure tells.
 */
static inline int much_try(int tfd, struct much *m, char **output)
{
	struct test_stdout out = test_stdout_begin();
	int pidfd = -1;
	pid_t pid;

	m->args.pidfd = (uintptr_t)&pidfd;
	if (m->before)
		m->before(m->arg);
	if (m->spawn)
		pid = m->spawn(tfd, m);
	else
		pid = spawn_template_spawn(tfd, &m->args, sizeof(m->args));
	if (m->after)
		m->after(m->arg);
	*output = test_stdout_end(out);
	CHECK_NE(pid, 0);
	if (pid < 0) {
		CHECK_EQ(pidfd, -1);
		return pid;
	}
	much_check_pidfd(pidfd, pid);
	CHECK_EQ(test_wait(pidfd), 0);
	return 0;
}

/* All was done: the output that others are compared with must be right itself. */
static inline void much_check(const char *output)
{
	CHECK_STR(test_value(output, "data.0"), "from the file");
	CHECK_STR(test_value(output, "cwd"), test_tmpdir());
	CHECK_STR(test_value(output, "nfds"), "4");
	CHECK_STR(test_value(output, "fdflags.60"), "0");
	CHECK_STR(test_value(output, "umask"), "027");
	CHECK_STR(test_value(output, "nice"), "19");
	CHECK_STR(test_value(output, "nnp"), "1");
	CHECK_STR(test_value(output, "pdeathsig"), "9");
	CHECK_STR(test_value(output, "limit.1"), "12345678,12345678");
	CHECK_STR(test_value(output, "blocked"), "0000000000000001");
	CHECK_STR(test_value(output, "ignored"), "0000000000000000");
	CHECK_STR(test_value(output, "caught"), "0000000000000000");
	CHECK_STR(test_value(output, "TWO"), "2");
}

/* The output of a launch that must go well, and leave and change nothing. */
static inline char *much_output(int tfd, uint64_t flags)
{
	int fds = test_count_fds(), ret;
	uint64_t mask = test_sigmask();
	struct much m;
	char *output;

	much_ask(&m, flags);
	ret = much_try(tfd, &m, &output);
	if (ret < 0)
		test_note("stage %u, action %u", m.failure.stage,
			  m.failure.action);
	CHECK_EQ(ret, 0);
	CHECK_EQ(m.failure.error, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(test_sigmask(), mask);
	return output;
}

/* One more mapping may be the allocator's, for memory of the test itself. */
static inline void check_mappings(int before)
{
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), before + 1);
}

#endif /* TESTS_MUCH_H */
