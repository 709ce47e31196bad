/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for numbers of the guard, the same in the command's JSON and in metrics:
 * programs may compare them.
 */
#ifndef ST_GUARD_NAMES_H
#define ST_GUARD_NAMES_H

#include "shared/proto.h"

static inline const char *st_name_attached(unsigned int attached)
{
	return attached == ST_STATUS_LSM	? "lsm"
	       : attached == ST_STATUS_FMOD_RET ? "fmod_ret"
						: "unknown";
}

#endif
