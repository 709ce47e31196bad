/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads the kernel programs and attaches all of them or none, or adopts the
 * ones that an earlier daemon has pinned; then proves that they are in force.
 *
 * Links and maps are pinned, so that registered templates stay guarded while no
 * daemon runs. An upgrade attaches new programs to the same maps before it
 * detaches the old ones: at no moment are the checks absent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "exec_cache.skel.h"
#include "loader/impl.h"
#include "shared/namespaces.h"
#include "shared/proto.h"
#include "shared/text.h"

#define LSM_LIST "/sys/kernel/security/lsm"
#define LOCKDOWN "/sys/kernel/security/lockdown"
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* ---- features of the kernel */

/* Looks for a word in a file of words; -1: there is no such file. */
static int file_has(const char *path, const char *word)
{
	char text[512];

	return st_read_text(path, text, sizeof(text)) < 0
		       ? -1
		       : st_has_word(text, word);
}

static int check_kernel(struct loader_error *e)
{
	if (geteuid() != 0)
		return loader_fail(e, EPERM, "Run it with sudo.",
				   "loading kernel programs needs root");
	/* the programs see the numbers of the first pid namespace */
	if (!st_in_namespace("/proc/self/ns/pid", ST_FIRST_PIDS))
		return loader_fail(e, EOPNOTSUPP,
				   "Run it on the host, and give containers "
				   "its socket.",
				   "this process is in the PID namespace of a "
				   "container");
	if (access(KERNEL_BTF, R_OK) < 0)
		return loader_fail(
			e, EOPNOTSUPP,
			"Use a kernel with CONFIG_DEBUG_INFO_BTF, as those of "
			"Debian and Ubuntu are.",
			"this kernel does not describe its types: there is no "
			"%s",
			KERNEL_BTF);
	if (file_has(LOCKDOWN, "[confidentiality]") == 1)
		return loader_fail(e, EPERM,
				   "Boot with lockdown=integrity or without "
				   "lockdown.",
				   "the kernel is locked down for "
				   "confidentiality");
	/*
	 * bpf_loop() is the newest helper that the programs call; kprobes may
	 * call the same helpers
	 */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop,
				    NULL) == 0)
		return loader_fail(
			e, EOPNOTSUPP,
			"Use Linux 6.1 or later. Without the guard, the "
			"library makes its checks before exec.",
			"this kernel is too old: its programs have no "
			"bpf_loop()");
	return 0;
}

/*
 * Returns the number of arguments of a kernel function; -1: no such function.
 */
static int arguments_of(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *type;

	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	return type ? btf_vlen(type) : -1;
}

/* Returns the place of a field in a kernel structure; UINT32_MAX: none there. */
static uint32_t place_of(const struct btf *btf, const char *type,
			 const char *field)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t =
		id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	const struct btf_member *m = t ? btf_members(t) : NULL;

	for (uint32_t i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), field))
			return btf_member_bit_offset(t, i) / 8;
	return UINT32_MAX;
}

static void tell_idmap(struct exec_cache *skel, const struct btf *btf)
{
	skel->rodata->idmap_owner = place_of(btf, "mnt_idmap", "owner");
	skel->rodata->idmap_uid_map = place_of(btf, "mnt_idmap", "uid_map");
	skel->rodata->idmap_gid_map = place_of(btf, "mnt_idmap", "gid_map");
}

/* ---- loading */

/* Tells programs of one build from those of another. It is no secret. */
static uint64_t hash_of_object(void)
{
	size_t size;
	const unsigned char *bytes = exec_cache__elf_bytes(&size);
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

static bool is_of(const struct bpf_program *program, uint32_t way)
{
	for (int i = 0; i < LINKS; i++) {
		const char *name = loader_program(i, way);

		if (name && strcmp(bpf_program__name(program), name) == 0)
			return true;
	}
	return false;
}

static int set_way(struct exec_cache *skel, uint32_t way,
		   struct loader_error *e)
{
	struct bpf_program *program;
	struct btf *btf = btf__load_vmlinux_btf();
	const char *setattr = way == ST_STATUS_LSM ? "bpf_lsm_inode_setattr"
						   : "security_inode_setattr";
	int args, done;

	if (!btf)
		return loader_fail(e, errno, "See the kernel's log.",
				   "cannot read the kernel's types: %s",
				   strerror(errno));
	args = arguments_of(btf, setattr);
	done = arguments_of(btf, "notify_change");
	tell_idmap(skel, btf);
	btf__free(btf);
	if (args != 2 && args != 3)
		return loader_fail(
			e, EOPNOTSUPP,
			way == ST_STATUS_LSM
				? "Use a kernel with CONFIG_BPF_LSM."
				: "Report this kernel: it is not supported yet.",
			"the kernel has no %s() of 2 or 3 "
			"arguments",
			setattr);
	if (done != 4)
		return loader_fail(
			e, EOPNOTSUPP,
			"Report this kernel: it is not supported yet.",
			"the kernel has no notify_change() of 4 "
			"arguments");
	skel->rodata->setattr_dentry_arg = args == 3;
	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, is_of(program, way));
	return 0;
}

