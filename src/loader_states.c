/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of executables, which clients map to read.
 *
 * A descriptor that is only to be read cannot be mapped shared: the kernel wants
 * one that could be written. So the map is frozen before anybody gets it: no
 * process writes to it any more, by mapping or by call, this one neither. What the
 * daemon has to write is written by a program that it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "exec_cache.skel.h"
#include "loader_impl.h"

/* Loads the one program, over the map. Return: 0 or -errno. */
static int load_clearer(struct exec_cache *skel, int states_fd)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program,
					  program == skel->progs.clear_word);
	/* the skeleton maps those of its own data */
	bpf_object__for_each_map(map,
				 skel->obj) if (!bpf_map__is_internal(map) &&
						map != skel->maps.exec_states)
		bpf_map__set_autocreate(map, false);
	ret = bpf_map__reuse_fd(skel->maps.exec_states, states_fd);
	return ret < 0 ? ret : exec_cache__load(skel);
}

/**
 * loader_states_clearer - load the program that clears words
 * @states_fd: the map
 *
 * Return: the program, to be closed; -errno.
 */
int loader_states_clearer(int states_fd)
{
	struct exec_cache *skel = exec_cache__open();
	int ret;

	if (!skel)
		return -errno;
	ret = load_clearer(skel, states_fd);
	if (ret == 0) {
		ret = fcntl(bpf_program__fd(skel->progs.clear_word),
			    F_DUPFD_CLOEXEC, 3);
		if (ret < 0)
			ret = -errno;
	}
	exec_cache__destroy(skel);
	return ret;
}

/* Return: 0 or -errno. */
int loader_states_clear(int clearer, uint32_t slot)
{
	struct guard_slot of = { .slot = slot };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &of,
		    .ctx_size_in = sizeof(of));

	return bpf_prog_test_run_opts(clearer, &opts) < 0 ? -errno : 0;
}

int loader_states_begin(struct loader *l, struct loader_error *e)
{
	int fd = l->maps[MAP_EXEC_STATES];

	if (l->clearer < 0)
		l->clearer = loader_states_clearer(fd);
	if (l->clearer < 0)
		return loader_fail(e, -l->clearer,
				   "spawn-templated --verbose tells what the "
				   "kernel says.",
				   "cannot load a program for the map "
				   "exec_states: %s",
				   strerror(-l->clearer));
	/* EBUSY: it is frozen already */
	if (bpf_map_freeze(fd) < 0 && errno != EBUSY)
		return loader_fail(e, errno, "See the kernel's log.",
				   "cannot freeze the map exec_states: %s",
				   strerror(errno));
	return 0;
}
