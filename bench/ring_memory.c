/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures the memory of a ring and of its runs: see ring_memory.h. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/measure/launchers.h"
#include "parent.h"
#include "ring_memory.h"
#include "ring_work.h"
#include "spawn_template.h"

#define RUNS 1000
#define THREADS_MAX 128
#define WAIT_NS 60000000000ULL

/* Returns Private_Dirty of this whole process, in KiB. */
static double private_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	unsigned long kib = 0;
	char line[256];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %lu", &kib) == 1)
			break;
	fclose(f);
	return (double)kib;
}

/* Returns the stack pointer of a sleeping thread; 0 if unknown. */
static uintptr_t stack_pointer(const char *tid)
{
	char path[64], line[256] = "", *word;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/syscall", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	word = strrchr(line, ' '); /* the last is the program counter */
	if (word)
		*word = 0;
	word = strrchr(line, ' ');
	return word ? strtoull(word, NULL, 16) : 0;
}

/*
 * Collects the stack pointers of all threads but the first; returns how many.
 */
static unsigned int stack_pointers(uintptr_t *pointers)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned int n = 0;
	struct dirent *d;

	while (tasks && (d = readdir(tasks)) && n < THREADS_MAX)
		if (isdigit(d->d_name[0]) && atoi(d->d_name) != getpid())
			pointers[n++] = stack_pointer(d->d_name);
	if (tasks)
		closedir(tasks);
	return n;
}

/* Adds up Private_Dirty of the mappings that hold one of these addresses. */
static double mappings_kib(const uintptr_t *addresses, unsigned int n)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long low, high, kib, sum = 0;
	bool wanted = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &low, &high) == 2) {
			wanted = false;
			for (unsigned int i = 0; i < n; i++)
				if (addresses[i] >= low && addresses[i] < high)
					wanted = true;
		} else if (wanted &&
			   sscanf(line, "Private_Dirty: %lu", &kib) == 1) {
			sum += kib;
		}
	}
	if (f)
		fclose(f);
	return (double)sum;
}

static unsigned int count_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (fds && readdir(fds))
		n++;
	if (fds)
		closedir(fds);
	return n;
}

/* Tells whether pid is a child of ours that already runs the program comm. */
static bool is_launched(const char *pid, const char *comm)
{
	char path[64], name[32], line[512] = "";
	int parent;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return sscanf(line, "%*d (%31[^)]) %*c %d", name, &parent) == 2 &&
	       parent == getpid() && !strcmp(name, comm);
}

static unsigned int count_launched(const char *comm)
{
	DIR *proc = opendir("/proc");
	unsigned int n = 0;
	struct dirent *d;

	while (proc && (d = readdir(proc)))
		if (isdigit(d->d_name[0]) && is_launched(d->d_name, comm))
			n++;
	if (proc)
		closedir(proc);
	return n;
}

static int await_launched(const char *comm, unsigned int runs)
{
	uint64_t start = now_ns();

	while (count_launched(comm) < runs) {
		if (now_ns() - start > WAIT_NS)
			return -ETIME;
		usleep(50000);
	}
	usleep(300000); /* lets the ring finish its work after a launch */
	return 0;
}

/* A program to launch. It is made before anything is measured. */
struct tool {
	char *path;
	int tfd;
};

static struct tools {
	struct tool quick, slow;
	char **envp;
} tools;

static int make_tool(const char *name, struct tool *tool)
{
	tool->path = find_program(name);
	if (!tool->path)
		return -ENOENT;
	tool->tfd =
		spawn_template_open(tool->path, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	return tool->tfd < 0 ? tool->tfd : 0;
}

static int make_tools(void)
{
	int err = make_tool("true", &tools.quick);

	if (!err)
		err = make_tool("cat", &tools.slow);
	tools.envp = parent_environment(20);
	return err || tools.envp ? err : -ENOMEM;
}

/* @stdin_fd: the program's stdin; -1: /dev/null, the default. */
static int queue_runs(struct spawn_template_ring *ring, const struct tool *tool,
		      int stdin_fd, unsigned int runs)
{
	struct spawn_template_action action = {
		.type = SPAWN_TEMPLATE_ACTION_DUP2, .fd = stdin_fd
	};
	char *argv[] = { tool->path, NULL };
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	int err = 0;

	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)tools.envp;
	args.spawn.actions = stdin_fd < 0 ? 0 : (uintptr_t)&action;
	args.spawn.actions_len = stdin_fd < 0 ? 0 : 1;
	for (unsigned int i = 0; i < runs && !err; i++)
		err = spawn_template_ring_run(ring, tool->tfd, &args,
					      sizeof(args), i);
	if (!err)
		err = spawn_template_ring_submit(ring);
	return err < 0 ? err : 0;
}

