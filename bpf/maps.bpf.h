/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps, the counters, and the sending of events. */
#ifndef MAPS_H
#define MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "shared/proto.h"
#include "exec_cache.h"

#define TICK_NS		10000000	/* USER_HZ is 100 */

#define EACCES		13
#define EEXIST		17
#define EINVAL		22
#define ENOSPC		28
#define ETXTBSY		26
#define EOPNOTSUPP	95
#define ESTALE		116

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

/* Maps the address of a template's open file to the template's id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TEMPLATES_MAX);
	__type(key, __u64);
	__type(value, __u64);
} template_files SEC(".maps");

/*
 * A word for each executable, by slot; clients map it. The loader freezes the
 * map, so that only the programs can write to it.
 */
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
	__type(value, struct guard_counts);
} guard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_command);
} command SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_SIZE);
} events SEC(".maps");

/*
 * The launches that were let through, by process number, until their programs
 * end. When the map is full, the oldest entries give way, and only their
 * running time is not counted. Task storage will not do: on Linux 7 it needs
 * cmpxchg16b. This map costs other processes no more.
 */
struct launch {
	__u64 id;
	__u64 bprm;		/* the exec that was let through */
	__u64 let_ns;		/* when it was let through */
	__u64 exec_ns;		/* when the exec was done; 0: not yet */
	__u64 execs;		/* execs that the task had made before */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * TEMPLATES_MAX);
	__type(key, __u32);
	__type(value, struct launch);
} launches SEC(".maps");

/* ---- small things */

static __always_inline __u32 own_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* Returns the start as /proc/PID/stat shows it. */
static __always_inline __u64 start_ticks_of(struct task_struct *task)
{
	return task->group_leader->start_boottime / TICK_NS;
}

#define COUNT(field)                                                           \
	do {                                                                   \
		__u32 zero_ = 0;                                               \
		struct guard_counts *c_ = bpf_map_lookup_elem(&guard, &zero_); \
									       \
		if (c_)                                                        \
			__sync_fetch_and_add(&c_->field, 1);                   \
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

#endif
