/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The archive of locales is replaced while processes are prepared. A program opens it
 * after it has taken a launch, and stays warm. A runtime has opened it before, and the
 * launch is cold. In no case does a program have parts of two archives.
 */
#include "seen.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>

#define PLACE "/usr/lib/locale"
#define ARCHIVE PLACE "/locale-archive"
#define NONE 0
#define LOCALEDEF "/usr/bin/localedef"

/* Not LC_ALL: a bash that cannot set this one says so, and is not prepared. */
static char *locale[] = { "LANG=xx_XX.utf8", "PYTHONDONTWRITEBYTECODE=1",
			  NULL };
static const struct place here = { locale, NULL, NULL };

/* A Monday in January, in the words of the locale. */
static char *const by_date[] = { "date", "-u", "-d@1704067200", "+%A,%B",
				 NULL };
static char *const by_bash[] = { "bash", "-c",
				 "TZ=UTC; printf '%(%A,%B)T\\n' 1704067200",
				 NULL };
static char *const by_python[] = {
	"/usr/bin/python3", "-c",
	("import locale as l\n"
	 "try: l.setlocale(l.LC_TIME, '')\n"
	 "except l.Error: pass\n"
	 "print(l.nl_langinfo(l.DAY_2), l.nl_langinfo(l.MON_1), sep=',')"),
	NULL
};

/* Lines that these print with an archive; an error to set a locale leaves the C locale. */
static const char *words(char version)
{
	return version == NONE
		       ? "Monday,January\n"
		       : test_fmt("%conday,%canuary\n", version, version);
}

/* ---- the archives */

/* Makes an archive with one locale, whose words begin with the version. */
static void make_archive(char version)
{
	char *in = test_path("%c", version);
	char *line = test_fmt(
		"mkdir -p '%s" PLACE "' && "
		"cp -r " PLACE "/C.utf8 '%s/xx_XX.utf8' && "
		"LC_ALL=C sed -i 's/Monday/%conday/; s/January/%canuary/' "
		"'%s/xx_XX.utf8/LC_TIME' && " LOCALEDEF
		" --prefix='%s' --add-to-archive '%s/xx_XX.utf8' "
		">/dev/null",
		in, in, version, version, in, in, in);

	CHECK_EQ(system(line), 0);
}

/* Has an archive of this version from now on, or none. */
static void install(char version)
{
	if (version == NONE) {
		CHECK_SYS(unlink(ARCHIVE));
		return;
	}
	test_copy(test_path("%c" ARCHIVE, version), PLACE "/new", 0644);
	CHECK_SYS(rename(PLACE "/new", ARCHIVE));
}

/* Gives this process a directory of locales of its own, without an archive. */
static void begin(void)
{
	test_need_root();
	test_need_program(LOCALEDEF);
	if (access(PLACE "/C.utf8/LC_TIME", R_OK))
		TEST_SKIP("there is no locale C.utf8 to make others of");
	make_archive('A');
	make_archive('B');
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mkdir(test_path("locales"), 0755));
	CHECK_SYS(mount(test_path("locales"), PLACE, NULL, MS_BIND, NULL));
}

static void prints(int tfd, char *const argv[], char version)
{
	CHECK_STR(see_in(tfd, (char **)argv, &here, 60).out, words(version));
}

/* ---- programs */

static int date_of(uint64_t flags)
{
	int tfd = open_warm("/bin/date", flags);

	for (int i = 0; i < 2; i++)
		see_in(tfd, (char **)by_date, &here, 60);
	return tfd;
}

static void has_the_locale_of_its_launch(uint64_t flags)
{
	static const char versions[] = { 'A', 'B', 'A', NONE, 'B' };
	int tfd = date_of(flags);

	for (size_t i = 0; i < sizeof(versions); i++) {
		await_ready(tfd);
		install(versions[i]);
		CHECK_WARM(tfd, prints(tfd, by_date, versions[i]));
	}
	install(NONE);
	CHECK_OK(spawn_template_close(tfd));
}

static void a_program_has_the_locale_of_its_launch(void)
{
	begin();
	has_the_locale_of_its_launch(ONCE);
	has_the_locale_of_its_launch(FORK);
}

static void *replace_often(void *over)
{
	for (int i = 0; !atomic_load((atomic_int *)over); i++) {
		install(i % 2 ? 'A' : 'B');
		usleep(500);
	}
	return NULL;
}

static void a_program_never_has_a_mix_of_two_locales(void)
{
	atomic_int over = 0;
	pthread_t thread;
	int tfd;

	begin();
	install('A');
	tfd = date_of(FORK);
	CHECK_EQ(pthread_create(&thread, NULL, replace_often, &over), 0);
	for (int i = 0; i < 100; i++) {
		const char *out = see_in(tfd, (char **)by_date, &here, 60).out;

		if (strcmp(out, words('A')) != 0)
			CHECK_STR(out, words('B'));
	}
	atomic_store(&over, 1);
	pthread_join(thread, NULL);
	CHECK_GT(stat_of(tfd).warm, 0);
}

/* ---- runtimes */

static int runtime_of(const char *path, const char *preload)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = RUNTIME;
	args.filename = (uintptr_t)path;
	args.warm_preload = (uintptr_t)preload;
	return CHECK_OK(spawn_template_create(&args, sizeof(args)));
}

static void prints_warm(int tfd, char *const argv[], char version)
{
	for (int i = 0; i < 3 && !stat_of(tfd).warm_ready; i++)
		prints(tfd, argv, version);
	if (!becomes_ready(tfd, 10000))
		TEST_SKIP("no runtime can be prepared here");
	CHECK_WARM(tfd, prints(tfd, argv, version));
}

/* One archive takes the place of another, then of none, and then there is none. */
static void is_prepared_anew(int tfd, char *const argv[])
{
	static const char versions[] = { 'A', 'B', NONE, 'A' };

	install(versions[0]);
	for (size_t i = 0; i < sizeof(versions); i++) {
		prints_warm(tfd, argv, versions[i]);
		if (i + 1 == sizeof(versions))
			break;
		await_ready(tfd);
		install(versions[i + 1]);
		CHECK_COLD(tfd, FILES, prints(tfd, argv, versions[i + 1]));
	}
}

static void a_session_shell_is_prepared_anew_for_another_archive(void)
{
	test_need_program("/bin/bash");
	begin();
	test_write(test_path("profile"), "f() { :; }\n", 0644);
	is_prepared_anew(runtime_of("/bin/bash", test_path("profile")),
			 by_bash);
}

static void a_python_is_prepared_anew_for_another_archive(void)
{
	test_need_program("/usr/bin/python3");
	begin();
	is_prepared_anew(runtime_of("/usr/bin/python3", NULL), by_python);
}

static const struct test_case cases[] = {
	TEST_CASE(a_program_has_the_locale_of_its_launch),
	TEST_CASE(a_program_never_has_a_mix_of_two_locales),
	TEST_CASE(a_session_shell_is_prepared_anew_for_another_archive),
	TEST_CASE(a_python_is_prepared_anew_for_another_archive),
};
TEST_MAIN(cases)
