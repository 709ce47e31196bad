/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzzers share: how a finding is told, and an input that chooses.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(cond)                                                         \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#cond);                                    \
			abort();                                           \
		}                                                          \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- bytes that choose; when they end, the first of all ---- */

static const uint8_t *input;
static size_t left;

static inline uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

/* One time in `n`, and never when the input has ended. */
static inline bool rarely(unsigned int n)
{
	return byte() % n == n - 1;
}

#endif
