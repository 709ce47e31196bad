/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that prints the version of the library beside it. */
#include <stdio.h>

int works(void);

int main(void)
{
	printf("version %d\n", works());
	return 0;
}