/* Loads the programs for the existing maps, which an upgrade keeps. */
static int reuse_maps(struct loader *l, struct exec_cache *skel,
		      struct loader_error *e)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(
			skel->obj, loader_maps[i].name);
		int ret = bpf_map__reuse_fd(map, l->maps[i]);

		if (ret < 0)
			return loader_fail(e, -ret,
					   "Run spawn-templated --unload, then "
					   "start it again.",
					   "cannot take over the map %s: %s",
					   loader_maps[i].name, strerror(-ret));
	}
	return 0;
}

static int take_maps(struct loader *l, struct exec_cache *skel,
		     struct loader_error *e)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(
			skel->obj, loader_maps[i].name);

		l->maps[i] = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
		if (l->maps[i] < 0)
			return loader_fail(
				e, errno, "Raise the limit on open files.",
				"cannot keep the map %s: %s",
				loader_maps[i].name, strerror(errno));
	}
	return 0;
}

static int attach_one(struct loader *l, struct exec_cache *skel, int i,
		      const char *name, struct loader_error *e)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(skel->obj, name);
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return loader_fail(e, errno,
				   "spawn-templated --verbose tells what the "
				   "kernel says.",
				   "cannot attach the program %s: %s", name,
				   strerror(errno));
	l->links[i] = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 3);
	bpf_link__destroy(link);
	if (l->links[i] < 0)
		return loader_fail(e, errno, "Raise the limit on open files.",
				   "cannot keep the link %s: %s",
				   loader_links[i].name, strerror(errno));
	return 0;
}

static int attach(struct loader *l, struct exec_cache *skel, uint32_t way,
		  struct loader_error *e)
{
	int ret = 0;

	for (int i = 0; ret == 0 && i < LINKS; i++)
		if (loader_program(i, way))
			ret = attach_one(l, skel, i, loader_program(i, way), e);
	return ret;
}

static int load_object(struct loader *l, uint32_t way, bool reuse,
		       struct loader_error *e)
{
	struct exec_cache *skel = exec_cache__open();
	int ret;

	if (!skel)
		return loader_fail(e, errno, "Free some memory.",
				   "cannot open the programs: %s",
				   strerror(errno));
	ret = set_way(skel, way, e);
	if (ret == 0 && reuse)
		ret = reuse_maps(l, skel, e);
	if (ret == 0) {
		ret = exec_cache__load(skel);
		if (ret < 0)
			loader_fail(e, -ret,
				    "spawn-templated --verbose tells what the "
				    "kernel says. In a container or under "
				    "lockdown, programs may be forbidden.",
				    "the kernel refuses the programs: %s",
				    strerror(-ret));
	}
	if (ret == 0 && !reuse)
		ret = take_maps(l, skel, e);
	if (ret == 0)
		ret = attach(l, skel, way, e);
	exec_cache__destroy(skel);
	l->attached = way;
	l->programs = hash_of_object();
	return ret;
}

/* ---- LSM or fmod_ret */

static uint32_t way_to_try(const struct loader_options *options)
{
	if (options->force)
		return (uint32_t)options->force;
	/* without securityfs nobody can tell: attach, then prove */
	return file_has(LSM_LIST, "bpf") == 0 ? ST_STATUS_FMOD_RET
					      : ST_STATUS_LSM;
}

static void drop_links(struct loader *l)
{
	for (int i = 0; i < LINKS; i++) {
		if (l->links[i] >= 0)
			close(l->links[i]);
		l->links[i] = -1;
	}
}

static void drop_maps(struct loader *l)
{
	if (l->clearer >= 0)
		close(l->clearer);
	l->clearer = -1;
	for (int i = 0; i < MAPS; i++) {
		if (l->maps[i] >= 0)
			close(l->maps[i]);
		l->maps[i] = -1;
	}
}

/* ---- command */

static int read_command(const struct loader *l, struct guard_command *command,
			struct loader_error *e)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(l->maps[MAP_COMMAND], &zero, command) < 0)
		return loader_fail(e, errno, "See the kernel's log.",
				   "cannot read the map command: %s",
				   strerror(errno));
	return 0;
}

static int write_command(const struct loader *l,
			 const struct guard_command *command,
			 struct loader_error *e)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(l->maps[MAP_COMMAND], &zero, command, 0) < 0)
		return loader_fail(e, errno, "See the kernel's log.",
				   "cannot write the map command: %s",
				   strerror(errno));
	return 0;
}

/* Makes this process the one whose commands the programs obey. */
static int take_command(struct loader *l, struct loader_error *e)
{
	struct guard_command command;
	int ret = read_command(l, &command, e);

	if (ret < 0)
		return ret;
	command.version = GUARD_VERSION;
	command.daemon_tgid = (uint32_t)getpid();
	command.daemon_start = loader_own_start();
	ret = write_command(l, &command, e);
	l->commands = ret == 0;
	return ret < 0 ? ret : loader_maps_begin(l, e);
}

