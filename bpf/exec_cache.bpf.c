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
 * inode_setattr          truncation, and all that a change of mode, owner or times
 *                        can hide: deny, or note
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
 * Executions without the mark are never refused. What is not covered: stores
 * through mappings that were writable before, and raw block devices.
 *
 * Elements of the maps may be used again for another key as soon as they are
 * deleted. So the daemon deletes only what nothing refers to, and the generation
 * of an executable, which is never used twice, decides whether it is the one.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exec_cache.h"
#include "../src/proto.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EACCES		13
#define EINVAL		22
#define ENOMEM		12
#define ENOSPC		28
#define ETXTBSY		26
#define EOPNOTSUPP	95
#define ESTALE		116

#define FMODE_WRITE	0x2
#define FMODE_PATH	0x4000
#define F_GETFL		3
#define ATTR_SIZE	(1 << 3)
#define S_IFMT		0170000
#define S_IFREG		0100000

/* Linux 6.13: this bit of ctime's nanoseconds says that somebody has looked. */
#define CTIME_NSEC_MASK	0x3fffffff

#define TICK_NS		10000000	/* USER_HZ is 100 */

/* Which argument of inode_setattr is the dentry: it has moved over time. */
const volatile __u32 setattr_dentry_arg = 1;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXEC_CACHE_MAX);
	__type(key, struct exec_key);
	__type(value, struct exec_entry);
} exec_cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TEMPLATES_MAX);
	__type(key, __u64);
	__type(value, struct template_entry);
} templates SEC(".maps");

/* From the address of a template's open file to its id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TEMPLATES_MAX);
	__type(key, __u64);
	__type(value, __u64);
} template_files SEC(".maps");

/* A word for each executable, by slot; clients map it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EXEC_CACHE_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} exec_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_control);
} guard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_SIZE);
} events SEC(".maps");

/*
 * A launch that was let through, until its program ends, by the process's number.
 * The oldest give way; of those only the running time is not counted. Not in
 * task storage: on Linux 7 that is not to be had without cmpxchg16b, and this
 * costs others no more.
 */
struct launch {
	__u64 id;
	__u64 bprm;		/* of the exec that was let through */
	__u64 exec_ns;		/* when it was done; 0: not yet */
	__u32 header_seen;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * TEMPLATES_MAX);
	__type(key, __u32);
	__type(value, struct launch);
} launches SEC(".maps");

/* ---- small things */

static __always_inline struct guard_control *control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&guard, &zero);
}

static __always_inline __u32 own_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

#define COUNT(field)                                          \
	do {                                                  \
		struct guard_control *c_ = control();         \
							      \
		if (c_)                                       \
			__sync_fetch_and_add(&c_->field, 1);  \
	} while (0)

static __always_inline void tell(__u32 type, __u32 why, __u64 id,
				 __u64 generation, const struct exec_key *key)
{
	struct exec_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		COUNT(events_lost);
		return;
	}
	e->time_ns = bpf_ktime_get_boot_ns();
	e->id = id;
	e->generation = generation;
	e->exec = *key;
	e->type = type;
	e->why = why;
	e->pid = own_tgid();
	e->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void count_time(__u64 *histogram, __u64 ns)
{
	__u64 us = ns / 1000;
	__u32 slot = 0;

	if (us >= 1ULL << 32)
		us = (1ULL << 32) - 1;
	if (us >= 1 << 16) {
		slot += 16;
		us >>= 16;
	}
	if (us >= 1 << 8) {
		slot += 8;
		us >>= 8;
	}
	if (us >= 1 << 4) {
		slot += 4;
		us >>= 4;
	}
	if (us >= 1 << 2) {
		slot += 2;
		us >>= 2;
	}
	if (us >= 1 << 1)
		slot += 1;
	__sync_fetch_and_add(&histogram[slot & (HISTOGRAM_SLOTS - 1)], 1);
}

/* ---- identity */

static __always_inline void key_of(struct inode *inode, struct exec_key *key)
{
	key->inode = (__u64)inode;
	key->ino = inode->i_ino;
	key->dev = inode->i_sb->s_dev;
	key->generation = inode->i_generation;
}

static __always_inline bool same_key(const struct exec_key *a,
				     const struct exec_key *b)
{
	return a->inode == b->inode && a->ino == b->ino && a->dev == b->dev &&
	       a->generation == b->generation;
}

