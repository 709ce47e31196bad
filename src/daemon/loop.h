/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's event loop: descriptors, and functions to call when they are
 * ready. It runs in one thread, and the functions must not block.
 */
#ifndef ST_DAEMON_LOOP_H
#define ST_DAEMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member of the structure that owns the descriptor. -1: no descriptor. */
struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
	void (*free)(struct watch *watch);	/* NULL: nothing to free */
	struct watch *next_gone;
	bool gone;
};

#define WATCH_OWNER(type, w) \
	((type *)(void *)((char *)(w)-offsetof(type, watch)))

struct loop {
	int epoll_fd;
	struct watch *gone;
};

/* Return: 0 or -errno. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* events: EPOLL*, level triggered. Return: 0 or -errno. */
int loop_add(struct loop *loop, struct watch *watch, uint32_t events);
int loop_change(struct loop *loop, struct watch *watch, uint32_t events);

/*
 * Closes the descriptor. The watch is freed after this round of events and is
 * not called any more, even if the round has an event for it.
 */
void loop_remove(struct loop *loop, struct watch *watch);

/*
 * Does as loop_remove(), but returns the descriptor, which the caller closes.
 */
int loop_take(struct loop *loop, struct watch *watch);

/* Waits at most timeout_ms (-1: for ever), then calls. Return: 0 or -errno. */
int loop_round(struct loop *loop, int timeout_ms);

/* Frees removed watches, as loop_round() does, too. */
void loop_reap(struct loop *loop);

#endif
