/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes as /proc shows them.
 */
#ifndef ST_PROCESS_H
#define ST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct st_process {
	pid_t pid, parent, group, session;
	char state;		/* as ps(1) shows it */
	char name[16];		/* of the first thread */
	unsigned int flags;	/* PF_* of the kernel */
	int threads;
	uint64_t start;		/* clock ticks since boot; tells reuse */
	uint64_t stack;		/* address where exec began it; 0 if ended or hidden */
	bool ours;		/* the reader's mark; false at first */
};

/* All processes, in ascending order of pid. */
struct st_processes {
	struct st_process *list;
	size_t n, max;
};

int st_process_check_proc(void);
int st_process_read(pid_t pid, struct st_process *process);
int st_process_stopped(pid_t pid);

/* Tells whether all threads have ended; the first may end before others. */
static inline bool st_process_is_dead(const struct st_process *p)
{
	return p->state == 'X' || p->state == 'x' ||
	       (p->state == 'Z' && p->threads <= 1);
}

int st_processes_look(struct st_processes *all);
int st_processes_add(struct st_processes *some, pid_t pid);
struct st_process *st_processes_find(const struct st_processes *all, pid_t pid);
void st_processes_free(struct st_processes *all);

#endif
