/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The epoch of a process: a number that a forked child does not share with its
 * parent. State that carries the epoch of its maker is foreign to all others.
 */
#ifndef ST_EPOCH_H
#define ST_EPOCH_H

#include <stdint.h>

uint64_t st_epoch_current(void);
int st_epoch_begin(uint64_t *epoch);

#endif
