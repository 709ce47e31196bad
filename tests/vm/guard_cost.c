/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cost of the guard: the instructions of its programs, the time that they take
 * of ordinary execs and of guarded launches, and the daemon's memory.
 *
 * The instructions of a program are those that the kernel's verifier went through,
 * or where the kernel does not tell (before Linux 5.16) those of the program; one
 * line each, for tests/vm/report.awk. The cost of an exec that is no launch is the
 * longest way through each program on which no look-up finds anything, times the
 * runs of the program; the kernel's work in a helper does not count. Times are
 * printed as comments, since an emulator's mean nothing for a real machine.
 */
#include "guarding.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <linux/bpf.h>

#define EXECS 1000
#define RSS_MAX (8U << 20)	/* bytes */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* ---- programs */

struct program {
	char name[BPF_OBJ_NAME_LEN];
	uint32_t id, insns;
	uint64_t ns, runs, misses;
};

#define PROGRAMS_MAX 64

/* Fills in *p. Return: true for a program of the guard's. */
static bool look_at(uint32_t id, struct program *p)
{
	static const char *const prefixes[] = { "lsm_",	     "fmod_",
						"exec_done", "exit_done",
						"file_free", "setattr_done" };
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { 0 };
	bool ours = false;
	int fd;

	attr.prog_id = id;
	fd = (int)bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return false;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	CHECK_SYS(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
	CHECK_SYS(close(fd));
	for (size_t i = 0; i < TEST_COUNT(prefixes); i++)
		ours |= !strncmp(info.name, prefixes[i], strlen(prefixes[i]));
	memcpy(p->name, info.name, sizeof(p->name));
	p->id = id;
	p->insns = info.verified_insns ? info.verified_insns
				       : info.xlated_prog_len / 8;
	p->ns = info.run_time_ns;
	p->runs = info.run_cnt;
	p->misses = info.recursion_misses;
	return ours && info.nr_map_ids;
}

static unsigned int list_programs(struct program programs[PROGRAMS_MAX])
{
	union bpf_attr attr = { 0 };
	unsigned int n = 0;

	while (n < PROGRAMS_MAX && !bpf(BPF_PROG_GET_NEXT_ID, &attr)) {
		n += look_at(attr.next_id, &programs[n]);
		attr.start_id = attr.next_id;
		attr.next_id = 0;
	}
	return n;
}

/* ---- instructions */

static void the_instructions_of_each_program_are_told(void)
{
	struct program programs[PROGRAMS_MAX];
	unsigned int n = list_programs(programs);
	struct utsname name;

	CHECK_SYS(uname(&name));
	CHECK_GE(n, 8);
	for (unsigned int i = 0; i < n; i++) {
		printf("= insns %s %s %s %u\n", name.release, getenv("VM_MODE"),
		       programs[i].name, programs[i].insns);
		CHECK_GT(programs[i].insns, 0);
	}
}

/* ---- the cost of an exec that is no launch */

#define FMODE_WRITE 0x2		/* from include/linux/fs.h */
#define FMODE_PATH 0x4000
#define WAY_MAX 10000		/* instructions; there are no loops */

enum known { UNKNOWN, ZERO, A_MAP };

struct code {
	struct bpf_insn insns[4096];
	unsigned int n;
};

/* The code of a program as the kernel has it after its verifier. */
static const struct code *code_of(uint32_t id)
{
	static struct code code;
	struct bpf_prog_info info = {
		.xlated_prog_insns = (uintptr_t)code.insns,
		.xlated_prog_len = sizeof(code.insns),
	};
	union bpf_attr attr = { 0 };
	int fd;

	attr.prog_id = id;
	fd = (int)CHECK_SYS(bpf(BPF_PROG_GET_FD_BY_ID, &attr));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	CHECK_SYS(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
	CHECK_SYS(close(fd));
	CHECK_LE(info.xlated_prog_len, sizeof(code.insns));
	code.n = info.xlated_prog_len / sizeof(code.insns[0]);
	CHECK_GT(code.n, 0);
	return &code;
}

/* Knows that the executed file is open neither for writing nor as a path. */
static enum known calculate(const enum known *regs, const struct bpf_insn *i)
{
	bool by_value = BPF_SRC(i->code) == BPF_K;

	if (BPF_OP(i->code) == BPF_MOV)
		return !by_value ? regs[i->src_reg] : i->imm ? UNKNOWN : ZERO;
	if (BPF_OP(i->code) == BPF_AND && by_value &&
	    (i->imm == FMODE_WRITE || i->imm == FMODE_PATH))
		return ZERO;
	return UNKNOWN;
}

/* Return: 1: it jumps; 0: it does not; -1: either. There is no mark. */
static int jumps(const enum known *regs, const struct bpf_insn *i)
{
	int equal = -1;

	if (BPF_OP(i->code) == BPF_JA)
		return 1;
	if (BPF_SRC(i->code) == BPF_K && i->imm == (int)ST_MARK_MAGIC)
		equal = 0;
	else if (BPF_SRC(i->code) == BPF_K && !i->imm &&
		 regs[i->dst_reg] == ZERO)
		equal = 1;
	if (equal < 0 || BPF_OP(i->code) == BPF_JEQ)
		return equal;
	return BPF_OP(i->code) == BPF_JNE ? !equal : -1;
}

/* A helper that is given a map finds nothing in it. */
static void call(enum known *regs, const struct bpf_insn *i)
{
	CHECK_NE(i->src_reg, BPF_PSEUDO_CALL);
	regs[0] = regs[1] == A_MAP ? ZERO : UNKNOWN;
	for (int reg = 1; reg <= 5; reg++)
		regs[reg] = UNKNOWN;
}

static unsigned int longest_way(const struct code *code, unsigned int at,
				const enum known before[16]);

/* Follows a jump. Return: 0, with *at moved; or the length of the rest. */
static unsigned int jump(const struct code *code, unsigned int *at,
			 const struct bpf_insn *i, enum known *regs)
{
	unsigned int there = *at + (unsigned int)i->off, a, b;
	int way = jumps(regs, i);

	if (way < 0) {
		a = longest_way(code, *at, regs);
		b = longest_way(code, there, regs);
		return a > b ? a : b;
	}
	if (way)
		*at = there;
	return 0;
}

static unsigned int longest_way(const struct code *code, unsigned int at,
				const enum known before[16])
{
	enum known regs[16];
	unsigned int rest;

	memcpy(regs, before, sizeof(regs));
	for (unsigned int n = 1;; n++) {
		const struct bpf_insn *i = &code->insns[at++];

		CHECK_LE(at, code->n);
		CHECK_LT(n, WAY_MAX);
		switch (BPF_CLASS(i->code)) {
		case BPF_LD: /* a number of two words */
			regs[i->dst_reg] = i->src_reg == BPF_PSEUDO_MAP_FD
						   ? A_MAP
						   : UNKNOWN;
			at++;
			break;
		case BPF_LDX:
			regs[i->dst_reg] = UNKNOWN;
			break;
		case BPF_ALU:
		case BPF_ALU64:
			regs[i->dst_reg] = calculate(regs, i);
			break;
		case BPF_JMP:
		case BPF_JMP32:
			if (BPF_OP(i->code) == BPF_EXIT)
				return n;
			if (BPF_OP(i->code) == BPF_CALL) {
				call(regs, i);
				break;
			}
			rest = jump(code, &at, i, regs);
			if (rest)
				return n + rest;
			break;
		}
	}
}

static unsigned int way_through(const struct program *p)
{
	static const enum known nothing[16];

	return longest_way(code_of(p->id), 0, nothing);
}

/* ---- times */

static void set_stats(const char *on)
{
	int fd = CHECK_SYS(open("/proc/sys/kernel/bpf_stats_enabled",
				O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, on, 1), 1);
	CHECK_SYS(close(fd));
}

static void print_times(const char *what, unsigned int execs,
			const struct program *before, unsigned int n)
{
	struct program after[PROGRAMS_MAX];

	CHECK_EQ(list_programs(after), n);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t runs = after[i].runs - before[i].runs;
		uint64_t ns = after[i].ns - before[i].ns;

		CHECK_STR(after[i].name, before[i].name);
		printf("# stats %s: %s: %.2f runs an exec, %llu ns each\n",
		       what, after[i].name, (double)runs / execs,
		       (unsigned long long)(runs ? ns / runs : 0));
	}
}

/*
 * An exec that is no launch runs each program at most once, and the programs for
 * every exec just once; other processes add a few runs.
 */
static void check_ordinary(const struct program *before, unsigned int n)
{
	struct program after[PROGRAMS_MAX];
	struct utsname name;
	uint64_t sum = 0;

	CHECK_SYS(uname(&name));
	CHECK_EQ(list_programs(after), n);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t runs = after[i].runs - before[i].runs;
		unsigned int way = way_through(&after[i]);

		test_doing("%s", after[i].name);
		printf("# way through %s: %u instructions\n", after[i].name,
		       way);
		if (strstr(after[i].name, "exec") ||
		    strstr(after[i].name, "check") ||
		    strstr(after[i].name, "exit"))
			CHECK_GE(runs + after[i].misses - before[i].misses,
				 EXECS);
		CHECK_LE(runs, EXECS + EXECS / 20);
		sum += runs * way;
	}
	printf("= insns %s %s no_launch_%s %llu\n", name.release,
	       getenv("VM_MODE"), getenv("VM_MODE"),
	       (unsigned long long)(sum + EXECS - 1) / EXECS);
}

