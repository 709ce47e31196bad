/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the contents for a prepared Python. They replace the strings of the
 * initial stack, where its command line had room for them:
 *
 *	arg_start
 *	| argv | envp | addresses of argv | path | command | launch, actions ... |
 */
#include <errno.h>
#include <string.h>

#include "warm/image.h"

int st_python_image(struct warm_image *image, const struct st_parked *parked,
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
	struct warm_python_command c = { .argv = 0 };

	if (room > WARM_IMAGE_MOST)
		room = WARM_IMAGE_MOST;
	b.end = image->buf + room;
	if (st_image_put_strings(&b, argv) < 0)
		return -E2BIG;
	req->mm = parked->mm;
	req->mm.arg_end = req->mm.env_start = c.variables = b.address;
	if (st_image_put_strings(&b, envp) < 0)
		return -E2BIG;
	req->mm.env_end = b.address;
	c.variables_len = b.address - c.variables;
	if (st_image_put_addresses(&b, argv, from, &c.argv) < 0)
		return -E2BIG;
	while (argv[c.argc])
		c.argc++;
	c.path = st_image_put(&b, parked->program, strlen(parked->program) + 1,
			      1);
	req->command = st_image_put(&b, &c, sizeof(c), 8);
	req->launch = st_image_put_steps(&b, fds, l);
	image->base = req->base = from;
	image->size = req->size = b.address - from;
	return c.path && req->command && req->launch ? 0 : -E2BIG;
}
