/* SPDX-License-Identifier: BSD-2-Clause */
/* A library that a test replaces by its next version. */
int works(void);

int works(void)
{
	return VERSION;
}
