/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads everything that a child inherits from the calling thread, and compares
 * it with the parked process's. One table says for each attribute whether it
 * has to be equal.
 *
 * - Landlock domains cannot be read. get_robust_list(2) of the parked process
 *   tells: it is denied to a thread in a domain that the process is not in, and
 *   the child asks the same of the launching thread.
 * - seccomp filters cannot be read, either: see filters.c.
 * - A thread that may not have CAP_SYS_ADMIN cannot change its namespaces, so
 *   that it reads them once. The effective capabilities do not matter for it:
 *   the thread may take the capability, use it, and put it down again.
 * - A thread of the library never changes them, and no other thread can do it:
 *   that one reads them once, too, whatever it may do.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sched.h>
#include <sys/resource.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>

#include "sys.h"
#include "thread.h"
#include "warm/filters.h"
#include "warm/same.h"
#include "warm/self.h"

#define CAP_SYS_ADMIN_BIT (1ULL << 21)
#define TEXT_SIZE 4096
#define FIRST_ERROR ((uint64_t)-4095)

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif

/* ---- texts */

/*
 * FNV-1a, for lists that an attacker could match only with the caller's rights.
 */
static uint64_t digest(const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
	return hash;
}

static uint64_t parse(const char *text, unsigned int base)
{
	uint64_t n = 0;

	for (;; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (*text >= 'a' && *text <= 'f')
			digit = (unsigned int)(*text - 'a') + 10;
		if (digit >= base)
			return n;
		n = n * base + digit;
	}
}

/* ---- /proc/thread-self/status */

enum form { LIST = 0, OCTAL = 8, DECIMAL = 10, HEX = 16 };

