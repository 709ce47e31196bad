/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface of the kernel programs to the daemon: load or adopt them, prove
 * that they are in force, and send them requests. One thread uses a loader.
 */
#ifndef ST_LOADER_H
#define ST_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/exec_cache.h"
#include "loader/error.h"

struct loader;

struct loader_options {
	const char *pin_dir;	/* NULL: ST_GUARD_PINS */
	int inspect_gid;	/* may read the maps; -1: root only */
	bool verbose;		/* libbpf's messages on stderr */
	int force;		/* 0, or ST_STATUS_LSM, ST_STATUS_FMOD_RET */
	bool upgrade; /* new programs, even if the pinned ones are equal */
};

/*
 * Adopts all that is pinned, or loads and attaches anew, all or nothing; then
 * proves by denials that the programs are in force.
 * Return: 0; -errno with *error filled in, and nothing left behind.
 */
int loader_open(const struct loader_options *options, struct loader **loader,
		struct loader_error *error);

/* Frees the loader; pinned programs stay in force. */
void loader_close(struct loader *loader);

/*
 * Removes all pins: nothing is guarded any more.
 * Return: 1; 0 if there was nothing; -errno.
 */
int loader_unload(const char *pin_dir, struct loader_error *error);

uint32_t loader_attached(const struct loader *loader);	/* ST_STATUS_* */
uint32_t loader_proved(const struct loader *loader);	/* ST_PROVED_* */
bool loader_adopted(const struct loader *loader);

/* Returns how many of the pins are missing. */
unsigned int loader_pins_missing(const struct loader *loader);

/*
 * Registers a template: puts *entry into the map under a new id, and has the
 * programs complete it from the file behind fd. The caller has set tgid,
 * start_ticks, flags, header, has_header, comm, path and creds.euid, which must
 * be the euid that opened the file. fd stays open.
 *
 * On success *entry and *exec are as the kernel has them.
 * Return: 0; -errno as in proto.h, and nothing is left.
 */
int loader_register(struct loader *loader, int fd, struct template_entry *entry,
		    uint64_t *id, struct exec_entry *exec);

/*
 * Ends a template and deletes it, but for one to which launches refer: that one
 * can be deleted when the kernel has told of its end once more.
 * Return: 0 with *last the template's last counts, unless last is NULL; -EBUSY:
 * it stays; -ENOENT.
 */
int loader_release(struct loader *loader, uint64_t id,
		   struct template_entry *last);

/* Return: 0; -ENOENT. */
int loader_template(const struct loader *loader, uint64_t id,
		    struct template_entry *entry);
int loader_executable(const struct loader *loader, const struct exec_key *key,
		      struct exec_entry *entry);

/*
 * Iterates over the templates: *id 0 begins. If the template *id is deleted
 * meanwhile, the iteration may begin again.
 * Return: 0 with *id the next one; -ENOENT at the end.
 */
int loader_next(const struct loader *loader, uint64_t *id);

/*
 * Deletes closed templates, and executables that nothing refers to. It first
 * calls `over`, unless that is NULL, for each such template with its last
 * counts. Templates to which launches refer go only if all must.
 */
void loader_sweep(struct loader *loader, bool all,
		  void (*over)(uint64_t id, const struct template_entry *entry,
			       void *arg),
		  void *arg);

unsigned int loader_executables(const struct loader *loader);

/* Sums over all templates since the maps exist. */
struct loader_totals {
	uint64_t launches, stale, refused, write_denied;
};

void loader_totals(const struct loader *loader, struct loader_totals *totals);

/* The words of executables. The loader owns it, and nobody can write to it. */
int loader_words_fd(const struct loader *loader);
unsigned int loader_words(const struct loader *loader);

/*
 * Events: poll the fd, then consume at most LOADER_EVENTS of them, so that the
 * processes which cause them cannot keep the caller busy for ever. The fd stays
 * readable while some are left. Return of consume: how many, or -errno.
 */
#define LOADER_EVENTS 256

int loader_events_fd(const struct loader *loader);
int loader_events(struct loader *loader,
		  void (*event)(const struct exec_event *event, void *arg),
		  void *arg);
uint64_t loader_events_lost(const struct loader *loader);

#endif
