/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A FUSE file system with one file in it, which a child serves.
 */
#ifndef TESTS_GUARDING_FUSE_H
#define TESTS_GUARDING_FUSE_H

#include "guarding.h"

/*
 * Mounts it on the folder, with a file "p" that has these bytes. Return: the
 * child that serves it; it ends with the mount. Skips the case where there is
 * no FUSE.
 */
pid_t fuse_serve(const char *folder, const char *bytes, size_t size);

#endif
