/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_STACK_H
#define ST_STACK_H

#include <stdbool.h>
#include <stddef.h>

struct st_stack {
	char *base;
	size_t size;
	bool once;	/* unmapped by st_stack_put() */
};

/* The calling thread's stack, for a child that it waits for. */
int st_stack_get(struct st_stack *stack);
void st_stack_put(struct st_stack *stack);

/* A stack for a child that nobody waits for; any thread may give it back. */
int st_stack_take(struct st_stack *stack);
void st_stack_give(struct st_stack *stack);

#endif
