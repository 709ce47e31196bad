/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of executables, which clients map to read.
 *
 * The kernel refuses a shared mapping of a map through a read-only descriptor:
 * it wants one that allows writes. So the map is frozen before a client gets
 * it. No process can write to it then, by mapping or by call, and neither can
 * the daemon: a program that it runs clears words for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/impl.h"
#include "shared/text.h"

/* The argument of the program. */
struct clear_word {
	uint32_t slot;
	uint32_t pad;
};

#define INSN(c, d, s, o, i)                                                    \
	{                                                                      \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o),       \
		.imm = (i)                                                     \
	}

/**
 * loader_words_clearer - load the program that clears words
 * @words_fd: the map
 *
 * The program is a list of instructions, because loading it by libbpf would
 * cost the time and memory to read the kernel's types, at each start and end.
 * Return: the program, which the caller closes; -errno.
 */
int loader_words_clearer(int words_fd)
{
	const struct bpf_insn insns[] = {
		/* the slot goes to the stack, as the key */
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_1, 0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_1, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0,
		     words_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		/* clear the word if there is one */
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 1, 0),
		INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	/* programs of this type must have this flag */
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "clear_word", "GPL",
			       insns, sizeof(insns) / sizeof(insns[0]), &opts);

	return fd < 0 ? -errno : fd;
}

/* Clears the word of a slot. Return: 0 or -errno. */
int loader_word_clear(int clearer, uint32_t slot)
{
	struct clear_word of = { .slot = slot };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &of,
		    .ctx_size_in = sizeof(of));

	return bpf_prog_test_run_opts(clearer, &opts) < 0 ? -errno : 0;
}

/*
 * Clears the words that clients map: zero tells them that nobody guards their
 * templates any more. Return: 0; -errno if one is left.
 */
int loader_words_clear(int clearer)
{
	int ret = 0;

	for (uint32_t i = 0; i < EXEC_CACHE_MAX; i++) {
		int one = loader_word_clear(clearer, i);

		if (ret == 0)
			ret = one;
	}
	return ret;
}

static bool is_frozen(int fd)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return st_read_text(path, text, sizeof(text)) > 0 &&
	       strstr(text, "\nfrozen:\t1");
}

int loader_words_begin(struct loader *l, struct loader_error *e)
{
	int fd = l->maps[MAP_EXEC_STATES], ret;

	if (l->clearer < 0)
		l->clearer = loader_words_clearer(fd);
	if (l->clearer < 0)
		return loader_fail(e, -l->clearer,
				   "spawn-templated --verbose tells what the "
				   "kernel says.",
				   "cannot load a program for the map "
				   "exec_states: %s",
				   strerror(-l->clearer));
	ret = bpf_map_freeze(fd) < 0 ? -errno : 0;
	/* a map that an earlier daemon has frozen cannot be frozen again */
	if (ret < 0 && !is_frozen(fd))
		return loader_fail(e, -ret, "See the kernel's log.",
				   "cannot freeze the map exec_states: %s",
				   strerror(-ret));
	return 0;
}