static __always_inline void ctime_of(struct inode *inode,
				     struct exec_identity *id)
{
	struct inode___split_times *split = (void *)inode;
	struct inode___hidden_times *hidden = (void *)inode;
	struct inode___times *plain = (void *)inode;

	if (bpf_core_field_exists(split->i_ctime_sec)) {
		id->ctime_sec = split->i_ctime_sec;
		id->ctime_nsec = split->i_ctime_nsec;
	} else if (bpf_core_field_exists(hidden->__i_ctime)) {
		id->ctime_sec = hidden->__i_ctime.tv_sec;
		id->ctime_nsec = hidden->__i_ctime.tv_nsec;
	} else {
		id->ctime_sec = plain->i_ctime.tv_sec;
		id->ctime_nsec = plain->i_ctime.tv_nsec;
	}
	id->ctime_nsec &= CTIME_NSEC_MASK;
}

static __always_inline void mtime_of(struct inode *inode,
				     struct exec_identity *id)
{
	struct inode___split_times *split = (void *)inode;
	struct inode___hidden_times *hidden = (void *)inode;
	struct inode___times *plain = (void *)inode;

	if (bpf_core_field_exists(split->i_mtime_sec)) {
		id->mtime_sec = split->i_mtime_sec;
		id->mtime_nsec = split->i_mtime_nsec;
	} else if (bpf_core_field_exists(hidden->__i_mtime)) {
		id->mtime_sec = hidden->__i_mtime.tv_sec;
		id->mtime_nsec = hidden->__i_mtime.tv_nsec;
	} else {
		id->mtime_sec = plain->i_mtime.tv_sec;
		id->mtime_nsec = plain->i_mtime.tv_nsec;
	}
}

static __always_inline void identity_of(struct inode *inode,
					struct exec_identity *id)
{
	id->size = inode->i_size;
	id->mode = inode->i_mode;
	id->uid = inode->i_uid.val;
	id->gid = inode->i_gid.val;
	id->pad = 0;
	ctime_of(inode, id);
	mtime_of(inode, id);
}

static __always_inline bool same_identity(const struct exec_identity *a,
					  const struct exec_identity *b)
{
	return a->size == b->size && a->mode == b->mode && a->uid == b->uid &&
	       a->gid == b->gid && a->ctime_sec == b->ctime_sec &&
	       a->ctime_nsec == b->ctime_nsec && a->mtime_sec == b->mtime_sec &&
	       a->mtime_nsec == b->mtime_nsec;
}

/* ---- the state of an executable */

static __always_inline void set_word(__u32 slot, __u64 word)
{
	__u64 *p = bpf_map_lookup_elem(&exec_states, &slot);

	if (p)
		*(volatile __u64 *)p = word;
}

/* From fresh to stale, once: for whoever sees it first. */
static __always_inline void invalidate(struct exec_entry *e,
				       const struct exec_key *key, __u32 why)
{
	if (__sync_val_compare_and_swap(&e->state, EXEC_FRESH, EXEC_STALE) !=
	    EXEC_FRESH)
		return;
	e->why = why;
	set_word(e->slot, EXEC_STATE_WORD(e->generation, EXEC_STALE));
	tell(EVENT_INVALIDATED, why, 0, e->generation, key);
}

/* ---- registering */

static __always_inline __u64 caps_of(const kernel_cap_t *set)
{
	__u64 caps = 0;

	bpf_core_read(&caps, sizeof(caps), set);
	return caps;
}

static __always_inline void creds_of(const struct cred *cred,
				     struct template_creds *to)
{
	to->uid = cred->uid.val;
	to->gid = cred->gid.val;
	to->suid = cred->suid.val;
	to->sgid = cred->sgid.val;
	to->euid = cred->euid.val;
	to->egid = cred->egid.val;
	to->fsuid = cred->fsuid.val;
	to->fsgid = cred->fsgid.val;
	to->securebits = cred->securebits;
	to->pad = 0;
	to->inheritable = caps_of(&cred->cap_inheritable);
	to->permitted = caps_of(&cred->cap_permitted);
	to->effective = caps_of(&cred->cap_effective);
	to->bounding = caps_of(&cred->cap_bset);
	to->ambient = caps_of(&cred->cap_ambient);
	to->user_ns = (__u64)cred->user_ns;
}

