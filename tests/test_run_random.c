/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs with options drawn at random, by a ring and without one: whatever the mixture,
 * each result is sound, and the runs leave no process, fd, thread, cgroup, temporary
 * file or memory. RUNS=N sets their number. SEED=N repeats the same draws; a failure
 * names the seed and the run.
 */
#include "growth.h"
#include "rings.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SLOTS 24
#define PART 500 /* runs of one ring */
#define MEMORY_KIB 8192 /* which the allocator keeps for many large outputs */
#define HELD 16 /* completions that are given back late */

#define ONE_IN(n) (!draw(n))

struct slot {
	bool used, cancelled, input;
	int file; /* for spilled output, or -1 */
	struct spawn_template_run_args args;
};

static struct mix {
	struct spawn_template_ring *ring;
	struct spawn_template_sandbox *sandbox;
	int cold, warm; /* templates */
	int cgroup; /* -1: runs have none */
	bool has_memory, has_pids, has_cpu, has_io; /* controllers */
	char base[300], mark[40];
	int spill[SLOTS + 1]; /* directories, one for each slot */
	unsigned int seed;
	uint64_t state;
	int in_flight;
	bool abandoned; /* this part's ring */
	struct slot slots[SLOTS + 1]; /* the last one is for no ring */
	struct spawn_template_cqe *held[HELD];
	int n_held;
	int timed_out, detached, leftovers, cgroups, spilled, parts, cancelled;
	uint64_t warm_runs;
} mix;

/* ---- drawing */

static unsigned int draw(unsigned int most)
{
	mix.state ^= mix.state << 13;
	mix.state ^= mix.state >> 7;
	mix.state ^= mix.state << 17;
	return (unsigned int)(mix.state >> 33) % most;
}

/* The draws of a run depend on nothing but the seed and its number. */
static void draw_from(int number)
{
	mix.state = (mix.seed * 2654435761ULL) ^
		    ((uint64_t)(number + 1) * 0x9e3779b97f4a7c15ULL);
	for (int i = 0; i < 4; i++)
		draw(2);
}

/* Processes that a program leaves end by themselves after a while. */
#define LEFT "sleep", "150"

struct program {
	char *argv[20];
	bool reads;
};

static const struct program programs[] = {
	{ { "tree", "exit", "3" }, false },
	{ { "tree", "say", "hello", "err", "trouble" }, false },
	{ { "tree", "flood", "1", "200000" }, false },
	{ { "tree", "flood", "2", "70000", "flood", "1", "3000" }, false },
	{ { "tree", "raise", "11" }, false },
	{ { "tree", "close", "1", "close", "2", "sleep", "3" }, false },
	{ { "tree", "cat" }, true },
	{ { "tree", "count" }, true },
};

static const struct program leaving[] = {
	{ { "tree", "(", LEFT, ")", "say", "left", "exit", "0" }, false },
	{ { "tree", "(", "setsid", "(", "setsid", LEFT, ")", ")", "exit", "0" },
	  false },
	{ { "tree", "(", "daemon", LEFT, ")", "wait", "exit", "1" }, false },
};

static const struct program endless[] = {
	{ { "tree", "pause" }, false },
	{ { "tree", "ignore", "15", "(", "pause", ")", "pause" }, false },
	{ { "tree", "drip", "2", "drop" }, false },
	{ { "tree", "flood", "1", "0" }, false },
	{ { "tree", "raise", "19", "pause" }, false },
	{ { "tree", "(", "setpgrp", "ignore", "15", "pause", ")", "pause" },
	  false },
};

static void draw_output(struct spawn_template_run_args *args)
{
	static const uint64_t bounds[] = { 0, 0, 1, 100, 5000, 65536 };

	args->max_output = bounds[draw(TEST_COUNT(bounds))];
	if (ONE_IN(4))
		args->flags |= RUN(MERGE_STDERR);
	if (ONE_IN(4)) {
		args->flags |= RUN(STREAM);
		return;
	}
	if (ONE_IN(12)) {
		args->flags |= RUN(NO_CAPTURE);
		return;
	}
	if (ONE_IN(4)) {
		args->flags |= RUN(TAIL);
		args->tail_output = args->max_output ? draw(2) : draw(3000);
	}
}

