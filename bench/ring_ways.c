/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and asks the processes that do the work: see ring_ways.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring_ways.h"

#define ANSWER_MS 300000 /* far longer than any round */

const char *const way_name[WAYS] = {
	[WAY_RING] = "ring",
	[WAY_LOOP] = "loop",
	[WAY_NODE] = "node",
	[WAY_ASYNCIO] = "asyncio",
	[WAY_ASYNCIO_THREADS] = "asyncio_threads",
	[WAY_PREPARED] = "prepared",
};

const char *const way_title[WAYS] = {
	[WAY_RING] = "ring",
	[WAY_LOOP] = "posix_spawn + epoll",
	[WAY_NODE] = "Node",
	[WAY_ASYNCIO] = "asyncio",
	[WAY_ASYNCIO_THREADS] = "asyncio, threads",
	[WAY_PREPARED] = "ring, prepared",
};

static const struct engine *const engines[WAYS] = {
	[WAY_RING] = &ring_engine,
	[WAY_LOOP] = &loop_engine,
	[WAY_PREPARED] = &prepared_engine,
};

bool way_is_in_c(enum way way)
{
	return engines[way];
}

int ways_serve(const char *name, unsigned int threads, unsigned int gib)
{
	for (int w = 0; w < WAYS; w++)
		if (engines[w] && !strcmp(name, way_name[w]))
			return work_serve(engines[w], threads, gib);
	fprintf(stderr, "ring: no such way: %s\n", name);
	return 2;
}

/* Fills argv; the strings live as long as this program. 0 or -ENOENT. */
static int command(enum way way, const struct worker_options *o, char *argv[8])
{
	static char script[4096], gib[16], threads[16], *node, *python;

	snprintf(gib, sizeof(gib), "%u", o->gib);
	snprintf(threads, sizeof(threads), "%u", o->threads);
	if (way_is_in_c(way)) {
		memcpy(argv,
		       (char *[8]){ (char *)o->self, "--serve",
				    (char *)way_name[way], "--gib", gib,
				    "--threads", threads, NULL },
		       8 * sizeof(*argv));
		return 0;
	}
	snprintf(script, sizeof(script), "%s/%s", o->peers,
		 way == WAY_NODE ? "node.mjs" : "asyncio_loop.py");
	argv[1] = script;
	argv[2] = (char *)o->work;
	argv[3] = way == WAY_ASYNCIO ? "pidfd" : "thread";
	argv[4] = NULL;
	if (!node)
		node = find_program("node");
	if (!python) /* the one in PATH may be a shim */
		python = access("/usr/bin/python3", X_OK)
				 ? find_program("python3")
				 : strdup("/usr/bin/python3");
	argv[0] = way == WAY_NODE ? node : python;
	return argv[0] ? 0 : -ENOENT;
}

static int start_process(struct worker *w, char *const argv[])
{
	int requests[2], answers[2];

	if (pipe2(requests, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		return -errno;
	w->pid = fork();
	if (w->pid < 0)
		return -errno;
	if (!w->pid) {
		dup2(requests[0], STDIN_FILENO);
		dup2(answers[1], STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(requests[0]);
	close(answers[1]);
	w->requests = fdopen(requests[1], "we");
	w->answers = fdopen(answers[0], "re");
	return w->requests && w->answers ? 0 : -ENOMEM;
}

/* Reads the next answer; NULL, after a message, for none or an error. */
static json_t *read_answer(struct worker *w)
{
	struct pollfd p = { .fd = fileno(w->answers), .events = POLLIN };
	const char *error = "its process ended before its time";
	char *line = NULL;
	json_t *o = NULL;
	size_t size = 0;

	if (poll(&p, 1, ANSWER_MS) != 1)
		error = "no answer";
	else if (getline(&line, &size, w->answers) > 0)
		o = json_loads(line, 0, NULL);
	free(line);
	if (o && json_object_get(o, "error"))
		error = json_string_value(json_object_get(o, "error"));
	else if (o)
		return o;
	fprintf(stderr, "ring: %s: %s\n", way_name[w->way], error);
	json_decref(o);
	return NULL;
}

int worker_start(struct worker *w, enum way way,
		 const struct worker_options *options)
{
	const char *ready, *skipped;
	char *argv[8];
	json_t *o;
	int err;

	*w = (struct worker){ .way = way };
	if (command(way, options, argv)) {
		snprintf(w->missing, sizeof(w->missing), "not installed");
		return 0;
	}
	err = start_process(w, argv);
	if (err)
		return err;
	o = read_answer(w);
	if (!o)
		return -EIO;
	ready = json_string_value(json_object_get(o, "ready"));
	skipped = json_string_value(json_object_get(o, "skipped"));
	if (ready)
		snprintf(w->version, sizeof(w->version), "%s", ready);
	else
		snprintf(w->missing, sizeof(w->missing), "%s",
			 skipped ? skipped : "no answer");
	json_decref(o);
	return 0;
}

static int add_blocked(struct samples *s, const json_t *array)
{
	size_t i;
	json_t *value;
	int err = 0;

	json_array_foreach(array, i, value) if (!err) err =
		samples_add(s, json_number_value(value));
	return err;
}

static double number_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int add_samples(struct way_samples *s, const json_t *o,
		       unsigned int runs)
{
	const json_t *blocked = json_object_get(o, "blocked_us");
	int err;

	if (json_array_size(blocked) != runs || number_of(o, "seconds") <= 0)
		return -EPROTO;
	err = samples_add(&s->rate, runs / number_of(o, "seconds"));
	if (!err)
		err = samples_add(&s->cpu_us, number_of(o, "cpu_us") / runs);
	if (!err)
		err = samples_add(&s->switches,
				  number_of(o, "switches") / runs);
	return err ? err : add_blocked(&s->blocked_us, blocked);
}

int worker_ask(struct worker *w, const struct round *round, unsigned int warm,
	       struct way_samples *samples)
{
	json_t *o = NULL;
	int err = 0;

	fprintf(w->requests, "%u %u %u %u\n", round->program, round->inflight,
		warm, round->runs);
	if (!fflush(w->requests))
		o = read_answer(w);
	if (!o)
		return -EIO;
	if (samples)
		err = add_samples(samples, o, round->runs);
	json_decref(o);
	return err;
}

void worker_stop(struct worker *w)
{
	if (w->requests)
		fclose(w->requests);
	if (w->answers)
		fclose(w->answers);
	if (w->pid > 0)
		waitpid(w->pid, NULL, 0);
	*w = (struct worker){ 0 };
}
