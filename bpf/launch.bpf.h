/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The checks of a launch inside exec.
 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "creds.bpf.h"
#include "identity.bpf.h"

/* ---- launching */

/* Reads the mark of this task's launch; false: it has none. */
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

/*
 * Tells a task that the parent itself is launching: it still has the parent's
 * memory, or it has a copy and the parent waits for its exec. A program that was
 * launched, and a forked child, can make tasks of the same parent, by
 * CLONE_PARENT, but these have the memory of their maker, and who may wait for
 * them is that one.
 */
static __always_inline bool is_launched_by(struct task_struct *task,
					   struct task_struct *parent)
{
	__u64 waits = (__u64)task->vfork_done;

	if ((__u64)task->mm == (__u64)parent->mm)
		return true;
	/* the registers lie at the end of the stack */
	return waits >= (__u64)parent->stack &&
	       waits < (__u64)bpf_task_pt_regs(parent);
}

/*
 * Compares the parent of the task with the creator. It looks at the parent's
 * credentials, not at the task's: those are a copy, and the task may have
 * changed them.
 */
static __always_inline __u32 wrong_creator(const struct template_entry *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *parent = task->real_parent;
	const struct cred *cred;

	if ((__u32)parent->tgid != t->tgid ||
	    start_ticks_of(parent) != t->start_ticks ||
	    !is_launched_by(task, parent))
		return WHY_PROCESS;
	cred = parent->cred;
	if ((__u64)cred == t->cred)
		return WHY_NONE;
	/*
	 * t->cred lives as long as the template's file; the caller checks after
	 * this that the file is still open
	 */
	if (!same_creds(cred, &t->creds) ||
	    !same_groups(cred, (const struct cred *)t->cred))
		return WHY_CREDENTIALS;
	return WHY_NONE;
}

