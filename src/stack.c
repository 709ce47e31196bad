/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack on which a child runs until exec. The lowest page has no access, so
 * that an overflow is a fault of the child and not a silent write into the
 * parent.
 *
 * - A thread that waits for its child has one stack, made at its first launch
 *   and unmapped when the thread ends. It serves one child at a time.
 * - Children that nobody waits for have one each. Some stacks are kept for
 *   later ones, in slots that need no lock, since a fork might find a lock
 *   taken.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pin.h"
#include "stack.h"

#define STACK_SIZE (64 * 1024)
#define SPARE_MOST 16

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
static __thread char *mine;
static _Atomic(char *) spare[SPARE_MOST];

static void unmap_stack(void *stack)
{
	munmap(stack, STACK_SIZE);
}

static void thread_leaves(void *stack)
{
	mine = NULL;
	unmap_stack(stack);
}

static void make_stack_key(void)
{
	st_pin();
	key_made = pthread_key_create(&key, thread_leaves) == 0;
}

static char *map_stack(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, page, PROT_NONE) < 0) {
		unmap_stack(stack);
		return NULL;
	}
	return stack;
}

/*
 * Fills in this thread's stack. If no thread key is left, the stack is for one
 * launch only.
 * Return: 0 or -ENOMEM.
 */
int st_stack_get(struct st_stack *stack)
{
	stack->size = STACK_SIZE;
	stack->once = false;
	stack->base = mine;
	if (stack->base)
		return 0;
	pthread_once(&key_once, make_stack_key);
	stack->base = map_stack();
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
		unmap_stack(stack->base);
}

int st_stack_take(struct st_stack *stack)
{
	stack->size = STACK_SIZE;
	stack->once = true;
	stack->base = NULL;
	for (int i = 0; i < SPARE_MOST && !stack->base; i++)
		if (atomic_load_explicit(&spare[i], memory_order_relaxed))
			stack->base = atomic_exchange(&spare[i], NULL);
	if (!stack->base)
		stack->base = map_stack();
	return stack->base ? 0 : -ENOMEM;
}

void st_stack_give(struct st_stack *stack)
{
	for (int i = 0; i < SPARE_MOST; i++) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&spare[i], &none,
						   stack->base))
			return;
	}
	unmap_stack(stack->base);
}
