/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that tells the name that the kernel has for it, as programs of many names do. */
#include <stdio.h>
#include <sys/auxv.h>

int main(void)
{
	return puts((const char *)getauxval(AT_EXECFN)) < 0;
}
