/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers templates with the guard's daemon.
 *
 * - Each process has one connection, made when it is first needed and kept. One
 *   thread at a time uses it. A forked child makes its own: it has another
 *   epoch and so another state, and closes the inherited socket. A lock that
 *   was held at fork stays behind in the old state.
 * - The library asks the daemon at create and refresh, and tells it at close;
 *   never at a launch. If the daemon does not answer within a second, the
 *   template is made without a guard, or not at all if it must be guarded, and
 *   no thread asks again for a while.
 * - A record that is dropped because its number was used again is not
 *   unregistered. That is not needed: the template's file was closed then, and
 *   the kernel programs see that.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <spawn_template.h>

#include "epoch.h"
#include "shared/clock.h"
#include "guard/guard.h"
#include "guard/socket.h"
#include "guard/words.h"
#include "sys.h"

#define ANSWER_NS (1000 * ST_MS)	/* for a whole question */
#define LOCK_NS (800 * ST_MS) /* the part for waiting on other questions */
#define LEAVE_NS (20 * ST_MS)		/* after it, close gives up */
#define ABSENT_NS (1000 * ST_MS)	/* time until somebody looks again */
#define SILENT_NS (5000 * ST_MS)	/* the same, after no or a bad answer */
#define ASIDES_MAX 10000	/* a daemon that sends more is no daemon */

_Static_assert((int)SPAWN_TEMPLATE_GUARD_WHY_IDENTITY == WHY_IDENTITY &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_HEADER == WHY_HEADER &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_OPENED == WHY_OPENED &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES ==
			       WHY_ATTRIBUTES &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_FILE == WHY_FILE &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_PROCESS == WHY_PROCESS &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS ==
			       WHY_CREDENTIALS &&
		       (int)SPAWN_TEMPLATE_GUARD_WHY_CLOSED == WHY_CLOSED,
	       "the public names are those of the kernel programs");

struct guard {
	uint64_t epoch;
	struct guard *inherited;	/* a parent's; see leave_inherited() */
	_Atomic int64_t quiet_until;	/* nobody asks before, without need */
	_Atomic(struct st_words *) words;
	pthread_mutex_t lock;		/* protects the rest */
	struct st_guard_socket socket;
	uint32_t sequence;
	uint32_t unanswered; /* UNREGISTERs whose answer is still to come */
};

struct question {
	uint16_t type;			/* ST_MSG_* */
	uint64_t id;
	int fd;				/* to send with it; -1: none */
	uint32_t flags;			/* ST_REGISTER_* */
	const uint8_t *header;
};

static _Atomic(struct guard *) the_guard;

/* ---- the process's state */

static struct guard *make_guard(uint64_t epoch)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->epoch = epoch;
	pthread_mutex_init(&g->lock, NULL);
	st_guard_socket_init(&g->socket);
	return g;
}

/*
 * Closes what a parent had. It never frees the state, whose lock may stay held.
 */
static void leave_inherited(struct guard *old)
{
	st_guard_socket_close(&old->socket);
	st_words_put(atomic_exchange(&old->words, NULL));
}

static struct guard *guard_of_this_process(void)
{
	struct guard *old = atomic_load(&the_guard), *new;
	uint64_t epoch;

	if (st_epoch_begin(&epoch) < 0)
		return NULL;
	if (old && old->epoch == epoch)
		return old;
	new = make_guard(epoch);
	if (!new)
		return NULL;
	if (!atomic_compare_exchange_strong(&the_guard, &old, new)) {
		free(new);
		return old;
	}
	new->inherited = old;
	if (old)
		leave_inherited(old);
	return new;
}

/* Returns the guard of this process; NULL: none so far. */
static struct guard *guard_if_any(void)
{
	struct guard *g = atomic_load(&the_guard);

	return g && g->epoch == st_epoch_current() ? g : NULL;
}

/*
 * Waits by CLOCK_REALTIME, because every pthreads has it. If somebody sets that
 * clock, the wait ends early, or lasts until the holder unlocks.
 */
