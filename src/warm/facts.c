/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts about a process that the stub and the caller need: its auxiliary
 * vector, the state of its thread, and the layout of its memory.
 */
#include <elf.h>
#include <string.h>

#include "sys.h"
#include "warm/tracer.h"

#if WARM_ARCH

#define THREAD_BLOCK 0xb00 /* of libc's struct pthread, in which the tid is */

int st_park_auxv(struct tracer *t)
{
	struct st_parked *out = t->out;
	int len = st_trace_read_proc(t, "auxv", t->text, sizeof(t->text));
	bool secure = false;

	if (len < 0 || (size_t)len > sizeof(out->auxv))
		return st_park_at(t, WARM_STEP_START, len < 0 ? len : -E2BIG);
	memcpy(out->auxv, t->text, (size_t)len);
	out->n_auxv = (unsigned int)len / 8;
	for (unsigned int i = 0; i + 1 < out->n_auxv; i += 2) {
		uint64_t value = out->auxv[i + 1];

		if (out->auxv[i] == AT_BASE)
			t->base = value;
		else if (out->auxv[i] == AT_ENTRY)
			out->control.entry = value;
		else if (out->auxv[i] == AT_RANDOM)
			out->control.at_random = value;
		else if (out->auxv[i] == AT_SECURE)
			secure = value;
	}
	if (secure)
		return st_park_at(t, WARM_STEP_SECURE, -EPERM);
	if (!t->base || !out->control.at_random)
		return st_park_at(t, WARM_STEP_STATIC, -ENOEXEC);
	return 0;
}

/*
 * Finds the thread's id in libc's thread block: the one word there that equals
 * the id. If the upper half of a pointer equals it, too, this process is not
 * parked. The block may end before THREAD_BLOCK, and the mapping with it.
 *
 * Before glibc 2.34, libpthread notes the id when it is initialised, which is
 * after this, and then there is no word to change, and none to be cleared.
 */
static int find_tid(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const uint64_t from = t->regs.fs_base;
	uint32_t part[64];
	int found = 0;

	for (uint64_t at = from; at < from + THREAD_BLOCK; at += sizeof(part)) {
		if (st_trace_copy_in(t, at, part, sizeof(part)) < 0)
			break;
		for (unsigned int i = 0; i < 64; i++) {
			if (part[i] != (uint32_t)t->pid)
				continue;
			z->tid_field = at + i * 4ULL;
			found++;
		}
	}
	return found == 1 || (!found && !z->tid_address) ? 0 : -EAGAIN;
}

int st_park_thread(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	/* room above the stub's text, where the control page will be */
	uint64_t scratch = z->stub + WARM_TEXT_MOST, words[2];
	long ret = st_trace_remote(t, __NR_prctl, PR_GET_TID_ADDRESS, scratch,
				   0, 0, 0, 0);

	if (ret == 0)
		ret = st_trace_copy_in(t, scratch, words, 8);
	if (ret == 0)
		z->tid_address = words[0];
	if (ret == 0)
		ret = st_trace_remote(t, __NR_get_robust_list, 0, scratch,
				      scratch + 8, 0, 0, 0);
	if (ret == 0)
		ret = st_trace_copy_in(t, scratch, words, 8);
	if (ret == 0)
		z->robust_list = words[0];
	if (ret == 0)
		ret = find_tid(t);
	return st_park_at(t, WARM_STEP_THREAD, (int)ret);
}

/* Reads the fields of /proc/PID/stat that PR_SET_MM_MAP takes. */
int st_park_layout(struct tracer *t)
{
	struct prctl_mm_map *mm = &t->out->mm;
	uint64_t field[53] = { 0 };
	const char *at;
	long brk;
	int ret = st_trace_read_proc(t, "stat", t->text + 16,
				     sizeof(t->text) - 16);

	if (ret < 0)
		return st_park_at(t, WARM_STEP_THREAD, ret);
	at = strrchr(t->text + 16, ')');
	for (int i = 2; at && *at && i < 53; i++) {
		const char *digits = at + (*at == '-' || *at == ' ');

		field[i] = st_trace_number(&digits, 10);
		at = strchr(at + 1, ' ');
		if (at)
			at++;
	}
	brk = st_trace_remote(t, __NR_brk, 0, 0, 0, 0, 0, 0);
	if (!field[50] || brk <= 0)
		return st_park_at(t, WARM_STEP_THREAD, -EPROTO);
	*mm = (struct prctl_mm_map){
		.start_code = field[26],
		.end_code = field[27],
		.start_stack = field[28],
		.start_data = field[45],
		.end_data = field[46],
		.start_brk = field[47],
		.brk = (uint64_t)brk,
		.arg_start = field[48],
		.arg_end = field[49],
		.env_start = field[50],
		.env_end = field[51],
		.exe_fd = (uint32_t)-1,
	};
	return 0;
}

/*
 * Makes the calls that each launch makes and that a kernel or a filter may lack:
 * a launch could not go cold any more. They change nothing.
 */
int st_park_try(struct tracer *t)
{
	const struct warm_control *z = &t->out->control;
	const struct prctl_mm_map *mm = &t->out->mm;
	const uint64_t scratch = z->stub + WARM_TEXT_MOST;
	long ret = st_trace_copy_out(t, scratch, mm, sizeof(*mm));

	if (ret == 0)
		ret = st_trace_remote(t, __NR_prctl, PR_SET_MM, PR_SET_MM_MAP,
				      scratch, sizeof(*mm), 0, 0);
	if (ret == 0)
		ret = st_trace_remote(t, __NR_set_robust_list, z->robust_list,
				      24, 0, 0, 0, 0);
	if (ret == 0)
		ret = st_trace_remote(t, __NR_getrandom, scratch, 16, 0, 0, 0,
				      0);
	ret = ret == 16 ? 0 : ret < 0 ? ret : -EIO;
	return st_park_at(t, WARM_STEP_THREAD, (int)ret);
}

#endif
