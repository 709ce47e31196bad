/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The templates that an environment has open, so that they can be closed when it ends
 * before JavaScript has closed them: a Worker may be terminated at any time.
 */
#include "native.h"

struct owned {
	struct owned *next;
	int tfd;
	enum cache cache;
	size_t count;			/* of runs that share one of the cache */
};

static struct owned **find(struct env *env, int tfd, enum cache cache)
{
	struct owned **at = &env->owned;

	while (*at && ((*at)->tfd != tfd || (*at)->cache != cache))
		at = &(*at)->next;
	return at;
}

int owned_add(struct env *env, int tfd, enum cache cache)
{
	struct owned *o = cache == NOT_CACHED ? NULL : *find(env, tfd, cache);

	if (o) {
		o->count++;
		return 0;
	}
	o = malloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	*o = (struct owned){ env->owned, tfd, cache, 1 };
	env->owned = o;
	return 0;
}

static int let_go(struct env *env, const struct owned *o)
{
	return o->cache == NOT_CACHED ? spawn_template_close(o->tfd)
				      : spawn_template_cache_drop(
						env->caches[o->cache], o->tfd);
}

int owned_close(struct env *env, int tfd, enum cache cache)
{
	struct owned **at = find(env, tfd, cache), *o = *at;
	int ret;

	if (!o)
		return -EBADF;
	ret = let_go(env, o);
	if (--o->count == 0) {
		*at = o->next;
		free(o);
	}
	return ret;
}

void owned_close_all(struct env *env)
{
	while (env->owned) {
		struct owned *o = env->owned;

		env->owned = o->next;
		while (o->count--)
			let_go(env, o);
		free(o);
	}
}
