/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that waits has done ahead what its program would wait for. */
#include "warming.h"

#include <dirent.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Tells whether each page of the process's own data is its own already. */
static bool owns_its_data(int pid)
{
	FILE *f = fopen(test_fmt("/proc/%d/smaps", pid), "re");
	char line[4096], prot[5], path[4096];
	long size = 0, own = 0, n = 0;
	bool data = false;

	/* a process may end at any time */
	while (f && fgets(line, sizeof(line), f)) {
		int got = sscanf(line, "%*x-%*x %4s %*x %*s %*d %4095s", prot,
				 path);

		if (got >= 1)
			data = got == 2 && !strcmp(prot, "rw-p") &&
			       *path == '/';
		else if (data && sscanf(line, "Size: %ld", &size) == 1)
			n++;
		else if (data &&
			 sscanf(line, "Private_Dirty: %ld", &own) == 1 &&
			 own < size)
			n = -1000;
	}
	if (f)
		fclose(f);
	return n > 0;
}

static bool a_child_owns_its_data(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	bool found = false;

	CHECK(dir);
	while (!found && (e = readdir(dir))) {
		int pid = atoi(e->d_name);
		siginfo_t info;

		/* children only */
		if (pid > 0 &&
		    waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
			found = owns_its_data(pid);
	}
	closedir(dir);
	return found;
}

static void copies_its_data(int tfd)
{
	bool found = false;

	for (int i = 0; i < 1000 && !found; i++) {
		found = a_child_owns_its_data();
		nap();
	}
	CHECK(found);
	CHECK_OK(spawn_template_close(tfd));
}

static void a_waiting_process_has_copied_its_data(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (madvise(page, 4096, MADV_POPULATE_WRITE))
		TEST_SKIP("this kernel has no MADV_POPULATE_WRITE");
	munmap(page, 4096);
	each_mode(copies_its_data);
}

static int64_t us_now(void)
{
	struct timespec now;

	CHECK_SYS(clock_gettime(CLOCK_MONOTONIC, &now));
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/*
 * Looks whether a process is ready a millisecond after a launch.
 * Return: -1 if that was too late to tell, on a machine with other work.
 */
static int is_ready_soon(int tfd)
{
	char *argv[] = { "probe", NULL };
	int64_t begin;
	unsigned int ready;

	await_ready(tfd);
	usleep(5000);
	begin = us_now();
	CHECK_EQ(test_spawn(tfd, argv), 0);
	while (us_now() - begin < 1500)
		;
	ready = stat_of(tfd).warm_ready;
	return us_now() - begin < 2000 ? (int)ready : -1;
}

static void a_program_has_two_ms_before_the_next_process_is_forked(void)
{
	int tfd = ready_probe(FORK), seen = 0;

	for (int i = 0; i < 200 && seen < 3; i++) {
		int ready = is_ready_soon(tfd);

		CHECK_LE(ready, 0);
		seen += ready == 0;
	}
	if (!seen)
		TEST_SKIP("this machine has too much other work");
	await_ready(tfd);
}

static const struct test_case cases[] = {
	TEST_CASE(a_program_has_two_ms_before_the_next_process_is_forked),
	TEST_CASE(a_waiting_process_has_copied_its_data),
};
TEST_MAIN(cases)
