/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the contents for a prepared Node. They replace the strings of the initial
 * stack, where its command line had room for them:
 *
 *	arg_start
 *	| argv | envp | addresses of argv | path | command | launch, actions ... |
 */
#include <errno.h>
#include <string.h>

#include "shared/clock.h"
#include "warm/node.h"

/* Notes the code, and the arguments of the program, whose strings begin at from. */
static void split(struct warm_node_command *c, char *const *argv, uint64_t from)
{
	int at = st_node_options(argv);

	if (at > 0 && st_node_evaluates(argv[at])) {
		for (int i = 0; i <= at; i++)
			from += strlen(argv[i]) + 1;
		c->code = from;
		at++;
	}
	at++;
	c->arguments = c->argv + 8 * (uint64_t)at;
	while (argv[at + (int)c->n_arguments])
		c->n_arguments++;
}

/*
 * Moves the times of node's start, by the time that it has waited: the clocks differ after
 * one was set, or the machine has slept.
 */
static void move_times(struct warm_node_command *c, const struct warm_node *n)
{
	const uint64_t waited = (uint64_t)st_now() - n->stopped;
	const int64_t real =
		st_clock(CLOCK_REALTIME) - (int64_t)n->stopped_real;

	for (uint64_t i = 0; i < n->n_times; i++) {
		const struct warm_node_time *time = &n->time[i];
		double number;

		c->time[i] = *time;
		if (!time->unit) {
			c->time[i].bits += waited;
			continue;
		}
		memcpy(&number, &time->bits, sizeof(number));
		number += time->unit == WARM_NODE_REAL
				  ? (double)real / WARM_NODE_REAL
				  : (double)waited / (double)time->unit;
		memcpy(&c->time[i].bits, &number, sizeof(number));
	}
}

int st_node_image(struct warm_image *image, const struct st_parked *parked,
		  const struct warm_fds *fds, const struct st_launch *l,
		  struct warm_request *req)
{
	char *const *argv = (char *const *)(uintptr_t)l->args->argv;
	char *const *envp = (char *const *)(uintptr_t)l->args->envp;
	const uint64_t from = parked->mm.arg_start;
	uint64_t room = parked->mm.env_end - from;
	struct warm_builder b = { .at = image->buf,
				  .address = from,
				  .no_resets = true };
	struct warm_node_command c = { .argv = 0 };

	if (room > WARM_IMAGE_MOST)
		room = WARM_IMAGE_MOST;
	b.end = image->buf + room;
	if (st_image_put_strings(&b, argv) < 0)
		return -E2BIG;
	req->mm = parked->mm;
	req->mm.arg_end = req->mm.env_start = c.variables = b.address;
	c.title_size = b.address - from;
	if (st_image_put_strings(&b, envp) < 0)
		return -E2BIG;
	req->mm.env_end = b.address;
	if (st_image_put_addresses(&b, argv, from, &c.argv) < 0)
		return -E2BIG;
	split(&c, argv, from);
	move_times(&c, &parked->control.node);
	c.path = st_image_put(&b, parked->program, strlen(parked->program) + 1,
			      1);
	req->command = st_image_put(&b, &c, sizeof(c), 8);
	req->launch = st_image_put_steps(&b, fds, l);
	image->base = req->base = from;
	image->size = req->size = b.address - from;
	return c.path && req->command && req->launch ? 0 : -E2BIG;
}
