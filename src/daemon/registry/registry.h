/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry: processes with their templates, users with their counts, and
 * the totals of templates that are gone. The kernel's maps decide; the daemon
 * builds the registry anew from them when it starts.
 *
 * A template belongs to the process that registered it, known by pid and start
 * time, and not to the connection: it goes when its file is closed, or with the
 * process. A forked child that holds the connection open holds no template.
 */
#ifndef ST_REGISTRY_H
#define ST_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "loader/loader.h"
#include "shared/proto.h"

#define CLIENTS_MAX		1024
#define CLIENTS_OF_USER		128	/* each, root excepted */

/* Returns how many of n all users but root may have together. */
#define WITHOUT_ROOT(n) ((n) - (n) / 8)

struct user {
	struct user *next;
	uint32_t person;		/* the number by which it is known */
	unsigned int clients, templates;
};

struct peer;

struct process {
	struct watch watch;		/* its pidfd */
	struct registry *registry;
	struct process *next, *previous;
	uint32_t pid;
	uint64_t start_ticks;
	unsigned int holds;
	struct template *templates;
	struct peer *peers;		/* the newest first */
};

/* The part of a connection that requests need. */
struct peer {
	struct process *process;
	struct user *user;
	uint32_t uid;			/* the user's own, or subordinate */
	struct peer *next;		/* next of the process */
	bool greeted;
	bool has_news;			/* for one of its templates */
	const char *reason;		/* for closing the connection */
};

/* A registered template. */
struct template
{
	uint64_t id, generation;
	struct process *process;
	struct template *next;		/* next of the process */
	struct user *user;
	uint32_t uid;			/* its creator's */
	struct peer *peer; /* the connection that registered it; NULL: gone */
	uint32_t why; /* 0: fresh; else the reason why it is stale */
	bool is_news;			/* its peer has not been told yet */
};

/* Sums over several templates. */
struct totals {
	uint64_t launches, stale, refused, launch_ns, run_ns;
	uint64_t launch_us[HISTOGRAM_SLOTS], run_us[HISTOGRAM_SLOTS];
};

#define PATHS_MAX 64

/* The totals of a path's templates that are gone. */
struct path_totals {
	char path[TEMPLATE_PATH_SIZE];	/* ASCII; empty: all other paths */
	struct totals totals;
};

struct registry {
	struct loader *loader;
	struct loop *loop;
	unsigned int quota;
	/* removes what a dead process had; registry_open() sets it */
	void (*died)(struct process *process);
	/* tells the peer's owner that the process has died */
	void (*hang_up)(struct peer *peer);
	/* tells the peer's owner that there is news */
	void (*news)(struct peer *peer);

	struct template **templates;	/* sorted by id */
	unsigned int n_templates, n_templates_others;
	unsigned int clients, clients_others;
	struct user *users;
	struct process *processes;

	uint64_t started_ns;
	uint64_t registered, rejected;
	uint64_t lost_seen;
	int64_t compare_at; /* the next comparison may not begin earlier */
	int64_t due;			/* latest time for registry_events() */
	bool must_sweep;
	bool must_adopt; /* some templates are still to be adopted */
	unsigned int n_paths;
	struct path_totals paths[PATHS_MAX + 1];	/* the last: others */
};

/* Return: 0 or -errno. */
int registry_open(struct registry *registry, struct loader *loader,
		  struct loop *loop, unsigned int quota);
void registry_close(struct registry *registry);

/* Cleans up; call it from time to time. */
void registry_sweep(struct registry *registry);

/* ---- process.c */

/*
 * Returns the process behind pidfd with one more hold; takes pidfd over, also
 * on failure. NULL with errno: ESRCH if the process has ended or the pid is
 * another's.
 */
struct process *process_hold(struct registry *registry, uint32_t pid,
			     int pidfd);
void process_release(struct process *process);
bool process_is_alive(const struct process *process);

/* ---- person.c */

/* Returns the uid that stands for all that one person has; 0 is root's alone. */
uint32_t person_of(uint32_t uid);

/* ---- user.c */

/* Finds or makes the user of a person with this uid. NULL: no memory. */
struct user *user_find(struct registry *registry, uint32_t uid);
/* Frees the user if it has no connection and no template left. */
void user_forget(struct registry *registry, struct user *user);

unsigned int user_templates_max(const struct registry *registry,
				const struct user *user);

/* ---- peer.c */

/*
 * Begins a connection of a user; the caller has set peer->process.
 * Return: 0; -EUSERS: too many connections; -ENOMEM.
 */
int peer_open(struct registry *registry, struct peer *peer, uint32_t uid);
void peer_close(struct registry *registry, struct peer *peer);

/* ---- template.c */

/* Return: NULL: no template has the id. */
struct template *registry_find(const struct registry *registry, uint64_t id);

/* Returns the first template with a greater id; NULL: none. */
struct template *registry_after(const struct registry *registry, uint64_t id);

/* Makes a template in no list, to be inserted or freed. NULL: no memory. */
struct template *template_new(struct process *process, struct user *user,
			      struct peer *peer, uint32_t uid);

/* Puts the template, which has its id, into the lists. */
void registry_insert(struct registry *registry, struct template *t);

/* Takes the template out of the lists and frees it, but not in the kernel. */
void registry_forget(struct registry *registry, struct template *t);

/* Removes the template here, and releases it in the kernel. */
void registry_remove(struct registry *registry, struct template *t);

/*
 * Ends a template that is, or was, in the maps, and keeps its counts if it has
 * gone from there.
 */
void registry_release(struct registry *registry, uint64_t id);

/*
 * Deletes closed templates from the maps, and from here; those to which launches
 * refer only if all must go.
 */
void registry_sweep_maps(struct registry *registry, bool all);

/* ---- register.c */

/*
 * Registers the file behind fd. The caller closes fd.
 * Return: 0 with *answer filled in; -errno as in proto.h.
 */
int registry_register(struct registry *registry, struct peer *peer, int fd,
		      const struct st_msg_register *request,
		      struct st_msg *answer);

/* ---- adopt.c */

/*
 * Adopts the templates in the maps that belong to living processes, and
 * releases the rest. If descriptors or memory run out, registry_sweep() tries
 * again with the remaining ones.
 */
void registry_adopt(struct registry *registry);

/* ---- events.c */

/* Handles pending events. Return: there may be more. */
bool registry_events(struct registry *registry);

/* Returns the next template with news for the peer; NULL: none. */
struct template *registry_next_news(struct peer *peer);

/* ---- item.c */

/* Tells whether the peer may see the template. */
bool registry_may_see(const struct peer *peer, const struct template *t);

void registry_item(const struct registry *registry, const struct template *t,
		   struct st_msg_item *item);

/* ---- totals.c */

void totals_add_gone(struct registry *registry,
		     const struct template_entry *entry);

/*
 * Sums up by path, also the templates that are in the maps. The caller frees the array, of at
 * most PATHS_MAX + 1.
 * Return: its length; 0 with *paths NULL if there is no memory.
 */
unsigned int totals_by_path(struct registry *registry,
			    struct path_totals **paths);

void registry_status(const struct registry *registry, const struct user *user,
		     struct st_msg_status *status);
uint64_t registry_rss(void);

#endif
