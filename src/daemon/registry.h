/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has what: processes with their templates, users with their numbers, and
 * what the templates that are gone had counted. The kernel's maps are what
 * counts; the registry is made anew from them when the daemon starts.
 *
 * A template belongs to the process that registered it, told by pid and start
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
#define CLIENTS_OF_USER		128	/* others than root */

/* Of n, how many all others than root may have together. */
#define WITHOUT_ROOT(n) ((n) - (n) / 8)

struct user {
	struct user *next;
	uint32_t uid;
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
	struct peer *peers;		/* its connections, the newest first */
};

/* A connection, as far as requests need to know. */
struct peer {
	struct process *process;
	struct user *user;
	struct peer *next;		/* of the process */
	bool greeted;
	bool has_news;			/* of one of its templates */
	const char *reason;		/* why it is to be closed */
};

/* A template that is registered. */
struct template
{
	uint64_t id, generation;
	struct process *process;
	struct template *next;		/* of the process */
	struct user *user;
	struct peer *peer;		/* that registered it; NULL: gone */
	uint32_t why;			/* it is stale, and how it became so */
	bool is_news;			/* its peer is yet to be told */
};

/* Sums over templates. */
struct totals {
	uint64_t launches, stale, refused, launch_ns, run_ns;
	uint64_t launch_us[HISTOGRAM_SLOTS], run_us[HISTOGRAM_SLOTS];
};

#define PATHS_MAX 64

/* What the templates of one path had counted when they went. */
struct path_totals {
	char path[TEMPLATE_PATH_SIZE];	/* ASCII; empty: all others */
	struct totals totals;
};

struct registry {
	struct loader *loader;
	struct loop *loop;
	unsigned int quota;
	/* tells the owner of a peer that its process has died */
	void (*hang_up)(struct peer *peer);
	/* tells it that there is news for it */
	void (*news)(struct peer *peer);

	struct template **templates;	/* by id */
	unsigned int n_templates, n_templates_others;
	unsigned int clients, clients_others;
	struct user *users;
	struct process *processes;

	uint64_t started_ns;
	uint64_t registered, rejected;
	uint64_t lost_seen;
	int64_t compare_at;		/* not earlier once more */
	int64_t due;			/* registry_events(), at the latest */
	bool must_sweep;
	bool must_adopt;		/* some are yet to be taken over */
	unsigned int n_paths;
	struct path_totals paths[PATHS_MAX + 1];	/* the last: others */
};

/* Return: 0 or -errno. */
int registry_open(struct registry *registry, struct loader *loader,
		  struct loop *loop, unsigned int quota);
void registry_close(struct registry *registry);

/*
 * Takes over what the maps hold: the templates of the living; others are released.
 * For those that it lacks descriptors or memory for, registry_sweep() tries again.
 */
void registry_adopt(struct registry *registry);

/* ---- processes: registry_process.c */

/*
 * The process behind pidfd, which is taken over; and has one hold more.
 * Return: NULL with errno; ESRCH: it is no more, or its pid is another's.
 */
struct process *process_hold(struct registry *registry, uint32_t pid,
			     int pidfd);
void process_release(struct process *process);
bool process_is_alive(const struct process *process);

/* ---- users */

/* Return: NULL: no memory. */
struct user *user_find(struct registry *registry, uint32_t uid);
/* Frees the user if nothing is left of him. */
void user_forget(struct registry *registry, struct user *user);

unsigned int user_templates_max(const struct registry *registry, uint32_t uid);

/*
 * A connection of a user begins; the caller sets up peer->process before.
 * Return: 0; -EUSERS: too many connections; -ENOMEM.
 */
int peer_open(struct registry *registry, struct peer *peer, uint32_t uid);
void peer_close(struct registry *registry, struct peer *peer);

/* ---- templates */

/*
 * Registers the file behind fd, which stays the caller's.
 * Return: 0 with *answer filled in; -errno as in proto.h.
 */
int registry_register(struct registry *registry, struct peer *peer, int fd,
		      const struct st_msg_register *request,
		      struct st_msg *answer);

/* Return: NULL: none of that id. */
struct template *registry_find(const struct registry *registry, uint64_t id);

/* The first of an id beyond `id`; NULL: none. */
struct template *registry_after(const struct registry *registry, uint64_t id);

/* Releases it in the kernel as well. */
void registry_remove(struct registry *registry, struct template *t);

/* Deletes what is over from the maps, and from here. */
void registry_sweep_maps(struct registry *registry);

/* May the peer see it? */
bool registry_may_see(const struct peer *peer, const struct template *t);

void registry_item(const struct registry *registry, const struct template *t,
		   struct st_msg_item *item);

/* The next piece of news for a peer; NULL: none. */
struct template *registry_next_news(struct peer *peer);

/* Handles events that have come. Return: there may be more. */
bool registry_events(struct registry *registry);

/* From time to time. */
void registry_sweep(struct registry *registry);

/* ---- sums: registry_totals.c */

void totals_add_gone(struct registry *registry,
		     const struct template_entry *entry);

/*
 * By path, those that are there included: an array of at most PATHS_MAX + 1, which
 * the caller frees.
 * Return: how many; 0 with *paths NULL if there is no memory.
 */
unsigned int totals_by_path(struct registry *registry,
			    struct path_totals **paths);

void registry_status(const struct registry *registry, const struct user *user,
		     struct st_msg_status *status);
uint64_t registry_rss(void);

#endif