static bool lock_within(struct guard *g, int64_t ns)
{
	struct timespec ts;

	if (pthread_mutex_trylock(&g->lock) == 0)
		return true;
	clock_gettime(CLOCK_REALTIME, &ts);
	ns += ts.tv_nsec;
	ts.tv_sec += ns / 1000000000;
	ts.tv_nsec = ns % 1000000000;
	return pthread_mutex_timedlock(&g->lock, &ts) == 0;
}

static void unlock(struct guard *g)
{
	pthread_mutex_unlock(&g->lock);
}

/* ---- messages */

static void disconnect(struct guard *g)
{
	st_guard_socket_close(&g->socket);
	st_words_put(atomic_exchange(&g->words, NULL));
	g->unanswered = 0;
}

static void fill_message(struct guard *g, const struct question *q,
			 struct st_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->h.magic = ST_MSG_MAGIC;
	msg->h.version = ST_MSG_VERSION;
	msg->h.type = q->type;
	msg->h.sequence = ++g->sequence;
	msg->h.id = q->id;
	msg->u.reg.flags = q->flags;
	if (q->header)
		memcpy(msg->u.reg.header, q->header, ST_HEADER_SIZE);
}

/* Tells a message that may come between a question and its answer. */
static bool is_aside(struct guard *g, const struct st_msg *msg)
{
	if (msg->h.type == ST_MSG_INVALIDATED)
		return true; /* the word has this already */
	if (msg->h.type != ST_MSG_UNREGISTER || !g->unanswered)
		return false;
	g->unanswered--;
	return true;
}

/*
 * Takes the next message that is no aside. fd: set to a descriptor that may
 * come with it. NULL: none may, and a message that has one is an error.
 */
static int next_message(struct guard *g, struct st_msg *msg, int *fd,
			int64_t deadline)
{
	int ret, came;

	for (int i = 0; i < ASIDES_MAX; i++) {
		ret = st_guard_socket_receive(&g->socket, msg, &came, deadline);
		if (ret < 0)
			return ret;
		if (came >= 0 && (!fd || msg->h.type != ST_MSG_HELLO)) {
			sys_close(came);
			return -EPROTO;
		}
		if (is_aside(g, msg))
			continue;
		if (fd)
			*fd = came;
		return 0;
	}
	return -EPROTO;
}

/* Return: 0 with the answer in *msg, or an ITEM before it; or -errno. */
static int converse(struct guard *g, const struct question *q,
		    struct st_msg *msg, int *fd, int64_t deadline)
{
	uint32_t sequence;
	int ret;

	fill_message(g, q, msg);
	sequence = msg->h.sequence;
	ret = st_guard_socket_send(&g->socket, msg, q->fd, deadline);
	if (ret == 0)
		ret = next_message(g, msg, fd, deadline);
	if (ret < 0)
		return ret;
	if (msg->h.sequence == sequence &&
	    (msg->h.type == q->type ||
	     (q->type == ST_MSG_LIST && msg->h.type == ST_MSG_ITEM)))
		return 0;
	if (fd && *fd >= 0)
		sys_close(*fd);
	return -EPROTO;
}

static int connect_and_greet(struct guard *g, int64_t deadline)
{
	const struct question hello = { .type = ST_MSG_HELLO, .fd = -1 };
	struct st_words *words;
	struct st_msg msg;
	int ret, fd = -1;

	ret = st_guard_socket_open(&g->socket, deadline);
	if (ret == 0)
		ret = converse(g, &hello, &msg, &fd, deadline);
	if (ret < 0)
		return ret;
	ret = -EPROTO;
	if (fd >= 0 && msg.h.error == 0)
		ret = st_words_map(fd, msg.u.hello.words, &words);
	if (fd >= 0)
		sys_close(fd);
	if (ret == 0)
		st_words_put(atomic_exchange(&g->words, words));
	return ret;
}

static bool lacks_fds_or_memory(int ret)
{
	return ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM;
}

