/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies everything that the arguments of a launch point to into one block, so
 * that the caller may free or change its own memory at once.
 *
 * A pass copies what fits into its block, and measures all of it. If the first block
 * was too small, a second pass copies into one of the size that was measured. If
 * something has grown in between, for example because another thread changes the
 * environment, the copy does not go beyond the block.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <linux/filter.h>

#include "args.h"
#include "copy.h"
#include "sys.h"

/* More than any memory, and far enough from the end that sums do not wrap. */
#define COPY_MOST (SIZE_MAX / 4)

struct copy {
	char *base;		/* NULL: only measure */
	size_t size;
	size_t used;		/* more than size: not all fits */
	bool endless;		/* more than there is memory */
};

/* Room for n bytes; NULL if there is none, or nothing is to be copied. */
static void *take_room(struct copy *c, size_t n, size_t align)
{
	size_t at = (c->used + align - 1) & ~(align - 1);

	if (n > COPY_MOST - at) {
		c->endless = true;
		return NULL;
	}
	c->used = at + n;
	return c->used <= c->size ? c->base + at : NULL;
}

static void *copy_bytes(struct copy *c, const void *from, size_t n,
			size_t align)
{
	void *to = take_room(c, n, align);

	return to ? memcpy(to, from, n) : NULL;
}

static char *copy_string(struct copy *c, const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = copy_bytes(c, s, n, 1);

	if (to)
		to[n - 1] = '\0';
	return to;
}

/* Copies a list of strings that ends with NULL, such as argv. */
static void copy_strings(struct copy *c, uint64_t *list)
{
	char *const *from = st_pointer(*list);
	size_t n = 0, i;
	char **to;

	if (!from)
		return;
	while (from[n])
		n++;
	to = take_room(c, (n + 1) * sizeof(*to), sizeof(*to));
	for (i = 0; i < n && from[i]; i++) {
		char *s = copy_string(c, from[i]);

		if (to)
			to[i] = s;
	}
	if (!to)
		return;
	to[i] = NULL; /* it may have become shorter meanwhile */
	*list = (uintptr_t)to;
}

/* ---- actions */

static void *copy_open(struct copy *c, const struct spawn_template_open *from)
{
	struct spawn_template_open *to = copy_bytes(c, from, sizeof(*from), 8);
	char *path = copy_string(c, st_pointer(from->path));

	if (to)
		to->path = (uintptr_t)path;
	return to;
}

static void *copy_sigset(struct copy *c,
			 const struct spawn_template_sigset *from)
{
	struct spawn_template_sigset *to =
		copy_bytes(c, from, sizeof(*from), 8);
	void *set =
		copy_bytes(c, st_pointer(from->sigset), sizeof(uint64_t), 8);

	if (to)
		to->sigset = (uintptr_t)set;
	return to;
}

/* Copies the target of the action's argument; NULL if it has none. */
static void *copy_argument(struct copy *c,
			   const struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return copy_open(c, st_pointer(a->arg));
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return copy_sigset(c, st_pointer(a->arg));
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return copy_string(c, st_pointer(a->arg));
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		return copy_bytes(c, st_pointer(a->arg), sizeof(struct rlimit),
				  8);
	default:
		return NULL;
	}
}

static void copy_actions(struct copy *c, struct spawn_template_spawn_args *args)
{
	const struct spawn_template_action *from = st_pointer(args->actions);
	size_t n = args->actions_len;
	struct spawn_template_action *to;

	if (!n)
		return;
	to = copy_bytes(c, from, n * sizeof(*to), 8);
	for (size_t i = 0; i < n; i++) {
		void *arg = copy_argument(c, &from[i]);

		if (to)
			to[i].arg = (uintptr_t)arg;
	}
	if (to)
		args->actions = (uintptr_t)to;
}

/* ---- the filter */

static void copy_filter(struct copy *c, struct spawn_template_spawn_args *args)
{
	const struct sock_fprog *from = st_pointer(args->seccomp);
	struct sock_fprog *to = copy_bytes(c, from, sizeof(*from), 8);
	/* read once, since another thread may change it */
	unsigned short len = to ? to->len : from->len;
	const struct sock_filter *code = to ? to->filter : from->filter;
	void *copy = copy_bytes(c, code, len * sizeof(*code), 8);

	if (!to)
		return;
	to->filter = copy;
	args->seccomp = (uintptr_t)to;
}

/* ---- all arguments */

static void copy_all(struct copy *c, struct spawn_template_spawn_args *args,
		     uint64_t *input, uint64_t input_len)
{
	void *to;

	copy_strings(c, &args->argv);
	copy_strings(c, &args->envp);
	copy_actions(c, args);
	if (args->flags & SPAWN_TEMPLATE_SPAWN_SETGROUPS && args->n_groups) {
		to = copy_bytes(c, st_pointer(args->groups),
				args->n_groups * sizeof(gid_t), 8);
		if (to)
			args->groups = (uintptr_t)to;
	}
	if (args->flags & SPAWN_TEMPLATE_SPAWN_SECCOMP)
		copy_filter(c, args);
	if (!input_len)
		return;
	to = copy_bytes(c, st_pointer(*input), input_len, 1);
	if (to)
		*input = (uintptr_t)to;
}

/* Return: whether all is in a block of this size; else c tells what it needs. */
static bool copy_into(struct copy *c, size_t size,
		      struct spawn_template_spawn_args *args, uint64_t *input,
		      uint64_t input_len)
{
	*c = (struct copy){ .base = size ? malloc(size) : NULL };
	c->size = c->base ? size : 0;
	copy_all(c, args, input, input_len);
	if (c->used <= c->size && !c->endless)
		return true;
	free(c->base);
	return false;
}

/**
 * st_copy_args - make arguments independent of the caller's memory
 * @args: checked; its pointers lead into the copy afterwards
 * @input: the address of so many bytes more, set to that of their copy
 * @input_len: 0: none, and @input is not used
 * @guess: the size of a block that is most probably enough, and is no waste if it
 *         is too large; 0: none
 * @copy: set to the block, to be freed with free()
 *
 * Return: 0; -ENOMEM; -EINVAL if they changed meanwhile.
 */
int st_copy_args(struct spawn_template_spawn_args *args, uint64_t *input,
		 uint64_t input_len, size_t guess, void **copy)
{
	const struct spawn_template_spawn_args from = *args;
	uint64_t from_input = input_len ? *input : 0;
	struct copy c;

	if (!copy_into(&c, guess, args, input, input_len)) {
		size_t size = c.used;

		if (c.endless)
			return -ENOMEM;
		*args = from;
		if (input_len)
			*input = from_input;
		if (!copy_into(&c, size, args, input, input_len))
			return c.used > size ? -EINVAL : -ENOMEM;
	}
	*copy = c.base;
	return 0;
}
