/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack that a child runs on until exec: one per launching thread, made on
 * its first launch and unmapped when the thread ends. The lowest page has no
 * access, so that an overflow is a fault of the child and not a silent write
 * into the parent.
 *
 * It serves one child at a time: the thread waits until the child has left it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack.h"

#define STACK_SIZE (64 * 1024)

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
static __thread char *mine;

static void unmap(void *stack)
{
	munmap(stack, STACK_SIZE);
}

static void thread_ends(void *stack)
{
	mine = NULL;
	unmap(stack);
}

static void make_key(void)
{
	key_made = pthread_key_create(&key, thread_ends) == 0;
}

static char *map(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, page, PROT_NONE) < 0) {
		unmap(stack);
		return NULL;
	}
	return stack;
}

/*
 * Fills in this thread's stack. Where no thread key is left the stack is for
 * one launch. Return: 0 or -ENOMEM.
 */
int st_stack_get(struct st_stack *stack)
{
	stack->size = STACK_SIZE;
	stack->once = false;
	stack->base = mine;
	if (stack->base)
		return 0;
	pthread_once(&key_once, make_key);
	stack->base = map();
	if (!stack->base)
		return -ENOMEM;
	if (key_made && pthread_setspecific(key, stack->base) == 0)
		mine = stack->base;
	else
		stack->once = true;
	return 0;
}

void st_stack_put(struct st_stack *stack)
{
	if (stack->once)
		unmap(stack->base);
}
