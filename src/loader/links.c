/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The links, by the names of their pins, and the programs that they attach.
 */
#include "loader/impl.h"
#include "shared/proto.h"

/* Programs that are not LSM programs come twice: see bpf/exec_cache.bpf.c. */
const struct loader_link_info loader_links[LINKS] = {
	{ "exec", "lsm_exec", "fmod_exec" },
	{ "exec_2", NULL, "fmod_exec_2" },
	{ "check", "lsm_check", "fmod_check" },
	{ "check_2", NULL, "fmod_check_2" },
	{ "open", "lsm_open", "fmod_open" },
	{ "open_2", NULL, "fmod_open_2" },
	{ "setattr", "lsm_setattr", "fmod_setattr" },
	{ "setattr_2", NULL, "fmod_setattr_2" },
	{ "setattr_done", "setattr_done", "setattr_done" },
	{ "setattr_done_2", "setattr_done_2", "setattr_done_2" },
	{ "fcntl", "lsm_fcntl", "fmod_fcntl" },
	{ "fcntl_2", NULL, "fmod_fcntl_2" },
	{ "file_free", "lsm_file_free", "fmod_file_free" },
	{ "file_free_2", NULL, "fmod_file_free_2" },
	{ "exec_done", "exec_done", "exec_done" },
	{ "exec_done_2", "exec_done_2", "exec_done_2" },
	{ "exit_done", "exit_done", "exit_done" },
	{ "exit_done_2", "exit_done_2", "exit_done_2" },
};

const char *loader_program(int link, uint32_t way)
{
	const struct loader_link_info *info = &loader_links[link];

	return way == ST_STATUS_LSM ? info->lsm : info->fmod_ret;
}
