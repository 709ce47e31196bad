/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sandboxes from plain lists: what a Landlock ruleset and a seccomp filter together
 * can hold on this kernel, made once for any number of launches.
 */
#include <errno.h>
#include <stdlib.h>

#include "args.h"
#include "own.h"
#include "sandbox/filter.h"
#include "sandbox/ruleset.h"

#define FLAGS                                                              \
	(SPAWN_TEMPLATE_SANDBOX_NO_NET | SPAWN_TEMPLATE_SANDBOX_CONNECT |  \
	 SPAWN_TEMPLATE_SANDBOX_BIND | SPAWN_TEMPLATE_SANDBOX_SIGNALS |    \
	 SPAWN_TEMPLATE_SANDBOX_ABSTRACT | SPAWN_TEMPLATE_SANDBOX_NO_DEVICES | \
	 SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT)
#define WISHES                                                            \
	(SPAWN_TEMPLATE_SANDBOX_NO_NET | SPAWN_TEMPLATE_SANDBOX_CONNECT | \
	 SPAWN_TEMPLATE_SANDBOX_BIND | SPAWN_TEMPLATE_SANDBOX_SIGNALS |   \
	 SPAWN_TEMPLATE_SANDBOX_ABSTRACT)
#define TCP_FLAGS (SPAWN_TEMPLATE_SANDBOX_CONNECT | SPAWN_TEMPLATE_SANDBOX_BIND)
#define PORTS_MAX 65536
#define LOST(name) SPAWN_TEMPLATE_SANDBOX_LOST_##name

_Static_assert(sizeof(struct spawn_template_sandbox_args) ==
		       SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0,
	       "sandbox args");

struct spawn_template_sandbox {
	int ruleset;		/* -1: none */
	struct st_own file;
	const struct sock_fprog *filter;	/* NULL: none */
};

static const size_t versions[] = { SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0 };

/* ---- arguments */

static bool ports_ok(uint64_t ports, uint64_t n, bool used)
{
	return used ? n <= PORTS_MAX && (ports || !n) : !ports && !n;
}

static bool args_ok(const struct spawn_template_sandbox_args *a)
{
	uint64_t f = a->flags;

	for (int i = 0; i < 4; i++)
		if (a->reserved[i])
			return false;
	if (f & ~FLAGS || !(f & WISHES || a->read_only || a->writable))
		return false;
	if (f & SPAWN_TEMPLATE_SANDBOX_NO_NET && f & TCP_FLAGS)
		return false;
	return ports_ok(a->connect_ports, a->n_connect_ports,
			f & SPAWN_TEMPLATE_SANDBOX_CONNECT) &&
	       ports_ok(a->bind_ports, a->n_bind_ports,
			f & SPAWN_TEMPLATE_SANDBOX_BIND);
}

static int take_args(struct spawn_template_sandbox_args *a, const void *from,
		     size_t size)
{
	int ret = st_args_copy(a, from, size, versions, 1);

	if (ret < 0)
		return ret;
	return args_ok(a) ? 0 : -EINVAL;
}

/* ---- what the kernel cannot hold */

static int lost_files(int abi)
{
	if (!abi)
		return LOST(FILES);
	return (abi < 2 ? LOST(RENAME) : 0) | (abi < 3 ? LOST(TRUNCATE) : 0) |
	       (abi < 5 ? LOST(IOCTL) : 0) | (abi < 9 ? LOST(SOCKETS) : 0);
}

static int lost_of(const struct spawn_template_sandbox_args *a, int abi)
{
	int lost = 0;

	if (a->read_only || a->writable)
		lost |= lost_files(abi);
	if (a->flags & TCP_FLAGS && abi < 4)
		lost |= LOST(TCP);
	if (a->flags & SPAWN_TEMPLATE_SANDBOX_SIGNALS && abi < 6)
		lost |= LOST(SIGNALS);
	if (a->flags & SPAWN_TEMPLATE_SANDBOX_ABSTRACT && abi < 6)
		lost |= LOST(ABSTRACT);
	if (a->flags & SPAWN_TEMPLATE_SANDBOX_NO_NET && !st_filter_possible())
		lost |= LOST(NET);
	return lost;
}

int spawn_template_sandbox_lost(const struct spawn_template_sandbox_args *args,
				size_t size)
{
	struct spawn_template_sandbox_args a;
	int ret = take_args(&a, args, size);

	return ret < 0 ? ret : lost_of(&a, st_ruleset_abi());
}

/* ---- a sandbox */

/* Fills in a sandbox as well as this kernel can hold it. */
static int fill(struct spawn_template_sandbox *s,
		const struct spawn_template_sandbox_args *a, int abi, int lost)
{
	int ret = st_ruleset_make(a, abi);

	if (ret < 0 && ret != -ENOMSG)
		return ret;
	if (ret >= 0) {
		s->ruleset = ret;
		st_own_take(&s->file, ret);
	}
	if (a->flags & SPAWN_TEMPLATE_SANDBOX_NO_NET && !(lost & LOST(NET)))
		s->filter = &st_filter_no_net;
	return 0;
}

int spawn_template_sandbox_new(const struct spawn_template_sandbox_args *args,
			       size_t size,
			       struct spawn_template_sandbox **sandbox)
{
	struct spawn_template_sandbox_args a;
	struct spawn_template_sandbox *s;
	int abi, lost, ret = take_args(&a, args, size);

	if (ret < 0)
		return ret;
	if (!sandbox)
		return -EINVAL;
	abi = st_ruleset_abi();
	lost = lost_of(&a, abi);
	if (lost & ~LOST(MINOR) &&
	    !(a.flags & SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT))
		return -EOPNOTSUPP;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ruleset = -1;
	ret = fill(s, &a, abi, lost);
	if (ret < 0) {
		free(s);
		return ret;
	}
	*sandbox = s;
	return 0;
}

int spawn_template_sandbox_apply(const struct spawn_template_sandbox *sandbox,
				 struct spawn_template_spawn_args *args,
				 size_t size)
{
	if (!sandbox || !args || size < SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2 ||
	    args->flags & (SPAWN_TEMPLATE_SPAWN_LANDLOCK |
			   SPAWN_TEMPLATE_SPAWN_SECCOMP))
		return -EINVAL;
	if (sandbox->ruleset >= 0) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_LANDLOCK;
		args->landlock_fd = sandbox->ruleset;
	}
	if (sandbox->filter) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_SECCOMP;
		args->seccomp = (uintptr_t)sandbox->filter;
	}
	return 0;
}

void spawn_template_sandbox_free(struct spawn_template_sandbox *sandbox)
{
	if (!sandbox)
		return;
	if (sandbox->ruleset >= 0)
		st_own_close(&sandbox->file, &sandbox->ruleset);
	free(sandbox);
}
