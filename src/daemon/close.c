/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was received is closed by a few threads, one after the other where all of
 * them wait. A user with too many of them is not heard any more, so that they
 * cannot become all descriptors of the daemon.
 *
 * His connections must go nevertheless, with what is in their queues, as often as
 * he connects. Each is handed to a process that ends: of a process that ends the
 * kernel does not let a socket linger, and what was never received is not flushed.
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
	/* no argument may look like one for the kernel programs */
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

static void forget(struct closing *gone)
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
		forget(c);
	}
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Signals are the main thread's. Return: false: no thread. */
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

/* What finds no thread now waits, for one that ends or for the next call. */
static void work_on(void)
{
	if (threads < THREADS_MAX && waiting() && start_thread())
		threads++;
}

/* Return: false: no memory. */
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
	/* descriptors less are better than a daemon that waits */
	if (n_slow && !close_later(slow, n_slow, uid))
		log_line("no memory: %u descriptors stay open", n_slow);
}

/* ---- processes that end */

/*
 * The process shares the table of descriptors, and then has its own of those up to
 * this one: the kernel copies 64 at a time. Those below are not for use, so that
 * it holds nothing else: the end of a process with all of them would flush files
 * that wait for a thread here, and wait itself.
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
	/* tells that it has its own table; not by raise(), which may know the
	 * parent's id only */
	kill(getpid(), SIGSTOP);
	_exit(EXIT_FAILURE);
}

/* Return: a process that has LOW_FD until it is killed; -1. */
static pid_t start_process(void)
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

/* There are no other children. */
static void reap(void)
{
	pid_t pid;

	while (processes && (pid = waitpid(-1, NULL, WNOHANG)) != 0)
		processes = pid < 0 ? 0 : processes - 1;
}

static bool drop_by_process(int fd)
{
	pid_t pid;

	reap();
	if (!has_low_fd || processes == PROCESSES_MAX ||
	    dup3(fd, LOW_FD, O_CLOEXEC) < 0)
		return false;
	pid = start_process();
	/* none of these closes is the last one */
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
	reap();
	return n;
}
