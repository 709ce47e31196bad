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

int st_stack_get(struct st_stack *stack);
void st_stack_put(struct st_stack *stack);

#endif