/*
 * Records the programs that are pinned now. If an upgrade ends before this, the
 * next daemon does it again.
 */
static int note_programs(const struct loader *l, struct loader_error *e)
{
	struct guard_command command;
	int ret = read_command(l, &command, e);

	if (ret < 0)
		return ret;
	command.programs = l->programs;
	return write_command(l, &command, e);
}

static void give_up_command(const struct loader *l)
{
	struct guard_command command;
	struct loader_error error;

	if (!l->commands || read_command(l, &command, &error) < 0)
		return;
	command.daemon_tgid = 0;
	command.daemon_start = 0;
	write_command(l, &command, &error);
}

/* ---- load or adopt */

static int load_and_prove(struct loader *l, const struct loader_options *o,
			  bool reuse, struct loader_error *e)
{
	uint32_t way = way_to_try(o);
	int ret = load_object(l, way, reuse, e);

	if (ret == 0)
		ret = take_command(l, e);
	if (ret == 0)
		ret = loader_canary(l, e);
	if (ret == 0 || way != ST_STATUS_LSM || o->force || reuse)
		return ret;
	/* an LSM program attaches even where the kernel never calls it */
	drop_links(l);
	drop_maps(l);
	ret = load_object(l, ST_STATUS_FMOD_RET, reuse, e);
	if (ret == 0)
		ret = take_command(l, e);
	return ret < 0 ? ret : loader_canary(l, e);
}

static int adopt(struct loader *l, const struct loader_options *o,
		 struct loader_error *e)
{
	int ret = loader_pins_adopt(l, e);

	if (ret < 0)
		return ret;
	l->adopted = true;
	ret = loader_pins_set_readers(l, o->inspect_gid, e);
	if (ret < 0)
		return ret;
	if (o->upgrade || l->programs != hash_of_object()) {
		drop_links(l);
		ret = load_and_prove(l, o, true, e);
		if (ret == 0)
			ret = loader_pins_replace_links(l, e);
		if (ret == 0)
			ret = note_programs(l, e);
		/*
		 * the first proof may have succeeded thanks to the old programs
		 */
		return ret < 0 ? ret : loader_canary(l, e);
	}
	ret = take_command(l, e);
	return ret < 0 ? ret : loader_canary(l, e);
}

static int adopt_or_load(struct loader *l, const struct loader_options *o,
			 struct loader_error *e)
{
	int ret = adopt(l, o, e);

	if (ret != -ENOENT)
		return ret;
	ret = load_and_prove(l, o, false, e);
	if (ret == 0)
		ret = note_programs(l, e);
	return ret < 0 ? ret : loader_pins_set(l, o->inspect_gid, e);
}

static int quiet(enum libbpf_print_level level, const char *format,
		 va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int loud(enum libbpf_print_level level, const char *format, va_list args)
{
	/* the look-up of each field is of no use to the user */
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
}

int loader_open(const struct loader_options *options, struct loader **loader,
		struct loader_error *error)
{
	struct loader *l = calloc(1, sizeof(*l));
	const char *dir = options->pin_dir ? options->pin_dir : ST_GUARD_PINS;
	int ret;

	if (!l)
		return loader_fail(error, ENOMEM, "Free some memory.",
				   "out of memory");
	l->clearer = l->lock = -1;
	memset(l->maps, 0xff, sizeof(l->maps));
	memset(l->links, 0xff, sizeof(l->links));
	snprintf(l->dir, sizeof(l->dir), "%s", dir);
	libbpf_set_print(options->verbose ? loud : quiet);
	ret = check_kernel(error);
	if (ret == 0)
		ret = l->lock = loader_pins_lock(dir, error);
	if (ret >= 0)
		ret = adopt_or_load(l, options, error);
	if (ret < 0) {
		loader_close(l);
		return ret;
	}
	l->opened = true;
	*loader = l;
	return 0;
}

/*
 * Lets go of the programs. If pins are missing, the programs without a pin end
 * with this process, and the next daemon removes the rest as incomplete: so
 * clients are told now, while that is possible.
 */
static void leave(struct loader *l)
{
	bool is_end = l->opened && loader_pins_missing(l);

	give_up_command(l);
	if (is_end)
		loader_words_clear(l->clearer);
	drop_links(l);
	/* an exec that was under way may have set a word since */
	if (is_end)
		loader_words_clear(l->clearer);
}

void loader_close(struct loader *l)
{
	if (!l)
		return;
	ring_buffer__free(l->ring);
	leave(l);
	drop_maps(l);
	if (l->lock >= 0)
		close(l->lock);
	free(l);
}

uint32_t loader_attached(const struct loader *l)
{
	return l->attached;
}

uint32_t loader_proved(const struct loader *l)
{
	return l->proved;
}

bool loader_adopted(const struct loader *l)
{
	return l->adopted;
}

int loader_words_fd(const struct loader *l)
{
	return l->maps[MAP_EXEC_STATES];
}

unsigned int loader_words(const struct loader *l)
{
	(void)l;
	return EXEC_CACHE_MAX;
}
