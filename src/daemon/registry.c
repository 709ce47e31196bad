/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates and users. The array of templates is sorted by id: bisection finds
 * one, and a list can go on behind the last template sent, whatever was added
 * or removed meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log/log.h"
#include "daemon/registry.h"

static uint64_t boot_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

int registry_open(struct registry *registry, struct loader *loader,
		  struct loop *loop, unsigned int quota)
{
	*registry = (struct registry){
		.loader = loader,
		.loop = loop,
		.quota = quota,
		.started_ns = boot_ns(),
		/* events that came while no daemon ran are unknown */
		.lost_seen = loader_adopted(loader)
				     ? UINT64_MAX
				     : loader_events_lost(loader),
		.must_sweep = true,
		.due = ST_NEVER,
	};
	registry->templates =
		malloc(TEMPLATES_MAX * sizeof(*registry->templates));
	return registry->templates ? 0 : -ENOMEM;
}

static void forget(struct registry *registry, struct template *t);

/* Forgets all, but releases nothing in the kernel: another daemon adopts it. */
void registry_close(struct registry *registry)
{
	while (registry->n_templates)
		forget(registry,
		       registry->templates[registry->n_templates - 1]);
	free(registry->templates);
	registry->templates = NULL;
}

/* ---- users */

struct user *user_find(struct registry *registry, uint32_t uid)
{
	struct user *user = registry->users;

	while (user && user->uid != uid)
		user = user->next;
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->next = registry->users;
	registry->users = user;
	return user;
}

void user_forget(struct registry *registry, struct user *user)
{
	struct user **at = &registry->users;

	if (user->clients || user->templates)
		return;
	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	free(user);
}

/* Gives root no quota: root could change it. */
unsigned int user_templates_max(const struct registry *registry, uint32_t uid)
{
	if (uid == 0)
		return TEMPLATES_MAX;
	return registry->quota < WITHOUT_ROOT(TEMPLATES_MAX)
		       ? registry->quota
		       : WITHOUT_ROOT(TEMPLATES_MAX);
}

/* ---- connections */

static bool too_many_clients(const struct registry *registry,
			     const struct user *user)
{
	if (registry->clients >= CLIENTS_MAX)
		return true;
	return user->uid != 0 &&
	       (user->clients >= CLIENTS_OF_USER ||
		registry->clients_others >= WITHOUT_ROOT(CLIENTS_MAX));
}

int peer_open(struct registry *registry, struct peer *peer, uint32_t uid)
{
	struct user *user = user_find(registry, uid);

	if (!user)
		return -ENOMEM;
	if (too_many_clients(registry, user)) {
		user_forget(registry, user);
		return -EUSERS;
	}
	user->clients++;
	registry->clients++;
	registry->clients_others += uid != 0;
	peer->user = user;
	peer->next = peer->process->peers;
	peer->process->peers = peer;
	/* tell it the news of the time without a connection */
	for (struct template *t = peer->process->templates; t; t = t->next) {
		if (t->peer || !t->is_news)
			continue;
		t->peer = peer;
		peer->has_news = true;
	}
	return 0;
}

/* Ends a connection. Its templates stay as long as the process. */
void peer_close(struct registry *registry, struct peer *peer)
{
	struct process *process = peer->process;
	struct peer **at = &process->peers;

	for (struct template *t = process->templates; t; t = t->next)
		if (t->peer == peer)
			t->peer = NULL;
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	peer->user->clients--;
	registry->clients--;
	registry->clients_others -= peer->user->uid != 0;
	user_forget(registry, peer->user);
	process_release(process);
}

/* ---- the array */

