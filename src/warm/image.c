/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds in a buffer the contents for a prepared process, with the addresses
 * that they have there.
 *
 *	base                          sp
 *	| launch, args, actions ... | argc, argv, envp, auxv | strings |
 *
 * The image ends where the initial stack of the parked process began. The stub
 * is WARM_GAP below that; an image that does not fit into the gap goes below
 * the stub.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "warm/image.h"

#define STUB_FRAME 16384

static const void *pointer(uint64_t value)
{
	return (const void *)(uintptr_t)value;
}

uint64_t st_image_put(struct warm_builder *b, const void *from, size_t n,
		      size_t align)
{
	size_t skip = (size_t)(-b->address & (align - 1));
	uint64_t address = b->address + skip;

	if (n + skip > (size_t)(b->end - b->at))
		return 0;
	memcpy(b->at + skip, from, n);
	b->at += skip + n;
	b->address += skip + n;
	return address;
}

/* Puts strings one behind another. */
int st_image_put_strings(struct warm_builder *b, char *const *list)
{
	for (; list && *list; list++)
		if (!st_image_put(b, *list, strlen(*list) + 1, 1))
			return -E2BIG;
	return 0;
}

/* Puts the array of the addresses of strings that stand from @at on, and a zero. */
int st_image_put_addresses(struct warm_builder *b, char *const *list,
			   uint64_t at, uint64_t *array)
{
	const uint64_t end = 0;

	*array = 0;
	for (; *list; at += strlen(*list) + 1, list++) {
		uint64_t one = st_image_put(b, &at, sizeof(at), 8);

		if (!one)
			return -E2BIG;
		if (!*array)
			*array = one;
	}
	return st_image_put(b, &end, sizeof(end), 8) ? 0 : -E2BIG;
}

static uint64_t put_string(struct warm_builder *b, uint64_t from)
{
	return st_image_put(b, pointer(from), strlen(pointer(from)) + 1, 1);
}

/* ---- the steps */

/*
 * A session shell was parked for signals that are reset, as its file may set traps. A
 * Python ignores those that its launches may reset.
 */
static const uint64_t no_signals;

static bool leaves_out(const struct warm_builder *b, const struct st_launch *l,
		       const struct spawn_template_action *a)
{
	return l->rest ||
	       (b->no_resets && a->type == SPAWN_TEMPLATE_ACTION_SIGDEFAULT);
}

static uint64_t put_argument(struct warm_builder *b, const struct st_launch *l,
			     const struct spawn_template_action *a)
{
	struct spawn_template_open open;
	struct spawn_template_sigset set;

	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_OPEN:
		memcpy(&open, pointer(a->arg), sizeof(open));
		open.path = put_string(b, open.path);
		return open.path ? st_image_put(b, &open, sizeof(open), 8) : 0;
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		memcpy(&set, pointer(a->arg), sizeof(set));
		set.sigset = st_image_put(
			b,
			leaves_out(b, l, a) ? &no_signals : pointer(set.sigset),
			sizeof(uint64_t), 8);
		return set.sigset ? st_image_put(b, &set, sizeof(set), 8) : 0;
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return put_string(b, a->arg);
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		return st_image_put(b, pointer(a->arg), sizeof(struct rlimit),
				    8);
	default:
		return 0;
	}
}

/* Returns the number that a descriptor of the caller's has in the process. */
static int number_there(const struct warm_fds *fds, int fd)
{
	for (int i = 1; i < fds->n; i++)
		if (fds->fd[i] == fd)
			return fds->number[i];
	return fd;
}

static uint64_t put_actions(struct warm_builder *b, const struct warm_fds *fds,
			    const struct st_launch *l)
{
	struct spawn_template_action copy[SPAWN_TEMPLATE_ACTIONS_MAX];
	uint32_t n = l->n_actions;

	if (n > SPAWN_TEMPLATE_ACTIONS_MAX)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		copy[i] = l->actions[i];
		if (copy[i].fd >= 0 && !st_fds_same(fds, copy[i].fd) &&
		    copy[i].type != SPAWN_TEMPLATE_ACTION_RLIMIT &&
		    copy[i].type != SPAWN_TEMPLATE_ACTION_CLOSE_RANGE)
			copy[i].fd = number_there(fds, copy[i].fd);
		if (!copy[i].arg)
			continue;
		copy[i].arg = put_argument(b, l, &copy[i]);
		if (!copy[i].arg)
			return 0;
	}
	return st_image_put(b, copy, n * sizeof(copy[0]), 8);
}

