/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the library's own. */
#ifndef ST_THREAD_H
#define ST_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that blocks all signals. Return: 0 or -errno. */
int st_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/*
 * Must be the thread's first call.
 * Return: true if it runs under SCHED_BATCH now.
 */
bool st_thread_begin(const char *name);

/* Tells whether the calling thread has begun so: it runs no code of the host. */
bool st_thread_is_ours(void);

/*
 * Asks for long turns on the processor, which Linux 6.12 knows: a thread that this one
 * wakes goes first, and is not interrupted when it wakes another. The children of
 * this thread would inherit that. Call it if st_thread_begin() has returned true.
 */
void st_thread_take_long_turns(void);

#endif
