/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the messages that clients send to the guard's daemon: the input is a
 * conversation of a few connections of two users, with any bytes and any
 * ancillary facts, mixed with events and deaths. The maps are in memory.
 *
 * After each step: no descriptor is left, each count agrees with the things
 * counted, each answer fits its request, and nobody has a template that another
 * registered.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/request.h"
#include "fuzz.h"
#include "daemon/metrics.h"

#define PEERS 4

static struct loader *loader;
static struct loop loop;
static struct registry registry;
static struct peer peers[PEERS];
static bool is_open[PEERS];
static int first_free;

/* ---- the scene */

/* Even connections are root's. */
static uint32_t uid_of(unsigned int i)
{
	return i % 2 ? 1000 : 0;
}

static void open_peer(unsigned int i)
{
	uint32_t pid = (uint32_t)getpid();
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	MUST(pidfd >= 0);
	peers[i] =
		(struct peer){ .process = process_hold(&registry, pid, pidfd) };
	MUST(peers[i].process);
	MUST(!peer_open(&registry, &peers[i], uid_of(i)));
	is_open[i] = true;
}

static void close_peer(unsigned int i)
{
	peer_close(&registry, &peers[i]);
	is_open[i] = false;
	loop_reap(&loop);
}

static void hang_up(struct peer *peer)
{
	close_peer((unsigned int)(peer - peers));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct loader_options options = { .inspect_gid = -1 };
	struct loader_error error;

	(void)argc;
	(void)argv;
	MUST(!loader_open(&options, &loader, &error));
	MUST(!loop_open(&loop));
	return 0;
}

/* ---- one message */

static int some_file(void)
{
	static const char *const paths[] = { "/bin/sh", "/bin/true", "/",
					     "/dev/null", "/proc/self/stat" };

	return open(paths[byte() % 5], O_PATH | O_CLOEXEC);
}

/* Picks the facts, mostly as the kernel would report an honest client. */
static void pick_facts(struct request_facts *facts, unsigned int i,
		       unsigned int type)
{
	*facts = (struct request_facts){
		.cut_off = rarely(64),
		.has_creds = !rarely(64),
		.pid = rarely(64) ? byte() : (uint32_t)getpid(),
		.uid = rarely(64) ? byte() : uid_of(i),
		.has_fds = (type == ST_MSG_REGISTER) != rarely(16),
		.fd = -1,
	};
	/* without one, it was of another kind */
	if (facts->has_fds && !rarely(8)) {
		facts->fd = some_file();
		MUST(facts->fd >= 0);
	}
}

/* Picks an id, in use or not. */
static uint64_t pick_id(void)
{
	if (registry.n_templates && byte() % 2)
		return registry.templates[byte() % registry.n_templates]->id;
	return byte();
}

static size_t pick_message(unsigned char *bytes, size_t size)
{
	struct st_msg msg = {
		.h = { .magic = ST_MSG_MAGIC,
		       .version = ST_MSG_VERSION,
		       .type = byte() % 9,
		       .sequence = byte() },
	};
	size_t len = sizeof(msg);

	if (msg.h.type == ST_MSG_REGISTER) {
		msg.u.reg.flags = byte() % 4;
		if (msg.u.reg.flags & ST_REGISTER_HEADER)
			for (int n = 0; n < ST_HEADER_SIZE; n++)
				msg.u.reg.header[n] = byte();
	} else if (msg.h.type == ST_MSG_UNREGISTER || rarely(4)) {
		msg.h.id = pick_id();
	}
	memcpy(bytes, &msg, sizeof(msg));
	/* spoil some bytes */
	while (rarely(8)) {
		size_t at = (size_t)byte() << 8 | byte();

		bytes[at % (rarely(2) ? 24 : sizeof(msg))] = byte();
	}
	if (rarely(32))
		len = ((size_t)byte() << 8 | byte()) % size;
	return len;
}

