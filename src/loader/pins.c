/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins maps in the directory and links in links/ below it, all of them or none:
 * an incomplete set that somebody has left is removed before a new one is made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "shared/log/log.h"
#include "loader/impl.h"
#include "shared/proto.h"

#define LINKS_DIR "links"
/* names in a BPF file system cannot have a dot */
#define NEW_LINKS_DIR "links_new"

int loader_pin_path(const char *dir, const char *sub, const char *name,
		    char path[320])
{
	int n = snprintf(path, 320, "%s%s%s%s%s", dir, sub ? "/" : "",
			 sub ? sub : "", name ? "/" : "", name ? name : "");

	return n < 320 ? 0 : -ENAMETOOLONG;
}

static void map_path(const char *dir, int map, char path[320])
{
	loader_pin_path(dir, NULL, loader_maps[map].name, path);
}

static void link_path(const char *dir, const char *sub, int i, char path[320])
{
	loader_pin_path(dir, sub, loader_links[i].name, path);
}

/* ---- the directory */

#define OTHERS_READ_OR_WRITE 066

/*
 * Refuses a parent that others can read or write: readers could hold its lock,
 * and writers could make the directory before the daemon does.
 */
static int check_parent(int fd, const char *parent, struct loader_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return loader_fail(e, errno, "Look at its owner and mode.",
				   "cannot look at %s: %s", parent,
				   strerror(errno));
	if (st.st_uid == 0 && !(st.st_mode & OTHERS_READ_OR_WRITE))
		return 0;
	return loader_fail(
		e, EPERM,
		"Allow others to pass it at most, by chmod 0711, or mount "
		"another: mount -t bpf -o mode=0711 bpf DIR, for "
		"--pin-dir DIR/spawn_template",
		"users other than root may read or write %s, which has "
		"mode %04o",
		parent, st.st_mode & 07777U);
}

