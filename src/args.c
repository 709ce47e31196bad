/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "args.h"

#define PAGE 4096

/**
 * st_args_copy - take a structure of the caller's version
 * @to: filled in, to the size of the last version
 * @from: the caller's
 * @size: the caller's sizeof
 * @versions: the size of each version, smallest first
 * @n: how many versions there are
 *
 * The rule is that of the kernel's copy_struct_from_user(): a field that the
 * caller's version does not have becomes zero, and the caller's bytes beyond the
 * version must be zero. A size between two versions counts as the smaller one, so
 * that no part of a field is ever taken.
 *
 * Return: the version that counts, 0 for the first; -EINVAL below the first
 * version or without a structure; -E2BIG over a page of 4096 bytes, or if
 * something is set behind the version.
 */
int st_args_copy(void *to, const void *from, size_t size,
		 const size_t *versions, int n)
{
	const unsigned char *bytes = from;
	int version = n - 1;

	if (!from || size < versions[0])
		return -EINVAL;
	if (size > PAGE)
		return -E2BIG;
	while (size < versions[version])
		version--;
	for (size_t i = versions[version]; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(to, 0, versions[n - 1]);
	memcpy(to, from, versions[version]);
	return version;
}
