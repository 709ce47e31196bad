/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits on a cgroup v2 directory.
 *
 * The files of a controller are in a directory if the parent has enabled the
 * controller for its children (cgroup.subtree_control). Only a cgroup without
 * processes, and the root, can do that.
 *
 * Whatever cannot be limited is an error: a run that goes on without its limit is
 * worse than none. The failure names the limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spawn_template.h>

#include "sys.h"
#include "tree/limits.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_PERIOD_US 100000

static const struct controller {
	unsigned int bit;
	const char *name;
	uint32_t attr;
} controllers[] = {
	{ ST_MEMORY, "memory", SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT },
	{ ST_PIDS, "pids", SPAWN_TEMPLATE_ATTR_PIDS_LIMIT },
	{ ST_CPU, "cpu", SPAWN_TEMPLATE_ATTR_CPU_LIMIT },
	{ ST_IO, "io", SPAWN_TEMPLATE_ATTR_IO_LIMIT },
};

/* Returns the controllers, ST_MEMORY and so on, that the limits need. */
unsigned int st_limits_controllers(const struct st_limits *limits)
{
	unsigned int bits = 0;

	if (limits->memory_max || limits->memory_swap_max)
		bits |= ST_MEMORY;
	if (limits->pids_max)
		bits |= ST_PIDS;
	if (limits->cpu_weight || limits->cpu_max_us)
		bits |= ST_CPU;
	if (limits->io_weight)
		bits |= ST_IO;
	return bits;
}

/* Names the limit in a failure. A shortage is no matter of limits. */
static int failed(uint32_t attr, int ret,
		  struct spawn_template_failure *failure)
{
	if (ret >= 0 || sys_is_shortage(ret))
		return ret;
	failure->stage = SPAWN_TEMPLATE_STAGE_ATTR;
	failure->action = attr;
	return ret == -ENOENT ? -EOPNOTSUPP : ret;
}

