/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as its files share it. */
#ifndef CLI_POLICY_RULES_H
#define CLI_POLICY_RULES_H

#include <sys/types.h>

#include "cli/policy/policy.h"
#include "cli/policy/toml.h"

#define POLICY_SIZE_MOST (1U << 20) /* bytes of a file */

/* Strings that the TOML document owns. */
struct policy_list {
	const char **text; /* owned */
	size_t n;
	unsigned int line;
	bool given;
};

struct policy_id {
	dev_t dev;
	ino_t ino;
};

/*
 * A file or folder that a policy names, and what the name leads to. The path of a folder is
 * the one that was found first, and first its identity then.
 */
struct policy_file {
	const char *text; /* from the document */
	char *name; /* owned: the same, absolute; NULL: it is searched */
	char *path; /* owned: without symbolic links; NULL: there is none */
	char *pattern; /* owned: of a pattern, with its folder's path; NULL: none */
	bool is_there; /* .id is what the name leads to now */
	struct policy_id id, first;
};

struct policy_files {
	struct policy_file *file; /* owned */
	size_t n;
	unsigned int line;
};

struct policy_rule {
	const char *name, *reason; /* reason NULL: none */
	unsigned int line;
	enum policy_verdict verdict;
	struct policy_files programs, folders;
	struct policy_list *args; /* owned: any of these */
	size_t n_args;
	bool has_args;
	struct policy_list any_arg, command;
	bool runs_others;
	const char *warm; /* NULL, "once", "fork" or "python" */
};

struct policy {
	char *file; /* owned: its name, for messages */
	char *base; /* owned: the folder that relative ones count from */
	struct toml_value toml; /* owned: the document */
	enum policy_verdict by_default;
	unsigned int default_line;
	const char *shell;
	char *search; /* owned */
	struct policy_files allowed, denied; /* folders */
	struct policy_files writable; /* those of the sandbox */
	struct policy_list pass, settable, unsettable; /* variables */
	char **set; /* owned, as are its strings */
	unsigned int sandbox_line;
	json_t *sandbox_json;
	struct sandbox_wishes sandbox;
	struct policy_bounds bounds;
	struct policy_rule *rules; /* owned */
	size_t n_rules;
	int64_t resolved_ns; /* when the names were looked up */
};

/* ---- files.c */

/* A file that was opened, and where it is. */
struct policy_found {
	int fd; /* owned: O_PATH; -1: none */
	char *path; /* owned */
	char *name; /* owned: where a search found it; NULL: it was not searched */
	struct policy_id id;
};

/* A folder that was opened, and those above it. */
struct policy_place {
	const char *path; /* borrowed */
	struct policy_id *id; /* owned: its own first, that of "/" last */
	size_t n;
	bool unknown; /* some of those above could not be opened */
};

/* Open a file or, with folder, a folder. Return: 0 or -errno. */
int policy_open(int from, const char *name, bool folder,
		struct policy_found *found);
void policy_found_free(struct policy_found *found);

/* Search a program along a path, from a folder. Return: 0 or -errno. */
int policy_search(int from, const char *name, const char *path,
		  struct policy_found *found);

/*
 * Look up all names of the policy: folders always, and programs if they were not looked up in
 * the last second.
 */
void policy_resolve(struct policy *policy, bool now);

static inline bool policy_is_same(const struct policy_id *a,
				  const struct policy_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Ask the kernel for all folders above one that was found. Return: 0 or -ENOMEM. */
int policy_locate(const struct policy_found *folder,
		  struct policy_place *place);

/* Tell whether a place is one of the folders that are there now, or below. */
bool policy_is_below(const struct policy_place *place,
		     const struct policy_files *folders);

/* The same for what is denied: also below a folder that was there, or under such a name. */
bool policy_may_be_below(const struct policy_place *place,
			 const struct policy_files *folders);

/* Tell whether a name is one of the dynamic linker: ld.so, ld-linux-x86-64.so.2. */
bool policy_names_loader(const char *name);

/* Tell whether a program is the dynamic linker, which runs any file. */
bool policy_is_loader(const struct policy_found *program);
const char *policy_base_name(const char *path);

/* ---- rule.c: reads one [[rule]]. load.c has the reader. */

struct policy_reader {
	struct policy *policy;
	char *error; /* owned: the first one; NULL: none, or no memory */
};

static inline struct toml_place policy_line(unsigned int line)
{
	return (struct toml_place){ .line = (int)line };
}

/* Note an error at a place. Return: -1 */
int policy_wrong(struct policy_reader *r, struct toml_place at, const char *fmt,
		 ...) CLI_PRINTF(3, 4);

/* A key of a table, its reader and the place for its value. */
struct policy_key {
	const char *name;
	int (*read)(struct policy_reader *r, const char *key,
		    const struct toml_value *value, void *to);
	size_t offset;
};

/* Read all keys of a table into a structure. Return: 0 or -1. */
int policy_read_table(struct policy_reader *r, const char *where,
		      const struct toml_value *table,
		      const struct policy_key *keys, size_t n, void *to);

int policy_read_string(struct policy_reader *r, const char *key,
		       const struct toml_value *value, void *to);
int policy_read_bool(struct policy_reader *r, const char *key,
		     const struct toml_value *value, void *to);
int policy_read_list(struct policy_reader *r, const char *key,
		     const struct toml_value *value, void *to);
int policy_read_files(struct policy_reader *r, const char *key,
		      const struct toml_value *value, void *to);
int policy_read_verdict(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to);

int policy_read_rules(struct policy_reader *r, const struct toml_value *rules);
void policy_rule_free(struct policy_rule *rule);
void policy_list_free(struct policy_list *list);
void policy_files_free(struct policy_files *files);

extern const char policy_by_default[];
extern const char *const policy_verdicts[3];

#endif