static void draw_terminal(struct spawn_template_run_args *args, bool reads)
{
	if (args->flags & RUN(NO_CAPTURE) || !ONE_IN(6))
		return;
	args->flags |= RUN(PTY);
	if (ONE_IN(2))
		args->flags |= RUN(NO_ECHO);
	/* that has no end of input */
	if (!reads && ONE_IN(3))
		args->flags |= RUN(RAW);
	if (ONE_IN(2))
		args->winsize = SPAWN_TEMPLATE_WINSIZE(24, 80);
}

static void draw_times(struct spawn_template_run_args *args, bool ends_late,
		       bool in_ring)
{
	args->timeout_ns =
		ends_late || ONE_IN(15) ? (1 + draw(40)) * MS : 20 * SECOND;
	args->grace_ns = draw(3) * 4 * MS;
	args->held_quiet_ns = ONE_IN(2) ? 5 * MS : 0;
	args->held_most_ns = ONE_IN(2) ? 20 * MS : 0;
	if (ONE_IN(10) && !(args->flags & RUN(NO_CAPTURE)))
		args->idle_timeout_ns = (1 + draw(30)) * MS;
	if (in_ring && ONE_IN(5)) {
		args->flags |= RUN(DETACH_ON_TIMEOUT);
		args->detached_timeout_ns = (1 + draw(20)) * MS;
	}
	if (in_ring && ONE_IN(5))
		args->flags |= RUN(TELL_START);
}

/* Without a limit the tree is only counted. */
static void draw_limits(struct spawn_template_run_args *args)
{
	args->flags |= RUN(LIMITS);
	if (mix.has_memory && ONE_IN(2))
		args->memory_max = 64 << 20;
	if (args->memory_max && ONE_IN(2))
		args->memory_swap_max = 16 << 20;
	if (mix.has_pids && ONE_IN(2))
		args->pids_max = 50;
	if (mix.has_cpu && ONE_IN(2))
		args->cpu_max_us = 50000;
	if (mix.has_cpu && ONE_IN(2))
		args->cpu_weight = 1 + draw(10000);
	if (mix.has_io && ONE_IN(2))
		args->io_weight = 1 + draw(10000);
}

static void draw_tree(struct spawn_template_run_args *args, bool in_ring,
		      bool ends_late)
{
	if (in_ring && ONE_IN(3))
		args->flags |= RUN(END_WITH_CALLER);
	if (ONE_IN(3))
		args->flags |= RUN(END_LEFTOVERS);
	args->cgroup_parent_fd = mix.cgroup;
	/* without a cgroup, a supervised run has a keeper */
	if (ONE_IN(3))
		args->flags |= ONE_IN(2) ? RUN(CGROUP) : RUN(SUPERVISE);
	if (mix.cgroup >= 0 && ONE_IN(6))
		draw_limits(args);
	/*
	 * A launch that is cancelled late kills the program alone, whose children then
	 * have nothing that tells whose they are.
	 */
	if (!(args->flags & RUN(PTY)) && ONE_IN(10) &&
	    (!ends_late || args->flags & RUN(SUPERVISE)))
		args->flags |= RUN(SAME_GROUP);
	if (ONE_IN(5))
		args->spawn.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	if (ONE_IN(8)) {
		/* of a test at low priority: a user cannot go back from there */
		args->spawn.flags |= SPAWN_TEMPLATE_SPAWN_NICE;
		args->spawn.nice = getpriority(PRIO_PROCESS, 0);
	}
	if (ONE_IN(6))
		CHECK_EQ(spawn_template_sandbox_apply(mix.sandbox, &args->spawn,
						      sizeof(args->spawn)),
			 0);
}

/* To a file, or to two files in the slot's directory. */
static void draw_spill(struct slot *slot)
{
	const uint32_t none = RUN(STREAM) | RUN(NO_CAPTURE);

	if (slot->args.flags & none || !ONE_IN(4))
		return;
	slot->args.flags |= RUN(SPILL);
	slot->args.spill_fd = mix.spill[slot - mix.slots];
	if (!(slot->args.flags & RUN(MERGE_STDERR)) || ONE_IN(2))
		return;
	slot->file = CHECK_SYS(memfd_create("spill", MFD_CLOEXEC));
	slot->args.spill_fd = slot->file;
}

