/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches without the library: clone, exec, and nothing in between but the mark.
 * Reads the maps of the kernel programs, without libbpf.
 */
#include "guarding.h"

#include <sched.h>
#include <linux/bpf.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define STACK 16384

struct child {
	const struct raw *raw;
	volatile int error;
};

/* Runs in the parent's memory, while the parent waits. */
static int run_child(void *arg)
{
	char name[] = "tiny", *argv[] = { name, NULL }, *envp[] = { NULL };
	struct child *c = arg;
	char *const *args = c->raw->argv ? c->raw->argv : argv;
	int saved = errno;

	if (c->raw->path)
		syscall(SYS_execve, c->raw->path, args, envp);
	else
		syscall(SYS_execveat, c->raw->fd, "", args, envp,
			AT_EMPTY_PATH);
	c->error = errno;
	errno = saved;
	syscall(SYS_exit, 127);
	return 0;
}

int raw_exec(const struct raw *raw)
{
	char stack[STACK] __attribute__((aligned(16)));
	struct child c = { .raw = raw };
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD, status;
	pid_t pid;

	if (raw->mark)
		flags |= CLONE_CHILD_CLEARTID;
	pid = clone(run_child, stack + sizeof(stack), flags, &c, NULL, NULL,
		    (pid_t *)(uintptr_t)raw->mark);
	CHECK_SYS(pid);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, __WALL)), pid);
	if (c.error)
		return -c.error;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int raw_launch(int fd, uint64_t id)
{
	struct st_mark mark = { .magic = ST_MARK_MAGIC, .id = id };

	return raw_exec(&(struct raw){ .fd = fd, .mark = &mark });
}

int raw_launch_path(const char *path, uint64_t id)
{
	struct st_mark mark = { .magic = ST_MARK_MAGIC, .id = id };

	return raw_exec(&(struct raw){ .path = path, .mark = &mark });
}

int raw_plain(int fd)
{
	return raw_exec(&(struct raw){ .fd = fd });
}

/* ---- maps */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int open_map(const char *name, uint32_t flags)
{
	char path[256];
	union bpf_attr attr;

	snprintf(path, sizeof(path), GUARD_PINS "/%s", name);
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.file_flags = flags;
	return (int)bpf(BPF_OBJ_GET, &attr);
}

int map_open(const char *name)
{
	return open_map(name, 0);
}

int map_open_to_read(const char *name)
{
	return open_map(name, BPF_F_RDONLY);
}

int map_lookup(int fd, const void *key, void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return bpf(BPF_MAP_LOOKUP_ELEM, &attr) ? -errno : 0;
}

int map_update(int fd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr) ? -errno : 0;
}

struct template_entry map_template(uint64_t id)
{
	struct template_entry entry;
	int fd = CHECK_SYS(map_open("templates"));

	CHECK_OK(map_lookup(fd, &id, &entry));
	CHECK_SYS(close(fd));
	return entry;
}
