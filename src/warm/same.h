/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a child inherits from the launching thread. A parked process
 * has inherited it from another thread, at another time. So a launch is warm
 * only if all of it is equal, or can be given to the child after the claim.
 */
#ifndef ST_WARM_SAME_H
#define ST_WARM_SAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "warm/self.h"

#define ST_SAME_LIMITS 16

/*
 * The attributes, 64 bits each, so that one table can compare them. A list,
 * such as of groups or allowed processors, is a digest of the kernel's text for
 * it.
 */
struct st_same {
	uint64_t uid, gid, groups;
	uint64_t inheritable, permitted, effective, bounding, ambient;
	uint64_t no_new_privs, seccomp, seccomp_filters;
	uint64_t store_bypass, indirect_branch;	/* speculation */
	uint64_t cpus, memory_nodes;
	uint64_t ignored, umask;	/* these are given to the child */
	uint64_t securebits, personality, huge_pages, deny_write_exec;
	uint64_t timer_slack, nice, policy, priority, utilisation;
	uint64_t io_priority, memory_policy;
	uint64_t session, group, oom_score, core_filter;
	uint64_t keyring, cgroup, label, exec_label, root_mount, root_inode;
	uint64_t limits[ST_SAME_LIMITS][2];
	uint64_t spaces[ST_SELF_SPACES];	/* namespaces */
};

int st_same_read(struct st_same *same);

/*
 * Return: NULL if the child can be made equal; else the name of a difference.
 */
const char *st_same_differs(const struct st_same *parked,
			    const struct st_same *caller);

/* Return: 1 if the kernel lets the calling thread look into the process. */
int st_same_reaches(pid_t pid);

#endif
