/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the fuzzers: a macro for findings, and an input that chooses. */
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

/* ---- the bytes of the input; after its end, zeroes ---- */

static const uint8_t *input;
static size_t left;

static inline uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

/* Chooses true one time in `n`, and never after the end of the input. */
static inline bool rarely(unsigned int n)
{
	return byte() % n == n - 1;
}

#endif
