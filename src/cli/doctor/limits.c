/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: tells which limits of runs would hold here, below which cgroup, and what is
 * left of the others. It only reads: to enable a controller, or to move processes as the
 * first limited run may, would outlast it. The rules are those of the library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shared/cgroups.h"
#include "cli/doctor/doctor.h"

/* A directory where runs could get their limits. */
struct candidate {
	char path[PATH_MAX];
	const char *kind; /* the right to use it; NULL: there is none */
	bool is_root; /* of the machine: it may have processes */
};

/* ---- files of cgroups */

/* Return: whether the file of a cgroup has the word. */
static bool has_word(const char *dir, const char *file, const char *word)
{
	char path[PATH_MAX + 32], *text, *save = NULL, *at;
	bool has = false;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	text = st_read_whole(path, &ret);
	for (at = text ? strtok_r(text, " \n", &save) : NULL; at && !has;
	     at = strtok_r(NULL, " \n", &save))
		has = strcmp(at, word) == 0;
	free(text);
	return has;
}

static bool has_processes(const char *dir)
{
	char path[PATH_MAX + 32];
	int ret;
	char *text;
	bool has;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	text = st_read_whole(path, &ret);
	has = !text || *text;
	free(text);
	return has;
}

/* Return: 0, or the positive errno of what a limited run writes. */
static int not_writable(const char *dir)
{
	static const char *const files[] = { "", "/cgroup.procs",
					     "/cgroup.subtree_control" };
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i]);
		if (access(path, W_OK) < 0)
			return errno;
	}
	return 0;
}

/* ---- places */

static bool is_cgroup(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool is_machines_root(const char *dir)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/cgroup.type", dir);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* Return: words for the manager that leaves a cgroup to this account; NULL: none. */
static const char *delegated_by(const char *dir)
{
	char value[2] = "", up[PATH_MAX + 4];

	if (getxattr(dir, "user.delegate", value, 1) == 1 && *value == '1')
		return "delegated by systemd";
	snprintf(up, sizeof(up), "%s/..", dir);
	if (!is_machines_root(dir) && !is_cgroup(up))
		return "the topmost of this container";
	return NULL;
}

/* Tell whether a cgroup was made for a run: what is above is not the program's. */
static bool is_of_a_run(const char *dir)
{
	const char *name = strrchr(dir, '/');

	return name && strncmp(name, "/spawn-template.", 16) == 0 &&
	       strcmp(name + 16, "caller") != 0;
}

/* Take the cgroup above this process's, if that is left to this account. */
static bool take_parent(struct candidate *c, const char *own)
{
	char *slash;

	snprintf(c->path, sizeof(c->path), "%s", own);
	slash = strrchr(c->path, '/');
	if (!slash || slash == c->path || is_of_a_run(own))
		return false;
	*slash = '\0';
	c->is_root = false;
	c->kind = is_cgroup(c->path) ? delegated_by(c->path) : NULL;
	return c->kind && !has_processes(c->path);
}

static void take_own(struct candidate *c, const char *own)
{
	snprintf(c->path, sizeof(c->path), "%s", own);
	c->is_root = is_machines_root(own);
	c->kind = c->is_root ? "the machine's topmost" : delegated_by(own);
	if (is_of_a_run(own))
		c->kind = NULL;
}

/* ---- limits */

static const char *const controllers[] = { "memory", "pids", "cpu", "io" };

/* Tell of a controller that no cgroup v2 has here. */
static void tell_absent(struct finding *f, const char *name, const char *dir)
{
	char old[64];

	snprintf(old, sizeof(old), "/sys/fs/cgroup/%s/cgroup.procs",
		 strcmp(name, "io") ? name : "blkio");
	found(f, FEATURE_MISSING, "no controller \"%s\" in %.160s", name, dir);
	if (access(old, F_OK) == 0)
		found_remedy(f, "cgroup v1 has it: boot with "
				"systemd.unified_cgroup_hierarchy=1");
	else if (!is_machines_root(dir))
		found_remedy(f, "have it enabled above: as root, Delegate=cpu "
				"cpuset io memory pids in a drop-in of "
				"user@.service, or in the service's unit; in a "
				"container, by its engine");
	else
		found_remedy(f, "a kernel with this controller, not disabled "
				"by cgroup_disable=");
}

/* Tell whether a cgroup whose parent has the controller "io" lacks the weights. */
static bool lacks_weights(const char *dir)
{
	static const char *const files[] = { "io.weight", "io.bfq.weight" };
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		if (access(path, F_OK) == 0)
			return false;
	}
	return !is_machines_root(dir);
}