/*
 * File systems whose inode counts all writers of this machine. On overlayfs it
 * counts those that come through it, as for a running program; on network file
 * systems and FUSE there may be others.
 */
static __always_inline bool counts_writers(__u64 magic)
{
	switch (magic) {
	case 0xef53:		/* ext2, ext3, ext4 */
	case 0x58465342:	/* xfs */
	case 0x9123683e:	/* btrfs */
	case 0x01021994:	/* tmpfs */
	case 0x858458f6:	/* ramfs */
	case 0xf2f52010:	/* f2fs */
	case 0xca451a4e:	/* bcachefs */
	case 0x2fc12fc1:	/* zfs */
	case 0x794c7630:	/* overlayfs */
	case 0x73717368:	/* squashfs */
	case 0xe0f5e1e2:	/* erofs */
		return true;
	}
	return false;
}

/* A new element, or the old one under a new generation. */
static __always_inline struct exec_entry *
renew(struct exec_entry *e, const struct template_entry *t, __u64 id,
      const struct exec_key *key, const struct exec_identity *now, __u32 magic)
{
	if (!e) {
		struct exec_entry new = {
			.generation = id,
			.slot = t->slot,
			.state = EXEC_STALE,
			.fs_magic = magic,
		};

		bpf_map_update_elem(&exec_cache, key, &new, BPF_NOEXIST);
		e = bpf_map_lookup_elem(&exec_cache, key);
		if (!e)
			return 0;
	}
	e->identity = *now;
	e->has_header = 0;
	e->why = WHY_NONE;
	/* who still holds the old generation is stale from here on */
	*(volatile __u64 *)&e->generation = id;
	set_word(e->slot, EXEC_STATE_WORD(id, EXEC_FRESH));
	__sync_val_compare_and_swap(&e->state, EXEC_STALE, EXEC_FRESH);
	return e;
}

/*
 * The entry is in the map, fresh, and counted before writers are looked for, and
 * the kernel counts a writer before it asks file_open: so each writer is either
 * seen here, or finds the entry there.
 */
static __always_inline int settle(struct exec_entry *e,
				  const struct template_entry *t,
				  struct inode *inode,
				  const struct exec_key *key)
{
	bool deny = t->flags & TEMPLATE_DENY_WRITE;
	struct exec_identity now;
	int error = 0;

	if (deny)
		__sync_fetch_and_add(&e->pins, 1);
	__sync_fetch_and_add(&e->refs, 1);
	if (*(volatile int *)&inode->i_writecount.counter > 0)
		error = ETXTBSY;
	identity_of(inode, &now);
	if (!error && !same_identity(&e->identity, &now))
		error = ESTALE;
	if (!error)
		return 0;
	if (deny)
		__sync_fetch_and_add(&e->pins, -1);
	__sync_fetch_and_add(&e->refs, -1);
	invalidate(e, key, error == ETXTBSY ? WHY_OPENED : WHY_IDENTITY);
	return error;
}

static __always_inline int register_file(struct file *file, __u64 id,
					 struct template_entry *t)
{
	struct inode *inode = file->f_inode;
	const struct cred *cred = file->f_cred;
	__u64 address = (__u64)file, magic;
	__u32 euid = t->creds.euid;
	struct exec_identity now;
	struct exec_entry *e;
	int error;

	if (!(file->f_mode & FMODE_PATH) || (inode->i_mode & S_IFMT) != S_IFREG)
		return EINVAL;
	creds_of(cred, &t->creds);
	if (t->creds.euid != euid)
		return EACCES;
	magic = inode->i_sb->s_magic;
	if ((t->flags & TEMPLATE_DENY_WRITE) && !counts_writers(magic))
		return EOPNOTSUPP;
	t->cred = (__u64)cred;
	t->file = address;
	key_of(inode, &t->exec);
	identity_of(inode, &now);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e || e->state != EXEC_FRESH || !same_identity(&e->identity, &now))
		e = renew(e, t, id, &t->exec, &now, (__u32)magic);
	if (!e)
		return ENOSPC;
	t->exec_generation = e->generation;
	t->slot = e->slot;
	error = settle(e, t, inode, &t->exec);
	if (error)
		return error;
	if (bpf_map_update_elem(&template_files, &address, &id, BPF_NOEXIST)) {
		if (t->flags & TEMPLATE_DENY_WRITE)
			__sync_fetch_and_add(&e->pins, -1);
		__sync_fetch_and_add(&e->refs, -1);
		return EINVAL;
	}
	return 0;
}

