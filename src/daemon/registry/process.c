/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that have connections or templates, each watched by a pidfd.
 *
 * A pid alone does not name a process: it may be used again between the
 * client's connect and the daemon's look. With SO_PEERPIDFD (Linux 6.5) the
 * pidfd is that of the process that connected, whatever has happened since.
 * Without it, pidfd_open() returns the process that has the pid now, which may
 * be another one. But the daemon accepts only messages from the pid of this
 * pidfd (SCM_CREDENTIALS), and only while the pidfd is alive. So the process
 * that sends requests is the one that is watched and whose start time is
 * recorded, and each message is checked for its uid. Nothing is taken from the
 * process that connected unless it also holds for this one.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/log/log.h"
#include "shared/process/process.h"
#include "daemon/registry/registry.h"

bool process_is_alive(const struct process *process)
{
	struct pollfd pfd = { .fd = process->watch.fd, .events = POLLIN };

	return process->watch.fd >= 0 && poll(&pfd, 1, 0) == 0;
}

static void free_process(struct watch *watch)
{
	free(WATCH_OWNER(struct process, watch));
}

static void pidfd_ready(struct watch *watch, uint32_t events)
{
	struct process *process = WATCH_OWNER(struct process, watch);

	(void)events;
	process->holds++; /* for the rest of this function */
	log_verbose("process %u has ended", process->pid);
	process->registry->died(process);
	process_release(process);
}

static struct process *find_process(const struct registry *registry,
				    uint32_t pid, uint64_t ticks)
{
	struct process *p = registry->processes;

	while (p && (p->pid != pid || p->start_ticks != ticks))
		p = p->next;
	return p;
}

/* Adds a process; takes pidfd over if it succeeds. */
static struct process *add_process(struct registry *registry, uint32_t pid,
				   uint64_t ticks, int pidfd)
{
	struct process *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return NULL;
	*p = (struct process){
		.watch = { .fd = pidfd,
			   .ready = pidfd_ready,
			   .free = free_process },
		.registry = registry,
		.next = registry->processes,
		.pid = pid,
		.start_ticks = ticks,
	};
	ret = loop_add(registry->loop, &p->watch, EPOLLIN);
	if (ret < 0) {
		free(p);
		errno = -ret;
		return NULL;
	}
	if (p->next)
		p->next->previous = p;
	registry->processes = p;
	return p;
}

struct process *process_hold(struct registry *registry, uint32_t pid, int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	struct process *p = NULL;
	struct st_process read;
	int ret = st_process_read((pid_t)pid, &read);

	/* still alive after the reading: the start is this process's */
	if (ret == 0 && poll(&pfd, 1, 0) != 0)
		ret = -ESRCH;
	if (ret < 0) {
		close(pidfd);
		errno = -ret;
		return NULL;
	}
	p = find_process(registry, pid, read.start);
	if (p) {
		close(pidfd);
	} else {
		p = add_process(registry, pid, read.start, pidfd);
		if (!p) {
			ret = errno;
			close(pidfd);
			errno = ret;
			return NULL;
		}
	}
	p->holds++;
	return p;
}

void process_release(struct process *p)
{
	if (--p->holds)
		return;
	if (p->previous)
		p->previous->next = p->next;
	else
		p->registry->processes = p->next;
	if (p->next)
		p->next->previous = p->previous;
	loop_remove(p->registry->loop, &p->watch);
}
