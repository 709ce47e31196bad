/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges a message and acts on it. Anybody who may open the socket can send
 * messages, so the daemon trusts only the sender's credentials, which come from
 * the kernel.
 *
 * A message that no honest client sends ends the connection. A message that a
 * later client might send is answered with an error.
 */
#include <errno.h>
#include <string.h>

#include "daemon/request.h"

static bool is_zero(const void *bytes, size_t from, size_t to)
{
	const unsigned char *p = bytes;

	while (from < to)
		if (p[from++])
			return false;
	return true;
}

/*
 * Refuses a sender other than the peer. The kernel fills in the sender's
 * credentials if the sender does not.
 */
static const char *judge_sender(const struct peer *peer,
				const struct request_facts *facts)
{
	if (!facts->has_creds)
		return "a message without credentials";
	if (facts->pid != peer->process->pid)
		return "a message of another process";
	if (facts->uid != peer->uid)
		return "a message under another user";
	if (!process_is_alive(peer->process))
		return "a message of a process that has ended";
	return NULL;
}

const char *request_judge(const struct peer *peer, const void *bytes,
			  size_t len, const struct request_facts *facts)
{
	struct st_msg_header h;

	if (facts->cut_off)
		return "a message too long";
	if (len != ST_MSG_SIZE)
		return "a message of another size";
	memcpy(&h, bytes, sizeof(h));
	if (h.magic != ST_MSG_MAGIC)
		return "no message of this protocol";
	if (h.version != ST_MSG_VERSION)
		return "a message of another version";
	if (facts->has_fds != (h.type == ST_MSG_REGISTER))
		return "a message with too few or too many descriptors";
	return judge_sender(peer, facts);
}

static int check_register(const struct st_msg *msg)
{
	const struct st_msg_register *r = &msg->u.reg;
	size_t used = offsetof(struct st_msg_register, slot);

	if (r->flags & ~(ST_REGISTER_DENY_WRITE | ST_REGISTER_HEADER) ||
	    r->pad || msg->h.id)
		return -EINVAL;
	if (!(r->flags & ST_REGISTER_HEADER))
		used = offsetof(struct st_msg_register, header);
	return is_zero(&msg->u, used, sizeof(msg->u)) ? 0 : -EINVAL;
}

static int do_register(struct registry *registry, struct peer *peer,
		       const struct st_msg *msg,
		       const struct request_facts *facts, struct st_msg *answer)
{
	int ret = check_register(msg);

	if (ret < 0)
		return ret;
	/* accept only O_PATH: the daemon never has other files */
	if (facts->fd < 0)
		return -EBADF;
	return registry_register(registry, peer, facts->fd, &msg->u.reg,
				 answer);
}

/*
 * Also finds templates that the process registered over an earlier connection.
 */
static int do_unregister(struct registry *registry, struct peer *peer,
			 uint64_t id)
{
	struct template *t = registry_find(registry, id);

	if (!t || t->process != peer->process)
		return -ENOENT;
	registry_remove(registry, t);
	return 0;
}

/*
 * Sends one descriptor for each connection: the kernel counts those not yet
 * received, and with too many the daemon could send no more.
 */
static int do_hello(const struct registry *registry, struct peer *peer,
		    struct st_msg *answer)
{
	if (peer->greeted)
		return -EALREADY;
	peer->greeted = true;
	answer->u.hello.words = loader_words(registry->loader);
	return 0;
}

static enum request_result act(struct registry *registry, struct peer *peer,
			       const struct st_msg *msg,
			       const struct request_facts *facts,
			       struct st_msg *answer, int *error)
{
	bool plain = is_zero(&msg->u, 0, sizeof(msg->u));
	const struct template *t;

	*error = -EINVAL;
	switch (msg->h.type) {
	case ST_MSG_HELLO:
		if (plain && !msg->h.id)
			*error = do_hello(registry, peer, answer);
		return *error ? REQUEST_ANSWER : REQUEST_ANSWER_WORDS;
	case ST_MSG_REGISTER:
		*error = do_register(registry, peer, msg, facts, answer);
		return REQUEST_ANSWER;
	case ST_MSG_UNREGISTER:
		if (plain)
			*error = do_unregister(registry, peer, msg->h.id);
		return REQUEST_ANSWER;
	case ST_MSG_LIST:
		if (!plain)
			return REQUEST_ANSWER;
		*error = 0;
		if (!msg->h.id)
			return REQUEST_LIST;
		t = registry_find(registry, msg->h.id);
		if (t && registry_may_see(peer, t))
			return REQUEST_LIST_ONE;
		*error = -ENOENT;
		return REQUEST_ANSWER;
	case ST_MSG_STATUS:
		if (!plain || msg->h.id)
			return REQUEST_ANSWER;
		*error = 0;
		registry_status(registry, peer->user, &answer->u.status);
		return REQUEST_ANSWER;
	default:
		*error = -ENOSYS;
		return REQUEST_ANSWER;
	}
}

enum request_result request_handle(struct registry *registry, struct peer *peer,
				   const void *bytes, size_t len,
				   const struct request_facts *facts,
				   struct st_msg *answer)
{
	enum request_result result = REQUEST_ANSWER;
	struct st_msg msg;
	int error = -EINVAL;

	peer->reason = request_judge(peer, bytes, len, facts);
	if (peer->reason)
		return REQUEST_CLOSE;
	memcpy(&msg, bytes, sizeof(msg));
	memset(answer, 0, sizeof(*answer));
	answer->h = msg.h;
	if (!msg.h.error)
		result = act(registry, peer, &msg, facts, answer, &error);
	answer->h.error = -error;
	return result;
}
