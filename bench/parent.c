/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the calling process the parent that a cell asks for: so much memory
 * touched, so many fds, so large an environment, so many threads. Nothing is
 * given back; the process ends with the cell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "parent.h"

#define GIB (1ULL << 30)
#define PAGE 4096

/* Returns MemAvailable in bytes; 0 if unknown. */
static uint64_t available_memory(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

/*
 * Touches one byte of each page. The pages are small, as in the heap of a
 * runtime: with huge pages a fork would copy far less.
 */
int parent_touch_memory(unsigned int gib, char *why, size_t why_size)
{
	uint64_t size = gib * GIB, available = available_memory();
	char *memory;

	if (!gib)
		return 0;
	if (available < size + GIB / 2) {
		snprintf(why, why_size, "needs %u GiB, %.1f GiB are available",
			 gib, (double)available / (double)GIB);
		return -ENOMEM;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		snprintf(why, why_size, "mmap of %u GiB: %m", gib);
		return -errno;
	}
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (uint64_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
	return 0;
}

static int raise_fd_limit(unsigned int fds, char *why, size_t why_size)
{
	rlim_t need = fds + 64;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = need;
	if (limit.rlim_max < need)
		limit.rlim_max = need; /* only root may */
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	snprintf(why, why_size, "needs %u fds; see ulimit -Hn", fds);
	return -EMFILE;
}

int parent_open_fds(const struct cell *cell, char *why, size_t why_size)
{
	int fd, last = (int)cell->fds - 1;
	int err = raise_fd_limit(cell->fds, why, why_size);

	if (err)
		return err;
	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			snprintf(why, why_size, "open: %m");
			return -errno;
		}
		if (fd > last)
			close(fd);
	} while (fd < last);
	return 0;
}

char **parent_environment(unsigned int variables)
{
	char **envp = calloc(variables + 1, sizeof(*envp));

	for (unsigned int i = 0; envp && i < variables; i++)
		if (asprintf(&envp[i], "VARIABLE_%04u=the value of it", i) < 0)
			return NULL;
	return envp;
}

static void *sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static int start_threads(unsigned int threads, char *why, size_t why_size)
{
	for (unsigned int i = 1; i < threads; i++) {
		pthread_t thread;
		int err = pthread_create(&thread, NULL, sleep_for_ever, NULL);

		if (err) {
			snprintf(why, why_size, "pthread_create: %s",
				 strerror(err));
			return -err;
		}
	}
	return 0;
}

int parent_become(const struct cell *cell, struct parent *parent, char *why,
		  size_t why_size)
{
	struct parent p;
	int err;

	p.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (p.null_fd < 0 || pipe2(p.report, O_CLOEXEC)) {
		snprintf(why, why_size, "open: %m");
		return -errno;
	}
	p.envp = parent_environment(cell->variables);
	if (!p.envp) {
		snprintf(why, why_size, "no memory");
		return -ENOMEM;
	}
	err = parent_touch_memory(cell->gib, why, why_size);
	if (!err)
		err = start_threads(cell->threads, why, why_size);
	if (err)
		return err;
	*parent = p;
	return 0;
}
