/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes and closes templates for a caller that remembers what it learns of files.
 */
#ifndef ST_TEMPLATE_H
#define ST_TEMPLATE_H

#include "examine.h"
#include "table.h"

/*
 * Makes a template of from->path, which is absolute, but leaves it to the caller to put
 * it into the table. With WARM_RUNTIME a program that is no Python is prepared by the
 * other WARM flag, if there is one. Return: its fd, close-on-exec, with *rec its record;
 * or as spawn_template_open().
 */
int st_template_make(const struct st_source *from, uint64_t flags,
		     struct st_record **rec);

/*
 * Does the same at an O_PATH fd of the caller's, without a look into the file:
 * facts is the record of an earlier template of the path, and the caller has seen
 * that its key and ids are the present ones. Return: 0 with *rec set; -ENOMEM; or
 * an error of the registration with the guard, such as -ESTALE.
 */
int st_template_revive(int fd, const struct st_record *facts,
		       struct st_record **rec);

/*
 * Copies what a record says of its file, without what makes the template dear: the
 * guard's registration and prepared processes. Return: NULL if memory is short.
 */
struct st_record *st_template_facts(const struct st_record *of);

/*
 * Checks SPAWN_TEMPLATE_CREATE_* flags; WARM_RUNTIME is the caller's to check. Return: 0,
 * -EINVAL or -EOPNOTSUPP.
 */
int st_template_check_flags(uint64_t flags);

/* Closes a template inherited over fork. Return: 0; -EBADF; -EINVAL: it is none. */
int st_template_close_inherited(int tfd);

#endif
