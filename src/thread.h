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

#endif
