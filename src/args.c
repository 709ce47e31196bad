/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "args.h"

#define PAGE 4096

/**
 * st_args_copy - take a structure of the caller's version
 * @to: zeroed and filled in
 * @known: size of *to
 * @from: the caller's
 * @size: the caller's sizeof
 * @oldest: the first version's size
 *
 * The rule is that of the kernel's copy_struct_from_user(): fields that the
 * caller does not have are zero; fields that the library does not know are
 * accepted if they are zero.
 *
 * Return: 0; -EINVAL below the first version or without a structure; -E2BIG
 * over a page of 4096 bytes, or if an unknown field is set.
 */
int st_args_copy(void *to, size_t known, const void *from, size_t size,
		 size_t oldest)
{
	const unsigned char *bytes = from;

	if (!from || size < oldest)
		return -EINVAL;
	if (size > PAGE)
		return -E2BIG;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	return 0;
}