static void draw_input(struct slot *slot, const struct program *p, bool in_ring)
{
	static char text[100000];

	if (ONE_IN(3)) {
		slot->args.input = (uintptr_t)text;
		slot->args.input_len = 1 + draw(ONE_IN(4) ? sizeof(text) : 50);
	}
	slot->input = in_ring && ONE_IN(4);
	if (slot->input)
		slot->args.flags |= RUN(OPEN_INPUT);
	if (slot->input && ONE_IN(2))
		slot->args.flags |= RUN(TELL_ROOM);
	/* terminals drop what is too much, and then their end of the file */
	if (p->reads && slot->args.flags & RUN(PTY))
		slot->args.timeout_ns = (1 + draw(40)) * MS;
}

static void draw_run(struct slot *slot, bool in_ring)
{
	const struct program *p = &programs[draw(TEST_COUNT(programs))];
	bool ends_late = ONE_IN(10);

	if (ends_late)
		p = &endless[draw(TEST_COUNT(endless))];
	else if (ONE_IN(10))
		p = &leaving[draw(TEST_COUNT(leaving))];

	*slot = (struct slot){ .used = true, .file = -1 };
	slot->args = run_args((char *const *)p->argv);
	draw_output(&slot->args);
	draw_terminal(&slot->args, p->reads);
	draw_times(&slot->args, ends_late, in_ring);
	draw_tree(&slot->args, in_ring, ends_late);
	draw_input(slot, p, in_ring);
	draw_spill(slot);
}

/* ---- the end of a run */

static void count(const struct spawn_template_result *res)
{
	mix.timed_out += !!(res->flags & RESULT(TIMED_OUT));
	mix.detached += !!(res->flags & RESULT(DETACHED));
	mix.leftovers += !!(res->flags & RESULT(LEFTOVERS));
	mix.cgroups += !!(res->flags & RESULT(CGROUP));
	mix.spilled += !!(res->flags & RESULT(SPILLED));
}

static void remove_spilled(const struct slot *slot)
{
	unlinkat(mix.spill[slot - mix.slots], "out", 0);
	unlinkat(mix.spill[slot - mix.slots], "err", 0);
}

/* Removes what a run has spilled: a file, or files out and err and nothing else. */
static void end_spill(struct slot *slot, uint32_t flags)
{
	struct stat st;

	if (slot->file >= 0) {
		CHECK_SYS(fstat(slot->file, &st));
		CHECK(st.st_size || !(flags & RESULT(SPILLED)));
		CHECK_SYS(close(slot->file));
	} else if (slot->args.flags & RUN(SPILL)) {
		remove_spilled(slot);
	}
}

static void end_slot(struct slot *slot, const struct spawn_template_result *res)
{
	struct spawn_template_result known;

	if (res) {
		known = *res;
		known.flags &= ~RESULT(WARM);
		check_result(&slot->args, &known);
		count(res);
	}
	end_spill(slot, res ? res->flags : 0);
	slot->used = false;
}

/* ---- by a ring */

static void give_back_held(void)
{
	while (mix.n_held)
		spawn_template_ring_seen(mix.ring, mix.held[--mix.n_held]);
}

/* Takes a completion, if one comes soon. Return: false if not. */
static bool take_one(void)
{
	struct spawn_template_cqe *cqe;
	struct slot *slot;

	if (spawn_template_ring_wait(mix.ring, &cqe, 5)) {
		give_back_held();
		return false;
	}
	check_cqe(cqe);
	slot = &mix.slots[cqe->user_data];
	CHECK(slot->used);
	mix.parts += !!cqe->data;
	if (cqe->kind != SPAWN_TEMPLATE_CQE_END) {
		if (mix.n_held == HELD)
			give_back_held();
		mix.held[mix.n_held++] = cqe;
		return true;
	}
	mix.cancelled += cqe->res == -ECANCELED;
	if (cqe->res == -ECANCELED)
		CHECK(slot->cancelled);
	else if (cqe->res == -ETIMEDOUT)
		CHECK_LT(slot->args.timeout_ns, SECOND);
	else
		CHECK_EQ(cqe->res, 0);
	end_slot(slot, cqe->result);
	spawn_template_ring_seen(mix.ring, cqe);
	mix.in_flight--;
	return true;
}

