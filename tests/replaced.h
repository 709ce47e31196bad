/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that is replaced while it is launched, at the worst moment: the child is
 * there and has done nothing yet. Its check must notice, and a template that
 * refreshes itself launches the new file.
 */
#ifndef TESTS_REPLACED_H
#define TESTS_REPLACED_H

#include "inject.h"

struct replaced {
	const char *name;
	uint64_t flags; /* flags for create */
	bool by_path;

	struct inject inject;
	/* armed for one launch of "tiny". Return: its exit code, or -errno */
	int (*launch)(struct inject *in, int tfd);
	int ret;
};

static inline void replaced_hook(void *path)
{
	char *next = test_fmt("%s.next", (char *)path);

	test_copy(test_tool("tiny-7"), next, 0755);
	CHECK_SYS(rename(next, path));
}

static inline void *replaced_thread(void *arg)
{
	struct replaced *r = arg;
	const char *path = r->inject.arg;
	int tfd;

	if (r->by_path) {
		path = test_fmt("%s.link", path);
		CHECK_SYS(symlink(r->inject.arg, path));
	}
	tfd = CHECK_OK(spawn_template_open(path, r->flags));
	inject_here(&r->inject);
	r->ret = r->launch(&r->inject, tfd);
	return NULL;
}

static inline void replaced_child(void *arg)
{
	struct replaced *r = arg;
	pthread_t thread;

	r->inject.who = INJECT_CHILD;
	r->inject.err = INJECT_HOOK;
	r->inject.hook = replaced_hook;
	r->inject.arg = test_path("%s", r->name);
	test_copy(test_tool("tiny"), r->inject.arg, 0755);
	inject_start(&r->inject);
	CHECK_EQ(pthread_create(&thread, NULL, replaced_thread, r), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	inject_finish(&r->inject);
	CHECK_GE(atomic_load(&r->inject.hit), 0);
	if (r->flags & SPAWN_TEMPLATE_CREATE_AUTO_REFRESH)
		CHECK_EQ(r->ret, 7);
	else
		CHECK_EQ(r->ret, -ESTALE);
}

/* Replaces the file under each way of launching a template. */
static inline void replaced_each_way(struct inject inject,
				     int (*launch)(struct inject *in, int tfd))
{
	struct replaced all[] = {
		{ .name = "by fd" },
		{ .name = "by path", .by_path = true },
		{ .name = "by fd, refreshed",
		  .flags = SPAWN_TEMPLATE_CREATE_AUTO_REFRESH },
		{ .name = "by path, refreshed",
		  .by_path = true,
		  .flags = SPAWN_TEMPLATE_CREATE_AUTO_REFRESH },
	};

	test_tmpdir();
	for (size_t i = 0; i < TEST_COUNT(all); i++) {
		test_doing("%s", all[i].name);
		all[i].inject = inject;
		all[i].launch = launch;
		test_in_child(replaced_child, &all[i]);
	}
}

#endif /* TESTS_REPLACED_H */
