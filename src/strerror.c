/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a failed launch into a sentence: the step that failed, the error, and a
 * remedy if there is one. All that it needs is the failure; the program's name is
 * left to the caller.
 *
 * The names of errors are the library's own. strerror(3) may be changed by another
 * thread, its variants differ between C libraries, and its language is the user's,
 * while the rest of the sentence is English.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <spawn_template.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the error */

struct error_text {
	int error;
	const char *text;
};

static const struct error_text error_texts[] = {
	{ E2BIG, "Argument list too long" },
	{ EACCES, "Permission denied" },
	{ EAGAIN, "Resource temporarily unavailable" },
	{ EBADF, "Bad file descriptor" },
	{ EBADFD, "File descriptor in bad state" },
	{ EBUSY, "Device or resource busy" },
	{ ECANCELED, "Operation canceled" },
	{ ECHILD, "No child processes" },
	{ ECONNREFUSED, "Connection refused" },
	{ ECONNRESET, "Connection reset by peer" },
	{ EDQUOT, "Disk quota exceeded" },
	{ EEXIST, "File exists" },
	{ EFAULT, "Bad address" },
	{ EFBIG, "File too large" },
	{ EHOSTDOWN, "Host is down" },
	{ EILSEQ, "Invalid or incomplete multibyte or wide character" },
	{ EINTR, "Interrupted system call" },
	{ EINVAL, "Invalid argument" },
	{ EIO, "Input/output error" },
	{ EISDIR, "Is a directory" },
	{ EKEYEXPIRED, "Key has expired" },
	{ EKEYREJECTED, "Key was rejected by service" },
	{ ELIBBAD, "Accessing a corrupted shared library" },
	{ ELOOP, "Too many levels of symbolic links" },
	{ EMFILE, "Too many open files" },
	{ EMLINK, "Too many links" },
	{ ENAMETOOLONG, "File name too long" },
	{ ENFILE, "Too many open files in system" },
	{ ENODEV, "No such device" },
	{ ENOENT, "No such file or directory" },
	{ ENOEXEC, "Exec format error" },
	{ ENOKEY, "Required key not available" },
	{ ENOMEM, "Cannot allocate memory" },
	{ ENOSPC, "No space left on device" },
	{ ENOSYS, "Function not implemented" },
	{ ENOTCONN, "Transport endpoint is not connected" },
	{ ENOTDIR, "Not a directory" },
	{ ENOTSUP, "Operation not supported" },
	{ ENOTTY, "Inappropriate ioctl for device" },
	{ ENXIO, "No such device or address" },
	{ EOVERFLOW, "Value too large for defined data type" },
	{ EPERM, "Operation not permitted" },
	{ EPIPE, "Broken pipe" },
	{ EPROTO, "Protocol error" },
	{ ERANGE, "Numerical result out of range" },
	{ EREMOTEIO, "Remote I/O error" },
	{ EROFS, "Read-only file system" },
	{ ESRCH, "No such process" },
	{ ESTALE, "Stale file handle" },
	{ ETIME, "Timer expired" },
	{ ETIMEDOUT, "Connection timed out" },
	{ ETXTBSY, "Text file busy" },
	{ EUSERS, "Too many users" },
	{ EXDEV, "Invalid cross-device link" },
};

static const char *error_text(int error)
{
	for (size_t i = 0; i < COUNT(error_texts); i++)
		if (error_texts[i].error == error)
			return error_texts[i].text;
	return NULL;
}

/* ---- the remedy */

#define ARGS (1U << SPAWN_TEMPLATE_STAGE_ARGS)
#define CLONE (1U << SPAWN_TEMPLATE_STAGE_CLONE)
#define ATTR (1U << SPAWN_TEMPLATE_STAGE_ATTR)
#define ACTION (1U << SPAWN_TEMPLATE_STAGE_ACTION)
#define CLOSE (1U << SPAWN_TEMPLATE_STAGE_CLOSE)
#define EXEC (1U << SPAWN_TEMPLATE_STAGE_EXEC)
#define ANY (~0U)
#define ANY_ERROR 0

#define NO_RIGHT                                                               \
	"this account may not do that: a lower nice value needs CAP_SYS_NICE " \
	"or RLIMIT_NICE, other ids need CAP_SETUID and CAP_SETGID"
#define NO_CGROUP_RIGHT                                                 \
	"with a cgroup: cgroup.procs there, and in the nearest common " \
	"parent, must be writable; else a sandbox denies it: see "      \
	"'spawn-template doctor'"
#define NO_CLONE3                                                         \
	"with a cgroup: clone3(2) is needed, and a cgroup that may hold " \
	"processes: see 'spawn-template doctor'"
#define SANDBOX \
	"the kernel or a sandbox does not allow it: see 'spawn-template doctor'"

