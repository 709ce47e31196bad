/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places of control groups, as /proc tells them: mounts of cgroup v2 in
 * /proc/PID/mountinfo, and a process's own cgroup in /proc/PID/cgroup.
 */
#ifndef ST_CGROUPS_H
#define ST_CGROUPS_H

#include <stdbool.h>

struct st_cgroup_mount {
	char *root;	/* the cgroup that the mount shows; "/": all */
	char *point;	/* the directory where it is mounted */
};

/* Reads a whole file. Return: memory for the caller to free; or NULL with *ret. */
char *st_read_whole(const char *path, int *ret);

/*
 * Takes a line of mountinfo apart, in place.
 * Return: true if it is a mount of cgroup v2.
 */
bool st_cgroup_mount(char *line, struct st_cgroup_mount *mount);

/* Finds the path behind "0::" in the text of /proc/PID/cgroup, which is changed. */
char *st_cgroup_own_path(char *text);

#endif