static const struct line {
	const char *name;
	unsigned char len;	/* of the name */
	unsigned char form;
	unsigned short at;	/* in struct st_same */
} lines[] = {
#define LINE(name, member, form) \
	{ \
		name ":\t", sizeof(name ":\t") - 1, form, \
			offsetof(struct st_same, member) \
	}
	LINE("Umask", umask, OCTAL),
	LINE("Uid", uid, LIST),
	LINE("Gid", gid, LIST),
	LINE("Groups", groups, LIST),
	LINE("SigIgn", ignored, HEX),
	LINE("CapInh", inheritable, HEX),
	LINE("CapPrm", permitted, HEX),
	LINE("CapEff", effective, HEX),
	LINE("CapBnd", bounding, HEX),
	LINE("CapAmb", ambient, HEX),
	LINE("NoNewPrivs", no_new_privs, DECIMAL),
	LINE("Seccomp", seccomp, DECIMAL),
	LINE("Seccomp_filters", seccomp_filters, DECIMAL),
	LINE("Speculation_Store_Bypass", store_bypass, LIST),
	LINE("SpeculationIndirectBranch", indirect_branch, LIST),
	LINE("Cpus_allowed", cpus, LIST),
	LINE("Mems_allowed", memory_nodes, LIST),
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

/* Bits: lines that this kernel does not have. */
static _Atomic uint32_t absent;

static size_t next_line(size_t i)
{
	uint32_t skip = atomic_load_explicit(&absent, memory_order_relaxed);

	while (i < LINES && (skip >> i & 1))
		i++;
	return i;
}

static void take_line(struct st_same *same, const struct line *line,
		      const char *at, const char *end)
{
	uint64_t *to = (uint64_t *)((char *)same + line->at);

	at += line->len;
	*to = line->form == LIST ? digest(at, (size_t)(end - at))
				 : parse(at, line->form);
}

/* Learns which lines this kernel has. */
static void learn_absent(const char *text)
{
	uint32_t none = 0;

	for (size_t i = 0; i < LINES; i++)
		if (!strstr(text, lines[i].name))
			none |= 1U << i;
	atomic_store_explicit(&absent, none, memory_order_relaxed);
}

/*
 * Takes the lines, which come in the table's order.
 * Return: false if one did not come.
 */
static bool take_lines(struct st_same *same, const char *text)
{
	size_t i = next_line(0);
	const char *end;

	for (const char *at = text; i < LINES && (end = strchr(at, '\n'));
	     at = end + 1) {
		if (*at != *lines[i].name ||
		    strncmp(at, lines[i].name, lines[i].len) != 0)
			continue;
		take_line(same, &lines[i], at, end);
		i = next_line(i + 1);
	}
	return i == LINES;
}

static int read_status(struct st_same *same)
{
	char text[TEXT_SIZE];
	int len = st_self_read(ST_SELF_STATUS, text, sizeof(text));

	if (len < 0)
		return len;
	if (take_lines(same, text))
		return 0;
	learn_absent(text);
	return take_lines(same, text) ? 0 : -EPROTO;
}

/* ---- the rest */

/*
 * Takes the digest of a file. An error is a value, too, and has to be equal, but
 * for those that tell nothing about what the file says.
 */
static int read_digest(enum st_self_file file, uint64_t *to)
{
	char text[TEXT_SIZE];
	int len = st_self_read(file, text, sizeof(text));

	if (len == -E2BIG || sys_is_shortage(len))
		return len;
	*to = len < 0 ? (uint64_t)len : digest(text, (size_t)len);
	return 0;
}

static int read_files(struct st_same *same)
{
	int ret = read_digest(ST_SELF_CGROUP, &same->cgroup);

	if (ret == 0)
		ret = read_digest(ST_SELF_LABEL, &same->label);
	/* the label that setexeccon(3) or aa_change_onexec(2) asks for */
	if (ret == 0 && same->label < FIRST_ERROR)
		ret = read_digest(ST_SELF_EXEC_LABEL, &same->exec_label);
	if (ret == 0)
		ret = read_digest(ST_SELF_OOM, &same->oom_score);
	if (ret == 0)
		ret = read_digest(ST_SELF_CORE, &same->core_filter);
	return ret;
}

static void read_limits(struct st_same *same)
{
	for (int i = 0; i < ST_SAME_LIMITS; i++)
		sys_call2(__NR_getrlimit, i, same->limits[i]);
}

/*
 * Reads what sched_getscheduler(2) does not tell: priority, and bounds of
 * utilisation. A kernel without the call has no bounds.
 */
static void read_scheduling(struct st_same *same)
{
	struct sched_attr {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t util_min, util_max;
	} a = { .size = sizeof(a) };

	if (sys_call4(__NR_sched_getattr, 0, &a, sizeof(a), 0) < 0)
		return;
	same->priority = a.priority;
	same->utilisation = (uint64_t)a.util_min << 32 | a.util_max;
}

static void read_calls(struct st_same *same)
{
	uint64_t nodes[16] = { 0 };
	int mode = 0;

	same->securebits = (uint64_t)sys_call1(__NR_prctl, PR_GET_SECUREBITS);
	same->personality = (uint64_t)sys_call1(__NR_personality, 0xffffffffU);
	same->huge_pages =
		(uint64_t)sys_call5(__NR_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
	same->deny_write_exec =
		(uint64_t)sys_call5(__NR_prctl, PR_GET_MDWE, 0, 0, 0, 0);
	same->timer_slack = (uint64_t)sys_call1(__NR_prctl, PR_GET_TIMERSLACK);
	same->nice = (uint64_t)sys_call2(__NR_getpriority, PRIO_PROCESS, 0);
	same->policy = (uint64_t)sys_call1(__NR_sched_getscheduler, 0);
	read_scheduling(same);
	same->io_priority = (uint64_t)sys_call2(__NR_ioprio_get, 1, 0);
	if (sys_call5(__NR_get_mempolicy, &mode, nodes, 1024, 0, 0) == 0)
		same->memory_policy =
			digest((char *)nodes, sizeof(nodes)) + (uint64_t)mode;
	same->session = (uint64_t)sys_call1(__NR_getsid, 0);
	same->group = (uint64_t)sys_call1(__NR_getpgid, 0);
	same->keyring = (uint64_t)sys_call3(__NR_keyctl, KEYCTL_GET_KEYRING_ID,
					    KEY_SPEC_SESSION_KEYRING, 0);
}

static int read_root(struct st_same *same)
{
	struct statx stx;
	int ret =
		sys_statx(AT_FDCWD, "/", 0,
			  STATX_INO | STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &stx);

	if (ret < 0)
		return ret;
	same->root_mount = stx.stx_mnt_id;
	same->root_inode = stx.stx_ino;
	return 0;
}

/*
 * The descriptor of the directory is checked once for all links. If the host puts
 * another file in its place meanwhile, a link cannot be read, and the launch is cold.
 */
static int read_links(uint64_t *spaces)
{
	static const char *const names[ST_SELF_SPACES] = {
		"cgroup",
		"ipc",
		"mnt",
		"net",
		"uts",
		"user",
		"pid_for_children",
		"time_for_children",
	};
	int fd = st_self_links();

	for (int i = 0; i < ST_SELF_SPACES; i++) {
		char text[64];
		int len = fd < 0 ? fd
				 : sys_call4(__NR_readlinkat, fd, names[i],
					     text, sizeof(text));

		if (len < 0 && len != -ENOENT)
			return len;
		spaces[i] = len < 0 ? 0 : digest(text, (size_t)len);
	}
	return 0;
}

/* Reads the namespaces if they may have changed since the last time. */
static int read_spaces(struct st_same *same)
{
	struct st_self_spaces *known = st_self_spaces();
	bool may_change =
		!st_thread_is_ours() && (same->permitted & CAP_SYS_ADMIN_BIT);
	int ret = 0;

	if (!known)
		return -ENOMEM;
	if (!known->lasting || may_change)
		ret = read_links(known->of);
	known->lasting = ret == 0 && !may_change;
	memcpy(same->spaces, known->of, sizeof(same->spaces));
	return ret;
}

/**
 * st_same_read - read what a child of the calling thread would inherit
 *
 * Return: 0; or -errno if it cannot be read, and then no launch is warm.
 */
int st_same_read(struct st_same *same)
{
	int ret;

	memset(same, 0, sizeof(*same));
	ret = read_status(same);
	if (ret == 0)
		ret = read_root(same);
	if (ret == 0)
		ret = read_spaces(same);
	/* Linux before 5.9 does not tell the number */
	if (ret == 0 && same->seccomp && !same->seccomp_filters)
		ret = -EOPNOTSUPP;
	if (ret < 0)
		return ret;
	read_limits(same);
	read_calls(same);
	return read_files(same);
}

/* ---- the table */

enum rule {
	EQUAL,	/* the parked process must have the same */
	GIVEN,	/* the child gets the caller's */
	MORE,	/* the child may get it, but not lose it */
	FILTERS, /* equal, and no thread has others in the same number */
};

static const struct row {
	const char *name;
	unsigned short at, size;
	enum rule rule;
} rows[] = {
#define ROW(member, rule) \
	{ \
#member, offsetof(struct st_same, member), \
			sizeof(((struct st_same *)0)->member), rule \
	}
	ROW(uid, EQUAL),
	ROW(gid, EQUAL),
	ROW(groups, EQUAL),
	ROW(inheritable, EQUAL),
	ROW(permitted, EQUAL),
	ROW(effective, EQUAL),
	ROW(bounding, EQUAL),
	ROW(ambient, EQUAL),
	ROW(no_new_privs, MORE),
	ROW(seccomp, EQUAL),
	ROW(seccomp_filters, FILTERS),
	ROW(store_bypass, EQUAL),
	ROW(indirect_branch, EQUAL),
	ROW(cpus, EQUAL),
	ROW(memory_nodes, EQUAL),
	ROW(ignored, GIVEN),
	ROW(umask, GIVEN),
	ROW(securebits, EQUAL),
	ROW(personality, EQUAL),
	ROW(huge_pages, EQUAL),
	ROW(deny_write_exec, EQUAL),
	ROW(timer_slack, EQUAL),
	ROW(nice, EQUAL),
	ROW(policy, EQUAL),
	ROW(priority, EQUAL),
	ROW(utilisation, EQUAL),
	ROW(io_priority, EQUAL),
	ROW(memory_policy, EQUAL),
	ROW(session, EQUAL),
	ROW(group, EQUAL),
	ROW(oom_score, EQUAL),
	ROW(core_filter, EQUAL),
	ROW(keyring, EQUAL),
	ROW(cgroup, EQUAL),
	ROW(label, EQUAL),
	ROW(exec_label, EQUAL),
	ROW(root_mount, EQUAL),
	ROW(root_inode, EQUAL),
	ROW(limits, EQUAL),
	ROW(spaces, EQUAL),
};

static bool fits(const struct row *row, const struct st_same *parked,
		 const struct st_same *caller)
{
	const char *has = (const char *)parked + row->at;
	const char *wants = (const char *)caller + row->at;

	if (row->rule == GIVEN)
		return true;
	if (row->rule == MORE)
		return *(const uint64_t *)has <= *(const uint64_t *)wants;
	if (row->rule == FILTERS && !st_filters_known(*(const uint64_t *)wants))
		return false;
	return memcmp(has, wants, row->size) == 0;
}

const char *st_same_differs(const struct st_same *parked,
			    const struct st_same *caller)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!fits(&rows[i], parked, caller))
			return rows[i].name;
	return NULL;
}

int st_same_reaches(pid_t pid)
{
	uint64_t head, len;

	return sys_call3(__NR_get_robust_list, pid, &head, &len);
}