#define NO_LANDLOCK                                                        \
	"the kernel has no Landlock, or a sandbox denies it: launch without " \
	"SPAWN_LANDLOCK, or see 'spawn-template doctor'"
#define NO_SECCOMP                                                           \
	"the kernel has no seccomp filters, or a sandbox denies them: launch " \
	"without SPAWN_SECCOMP, or see 'spawn-template doctor'"

/* The service manager of a user does not set the mark, that of the system does. */
#define DELEGATED                                                     \
	"'systemd-run --user -p Delegate=yes', with user.delegate=1 " \
	"set on that cgroup by setfattr"

#define NO_LIMIT_RIGHT                                                        \
	"this account may not enable controllers here: start under " DELEGATED \
	", or ask for a cgroup of this account: see 'spawn-template doctor'"

struct remedy {
	unsigned int stages;
	int error;
	const char *text;
};

/* The first that fits counts. */
static const struct remedy remedies[] = {
	/* the template */
	{ ARGS, EINVAL,
	  "check the arguments against spawn_template_spawn(3), and that the "
	  "descriptor is a template" },
	{ ARGS, E2BIG,
	  "give at most 256 actions, and no structure of a later version than "
	  "the library's" },
	{ ARGS, EBADF,
	  "keep the template, and the directories that the arguments name, "
	  "open until the launch" },
	{ ARGS, EACCES,
	  "the file must be regular, with execute permission for this user, "
	  "on a file system mounted without noexec; another process, or one "
	  "with other ids, needs a template of its own" },
	{ ARGS, ENOENT,
	  "check the name and the path; a relative path counts from the "
	  "current directory" },
	{ ARGS, ENOTDIR, "check the path: a part of it is not a directory" },
	{ ARGS, ENOTCONN,
	  "start the guard, spawn-templated(8), or make the template without "
	  "CREATE_GUARD and CREATE_DENY_WRITE" },
	{ ARGS, EDQUOT,
	  "this user's quota of guarded templates is used up: close some, or "
	  "start spawn-templated with a larger --quota" },
	{ ARGS, ENOSPC,
	  "the guard, or the file system, has no room left: close some "
	  "templates" },
	{ ARGS, EOPNOTSUPP,
	  "supervising needs a cgroup v2 directory in which this account may "
	  "make another, denying writes the guard and a local file system: "
	  "see 'spawn-template doctor'" },
	{ ARGS, ENOSYS,
	  "the kernel or a sandbox does not allow statx(2), which tells one "
	  "file from another: see 'spawn-template doctor'" },
	{ ARGS, ETIMEDOUT, "give it more time to reach exec" },

	/* the process */
	{ CLONE, EBUSY,
	  "the cgroup has controllers enabled for its children: name one of "
	  "the children" },
	{ CLONE, EACCES, NO_CGROUP_RIGHT },
	{ CLONE, EPERM, NO_CGROUP_RIGHT },
	{ CLONE, ENOSYS, NO_CLONE3 },
	{ CLONE, EOPNOTSUPP, NO_CLONE3 },
	{ CLONE, EINVAL, NO_CLONE3 },
	{ CLONE, EBADF, "cgroup_fd must be an open cgroup v2 directory" },
	{ CLONE, ENODEV, "the cgroup was removed: make it anew" },
	{ CLONE, ENOENT, "the cgroup was removed: make it anew" },

	/* its attributes */
	{ ATTR, EACCES, NO_RIGHT },
	{ ATTR, EPERM, NO_RIGHT },
	{ ATTR, ESRCH,
	  "the process group must exist, and the parent must live until "
	  "exec" },
	{ ATTR, EINVAL,
	  "ids must be mapped in this user namespace, and a process group "
	  "must belong to this session" },

	/* an action */
	{ ACTION, EBADF,
	  "its descriptor must be open in the child, where an earlier action "
	  "may have closed it, and below the limit (ulimit -n)" },
	{ ACTION, ENOENT, "check the path that it names" },
	{ ACTION, ENOTDIR, "check the path that it names" },
	{ ACTION, EISDIR, "check the path that it names" },
	{ ACTION, EACCES, "check the permissions of the path that it names" },
	{ ACTION, EROFS, "open the file for reading, or write elsewhere" },
	{ ACTION, EXDEV,
	  "its path leads out of the directory that openat2(2) must stay in" },
	{ ACTION, EEXIST, "remove the file, or open it without O_EXCL" },
	{ ACTION, ENXIO,
	  "the fifo must have a reader, or the device must exist" },
	{ ACTION, ENOTTY, "its descriptor must be a terminal" },
	{ ACTION, EPERM,
	  "a higher hard limit needs CAP_SYS_RESOURCE; a terminal must not be "
	  "another session's; else a sandbox denies it: see 'spawn-template "
	  "doctor'" },
	{ ACTION, EINVAL,
	  "the kernel refuses its values: see spawn_template_spawn(3)" },

	/* exec */
	{ EXEC, ENOENT,
	  "its interpreter is not there, or what that needs: install it, or a "
	  "build of the program for this system; the first line of a script "
	  "must not end in a carriage return" },
	{ EXEC, ENOEXEC,
	  "it is a program for another machine, or of no format that is known "
	  "here: install a build for this system, or what runs it; run a shell "
	  "script as 'sh FILE'" },
	{ EXEC, EACCES,
	  "the file and its interpreter must be regular, with execute "
	  "permission for this user, on file systems mounted without noexec" },
	{ EXEC, ENOTDIR, "check the path of its interpreter" },
	{ EXEC, EISDIR,
	  "its interpreter is a directory: install the interpreter again" },
	{ EXEC, EINVAL,
	  "its ELF header is damaged: install the program again" },
	{ EXEC, ENODEV,
	  "its file system does not support exec: copy the program elsewhere" },
	{ EXEC, E2BIG,
	  "arguments and environment are too long: see 'getconf ARG_MAX' and "
	  "'ulimit -s'; each string may have 128 KiB at most" },

	/* the file, in any step that looks at it */
	{ ANY, ENOEXEC,
	  "it is neither an ELF program nor a script that starts with "
	  "\"#!\" and an interpreter of at most 253 bytes; run a shell script "
	  "as 'sh FILE'" },
	{ ANY, ETXTBSY,
	  "a process has the file open for writing: wait until the file is "
	  "closed" },
	{ ANY, ESTALE,
	  "the file was changed or replaced: refresh the template, or try "
	  "again" },
	{ ANY, ELOOP, "its path has too many symbolic links, or a cycle" },
	{ ANY, ELIBBAD,
	  "its ELF interpreter is damaged or of another architecture" },
	{ ANY, ENAMETOOLONG,
	  "give a path of at most 4095 bytes, each part of at most 255" },

	/* the machine */
	{ ANY, EMFILE, "too many open files: raise the limit (ulimit -n)" },
	{ ANY, ENFILE,
	  "too many open files in the system: raise fs.file-max, or close "
	  "some" },
	{ ANY, ENOMEM,
	  "the machine, or the cgroup (memory.max), is out of memory; or "
	  "process 1 of the pid namespace has ended" },
	{ ANY, EAGAIN,
	  "too many processes: see 'ulimit -u' and the cgroup's pids.max" },
	{ ANY, ECHILD,
	  "the child was killed before exec: by another process, by a signal "
	  "to its process group, or by a sandbox's filter" },
	{ ANY, EIO, "a disk or a file system fails: see dmesg(1)" },
	{ CLOSE, ANY_ERROR,
	  "allow close_range(2) in the sandbox, mount /proc, or have the "
	  "program inherit all descriptors" },
	{ ANY, EPERM, SANDBOX },
	{ ANY, EACCES, SANDBOX },
	{ ANY, ENOSYS, SANDBOX },
	{ ANY, EOPNOTSUPP, SANDBOX },
};

