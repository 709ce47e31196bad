/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: tells whether a run could have a cgroup of its own and be ended by
 * it, and how a run does end its tree here. If that is allowed, a cgroup is
 * made for a moment and removed again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shared/cgroups.h"
#include "cli/doctor/doctor.h"

/* ---- the place of cgroup v2 */

struct cgroup_place {
	char mount[PATH_MAX]; /* the mount point */
	char root[PATH_MAX]; /* the cgroup that the mount shows: "/" */
	char own[PATH_MAX]; /* directory of this process's cgroup; or "" */
};

/* Read a line of mountinfo. Return: true for a cgroup v2 mount. */
static bool read_mount(char *line, struct cgroup_place *place)
{
	struct st_cgroup_mount mount;

	return st_cgroup_mount(line, &mount) &&
	       snprintf(place->root, PATH_MAX, "%s", mount.root) < PATH_MAX &&
	       snprintf(place->mount, PATH_MAX, "%s", mount.point) < PATH_MAX;
}

static bool find_mount(struct cgroup_place *place)
{
	static const char *const usual[] = { "/sys/fs/cgroup",
					     "/sys/fs/cgroup/unified" };
	int ret;
	char *mounts = st_read_whole("/proc/self/mountinfo", &ret);
	char *save = NULL;
	char *line = mounts ? strtok_r(mounts, "\n", &save) : NULL;
	bool seen = false;
	struct statfs fs;

	for (; line && !seen; line = strtok_r(NULL, "\n", &save))
		seen = read_mount(line, place);
	free(mounts);
	for (int i = 0; i < 2 && !seen; i++) { /* for a system without /proc */
		seen = statfs(usual[i], &fs) == 0 &&
		       fs.f_type == CGROUP2_SUPER_MAGIC;
		snprintf(place->mount, PATH_MAX, "%s", usual[i]);
		strcpy(place->root, "/");
	}
	return seen;
}

/* Find the directory of this process's cgroup. */
static void find_own(struct cgroup_place *place)
{
	size_t prefix = strcmp(place->root, "/") ? strlen(place->root) : 0;
	int ret;
	char *text = st_read_whole("/proc/self/cgroup", &ret);
	const char *own = text ? st_cgroup_own_path(text) : NULL;

	place->own[0] = '\0';
	if (own && strncmp(own, place->root, prefix) == 0) {
		if (snprintf(place->own, PATH_MAX, "%s%s", place->mount,
			     own + prefix) >= PATH_MAX)
			place->own[0] = '\0';
		if (strcmp(own, "/") == 0)
			strcpy(place->own, place->mount);
	}
	free(text);
}

static bool find_place(struct cgroup_place *place)
{
	if (!find_mount(place))
		return false;
	find_own(place);
	return true;
}

static struct cgroup_place place;

static void probe_mount(struct finding *f)
{
	if (find_place(&place))
		found(f, FEATURE_OK, "%.200s", place.mount);
	else
		found(f, FEATURE_MISSING, "no cgroup v2 mount was found");
}

bool doctor_own_cgroup(char path[PATH_MAX])
{
	if (!find_place(&place) || !*place.own)
		return false;
	memcpy(path, place.own, PATH_MAX);
	return true;
}

/* ---- a cgroup for a moment */

static int make_below(const char *parent, char path[PATH_MAX])
{
	if (!*parent)
		return -ENOENT;
	if (snprintf(path, PATH_MAX, "%s/spawn-template-doctor.%d", parent,
		     (int)getpid()) >= PATH_MAX)
		return -ENAMETOOLONG;
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

/*
 * Make a cgroup in the own one or, if that is not allowed, at the mount.
 * Return: 0 or -errno.
 */
static int make_cgroup(char path[PATH_MAX])
{
	if (make_below(place.own, path) == 0)
		return 0;
	return make_below(place.mount, path);
}

/* Remove the cgroup as soon as the last process in it is gone. */
static void remove_cgroup(const char *path)
{
	for (int i = 0; i < 200 && rmdir(path) < 0 && errno == EBUSY; i++)
		usleep(5000);
}

static bool is_denial(int err)
{
	return err == -EACCES || err == -EPERM || err == -EROFS;
}

static void probe_delegation(struct finding *f)
{
	char path[PATH_MAX];
	int err;

	if (!find_place(&place)) {
		found(f, FEATURE_MISSING, "no cgroup v2");
		return;
	}
	err = make_cgroup(path);
	if (err) {
		found(f, is_denial(err) ? FEATURE_DENIED : FEATURE_MISSING,
		      "no cgroup can be made: %s", strerror(-err));
		return;
	}
	remove_cgroup(path);
	path[strrchr(path, '/') - path] = '\0';
	found(f, FEATURE_OK, "%.200s", path);
}

/* ---- ending a cgroup */

/* Start a child in the cgroup, which waits there. Return: pid or -errno. */
static pid_t child_in(const char *path)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long pid;

	if (fd < 0)
		return -errno;
	args.cgroup = (uint64_t)fd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		pid = -errno;
	if (pid == 0)
		for (;;)
			pause();
	close(fd);
	return (pid_t)pid;
}