static void ordinary_execs_run_each_program_once(void)
{
	struct program before[PROGRAMS_MAX];
	unsigned int n;
	struct client c;
	struct reg r;

	client_open(&c);
	r = client_template(&c, guard_program(test_path("p"), "tiny-7"), 0);
	set_stats("1");
	n = list_programs(before);
	for (int i = 0; i < EXECS; i++)
		CHECK_EQ(raw_plain(r.fd), 7);
	print_times("ordinary", EXECS, before, n);
	check_ordinary(before, n);
	n = list_programs(before);
	for (int i = 0; i < EXECS; i++)
		CHECK_EQ(raw_launch(r.fd, r.id), 7);
	print_times("launch", EXECS, before, n);
	set_stats("0");
	CHECK_EQ(client_item(&c, r.id).launches, EXECS);
}

/* ---- the daemon's memory */

static unsigned long vm_rss(void)
{
	char *text = test_read(test_fmt("/proc/%d/status", guard_pid()));
	char *at = strstr(text, "VmRSS:");

	CHECK(at);
	return strtoul(at + 6, NULL, 10) * 1024;
}

static void the_daemons_memory_stays_below_8_mib(void)
{
	struct rlimit limit = { 4096, 4096 };
	struct client c;
	unsigned long begin;
	char *path = guard_program(test_path("p"), "tiny-7");

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	client_open(&c);
	begin = vm_rss();
	CHECK_LE(begin, RSS_MAX);
	for (int i = 0; i < 1000; i++)
		client_template(&c, path, i % 2 ? ST_REGISTER_DENY_WRITE : 0);
	CHECK_EQ(client_status(&c).templates, 1000);
	printf("# memory: %lu KiB at start, %lu with 1000 templates, status "
	       "says %llu\n",
	       begin / 1024, vm_rss() / 1024,
	       (unsigned long long)client_status(&c).rss_bytes / 1024);
	CHECK_LE(vm_rss(), RSS_MAX);
}

static const struct test_case cases[] = {
	TEST_CASE(the_instructions_of_each_program_are_told),
	TEST_CASE_SECONDS(ordinary_execs_run_each_program_once, 60),
	TEST_CASE_SECONDS(the_daemons_memory_stays_below_8_mib, 60),
};
GUARD_MAIN(cases)