static __always_inline int not_through(struct template_entry *t,
				       struct exec_entry *e, __u64 id,
				       __u32 why, int error)
{
	bool count = !(t->flags & TEMPLATE_CANARY);

	t->last_why = why;
	if (error == ESTALE) {
		__sync_fetch_and_add(&t->stale, 1);
		if (e)
			__sync_fetch_and_add(&e->stale, 1);
		if (count)
			COUNT(stale);
	} else {
		__sync_fetch_and_add(&t->refused, 1);
		if (e)
			__sync_fetch_and_add(&e->refused, 1);
		if (count)
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
	/* the entry may have been renewed during the comparison */
	if (*(volatile __u64 *)&e->generation != t->exec_generation)
		return WHY_IDENTITY;
	return WHY_NONE;
}

/* Ends a launch's hold on its template. Tells if it was a closed one's last. */
static __always_inline void let_go(struct template_entry *t, __u64 id)
{
	int before = __sync_fetch_and_add(&t->running, -1);

	/* its result is used, so it orders all accesses around it */
	if (before == 1 && *(volatile __u32 *)&t->state == TEMPLATE_CLOSED)
		tell(EVENT_CLOSED, WHY_CLOSED, id, t->exec_generation,
		     &t->exec);
}

/*
 * Notes the launch, in the place of one that this process has noted before.
 * Without room for that it goes on, but is not counted.
 */
static __always_inline void let_through(struct template_entry *t, __u64 id,
					struct linux_binprm *bprm)
{
	struct launch l = {
		.id = id,
		.bprm = (__u64)bprm,
		.let_ns = bpf_ktime_get_boot_ns(),
		.execs = bpf_get_current_task_btf()->self_exec_id,
	};
	struct template_entry *other;
	struct launch *noted;
	__u32 tgid = own_tgid();
	__u64 before = 0;

	noted = bpf_map_lookup_elem(&launches, &tgid);
	if (noted)
		before = noted->id;
	if (bpf_map_update_elem(&launches, &tgid, &l, BPF_ANY) || before == id)
		return;
	__sync_fetch_and_add(&t->running, 1);
	other = bpf_map_lookup_elem(&templates, &before);
	if (other)
		let_go(other, before);
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
	if (*(volatile __u32 *)&t->state != TEMPLATE_LIVE)
		return not_through(t, e, mark.id, WHY_CLOSED, ESTALE);
	if (!e || !same_key(&key, &t->exec))
		return not_through(t, e, mark.id, WHY_FILE, ESTALE);
	why = wrong_file(e, t, inode);
	if (why)
		return not_through(t, e, mark.id, why, ESTALE);
	let_through(t, mark.id, bprm);
	return 0;
}

/* ---- the header */

static __always_inline bool same_header(const __u64 *a, const __u64 *b)
{
	for (int i = 0; i < ST_HEADER_SIZE / 8; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Tells the first step of an exec; later steps are those of an interpreter. */
static __always_inline bool is_first_step(struct linux_binprm *bprm)
{
	return bprm->interp == bprm->filename;
}

/*
 * Compares the header that exec has read with the header at the first exec, and
 * with the one that the creator has read.
 */
static __always_inline int on_check(struct linux_binprm *bprm)
{
	__u32 tgid = own_tgid();
	__u64 header[ST_HEADER_SIZE / 8];
	struct template_entry *t;
	struct exec_entry *e;
	struct st_mark mark;
	struct launch *l;
	int ret;

	if (!marked(&mark) || !is_first_step(bprm))
		return 0;
	l = bpf_map_lookup_elem(&launches, &tgid);
	if (!l || l->bprm != (__u64)bprm || l->id != mark.id) {
		/* on_exec() was skipped: see exec_cache.bpf.c */
		ret = on_exec(bprm);
		if (ret)
			return ret;
	}
	t = bpf_map_lookup_elem(&templates, &mark.id);
	if (!t)
		return -ESTALE;
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (!e || e->generation != t->exec_generation)
		return not_through(t, e, mark.id, WHY_IDENTITY, ESTALE);
	if (bpf_core_read(header, sizeof(header), &bprm->buf))
		return -ESTALE;
	if (t->has_header && !same_header(header, (__u64 *)t->header))
		return not_through(t, e, mark.id, WHY_HEADER, ESTALE);
	if (e->has_header && !same_header(header, (__u64 *)e->header)) {
		invalidate(e, &t->exec, WHY_HEADER);
		return not_through(t, e, mark.id, WHY_HEADER, ESTALE);
	}
	if (!e->has_header) {
		__builtin_memcpy(e->header, header, sizeof(header));
		*(volatile __u32 *)&e->has_header = 1;
	}
	return 0;
}

/* ---- the time that launches and programs take */

static __always_inline void count_launch(struct task_struct *task,
					 struct launch *l,
					 struct template_entry *t,
					 __u64 exec_ns)
{
	__u64 ns = exec_ns - task->start_boottime;
	struct exec_entry *e;

	l->exec_ns = exec_ns;
	COUNT(launches);
	/* the daemon may have had to delete a closed template for room */
	if (!t)
		return;
	__sync_fetch_and_add(&t->launches, 1);
	__sync_fetch_and_add(&t->launch_ns, ns);
	count_time(t->launch_us, ns);
	e = bpf_map_lookup_elem(&exec_cache, &t->exec);
	if (e && e->generation == t->exec_generation)
		__sync_fetch_and_add(&e->launches, 1);
}

static __always_inline int on_exec_done(struct task_struct *task,
					struct linux_binprm *bprm)
{
	__u32 tgid = own_tgid();
	struct launch *l = bpf_map_lookup_elem(&launches, &tgid);
	struct template_entry *t;

	/* the program may exec again itself: that is no launch */
	if (!l || l->bprm != (__u64)bprm || l->exec_ns)
		return 0;
	t = bpf_map_lookup_elem(&templates, &l->id);
	count_launch(task, l, t, bpf_ktime_get_boot_ns());
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	__u32 tgid = own_tgid();
	struct launch *l = bpf_map_lookup_elem(&launches, &tgid);
	struct template_entry *t;
	__u64 ns;

	/*
	 * The leader's end counts as the program's. It comes too early if
	 * main() ends by pthread_exit().
	 */
	if (!l || task->pid != task->tgid)
		return 0;
	t = bpf_map_lookup_elem(&templates, &l->id);
	/* the end of its exec was not seen */
	if (!l->exec_ns && l->execs != task->self_exec_id)
		count_launch(task, l, t, l->let_ns);
	if (t && l->exec_ns) {
		ns = bpf_ktime_get_boot_ns() - l->exec_ns;
		__sync_fetch_and_add(&t->run_ns, ns);
		count_time(t->run_us, ns);
	}
	if (t)
		let_go(t, l->id);
	bpf_map_delete_elem(&launches, &tgid);
	return 0;
}

#endif
