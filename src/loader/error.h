/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures of the loader: a sentence, and its remedy.
 */
#ifndef ST_LOADER_ERROR_H
#define ST_LOADER_ERROR_H

/* A failure in one sentence, and its remedy. */
struct loader_error {
	char text[512];
	char remedy[512];
};

/* Sets the text and the remedy. Return: -error. */
int loader_fail(struct loader_error *e, int error, const char *remedy,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
