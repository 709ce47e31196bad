/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few threads close the received descriptors, one after another if all of
 * them are busy. Past FOREIGN_MOST pending closes a user is not read from any
 * more, so that slow closes cannot use up the daemon's descriptors.
 *
 * The user's connections must be closed all the same, with the messages in
 * their queues, as often as the user connects. Each is handed to a process that
 * ends: the kernel does not let a socket linger in a process that ends, and
 * does not flush files that were never received.
 *
 * A close blocks its thread for as long as the sender likes, and there are
 * THREADS_MAX threads for all users; a process that ends blocks nobody else. So
 * processes make the closes that must not wait for those of others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/close.h"
#include "shared/log/log.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define STACK_SIZE (128 * 1024)
#define THREADS_MAX 8

struct closing {
	struct closing *next;
	uint32_t uid;
	bool is_taken;
	unsigned int n;
	int fds[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct closing *closings;	/* the oldest first */
static unsigned int threads;

bool foreign_is_path(int fd)
{
	/*
	 * the argument is 0: others may mean a command to the kernel programs
	 */
	int flags = fcntl(fd, F_GETFL, 0);

	return flags >= 0 && (flags & O_PATH);
}

/* ---- threads */

static struct closing *waiting(void)
{
	struct closing *c = closings;

	while (c && c->is_taken)
		c = c->next;
	return c;
}

static void forget_closing(struct closing *gone)
{
	struct closing **at = &closings;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

static void *close_them(void *arg)
{
	struct closing *c;

	(void)arg;
	pthread_mutex_lock(&lock);
	while ((c = waiting())) {
		c->is_taken = true;
		pthread_mutex_unlock(&lock);
		for (unsigned int i = 0; i < c->n; i++)
			close(c->fds[i]);
		pthread_mutex_lock(&lock);
		forget_closing(c);
	}
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/*
 * Starts a thread that blocks all signals: they are the main thread's. Return:
 * false: no thread.
 */
static bool start_thread(void)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int ret;

	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, close_them, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ret == 0;
}

/*
 * Starts a thread if one is needed and allowed. Otherwise the descriptors wait
 * for a thread that becomes free, or for the next call.
 */
static void work_on(void)
{
	if (threads < THREADS_MAX && waiting() && start_thread())
		threads++;
}

/* Queues the descriptors for a thread. Return: false: no memory. */
static bool close_later(const int *fds, unsigned int n, uint32_t uid)
{
	struct closing *c = calloc(1, sizeof(*c) + n * sizeof(*fds)), **at;

	if (!c)
		return false;
	c->uid = uid;
	c->n = n;
	memcpy(c->fds, fds, n * sizeof(*fds));
	pthread_mutex_lock(&lock);
	for (at = &closings; *at; at = &(*at)->next)
		;
	*at = c;
	work_on();
	pthread_mutex_unlock(&lock);
	return true;
}

void foreign_close(const int *fds, unsigned int n, uint32_t uid)
{
	int slow[FOREIGN_FDS];
	unsigned int n_slow = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (foreign_is_path(fds[i]))
			close(fds[i]);
		else if (n_slow < FOREIGN_FDS)
			slow[n_slow++] = fds[i];
	}
	/* losing descriptors is better than a daemon that waits */
	if (n_slow && !close_later(slow, n_slow, uid))
		log_line("no memory: %u descriptors stay open", n_slow);
}

/* ---- processes that end, and close */

/*
 * The process shares the daemon's descriptors, then makes a table of its own
 * that ends at this one: the kernel copies 64 at a time. foreign_begin() fills
 * the lower numbers, so that the process holds nothing but the connection. If
 * it held all descriptors of the daemon, its end would flush the files that a
 * thread closes here, and would have to wait for them.
 */
#define LOW_FD 63

static bool has_low_fd;

#define PROCESSES_MAX 64

static unsigned int processes;

void foreign_begin(void)
{
	int fd = open("/dev/null", O_PATH | O_CLOEXEC);

	while (fd >= 0 && fd < LOW_FD)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	has_low_fd = fd == LOW_FD;
	if (fd > LOW_FD)
		close(fd);
}

static int end_with_it(void *arg)
{
	const pid_t *parent = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != *parent ||
	    syscall(SYS_close_range, LOW_FD + 1, ~0U, CLOSE_RANGE_UNSHARE))
		_exit(EXIT_FAILURE);
	/*
	 * Report the own table, but not by raise(), which may have cached the
	 * parent's id.
	 */
	kill(getpid(), SIGSTOP);
	_exit(EXIT_FAILURE);
}

/*
 * Starts a process that holds LOW_FD until it is killed. Return: its pid; -1.
 */
static pid_t start_closer(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t parent = getpid(), pid;
	int status;

	pid = clone(end_with_it, stack + sizeof(stack), CLONE_FILES | SIGCHLD,
		    &parent);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, WUNTRACED) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSTOPPED(status) ? pid : -1;
}

/* Reaps any child: the daemon has no other children. */
static void reap_processes(void)
{
	pid_t pid;

	while (processes && (pid = waitpid(-1, NULL, WNOHANG)) != 0)
		processes = pid < 0 ? 0 : processes - 1;
}

static bool drop_by_process(int fd)
{
	pid_t pid;

	reap_processes();
	if (!has_low_fd || processes == PROCESSES_MAX ||
	    dup3(fd, LOW_FD, O_CLOEXEC) < 0)
		return false;
	pid = start_closer();
	/* not the last close of the connection, nor is the next one */
	dup3(LOW_FD - 1, LOW_FD, O_CLOEXEC);
	if (pid < 0)
		return false;
	close(fd);
	kill(pid, SIGKILL);
	processes++;
	return true;
}

void foreign_drop(int fd, uint32_t uid)
{
	if (!drop_by_process(fd) && !close_later(&fd, 1, uid))
		log_line("no memory: a connection stays open");
}

unsigned int foreign_pending(uint32_t uid)
{
	unsigned int n = 0;

	pthread_mutex_lock(&lock);
	for (const struct closing *c = closings; c; c = c->next)
		n += c->uid == uid ? c->n : 0;
	work_on();
	pthread_mutex_unlock(&lock);
	reap_processes();
	return n;
}
