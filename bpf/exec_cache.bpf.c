// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What only the kernel can promise of a template: that the file which exec runs
 * is the one that was registered, that whoever launches is its creator, and that
 * nobody writes to it meanwhile.
 *
 * hook                   why there
 * bprm_creds_for_exec    once for each exec, before anything of it is decided,
 *                        with the file open that will run: creator and identity
 * bprm_check_security    once for each step of it, after the first bytes were
 *                        read: at the first step, the ELF header
 * file_open              after the kernel has counted a writer: deny, or note
 * inode_setattr          truncation: deny, or note
 * notify_change, its end  all that a change of mode, owner or times can hide: note
 * file_fcntl             the daemon asks for registration with the client's own
 *                        descriptor in hand; nobody else is heeded
 * file_free              the template's file is closed for good, by whoever
 * sched_process_exec, _exit  how long launches and programs took
 *
 * Each check is one function, entered as an LSM program where `bpf` is among the
 * security modules, and as fmod_ret on security_*() where it is not. All of them
 * return at once for what is no template's: an exec without the mark costs one
 * look at memory of its own task, an open for writing one look-up.
 *
 * On a kernel that preempts, a program that is none of LSM is passed over where
 * another task was interrupted in it on the same processor: the kernel takes that
 * for recursion. So there are two of each, which look at the same maps: what one
 * has done the other finds done. That both are passed over takes two tasks that
 * were interrupted, one in each. What was not checked at bprm_creds_for_exec is
 * checked at bprm_check_security; a launch whose end of exec was not seen is
 * counted when it ends.
 *
 * Executions without the mark are never refused. What is not covered: stores
 * through mappings that were writable before, and raw block devices.
 *
 * Elements of the maps may be used again for another key as soon as they are
 * deleted. So the daemon deletes only what nothing refers to, and the generation
 * of an executable, which is never used twice, decides whether it is the one.
 */
#include "launch.bpf.h"
#include "registration.bpf.h"
#include "writing.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Which argument of inode_setattr is the dentry: it has moved over time. */
const volatile __u32 setattr_dentry_arg = 1;

static __always_inline int enter_setattr(unsigned long long *ctx)
{
	if (setattr_dentry_arg)
		return ctx[3] ? (int)ctx[3]
			      : on_setattr((void *)ctx[1], (void *)ctx[2]);
	return ctx[2] ? (int)ctx[2]
		      : on_setattr((void *)ctx[0], (void *)ctx[1]);
}

/* ---- entries: as LSM programs */

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(lsm_exec, struct linux_binprm *bprm, int ret)
{
	return ret ? ret : on_exec(bprm);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(lsm_check, struct linux_binprm *bprm, int ret)
{
	return ret ? ret : on_check(bprm);
}

SEC("lsm/file_open")
int BPF_PROG(lsm_open, struct file *file, int ret)
{
	return ret ? ret : on_open(file);
}

SEC("lsm/inode_setattr")
int lsm_setattr(unsigned long long *ctx)
{
	return enter_setattr(ctx);
}

SEC("lsm/file_fcntl")
int BPF_PROG(lsm_fcntl, struct file *file, unsigned int cmd, unsigned long arg,
	     int ret)
{
	return ret ? ret : on_fcntl(file, cmd, arg);
}

SEC("lsm/file_free_security")
int BPF_PROG(lsm_file_free, struct file *file)
{
	return on_file_free(file);
}

/* ---- the same as fmod_ret, twice: see above */

#define FMOD_RET_PROGRAMS(suffix)                                              \
	SEC("fmod_ret/security_bprm_creds_for_exec")                           \
	int BPF_PROG(fmod_exec##suffix, struct linux_binprm *bprm, int ret)    \
	{                                                                      \
		return ret ? ret : on_exec(bprm);                              \
	}                                                                      \
	SEC("fmod_ret/security_bprm_check")                                    \
	int BPF_PROG(fmod_check##suffix, struct linux_binprm *bprm, int ret)   \
	{                                                                      \
		return ret ? ret : on_check(bprm);                             \
	}                                                                      \
	SEC("fmod_ret/security_file_open")                                     \
	int BPF_PROG(fmod_open##suffix, struct file *file, int ret)            \
	{                                                                      \
		return ret ? ret : on_open(file);                              \
	}                                                                      \
	SEC("fmod_ret/security_inode_setattr")                                 \
	int fmod_setattr##suffix(unsigned long long *ctx)                      \
	{                                                                      \
		return enter_setattr(ctx);                                     \
	}                                                                      \
	SEC("fmod_ret/security_file_fcntl")                                    \
	int BPF_PROG(fmod_fcntl##suffix, struct file *file, unsigned int cmd,  \
		     unsigned long arg, int ret)                               \
	{                                                                      \
		return ret ? ret : on_fcntl(file, cmd, arg);                   \
	}                                                                      \
	SEC("fentry/security_file_free")                                       \
	int BPF_PROG(fmod_file_free##suffix, struct file *file)                \
	{                                                                      \
		return on_file_free(file);                                     \
	}

FMOD_RET_PROGRAMS()
FMOD_RET_PROGRAMS(_2)

/* ---- entries for both, twice */

#define TRACE_PROGRAMS(suffix)                                                 \
	SEC("tp_btf/sched_process_exec")                                       \
	int BPF_PROG(exec_done##suffix, struct task_struct *task,              \
		     pid_t old_pid, struct linux_binprm *bprm)                 \
	{                                                                      \
		return on_exec_done(task, bprm);                               \
	}                                                                      \
	SEC("fexit/notify_change")                                             \
	int BPF_PROG(setattr_done##suffix, void *idmap, struct dentry *dentry, \
		     struct iattr *attr, void *delegated, int ret)             \
	{                                                                      \
		return on_setattr_done(dentry, ret);                           \
	}                                                                      \
	SEC("tp_btf/sched_process_exit")                                       \
	int BPF_PROG(exit_done##suffix, struct task_struct *task)              \
	{                                                                      \
		return on_exit(task);                                          \
	}

TRACE_PROGRAMS()
TRACE_PROGRAMS(_2)
