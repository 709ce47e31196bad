/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the contents for a session shell. They replace the strings of the
 * parked shell's initial stack, where its command line had room for them:
 *
 *	arg_start
 *	| argv | envp | struct warm_command, args | launch, actions ... |
 */
#include <errno.h>
#include <string.h>

#include "warm/environment.h"
#include "warm/image.h"

static const char *after(const char *variable, const char *name)
{
	size_t len = strlen(name);

	return strncmp(variable, name, len) == 0 ? variable + len : NULL;
}

/* Notes where the values of PWD and OLDPWD will be. */
static void note_directories(struct warm_command *c, uint64_t at,
			     char *const *envp)
{
	for (; envp && *envp; envp++) {
		const char *pwd = after(*envp, "PWD=");
		const char *old = after(*envp, "OLDPWD=");

		if (pwd)
			c->pwd = at + (uint64_t)(pwd - *envp);
		if (old)
			c->oldpwd = at + (uint64_t)(old - *envp);
		at += strlen(*envp) + 1;
	}
}

/* Puts the addresses of the arguments behind -c's. */
static int put_args(struct warm_builder *b, struct warm_command *c,
		    char *const *argv)
{
	uint64_t at = c->text + strlen(argv[2]) + 1;

	for (argv += 3; argv[c->n_args];)
		c->n_args++;
	return c->n_args ? st_image_put_addresses(b, argv, at, &c->args) : 0;
}

int st_shell_image(struct warm_image *image, const struct st_parked *parked,
		   const struct warm_fds *fds, const struct st_launch *l,
		   struct warm_request *req)
{
	char *const *argv = (char *const *)(uintptr_t)l->args->argv;
	char *const *envp = (char *const *)(uintptr_t)l->args->envp;
	const uint64_t from = parked->mm.arg_start;
	const bool dash = parked->control.shell.shell == WARM_SHELL_DASH;
	/* dash's variables are the strings of its environment: they stay there */
	uint64_t room =
		(dash ? parked->mm.env_start : parked->mm.env_end) - from;
	struct warm_builder b = { .at = image->buf, .address = from };
	struct warm_command c = {
		.elsewhere = !st_environment_is_there(parked, l, fds->fd[0]),
		.names = { "BASH_EXECUTION_STRING", "PWD", "OLDPWD" },
	};

	if (dash && c.elsewhere)
		return -EXDEV;
	if (room > WARM_IMAGE_MOST)
		room = WARM_IMAGE_MOST;
	b.end = image->buf + room;
	if (st_image_put_strings(&b, argv) < 0)
		return -E2BIG;
	req->mm = parked->mm;
	req->mm.arg_end = b.address;
	if (!dash) {
		req->mm.env_start = c.variables = b.address;
		if (st_image_put_strings(&b, envp) < 0)
			return -E2BIG;
		req->mm.env_end = b.address;
	}
	c.text = from + strlen(argv[0]) + 1 + strlen(argv[1]) + 1;
	c.rest = c.text + l->rest;
	c.rest_len = strlen(argv[2] + l->rest);
	note_directories(&c, c.variables, envp);
	if (put_args(&b, &c, argv) < 0)
		return -E2BIG;
	req->command = st_image_put(&b, &c, sizeof(c), 8);
	req->launch = st_image_put_steps(&b, fds, l);
	image->base = req->base = from;
	image->size = req->size = b.address - from;
	return req->command && req->launch ? 0 : -E2BIG;
}
