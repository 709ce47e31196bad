/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_NO_FORK_H
#define ST_NO_FORK_H

#include <stdbool.h>

/*
 * No fork(3) of another thread takes place from here ... Between the calls the thread
 * takes no lock and calls no malloc(3): a fork that waits may hold the lock.
 */
void st_no_fork_begin(void);
/* The same, but does not wait. Return: false if a fork is under way. */
bool st_no_fork_try(void);
/* ... to here. */
void st_no_fork_end(void);

#endif