/* The attributes that a failure names. */
static const struct remedy sandbox_remedies[] = {
	{ 1U << SPAWN_TEMPLATE_ATTR_LANDLOCK, EBADF,
	  "landlock_fd must be open in the caller until the launch" },
	{ 1U << SPAWN_TEMPLATE_ATTR_LANDLOCK, EBADFD,
	  "landlock_fd must be a ruleset of landlock_create_ruleset(2)" },
	{ 1U << SPAWN_TEMPLATE_ATTR_LANDLOCK, E2BIG,
	  "at most 16 Landlock domains can be inside of each other" },
	{ 1U << SPAWN_TEMPLATE_ATTR_LANDLOCK, ENOMEM,
	  "the machine, or the cgroup (memory.max), is out of memory" },
	{ 1U << SPAWN_TEMPLATE_ATTR_LANDLOCK, ANY_ERROR, NO_LANDLOCK },
	{ 1U << SPAWN_TEMPLATE_ATTR_SECCOMP, EINVAL,
	  "the filter must be a classic BPF program that seccomp(2) accepts" },
	{ 1U << SPAWN_TEMPLATE_ATTR_SECCOMP, EFAULT,
	  "seccomp must point to a struct sock_fprog" },
	{ 1U << SPAWN_TEMPLATE_ATTR_SECCOMP, ENOMEM,
	  "the filters of this process are too long in all, or the machine is "
	  "out of memory" },
	{ 1U << SPAWN_TEMPLATE_ATTR_SECCOMP, ANY_ERROR, NO_SECCOMP },
};

