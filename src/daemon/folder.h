/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder of the socket, in which nobody else may put files. */
#ifndef ST_DAEMON_FOLDER_H
#define ST_DAEMON_FOLDER_H

#include <stddef.h>

/*
 * Makes the last folder of the path if it is missing, and refuses a folder in
 * which, or above which, others could put something else in the place of the
 * daemon's files.
 * Return: 0: path names the same file without symbolic links; -errno after a
 * message.
 */
int folder_make(char *path, size_t size);

#endif
