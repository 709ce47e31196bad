/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and ends the daemon for tests, and helps with small things. See guarding.h.
 */
#include "guarding.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#define DAEMON "spawn-templated"

static pid_t daemon_pid;	/* GUARD_MAIN starts it for all cases */

bool guard_mode(const char *mode)
{
	const char *s = getenv("VM_MODE");

	return !strcmp(s ? s : "", mode);
}

uint64_t guard_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- the daemon */

static char *tool_path(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	path[n > 0 ? n : 0] = 0;
	n = strrchr(path, '/') ? strrchr(path, '/') - path : 0;
	snprintf(path + n, sizeof(path) - (size_t)n, "/tools/%s", name);
	return path;
}

static void become_daemon(char *const options[])
{
	char *argv[16] = { DAEMON }, *path = tool_path(DAEMON);
	int log =
		open(GUARD_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

	for (int i = 0; options && options[i] && i < 14; i++)
		argv[i + 1] = options[i];
	if (log >= 0) {
		dup2(log, 1);
		dup2(log, 2);
	}
	syscall(SYS_close_range, 3U, ~0U, 0U);
	execv(path, argv);
	perror(path);
	_exit(127);
}

pid_t guard_launch(char *const options[])
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		become_daemon(options);
	return pid;
}

/* True if this process, which may be a child, has ended. */
static bool is_over(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		return info.si_pid == pid;
	return kill(pid, 0) != 0;
}

static bool answers(pid_t pid)
{
	struct client c;
	bool is_it;

	if (client_try(&c) < 0)
		return false;
	is_it = (pid_t)client_status(&c).pid == pid;
	client_close(&c);
	return is_it;
}

void guard_await(pid_t pid)
{
	uint64_t end = guard_now() + 60000000000ULL;

	while (!answers(pid)) {
		if (is_over(pid) || guard_now() > end)
			test_fail(__FILE__, __LINE__,
				  "the daemon does not answer: %s",
				  guard_log());
		usleep(5000);
	}
}

pid_t guard_start(char *const options[])
{
	pid_t pid = guard_launch(options);

	guard_await(pid);
	return pid;
}

static int wait_for(pid_t pid)
{
	struct pollfd pfd = { .events = POLLIN };
	int status;

	if (waitpid(pid, &status, 0) == pid)
		return WIFEXITED(status) ? WEXITSTATUS(status)
					 : 128 + WTERMSIG(status);
	/* the daemon is another's child */
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd >= 0) {
		poll(&pfd, 1, -1);
		close(pfd.fd);
	}
	return 0;
}

int guard_stop(pid_t pid, int sig)
{
	CHECK_SYS(kill(pid, sig));
	return wait_for(pid);
}

int guard_run(char *const options[])
{
	return wait_for(guard_launch(options));
}

void guard_unload(void)
{
	int status = guard_run((char *[]){ "--unload", NULL });

	if (status)
		test_fail(__FILE__, __LINE__, "--unload: %d: %s", status,
			  guard_log());
}

pid_t guard_pid(void)
{
	return daemon_pid;
}

char *guard_log(void)
{
	return test_read(GUARD_LOG);
}

/* ---- a program of tests */

/* Makes no checks, as their messages need the harness, which runs later. */
static int run_quietly(char *const options[])
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		become_daemon(options);
	waitpid(pid, &status, 0);
	return status;
}

/* Ends the daemon and the pins of an earlier program that was killed. */
static void clean_up(void)
{
	struct client c;

	if (client_try(&c) == 0) {
		struct st_msg_status status = client_status(&c);

		kill((pid_t)status.pid, SIGKILL);
		wait_for((pid_t)status.pid);
		client_close(&c);
	}
	run_quietly((char *[]){ "--unload", NULL });
}

/* Starts a daemon that is no child, since the harness kills those. */
static pid_t start_apart(void)
{
	int fds[2];
	pid_t pid = -1, child;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		setsid();
		pid = fork();
		if (!pid)
			become_daemon(NULL);
		_exit(write(fds[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	close(fds[1]);
	if (read(fds[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	close(fds[0]);
	waitpid(child, NULL, 0);
	for (int i = 0; pid > 0 && i < 4000; i++) {
		if (answers(pid))
			return pid;
		if (kill(pid, 0))
			break;
		usleep(5000);
	}
	return -1;
}

static void show_log(void)
{
	char line[512];
	FILE *file = fopen(GUARD_LOG, "re");

	puts("# the daemon does not answer");
	while (file && fgets(line, sizeof(line), file))
		printf("# %s", line);
	if (file)
		fclose(file);
}

/*
 * These tests load and unload programs, for which the kernel changes its own code.
 * An emulated processor may execute the old form of an instruction that another one
 * is changing.
 */
static void use_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int guard_main(int argc, char **argv, const struct test_case *cases, size_t n,
	       bool with_daemon)
{
	int ret;

	if (guard_mode("none")) {
		puts("1..0 # SKIP this kernel can have no guard");
		return 77;
	}
	if (argc > 1 && !strcmp(argv[1], "-l"))
		return test_main(argc, argv, cases, n);
	/* otherwise the harness hides the guard from the library */
	setenv("TEST_GUARD", "1", 1);
	if (!with_daemon)
		use_one_processor();
	clean_up();
	if (with_daemon) {
		daemon_pid = start_apart();
		if (daemon_pid < 0) {
			show_log();
			return 2;
		}
	}
	ret = test_main(argc, argv, cases, n);
	clean_up();
	return ret;
}

/* ---- files */

/* Sleeps longer than a tick of any kernel's clock. */
void guard_tick(void)
{
	usleep(12000);
}

char *guard_program(const char *path, const char *tool)
{
	test_copy(test_tool(tool), path, 0755);
	guard_tick();
	return test_fmt("%s", path);
}

int guard_open(const char *path)
{
	return CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
}

int guard_write(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	CHECK_SYS(close(fd));
	return 0;
}

/* ---- processes */

pid_t guard_child(void (*fn)(void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid)
		return pid;
	fn(arg);
	_exit(0);
}

void guard_wait(pid_t pid)
{
	int status;

	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 0);
}

pid_t guard_fork_as(pid_t want)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid;
		int fd = CHECK_SYS(open("/proc/sys/kernel/ns_last_pid",
					O_WRONLY | O_CLOEXEC));

		CHECK(dprintf(fd, "%d", want - 1) > 0);
		close(fd);
		pid = CHECK_SYS(fork());
		if (!pid) {
			if (getpid() == want)
				return 0;
			_exit(0);
		}
		if (pid == want)
			return pid;
		waitpid(pid, NULL, 0);
	}
	test_fail(__FILE__, __LINE__, "pid %d is not to be had", want);
}

int guard_send_fd(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };

	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	return CHECK_SYS(sendmsg(sock, &hdr, 0)) == 1 ? 0 : -EIO;
}

int guard_take_fd(int sock)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int fd;

	CHECK_EQ(CHECK_SYS(recvmsg(sock, &hdr, MSG_CMSG_CLOEXEC)), 1);
	CHECK(CMSG_FIRSTHDR(&hdr));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&hdr)), sizeof(fd));
	return fd;
}
