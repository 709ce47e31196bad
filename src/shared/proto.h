/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol between clients, the guard's daemon and its kernel programs:
 * messages, and the mark by which a launch is recognised.
 *
 * Messages go over a SOCK_SEQPACKET socket; each has ST_MSG_SIZE bytes, with
 * zeroes in unknown and unused ones. A client sends requests and gets one
 * answer for each, in order, with the same type and sequence number; before the
 * answer to LIST come its ITEMs, one for each template. The daemon may send
 * INVALIDATED at any time.
 *
 * The daemon ends the connection after a message of another size, version or
 * magic, with descriptors that its type does not take, or from another process
 * or user than the one that connected. A client whose real and effective user
 * differ must send SCM_CREDENTIALS with the effective one. Other mistakes are
 * answered with an error:
 *
 * EINVAL	a field that must be zero is not, or a flag is unknown
 * EBADF	the descriptor is not O_PATH
 * ENOENT	no template with this id that the client may end, or see
 * EALREADY	a second HELLO
 * ENOSYS	an unknown type
 */
#ifndef ST_PROTO_H
#define ST_PROTO_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* ---- the mark of a launch */

/*
 * The mark. The child of a guarded launch has its clear_child_tid point at it,
 * so that the kernel programs find it at exec without another call. A process
 * that forges one only has its own exec checked.
 */
struct st_mark {
	__u32 tid;		/* zeroed by the kernel at exec or exit */
	__u32 magic;		/* ST_MARK_MAGIC */
	__u64 id;		/* the template's */
};

#define ST_MARK_MAGIC		0x74736d6bU
#define ST_ID_MAX		((1ULL << 62) - 1)

/* The directory of the pinned programs and maps, by default. */
#define ST_GUARD_PINS		"/sys/fs/bpf/spawn_template"

/* ---- executables */

enum exec_state {
	EXEC_NONE = 0,		/* unknown, or no longer watched */
	EXEC_FRESH = 1,
	EXEC_STALE = 2,
};

/*
 * Reasons for which an executable is stale, or a launch or a write is refused.
 */
enum exec_why {
	WHY_NONE = 0,
	WHY_IDENTITY = 1,	/* changed, as seen at an exec */
	WHY_HEADER = 2,		/* the header differs from the recorded one */
	WHY_OPENED = 3,		/* opened for writing */
	WHY_ATTRIBUTES = 4,	/* chmod, chown, truncate, times */
	WHY_FILE = 5,		/* another file than the template's */
	WHY_PROCESS = 6,	/* not the creator's child */
	WHY_CREDENTIALS = 7,	/* the creator has other credentials now */
	WHY_CLOSED = 8,		/* the template is gone */
};

/* The word of an executable in the map exec_states, which clients map. */
#define EXEC_STATE_WORD(generation, state) ((generation) << 8 | (state))

/* ---- messages */

#define ST_GUARD_SOCKET		"/run/spawn-template/guard.sock"
/* The name of another socket, for tests; ignored in set-user-ID programs. */
#define ST_GUARD_SOCKET_ENV	"SPAWN_TEMPLATE_GUARD"

#define ST_MSG_MAGIC		0x5354474dU	/* "STGM" */
#define ST_MSG_VERSION		1
#define ST_MSG_SIZE		1536

enum st_msg_type {
	ST_MSG_HELLO = 1,	/* answer: struct st_msg_hello, with a descriptor */
	ST_MSG_REGISTER = 2,	/* struct st_msg_register, with a descriptor */
	ST_MSG_UNREGISTER = 3,	/* id */
	ST_MSG_LIST = 4,	/* id 0: all the client may see; else one */
	ST_MSG_ITEM = 5,	/* struct st_msg_item */
	ST_MSG_STATUS = 6,	/* answer: struct st_msg_status */
	ST_MSG_INVALIDATED = 7,	/* id, and struct st_msg_invalidated */
};

struct st_msg_header {
	__u32 magic;
	__u16 version;
	__u16 type;
	__u32 sequence;		/* the client's; 0 in INVALIDATED */
	__s32 error;		/* answers: 0, or a positive errno */
	__u64 id;
};

/*
 * The descriptor is the array of words, to be mapped read-only and shared
 * (words * sizeof(__u64) bytes): an executable is unchanged as long as its
 * word equals the word that REGISTER answered.
 */