static int take_runs(struct spawn_template_ring *ring, unsigned int runs)
{
	struct spawn_template_cqe *cqe;
	int err = 0;

	while (runs-- && !err) {
		err = spawn_template_ring_wait(ring, &cqe, -1);
		if (err)
			break;
		err = cqe->res;
		spawn_template_ring_seen(ring, cqe);
	}
	return err;
}

/* Measures runs of cat, which end when nobody can write to their stdin. */
static int measure_runs(struct spawn_template_ring *ring, struct ring_memory *m)
{
	double empty = private_kib();
	unsigned int fds;
	int held[2], err, end;

	if (pipe2(held, O_CLOEXEC))
		return -errno;
	fds = count_fds();
	err = queue_runs(ring, &tools.slow, held[0], m->runs);
	if (!err)
		err = await_launched("cat", m->runs);
	if (!err) {
		m->run_kib = (private_kib() - empty) / m->runs;
		m->run_fds = (double)(count_fds() - fds) / m->runs;
	}
	close(held[1]);
	end = err ? 0 : take_runs(ring, m->runs);
	close(held[0]);
	return err ? err : end;
}

static int measure_ring(struct spawn_template_ring **ring, unsigned int threads,
			struct ring_memory *m)
{
	struct spawn_template_ring_params params =
		SPAWN_TEMPLATE_RING_PARAMS_INIT;
	uintptr_t stacks[THREADS_MAX];
	double before = private_kib();
	int err;

	params.threads = threads;
	err = spawn_template_ring_init(1024, &params, sizeof(params), ring);
	if (!err)
		err = queue_runs(*ring, &tools.quick, -1, 1);
	if (!err)
		err = take_runs(*ring, 1);
	if (err)
		return err;
	m->ring_kib = private_kib() - before;
	m->threads = stack_pointers(stacks);
	m->stacks_kib = mappings_kib(stacks, m->threads);
	return measure_runs(*ring, m);
}

/*
 * Uses everything once that the measurement needs later, so that it does not
 * count as the ring's memory.
 */
static void warm_up(void)
{
	uintptr_t stacks[THREADS_MAX];

	mappings_kib(stacks, stack_pointers(stacks));
	count_launched("");
	count_fds();
	private_kib();
}

int memory_serve(unsigned int threads)
{
	struct ring_memory m = { .runs = RUNS };
	struct spawn_template_ring *ring = NULL;
	struct rlimit limit;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 4 * RUNS + 64)
		m.runs = (unsigned int)(limit.rlim_max - 64) / 4;
	warm_up();
	err = make_tools();
	if (!err)
		err = measure_ring(&ring, threads, &m);
	spawn_template_ring_exit(ring);
	if (err)
		fprintf(stderr, "ring: memory: %s\n", strerror(-err));
	else
		printf("%u %u %f %f %f %f\n", m.runs, m.threads, m.ring_kib,
		       m.stacks_kib, m.run_kib, m.run_fds);
	return err != 0;
}

int memory_measure(const char *self, unsigned int threads,
		   struct ring_memory *ret)
{
	struct ring_memory m = { 0 };
	char command[4200];
	int fields = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "exec '%s' --serve memory --threads %u", self, threads);
	f = popen(command, "re");
	if (!f)
		return -errno;
	fields = fscanf(f, "%u %u %lf %lf %lf %lf", &m.runs, &m.threads,
			&m.ring_kib, &m.stacks_kib, &m.run_kib, &m.run_fds);
	if (pclose(f) || fields != 6)
		return -EIO;
	*ret = m;
	return 0;
}
