/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the epoch in a page that the kernel wipes in a forked child
 * (MADV_WIPEONFORK, Linux 4.14). So all inherited state is foreign to the
 * child, without a call and without a handler. If a sandbox refuses that
 * advice, the process id is compared instead.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "epoch.h"

struct fork_page {
	_Atomic uint64_t epoch;		/* serial << 32 | pid; 0: none begun */
	bool by_pid;			/* not wiped: compare the pid */
};

static _Atomic(struct fork_page *) fork_page;
static _Atomic uint64_t last_serial;

static struct fork_page *make_fork_page(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct fork_page *expected = NULL, *page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	page->by_pid = madvise(page, size, MADV_WIPEONFORK) < 0;
	if (atomic_compare_exchange_strong(&fork_page, &expected, page))
		return page;
	munmap(page, size);
	return expected;
}

/* The epoch of this process; 0 if it has made no template yet. */
uint64_t st_epoch_current(void)
{
	struct fork_page *page = atomic_load(&fork_page);
	uint64_t epoch;

	if (!page)
		return 0;
	epoch = atomic_load(&page->epoch);
	if (page->by_pid && (uint32_t)epoch != (uint32_t)getpid())
		return 0;
	return epoch;
}

/* Returns the epoch, and begins one if there is none. Return: 0 or -ENOMEM. */
int st_epoch_begin(uint64_t *epoch)
{
	struct fork_page *page = atomic_load(&fork_page);

	if (!page)
		page = make_fork_page();
	if (!page)
		return -ENOMEM;
	while (!(*epoch = st_epoch_current())) {
		uint64_t old = atomic_load(&page->epoch);
		uint64_t new = (atomic_fetch_add(&last_serial, 1) + 1) << 32 |
			       (uint32_t)getpid();

		atomic_compare_exchange_strong(&page->epoch, &old, new);
	}
	return 0;
}
