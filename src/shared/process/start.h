/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_PROCESS_START_H
#define ST_PROCESS_START_H

#include <stdint.h>

/*
 * When a process started, in ticks since boot: with its pid, that names it.
 * Return: 0; -ESRCH: there is none; -errno.
 */
int process_start_ticks(uint32_t pid, uint64_t *ticks);

#endif
