/* SPDX-License-Identifier: BSD-2-Clause */
/* Folders, mounts and file systems for a case. */
#ifndef TESTS_GUARDING_DISK_H
#define TESTS_GUARDING_DISK_H

#include "guarding.h"

/* Runs a program without its output. Return: the status of waitpid(2). */
int guard_command(char *const argv[]);

/* Makes a folder, maybe below a mount of the case's. Return: its path. */
char *guard_folder(const char *name);

/* Makes the mounts of a case its own: they go when it ends. */
void guard_own_mounts(void);

/* Mounts, or skips the case where the kernel has no such file system. */
void guard_mount(const char *from, const char *to, const char *type,
		 const char *options);

/* Makes a file system on a ram disk. Return: its folder. */
char *guard_ext4(const char *device);

#endif