/* Gives back what it has, whoever comes first: the file's end, or the daemon. */
static __always_inline void release(struct template_entry *t)
{
	__u64 address = t->file;
	struct exec_entry *e;

	if (__sync_val_compare_and_swap(&t->state, TEMPLATE_LIVE,
					TEMPLATE_CLOSED) != TEMPLATE_LIVE)
		return;
	bpf_map_delete_elem(&template_files, &address);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e)
		return;
	if (t->flags & TEMPLATE_DENY_WRITE)
		__sync_fetch_and_add(&e->pins, -1);
	__sync_fetch_and_add(&e->refs, -1);
}

static __always_inline int on_fcntl(struct file *file, unsigned int cmd,
				    __u64 arg)
{
	struct guard_control *c;
	struct template_entry *t;
	__u64 id = arg & GUARD_ID_MASK;
	int error;

	if (cmd != F_GETFL || !(arg & (GUARD_REGISTER | GUARD_RELEASE)))
		return 0;
	c = control();
	if (!c || c->daemon_tgid != own_tgid())
		return 0;
	t = bpf_map_lookup_elem(&templates, &id);
	if (!t)
		return 0;
	if (arg & GUARD_RELEASE) {
		release(t);
		return 0;
	}
	if (t->state != TEMPLATE_PENDING)
		return 0;
	error = register_file(file, id, t);
	t->error = error;
	__sync_val_compare_and_swap(&t->state, TEMPLATE_PENDING,
				    error ? TEMPLATE_FAILED : TEMPLATE_LIVE);
	return 0;
}

static __always_inline int on_file_free(struct file *file)
{
	__u64 address = (__u64)file, *found, id;
	struct template_entry *t;

	if (!(file->f_mode & FMODE_PATH))
		return 0;
	found = bpf_map_lookup_elem(&template_files, &address);
	if (!found)
		return 0;
	id = *found;
	t = bpf_map_lookup_elem(&templates, &id);
	if (!t || t->file != address) {
		bpf_map_delete_elem(&template_files, &address);
		return 0;
	}
	release(t);
	tell(EVENT_CLOSED, WHY_CLOSED, id, t->exec_generation, &t->exec);
	return 0;
}

/* ---- launching */

/* The mark of this task's launch; false: it is none. */
static __always_inline bool marked(struct st_mark *mark)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int *at = task->clear_child_tid;

	if (!at || bpf_probe_read_user(mark, sizeof(*mark), at))
		return false;
	return mark->magic == ST_MARK_MAGIC;
}

static __always_inline bool is_only_asked(struct linux_binprm *bprm)
{
	struct linux_binprm___check *check = (void *)bprm;

	return bpf_core_field_exists(check->is_check) &&
	       BPF_CORE_READ_BITFIELD_PROBED(check, is_check);
}

static __always_inline bool same_creds(const struct cred *cred,
				       const struct template_creds *want)
{
	struct template_creds now;

	creds_of(cred, &now);
	return now.uid == want->uid && now.gid == want->gid &&
	       now.suid == want->suid && now.sgid == want->sgid &&
	       now.euid == want->euid && now.egid == want->egid &&
	       now.fsuid == want->fsuid && now.fsgid == want->fsgid &&
	       now.securebits == want->securebits &&
	       now.inheritable == want->inheritable &&
	       now.permitted == want->permitted &&
	       now.effective == want->effective &&
	       now.bounding == want->bounding && now.ambient == want->ambient &&
	       now.user_ns == want->user_ns;
}

/*
 * The parent of whoever execs is to be the creator. Its own credentials are
 * looked at, not the child's, which are a copy, maybe a changed one.
 */
static __always_inline __u32 wrong_creator(const struct template_entry *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *parent = task->real_parent;
	const struct cred *cred;

	if ((__u32)parent->tgid != t->tgid ||
	    parent->group_leader->start_boottime / TICK_NS != t->start_ticks)
		return WHY_PROCESS;
	cred = parent->cred;
	if ((__u64)cred != t->cred && !same_creds(cred, &t->creds))
		return WHY_CREDENTIALS;
	return WHY_NONE;
}

