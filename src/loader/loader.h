/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel programs as the daemon sees them: loaded or adopted, proved, asked.
 * One thread uses a loader.
 */
#ifndef ST_LOADER_H
#define ST_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/exec_cache.h"

#define LOADER_PIN_DIR "/sys/fs/bpf/spawn_template"

struct loader;

struct loader_options {
	const char *pin_dir;	/* NULL: LOADER_PIN_DIR */
	int inspect_gid;	/* may read the maps; -1: root only */
	bool verbose;		/* libbpf's messages on stderr */
	int force;		/* 0, or ST_STATUS_LSM, ST_STATUS_FMOD_RET */
	bool upgrade;		/* new programs, even if the pinned are the same */
};

/* Why something failed: one sentence, and what to do about it. */
struct loader_error {
	char text[512];
	char remedy[512];
};

/*
 * Adopts what is pinned, all or none, or loads and attaches anew, all or
 * nothing; then proves by denials that the programs are in force.
 * Return: 0; -errno with *error filled in, and nothing left behind.
 */
int loader_open(const struct loader_options *options, struct loader **loader,
		struct loader_error *error);

/* Lets go; what is pinned stays in force. */
void loader_close(struct loader *loader);

/* Removes all that is pinned: nothing is guarded any more. Return: 1; 0 if there
 * was nothing; -errno. */
int loader_unload(const char *pin_dir, struct loader_error *error);

uint32_t loader_attached(const struct loader *loader);	/* ST_STATUS_* */
uint32_t loader_proved(const struct loader *loader);	/* ST_PROVED_* */
bool loader_adopted(const struct loader *loader);

/* How many of what should be pinned is not. */
unsigned int loader_pins_missing(const struct loader *loader);

/*
 * Registers: puts *entry, of which the caller has set tgid, start_ticks, flags,
 * header, has_header, comm, path and creds.euid, the one that the file must have
 * been opened with, under an id of the loader's, and has the programs complete it
 * from the file behind fd. Closes nothing.
 * On success *entry and *exec are as the kernel has them.
 * Return: 0; -errno as in proto.h, and nothing is left.
 */
int loader_register(struct loader *loader, int fd, struct template_entry *entry,
		    uint64_t *id, struct exec_entry *exec);

/* Ends a template and deletes it. Return: 0; -ENOENT. */
int loader_release(struct loader *loader, uint64_t id);

/* Return: 0; -ENOENT. */
int loader_template(const struct loader *loader, uint64_t id,
		    struct template_entry *entry);
int loader_executable(const struct loader *loader, const struct exec_key *key,
		      struct exec_entry *entry);

/* Walk: *id 0 begins. Return: 0 with *id the next; -ENOENT at the end. An id that
 * is deleted meanwhile may make the walk begin again. */
int loader_next(const struct loader *loader, uint64_t *id);

/*
 * Deletes what is closed, and executables that nothing refers to. `over`, unless it
 * is NULL, is called for each template before, with what it had counted.
 */
void loader_sweep(struct loader *loader,
		  void (*over)(uint64_t id, const struct template_entry *entry,
			       void *arg),
		  void *arg);

unsigned int loader_executables(const struct loader *loader);

/* What was counted of all templates since the maps exist. */
struct loader_totals {
	uint64_t launches, stale, refused, write_denied;
};

void loader_totals(const struct loader *loader, struct loader_totals *totals);

/* The array of states, the loader's own: nobody can write to it. */
int loader_states_fd(const struct loader *loader);
unsigned int loader_states(const struct loader *loader);

/*
 * Events: poll the fd, then consume LOADER_EVENTS of them at most, lest those who
 * cause them keep the caller busy for ever; for what is left the fd stays readable.
 * Return of consume: how many, or -errno.
 */
#define LOADER_EVENTS 256

int loader_events_fd(const struct loader *loader);
int loader_events(struct loader *loader,
		  void (*event)(const struct exec_event *event, void *arg),
		  void *arg);
uint64_t loader_events_lost(const struct loader *loader);

#endif
