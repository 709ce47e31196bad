/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn-template top: samples, frames, and the terminal that shows them. */
#ifndef TOP_H
#define TOP_H

#include "cli/guard/guard.h"
#include "cli/warm/pools.h"

struct top_sample {
	int64_t at_ns; /* 0: no sample yet */
	struct st_msg_status status;
	struct guard_list list;
};

struct top {
	struct guard_options options;
	struct guard guard;
	struct guard_error error; /* the last one; error 0: none */
	struct top_sample now, before;
	struct guard_row *rows;
	int64_t delay_ns;
	enum guard_sort sort;
	bool reverse, paused;
	bool of_pools; /* --pools: show these, and ask no guard */
	struct pools pools;
};

/* ---- top_sample.c */

/*
 * Ask once more, and keep the last sample if there is no answer.
 * Return: 0, or -errno with top->error filled in.
 */
int top_sample(struct top *top);
void top_free(struct top *top);

/* Print a frame of this size; width 0: any. Return: 0 or CLI_FAILED. */
int top_frame(FILE *file, struct top *top, size_t width, size_t max_rows);

/* Make the frame for programs. */
json_t *top_json(struct top *top);

/* ---- top_pools.c: the same for --pools; the functions above call these */

int top_pools_sample(struct top *top);
int top_pools_frame(FILE *file, struct top *top, size_t width, size_t max_rows);
json_t *top_pools_json(struct top *top);

/* ---- top_screen.c: a terminal that is restored however this process ends */

/* Return: 0, or -errno. */
int screen_open(void);

/* May be called again. Modes that a shell has set are kept. */
void screen_close(void);

/* Write a frame. A signal or a key cuts it short if the output is held up. */
void screen_write(const char *text, size_t size);

/* Return the signal mask to wait with, so that signals end the wait. */
const sigset_t *screen_mask(void);

/*
 * Obey noted signals: stop and continue, draw again.
 * Return: the signal that asks to end; 0: none.
 */
int screen_signals(bool *ret_changed);

#endif
