/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and compares the rights of threads.
 *
 * A call that fails leaves zeros or the error in its place: two threads are
 * then equal only if both were answered alike.
 */
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "run/rights.h"
#include "sys.h"

#define GROUPS_FEW 64

/* The bounding set of this thread, once it cannot change unseen. */
static __thread uint64_t known_bounding;
static __thread bool is_bounding_known;

static uint64_t hash_of_groups(const uint32_t *groups, int32_t n)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (int32_t i = 0; i < n; i++)
		hash = (hash ^ groups[i]) * 0x100000001b3;
	return hash;
}

/* Reads the groups; more than a few of them need memory. */
static void get_groups(struct st_rights *rights)
{
	uint32_t few[GROUPS_FEW], *many = NULL;
	int32_t n = sys_call2(__NR_getgroups, GROUPS_FEW, few);

	if (n == -EINVAL) {
		n = sys_call2(__NR_getgroups, 0, NULL);
		many = n > 0 ? malloc((size_t)n * sizeof(*many)) : NULL;
		n = many ? sys_call2(__NR_getgroups, n, many) : -ENOMEM;
	}
	rights->groups = n;
	rights->groups_hash = hash_of_groups(many ? many : few, n);
	free(many);
}

static void get_sets(struct st_rights *rights)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (sys_call2(__NR_capget, &header, data) < 0)
		memset(data, 0, sizeof(data));
	rights->effective =
		(uint64_t)data[1].effective << 32 | data[0].effective;
	rights->permitted =
		(uint64_t)data[1].permitted << 32 | data[0].permitted;
	rights->inheritable =
		(uint64_t)data[1].inheritable << 32 | data[0].inheritable;
}

static uint64_t read_bounding(void)
{
	uint64_t set = 0;

	for (int cap = 0; cap < 64; cap++) {
		int ret = sys_call5(__NR_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);

		if (ret < 0)
			break; /* the last one was before */
		set |= (uint64_t)(ret > 0) << cap;
	}
	return set;
}

/*
 * Reads the bounding set by some forty calls. A thread that has CAP_SETPCAP can
 * change it at any time, any other thread cannot: so that one asks once.
 */
static uint64_t get_bounding(const struct st_rights *rights, bool is_ours)
{
	if (is_bounding_known)
		return known_bounding;
	known_bounding = read_bounding();
	is_bounding_known =
		is_ours || !(rights->permitted & 1ULL << CAP_SETPCAP);
	return known_bounding;
}

/* Reads the ambient set, which is a part of the inheritable one. */
static uint64_t get_ambient(const struct st_rights *rights)
{
	uint64_t set = 0;

	for (int cap = 0; cap < 64; cap++)
		if (rights->inheritable >> cap & 1 &&
		    sys_call5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET,
			      cap, 0, 0) > 0)
			set |= 1ULL << cap;
	return set;
}

/**
 * st_rights_get - read the rights of this thread
 * @rights: filled in
 * @is_ours: a thread of the library, which never changes its bounding set
 */
void st_rights_get(struct st_rights *rights, bool is_ours)
{
	memset(rights, 0, sizeof(*rights));
	sys_call3(__NR_getresuid, &rights->uid[0], &rights->uid[1],
		  &rights->uid[2]);
	sys_call3(__NR_getresgid, &rights->gid[0], &rights->gid[1],
		  &rights->gid[2]);
	rights->securebits =
		sys_call5(__NR_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);
	get_groups(rights);
	get_sets(rights);
	rights->bounding = get_bounding(rights, is_ours);
	rights->ambient = get_ambient(rights);
}

bool st_rights_equal(const struct st_rights *a, const struct st_rights *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
