/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The templates that an environment has open, so that they can be closed when it ends
 * before JavaScript has closed them: a Worker may be terminated at any time.
 */
#include "native.h"

struct owned {
	struct owned *next;
	int tfd;
	bool cached;
};

int owned_add(struct env *env, int tfd, bool cached)
{
	struct owned *o = malloc(sizeof(*o));

	if (!o)
		return -ENOMEM;
	*o = (struct owned){ env->owned, tfd, cached };
	env->owned = o;
	return 0;
}

static int let_go(struct env *env, const struct owned *o)
{
	return o->cached ? spawn_template_cache_drop(env->cache, o->tfd)
			 : spawn_template_close(o->tfd);
}

int owned_close(struct env *env, int tfd, bool cached)
{
	for (struct owned **at = &env->owned; *at; at = &(*at)->next) {
		struct owned *o = *at;
		int ret;

		if (o->tfd != tfd || o->cached != cached)
			continue;
		*at = o->next;
		ret = let_go(env, o);
		free(o);
		return ret;
	}
	return -EBADF;
}

void owned_close_all(struct env *env)
{
	while (env->owned) {
		struct owned *o = env->owned;

		env->owned = o->next;
		let_go(env, o);
		free(o);
	}
}