static int write_file(int dir, const char *name, const char *text)
{
	int fd = sys_openat(dir, name, O_WRONLY | O_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return fd;
	ret = sys_call3(__NR_write, fd, text, strlen(text));
	sys_close(fd);
	return ret < 0 ? ret : 0;
}

/* ---- controllers */

/* Tells whether a word is in a list that spaces separate and a newline may end. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') &&
		    (!at[n] || at[n] == ' ' || at[n] == '\n'))
			return true;
	return false;
}

/*
 * Tells whether there are processes in a cgroup itself, which is not the root. The
 * kernel would enable "pids" and "cpu" in spite of them, but then cgroups below could
 * hold nothing but threads of these.
 */
static bool is_occupied(int dir)
{
	char one[2];

	return sys_call3(__NR_faccessat, dir, "cgroup.type", 0) == 0 &&
	       sys_read_file(dir, "cgroup.procs", one, sizeof(one)) != 0;
}

/* Enables one that is there. */
static int enable(int dir, const struct controller *c)
{
	char word[16];

	if (is_occupied(dir))
		return -EBUSY;
	snprintf(word, sizeof(word), "+%s", c->name);
	return write_file(dir, "cgroup.subtree_control", word);
}

/* Takes out of `wanted` those that are enabled. All others must be there. */
static int find_missing(int dir, unsigned int *wanted,
			struct spawn_template_failure *failure)
{
	char there[256], enabled[256];
	int ret = sys_read_file(dir, "cgroup.subtree_control", enabled,
				sizeof(enabled));

	if (ret >= 0)
		ret = sys_read_file(dir, "cgroup.controllers", there,
				    sizeof(there));
	for (size_t i = 0; i < COUNT(controllers) && ret >= 0; i++) {
		const struct controller *c = &controllers[i];

		if (has_word(enabled, c->name))
			*wanted &= ~c->bit;
		else if (*wanted & c->bit && !has_word(there, c->name))
			ret = failed(c->attr, -EOPNOTSUPP, failure);
	}
	return ret;
}

/**
 * st_limits_enable - enable controllers for the children of a cgroup
 * @dir: the cgroup
 * @wanted: ST_MEMORY and so on
 * @failure: names the first that cannot be enabled
 *
 * If one of them is not there, none is enabled, and no process need be moved for it.
 *
 * Return: 0; -EOPNOTSUPP if there is no such controller here; -EBUSY if processes are
 * in the cgroup; or another -errno.
 */
int st_limits_enable(int dir, unsigned int wanted,
		     struct spawn_template_failure *failure)
{
	int ret = wanted ? find_missing(dir, &wanted, failure) : 0;

	for (size_t i = 0; i < COUNT(controllers) && ret >= 0; i++)
		if (wanted & controllers[i].bit)
			ret = failed(controllers[i].attr,
				     enable(dir, &controllers[i]), failure);
	return ret < 0 ? ret : 0;
}

/* Names the first of the controllers in a failure that concerns them all. */
int st_limits_refuse(unsigned int wanted, int ret,
		     struct spawn_template_failure *failure)
{
	for (size_t i = 0; i < COUNT(controllers); i++)
		if (wanted & controllers[i].bit)
			return failed(controllers[i].attr, ret, failure);
	return ret;
}

/* ---- limits */

static int write_number(int dir, const char *name, const char *format,
			uint64_t n)
{
	char text[64];

	snprintf(text, sizeof(text), format, (unsigned long long)n);
	return write_file(dir, name, text);
}

static int write_swap(int dir, const struct st_limits *limits)
{
	int ret;

	if (limits->memory_swap_max == UINT64_MAX)
		return 0;
	ret = write_number(dir, "memory.swap.max", "%llu",
			   limits->memory_swap_max);
	/* without the file, the kernel has no swap, or does not count it */
	return ret == -ENOENT && !limits->memory_swap_max ? 0 : ret;
}

static int write_memory(int dir, const struct st_limits *limits)
{
	int ret = write_swap(dir, limits);

	/* a run that has lost some of its processes is of no use */
	if (ret == 0)
		ret = write_number(dir, "memory.oom.group", "%llu", 1);
	if (ret == 0 && limits->memory_max)
		ret = write_number(dir, "memory.max", "%llu",
				   limits->memory_max);
	return ret;
}

static int write_pids(int dir, const struct st_limits *limits)
{
	return write_number(dir, "pids.max", "%llu", limits->pids_max);
}

static int write_cpu(int dir, const struct st_limits *limits)
{
	char text[64];
	int ret = 0;

	if (limits->cpu_weight)
		ret = write_number(dir, "cpu.weight", "%llu",
				   limits->cpu_weight);
	if (ret < 0 || !limits->cpu_max_us)
		return ret;
	snprintf(text, sizeof(text), "%llu %u",
		 (unsigned long long)limits->cpu_max_us, CPU_PERIOD_US);
	return write_file(dir, "cpu.max", text);
}

/* Returns the weight for the scheduler BFQ, whose range ends at 1000. */
static uint64_t bfq_weight(uint64_t weight)
{
	return weight <= 100 ? weight : 100 + (weight - 100) * 900 / 9900;
}

static int write_io(int dir, const struct st_limits *limits)
{
	int ret = write_number(dir, "io.weight", "default %llu",
			       limits->io_weight);

	if (ret == -ENOENT)
		ret = write_number(dir, "io.bfq.weight", "%llu",
				   bfq_weight(limits->io_weight));
	return ret;
}

/**
 * st_limits_write - set the limits of a cgroup
 * @dir: the cgroup
 * @limits: those to set; its parent has enabled the controllers
 * @failure: names the first that cannot be set
 *
 * Return: 0, or -errno.
 */
int st_limits_write(int dir, const struct st_limits *limits,
		    struct spawn_template_failure *failure)
{
	/* in the order of controllers */
	static int (*const writers[])(int, const struct st_limits *) = {
		write_memory,
		write_pids,
		write_cpu,
		write_io,
	};
	unsigned int wanted = st_limits_controllers(limits);
	int ret = 0;

	for (size_t i = 0; i < COUNT(controllers) && ret == 0; i++) {
		if (!(wanted & controllers[i].bit))
			continue;
		ret = failed(controllers[i].attr, writers[i](dir, limits),
			     failure);
	}
	return ret;
}

/* ---- usage */

/* Reads the number behind a key that begins a line of a file; "": the first one. */
static uint64_t read_number(int dir, const char *name, const char *key)
{
	char text[1024];
	int got = sys_read_file(dir, name, text, sizeof(text));
	size_t n = strlen(key);

	for (const char *at = text; got > 0 && at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, n) == 0)
			return strtoull(at + n, NULL, 10);
	}
	return 0;
}

/* Reads what the processes of a cgroup, and of those below it, have used. */
void st_limits_read(int dir, struct st_usage *usage)
{
	usage->cpu_us = read_number(dir, "cpu.stat", "usage_usec ");
	usage->memory_peak = read_number(dir, "memory.peak", "");
	usage->oom = read_number(dir, "memory.events", "oom_kill ");
}
