/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proves that the programs are in force, because LSM programs attach without an
 * error even where the kernel never calls them. The loader does things that
 * must be denied, and things that must not be, with a file that exists in
 * memory only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/sched.h>

#include "shared/process/process.h"
#include "loader/impl.h"
#include "shared/proto.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

/* The answer of execve(2) if it was allowed to read the file: no program. */
#define LET_THROUGH ENOEXEC

struct canary {
	struct loader *loader;
	int file;		/* O_PATH */
	char path[64];		/* leads to the file */
	struct loader_error *error;
};

/* ---- the file */

static int open_memory(void)
{
	int fd = memfd_create("canary", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("canary", MFD_CLOEXEC);
	return fd;
}

/* Makes the file. Nobody has it open for writing when this returns. */
static int make_file(struct canary *c)
{
	static const char text[] = "no program";
	char path[64];
	int fd = open_memory();

	if (fd < 0 && errno == EACCES)
		return loader_fail(c->error, EACCES,
				   "Allow it while the daemon starts: sysctl "
				   "vm.memfd_noexec=1",
				   "vm.memfd_noexec forbids the file in memory "
				   "that tests whether the programs are in "
				   "force");
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c->file = -1;
	if (write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) &&
	    fchmod(fd, 0700) == 0)
		c->file = open(path, O_PATH | O_CLOEXEC);
	close(fd);
	if (c->file < 0)
		return -EIO;
	snprintf(c->path, sizeof(c->path), "/proc/self/fd/%d", c->file);
	return 0;
}

/* ---- trials */

/* Returns when this process started, in ticks: field 22 of /proc/self/stat. */
uint64_t loader_own_start(void)
{
	struct st_process self = { .start = 0 };

	st_process_read(getpid(), &self);
	return self.start;
}

static int register_file(struct canary *c, pid_t tgid, uint32_t flags,
			 uint64_t *id)
{
	struct template_entry entry = {
		.tgid = (uint32_t)tgid,
		.start_ticks = loader_own_start(),
		.flags = flags | TEMPLATE_CANARY,
		.creds.euid = geteuid(),
		.comm = "spawn-templated",
		.path = "(canary)",
	};
	struct exec_entry exec;
	int fd = open(c->path, O_PATH | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = loader_register(c->loader, fd, &entry, id, &exec);
	/* the template lives as long as its file: keep it open, as c->file */
	if (ret < 0) {
		close(fd);
		return ret;
	}
	close(c->file);
	c->file = fd;
	snprintf(c->path, sizeof(c->path), "/proc/self/fd/%d", fd);
	return 0;
}

/*
 * Returns the errno of an exec with the mark of a template; id 0: without. The
 * child has memory of its own, and this process waits for its exec: so does the
 * library launch a program that becomes another user's.
 */
static int try_exec(const struct canary *c, uint64_t id)
{
	struct st_mark mark = { .magic = ST_MARK_MAGIC, .id = id };
	char name[] = "canary", *argv[] = { name, NULL }, *envp[] = { NULL };
	int status;
	pid_t pid =
		(pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		return errno;
	if (pid == 0) {
		if (id)
			syscall(SYS_set_tid_address, &mark);
		execve(c->path, argv, envp);
		_exit(errno & 0xff);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int expect_errno(struct canary *c, int got, int wanted, uint32_t proves,
			const char *what)
{
	if (got == wanted) {
		c->loader->proved |= proves;
		return 0;
	}
	return loader_fail(c->error, ENOTSUP,
			   c->loader->attached == ST_STATUS_LSM
				   ? "Boot with bpf in lsm=, or use --mode "
				     "fmod_ret."
				   : "spawn-templated --verbose tells what the "
				     "kernel says.",
			   "the programs are attached, but not in force: the "
			   "answer to %s was '%s', not '%s'",
			   what, got ? strerror(got) : "yes",
			   wanted ? strerror(wanted) : "yes");
}

/* ---- the proofs */

static int prove_ordinary(struct canary *c)
{
	return expect_errno(c, try_exec(c, 0), LET_THROUGH, ST_PROVED_ORDINARY,
			    "an exec that is no launch");
}

static int prove_creator(struct canary *c)
{
	uint64_t id;
	/* any process but this one */
	int ret = register_file(c, getpid() == 1 ? 2 : 1, 0, &id);

	if (ret < 0)
		return ret;
	ret = expect_errno(c, try_exec(c, id), EACCES, ST_PROVED_CREATOR,
			   "a launch by another process than the creator");
	loader_release(c->loader, id, NULL);
	return ret;
}

static int prove_identity(struct canary *c)
{
	uint64_t id;
	int ret = register_file(c, getpid(), 0, &id);

	if (ret < 0)
		return ret;
	ret = expect_errno(c, try_exec(c, id), LET_THROUGH, 0,
			   "a launch of an unchanged file");
	/*
	 * Change the mode so that the owner may still write: otherwise the
	 * kernel would deny the write of an owner without capabilities before
	 * it asks the programs.
	 */
	if (ret == 0 && chmod(c->path, 0711) < 0)
		ret = -errno;
	if (ret == 0)
		ret = expect_errno(c, try_exec(c, id), ESTALE,
				   ST_PROVED_IDENTITY,
				   "a launch of a changed file");
	loader_release(c->loader, id, NULL);
	return ret;
}

static int prove_deny_write(struct canary *c)
{
	uint64_t id;
	int ret = register_file(c, getpid(), TEMPLATE_DENY_WRITE, &id), fd;

	if (ret < 0)
		return ret;
	fd = open(c->path, O_WRONLY | O_CLOEXEC);
	ret = expect_errno(c, fd < 0 ? errno : 0, ETXTBSY, ST_PROVED_DENY_WRITE,
			   "opening a guarded file for writing");
	if (fd >= 0)
		close(fd);
	loader_release(c->loader, id, NULL);
	return ret;
}

int loader_canary(struct loader *l, struct loader_error *error)
{
	static int (*const proofs[])(struct canary *) = {
		prove_ordinary,
		prove_creator,
		prove_identity,
		prove_deny_write,
	};
	struct canary c = { .loader = l, .file = -1, .error = error };
	int ret;

	error->text[0] = '\0';
	l->proved = 0;
	ret = make_file(&c);
	for (unsigned int i = 0; ret == 0 && i < 4; i++)
		ret = proofs[i](&c);
	if (c.file >= 0)
		close(c.file);
	/* no program answered the registration */
	if (ret == -ENOTCONN)
		ret = expect_errno(&c, ENOTCONN, 0, 0, "a registration");
	if (ret < 0 && !error->text[0])
		loader_fail(error, -ret,
			    "spawn-templated --verbose tells what the kernel "
			    "says.",
			    "cannot test whether the programs are in force: "
			    "%s",
			    strerror(-ret));
	loader_sweep(l, true, NULL, NULL);
	return ret;
}
