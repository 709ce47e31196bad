/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session shells, for the pool: launches `SHELL -c COMMAND ...` become
 * launches of a shell that sources a file first, whichever way they are served.
 */
#ifndef ST_WARM_SHELL_H
#define ST_WARM_SHELL_H

#include <sys/resource.h>

#include "warm/seat.h"

struct st_session {
	char *line;		/* the line that sources the file */
	size_t line_len;
	char **envp;		/* of the shells to park; NULL: not yet known */
	uint64_t defaulted;	/* signals that launches with envp reset */
	struct rlimit files;	/* what they set as RLIMIT_NOFILE; 0: nothing */
	bool is_dash;		/* else it may be bash */
	char *directory;	/* of dash; NULL: the caller's */
	uint64_t other;		/* digest of another environment seen last */
	uint64_t generation;	/* counts environments */
};

/* Copies, to park for: a file may depend on it. */
struct st_session_key {
	char **envp;
	char *directory;
	uint64_t defaulted;
	struct rlimit files;
};

struct st_session *st_session_new(const char *path, const char *preload);
void st_session_free(struct st_session *session);

/*
 * Puts the line before the command, in a copy that l->block holds. Other
 * launches stay as they are.
 */
int st_session_arguments(const struct st_session *session, struct st_launch *l);

/* Each needs the pool's lock. */
bool st_session_moves(struct st_session *session, const struct st_launch *l);
void st_session_forget(struct st_session *session);
bool st_session_learn(struct st_session *session, const struct st_launch *l);
unsigned int st_session_judge(const struct st_session *session,
			      const struct st_launch *l);

/* Returns the signals that the launch's actions reset. */
uint64_t st_session_defaulted(const struct st_launch *l);

/* Parks a shell; the lock is not held, the line does not change meanwhile. */
int st_session_open(const struct st_session *session,
		    const struct st_session_key *key, struct warm_seat *seat,
		    struct st_park *park);

/* The files at 0 to 2 of a process that starts a runtime, which must leave them alone. */
int st_session_park(struct st_shell_start *start, struct warm_seat *seat,
		    struct st_park *park);

/* shell_symbols.c: fills in offsets. Return: 0; -ENOEXEC: it is no such bash. */
int st_shell_symbols(const char *path, const struct spawn_template_key *key,
		     int64_t offset[WARM_BASH_N]);

#endif