/* Sets the time until which nobody asks again. */
static void be_quiet(struct guard *g, int ret)
{
	int64_t ns = SILENT_NS;

	if (lacks_fds_or_memory(ret))
		return; /* not the daemon's fault */
	if (ret == -ENOENT || ret == -ECONNREFUSED || ret == -EACCES)
		ns = ABSENT_NS;
	atomic_store(&g->quiet_until, st_now() + ns);
}

/*
 * Asks, over a new connection if the old one turns out to have ended.
 * Return: 0 with the answer in *msg; or -errno, with no connection left.
 */
static int ask(struct guard *g, const struct question *q, struct st_msg *msg,
	       int64_t deadline)
{
	bool was_open;
	int ret;

	do {
		was_open = st_guard_socket_is_open(&g->socket);
		ret = was_open ? 0 : connect_and_greet(g, deadline);
		if (ret == 0)
			ret = converse(g, q, msg, NULL, deadline);
		if (ret == 0) {
			atomic_store(&g->quiet_until, 0);
			return 0;
		}
		disconnect(g);
	} while (was_open && ret != -ETIMEDOUT && ret != -EPROTO);
	be_quiet(g, ret);
	return ret;
}

/* ---- registering */

static int take_answer(struct guard *g, const struct st_msg *msg,
		       struct st_guarded *guarded)
{
	struct st_words *words = atomic_load(&g->words);
	const struct st_msg_register *reg = &msg->u.reg;

	if (msg->h.error)
		return -msg->h.error;
	if (!msg->h.id || msg->h.id > ST_ID_MAX || !reg->word ||
	    reg->slot >= words->n) {
		disconnect(g);
		return -EPROTO;
	}
	atomic_fetch_add(&words->refs, 1);
	guarded->words = words;
	guarded->at = &words->at[reg->slot];
	guarded->word = reg->word;
	guarded->id = msg->h.id;
	return 0;
}

/*
 * Return: 0; the daemon's error, with *told set; or the reason for no answer.
 */
static int register_once(const struct question *q, bool must,
			 struct st_guarded *guarded, bool *told)
{
	int64_t deadline = st_now() + ANSWER_NS;
	struct guard *g = guard_of_this_process();
	struct st_msg msg;
	int ret = -ETIMEDOUT;

	*told = false;
	if (!g)
		return -ENOMEM;
	if (!must && st_now() < atomic_load(&g->quiet_until))
		return -ENOENT;
	if (!lock_within(g, LOCK_NS))
		return -ETIMEDOUT;
	/* another thread may have asked in vain meanwhile */
	if (must || st_now() >= atomic_load(&g->quiet_until))
		ret = ask(g, q, &msg, deadline);
	if (ret == 0) {
		*told = msg.h.error != 0;
		ret = take_answer(g, &msg, guarded);
	}
	unlock(g);
	return ret;
}

/* Chooses the answer if there is no guard. */
static int without_guard(int ret, uint64_t flags)
{
	if (!(flags & ST_MUST_GUARD))
		return 0;
	if (lacks_fds_or_memory(ret))
		return ret;
	return flags & SPAWN_TEMPLATE_CREATE_GUARD ? -ENOTCONN : -EOPNOTSUPP;
}

/**
 * st_guard_register - have a template guarded
 * @fd: the template's own
 * @flags: SPAWN_TEMPLATE_CREATE_*
 * @header: the first ST_HEADER_SIZE bytes of the file; NULL if it was not read
 * @guarded: all zero; filled in if the template is guarded
 *
 * It waits a little for writers to close.
 *
 * Return: 0, guarded or, if flags allow that, not; -ESTALE if the file has just
 * changed; -ETXTBSY; and if it must be guarded -ENOTCONN, -EOPNOTSUPP, or the
 * daemon's error.
 */