/* Nobody knows whether the run still lives when these calls come. */
static void disturb(struct slot *slot, uint64_t id)
{
	static char text[800000];

	/* more than there is room for, now and then */
	if (slot->input && ONE_IN(2))
		for (int i = ONE_IN(6) ? 4 : 1; i > 0; i--)
			spawn_template_ring_write(
				mix.ring, id, text,
				1 + draw(i > 1 ? sizeof(text) : 3000));
	if (slot->input)
		CHECK_LE(spawn_template_ring_close_input(mix.ring, id), 0);
	if (slot->args.flags & RUN(PTY) && ONE_IN(2))
		spawn_template_ring_winsize(mix.ring, id,
					    SPAWN_TEMPLATE_WINSIZE(50, 132));
	if (ONE_IN(12)) {
		slot->cancelled = true;
		spawn_template_ring_cancel(mix.ring, id);
	}
}

static void start_in_ring(void)
{
	uint64_t id = 0;
	struct slot *slot;
	int tfd = ONE_IN(3) ? mix.warm : mix.cold;

	while (mix.slots[id].used)
		id++;
	slot = &mix.slots[id];
	draw_run(slot, true);
	/* the ring keeps an entry until its last completion is given back */
	queue_run_args(mix.ring, tfd, &slot->args, id);
	mix.in_flight++;
	if (!ONE_IN(8))
		spawn_template_ring_submit(mix.ring);
	disturb(slot, id);
}

/* ---- without a ring */

static int take_output(void *data, uint32_t kind, const void *buf, size_t len)
{
	CHECK(buf && len);
	CHECK(kind == SPAWN_TEMPLATE_CQE_OUT || kind == SPAWN_TEMPLATE_CQE_ERR);
	mix.parts++;
	return *(int *)data;
}

static void run_blocking(void)
{
	struct spawn_template_result res;
	struct slot *slot = &mix.slots[SLOTS];
	int tfd = ONE_IN(3) ? mix.warm : mix.cold, stop = ONE_IN(3);

	draw_run(slot, false);
	if (slot->args.flags & RUN(STREAM)) {
		slot->args.on_output = (uintptr_t)take_output;
		slot->args.on_output_data = (uintptr_t)&stop;
	}
	CHECK_EQ(spawn_template_run(tfd, &slot->args, sizeof(slot->args), &res,
				    sizeof(res)),
		 0);
	end_slot(slot, &res);
	spawn_template_result_free(&res);
}

/* ---- what is left */

static bool has_mark(const char *pid)
{
	static char text[32768];
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(text, (size_t)n, mix.mark, strlen(mix.mark));
}

/* Counts the living programs of this case: each has the mark in its environment. */
static int count_marked(void)
{
	DIR *dir = opendir("/proc");
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));)
		n += atoi(d->d_name) > 0 && has_mark(d->d_name);
	closedir(dir);
	return n;
}

static int count_cgroups(void)
{
	return mix.cgroup < 0 ? 0 : count_dirs(running_cgroup);
}

/* A ring's end waits 2 s at most: what is killed on a busy machine ends after it. */
#define END_MS 20000

/* Tells what a program that is left was, from its arguments. */
static void tell_marked(void)
{
	DIR *dir = opendir("/proc");

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		char *words;

		if (atoi(d->d_name) <= 0 || !has_mark(d->d_name))
			continue;
		words = test_read(test_fmt("/proc/%s/cmdline", d->d_name));
		test_note("left: %s %s%s", d->d_name, words,
			  cgroup_of((pid_t)atoi(d->d_name)));
	}
	closedir(dir);
}

static void check_nothing_left(void)
{
	uint64_t most = now_ms() + at_most_ms(END_MS);

	/* those that were left on purpose end soon */
	while ((count_marked() || count_cgroups()) && now_ms() < most)
		sleep_ms(10);
	if (count_marked())
		tell_marked();
	CHECK_EQ(count_marked(), 0);
	CHECK_EQ(count_cgroups(), 0);
	CHECK_EQ(count_entries(mix.base), SLOTS + 1);
}

static void check_directories_empty(void)
{
	char path[340];

	/* what an abandoned run spilled before it was killed, after its slot's end */
	for (int i = 0; mix.abandoned && i <= SLOTS; i++)
		remove_spilled(&mix.slots[i]);
	for (int i = 0; i <= SLOTS; i++) {
		snprintf(path, sizeof(path), "%s/%d", mix.base, i);
		CHECK_EQ(count_entries(path), 0);
	}
}

/* ---- parts: each has a ring and templates of its own */

