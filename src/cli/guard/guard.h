/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the commands about the guard: words, histograms, and templates as a
 * table and as JSON.
 *
 * The daemon reports text that other users wrote, such as names of processes:
 * it goes to a terminal only through text_safe().
 */
#ifndef GUARD_H
#define GUARD_H

#include <getopt.h>

#include "cli/cli.h"
#include "cli/guard/client.h"
#include "cli/text_table.h"

/* ---- options.c: options that several of the commands have */

struct guard_options {
	const char *socket; /* NULL: from the environment, or the default */
	bool json;
};

enum guard_option { GUARD_SOCKET = 256, GUARD_JSON };

#define GUARD_LONG_OPTIONS                                          \
	{ "socket", required_argument, NULL, GUARD_SOCKET },        \
		{ "json", no_argument, NULL, GUARD_JSON },          \
	{                                                           \
		"help", no_argument, NULL, 'h'                      \
	}

#define GUARD_OPTIONS_HELP                                                    \
	"  --json         print JSON\n"                                       \
	"  --socket PATH  of the daemon; the default is that of the variable\n" \
	"                 SPAWN_TEMPLATE_GUARD, or " ST_GUARD_SOCKET "\n"     \
	"  -h, --help     print this help\n"

/*
 * Take an option that all of them have.
 * Return: -1 to go on; else the exit status.
 */
int guard_option(struct guard_options *options, int c, char **argv);

/*
 * Read the options of a command that has no others.
 * Return: as guard_option().
 */
int guard_only_options(struct guard_options *options, int argc, char **argv);

/* Connect, and ask for each part that is not NULL. Return: 0, or -errno. */
int guard_ask(const struct guard_options *options, struct st_msg_status *status,
	      struct guard_list *list, uint64_t id, struct guard_error *e);

/* ---- names.c: words for numbers; stable where JSON has them */

const char *name_guard_state(unsigned int state); /* "fresh" */
const char *name_guard_why(unsigned int why); /* "opened"; "none" */
const char *explain_guard_why(unsigned int why); /* a clause */
const char *explain_attached(unsigned int attached);
const char *name_fs_magic(unsigned int magic); /* NULL: unknown */

/* Names of what can be proved, by bit number from 0; NULL: no such bit. */
const char *name_proof(unsigned int bit);
const char *explain_proof(unsigned int bit);

/* Return a user's name, or the number; valid until the next call. */
const char *name_user(uint32_t uid);

/* ---- numbers.c */

#define UNBOUNDED UINT64_MAX

uint64_t histogram_count(const __u64 slots[ST_ITEM_SLOTS]);

/*
 * Return the upper bound, in microseconds, of the slot that holds the
 * percentile: so many percent, at least, took less. UNBOUNDED: it is in the
 * last slot; 0: nothing was counted.
 */
uint64_t histogram_percentile(const __u64 slots[ST_ITEM_SLOTS],
			      unsigned int percent);

#define NUMBER_TEXT 32

/* Format a bound: "<64us"; "-" for 0, ">35m" for UNBOUNDED. Return: text */
const char *format_bound(char text[NUMBER_TEXT], uint64_t us);

const char *format_duration(char text[NUMBER_TEXT], double ns); /* "1.3ms" */
const char *format_age(char text[NUMBER_TEXT], int64_t ns); /* "2h 5m" */
const char *format_bytes(char text[NUMBER_TEXT], uint64_t bytes);

/* Return how long ago a time was, which is in ns since boot. */
int64_t age_ns(uint64_t since_boot_ns);

/* ---- templates.c: templates sorted, as a table, and as JSON */

/* Rates per second since the last refresh, which top adds to a template. */
struct guard_rate {
	bool known;
	double launches, stale;
};

enum guard_sort {
	SORT_ID,
	SORT_PID,
	SORT_USER,
	SORT_COMMAND,
	SORT_EXECUTABLE,
	SORT_STATE,
	SORT_LAUNCHES,
	SORT_STALE,
	SORT_REFUSED,
	SORT_P50,
	SORT_P99,
	SORT_RATE, /* in top only */
};

struct guard_row {
	const struct guard_item *item;
	struct guard_rate rate;
};

/* Return the field of this name, or -1. */
int guard_sort_field(const char *name);

/*
 * Sort: ids and names smallest first, other fields largest first, or reversed.
 */
void guard_sort(struct guard_row *rows, size_t n, enum guard_sort field,
		bool reverse);
const char *guard_sort_name(enum guard_sort field);

void guard_table(struct text_table *table, const struct guard_row *rows,
		 size_t n, bool rates);

json_t *guard_item_json(const struct guard_item *item);
json_t *histogram_json(const __u64 slots[ST_ITEM_SLOTS]);

/* ---- totals.c: by executable */

struct guard_total {
	char path[sizeof(((struct st_msg_item *)NULL)->path)]; /* safe */
	uint64_t templates, launches, stale, refused, write_denied;
	__u64 launch_us[ST_ITEM_SLOTS];
};

/*
 * Add up each path once, most launches first.
 * Return: an array for the caller to free; NULL if memory is short or there are
 * no items.
 */
struct guard_total *guard_totals(const struct guard_list *list, size_t *n);

#endif
