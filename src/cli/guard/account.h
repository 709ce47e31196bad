/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of users and groups. Twin files: account_nss.c asks every service that the
 * machine has for them; account_files.c reads /etc/passwd and /etc/group, for a
 * program without a dynamic linker, which cannot load such services.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Return: false if there is no name; then the buffer is untouched. */
bool account_user(uid_t uid, char *name, size_t size);
bool account_group(gid_t gid, char *name, size_t size);

#endif