static void open_part(const char *path)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.filename = (uintptr_t)path;
	args.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC;
	mix.cold = CHECK_OK(spawn_template_create(&args, sizeof(args)));
	args.flags |= SPAWN_TEMPLATE_CREATE_WARM_FORK;
	args.warm_target = 2;
	mix.warm = CHECK_OK(spawn_template_create(&args, sizeof(args)));
	mix.ring = ring_new(SLOTS, 2);
	mix.abandoned = false;
}

static void close_part(void)
{
	static struct spawn_template_stat st;

	CHECK_EQ(spawn_template_stat(mix.warm, &st, sizeof(st)), 0);
	mix.warm_runs += st.warm;
	give_back_held();
	spawn_template_ring_exit(mix.ring);
	mix.ring = NULL;
	CHECK_EQ(spawn_template_close(mix.cold), 0);
	CHECK_EQ(spawn_template_close(mix.warm), 0);
	check_nothing_left();
	check_directories_empty();
}

/* Ends a ring with runs in flight now and then. */
static void abandon(void)
{
	give_back_held();
	spawn_template_ring_exit(mix.ring);
	mix.in_flight = 0;
	mix.abandoned = true;
	for (int i = 0; i < SLOTS; i++) {
		if (mix.slots[i].used)
			end_slot(&mix.slots[i], NULL);
	}
	mix.ring = ring_new(SLOTS, 2);
}

static void run_part(const char *path, int first, int n)
{
	open_part(path);
	for (int i = first; i < first + n; i++) {
		test_doing("SEED=%u, run %d", mix.seed, i);
		draw_from(i);
		while (mix.in_flight == SLOTS)
			take_one();
		if (ONE_IN(20))
			run_blocking();
		else
			start_in_ring();
	}
	if (ONE_IN(2))
		abandon();
	while (mix.in_flight)
		take_one();
	close_part();
}

/* ---- the cases */

static void make_directories(uid_t owner)
{
	char path[340];

	snprintf(mix.base, sizeof(mix.base), "%s", test_path("spill"));
	CHECK_SYS(mkdir(mix.base, 0755));
	for (int i = 0; i <= SLOTS; i++) {
		snprintf(path, sizeof(path), "%s/%d", mix.base, i);
		CHECK_SYS(mkdir(path, 0755));
		CHECK_SYS(chown(path, owner, (gid_t)-1));
	}
}

static void open_mix(void)
{
	static const char *const ro[] = { "/", NULL }, *const rw[] = { "/tmp",
								       NULL };
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;
	const struct rlimit none = { 0, 0 };
	const char *seed = getenv("SEED");
	char path[340];

	setrlimit(RLIMIT_CORE, &none);
	stdout_to_null();
	CHECK_SYS(dup2(1, 2));
	mix.seed = seed ? (unsigned int)strtoul(seed, 0, 10)
			: (unsigned int)getpid();
	snprintf(mix.mark, sizeof(mix.mark), "SPAWN_RANDOM=%d", getpid());
	putenv(mix.mark);
	args.flags = SPAWN_TEMPLATE_SANDBOX_NO_NET |
		     SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT;
	args.read_only = (uintptr_t)ro;
	args.writable = (uintptr_t)rw;
	CHECK_EQ(spawn_template_sandbox_new(&args, sizeof(args), &mix.sandbox),
		 0);
	for (int i = 0; i <= SLOTS; i++) {
		snprintf(path, sizeof(path), "%s/%d", mix.base, i);
		mix.spill[i] = CHECK_SYS(
			open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
}

static void tell_mix(int n)
{
	test_note("SEED=%u: of %d runs %d timed out, %d detached, %d were "
		  "cancelled, %d left processes, %d had a cgroup, %d spilled, "
		  "%llu were warm; %d parts of streams",
		  mix.seed, n, mix.timed_out, mix.detached, mix.cancelled,
		  mix.leftovers, mix.cgroups, mix.spilled,
		  (unsigned long long)mix.warm_runs, mix.parts);
}

/*
 * Counts the fds but for those below /proc: each thread that launches from a template
 * with prepared processes keeps a few of these.
 */
static int count_own_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char to[300];
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		ssize_t len = readlinkat(dirfd(dir), d->d_name, to, 299);

		if (len <= 0)
			continue;
		to[len] = 0;
		n += strncmp(to, "/proc/", 6) != 0;
	}
	closedir(dir);
	return n;
}