int st_guard_register(int fd, uint64_t flags, const uint8_t *header,
		      struct st_guarded *guarded)
{
	const bool deny = flags & SPAWN_TEMPLATE_CREATE_DENY_WRITE;
	const struct question q = {
		.type = ST_MSG_REGISTER,
		.fd = fd,
		.flags = (deny ? ST_REGISTER_DENY_WRITE : 0) |
			 (header ? ST_REGISTER_HEADER : 0),
		.header = header,
	};
	bool must = flags & ST_MUST_GUARD, told;
	int ret;

	for (unsigned int ms = 1;; ms *= 2) {
		ret = register_once(&q, must, guarded, &told);
		if (ret != -ETXTBSY || !told || ms > 32)
			break;
		sys_sleep_ms(ms);
	}
	if (ret == 0)
		guarded->deny_write = deny;
	else if (!told)
		ret = without_guard(ret, flags);
	else if (!must && ret != -ETXTBSY && ret != -ESTALE)
		ret = 0;
	return ret;
}

/*
 * Takes messages without waiting.
 * Return: 0; -errno: the connection is of no more use.
 */
static int drain(struct guard *g)
{
	struct st_msg msg;
	int ret = next_message(g, &msg, NULL, 0);

	if (ret == 0)
		return -EPROTO; /* nobody asked */
	return ret == -ETIMEDOUT ? 0 : ret;
}

/**
 * st_guard_unregister - end the guarding of a template
 * @id: the template's; 0 does nothing
 *
 * It does not wait for an answer, and makes no new connection: guarding also
 * ends when the template's file is closed for the last time. So this matters
 * only for files that a dup, or a forked child, keeps open.
 */
void st_guard_unregister(uint64_t id)
{
	const struct question q = {
		.type = ST_MSG_UNREGISTER,
		.id = id,
		.fd = -1,
	};
	struct guard *g = id ? guard_if_any() : NULL;
	struct st_msg msg;
	int ret;

	if (!g || !lock_within(g, LEAVE_NS))
		return;
	if (st_guard_socket_is_open(&g->socket)) {
		ret = drain(g);
		fill_message(g, &q, &msg);
		if (ret == 0)
			ret = st_guard_socket_send(&g->socket, &msg, -1, 0);
		if (ret == 0)
			g->unanswered++;
		else if (ret != -ETIMEDOUT)
			disconnect(g);
	}
	unlock(g);
}

/* ---- reasons */

/*
 * Returns the daemon's reason: why the executable is stale or, if it is not,
 * why the template's last launch was refused; or 0.
 */
static uint32_t ask_why(struct guard *g, uint64_t id, int64_t deadline)
{
	const struct question q = { .type = ST_MSG_LIST, .id = id, .fd = -1 };
	uint32_t sequence, why;
	struct st_msg msg;

	if (ask(g, &q, &msg, deadline) < 0)
		return 0;
	if (msg.h.type != ST_MSG_ITEM)
		return 0; /* unknown to the daemon */
	sequence = msg.h.sequence;
	why = msg.u.item.why ? msg.u.item.why : msg.u.item.last_why;
	if (next_message(g, &msg, NULL, deadline) == 0 &&
	    msg.h.type == ST_MSG_LIST && msg.h.sequence == sequence)
		return why;
	disconnect(g);
	return 0;
}

/**
 * st_guard_why - find out why a template is stale to the guard
 * @guarded: the template's
 *
 * It asks the daemon, unless an answer is already known.
 *
 * Return: SPAWN_TEMPLATE_GUARD_WHY_*; 0 if the reason is unknown.
 */
uint32_t st_guard_why(struct st_guarded *guarded)
{
	int64_t deadline = st_now() + ANSWER_NS;
	uint32_t why = atomic_load(&guarded->why);
	struct guard *g = guard_if_any();

	if (why || !g)
		return why;
	if (st_now() >= atomic_load(&g->quiet_until) &&
	    lock_within(g, LOCK_NS)) {
		why = ask_why(g, guarded->id, deadline);
		unlock(g);
	}
	/* the programs have forgotten it, though its file is unchanged */
	if (!why && atomic_load(guarded->at) == guarded->word)
		why = WHY_CLOSED;
	atomic_store(&guarded->why, why);
	return why;
}