static int check_folder(const char *dir, struct loader_error *e)
{
	struct stat st;

	if (lstat(dir, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : loader_fail(e, errno, "Run it with sudo.",
					     "cannot look at %s: %s", dir,
					     strerror(errno));
	if (S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 022))
		return 0;
	return loader_fail(e, EPERM, "Remove it, or use --pin-dir.",
			   "%s is no folder of root's alone", dir);
}

static int lock_parent(const char *dir, const char *parent,
		       struct loader_error *e)
{
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return loader_fail(e, errno, "Run it with sudo.",
				   "cannot open %s: %s", parent,
				   strerror(errno));
	ret = check_parent(fd, parent, e);
	if (ret == 0)
		ret = check_folder(dir, e);
	if (ret == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		ret = loader_fail(e, EBUSY,
				  "Stop it first: systemctl stop "
				  "'spawn-templated.*', or end the process.",
				  "a daemon of the guard is running");
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

/*
 * Checks that the directory's parent is a BPF file system, where things can be
 * pinned, and locks it. The lock is on the parent, because two guards on one
 * kernel must not run, even with different directories: the programs of each
 * would call the other's launches stale.
 * Return: the lock, which the caller closes; -errno.
 */
int loader_pins_lock(const char *dir, struct loader_error *e)
{
	char parent[256], *slash;
	struct statfs fs;

	if (snprintf(parent, sizeof(parent), "%s", dir) > 200)
		return loader_fail(
			e, ENAMETOOLONG, "Use a shorter path.",
			"the path of the folder of pins is too long");
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return loader_fail(e, EINVAL,
				   "Give an absolute path in a BPF file "
				   "system.",
				   "%s cannot hold pins", dir);
	*slash = '\0';
	if (statfs(parent, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		return loader_fail(e, ENOTSUP,
				   "Mount one: mount -t bpf -o mode=0700 bpf "
				   "/sys/fs/bpf",
				   "%s is no BPF file system", parent);
	return lock_parent(dir, parent, e);
}

static int present(const char *path)
{
	return access(path, F_OK) == 0;
}

static unsigned int count_all(uint32_t way)
{
	unsigned int n = MAPS;

	for (int i = 0; i < LINKS; i++)
		n += loader_program(i, way) != NULL;
	return n;
}

static unsigned int count_present(const char *dir, uint32_t way)
{
	unsigned int n = 0;
	char path[320];

	for (int i = 0; i < MAPS; i++) {
		map_path(dir, i, path);
		n += present(path);
	}
	for (int i = 0; i < LINKS; i++) {
		link_path(dir, LINKS_DIR, i, path);
		n += loader_program(i, way) && present(path);
	}
	return n;
}

unsigned int loader_pins_missing(const struct loader *l)
{
	return count_all(l->attached) - count_present(l->dir, l->attached);
}

/* ---- removing */

static int remove_files(const char *dir)
{
	DIR *d = opendir(dir);
	char path[600];
	int ret = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (unlink(path) < 0 && errno != ENOENT)
			ret = -errno;
	}
	closedir(d);
	return ret;
}

static int remove_folder(const char *dir)
{
	int ret = remove_files(dir);

	if (ret == 0 && rmdir(dir) < 0 && errno != ENOENT)
		ret = -errno;
	return ret;
}

/* Clears the words of the pinned map, if there is one. */
static int clear_pinned_words(const char *dir)
{
	char path[320];
	int fd, clearer, ret;

	map_path(dir, MAP_EXEC_STATES, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	clearer = loader_words_clearer(fd);
	ret = clearer < 0 ? clearer : loader_words_clear(clearer);
	if (clearer >= 0)
		close(clearer);
	close(fd);
	return ret;
}

/*
 * Removes links first: without them nothing is enforced, and clients know it.
 */
static int remove_all(const char *dir)
{
	char path[320];
	int ret = clear_pinned_words(dir);

	loader_pin_path(dir, LINKS_DIR, NULL, path);
	if (ret == 0)
		ret = remove_folder(path);
	loader_pin_path(dir, NEW_LINKS_DIR, NULL, path);
	if (ret == 0)
		ret = remove_folder(path);
	/* an exec that was under way may have set a word since */
	if (ret == 0)
		ret = clear_pinned_words(dir);
	return ret == 0 ? remove_folder(dir) : ret;
}

int loader_unload(const char *pin_dir, struct loader_error *e)
{
	const char *dir = pin_dir ? pin_dir : ST_GUARD_PINS;
	int lock = loader_pins_lock(dir, e), ret;
	bool there;

	/* without such a file system nothing is pinned */
	if (lock == -ENOTSUP)
		return 0;
	if (lock < 0)
		return lock;
	there = present(dir);
	ret = remove_all(dir);
	close(lock);
	if (ret < 0)
		return loader_fail(e, -ret,
				   ret == -EACCES || ret == -EPERM
					   ? "Run it with sudo."
					   : "Remove it by hand.",
				   "cannot remove %s: %s", dir, strerror(-ret));
	return there;
}

/* ---- adopting */

static int check_layout(int fd, const struct loader_map_info *want)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	if ((want->key_size && info.key_size != want->key_size) ||
	    (want->value_size && info.value_size != want->value_size))
		return -EPROTO;
	return 0;
}

static int open_pins(struct loader *l)
{
	char path[320];
	int ret;

	for (int i = 0; i < MAPS; i++) {
		map_path(l->dir, i, path);
		l->maps[i] = bpf_obj_get(path);
		if (l->maps[i] < 0)
			return -errno;
		ret = check_layout(l->maps[i], &loader_maps[i]);
		if (ret < 0)
			return ret;
	}
	for (int i = 0; i < LINKS; i++) {
		if (!loader_program(i, l->attached))
			continue;
		link_path(l->dir, LINKS_DIR, i, path);
		l->links[i] = bpf_obj_get(path);
		if (l->links[i] < 0)
			return -errno;
	}
	return 0;
}

static int check_version(struct loader *l)
{
	struct guard_command command;
	uint32_t zero = 0;
	char path[320];

	if (bpf_map_lookup_elem(l->maps[MAP_COMMAND], &zero, &command) < 0)
		return -errno;
	l->programs = command.programs;
	/* an interrupted upgrade left this directory: do the upgrade again */
	loader_pin_path(l->dir, NEW_LINKS_DIR, NULL, path);
	if (present(path))
		l->programs = 0;
	return command.version == GUARD_VERSION ? 0 : -EPROTO;
}

/* Reads the mode, LSM or fmod_ret, off the first pinned link; 0: none. */
static uint32_t pinned_way(const char *dir)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	char path[320];
	int fd, ret;

	link_path(dir, LINKS_DIR, 0, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (ret < 0)
		return 0;
	return info.tracing.attach_type == BPF_LSM_MAC ? ST_STATUS_LSM
						       : ST_STATUS_FMOD_RET;
}

/* Removes an incomplete set, which guards nobody. Return: -ENOENT; -errno. */
static int remove_rest(const struct loader *l, struct loader_error *e)
{
	/* only links of one mode count: those of the other may be incomplete */
	uint32_t way = l->attached ? l->attached : ST_STATUS_LSM;
	unsigned int all = count_all(way), n = count_present(l->dir, way);
	int ret;

	if (n)
		log_line("%u of %u pins in %s are missing: the templates "
			 "are no longer guarded",
			 all - n, all, l->dir);
	ret = remove_all(l->dir);
	if (ret == 0)
		return -ENOENT;
	return loader_fail(e, -ret, "Remove it by hand.",
			   "cannot remove the remaining pins in %s: %s", l->dir,
			   strerror(-ret));
}

/* Adopts a complete set. Return: 0; -ENOENT if there is none; -errno. */
int loader_pins_adopt(struct loader *l, struct loader_error *e)
{
	int ret;

	l->attached = pinned_way(l->dir);
	if (!l->attached ||
	    count_present(l->dir, l->attached) < count_all(l->attached))
		return remove_rest(l, e);
	ret = open_pins(l);
	if (ret == 0)
		ret = check_version(l);
	if (ret < 0)
		return loader_fail(
			e, -ret,
			"Run spawn-templated --unload, then start it again; "
			"programs then make their templates anew.",
			ret == -EPROTO ? "the pins in %s are of another version"
				       : "cannot open the pins in %s",
			l->dir);
	return 0;
}

/* ---- pinning */

static int cannot_pin(const char *path, struct loader_error *e)
{
	return loader_fail(e, errno, "Look at the folder's owner and mode.",
			   "cannot pin %s: %s", path, strerror(errno));
}

static int pin_links(struct loader *l, const char *sub, struct loader_error *e)
{
	char path[320];

	loader_pin_path(l->dir, sub, NULL, path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return loader_fail(e, errno, "Look at its owner and mode.",
				   "cannot make %s: %s", path, strerror(errno));
	for (int i = 0; i < LINKS; i++) {
		if (l->links[i] < 0)
			continue;
		link_path(l->dir, sub, i, path);
		if (bpf_obj_pin(l->links[i], path) < 0)
			return cannot_pin(path, e);
	}
	return 0;
}

/* Lets the inspecting group read the maps. The links are for root alone. */
static int set_readers(const char *path, int gid, bool folder)
{
	if (gid >= 0 && chown(path, 0, (gid_t)gid) < 0)
		return -errno;
	if (chmod(path, gid < 0 ? (folder ? 0700 : 0600)
				: (folder ? 0750 : 0640)) < 0)
		return -errno;
	return 0;
}

/* Warns if the group cannot pass the file system's root directory. */
static void tell_of_parent(const struct loader *l, int gid)
{
	char path[320];
	struct stat st;

	snprintf(path, sizeof(path), "%s/..", l->dir);
	if (gid < 0 || stat(path, &st) < 0 || st.st_mode & 01 ||
	    (st.st_gid == (gid_t)gid && st.st_mode & 010))
		return;
	log_line(
		"the group of --inspect-group cannot reach %s: its file system "
		"has mode %04o; chmod 0711 lets it",
		l->dir, st.st_mode & 07777U);
}

/*
 * Sets the readers, also of adopted maps: this daemon may have other options.
 */
int loader_pins_set_readers(const struct loader *l, int gid,
			    struct loader_error *e)
{
	char path[320];
	int ret = set_readers(l->dir, gid, true);

	snprintf(path, sizeof(path), "%s", l->dir);
	for (int i = 0; ret == 0 && i < MAPS; i++) {
		map_path(l->dir, i, path);
		ret = set_readers(path, gid, false);
	}
	if (ret < 0)
		return loader_fail(e, -ret, "Look at its owner and mode.",
				   "cannot set the mode of %s: %s", path,
				   strerror(-ret));
	tell_of_parent(l, gid);
	return 0;
}

static int pin_maps(struct loader *l, struct loader_error *e)
{
	char path[320];

	for (int i = 0; i < MAPS; i++) {
		map_path(l->dir, i, path);
		if (bpf_obj_pin(l->maps[i], path) < 0)
			return cannot_pin(path, e);
	}
	return 0;
}

int loader_pins_set(struct loader *l, int inspect_gid, struct loader_error *e)
{
	int ret;

	if (mkdir(l->dir, 0700) < 0 && errno != EEXIST)
		return loader_fail(e, errno, "Look at its owner and mode.",
				   "cannot make %s: %s", l->dir,
				   strerror(errno));
	ret = pin_maps(l, e);
	if (ret == 0)
		ret = loader_pins_set_readers(l, inspect_gid, e);
	if (ret == 0)
		ret = pin_links(l, LINKS_DIR, e);
	if (ret < 0)
		remove_all(l->dir);
	return ret;
}

static int replace_link(struct loader *l, int i, struct loader_error *e)
{
	char old[320], new[320];

	link_path(l->dir, LINKS_DIR, i, old);
	link_path(l->dir, NEW_LINKS_DIR, i, new);
	/* rename onto the old one, so that the name never vanishes */
	if (rename(new, old) == 0)
		return 0;
	return loader_fail(e, errno,
			   "Run spawn-templated --unload, then start it again.",
			   "cannot replace %s: %s", old, strerror(errno));
}

/*
 * Pins the new links beside the old ones, then moves them over the old ones, so
 * that for a moment both check. If the daemon is killed half-way, each name has
 * the old or the new link, and the directory of new links is left, which tells
 * the next daemon to do the upgrade again. links[0] is replaced last, because
 * it records the mode, LSM or fmod_ret, and a reader must always find a
 * complete set for that mode. Links that only the old mode had are removed
 * after that.
 */
int loader_pins_replace_links(struct loader *l, struct loader_error *e)
{
	char path[320];
	int ret;

	loader_pin_path(l->dir, NEW_LINKS_DIR, NULL, path);
	ret = remove_folder(path);
	if (ret < 0)
		return loader_fail(e, -ret, "Remove it by hand.",
				   "cannot remove %s: %s", path,
				   strerror(-ret));
	ret = pin_links(l, NEW_LINKS_DIR, e);
	for (int i = LINKS - 1; ret == 0 && i >= 0; i--)
		if (l->links[i] >= 0)
			ret = replace_link(l, i, e);
	if (ret < 0)
		return ret;
	for (int i = 0; i < LINKS; i++) {
		link_path(l->dir, LINKS_DIR, i, path);
		if (l->links[i] < 0 && unlink(path) < 0 && errno != ENOENT)
			return loader_fail(e, errno, "Remove it by hand.",
					   "cannot remove %s: %s", path,
					   strerror(errno));
	}
	loader_pin_path(l->dir, NEW_LINKS_DIR, NULL, path);
	rmdir(path);
	return 0;
}