static struct scene own_scene(void)
{
	struct scene scene = scene_now();

	scene.fds = count_own_fds();
	return scene;
}

/* The fds of processes that waited for launches are closed a moment later. */
static struct scene settled_scene(void)
{
	struct scene scene = own_scene();

	for (int quiet = 0; quiet < 10; quiet++) {
		struct scene now;

		sleep_ms(20);
		now = own_scene();
		if (now.fds != scene.fds || now.threads != scene.threads)
			quiet = 0;
		scene = now;
	}
	return scene;
}

static void check_no_more(const struct scene *before)
{
	uint64_t most = now_ms() + at_most_ms(END_MS);
	struct scene now = settled_scene();

	while ((now.fds > before->fds || now.threads > before->threads) &&
	       now_ms() < most)
		now = settled_scene();
	if (now.fds > before->fds)
		CHECK_FDS(before->fds); /* names them */
	CHECK_LE(now.threads, before->threads);
	CHECK_EQ(now.mask, before->mask);
	CHECK(now.alone || !before->alone);
}

/* The first parts are to warm up: memory is compared with that after them. */
static void run_all(const char *path)
{
	int n = growth_many("RUNS", 200), done = 0;
	int part = n < 4 * PART ? n / 4 : PART;
	struct memory before = { 0 }, now;
	long used_before = 0, used, kept = 0;
	struct scene scene = { 0 };

#ifdef __GLIBC__
	/* else the allocator keeps what a large output once took, and trims no arena */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
#endif
	open_mix();
	while (done < n) {
		run_part(path, done, part);
		if (done)
			check_no_more(&scene);
		else
			scene = settled_scene();
		done += part;
		if (done == 2 * part) {
			used_before = memory_used();
			kept = (long)test_kept_memory();
			before = memory_now();
		}
	}
	used = memory_used();
	now = memory_now();
	tell_mix(n);
	if (TEST_SANITIZED)
		return;
	test_note("mappings %d -> %d, KiB resident %ld -> %ld, bytes in use "
		  "%ld -> %ld",
		  before.mappings, now.mappings, before.rss, now.rss,
		  used_before, used);
	CHECK_LE(now.mappings, before.mappings + 8);
	kept = ((long)test_kept_memory() - kept) / 1024;
	CHECK_LE(now.rss - kept, before.rss + MEMORY_KIB);
	CHECK_LE(used, used_before + MEMORY_CACHED);
}

static void runs_of_any_mixture_leave_nothing(void)
{
	char mount[4096];

	mix.cgroup = -1;
	find_mount("cgroup2", "", mount);
	if (test_is_root() && *mount) {
		const char *controllers;

		mix.cgroup = make_cgroup();
		controllers = test_read(
			test_fmt("%s/cgroup.controllers", running_cgroup));
		mix.has_memory = strstr(controllers, "memory");
		mix.has_pids = strstr(controllers, "pids");
		mix.has_cpu = strstr(controllers, "cpu ");
		mix.has_io = strstr(controllers, "io ");
	}
	make_directories((uid_t)-1);
	run_all(test_tool("tree"));
}

/* As in a rootless container: a user of a namespace, who has no cgroup. */
static void in_namespace(void *path)
{
	const uid_t user = 64150;
	char map[40];

	CHECK_SYS(syscall(SYS_setgroups, 0, NULL));
	CHECK_SYS(syscall(SYS_setresgid, user, user, user));
	CHECK_SYS(syscall(SYS_setresuid, user, user, user));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	CHECK_SYS(unshare(CLONE_NEWUSER));
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", user);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/gid_map", map);
	run_all(path);
}

static void runs_in_a_user_namespace_leave_nothing(void)
{
	char *path;
	pid_t pid;
	int status;

	test_need_root();
	pid = CHECK_SYS(fork());
	if (!pid)
		_exit(unshare(CLONE_NEWUSER) != 0);
	CHECK_SYS(waitpid(pid, &status, 0));
	if (status)
		TEST_SKIP("no user namespaces");
	mix.cgroup = -1;
	make_directories(64150);
	path = test_path("tree");
	test_copy(test_tool("tree"), path, 0755);
	test_in_child(in_namespace, path);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(runs_of_any_mixture_leave_nothing, 7200),
	TEST_CASE_SECONDS(runs_in_a_user_namespace_leave_nothing, 7200),
};
TEST_MAIN(cases)
