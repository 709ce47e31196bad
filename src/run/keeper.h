/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper of a supervised run without a cgroup: a process between the caller and
 * the program. Whatever loses its parent below the keeper becomes its child, so that
 * no double fork and no session of its own hides a process of the tree. The keeper
 * outlives the caller, and then ends all of them.
 *
 * The program is the keeper's child. So the caller knows it by a pidfd, and has its
 * exit status from the keeper, which leaves the program a zombie until the run is over.
 */
#ifndef ST_RUN_KEEPER_H
#define ST_RUN_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "own.h"
#include "tree/supervisor_child.h"

struct st_launch;

struct st_keeper {
	pid_t pid;		/* 0: the run has none */
	int lifeline;
	struct st_own line;	/* the file behind it */
	bool asked;		/* for its word, which had not come */
	bool told;		/* .end is the program's */
	bool lost;		/* the keeper has ended, or was ended */
	struct st_kept_end end;
};

#define ST_KEEPER_NONE \
	{ \
		.lifeline = -1, \
	}

pid_t st_keeper_launch(struct st_launch *l);
bool st_keeper_has_told(struct st_keeper *k);
void st_keeper_close(struct st_keeper *k);

#endif
