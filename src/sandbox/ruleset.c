/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a Landlock ruleset from lists of paths and ports, with what this kernel's
 * version of Landlock has. The constants are the kernel's, here because the headers of
 * older systems have only some of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "args.h"
#include "sandbox/ruleset.h"
#include "sys.h"

/* Rights on files, each with the first version that has it; until 2: all of 1. */
#define FS_EXECUTE	(1ULL << 0)
#define FS_WRITE_FILE	(1ULL << 1)
#define FS_READ_FILE	(1ULL << 2)
#define FS_READ_DIR	(1ULL << 3)
#define FS_ABI_1	((1ULL << 13) - 1)
#define FS_REFER	(1ULL << 13) /* 2: rename and link to another folder */
#define FS_TRUNCATE	(1ULL << 14) /* 3 */
#define FS_IOCTL_DEV	(1ULL << 15) /* 5 */
#define FS_RESOLVE_UNIX (1ULL << 16) /* 9: connect to a socket */

#define FS_READ (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
/* The rights among these that apply to a file that is no directory. */
#define FS_OF_FILES                                                   \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | \
	 FS_IOCTL_DEV | FS_RESOLVE_UNIX)

#define NET_BIND	(1ULL << 0) /* 4 */
#define NET_CONNECT	(1ULL << 1)
#define SCOPE_ABSTRACT	(1ULL << 0) /* 6 */
#define SCOPE_SIGNAL	(1ULL << 1)

#define RULE_PATH	1
#define RULE_PORT	2
#define ASK_VERSION	1

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t access, port;
};

/* Programs expect to use these, whatever else they may write to. */
static const char *const devices[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
};

int st_ruleset_abi(void)
{
	int abi = sys_call3(__NR_landlock_create_ruleset, NULL, 0, ASK_VERSION);

	return abi > 0 ? abi : 0;
}

static uint64_t rights_of(int abi)
{
	return FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) |
	       (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0) |
	       (abi >= 9 ? FS_RESOLVE_UNIX : 0);
}

static void choose(const struct spawn_template_sandbox_args *a, int abi,
		   struct ruleset_attr *attr)
{
	uint64_t flags = a->flags;

	if (flags & SPAWN_TEMPLATE_SANDBOX_NO_NET)
		flags |= SPAWN_TEMPLATE_SANDBOX_CONNECT |
			 SPAWN_TEMPLATE_SANDBOX_BIND |
			 SPAWN_TEMPLATE_SANDBOX_ABSTRACT;
	*attr = (struct ruleset_attr){ 0 };
	if (a->read_only || a->writable)
		attr->fs = rights_of(abi);
	if (flags & SPAWN_TEMPLATE_SANDBOX_CONNECT && abi >= 4)
		attr->net |= NET_CONNECT;
	if (flags & SPAWN_TEMPLATE_SANDBOX_BIND && abi >= 4)
		attr->net |= NET_BIND;
	if (flags & SPAWN_TEMPLATE_SANDBOX_ABSTRACT && abi >= 6)
		attr->scoped |= SCOPE_ABSTRACT;
	if (flags & SPAWN_TEMPLATE_SANDBOX_SIGNALS && abi >= 6)
		attr->scoped |= SCOPE_SIGNAL;
}

static int add_rule(int ruleset, int type, const void *rule)
{
	return sys_call4(__NR_landlock_add_rule, ruleset, type, rule, 0);
}

static int allow_path(int ruleset, const char *path, uint64_t access)
{
	struct path_rule rule = { .access = access };
	struct statx stx;
	int ret;

	rule.parent = sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
	if (rule.parent < 0)
		return rule.parent;
	ret = sys_statx(rule.parent, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
	if (ret == 0 && (stx.stx_mode & S_IFMT) != S_IFDIR)
		rule.access &= FS_OF_FILES;
	if (ret == 0)
		ret = add_rule(ruleset, RULE_PATH, &rule);
	sys_close(rule.parent);
	return ret;
}

static int allow_paths(int ruleset, uint64_t list, uint64_t access,
		       uint64_t failed)
{
	char *const *path = st_pointer(list);
	int ret = 0;

	for (; path && *path && ret == 0; path++) {
		ret = allow_path(ruleset, *path, access);
		if (ret < 0 && failed)
			*(const char **)(uintptr_t)failed = *path;
	}
	return ret;
}

static void allow_devices(int ruleset, uint64_t rights)
{
	uint64_t access = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;

	/* a device that is not there needs no rule */
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		allow_path(ruleset, devices[i], access & rights);
}

static int allow_ports(int ruleset, uint64_t list, uint64_t n, uint64_t access)
{
	const uint16_t *ports = st_pointer(list);
	int ret = 0;

	for (uint64_t i = 0; i < n && ret == 0; i++) {
		struct port_rule rule = { access, ports[i] };

		ret = add_rule(ruleset, RULE_PORT, &rule);
	}
	return ret;
}

static int add_rules(int ruleset, const struct spawn_template_sandbox_args *a,
		     const struct ruleset_attr *attr)
{
	int ret = allow_paths(ruleset, a->read_only, FS_READ, a->failed);

	if (ret == 0)
		ret = allow_paths(ruleset, a->writable, attr->fs, a->failed);
	if (attr->fs && !(a->flags & SPAWN_TEMPLATE_SANDBOX_NO_DEVICES))
		allow_devices(ruleset, attr->fs);
	if (ret == 0 && attr->net & NET_CONNECT)
		ret = allow_ports(ruleset, a->connect_ports, a->n_connect_ports,
				  NET_CONNECT);
	if (ret == 0 && attr->net & NET_BIND)
		ret = allow_ports(ruleset, a->bind_ports, a->n_bind_ports,
				  NET_BIND);
	return ret;
}

int st_ruleset_make(const struct spawn_template_sandbox_args *args, int abi)
{
	struct ruleset_attr attr;
	int ruleset, ret;

	if (!abi)
		return -ENOMSG;
	choose(args, abi, &attr);
	if (!attr.fs && !attr.net && !attr.scoped)
		return -ENOMSG;
	ruleset = sys_call3(__NR_landlock_create_ruleset, &attr,
			    abi < 4   ? 8
			    : abi < 6 ? 16
				      : 24,
			    0);
	if (ruleset < 0)
		return ruleset;
	ret = add_rules(ruleset, args, &attr);
	if (ret < 0) {
		sys_close(ruleset);
		return ret;
	}
	return ruleset;
}
