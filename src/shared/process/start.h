/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_PROCESS_START_H
#define ST_PROCESS_START_H

#include <stdint.h>

/*
 * Reads the start of a process, in ticks since boot: with its pid, it
 * identifies the process.
 * Return: 0; -ESRCH: no such process; -errno.
 */
int process_start_ticks(uint32_t pid, uint64_t *ticks);

#endif