/* Returns the index of the first template with an id of at least `id`. */
static unsigned int position(const struct registry *registry, uint64_t id)
{
	unsigned int low = 0, high = registry->n_templates;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (registry->templates[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct template *registry_find(const struct registry *registry, uint64_t id)
{
	unsigned int i = position(registry, id);

	if (i == registry->n_templates || registry->templates[i]->id != id)
		return NULL;
	return registry->templates[i];
}

struct template *registry_after(const struct registry *registry, uint64_t id)
{
	unsigned int i = id == UINT64_MAX ? registry->n_templates
					  : position(registry, id + 1);

	return i < registry->n_templates ? registry->templates[i] : NULL;
}

static void insert(struct registry *registry, struct template *t)
{
	unsigned int i = position(registry, t->id);
	struct template **at = registry->templates + i;

	memmove(at + 1, at, (registry->n_templates - i) * sizeof(*at));
	*at = t;
	registry->n_templates++;
	registry->n_templates_others += t->user->uid != 0;
	t->user->templates++;
	t->next = t->process->templates;
	t->process->templates = t;
	t->process->holds++;
}

static void forget(struct registry *registry, struct template *t)
{
	unsigned int i = position(registry, t->id);
	struct template **at = registry->templates + i;
	struct template **link = &t->process->templates;

	registry->n_templates--;
	memmove(at, at + 1, (registry->n_templates - i) * sizeof(*at));
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	registry->n_templates_others -= t->user->uid != 0;
	t->user->templates--;
	user_forget(registry, t->user);
	process_release(t->process);
	free(t);
}

void registry_remove(struct registry *registry, struct template *t)
{
	struct template_entry entry;

	if (!loader_template(registry->loader, t->id, &entry))
		totals_add_gone(registry, &entry);
	loader_release(registry->loader, t->id);
	registry->must_sweep = true;
	forget(registry, t);
}

/* Forgets a template that is closed, though its event has not arrived. */
static void swept(uint64_t id, const struct template_entry *entry, void *arg)
{
	struct registry *registry = arg;
	struct template *t = registry_find(registry, id);

	totals_add_gone(registry, entry);
	if (t)
		forget(registry, t);
}

void registry_sweep_maps(struct registry *registry)
{
	loader_sweep(registry->loader, swept, registry);
}

/* ---- registering */

/* Fills in the part of a template that only the daemon knows. */
static void describe(const struct peer *peer, int fd,
		     const struct st_msg_register *request,
		     struct template_entry *entry)
{
	const struct process *process = peer->process;
	char path[64];
	ssize_t n;
	int comm;

	memset(entry, 0, sizeof(*entry));
	entry->tgid = process->pid;
	entry->start_ticks = process->start_ticks;
	entry->creds.euid = peer->user->uid;
	if (request->flags & ST_REGISTER_DENY_WRITE)
		entry->flags = TEMPLATE_DENY_WRITE;
	if (request->flags & ST_REGISTER_HEADER) {
		entry->has_header = 1;
		memcpy(entry->header, request->header, EXEC_HEADER_SIZE);
	}
	snprintf(path, sizeof(path), "/proc/%u/comm", process->pid);
	comm = open(path, O_RDONLY | O_CLOEXEC);
	if (comm >= 0) {
		n = read(comm, entry->comm, sizeof(entry->comm) - 1);
		close(comm);
		/* end before the newline, which may be missing */
		entry->comm[n > 0 ? n : 0] = 0;
		entry->comm[strcspn(entry->comm, "\n")] = 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, entry->path, sizeof(entry->path) - 1);
	entry->path[n > 0 ? n : 0] = 0;
}

static int within_limits(const struct registry *registry,
			 const struct user *user)
{
	if (user->templates >= user_templates_max(registry, user->uid))
		return -EDQUOT;
	if (registry->n_templates == TEMPLATES_MAX)
		return -ENOSPC;
	if (user->uid != 0 &&
	    registry->n_templates_others >= WITHOUT_ROOT(TEMPLATES_MAX))
		return -ENOSPC;
	return 0;
}

/* Enough rounds for all events that the kernel holds at a time. */
#define EVENT_ROUNDS \
	((int)(EVENTS_SIZE / sizeof(struct exec_event) / LOADER_EVENTS) + 1)

/*
 * Handles pending events if a limit is reached: some templates may have been
 * closed a moment ago.
 */
static int make_room(struct registry *registry, const struct user *user)
{
	int ret = within_limits(registry, user);

	for (int i = 0; ret < 0 && i < EVENT_ROUNDS; i++) {
		bool more = registry_events(registry);

		ret = within_limits(registry, user);
		if (!more)
			break;
	}
	return ret;
}

static int load(struct registry *registry, const struct user *user, int fd,
		struct template_entry *entry, uint64_t *id,
		struct exec_entry *exec)
{
	const struct template_entry request = *entry;
	int ret = loader_register(registry->loader, fd, entry, id, exec);

	if (ret == -ENOSPC) {
		registry_sweep_maps(registry);
		*entry = request;
		ret = loader_register(registry->loader, fd, entry, id, exec);
	}
	if (ret < 0)
		return ret;
	/* the last executables are reserved for root */
	if (user->uid != 0 && exec->refs <= 1 &&
	    loader_executables(registry->loader) >
		    WITHOUT_ROOT(EXEC_CACHE_MAX)) {
		loader_release(registry->loader, *id);
		registry->must_sweep = true;
		return -ENOSPC;
	}
	return 0;
}

static struct template *new_template(struct process *process, struct user *user,
				     struct peer *peer)
{
	struct template *t = calloc(1, sizeof(*t));

	if (t) {
		t->process = process;
		t->user = user;
		t->peer = peer;
	}
	return t;
}

int registry_register(struct registry *registry, struct peer *peer, int fd,
		      const struct st_msg_register *request,
		      struct st_msg *answer)
{
	struct exec_entry exec = { 0 };
	struct template_entry entry;
	struct template *t;
	uint64_t id = 0;
	int ret;

	ret = make_room(registry, peer->user);
	if (ret < 0)
		goto rejected;
	t = new_template(peer->process, peer->user, peer);
	ret = -ENOMEM;
	if (!t)
		goto rejected;
	describe(peer, fd, request, &entry);
	ret = load(registry, peer->user, fd, &entry, &id, &exec);
	if (ret < 0) {
		free(t);
		goto rejected;
	}
	t->id = id;
	t->generation = entry.exec_generation;
	insert(registry, t);
	registry->registered++;
	answer->h.id = id;
	answer->u.reg.slot = exec.slot;
	answer->u.reg.word = EXEC_STATE_WORD(t->generation, EXEC_FRESH);
	return 0;
rejected:
	registry->rejected++;
	return ret;
}

/* ---- adopting */

/* Finds the process that the entry names. Return: 0; -ESRCH: ended; -errno. */
static int creator(struct registry *registry,
		   const struct template_entry *entry, struct process **process)
{
	int pidfd = (int)syscall(SYS_pidfd_open, entry->tgid, 0);
	struct process *p;

	if (pidfd < 0)
		return -errno;
	p = process_hold(registry, entry->tgid, pidfd);
	if (!p)
		return -errno;
	if (p->start_ticks != entry->start_ticks) {
		process_release(p);
		return -ESRCH;
	}
	*process = p;
	return 0;
}

/* Return: 0; -ESRCH: its process has ended; -errno. */
static int adopt_live(struct registry *registry, uint64_t id,
		      const struct template_entry *entry)
{
	struct process *process = NULL;
	struct user *user;
	struct template *t;
	int ret = creator(registry, entry, &process);

	if (ret < 0)
		return ret;
	user = user_find(registry, entry->creds.euid);
	t = user ? new_template(process, user, NULL) : NULL;
	if (t) {
		t->id = id;
		t->generation = entry->exec_generation;
		insert(registry, t);
	} else if (user) {
		user_forget(registry, user);
	}
	process_release(process);
	return t ? 0 : -ENOMEM;
}

/* Return: 0: adopted or released; -errno: neither. */
static int adopt_one(struct registry *registry, uint64_t id)
{
	struct template_entry entry;
	int ret = -ESRCH;

	if (registry_find(registry, id) ||
	    loader_template(registry->loader, id, &entry))
		return 0;
	if (entry.state == TEMPLATE_LIVE)
		ret = adopt_live(registry, id, &entry);
	if (ret != -ESRCH)
		return ret;
	totals_add_gone(registry, &entry);
	loader_release(registry->loader, id);
	return 0;
}

/* Adopted processes must not use the last descriptors: these few are kept. */
#define RESERVE 8

static void take_reserve(const struct registry *registry, int fds[RESERVE])
{
	for (int i = 0; i < RESERVE; i++)
		fds[i] = fcntl(registry->loop->epoll_fd, F_DUPFD_CLOEXEC, 0);
}

static void give_reserve(const int fds[RESERVE])
{
	for (int i = 0; i < RESERVE; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void registry_adopt(struct registry *registry)
{
	int reserve[RESERVE];
	uint64_t *ids = malloc(TEMPLATES_MAX * sizeof(*ids)), id = 0;
	unsigned int before = registry->n_templates, adopted, n = 0, left = 0;
	int ret = ids ? 0 : -ENOMEM;

	/*
	 * collect all ids first: a deletion may make the iteration begin again
	 */
	while (ids && n < TEMPLATES_MAX && !loader_next(registry->loader, &id))
		ids[n++] = id;
	take_reserve(registry, reserve);
	for (unsigned int i = 0; i < n; i++) {
		int one = adopt_one(registry, ids[i]);

		if (one < 0) {
			ret = one;
			left++;
		}
	}
	give_reserve(reserve);
	free(ids);
	adopted = registry->n_templates - before;
	/* events about them before now are unknown */
	if (adopted)
		registry->lost_seen = UINT64_MAX;
	registry_sweep_maps(registry);
	log_verbose("adopted %u templates of %u", adopted, n);
	if (ret < 0 && !registry->must_adopt)
		log_line("cannot take over %u templates yet: %s", left,
			 strerror(-ret));
	registry->must_adopt = ret < 0;
}