static int write_kill(const char *cgroup)
{
	char path[PATH_MAX + 16];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/cgroup.kill", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "1", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

static void try_kill(struct finding *f, const char *path)
{
	pid_t pid = child_in(path);
	int err, status;

	if (pid < 0) {
		err = write_kill(path);
		if (err)
			found_call(f, err == -ENOENT ? -EINVAL : err);
		else
			found(f, FEATURE_OK,
			      "present; no child could be put "
			      "there: %s",
			      strerror(-pid));
		return;
	}
	err = write_kill(path);
	if (err)
		kill(pid, SIGKILL);
	status = wait_exit(pid);
	if (err)
		found_call(f, err == -ENOENT ? -EINVAL : err);
	else
		found(f, status == 128 + SIGKILL ? FEATURE_OK : FEATURE_UNKNOWN,
		      "a process in a cgroup was %s",
		      status == 128 + SIGKILL ? "ended" : "not ended");
}

static void probe_kill(struct finding *f)
{
	char path[PATH_MAX], file[PATH_MAX + 16];
	pid_t pid;

	if (!find_place(&place)) {
		found(f, FEATURE_MISSING, "no cgroup v2");
		return;
	}
	if (make_cgroup(path) == 0) {
		/* in a child: if a sandbox kills it, no cgroup is left */
		pid = fork();
		if (pid == 0) {
			try_kill(f, path);
			_exit(0);
		}
		found_death(f, pid < 0 ? -errno : wait_exit(pid));
		remove_cgroup(path);
		return;
	}
	snprintf(file, sizeof(file), "%s/cgroup.kill", place.own);
	if (*place.own && access(file, F_OK) == 0)
		found(f, FEATURE_OK, "present; not tried without a cgroup");
	else
		found(f, FEATURE_UNKNOWN, "not tried without a cgroup");
	if (f->status == FEATURE_UNKNOWN)
		found_remedy(f, "see delegation");
}

/* ---- the end of a tree */

#define SHELL "/bin/sh"

/* Make a run that asks for a cgroup. Return: flags of its result, or -errno. */
static int try_run(void)
{
	static char *argv[] = { "sh", "-c", ":", NULL };
	static char *envp[] = { NULL };
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result result;
	int tfd, err;

	tfd = spawn_template_open(SHELL, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0)
		return tfd;
	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)envp;
	args.flags = SPAWN_TEMPLATE_RUN_CGROUP;
	err = spawn_template_run(tfd, &args, sizeof(args), &result,
				 sizeof(result));
	spawn_template_close(tfd);
	if (err)
		return err;
	spawn_template_result_free(&result);
	return (int)result.flags;
}

#define BY_PROC "process group and /proc"

/* Tell why the run had no cgroup. */
static void tell_fallback(struct finding *f)
{
	char path[PATH_MAX];
	int err;

	if (!find_place(&place)) {
		found(f, FEATURE_MISSING, BY_PROC ": no cgroup v2");
		found_remedy(f, "see cgroup v2");
		return;
	}
	err = make_below(place.own, path);
	if (err == 0) {
		remove_cgroup(path);
		found(f, FEATURE_DENIED,
		      BY_PROC ": no process can be started in a cgroup");
		found_remedy(f, "allow clone3(2) in the sandbox's seccomp "
				"filter, and writing of the cgroup's "
				"cgroup.procs");
	} else if (*place.own) {
		found(f, is_denial(err) ? FEATURE_DENIED : FEATURE_MISSING,
		      BY_PROC ": no cgroup can be made in %.120s: %s",
		      place.own, strerror(-err));
		if (err == -EROFS)
			found_remedy(f, "mount cgroup v2 writable in this "
					"container, which needs a cgroup of "
					"its own (delegation)");
	} else {
		found(f, FEATURE_MISSING,
		      BY_PROC ": this process's cgroup is not mounted");
	}
}

static void probe_tree(struct finding *f)
{
	int flags = try_run();

	if (flags < 0)
		found(f, FEATURE_UNKNOWN, "a run of " SHELL " fails: %s",
		      strerror(-flags));
	else if (!(flags & SPAWN_TEMPLATE_RESULT_CGROUP))
		tell_fallback(f);
	else if (find_place(&place) && *place.own)
		found(f, FEATURE_OK, "cgroup, below %.200s", place.own);
	else
		found(f, FEATURE_OK, "cgroup");
}

#define NO_TREE \
	"a process that hides by setsid or a double fork outlives its run"

#define DELEGATE                                                               \
	"start under 'systemd-run --user --scope -p Delegate=yes', or ask an " \
	"administrator for a cgroup of this account"

static const struct feature features[] = {
	{
		.id = "cgroup_v2",
		.name = "cgroup v2",
		.lost = NO_TREE,
		.remedy = "mount -t cgroup2 none /sys/fs/cgroup, or start the "
			  "container with cgroup v2",
		.probe = probe_mount,
	},
	{
		.id = "cgroup_delegation",
		.name = "delegation",
		.lost = NO_TREE,
		.remedy = DELEGATE,
		.probe = probe_delegation,
	},
	{
		.id = "cgroup_kill",
		.name = "cgroup.kill",
		.lost = "a cgroup is frozen and ended process by process",
		.remedy = "Linux 5.14 or later, and a delegated cgroup",
		.probe = probe_kill,
	},
	{
		.id = "tree_ending",
		.name = "way of ending trees",
		.lost = NO_TREE,
		.remedy = DELEGATE,
		.probe = probe_tree,
	},
};

const struct area area_cgroup = {
	.id = "cgroup",
	.title = "Control groups",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