uint64_t st_image_put_steps(struct warm_builder *b, const struct warm_fds *fds,
			    const struct st_launch *l)
{
	struct spawn_template_spawn_args args = *l->args;
	struct st_launch copy = *l;
	uint64_t actions = put_actions(b, fds, l), at;

	at = st_image_put(b, &args, sizeof(args), 8);
	if (!actions || !at)
		return 0;
	copy.args = pointer(at);
	copy.actions = pointer(actions);
	copy.key = NULL;
	copy.exec_path = NULL;
	copy.watch = NULL;
	copy.wait_fd = WARM_DOOR; /* spared: see list_own() */
	copy.report = NULL;
	copy.lacks = 0;
	/* a session shell was parked with the limit, which its file may have changed */
	if (l->rest)
		copy.plan.limits = false;
	return st_image_put(b, &copy, sizeof(copy), 8);
}

/* ---- the initial stack */

static size_t measure(uint64_t list, size_t *bytes)
{
	char *const *from = pointer(list);
	size_t n = 0;

	for (; from && from[n]; n++)
		*bytes += strlen(from[n]) + 1;
	return n;
}

/*
 * Copies strings to *to (*address in the process) and their addresses to *word.
 */
static int put_list(uint64_t list, size_t n, uint64_t **word, char **to,
		    const char *end, uint64_t *address)
{
	char *const *from = pointer(list);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(from[i]) + 1;

		if (len > (size_t)(end - *to))
			return -EAGAIN; /* grown meanwhile */
		memcpy(*to, from[i], len);
		(*to)[len - 1] = '\0';
		*(*word)++ = *address;
		*to += len;
		*address += len;
	}
	*(*word)++ = 0;
	return 0;
}

static int put_stack(char *buf, uint64_t sp, size_t words, size_t total,
		     size_t argc, size_t envc, const struct st_parked *parked,
		     const struct st_launch *l, struct prctl_mm_map *mm)
{
	uint64_t *word = (uint64_t *)buf;
	uint64_t address = sp + words * 8;
	char *to = buf + words * 8, *end = buf + total;
	int ret;

	*word++ = argc;
	mm->arg_start = address;
	ret = put_list(l->args->argv, argc, &word, &to, end, &address);
	mm->arg_end = mm->env_start = address;
	if (ret == 0)
		ret = put_list(l->args->envp, envc, &word, &to, end, &address);
	mm->env_end = address;
	memcpy(word, parked->auxv, parked->n_auxv * sizeof(uint64_t));
	mm->start_stack = sp;
	return ret;
}

/**
 * st_warm_image - build the contents for a parked process
 * @image: buf is filled, base and size are set
 * @parked: the process
 * @fds: the descriptors to send
 * @l: the launch; its arguments are the caller's
 * @req: launch, sp and mm are set
 *
 * Return: 0; -E2BIG if it does not fit; -EAGAIN if the arguments changed
 * meanwhile.
 */
int st_warm_image(struct warm_image *image, const struct st_parked *parked,
		  const struct warm_fds *fds, const struct st_launch *l,
		  struct warm_request *req)
{
	const struct warm_control *z = &parked->control;
	struct warm_builder b = { .at = image->buf, .address = WARM_PAGE };
	size_t bytes = 0, argc = measure(l->args->argv, &bytes);
	size_t envc = measure(l->args->envp, &bytes);
	size_t words = 1 + argc + 1 + envc + 1 + parked->n_auxv;
	size_t total = (words * 8 + bytes + 15) & ~15UL, steps;
	uint64_t top = z->initial_sp & ~15ULL;
	int ret;

	if (total > WARM_IMAGE_MOST / 2)
		return -E2BIG;
	/* build the steps twice: their address is unknown at first */
	b.end = image->buf + WARM_IMAGE_MOST / 2;
	if (!st_image_put_steps(&b, fds, l))
		return -E2BIG;
	steps = ((size_t)(b.at - image->buf) + 31) & ~15UL;
	if (total + steps > WARM_GAP - 1024)
		top -= WARM_GAP + STUB_FRAME;
	image->size = total + steps;
	image->base = top - image->size;
	req->sp = image->base + steps;
	b.at = image->buf;
	b.address = image->base;
	req->launch = st_image_put_steps(&b, fds, l);
	req->mm = parked->mm;
	ret = put_stack(image->buf + steps, req->sp, words, total, argc, envc,
			parked, l, &req->mm);
	req->base = image->base;
	req->size = image->size;
	return ret;
}
