/* SPDX-License-Identifier: BSD-2-Clause */
/* The rights that the daemon keeps. */
#ifndef ST_DAEMON_RIGHTS_H
#define ST_DAEMON_RIGHTS_H

/*
 * Gives up, for good, all capabilities but those that serving clients takes,
 * and the gain of any by exec. Call it before threads are made.
 * metrics_file: to be written by name later; NULL: none.
 */
void rights_drop(const char *metrics_file);

#endif