struct st_msg_hello {
	__u32 words;
	__u32 pad;
};

#define ST_REGISTER_DENY_WRITE	(1U << 0)
#define ST_REGISTER_HEADER	(1U << 1)	/* header is filled in */

#define ST_HEADER_SIZE		64	/* of a 64-bit ELF file */

/*
 * The descriptor is the template's own, O_PATH. Errors besides those above:
 *
 * EINVAL	it is not a regular file
 * EEXIST	this open file is registered already
 * EACCES	the client did not open it; nobody may execute it, by its mode or on
 *		a noexec mount; or, for deny-write, its mode does not let this
 *		client execute it, or does not tell: another than the owner and
 *		root has to call access(2) first, so that the inode knows whether
 *		there is an access list
 * ESTALE	it changed meanwhile
 * ETXTBSY	it is open for writing
 * EOPNOTSUPP	the guard cannot deny writes to this file
 * EDQUOT	too many templates of this user
 * ENOSPC	too many templates or executables of all users
 * ENOTCONN	the kernel programs are gone
 * ENOMEM	memory is short
 */
struct st_msg_register {
	/* request */
	__u32 flags;		/* ST_REGISTER_* */
	__u32 pad;
	__u8 header[ST_HEADER_SIZE];
	/* answer; the id is in the header */
	__u32 slot;		/* index of the executable's word */
	__u32 pad2;
	__u64 word;
};

struct st_msg_invalidated {
	__u32 why;		/* enum exec_why */
	__u32 pad;
};

#define ST_ITEM_SLOTS		32	/* slot n: [2^n, 2^(n+1)) microseconds */

struct st_msg_item {
	__u32 pid, uid;		/* the creator */
	__u32 flags;		/* ST_REGISTER_DENY_WRITE */
	__u32 state;		/* enum exec_state */
	__u32 why;		/* enum exec_why, if stale */
	__u32 last_why;		/* reason of the last launch not let through */
	__u64 created_ns;	/* since boot */
	__u64 ino;
	__u32 dev_major, dev_minor;	/* s_dev */
	__u32 generation;		/* i_generation */
	__u32 fs_magic;
	__u64 launches, stale, refused;
	__u64 write_denied;	/* the executable's */
	__u64 launch_ns, run_ns;	/* sums */
	char comm[16];
	char path[256];
	__u64 launch_us[ST_ITEM_SLOTS];	/* log2 histograms, microseconds */
	__u64 run_us[ST_ITEM_SLOTS];
};

#define ST_STATUS_LSM		1	/* the way the programs are attached */
#define ST_STATUS_FMOD_RET	2

/* Promises that the daemon has proved at its start, by being denied. */
#define ST_PROVED_CREATOR	(1U << 0)
#define ST_PROVED_IDENTITY	(1U << 1)
#define ST_PROVED_DENY_WRITE	(1U << 2)
#define ST_PROVED_ORDINARY	(1U << 3)	/* other execs go through */
#define ST_PROVED_ALL		15U

struct st_msg_status {
	__u32 attached;		/* ST_STATUS_* */
	__u32 proved;		/* ST_PROVED_* */
	__u32 pins_missing;	/* of those in /sys/fs/bpf/spawn_template */
	__u32 adopted;		/* taken over from an earlier daemon */
	__u32 pid;
	__u32 clients, clients_max;
	__u32 templates, templates_max;
	__u32 executables, executables_max;
	__u32 user_templates, user_templates_max;	/* the client's */
	__u32 pad;
	__u64 started_ns;	/* since boot */
	__u64 launches, stale, refused, write_denied;	/* since the maps exist */
	__u64 events_lost;
	__u64 rss_bytes;
	char version[32];
	char kernel[64];
};

struct st_msg {
	struct st_msg_header h;
	union {
		struct st_msg_hello hello;
		struct st_msg_register reg;
		struct st_msg_item item;
		struct st_msg_status status;
		struct st_msg_invalidated invalidated;
		__u8 bytes[ST_MSG_SIZE - sizeof(struct st_msg_header)];
	} u;
};

_Static_assert(sizeof(struct st_mark) == 16, "mark");
_Static_assert(sizeof(struct st_msg_header) == 24, "header");
_Static_assert(sizeof(struct st_msg) == ST_MSG_SIZE, "message");

#endif