static __always_inline int not_through(struct template_entry *t,
				       struct exec_entry *e, __u64 id,
				       __u32 why, int error)
{
	t->last_why = why;
	if (error == ESTALE) {
		__sync_fetch_and_add(&t->stale, 1);
		if (e)
			__sync_fetch_and_add(&e->stale, 1);
		COUNT(stale);
	} else {
		__sync_fetch_and_add(&t->refused, 1);
		if (e)
			__sync_fetch_and_add(&e->refused, 1);
		COUNT(refused);
	}
	tell(error == ESTALE ? EVENT_STALE : EVENT_REFUSED, why, id,
	     t->exec_generation, &t->exec);
	return -error;
}

static __always_inline __u32 wrong_file(struct exec_entry *e,
					const struct template_entry *t,
					struct inode *inode)
{
	struct exec_identity now;

	if (e->generation != t->exec_generation || e->state != EXEC_FRESH)
		return e->why ? e->why : WHY_IDENTITY;
	identity_of(inode, &now);
	if (!same_identity(&e->identity, &now)) {
		invalidate(e, &t->exec, WHY_IDENTITY);
		return WHY_IDENTITY;
	}
	/* it may have been renewed while it was being compared */
	if (*(volatile __u64 *)&e->generation != t->exec_generation)
		return WHY_IDENTITY;
	return WHY_NONE;
}

static __always_inline int let_through(__u64 id, struct linux_binprm *bprm)
{
	struct launch l = { .id = id, .bprm = (__u64)bprm };
	__u32 tgid = own_tgid();

	return bpf_map_update_elem(&launches, &tgid, &l, BPF_ANY) ? -ENOMEM : 0;
}

static __always_inline int on_exec(struct linux_binprm *bprm)
{
	struct template_entry *t;
	struct exec_entry *e;
	struct exec_key key;
	struct st_mark mark;
	struct inode *inode;
	__u32 why;

	if (!marked(&mark) || is_only_asked(bprm))
		return 0;
	t = bpf_map_lookup_elem(&templates, &mark.id);
	if (!t)
		return -ESTALE;
	inode = bprm->file->f_inode;
	key_of(inode, &key);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	why = wrong_creator(t);
	if (why)
		return not_through(t, e, mark.id, why, EACCES);
	if (t->state != TEMPLATE_LIVE)
		return not_through(t, e, mark.id, WHY_CLOSED, ESTALE);
	if (!e || !same_key(&key, &t->exec))
		return not_through(t, e, mark.id, WHY_FILE, ESTALE);
	why = wrong_file(e, t, inode);
	if (why)
		return not_through(t, e, mark.id, why, ESTALE);
	return let_through(mark.id, bprm);
}

/* ---- the header */

