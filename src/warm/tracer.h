/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that is being parked, seen by the helper that traces it: its
 * registers, memory, calls, and files of /proc. All of it uses raw system calls
 * only, because the helper shares the memory of the host.
 */
#ifndef ST_WARM_TRACER_H
#define ST_WARM_TRACER_H

#include <sys/user.h>

#include "warm/arch.h"
#include "warm/parked.h"

#if WARM_ARCH

#define WARM_TEXT_MOST (4 * WARM_PAGE)	/* of the stub */

/* Shared by the caller, the helper and the process while parking. */
struct tracer {
	struct st_park *park;
	struct st_parked *out;
	char *stacks;
	pid_t host, helper;
	_Atomic uint32_t ready, go;	/* futexes */
	pid_t pid;
	int exec_error;
	int ret;
	struct user_regs_struct regs;	/* at the program's start */
	uint64_t call_at;		/* address for remote calls */
	uint64_t base;			/* AT_BASE */
	char text[512 * 1024];		/* text of /proc files, 1000s of mappings */
	char code[4096 + sizeof(warm_gadget)];
};

int st_park_at(struct tracer *t, enum warm_step step, int ret);

int st_trace_wait_stop(const struct tracer *t);
int st_trace_get_regs(const struct tracer *t, struct user_regs_struct *regs);
int st_trace_set_regs(const struct tracer *t,
		      const struct user_regs_struct *regs);
int st_trace_resume(const struct tracer *t);
int st_trace_poke(const struct tracer *t, uint64_t at, uint64_t word);
int st_trace_copy_in(const struct tracer *t, uint64_t from, void *to,
		     size_t len);
int st_trace_copy_out(const struct tracer *t, uint64_t to, const void *from,
		      size_t len);
int st_trace_expect_trap(const struct tracer *t, struct user_regs_struct *regs);
long st_trace_remote(struct tracer *t, long nr, uint64_t a, uint64_t b,
		     uint64_t c, uint64_t d, uint64_t e, uint64_t f);

bool st_trace_has_proc(const struct tracer *t);
int st_trace_open_proc(const struct tracer *t, const char *file, int flags);
int st_trace_read_proc(const struct tracer *t, const char *file, char *to,
		       int size);
uint64_t st_trace_number(const char **at, unsigned int base);

/* Each notes in the control page, or in what is known of the process, a part. */
int st_park_auxv(struct tracer *t);
int st_park_thread(struct tracer *t);
int st_park_layout(struct tracer *t);
int st_park_try(struct tracer *t);
int st_park_files(struct tracer *t);
int st_park_file(struct tracer *t, const char *path, size_t len);

/*
 * shell_park.c, dash_park.c: each has the shell source its file. It is stopped before it
 * reads the command.
 */
int st_park_bash(struct tracer *t);
int st_park_dash(struct tracer *t);
/* python_park.c: has Python initialise itself; it is stopped at its program */
int st_park_python(struct tracer *t);
/* node_park.c: has node start; it is stopped before it looks at its command line */
int st_park_node(struct tracer *t);

/* symbols.c. Return: 0; -ENOEXEC: the process lacks one of them. */
int st_trace_symbols(struct tracer *t, const char *const *names, int n,
		     uint64_t *address);

#endif

#endif
