/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the kernel programs and the daemon: the maps' keys and values, and
 * the daemon's commands to the programs. bpftool shows these names and layouts.
 *
 * Each field has one writer at a time:
 * - The daemon puts a template into `templates` as PENDING. The programs fill
 *   in what only the kernel knows, at the daemon's fcntl(2) on the client's
 *   descriptor with the template's id as the argument. From LIVE on, only the
 *   programs write to it.
 * - The same call makes the entry of `exec_cache`. If the file has changed
 *   since, it writes the entry anew in place, under a new generation, so that
 *   templates registered under the old one no longer match. refs and denies
 *   count templates of any generation.
 * - Only the daemon deletes elements, in the thread that registers, once
 *   nothing refers to them. An id, generation or slot is not used again while a
 *   living process may hold it.
 * - A closed template's element stays until its launches have ended, so that
 *   these are counted and timed, but gives way when the map is full: a launch
 *   that ends just then may count for the element's next template. `running` may
 *   stay too high, as for a launch whose note was evicted, and decides nothing
 *   but that.
 */
#ifndef EXEC_CACHE_H
#define EXEC_CACHE_H

#include "shared/proto.h"

#define EXEC_CACHE_MAX		2048	/* executables */
#define TEMPLATES_MAX		4096
#define EVENTS_SIZE		(256 * 1024)	/* bytes */

#define TEMPLATE_PATH_SIZE	256
#define HISTOGRAM_SLOTS		ST_ITEM_SLOTS

/*
 * Commands to the programs: argument of the daemon's fcntl(fd, F_GETFL, ...).
 */
#define GUARD_REGISTER		(1ULL << 62)	/* | id; fd is the template's */
#define GUARD_RELEASE		(1ULL << 63)	/* | id; fd is any */
#define GUARD_ID_MASK		ST_ID_MAX

/*
 * The inode's address tells apart files with the same device and number: in
 * subvolumes of btrfs, or in layers of overlayfs.
 */
struct exec_key {
	__u64 inode;
	__u64 ino;
	__u32 dev;		/* s_dev, as the kernel has it */
	__u32 generation;	/* i_generation */
};

struct exec_identity {
	__u64 size;
	__u32 mode, uid, gid;
	__u32 ctime_nsec, mtime_nsec;
	__u32 unlinked;		/* 1: no name is left */
	__s64 ctime_sec, mtime_sec;
};

/* Map exec_cache. */
struct exec_entry {
	__u64 generation;	/* the identity's; never used twice */
	struct exec_identity identity;
	__u32 state;		/* enum exec_state */
	__u32 why;		/* enum exec_why, if stale */
	__u32 slot;		/* its word in exec_states */
	__u32 fs_magic;
	__s32 refs;		/* the templates of this file */
	__s32 denies;		/* those of them that deny writes */
	__u64 launches, stale, refused, write_denied;
	__u32 has_header;	/* the header below is there */
	__u32 flags;		/* TEMPLATE_CANARY */
	__u8 header[ST_HEADER_SIZE]; /* the first one that exec saw */
};

/*
 * The credentials to compare where the launching thread has another cred
 * object.
 */
struct template_creds {
	__u32 uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	__u32 securebits;
	__u32 pad;
	__u64 inheritable, permitted, effective, bounding, ambient;
	__u64 user_ns;		/* address */
};

enum template_state {
	TEMPLATE_PENDING = 0,	/* the daemon is about to register it */
	TEMPLATE_LIVE = 1,
	TEMPLATE_CLOSED = 2,	/* its file was closed, or its creator is gone */
	TEMPLATE_FAILED = 3,	/* registration failed: error */
};

#define TEMPLATE_DENY_WRITE	(1U << 0)
#define TEMPLATE_CANARY		(1U << 1)	/* a proof; not counted */

/* Map templates; the key is the id. */
struct template_entry {
	struct exec_key exec;
	__u64 exec_generation;	/* the executable's, at registration */
	__u64 file;		/* address of the template's open file */
	__u64 cred;		/* address of its opener's credentials */
	struct template_creds creds;
	__u64 start_ticks;	/* the creator's start: 1/100 s since boot */
	__u64 created_ns;	/* since boot */
	__u32 tgid;		/* the creator's, in the initial namespace */
	__u32 flags;		/* TEMPLATE_* */
	__u32 state;		/* enum template_state */
	__s32 error;		/* FAILED: positive errno */
	__u64 launches, stale, refused;
	__u64 launch_ns, run_ns;	/* sums */
	__u32 last_why;		/* reason of the last launch not let through */
	__u32 slot;		/* its executable's; PENDING: a free one */
	__u32 has_header;
	__s32 running;	/* launches let through that have not ended */
	__u8 header[ST_HEADER_SIZE];	/* the creator's reading of it */
	char comm[16];			/* the creator's */
	char path[TEMPLATE_PATH_SIZE];	/* for people; may be cut off */
	__u64 launch_us[HISTOGRAM_SLOTS];	/* clone to exec */
	__u64 run_us[HISTOGRAM_SLOTS];		/* exec to exit */
};

/*
 * Map command, one element, written by the daemon. The programs obey the
 * process with this number and this start, so that no process that gets the
 * number later can command them.
 */
struct guard_command {
	__u32 version;		/* layout of the maps: GUARD_VERSION */
	__u32 daemon_tgid;	/* 0: no daemon */
	__u64 daemon_start;	/* 1/100 s since boot */
	__u64 programs;		/* hash of the pinned programs' object */
};

/* Map guard, one element, written by the programs. */
struct guard_counts {
	__u64 events_lost;	/* the ring buffer was full */
	__u64 launches, stale, refused, write_denied;	/* totals */
};

#define GUARD_VERSION 2

enum exec_event_type {
	EVENT_STALE = 1,	/* a launch was answered ESTALE */
	EVENT_REFUSED = 2,	/* EACCES */
	EVENT_WRITE_DENIED = 3,
	EVENT_INVALIDATED = 4,	/* all templates of this generation */
	EVENT_CLOSED = 5,	/* its file was closed; its last launch ended */
};

/* Ring buffer events. */
struct exec_event {
	__u64 time_ns;		/* since boot */
	__u64 id;		/* template; 0: no certain one */
	__u64 generation;	/* the executable's */
	struct exec_key exec;
	__u32 type;		/* enum exec_event_type */
	__u32 why;		/* enum exec_why */
	__u32 pid, uid;		/* the process that caused it */
	char comm[16];
};

#endif
