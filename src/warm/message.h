/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts that the library shares with the stub in a parked process: the page
 * that the parking helper writes once, and the message of a launch.
 *
 * Both ends are the same build of the library, so these layouts are no
 * protocol: only the addresses must be those of the parked process.
 */
#ifndef ST_WARM_MESSAGE_H
#define ST_WARM_MESSAGE_H

#include <stdint.h>
#include <linux/prctl.h>

#include "launch.h"
#include "warm/node_message.h"
#include "warm/python_message.h"
#include "warm/shell_message.h"

/*
 * The descriptors of a parked process besides /dev/null. They are the highest
 * numbers for which a table of descriptors need not grow. A launch that names
 * these or higher numbers is cold.
 */
#define WARM_SOCKET	62
#define WARM_DOOR	63	/* an eventfd: counts the children to fork */
#define WARM_SHARED_FD	61	/* the shared memory, while parking */
#define WARM_FD_LIMIT	61

/* The most descriptors of a launch: the working directory comes first. */
#define WARM_FDS_MOST	28

#define WARM_MAGIC	0x7374776dU
/* The stub's frame stands this far below the initial stack pointer. */
#define WARM_GAP	16384
#define WARM_IMAGE_MOST	(192 * 1024)

#define WARM_PAGE	4096

enum warm_mode {
	WARM_ONCE = 1,		/* the parked process becomes the program */
	WARM_FORK = 2,		/* it forks one ahead of each launch */
};

#define WARM_AHEAD_MOST 16
#define WARM_AHEAD_PAGES 48	/* in all */
/* The part of a slot that most launches use. */
#define WARM_SLOT_AHEAD (2 * WARM_PAGE)

struct warm_range {
	uint64_t at, len;
};

/*
 * Written once by the parking helper, beside the stub, with the parked
 * process's addresses.
 */
struct warm_control {
	uint64_t mode;
	uint64_t host;		/* the caller's process id */
	uint64_t stack_top;	/* the stack of the loop of WARM_FORK */
	uint64_t initial_sp;	/* at ld.so's jump to the program */
	uint64_t resume;	/* the program's start goes on at it */
	uint64_t entry;		/* AT_ENTRY: ld.so has it in a register */
	uint64_t gadget;	/* "syscall; ret"; outlives the stub */
	uint64_t stub, stub_len;	/* the range to unmap */
	uint64_t tid_address;	/* zeroed by the kernel at the thread's end */
	uint64_t tid_field;	/* libc's copy of the thread's id */
	uint64_t robust_list;
	uint64_t at_random;	/* AT_RANDOM's 16 bytes */
	uint64_t shared;	/* struct warm_shared, with the caller */
	/* memory to make the process's own while it waits; the rest is 0 */
	struct warm_range ahead[WARM_AHEAD_MOST];
	struct warm_shell shell;
	struct warm_python python;
	struct warm_node node;
};

/*
 * The caller sends a message before it has checked that the process may serve
 * it: the process wakes up and takes its descriptors meanwhile, and then waits
 * for this word.
 */
enum warm_go {
	WARM_GO = 1,
	WARM_CALLED_OFF = 2,
};

/* Whose a launch is; changed once, by whoever is first. */
enum warm_taken {
	WARM_TAKEN = 1,		/* a process has it, whose id is in pid */
	WARM_WITHDRAWN = 2,	/* the caller makes it cold */
};

/* The steps of a launch, and from sp on the program's initial stack. */
struct warm_request {
	uint32_t caller;	/* id of the launching thread */
	uint32_t cpu;		/* the processor on which it runs */
	uint32_t spins;		/* how often to look for go before sleeping */
	uint64_t base, size;	/* the image goes there */
	uint64_t sp;
	uint64_t launch;	/* struct st_launch, with addresses of the child */
	uint64_t command;	/* a runtime's struct warm_command */
	int32_t numbers[WARM_FDS_MOST];	/* there; -1: the directory */
	struct prctl_mm_map mm;
};

/* One launch under way; the slot is free again when it is done. */
struct warm_slot {
	uint32_t done;		/* futex: 1 when the rest is there */
	uint32_t taken;		/* enum warm_taken */
	uint32_t pid;
	uint32_t refused;	/* its attributes do not match: launch cold */
	uint32_t go;		/* futex: enum warm_go, set by the caller */
	uint32_t waits;		/* the process sleeps until then */
	uint32_t sleeps;	/* the caller sleeps until done */
	uint32_t cpu;		/* of the process, once taken */
	/* the calling thread's; set before go */
	uint64_t ignored;	/* the signals that it ignores */
	uint32_t reset_ignored;	/* differ from the parked process's */
	uint32_t umask;
	uint32_t no_new_privs;	/* set, but not in the parked process */
	struct st_report report;
	struct warm_request req;
	char image[WARM_IMAGE_MOST];
};

#define WARM_SLOTS	16	/* launches at a time */
#define WARM_FORKED	64

/* Only the pages that launches use take memory. */
struct warm_shared {
	/*
	 * The processes that were forked, and that no launch has taken: the
	 * kernel writes their ids before they run, and the caller takes them
	 * out. So none is forgotten, whoever is killed.
	 */
	uint32_t forked[WARM_FORKED];
	uint32_t fork_failures;
	_Alignas(WARM_PAGE) struct warm_slot slot[WARM_SLOTS];
};

/* The message of a launch; its descriptors come with it. */
struct warm_message {
	uint32_t magic;
	uint32_t slot;
	uint32_t n_fds;
};

_Static_assert(sizeof(struct warm_control) <= WARM_PAGE, "control");

#define WARM_STUB_CODE "st_warm_stub"

#endif
