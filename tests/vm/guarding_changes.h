/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that can happen to a program's file, and what the guard makes of it. The
 * same on each file system.
 */
#ifndef TESTS_GUARDING_CHANGES_H
#define TESTS_GUARDING_CHANGES_H

#include "guarding.h"

struct change {
	const char *name;
	/* path is the program's, spare a name beside it that is free */
	void (*make)(const char *path, const char *spare);
	uint32_t why;		/* the programs saw it when it was made; */
				/* 0: seen at the next exec */
	bool is_write;		/* deny-write denies it */
	bool untold;		/* overlayfs does not tell its inode of it */
};

extern const struct change guard_changes[];
extern const unsigned int guard_n_changes;

/*
 * In this folder: a template of a program, the change, and the kernel answers
 * ESTALE to the launch, by fd and by path; the word and a message say so; a new
 * template launches.
 */
void guard_check_changes(const char *folder, bool is_overlay);

/* What deny-write denies there, and what it leaves to be. */
void guard_check_denials(const char *folder);

/* Writes text over the beginning, keeps the size, and puts the times back. */
void guard_overwrite(int fd);

#endif
