/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "run/chunk.h"
#include "run/ring.h"
#include "sys.h"

/* The most bytes of a chunk. */
#define CHUNK_MOST (64U << 10)
/* Bytes that are handed over beyond the bound when the run is being ended. */
#define FORCED_MORE (64U << 10)
/* Bytes to make room for if the kernel cannot tell how many there are. */
#define UNKNOWN 256

/* One of the two streams. */
struct end {
	struct st_sink sink;
	struct st_flow *flow;
	uint32_t kind;
	bool lost;		/* some had no room, and the rest is dropped */
	_Atomic size_t unseen;	/* bytes handed over and not given back */
	_Atomic bool waits;	/* for room */
};

struct st_flow {
	_Atomic unsigned int refs;	/* the job and each chunk */
	struct spawn_template_ring *ring;
	struct st_slot *slot;
	uint64_t use;			/* the slot's */
	uint64_t user_data;
	size_t most;
	bool forced;			/* the caller's room does not count */
	struct end out, err;
};

struct st_chunk {
	struct st_loose loose;
	struct end *end;
	char bytes[];
};

/* ---- chunks */

/* The header counts, too: else single bytes would take any amount of memory. */
static size_t cost_of(size_t len)
{
	return len + sizeof(struct st_chunk);
}

/* Frees a chunk that was given back, for which its stream may wait. */
static void free_chunk(struct st_loose *loose)
{
	struct st_chunk *chunk = (struct st_chunk *)loose;
	struct end *end = chunk->end;
	struct st_flow *flow = end->flow;
	size_t cost = cost_of(loose->done.cqe.data_len);
	size_t unseen = atomic_fetch_sub(&end->unseen, cost) - cost;

	free(chunk);
	if (unseen <= flow->most / 2 && atomic_exchange(&end->waits, false))
		st_slot_attend(flow->ring, flow->slot, flow->use);
	st_flow_drop(flow);
}

static void hand_over(struct st_chunk *chunk, struct end *end, size_t len)
{
	struct st_flow *flow = end->flow;

	chunk->end = end;
	chunk->loose.free = free_chunk;
	chunk->loose.done.cqe = (struct spawn_template_cqe){
		.user_data = flow->user_data,
		.pid = -1,
		.pidfd = -1,
		.kind = end->kind,
		.data_len = (uint32_t)len,
		.data = chunk->bytes,
	};
	atomic_fetch_add(&flow->refs, 1);
	atomic_fetch_add(&end->unseen, cost_of(len));
	st_loose_publish(flow->ring, &chunk->loose);
}

/* ---- a stream */

/* Returns how many bytes there is room for; 0: none, and free_chunk() will tell. */
static size_t room_of(struct end *end)
{
	struct st_flow *flow = end->flow;
	size_t most = flow->most + (flow->forced ? FORCED_MORE : 0);
	size_t unseen = atomic_load(&end->unseen);

	if (unseen < most || flow->forced)
		return unseen < most ? most - unseen : 0;
	atomic_store(&end->waits, true);
	/* it may have been given back just now */
	if (atomic_load(&end->unseen) > most / 2 ||
	    !atomic_exchange(&end->waits, false))
		return 0;
	unseen = atomic_load(&end->unseen);
	return most - unseen;
}

/* Returns how many bytes can be read at once, or a guess. */
static size_t available(int fd)
{
	int n = 0;

	if (sys_call3(__NR_ioctl, fd, FIONREAD, &n) < 0 || n <= 0)
		return UNKNOWN;
	return (size_t)n < CHUNK_MOST ? (size_t)n : CHUNK_MOST;
}

static ssize_t take(struct st_sink *sink, struct st_stream *s)
{
	struct end *end = (struct end *)sink;
	size_t room = room_of(end), len = available(s->fd);
	struct st_chunk *chunk = NULL;
	ssize_t n;

	if (!room && !end->flow->forced)
		return -ENOBUFS;
	if (len > room)
		len = room;
	if (len && !end->lost)
		chunk = malloc(sizeof(*chunk) + len);
	if (!chunk) {
		/* what is handed over has no gap */
		end->lost = true;
		return st_stream_drop(s);
	}
	n = sys_call3(__NR_read, s->fd, chunk->bytes, len);
	if (n <= 0) {
		free(chunk);
		return n;
	}
	hand_over(chunk, end, (size_t)n);
	return n;
}

/* ---- flows */

/* Return: a flow with one reference, the job's; NULL: memory is short. */
struct st_flow *st_flow_new(struct spawn_template_ring *ring,
			    uint64_t max_output)
{
	struct st_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->refs = 1;
	flow->ring = ring;
	flow->most = max_output ? max_output : SPAWN_TEMPLATE_RUN_MAX_UNSEEN;
	flow->out.flow = flow->err.flow = flow;
	flow->out.sink.take = flow->err.sink.take = take;
	flow->out.kind = SPAWN_TEMPLATE_CQE_OUT;
	flow->err.kind = SPAWN_TEMPLATE_CQE_ERR;
	return flow;
}

/* Tells the slot of the job, and its state when the job is queued. */
void st_flow_place(struct st_flow *flow, struct st_slot *slot, uint64_t state)
{
	flow->slot = slot;
	flow->use = state & ~(ST_SLOT_USE - 1);
	flow->user_data = atomic_load(&slot->user_data);
}

void st_flow_attach(struct st_flow *flow, struct st_io *io)
{
	io->out.sink = &flow->out.sink;
	io->err.sink = &flow->err.sink;
}

/* The run is being ended: it waits for the caller no longer. */
void st_flow_force(struct st_flow *flow)
{
	flow->forced = true;
}

bool st_flow_is_forced(const struct st_flow *flow)
{
	return flow->forced;
}

void st_flow_drop(struct st_flow *flow)
{
	if (flow && atomic_fetch_sub(&flow->refs, 1) == 1)
		free(flow);
}
