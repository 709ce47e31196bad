/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's event loop: descriptors, and what is called when they are ready.
 * One thread; whoever is called must not block.
 */
#ifndef ST_DAEMON_LOOP_H
#define ST_DAEMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of what owns a descriptor. -1: no descriptor. */
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
 * Closes the descriptor. The watch is freed after the events of this round, of
 * which one may still be the watch's: it is not called any more.
 */
void loop_remove(struct loop *loop, struct watch *watch);

/* The same, but the descriptor is left to the caller, who closes it. */
int loop_take(struct loop *loop, struct watch *watch);

/* Waits and calls; at most timeout_ms; -1: for ever. Return: 0 or -errno. */
int loop_round(struct loop *loop, int timeout_ms);

/* Frees what was removed. loop_round() does that, too. */
void loop_reap(struct loop *loop);

#endif
