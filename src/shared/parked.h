/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks of a process that the library has prepared, for tools that look for such
 * processes in /proc: a shared mapping with one of these names, all signals blocked
 * that can be. No other program has a mapping of these names unless it pretends to be
 * a prepared process; so the marks are for display only.
 *
 * The mapping goes when the process becomes the program of a launch.
 */
#ifndef ST_PARKED_H
#define ST_PARKED_H

/* Names of the memory file, as of memfd_create(2). */
#define ST_PARKED_ONCE "spawn-template-once"
#define ST_PARKED_FORK "spawn-template-fork"
#define ST_PARKED_RUNTIME "spawn-template-runtime" /* a shell or Python */

#endif