static __always_inline bool same_header(const __u64 *a, const __u64 *b)
{
	for (int i = 0; i < EXEC_HEADER_SIZE / 8; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* What exec sees of a file is the same as ever, and as its creator has read. */
static __always_inline int on_check(struct linux_binprm *bprm)
{
	__u32 tgid = own_tgid();
	__u64 header[EXEC_HEADER_SIZE / 8];
	struct template_entry *t;
	struct exec_entry *e;
	struct st_mark mark;
	struct launch *l;

	if (!marked(&mark))
		return 0;
	l = bpf_map_lookup_elem(&launches, &tgid);
	if (!l || l->bprm != (__u64)bprm || l->header_seen)
		return 0;
	l->header_seen = 1;
	t = bpf_map_lookup_elem(&templates, &l->id);
	if (!t)
		return -ESTALE;
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e || e->generation != t->exec_generation)
		return not_through(t, e, l->id, WHY_IDENTITY, ESTALE);
	if (bpf_core_read(header, sizeof(header), &bprm->buf))
		return -ESTALE;
	if (t->has_header && !same_header(header, (__u64 *)t->header))
		return not_through(t, e, l->id, WHY_HEADER, ESTALE);
	if (e->has_header && !same_header(header, (__u64 *)e->header)) {
		invalidate(e, &t->exec, WHY_HEADER);
		return not_through(t, e, l->id, WHY_HEADER, ESTALE);
	}
	if (!e->has_header) {
		__builtin_memcpy(e->header, header, sizeof(header));
		*(volatile __u32 *)&e->has_header = 1;
	}
	return 0;
}

/* ---- writing */

static __always_inline int on_write(struct inode *inode, bool may_deny,
				    __u32 why)
{
	struct exec_entry *e;
	struct exec_key key;

	key_of(inode, &key);
	e = bpf_map_lookup_elem(&exec_cache, &key);
	if (!e)
		return 0;
	if (may_deny && *(volatile __s32 *)&e->pins > 0) {
		__sync_fetch_and_add(&e->write_denied, 1);
		COUNT(write_denied);
		tell(EVENT_WRITE_DENIED, why, 0, e->generation, &key);
		return -ETXTBSY;
	}
	invalidate(e, &key, why);
	return 0;
}

static __always_inline int on_open(struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	return on_write(file->f_inode, true, WHY_OPENED);
}

static __always_inline int on_setattr(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;

	/* the verifier of Linux 6.15 and later wants to see that looked at */
	return inode ? on_write(inode, attr->ia_valid & ATTR_SIZE,
				WHY_ATTRIBUTES)
		     : 0;
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
	if (setattr_dentry_arg)
		return ctx[3] ? (int)ctx[3]
			      : on_setattr((void *)ctx[1], (void *)ctx[2]);
	return ctx[2] ? (int)ctx[2]
		      : on_setattr((void *)ctx[0], (void *)ctx[1]);
}

SEC("lsm/file_fcntl")
int BPF_PROG(lsm_fcntl, struct file *file, unsigned int cmd, unsigned long arg,
	     int ret)
{
	return ret ? ret : on_fcntl(file, cmd, arg);
}

/* ---- the same as fmod_ret */

SEC("fmod_ret/security_bprm_creds_for_exec")
int BPF_PROG(fmod_exec, struct linux_binprm *bprm, int ret)
{
	return ret ? ret : on_exec(bprm);
}

SEC("fmod_ret/security_bprm_check")
int BPF_PROG(fmod_check, struct linux_binprm *bprm, int ret)
{
	return ret ? ret : on_check(bprm);
}

SEC("fmod_ret/security_file_open")
int BPF_PROG(fmod_open, struct file *file, int ret)
{
	return ret ? ret : on_open(file);
}

SEC("fmod_ret/security_inode_setattr")
int fmod_setattr(unsigned long long *ctx)
{
	if (setattr_dentry_arg)
		return ctx[3] ? (int)ctx[3]
			      : on_setattr((void *)ctx[1], (void *)ctx[2]);
	return ctx[2] ? (int)ctx[2]
		      : on_setattr((void *)ctx[0], (void *)ctx[1]);
}

SEC("fmod_ret/security_file_fcntl")
int BPF_PROG(fmod_fcntl, struct file *file, unsigned int cmd, unsigned long arg,
	     int ret)
{
	return ret ? ret : on_fcntl(file, cmd, arg);
}

/* ---- entries for both */

SEC("fentry/security_file_free")
int BPF_PROG(file_free, struct file *file)
{
	return on_file_free(file);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *task, pid_t old_pid,
	     struct linux_binprm *bprm)
{
	__u32 tgid = own_tgid();
	struct launch *l = bpf_map_lookup_elem(&launches, &tgid);
	struct template_entry *t;
	struct exec_entry *e;
	__u64 now, ns;

	/* a program may go on by another exec, which is no launch */
	if (!l || l->bprm != (__u64)bprm || l->exec_ns)
		return 0;
	t = bpf_map_lookup_elem(&templates, &l->id);
	if (!t)
		return 0;
	now = bpf_ktime_get_boot_ns();
	ns = now - task->start_boottime;
	l->exec_ns = now;
	__sync_fetch_and_add(&t->launches, 1);
	__sync_fetch_and_add(&t->launch_ns, ns);
	count_time(t->launch_us, ns);
	COUNT(launches);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (e && e->generation == t->exec_generation)
		__sync_fetch_and_add(&e->launches, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_done, struct task_struct *task)
{
	__u32 tgid = own_tgid();
	struct launch *l = bpf_map_lookup_elem(&launches, &tgid);
	struct template_entry *t;
	__u64 ns;

	/* the leader's end is the program's, but for one whose main() ends by
	 * pthread_exit() */
	if (!l || task->pid != task->tgid)
		return 0;
	t = bpf_map_lookup_elem(&templates, &l->id);
	if (t && l->exec_ns) {
		ns = bpf_ktime_get_boot_ns() - l->exec_ns;
		__sync_fetch_and_add(&t->run_ns, ns);
		count_time(t->run_us, ns);
	}
	bpf_map_delete_elem(&launches, &tgid);
	return 0;
}
