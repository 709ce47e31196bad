/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of growth: the number of launches, and the memory that must
 * not grow with it.
 */
#ifndef TESTS_GROWTH_H
#define TESTS_GROWTH_H

#include "harness.h"

#include <malloc.h>

/* The number in this variable of the environment, or else `otherwise`. */
static inline int growth_many(const char *variable, int otherwise)
{
	const char *s = getenv(variable);
	int n = s ? atoi(s) : 0;

	return n > 0 ? n : otherwise;
}

static inline void growth_progress(int done, int all)
{
	if (isatty(2) && (done % 1000 == 0 || done == all))
		fprintf(stderr, "\r%d of %d%s", done, all,
			done == all ? "\n" : "");
}

struct memory {
	int mappings;
	long rss, virt; /* KiB */
};

/* A thread's cache of free blocks counts as in use; it grows to this many bytes. */
#define MEMORY_CACHED (256 << 10)

/*
 * Gives free memory back to the kernel, so that what stays resident is in use. Return:
 * the bytes in use, without the harness's strings; 0 if the C library does not tell.
 */
static inline long memory_used(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
	struct mallinfo2 info;

	malloc_trim(0);
	info = mallinfo2();
	return (long)(info.uordblks + info.hblkhd - test_kept_memory());
#else
	return 0;
#endif
}

/* A value in KiB of /proc/self/status. */
static inline long memory_kib(const char *status, const char *key)
{
	const char *p = strstr(status, key);

	CHECK(p);
	return atol(p + strlen(key));
}

static inline struct memory memory_now(void)
{
	const char *status = test_read("/proc/self/status");

	return (struct memory){
		.mappings = test_count_mappings(),
		/* allocated memory, without RssFile: the kernel maps and
		 * reclaims the program's own pages in steps of its own */
		.rss = memory_kib(status, "RssAnon:") +
		       memory_kib(status, "RssShmem:"),
		.virt = memory_kib(status, "VmSize:"),
	};
}

/* Fails if memory has grown by more; sanitizers have memory of their own. */
static inline void memory_check(const struct memory *before,
				const struct memory *now, int mappings,
				long rss_kib)
{
	if (TEST_SANITIZED)
		return;
	test_note("mappings %d -> %d, KiB resident %ld -> %ld, mapped %ld -> "
		  "%ld",
		  before->mappings, now->mappings, before->rss, now->rss,
		  before->virt, now->virt);
	CHECK_LE(now->mappings, before->mappings + mappings);
	CHECK_LE(now->rss, before->rss + rss_kib);
	CHECK_LE(now->virt, before->virt + 1024);
}

#endif /* TESTS_GROWTH_H */
