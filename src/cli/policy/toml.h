/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TOML document as a tree of values with their lines. toml.cc makes it with toml++,
 * since no library for C is packaged; no other file knows of C++.
 */
#ifndef CLI_POLICY_TOML_H
#define CLI_POLICY_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_type {
	TOML_STRING,
	TOML_INT64,
	TOML_BOOLEAN,
	TOML_ARRAY,
	TOML_TABLE,
	TOML_OTHER, /* a fraction, a date or a time: no policy has one */
};

/* Both count from 1; column 0: not known; line 0: the whole file. */
struct toml_place {
	int line, column; /* in characters */
};

struct toml_value {
	enum toml_type type;
	struct toml_place at;
	union {
		struct {
			char *ptr; /* owned; a NUL follows */
			int len;
		} str;
		int64_t int64;
		bool boolean;
		struct {
			struct toml_value *elem; /* owned */
			int size;
		} arr;
		struct {
			char **key; /* owned, as are the strings */
			struct toml_value *value; /* owned */
			int size;
		} tab; /* in the order of the keys' lines */
	} u;
};

/*
 * Read a document, which has a NUL behind its len bytes.
 * Return: 0; -EINVAL, with *at and what is wrong in error; or -ENOMEM.
 */
int toml_read(const char *text, size_t len, struct toml_value *document,
	      struct toml_place *at, char *error, size_t size);

/* Free what a value owns, also if it is zeroed. */
void toml_free(struct toml_value *value);

/* Return: the value of a key in a table, or NULL. */
const struct toml_value *toml_get(const struct toml_value *table,
				  const char *key);

#ifdef __cplusplus
}
#endif

#endif
