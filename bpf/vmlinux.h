/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of the kernel that the programs use, with their fields by name and
 * type; the loader looks up where the running kernel has each field. A type
 * with three underscores in its name has the fields of an older or newer
 * kernel.
 */
#ifndef VMLINUX_H
#define VMLINUX_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef __u64 u64;
typedef _Bool bool;

enum {
	false = 0,
	true = 1,
};

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_MMAPABLE = 1U << 10,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct user_namespace {
	int level;
};

/*
 * The sets of capabilities are two words before Linux 6.3, and one of 64 bits
 * since: eight bytes in either case.
 */
typedef struct {
	__u64 val;
} kernel_cap_t;

/* The groups are sorted. */
struct group_info {
	int ngroups;
	kgid_t gid[];
};

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	kernel_cap_t cap_bset;
	kernel_cap_t cap_ambient;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_iflags;
	unsigned long s_magic;
};

struct vfsmount {
	int mnt_flags;
};

/* until Linux 6.1 */
struct vfsmount___users {
	struct user_namespace *mnt_userns;
};

/* from 6.2; the loader tells what is in it, see creds.bpf.h */
struct vfsmount___idmap {
	void *mnt_idmap;
};

struct uid_gid_map {
	__u32 nr_extents;
};

struct path {
	struct vfsmount *mnt;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_nlink;
	struct super_block *i_sb;
	unsigned long i_ino;
	__s64 i_size;
	__u32 i_generation;
	atomic_t i_writecount;
};

/* with CONFIG_FS_POSIX_ACL */
struct inode___acl {
	void *i_acl;
};

/* until Linux 6.5; mtime until 6.6 */
struct inode___times {
	struct timespec64 i_ctime;
	struct timespec64 i_mtime;
};

/* from 6.6 and 6.7 until 6.10 */
struct inode___hidden_times {
	struct timespec64 __i_ctime;
	struct timespec64 __i_mtime;
};

/* from 6.11 */
struct inode___split_times {
	__s64 i_ctime_sec, i_mtime_sec;
	__u32 i_ctime_nsec, i_mtime_nsec;
};

struct dentry {
	struct inode *d_inode;
};

struct file {
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
	const struct cred *f_cred;
};

struct iattr {
	unsigned int ia_valid;
};

struct task_struct {
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	int *clear_child_tid;
	void *stack;
	void *mm;
	void *vfork_done; /* on the stack of the task that waits; NULL: none */
	__u64 start_boottime;
	__u64 self_exec_id;
	const struct cred *cred;
};

struct linux_binprm {
	struct file *file;
	const char *filename, *interp;	/* equal at the first step */
	char buf[256];
};

/* from Linux 6.14 */
struct linux_binprm___check {
	unsigned int is_check : 1;
};

#pragma clang attribute pop

#endif