/* One of RUN_LIMITS; the stages are not looked at. */
static const struct remedy limit_remedies[] = {
	{ ANY, EOPNOTSUPP,
	  "the caller's cgroup has no such controller: start under " DELEGATED
	  ", or have an administrator enable it in cgroup.subtree_control "
	  "above: see 'spawn-template doctor'" },
	{ ANY, EBUSY,
	  "a cgroup with processes in it can have no limited ones below: start "
	  "under " DELEGATED ", or give a cgroup without processes" },
	{ ANY, EACCES, NO_LIMIT_RIGHT },
	{ ANY, EPERM, NO_LIMIT_RIGHT },
	{ ANY, EROFS,
	  "this container's cgroups are mounted read-only: mount cgroup v2 "
	  "writable, with a cgroup namespace" },
	{ ANY, EINVAL,
	  "the kernel refuses the value: see spawn_template_run(3)" },
	{ ANY, ERANGE,
	  "the kernel refuses the value: see spawn_template_run(3)" },
	{ ANY, ANY_ERROR, "see 'spawn-template doctor'" },
};

static const char *find(const struct remedy *list, size_t n, unsigned int bit,
			int error)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].stages & bit &&
		    (list[i].error == error || list[i].error == ANY_ERROR))
			return list[i].text;
	return NULL;
}

static bool is_sandbox(const struct spawn_template_failure *f)
{
	return f->stage == SPAWN_TEMPLATE_STAGE_ATTR &&
	       (f->action == SPAWN_TEMPLATE_ATTR_LANDLOCK ||
		f->action == SPAWN_TEMPLATE_ATTR_SECCOMP);
}

/* Return: the limit that failed; NULL: it was not that. */
static const char *limit_text(const struct spawn_template_failure *f)
{
	static const char *const limits[] = {
		[SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT] = "memory",
		[SPAWN_TEMPLATE_ATTR_PIDS_LIMIT] = "processes",
		[SPAWN_TEMPLATE_ATTR_CPU_LIMIT] = "CPU time",
		[SPAWN_TEMPLATE_ATTR_IO_LIMIT] = "I/O",
	};

	return f->stage == SPAWN_TEMPLATE_STAGE_ATTR &&
			       f->action < COUNT(limits)
		       ? limits[f->action]
		       : NULL;
}

static const char *remedy_text(const struct spawn_template_failure *f)
{
	/* of a stage that is not known, only the error can be told */
	unsigned int stage = f->stage <= SPAWN_TEMPLATE_STAGE_EXEC
				     ? 1U << f->stage
				     : 1U << 31;

	if (limit_text(f))
		return find(limit_remedies, COUNT(limit_remedies), ANY,
			    f->error);
	if (is_sandbox(f))
		return find(sandbox_remedies, COUNT(sandbox_remedies),
			    1U << f->action, f->error);
	return find(remedies, COUNT(remedies), stage, f->error);
}

/* ---- the sentence */

/* Writes the step that failed; buf has room for the longest. */
static void put_step(const struct spawn_template_failure *f, char *buf,
		     size_t size)
{
	static const char *const steps[] = {
		[SPAWN_TEMPLATE_STAGE_ARGS] = "cannot be launched",
		[SPAWN_TEMPLATE_STAGE_CLONE] = "cannot make a process",
		[SPAWN_TEMPLATE_STAGE_ATTR] = "cannot set up the process",
		[SPAWN_TEMPLATE_STAGE_CLOSE] = "cannot close descriptors",
		[SPAWN_TEMPLATE_STAGE_EXEC] = "exec failed",
	};

	if (f->stage == SPAWN_TEMPLATE_STAGE_ACTION)
		snprintf(buf, size, "action %u failed", f->action);
	else if (limit_text(f))
		snprintf(buf, size, "cannot limit %s", limit_text(f));
	else if (is_sandbox(f))
		snprintf(buf, size, "cannot enter the %s",
			 f->action == SPAWN_TEMPLATE_ATTR_LANDLOCK
				 ? "Landlock domain"
				 : "seccomp filter");
	else
		snprintf(buf, size, "%s",
			 f->stage < COUNT(steps) ? steps[f->stage] : steps[0]);
}

int spawn_template_strerror(const struct spawn_template_failure *failure,
			    char *buf, size_t size)
{
	const char *text, *remedy;
	char step[40], number[24];

	if (!failure || (!buf && size))
		return -EINVAL;
	put_step(failure, step, sizeof(step));
	text = error_text(failure->error);
	if (!text) {
		snprintf(number, sizeof(number), "error %d", failure->error);
		text = number;
	}
	remedy = remedy_text(failure);
	return snprintf(buf, size < INT32_MAX ? size : INT32_MAX, "%s: %s%s%s",
			step, text, remedy ? "; " : "", remedy ? remedy : "");
}
