/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn-template top: samples, frames, and the terminal that they go to. */
#ifndef TOP_H
#define TOP_H

#include "cli/guard/guard.h"

struct top_sample {
	int64_t at_ns; /* 0: none yet */
	struct st_msg_status status;
	struct guard_list list;
};

struct top {
	struct guard_options options;
	struct guard guard;
	struct guard_error error; /* the last; error 0: all is well */
	struct top_sample now, before;
	struct guard_row *rows;
	int64_t delay_ns;
	enum guard_sort sort;
	bool reverse, paused;
};

/* ---- top_sample.c */

/* Ask once more; what was known stays if there is no answer. Return: 0, or
 * -errno with top->error filled in. */
int top_sample(struct top *top);
void top_free(struct top *top);

/* Print a frame of the size: width 0: any. Return: 0 or CLI_FAILED. */
int top_frame(FILE *file, struct top *top, size_t width, size_t max_rows);

/* The same for programs. */
json_t *top_json(struct top *top);

/* ---- top_screen.c: a terminal that is put back as it was, however this ends */

/* Return: 0, or -errno. */
int screen_open(void);

/* Once more, after screen_close(); what a shell has changed is kept. */
void screen_close(void);

/* Write a frame. Where the output is held, a signal or a key cuts it short. */
void screen_write(const char *text, size_t size);

/* The mask to wait with, so that signals end the wait. */
const sigset_t *screen_mask(void);

/* Do what signals have asked for: stop and go on, draw anew. Return: the signal
 * that asks to end; 0: none. */
int screen_signals(bool *ret_changed);

#endif
