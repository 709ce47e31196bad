/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of users, within their limits. */
#include <errno.h>

#include "daemon/registry/registry.h"

static bool too_many_clients(const struct registry *registry,
			     const struct user *user)
{
	if (registry->clients >= CLIENTS_MAX)
		return true;
	return user->person != 0 &&
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
	peer->uid = uid;
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
	registry->clients_others -= peer->user->person != 0;
	user_forget(registry, peer->user);
	process_release(process);
}
