/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel programs and the daemon share: the maps' keys and values, and
 * what the daemon tells the programs. bpftool shows these names and layouts.
 *
 * Who writes what:
 * - The daemon puts a template into `templates` as PENDING and has the programs
 *   fill in what only the kernel knows, by fcntl(2) on the client's descriptor
 *   with the template's id as the argument. From LIVE on it is the programs'.
 * - An entry of `exec_cache` is made by the same call, and written anew in place
 *   when the file has changed since: under a new generation, so that what was
 *   registered under the old one no longer fits. refs and pins count templates
 *   of any generation.
 * - Elements are deleted by the daemon alone, in the thread that registers, once
 *   nothing refers to them. Ids, generations and slots of the living are never
 *   used again while somebody may hold them.
 */
#ifndef EXEC_CACHE_H
#define EXEC_CACHE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define EXEC_CACHE_MAX		2048	/* executables */
#define TEMPLATES_MAX		4096
#define EVENTS_SIZE		(256 * 1024)	/* bytes */

#define EXEC_HEADER_SIZE	64	/* of a 64-bit ELF file */
#define TEMPLATE_PATH_SIZE	256
#define HISTOGRAM_SLOTS		32	/* slot n: [2^n, 2^(n+1)) microseconds */

/* fcntl(fd, F_GETFL, argument) of the daemon: what the programs are to do. */
#define GUARD_REGISTER		(1ULL << 62)	/* | id; fd is the template's */
#define GUARD_RELEASE		(1ULL << 63)	/* | id; fd is any */
#define GUARD_ID_MASK		(GUARD_REGISTER - 1)

/* The inode's address sets apart what shares device and number: subvolumes of
 * btrfs, layers of overlayfs. */
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
	__u32 pad;
	__s64 ctime_sec, mtime_sec;
};

enum exec_state {
	EXEC_NONE = 0,		/* never was, or is no longer watched */
	EXEC_FRESH = 1,
	EXEC_STALE = 2,
};

/* Why an executable is stale, or a template refused. */
enum exec_why {
	WHY_NONE = 0,
	WHY_IDENTITY = 1,	/* not what it was, seen at an exec */
	WHY_HEADER = 2,		/* another header than the recorded one */
	WHY_OPENED = 3,		/* opened for writing */
	WHY_ATTRIBUTES = 4,	/* chmod, chown, truncate, times */
	WHY_FILE = 5,		/* another file than the template's */
	WHY_PROCESS = 6,	/* not the creator's child */
	WHY_CREDENTIALS = 7,	/* the creator's credentials are others now */
	WHY_CLOSED = 8,		/* the template is gone */
};

/* Map exec_cache. */
struct exec_entry {
	__u64 generation;	/* of the identity; never used twice */
	struct exec_identity identity;
	__u32 state;		/* enum exec_state */
	__u32 why;		/* enum exec_why, if stale */
	__u32 slot;		/* its word in exec_states */
	__u32 fs_magic;
	__s32 refs;		/* templates of this file */
	__s32 pins;		/* those that deny writes */
	__u64 launches, stale, refused, write_denied;
	__u32 has_header;	/* the header below is there */
	__u32 flags;		/* TEMPLATE_CANARY */
	__u8 header[EXEC_HEADER_SIZE]; /* as exec saw it first */
};

/* The word of an executable in the map exec_states, which clients map. */
#define EXEC_STATE_WORD(generation, state) ((generation) << 8 | (state))

/* What of a credential must be equal where the object is another. */
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
	TEMPLATE_FAILED = 3,	/* could not be registered: error */
};

#define TEMPLATE_DENY_WRITE	(1U << 0)
#define TEMPLATE_CANARY		(1U << 1)	/* a proof: is not counted */

/* Map templates; the key is the id. */
struct template_entry {
	struct exec_key exec;
	__u64 exec_generation;	/* what it was registered under */
	__u64 file;		/* address of the template's open file */
	__u64 cred;		/* address of its opener's credentials */
	struct template_creds creds;
	__u64 start_ticks;	/* the creator's start: 1/100 s since boot */
	__u64 created_ns;	/* since boot */
	__u32 tgid;		/* the creator, as the initial namespace has it */
	__u32 flags;		/* TEMPLATE_* */
	__u32 state;		/* enum template_state */
	__s32 error;		/* FAILED: positive errno */
	__u64 launches, stale, refused;
	__u64 launch_ns, run_ns;	/* sums */
	__u32 last_why;		/* of the last that was not let through */
	__u32 slot;		/* of its executable; PENDING: one that is free */
	__u32 has_header;
	__u32 pad;
	__u8 header[EXEC_HEADER_SIZE];	/* as the creator read it */
	char comm[16];			/* the creator's */
	char path[TEMPLATE_PATH_SIZE];	/* for people; maybe cut off */
	__u64 launch_us[HISTOGRAM_SLOTS];	/* clone to exec */
	__u64 run_us[HISTOGRAM_SLOTS];		/* exec to exit */
};

/*
 * Map command, one element, written by the daemon. Its fcntl(2) is heeded, and
 * that of no process which gets its number later: which is why its start is here.
 */
struct guard_command {
	__u32 version;		/* GUARD_VERSION: what the maps look like */
	__u32 daemon_tgid;	/* 0: there is none */
	__u64 daemon_start;	/* 1/100 s since boot */
	__u64 programs;		/* a hash of the object of those that are pinned */
};

/* Map guard, one element, written by the programs. */
struct guard_counts {
	__u64 events_lost;	/* the ring buffer was full */
	__u64 launches, stale, refused, write_denied;	/* of all */
};

#define GUARD_VERSION 2

enum exec_event_type {
	EVENT_STALE = 1,	/* a launch was answered ESTALE */
	EVENT_REFUSED = 2,	/* EACCES */
	EVENT_WRITE_DENIED = 3,
	EVENT_INVALIDATED = 4,	/* all templates of this generation */
	EVENT_CLOSED = 5,	/* the template's file was closed */
};

/* Ring buffer events. */
struct exec_event {
	__u64 time_ns;		/* since boot */
	__u64 id;		/* template; 0: none in particular */
	__u64 generation;	/* of the executable */
	struct exec_key exec;
	__u32 type;		/* enum exec_event_type */
	__u32 why;		/* enum exec_why */
	__u32 pid, uid;		/* who did it */
	char comm[16];
};

#endif