static void check_answer(const struct st_msg *msg, const struct st_msg *answer,
			 enum request_result result)
{
	MUST(answer->h.magic == ST_MSG_MAGIC);
	MUST(answer->h.version == ST_MSG_VERSION);
	MUST(answer->h.type == msg->h.type);
	MUST(answer->h.sequence == msg->h.sequence);
	MUST(answer->h.error >= 0 && answer->h.error < 4096);
	if (result != REQUEST_ANSWER)
		MUST(!answer->h.error);
	if (answer->h.type == ST_MSG_REGISTER && !answer->h.error)
		MUST(registry_find(&registry, answer->h.id));
	if (answer->h.type == ST_MSG_UNREGISTER && !answer->h.error)
		MUST(!registry_find(&registry, answer->h.id));
}

static void send_message(unsigned int i)
{
	unsigned char *bytes = malloc(ST_MSG_SIZE);
	struct request_facts facts;
	enum request_result result;
	struct st_msg answer, msg;
	size_t len;

	MUST(bytes);
	len = pick_message(bytes, ST_MSG_SIZE);
	memcpy(&msg, bytes, sizeof(msg));
	pick_facts(&facts, i, msg.h.type);
	/* the sanitizer sees a read beyond the message */
	bytes = realloc(bytes, len ? len : 1);
	MUST(bytes);
	result = request_handle(&registry, &peers[i], bytes, len, &facts,
				&answer);
	free(bytes);
	if (facts.fd >= 0)
		close(facts.fd);
	if (result == REQUEST_CLOSE) {
		MUST(peers[i].reason);
		close_peer(i);
		return;
	}
	MUST(len == ST_MSG_SIZE);
	check_answer(&msg, &answer, result);
}

/* ---- other steps */

static void take_news(unsigned int i)
{
	struct template *t;

	while ((t = registry_next_news(&peers[i])))
		t->is_news = false;
}

static void list(unsigned int i)
{
	struct st_msg_item item;
	uint64_t id = 0;

	for (struct template *t; (t = registry_after(&registry, id));
	     id = t->id) {
		MUST(t->id > id);
		if (!registry_may_see(&peers[i], t))
			continue;
		MUST(uid_of(i) == 0 || t->user == peers[i].user);
		registry_item(&registry, t, &item);
		MUST(memchr(item.path, 0, sizeof(item.path)));
	}
}

static void die(unsigned int i)
{
	struct process *process = peers[i].process;

	process->watch.ready(&process->watch, 0);
	loop_reap(&loop);
	MUST(registry.n_templates == 0);
	MUST(registry.clients == 0);
}

static void measure(void)
{
	char *text = metrics_text(&registry);

	MUST(text && strstr(text, "\n# EOF\n"));
	free(text);
}

static void check_scene(void)
{
	unsigned int clients = 0, templates = 0, users = 0, others = 0;
	int fd = dup(0);

	for (const struct user *u = registry.users; u; u = u->next) {
		clients += u->clients;
		templates += u->templates;
		others += u->person ? u->templates : 0;
		users++;
		MUST(u->clients || u->templates);
	}
	MUST(users <= 2);
	MUST(clients == registry.clients);
	MUST(templates == registry.n_templates);
	MUST(others == registry.n_templates_others);
	/* the pidfd of the only process there is */
	MUST(!registry.processes || !registry.processes->next);
	MUST(fd <= first_free + (registry.processes != NULL));
	close(fd);
}

static void step(void)
{
	unsigned int i = byte() % PEERS;

	if (!is_open[i])
		open_peer(i);
	switch (byte() % 32) {
	case 0:
		close_peer(i);
		break;
	case 1:
		take_news(i);
		break;
	case 2:
		list(i);
		break;
	case 3:
		registry_sweep(&registry);
		break;
	case 4:
		die(i);
		break;
	case 5:
		measure();
		break;
	default:
		send_message(i);
	}
	check_scene();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	first_free = dup(0);
	MUST(first_free >= 0 && !close(first_free));
	MUST(!registry_open(&registry, loader, &loop, 8));
	registry.hang_up = hang_up;
	while (left)
		step();
	for (unsigned int i = 0; i < PEERS; i++)
		if (is_open[i])
			close_peer(i);
	while (registry.n_templates)
		registry_remove(&registry, registry.templates[0]);
	registry_sweep(&registry);
	MUST(loader_executables(loader) == 0);
	registry_close(&registry);
	loop_reap(&loop);
	MUST(!registry.processes && !registry.users);
	return 0;
}