/* Tell why the own cgroup gives no limits. */
static void tell_refusal(struct finding *f, const char *dir, int err)
{
	struct statvfs fs;

	found(f, FEATURE_DENIED, "%.160s: %s", dir,
	      err ? strerror(err)
		  : "it has processes, and nobody has left it "
		    "to this account");
	if (statvfs(dir, &fs) == 0 && fs.f_flag & ST_RDONLY)
		found_remedy(f, "Docker: a writable /sys/fs/cgroup needs "
				"--privileged; Podman: --security-opt "
				"unmask=/sys/fs/cgroup; Kubernetes: "
				"cgroup_writable of containerd");
}

/* Tell whether a limit would hold, below the first place that has its controller. */
static void judge(struct finding *f, const char *own, const char *name)
{
	struct candidate c;
	int err;

	if (take_parent(&c, own) &&
	    has_word(c.path, "cgroup.controllers", name) &&
	    !not_writable(c.path)) {
		found(f, FEATURE_OK, "below %.150s, %s", c.path, c.kind);
		return;
	}
	take_own(&c, own);
	if (!has_word(own, "cgroup.controllers", name)) {
		tell_absent(f, name, own);
		return;
	}
	err = not_writable(own);
	if (err || (!c.kind && !has_word(own, "cgroup.subtree_control", name)))
		tell_refusal(f, own, err);
	else if (c.is_root || has_word(own, "cgroup.subtree_control", name))
		found(f, FEATURE_OK, "below %.150s, %s", own,
		      c.kind ? c.kind : "where it is enabled");
	else
		found(f, FEATURE_OK,
		      "below %.150s, %s; the first such run moves its processes "
		      "one down",
		      own, c.kind);
}

static void probe_limit(struct finding *f, int i)
{
	char own[PATH_MAX];

	if (!doctor_own_cgroup(own)) {
		found(f, FEATURE_MISSING,
		      "no cgroup v2, or none that shows "
		      "this process's");
		found_remedy(f, "see cgroup v2");
		return;
	}
	if (strcmp(controllers[i], "io") == 0 &&
	    has_word(own, "cgroup.controllers", "io") && lacks_weights(own)) {
		found(f, FEATURE_MISSING, "no weights for disks in %.150s",
		      own);
		found_remedy(f,
			     "a kernel with CONFIG_BLK_CGROUP_IOCOST, or the "
			     "disk scheduler bfq");
		return;
	}
	judge(f, own, controllers[i]);
}

static void probe_memory(struct finding *f)
{
	probe_limit(f, 0);
}

static void probe_pids(struct finding *f)
{
	probe_limit(f, 1);
}

static void probe_cpu(struct finding *f)
{
	probe_limit(f, 2);
}

static void probe_io(struct finding *f)
{
	probe_limit(f, 3);
}

#define DELEGATE                                                               \
	"as root: systemd-run --scope -p Delegate=yes, or a service with that; " \
	"as a user: the same with --user, and a mark, which the user's manager " \
	"does not set: setfattr -n user.delegate -v 1 on the cgroup"

static const struct feature features[] = {
	{
		.id = "limit_memory",
		.name = "memory of a tree",
		.lost = "a run with --memory-max fails; RLIMIT_AS limits each "
			"process by itself",
		.remedy = DELEGATE,
		.probe = probe_memory,
	},
	{
		.id = "limit_pids",
		.name = "processes of a tree",
		.lost = "a run with --pids-max fails; RLIMIT_NPROC counts all "
			"processes of the user",
		.remedy = DELEGATE,
		.probe = probe_pids,
	},
	{
		.id = "limit_cpu",
		.name = "CPU time of a tree",
		.lost = "a run with --cpu-max or --cpu-weight fails; RLIMIT_CPU "
			"and --nice are for each process",
		.remedy = DELEGATE,
		.probe = probe_cpu,
	},
	{
		.id = "limit_io",
		.name = "share of the disks",
		.lost = "a run with --io-weight fails; ionice(1) is for each "
			"process",
		.remedy = DELEGATE,
		.probe = probe_io,
	},
};

const struct area area_limits = {
	.id = "limits",
	.title = "Limits of runs",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
