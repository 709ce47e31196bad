/* SPDX-License-Identifier: BSD-2-Clause */
/* Two ways to call drain() in the environment's thread when completions wait. */
#include "native.h"

int wake_start(struct env *env)
{
	struct wake *wake = calloc(1, sizeof(*wake));
	int ret;

	if (!wake)
		return -ENOMEM;
	wake->env = env;
	wake->napi = env->napi;
	wake->uv = env->use_uv;
	ret = wake->uv ? wake_uv_start(env, wake)
		       : wake_thread_start(env, wake);
	if (ret < 0) {
		wake->env = NULL;
		if (!wake->shared)
			free(wake);
		return ret;
	}
	env->wake = wake;
	return 0;
}

void wake_keep(struct wake *wake, bool on)
{
	if (wake->uv)
		wake_uv_keep(wake, on);
	else
		wake_thread_keep(wake, on);
}

/* The way that the environment has frees the memory, now or later. */
void wake_stop(struct wake *wake)
{
	wake->env = NULL;
	if (wake->uv)
		wake_uv_stop(wake);
	else
		wake_thread_stop(wake);
}
