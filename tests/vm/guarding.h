/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of the guard. They run as root in a guest, where nothing
 * else runs, and any refusal comes from the kernel: launches are made here, with
 * the mark and without any check of the library's, and the daemon is asked over
 * its socket, without the library's client.
 *
 * A program of these tests ends with
 *
 *	GUARD_MAIN(cases)	the daemon runs before the first case
 *	GUARD_MAIN_ALONE(cases)	each case starts its own
 *
 * In a guest whose kernel can have no guard (VM_MODE none) no case runs.
 */
#ifndef TESTS_GUARDING_H
#define TESTS_GUARDING_H

#include "../harness.h"

#include <sys/mman.h>

#include "bpf/exec_cache.h"
#include "shared/proto.h"

#define ALICE 1001	/* users of the guest, who may ask the guard */
#define BOB 1002
#define NOBODY 65534	/* may not ask the guard */

#define GUARD_LOG "/run/guard.log"
#define GUARD_PINS "/sys/fs/bpf/spawn_template"

#define GUARD_MAIN(cases)                                                      \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return guard_main(argc, argv, cases, TEST_COUNT(cases), true); \
	}
#define GUARD_MAIN_ALONE(cases)                                                \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return guard_main(argc, argv, cases, TEST_COUNT(cases),        \
				  false);                                      \
	}

int guard_main(int argc, char **argv, const struct test_case *cases, size_t n,
	       bool with_daemon);

/* True if VM_MODE is this. */
bool guard_mode(const char *mode);

/* ---- the daemon ---- */

/*
 * Starts a daemon with these options (NULL: none) and waits until it answers. The
 * harness kills it at the end of its case; its pins stay.
 */
pid_t guard_start(char *const options[]);

/* Starts a daemon without waiting for it. */
pid_t guard_launch(char *const options[]);

/* Waits until this daemon answers. */
void guard_await(pid_t pid);

/* Sends a signal and waits for the end. Return: as test_wait(). */
int guard_stop(pid_t pid, int sig);

/* Runs a daemon that ends by itself, as with --unload. Return: as test_wait(). */
int guard_run(char *const options[]);

void guard_unload(void);

/* The daemon that GUARD_MAIN started. */
pid_t guard_pid(void);

/* The messages of daemons since the last one was started. */
char *guard_log(void);

/* ---- asking it ---- */

struct client {
	int sock;
	uint32_t sequence;
	uint32_t n_words;
	const volatile uint64_t *words;
	unsigned int n_news;
	struct st_msg news[64];		/* INVALIDATED that came between */
};

/* The answer to REGISTER, and the template's own descriptor. */
struct reg {
	int fd;
	uint64_t id, word;
	uint32_t slot;
};

/* Return: 0; -errno. */
int client_try(struct client *c);

/* Both fail the case. */
void client_open(struct client *c);
void client_close(struct client *c);

/*
 * Sends a request, with a descriptor unless fd is -1, and takes the answer.
 * Return: 0; the answer's -errno; -ECONNRESET.
 */
int client_ask(struct client *c, struct st_msg *msg, int fd);
int client_send(struct client *c, const struct st_msg *msg, int fd);
int client_receive(struct client *c, struct st_msg *msg, int ms, int *fd);

/* Registers an open O_PATH descriptor, which r->fd is then. */
int client_register(struct client *c, int fd, uint32_t flags, struct reg *r);
int client_unregister(struct client *c, uint64_t id);

/* Opens the file and registers it; fails the case. */
struct reg client_template(struct client *c, const char *path, uint32_t flags);

bool client_fresh(const struct client *c, const struct reg *r);

/* Return: the reason in the news of this template; 0: no news within 5 s. */
uint32_t client_news(struct client *c, uint64_t id);

/* Return: 0; -ENOENT. */
int client_find(struct client *c, uint64_t id, struct st_msg_item *item);
struct st_msg_item client_item(struct client *c, uint64_t id);
struct st_msg_status client_status(struct client *c);

/* Return: the number of templates that LIST shows. */
unsigned int client_list(struct client *c);

/* ---- launching ---- */

struct raw {
	int fd;
	const char *path;		/* instead of fd */
	char *const *argv;		/* NULL: one word */
	const void *mark;		/* for clear_child_tid */
};

/* Return: exit status; 128 + signal; -errno of exec. */
int raw_exec(const struct raw *raw);

/* Launch with the mark of a template, by its descriptor or by path; or without. */
int raw_launch(int fd, uint64_t id);
int raw_launch_path(const char *path, uint64_t id);
int raw_plain(int fd);

/* ---- files and processes ---- */

/* Copies tools/<tool>, and waits for a tick of the clock. Return: the path. */
char *guard_program(const char *path, const char *tool);
void guard_tick(void);
int guard_open(const char *path);	/* O_PATH */

/* Opens the file for writing, and closes it. Return: 0 or -errno of open(2). */
int guard_write(const char *path, int flags);

/* Forks a child that runs fn(arg) and returns from it, for guard_wait(). */
pid_t guard_child(void (*fn)(void *), void *arg);
void guard_wait(pid_t pid);		/* exit status 0, or the case fails */

/* Forks a child with this pid, which must be free. Return: the pid; 0 in it. */
pid_t guard_fork_as(pid_t want);

int guard_send_fd(int sock, int fd);
int guard_take_fd(int sock);

/* Monotonic, in nanoseconds. */
uint64_t guard_now(void);

/* Repeats until true, at most 10 s; else fails the case. */
#define GUARD_UNTIL(cond)                                                      \
	do {                                                                   \
		uint64_t end_ = guard_now() + 10000000000ULL;                  \
		while (!(cond)) {                                              \
			if (guard_now() > end_)                                \
				test_fail(__FILE__, __LINE__,                  \
					  "not within 10 s: %s", #cond);       \
			usleep(2000);                                          \
		}                                                              \
	} while (0)

/* ---- the maps, as root sees them ---- */

int map_open(const char *name);
int map_open_to_read(const char *name);
int map_lookup(int fd, const void *key, void *value);
int map_update(int fd, const void *key, const void *value);
struct template_entry map_template(uint64_t id);

#endif
