/* SPDX-License-Identifier: BSD-2-Clause */
/* Declarations that the files of the loader share. */
#ifndef ST_LOADER_IMPL_H
#define ST_LOADER_IMPL_H

#include "loader/loader.h"

struct bpf_object;
struct ring_buffer;

/* maps.c: the pinned maps, by name, in the order of loader_maps[] */
enum loader_map {
	MAP_EXEC_CACHE,
	MAP_TEMPLATES,
	MAP_TEMPLATE_FILES,
	MAP_EXEC_STATES,
	MAP_GUARD,
	MAP_COMMAND,
	MAP_EVENTS,
	MAP_LAUNCHES,
	MAPS
};

struct loader_map_info {
	const char *name;
	uint32_t key_size, value_size;	/* 0: not compared */
};

extern const struct loader_map_info loader_maps[MAPS];

/* links.c: the pinned links, by name, with a program for either mode, or NULL */
#define LINKS 18

struct loader_link_info {
	const char *name;
	const char *lsm, *fmod_ret;
};

extern const struct loader_link_info loader_links[LINKS];

/* Returns the name of the program for this mode, ST_STATUS_*, or NULL. */
const char *loader_program(int link, uint32_t way);

struct loader {
	char dir[256];
	int lock;			/* keeps other daemons out */
	int maps[MAPS];
	int links[LINKS];
	uint32_t attached;		/* ST_STATUS_* */
	uint32_t proved;		/* ST_PROVED_* */
	bool adopted;
	bool opened;			/* loader_open() has succeeded */
	bool commands;			/* the programs obey this process */
	uint64_t programs;		/* hash of the object in force */
	int clearer;			/* the program clear_word */
	struct ring_buffer *ring;
	void (*event)(const struct exec_event *event, void *arg);
	void *event_arg;
	int events;			/* handled in this round */
	uint64_t last_id;
	uint64_t slots[EXEC_CACHE_MAX / 64];	/* bit set: in use */
};

/* pins.c */
int loader_pin_path(const char *dir, const char *sub, const char *name,
		    char path[320]);
int loader_pins_lock(const char *dir, struct loader_error *error);
int loader_pins_adopt(struct loader *l, struct loader_error *error);
int loader_pins_set(struct loader *l, int inspect_gid,
		    struct loader_error *error);
int loader_pins_set_readers(const struct loader *l, int gid,
			    struct loader_error *error);
int loader_pins_replace_links(struct loader *l, struct loader_error *error);

/* maps.c */
int loader_maps_begin(struct loader *l, struct loader_error *error);

/* words.c */
int loader_words_clearer(int words_fd);
int loader_word_clear(int clearer, uint32_t slot);
int loader_words_clear(int clearer);
int loader_words_begin(struct loader *l, struct loader_error *error);

/* canary.c */
uint64_t loader_own_start(void);
int loader_canary(struct loader *l, struct loader_error *error);

#endif
