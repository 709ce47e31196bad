/* SPDX-License-Identifier: BSD-2-Clause */
/* A cache whose templates have prepared runtimes: Pythons, and other programs. */
#include "seen.h"

#define SECOND_NS 1000000000ULL

static struct spawn_template_cache *
cache_of(uint64_t flags, const char *modules, uint64_t hold_ns)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache;

	params.create_flags = flags;
	params.warm_preload = (uintptr_t)modules;
	params.hold_ns = hold_ns;
	CHECK_OK(spawn_template_cache_new(&params, sizeof(params), &cache));
	return cache;
}

static int get(struct spawn_template_cache *cache, const char *name)
{
	return CHECK_OK(spawn_template_cache_get(cache, name, NULL));
}

static char *python_path(void)
{
	char *path = (char *)"/usr/bin/python3";

	if (access(path, X_OK))
		TEST_SKIP("there is no %s", path);
	return path;
}

/* Launches it a few times, and then from a process that waits. */
static struct seen see_warm(int tfd, char **argv)
{
	struct place place = { .env = NULL };
	struct seen seen;

	for (int i = 0; i < 3; i++)
		see_in(tfd, argv, &place, 60);
	if (!becomes_ready(tfd, 20000))
		TEST_SKIP("nothing can be prepared here");
	seen = see_in(tfd, argv, &place, 60);
	CHECK_GT(stat_of(tfd).warm, 0);
	return seen;
}

#define SHOW "import sys; print('json' in sys.modules, '_json' in sys.modules)"

static void a_python_of_a_cache_has_its_modules(void)
{
	char *argv[] = { python_path(), "-c", SHOW, NULL };
	struct spawn_template_cache *cache =
		cache_of(RUNTIME, "json", 60 * SECOND_NS);
	int tfd = get(cache, argv[0]);

	CHECK_EQ(stat_of(tfd).flags & SPAWN_TEMPLATE_CREATE_WARM_FORK, 0);
	CHECK_STR(see_warm(tfd, argv).out, "True True\n");
	CHECK_OK(spawn_template_cache_drop(cache, tfd));
	spawn_template_cache_free(cache);
}

static void a_cache_has_the_modules_again_for_a_known_file(void)
{
	char *argv[] = { python_path(), "-c", SHOW, NULL };
	struct spawn_template_cache *cache = cache_of(RUNTIME, "json", 0);
	struct spawn_template_cache_stat st;

	/* each drop closes the template, and what is known of the file stays */
	for (int i = 0; i < 2; i++) {
		int tfd = get(cache, argv[0]);

		CHECK_STR(see_warm(tfd, argv).out, "True True\n");
		CHECK_OK(spawn_template_cache_drop(cache, tfd));
	}
	CHECK_OK(spawn_template_cache_stat(cache, &st, sizeof(st)));
	CHECK_EQ(st.made, 1);
	CHECK_EQ(st.revived, 1);
	spawn_template_cache_free(cache);
}

static void other_programs_are_prepared_by_the_other_flag(void)
{
	char *argv[] = { (char *)test_tool("probe"), NULL };
	struct spawn_template_cache *cache =
		cache_of(RUNTIME | FORK, "json", 60 * SECOND_NS);
	int tfd = get(cache, argv[0]);

	CHECK_EQ(stat_of(tfd).flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME, 0);
	see_warm(tfd, argv);
	CHECK_OK(spawn_template_cache_drop(cache, tfd));
	spawn_template_cache_free(cache);
}

static void other_programs_without_a_flag_are_not_prepared(void)
{
	struct spawn_template_cache *cache =
		cache_of(RUNTIME, NULL, 60 * SECOND_NS);
	int tfd = get(cache, test_tool("tiny"));

	for (int i = 0; i < 4; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK(!becomes_ready(tfd, 100));
	CHECK_EQ(stat_of(tfd).warm, 0);
	CHECK_OK(spawn_template_cache_drop(cache, tfd));
	spawn_template_cache_free(cache);
}

static const struct test_case cases[] = {
	TEST_CASE(a_python_of_a_cache_has_its_modules),
	TEST_CASE(a_cache_has_the_modules_again_for_a_known_file),
	TEST_CASE(other_programs_are_prepared_by_the_other_flag),
	TEST_CASE(other_programs_without_a_flag_are_not_prepared),
};
TEST_MAIN(cases)
