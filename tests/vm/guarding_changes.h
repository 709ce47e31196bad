/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All changes that can happen to a program's file, with the guard's reaction, which
 * is the same on each file system.
 */
#ifndef TESTS_GUARDING_CHANGES_H
#define TESTS_GUARDING_CHANGES_H

#include "guarding.h"

struct change {
	const char *name;
	/* path is the program's, spare a name beside it that is free */
	void (*make)(const char *path, const char *spare);
	uint32_t why;		/* the reason; 0: seen at the next exec only */
	bool is_write;		/* deny-write denies it */
};

extern const struct change guard_changes[];
extern const unsigned int guard_n_changes;

/*
 * Makes a template of a program in this folder, and a change: the kernel answers
 * ESTALE to the launch, by fd and by path; the word and a message say so; a new
 * template launches. Does so for each change.
 */
void guard_check_changes(const char *folder);

/* Checks that deny-write denies each way of writing there, and nothing else. */
void guard_check_denials(const char *folder);

/* Writes text over the beginning, keeps the size, and puts the times back. */
void guard_overwrite(int fd);

#endif
