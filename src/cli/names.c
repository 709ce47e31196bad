/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for the numbers of the kernel and the library. The words in JSON are
 * stable: programs may compare them.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>

#include "cli/cli.h"

struct name {
	int number;
	const char *text;
};

#define NAME(n) .number = (n), .text = #n

static const char *find_name(const struct name *names, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].number == number)
			return names[i].text;
	return NULL;
}

const char *name_errno(int err)
{
	static const struct name names[] = {
		{ NAME(E2BIG) },	{ NAME(EACCES) },
		{ NAME(EAGAIN) },	{ NAME(EBADF) },
		{ NAME(EBUSY) },	{ NAME(ECHILD) },
		{ NAME(EEXIST) },	{ NAME(EFAULT) },
		{ NAME(EINTR) },	{ NAME(EINVAL) },
		{ NAME(EIO) },		{ NAME(EISDIR) },
		{ NAME(ELIBBAD) },	{ NAME(ELOOP) },
		{ NAME(EMFILE) },	{ NAME(ENAMETOOLONG) },
		{ NAME(ENFILE) },	{ NAME(ENODEV) },
		{ NAME(ENOENT) },	{ NAME(ENOEXEC) },
		{ NAME(ENOMEM) },	{ NAME(ENOSPC) },
		{ NAME(ENOSYS) },	{ NAME(ENOTDIR) },
		{ NAME(ENOTTY) },	{ NAME(ENXIO) },
		{ NAME(EOPNOTSUPP) },	{ NAME(EPERM) },
		{ NAME(EPIPE) },	{ NAME(EROFS) },
		{ NAME(ESRCH) },	{ NAME(ESTALE) },
		{ NAME(ETIMEDOUT) },	{ NAME(ETXTBSY) },
		{ NAME(EXDEV) },	{ NAME(EUSERS) },
		{ NAME(ECANCELED) },	{ NAME(ETIME) },
		{ NAME(EILSEQ) },	{ NAME(EOVERFLOW) },
		{ NAME(EPROTO) },	{ NAME(EPROTOTYPE) },
		{ NAME(ENOTCONN) },	{ NAME(EDQUOT) },
		{ NAME(ECONNREFUSED) }, { NAME(ECONNRESET) },
		{ NAME(ENOTUNIQ) },	{ NAME(ENOBUFS) },
	};
	const char *text = find_name(names, COUNT(names), err);

	return text ? text : "E?";
}

const char *name_signal(int sig)
{
	static const struct name names[] = {
		{ NAME(SIGHUP) },    { NAME(SIGINT) },	  { NAME(SIGQUIT) },
		{ NAME(SIGILL) },    { NAME(SIGTRAP) },	  { NAME(SIGABRT) },
		{ NAME(SIGBUS) },    { NAME(SIGFPE) },	  { NAME(SIGKILL) },
		{ NAME(SIGUSR1) },   { NAME(SIGSEGV) },	  { NAME(SIGUSR2) },
		{ NAME(SIGPIPE) },   { NAME(SIGALRM) },	  { NAME(SIGTERM) },
		{ NAME(SIGSTKFLT) }, { NAME(SIGCHLD) },	  { NAME(SIGCONT) },
		{ NAME(SIGSTOP) },   { NAME(SIGTSTP) },	  { NAME(SIGTTIN) },
		{ NAME(SIGTTOU) },   { NAME(SIGURG) },	  { NAME(SIGXCPU) },
		{ NAME(SIGXFSZ) },   { NAME(SIGVTALRM) }, { NAME(SIGPROF) },
		{ NAME(SIGWINCH) },  { NAME(SIGIO) },	  { NAME(SIGPWR) },
		{ NAME(SIGSYS) },
	};
	const char *text = find_name(names, COUNT(names), sig);

	return text ? text : "SIG?";
}

const char *name_stage(unsigned int stage)
{
	static const char *const names[] = {
		[SPAWN_TEMPLATE_STAGE_ARGS] = "args",
		[SPAWN_TEMPLATE_STAGE_CLONE] = "clone",
		[SPAWN_TEMPLATE_STAGE_ATTR] = "attr",
		[SPAWN_TEMPLATE_STAGE_ACTION] = "action",
		[SPAWN_TEMPLATE_STAGE_CLOSE] = "close",
		[SPAWN_TEMPLATE_STAGE_EXEC] = "exec",
	};

	return stage < COUNT(names) ? names[stage] : "unknown";
}

const char *name_state(unsigned int state)
{
	return state == SPAWN_TEMPLATE_STATE_FRESH ? "fresh" : "stale";
}

const char *name_machine(unsigned int machine)
{
	static const struct name names[] = {
		{ EM_386, "i386" },	{ EM_X86_64, "x86-64" },
		{ EM_ARM, "ARM" },	{ EM_AARCH64, "AArch64" },
		{ EM_RISCV, "RISC-V" }, { EM_PPC64, "PowerPC64" },
		{ EM_S390, "S/390" },	{ EM_MIPS, "MIPS" },
		{ 258, "LoongArch" },	{ EM_PPC, "PowerPC" },
	};

	return find_name(names, COUNT(names), (int)machine);
}

const char *explain_by_path(unsigned int reason)
{
	static const char *const text[] = {
		[0] = "no reason given",
		[SPAWN_TEMPLATE_BY_PATH_SCRIPT] =
			"a script: its interpreter opens the path",
		[SPAWN_TEMPLATE_BY_PATH_KERNEL] =
			"this kernel may show a number as the process name",
		[SPAWN_TEMPLATE_BY_PATH_NAME] =
			"a link: ps would show the other file's name",
		[SPAWN_TEMPLATE_BY_PATH_HARD_LINK] =
			"the file has several names",
		[SPAWN_TEMPLATE_BY_PATH_FORMAT] =
			"not readable here, so its format is unknown",
		[SPAWN_TEMPLATE_BY_PATH_EXECVEAT] =
			"execveat(2) is not allowed here",
		[SPAWN_TEMPLATE_BY_PATH_EXECFN] =
			"the program may look at the name that it was run by",
		[SPAWN_TEMPLATE_BY_PATH_BINFMT] =
			"another format: its interpreter opens the path",
	};

	return reason < COUNT(text) ? text[reason] : "reason unknown";
}
