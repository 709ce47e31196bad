// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The promises about a template that only the kernel can keep: exec runs the
 * registered file, the launching process is the template's creator, and nobody
 * writes to the file meanwhile.
 *
 * hook                   reason
 * bprm_creds_for_exec    runs once for each exec, before exec decides anything and
 *                        with the file open that will run: creator and identity
 * bprm_check_security    runs once for each step of an exec, after the first bytes
 *                        were read: the ELF header, at the first step
 * file_open              runs after the kernel has counted a writer: deny, or note
 * inode_setattr          truncation: deny, or note
 * notify_change, its end  sees changes of mode, owner and times, which can hide a
 *                        write: note
 * file_fcntl             the daemon registers a client's descriptor by it; the
 *                        programs ignore the call of any other process
 * file_free              the template's file is closed for good, by any process
 * sched_process_exec, _exit  measure how long launches and programs took
 *
 * Each check is one function. It is entered as an LSM program where `bpf` is
 * among the security modules, and as fmod_ret on security_*() elsewhere. Every
 * check returns at once if no template is concerned: an exec without the mark
 * costs one look at memory of its own task, an open for writing costs one
 * look-up.
 *
 * The kernel's recursion guard skips a tracing program (one that is not an LSM
 * program) while another task is preempted inside it on the same processor. So
 * each is attached twice, on the same maps: whatever one copy has done, the
 * other finds done. Both copies are skipped only while two tasks are preempted,
 * one in each. A launch that was not checked at bprm_creds_for_exec is checked
 * at bprm_check_security; a launch whose end of exec was not seen is counted
 * when its program ends.
 *
 * The counters need their copies, too. Measured in emulated guests with two
 * processors, where eight threads made 12,000 launches: on Linux 7.3 the kernel
 * skipped a copy of exec_done or exit_done about 100 times. With one copy of
 * each, 1 or 2 launches and 139 to 158 running times were not counted; with
 * two, every launch was, and at most 4 running times were not. On 6.12 and 6.18
 * none was skipped, although the guests were booted with preempt=full.
 *
 * Executions without the mark are never refused. Two ways to change a file are
 * not covered: stores through mappings that were writable before, and raw block
 * devices.
 *
 * The kernel may use the memory of a deleted map element for another key at
 * once. So the daemon deletes only elements that nothing refers to, and a
 * program that holds an executable's element compares its generation, which is
 * never used twice.
 */
#include "launch.bpf.h"
#include "registration.bpf.h"
#include "writing.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Position of inode_setattr's dentry argument, which has changed over time. */
const volatile __u32 setattr_dentry_arg = 1;

static __always_inline int enter_setattr(unsigned long long *ctx)
{
	if (setattr_dentry_arg)
		return ctx[3] ? (int)ctx[3]
			      : on_setattr((void *)ctx[1], (void *)ctx[2]);
	return ctx[2] ? (int)ctx[2]
		      : on_setattr((void *)ctx[0], (void *)ctx[1]);
}

/* ---- entries as LSM programs */

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

/* ---- the same entries as fmod_ret, twice: see above */

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

/* ---- entries for both kinds, twice */

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
		return on_setattr_done(dentry, attr, ret);                     \
	}                                                                      \
	SEC("tp_btf/sched_process_exit")                                       \
	int BPF_PROG(exit_done##suffix, struct task_struct *task)              \
	{                                                                      \
		return on_exit(task);                                          \
	}

TRACE_PROGRAMS()
TRACE_PROGRAMS(_2)
