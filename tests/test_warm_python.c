/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Pythons: a launch in a fork of an initialised interpreter does the
 * same as a python3 that starts. PYTHON names another one than the system's.
 */
#include "seen.h"

#include <limits.h>

/* One launch, for both ways. */
struct line {
	char *argv[12]; /* behind argv[0] */
	char **env; /* NULL: this process's */
	const char *input, *directory;
};

static char *python_path(void)
{
	const char *path = getenv("PYTHON");

	return (char *)(path ? path : "/usr/bin/python3");
}

static int create(const char *path, const char *modules)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = RUNTIME;
	args.filename = (uintptr_t)path;
	args.warm_preload = (uintptr_t)modules;
	return spawn_template_create(&args, sizeof(args));
}

static int python_of(const char *modules)
{
	if (access(python_path(), X_OK))
		TEST_SKIP("there is no %s", python_path());
	return CHECK_OK(create(python_path(), modules));
}

static struct seen see(int tfd, const struct line *line)
{
	char *argv[14] = { python_path() };
	struct place place = { line->env, line->input, line->directory };

	memcpy(argv + 1, line->argv, sizeof(line->argv));
	return see_in(tfd, argv, &place, 60);
}

static struct seen see_cold(const struct line *line)
{
	static int tfd = -1;

	if (tfd < 0)
		tfd = CHECK_OK(spawn_template_open(
			python_path(), SPAWN_TEMPLATE_CREATE_CLOEXEC));
	return see(tfd, line);
}

/* Launches it twice in a row, which has a Python prepared for its start. */
static void make_ready(int tfd, const struct line *line)
{
	for (int i = 0; i < 3; i++)
		see(tfd, line);
	if (becomes_ready(tfd, 20000))
		return;
	TEST_SKIP("no Python can be prepared here");
}

static struct seen see_warm(int tfd, const struct line *line)
{
	uint64_t before = stat_of(tfd).warm;
	struct seen seen;

	CHECK(becomes_ready(tfd, 20000));
	seen = see(tfd, line);
	CHECK_EQ(stat_of(tfd).warm, before + 1);
	return seen;
}

static void check_warm_as_cold(int tfd, const struct line *line)
{
	struct seen cold = see_cold(line), warm = see_warm(tfd, line);

	test_doing("%s %s %s", line->argv[0] ? line->argv[0] : "",
		   line->argv[0] && line->argv[1] ? line->argv[1] : "",
		   line->input ? line->input : "");
	check_same(&warm, &cold);
}

#define C(...)                                                       \
	{                                                            \
		.argv = { "-c", __VA_ARGS__ }, .input = "one\ntwo\n" \
	}

static const struct line nothing = C("pass");

/* ---- equal to a Python that starts */

static const struct line lines[] = {
	C("pass"),
	C("import sys; print(sys.argv, sys.orig_argv, sys.path[0])", "a",
	  "b c"),
	C("import sys; sys.exit(3)"),
	C("import sys; sys.exit('a message')"),
	C("import os; os._exit(4)"),
	C("import os; os.kill(os.getpid(), 15)"),
	C("import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
	C("raise KeyboardInterrupt"),
	C("1 / 0"),
	C("syntax error"),
	C("def f(): f()\nf.x"),
	C("print(input()); print(input()); print(input())"),
	C("import sys; print(repr(sys.stdin.read()))"),
	C("import sys; sys.stderr.write('err'); print('out')"),
	C("import sys; print(open(0).read())"),
	C("print(__name__, __spec__, globals().get('__file__'))"),
	C("import atexit; atexit.register(print, 'at exit'); print('first')"),
	C("import threading, time\n"
	  "threading.Thread(target=lambda: (time.sleep(.05), print('t'))).start()"),
	C("import subprocess; print(subprocess.run(['echo', 'x'], "
	  "capture_output=True))"),
	C("import os, sys\nif os.fork() == 0: print('child'); sys.exit()\n"
	  "os.wait(); print('parent')"),
	C("import multiprocessing as m\n"
	  "p = m.get_context('fork').Process(target=print, args=(1,))\n"
	  "p.start(); p.join(); print(p.exitcode)"),
	C("import asyncio\nasync def f(): await asyncio.sleep(.01); return 5\n"
	  "print(asyncio.run(f()))"),
	C("import warnings; warnings.warn('careful')"),
	C("import logging; logging.warning('careful')"),
	C("import signal; print([signal.getsignal(n) for n in (1, 2, 13, 25)])"),
	C("import os; print(os.getcwd(), sorted(os.environ)[:5])"),
	C("import os; os.environ['NEW'] = 'x'; os.system('echo $NEW')"),
	C("import os; os.execvp('echo', ['echo', 'replaced'])"),
	C("class A:\n def __del__(self): print('gone')\na = A(); a.a = a"),
	C("import sys; sys.stdout.buffer.write(b'\\xff\\n'); print('\\xe9')"),
	C("import sys; sys.stdout.close()"),
	C("import faulthandler, os; faulthandler.enable(); print('enabled')"),
	C("print(hash((1, 2)), hash(3.5)); x: int = 1; print(__annotations__)"),
	C("import pdb, unittest, doctest, json; print(json.dumps({'a': [1]}))"),
	{ .argv = { "-m", "this" } },
	{ .argv = { "-m", "json.tool" }, .input = "{\"a\": 1}" },
	{ .argv = { "-m", "no_such_module" } },
	{ .argv = { "/no/such/file.py" } },
	{ .argv = { "/" } },
	{ .argv = { "-", "arg" }, .input = "import sys\nprint(sys.argv)\n1/0" },
	{ .argv = { NULL }, .input = "print('from stdin', __name__)" },
	{ .argv = { NULL }, .input = "import sys; print(sys.stdin.read())\nx" },
};

static void command_lines_do_the_same_as_in_a_python_that_starts(void)
{
	int tfd = python_of(NULL);

	make_ready(tfd, &nothing);
	for (size_t i = 0; i < TEST_COUNT(lines); i++)
		check_warm_as_cold(tfd, &lines[i]);
}

static char *report(void)
{
	static char path[PATH_MAX];

	CHECK(realpath("tests/warm_python_report.py", path));
	return path;
}

/* Each row: options. */
static char *const options[][4] = {
	{ NULL },
	{ "-I", "-u" },
	{ "-OO", "-Es" },
	{ "-W", "error", "-Xutf8" },
};

static void a_report_is_the_same_with_any_options(void)
{
	for (size_t i = 0; i < TEST_COUNT(options); i++) {
		struct line line = { .argv = { NULL } };
		int tfd = python_of(NULL), n = 0;

		for (; options[i][n]; n++)
			line.argv[n] = options[i][n];
		line.argv[n] = report();
		line.argv[n + 1] = (char *)"argument";
		make_ready(tfd, &line);
		check_warm_as_cold(tfd, &line);
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

/* The environments: without a locale Python sets LC_CTYPE itself. */
static void a_report_is_the_same_in_any_environment(void)
{
	static char *bare[] = { "A=1", "PATH=/usr/bin:/bin", NULL };
	static char *some[] = { "LC_ALL=C.UTF-8",
				"PYTHONUNBUFFERED=1",
				"PYTHONHASHSEED=7",
				"HOME=/",
				"EMPTY=",
				"PYTHONWARNINGS=default",
				"TZ=UTC+3",
				"PYTHON_VERSION=3.11.2",
				NULL };
	char **const environments[] = { bare, some };

	for (size_t i = 0; i < TEST_COUNT(environments); i++) {
		struct line line = { .argv = { report() },
				     .env = environments[i],
				     .directory = test_tmpdir() };
		int tfd = python_of(NULL);

		make_ready(tfd, &line);
		check_warm_as_cold(tfd, &line);
		line.argv[0] = "-c";
		line.argv[1] = "import os; os.system('env'); print(hash('x'), "
			       "os.environ.get('LC_CTYPE'))";
		if (i == 1)
			check_warm_as_cold(tfd, &line);
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

static void forks_have_ids_and_random_numbers_of_their_own(void)
{
	static const struct line line =
		C("import os, random, secrets\n"
		  "print(os.getpid(), random.random(), secrets.token_hex(8))");
	int tfd = python_of("random,secrets");
	struct seen a, b;

	make_ready(tfd, &line);
	a = see_warm(tfd, &line);
	b = see_warm(tfd, &line);
	CHECK_EQ(a.code + b.code, 0);
	CHECK(strcmp(a.out, b.out) != 0);
	CHECK(strcmp(strchr(a.out, ' '), strchr(b.out, ' ')) != 0);
	CHECK(strcmp(strrchr(a.out, ' '), strrchr(b.out, ' ')) != 0);
}

/* ---- modules ahead */

static void modules_are_imported_ahead(void)
{
	static const struct line line =
		C("import sys; print('json' in sys.modules)");
	static const struct line use =
		C("import json, re, subprocess\n"
		  "print(json.loads('[1]'), re.findall('.', 'ab'), "
		  "subprocess.check_output('pwd'))");
	int tfd = python_of("json,re,subprocess");

	make_ready(tfd, &line);
	CHECK_STR(see_cold(&line).out, "False\n");
	CHECK_STR(see_warm(tfd, &line).out, "True\n");
	check_warm_as_cold(tfd, &use);
}

/* Checks a line in a Python that has imported this module ahead. */
static void check_with_module(const char *text, const struct line *line)
{
	char *env[] = { test_fmt("PYTHONPATH=%s", test_tmpdir()), NULL };
	struct line own = *line;
	int tfd = python_of("own_module");

	test_write(test_path("own_module.py"), text, 0644);
	own.env = env;
	own.directory = "/";
	make_ready(tfd, &own);
	check_warm_as_cold(tfd, &own);
	CHECK_EQ(spawn_template_close(tfd), 0);
}

static void modules_are_there_when_one_ahead_says_good_bye(void)
{
	static const struct line line = C("import own_module");

	check_with_module("import atexit, json\n"
			  "json.mark = 'marked'\n"
			  "def last():\n"
			  "    import json\n"
			  "    print(getattr(json, 'mark', None))\n"
			  "atexit.register(last)\n",
			  &line);
}

static void a_module_ahead_may_keep_a_stream(void)
{
	static const struct line line = C(
		"import own_module, sys\n"
		"own_module.say('1\\n'); print(2); own_module.say('3\\n')\n"
		"print(own_module.say.__defaults__ == (sys.stdout, sys.stderr))");

	check_with_module("import sys\n"
			  "def say(text, out=sys.stdout, err=sys.stderr):\n"
			  "    out.write(text)\n"
			  "    err.write('no end of the line')\n",
			  &line);
}

static void modules_ahead_may_be_many(void)
{
	static const struct line line = C("import own_module");

	for (int i = 0; i < 400; i++)
		test_write(test_path("one_of_many_modules_%d.py", i), "", 0644);
	check_with_module("for i in range(400):\n"
			  "    __import__('one_of_many_modules_%d' % i)\n",
			  &line);
}

/* Libraries of wheels have many mappings, below long paths. */
static void modules_ahead_may_have_many_mappings(void)
{
	static const struct line line = C("import own_module");

	check_with_module(
		"import ctypes\n"
		"libc = ctypes.CDLL(None)\n"
		"libc.mmap.restype = ctypes.c_void_p\n"
		"libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + "
		"[ctypes.c_int] * 3 + [ctypes.c_long]\n"
		"with open(__file__) as f:\n"
		"    for n in range(1000):\n"
		"        libc.mmap(None, 4096, 1, 2, f.fileno(), 0)\n",
		&line);
}

/* As OpenBLAS does; forks have no thread until they start one. */
static void a_module_ahead_may_end_its_thread_before_forks(void)
{
	static const struct line line =
		C("import own_module; print('imported')");

	check_with_module(
		"import os, queue, threading\n"
		"work = queue.Queue()\n"
		"thread = threading.Thread(target=work.get, daemon=True)\n"
		"thread.start()\n"
		"def end():\n"
		"    global thread\n"
		"    if thread: work.put(0); thread.join()\n"
		"    thread = None\n"
		"os.register_at_fork(before=end)\n",
		&line);
}

/* A module beside the script comes first, as in a Python that starts. */
static void a_module_beside_the_script_hides_one_imported_ahead(void)
{
	static const struct line line = C("pass");
	struct line script = { .argv = { test_path("script.py") } };
	struct line there = C("import json; print(json.value)");
	int tfd = python_of("json");

	test_write(test_path("json.py"), "value = 'mine'\n", 0644);
	test_write(test_path("script.py"), "import json; print(json.value)\n",
		   0644);
	make_ready(tfd, &line);
	check_warm_as_cold(tfd, &script);
	there.directory = test_tmpdir();
	check_warm_as_cold(tfd, &there);
	CHECK_STR(see(tfd, &there).out, "mine\n");
}

/* A directory or an archive that is run comes first even with -I. */
static void a_module_in_what_is_run_hides_one_imported_ahead(void)
{
	struct line pack = C("import zipfile\n"
			     "with zipfile.ZipFile('app.pyz', 'w') as z:\n"
			     "    for n in '__main__.py', 'json.py':\n"
			     "        z.write('app/' + n, n)\n");
	struct line line = { .argv = { "-I", "-c", "pass" } };
	char *const run[] = { test_path("app"), test_path("app.pyz") };
	int tfd = python_of("json");

	CHECK_OK(mkdir(test_path("app"), 0755));
	test_write(test_path("app/__main__.py"),
		   "import json; print(json.value)\n", 0644);
	test_write(test_path("app/json.py"), "value = 'mine'\n", 0644);
	pack.directory = test_tmpdir();
	CHECK_EQ(see_cold(&pack).code, 0);
	make_ready(tfd, &line);
	for (size_t i = 0; i < TEST_COUNT(run); i++) {
		struct line app = { .argv = { "-I", run[i] } };

		check_warm_as_cold(tfd, &app);
		CHECK_STR(see(tfd, &app).out, "mine\n");
	}
}

static void a_module_that_changes_while_it_is_imported_is_not_kept(void)
{
	char *env[] = { test_fmt("PYTHONPATH=%s", test_tmpdir()),
			(char *)"PYTHONDONTWRITEBYTECODE=1", NULL };
	struct line line = C("pass"), use = C("import own_module\n"
					      "print(own_module.value)");
	int tfd = python_of("own_module");

	line.env = use.env = env;
	test_write(test_path("own_module.py"),
		   "value = 'old'\n"
		   "open(__file__, 'w').write('value = \"new\"\\n')\n",
		   0644);
	make_ready(tfd, &line);
	CHECK_STR(see_warm(tfd, &use).out, "new\n");
}

static void a_module_that_changes_is_imported_anew(void)
{
	char *env[] = { test_fmt("PYTHONPATH=%s", test_tmpdir()), NULL };
	struct line line = C("import own_module; print(own_module.value)");
	int tfd = python_of("own_module");
	uint64_t files;

	line.env = env;
	line.directory = "/";
	test_write(test_path("own_module.py"), "value = 1\n", 0644);
	make_ready(tfd, &line);
	CHECK_STR(see_warm(tfd, &line).out, "1\n");
	CHECK(becomes_ready(tfd, 20000));
	files = stat_of(tfd).cold_reasons[COLD(FILES)];
	test_write(test_path("own_module.py"), "value = 22\n", 0644);
	CHECK_STR(see(tfd, &line).out, "22\n");
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(FILES)], files + 1);
	CHECK_STR(see_warm(tfd, &line).out, "22\n");
}

/* Modules after which no fork would be as a start; each launch is cold. */
static const char *const bad_modules[] = {
	"raise ValueError\n",
	"print('importing')\n",
	("import threading, time\n"
	 "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"),
	"f = open('/dev/null')\n",
	"import os, time\nif os.fork() == 0: time.sleep(30)\n",
	"import os; os._exit(0)\n",
	"import sys; sys.stdout.reconfigure(line_buffering=True)\n",
	"import sys; out = sys.stdout.buffer\n",
};

static void a_module_that_cannot_be_imported_ahead_keeps_launches_cold(void)
{
	char *env[] = { test_fmt("PYTHONPATH=%s", test_tmpdir()), NULL };
	struct line line = C("print('as always')");

	line.env = env;
	for (size_t i = 0; i < TEST_COUNT(bad_modules); i++) {
		int tfd = python_of("bad_module");

		test_write(test_path("bad_module.py"), bad_modules[i], 0644);
		for (int n = 0; n < 2; n++)
			CHECK_STR(see(tfd, &line).out, "as always\n");
		for (int n = 0; n < 400; n++) {
			CHECK_STR(see(tfd, &line).out, "as always\n");
			if (stat_of(tfd).cold_reasons[COLD(PROGRAM)])
				break;
		}
		CHECK(stat_of(tfd).cold_reasons[COLD(PROGRAM)]);
		CHECK_EQ(stat_of(tfd).warm, 0);
		CHECK_EQ(spawn_template_close(tfd), 0);
	}
}

/* ---- warm or cold */

static void options_that_show_the_start_are_cold(void)
{
	static const struct line cold[] = {
		{ .argv = { "-v", "-c", "pass" } },
		{ .argv = { "-V" } },
		{ .argv = { "-h" } },
		{ .argv = { "-X", "importtime", "-c", "pass" } },
		{ .argv = { "-Xtracemalloc", "-c", "pass" } },
		{ .argv = { "-i", "-c", "pass" }, .input = "" },
		{ .argv = { "-Ic", "pass" } },
		{ .argv = { "-c" } },
		{ .argv = { "--help-env" } },
	};
	int tfd = python_of(NULL);
	uint64_t warm;

	make_ready(tfd, &nothing);
	warm = stat_of(tfd).warm;
	for (size_t i = 0; i < TEST_COUNT(cold); i++) {
		uint64_t before = stat_of(tfd).cold_reasons[COLD(COMMAND)];

		CHECK(becomes_ready(tfd, 20000));
		see(tfd, &cold[i]);
		CHECK_EQ(stat_of(tfd).cold_reasons[COLD(COMMAND)], before + 1);
	}
	CHECK_EQ(stat_of(tfd).warm, warm);
}

static void variables_that_show_the_start_are_cold(void)
{
	static const char *const variables[] = {
		"PYTHONVERBOSE=1",     "PYTHONINSPECT=1",
		"PYTHONTRACEMALLOC=1", "PYTHONPROFILEIMPORTTIME=1",
		"PYTHONMALLOCSTATS=1", "PYTHONPATH=relative",
		"PYTHONPATH=/usr:",    "PYTHONSOMETHINGNEW=1",
	};
	int tfd = python_of(NULL);

	for (size_t i = 0; i < TEST_COUNT(variables); i++) {
		char *env[] = { (char *)variables[i], NULL };
		struct line line = C("pass");

		line.env = env;
		for (int n = 0; n < 3; n++)
			see(tfd, &line);
	}
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(ENVIRONMENT)],
		 3 * TEST_COUNT(variables));
}

static void another_start_twice_in_a_row_moves_the_python(void)
{
	static const struct line isolated = { .argv = { "-I", "-c", "pass" } };
	int tfd = python_of(NULL);

	make_ready(tfd, &nothing);
	see(tfd, &isolated);
	check_warm_as_cold(tfd, &nothing);
	make_ready(tfd, &isolated);
	check_warm_as_cold(tfd, &isolated);
}

/* Starts for which no Python is parked, or for which none can be. */
static void a_start_that_cannot_be_prepared_does_not_end_the_others(void)
{
	static const char *const variables[] = {
		"PYTHONVERBOSE=1",
		"LD_BIND_NOW=1",
		"PYTHONHOME=/no/such/place",
	};
	int tfd = python_of(NULL);

	make_ready(tfd, &nothing);
	for (size_t i = 0; i < TEST_COUNT(variables); i++) {
		char *env[] = { (char *)variables[i], NULL };
		struct line line = { .argv = { "-c", "pass" }, .env = env };

		for (int n = 0; n < 2; n++)
			see(tfd, &line);
		usleep(500000);
		if (strncmp(variables[i], "PYTHONHOME", 10) == 0)
			for (int n = 0; n < 2; n++)
				see(tfd, &nothing);
		check_warm_as_cold(tfd, &nothing);
	}
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(PROGRAM)], 0);
}

/* As PyPy, which has the name and none of CPython's functions. */
static void a_program_that_is_no_cpython_is_prepared_by_fork(void)
{
	char *path = test_path("python3");
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)":", NULL };
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result r;
	int tfd;

	test_copy("/bin/sh", path, 0755);
	tfd = CHECK_OK(create(path, NULL));
	for (int i = 0; i < 200; i++) {
		CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &r,
					    sizeof(r)));
		CHECK_EQ(r.code, 0);
		spawn_template_result_free(&r);
		if (stat_of(tfd).warm == 3)
			break;
		usleep(20000);
	}
	CHECK_EQ(stat_of(tfd).warm, 3);
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(PROGRAM)], 0);
}

static void a_list_that_is_none_is_refused(void)
{
	static const char *const wrong[] = { "a/b", "json'", "json re",
					     "/etc/passwd" };

	for (size_t i = 0; i < TEST_COUNT(wrong); i++)
		CHECK_EQ(create(python_path(), wrong[i]), -EINVAL);
	CHECK_EQ(create("/bin/sh", "json"), -EINVAL);
}

/* It is tried again, after a time, and before a day has passed. */
static void a_module_whose_error_was_mended_is_imported_ahead(void)
{
	char *env[] = { test_fmt("PYTHONPATH=%s", test_tmpdir()), NULL };
	struct line line = C("import mended; print(mended.value)");
	int tfd = python_of("mended");

	line.env = env;
	test_write(test_path("mended.py"), "syntax error\n", 0644);
	for (int n = 0; n < 2; n++)
		see(tfd, &line);
	for (int n = 0; n < 2500; n++) {
		if (stat_of(tfd).cold_reasons[COLD(PROGRAM)])
			break;
		see(tfd, &line);
		nap();
	}
	CHECK_GT(stat_of(tfd).cold_reasons[COLD(PROGRAM)], 0);
	test_write(test_path("mended.py"), "value = 'mended'\n", 0644);
	for (int n = 0; n < 300 && !stat_of(tfd).warm_ready; n++) {
		CHECK_STR(see(tfd, &line).out, "mended\n");
		usleep(100000);
	}
	CHECK_STR(see_warm(tfd, &line).out, "mended\n");
}

/* Each start ends the other's Python, and would cost a new one for nothing. */
static void starts_that_alternate_are_prepared_less_and_less_often(void)
{
	char *env[2][3] = { { (char *)"A=1", (char *)"HOME=/", NULL },
			    { (char *)"A=2", (char *)"HOME=/", NULL } };
	struct line line = C("pass");
	int tfd = python_of(NULL), ready = 0;

	line.env = env[0];
	make_ready(tfd, &line);
	for (int n = 1; n < 40; n++) {
		line.env = env[n / 2 % 2];
		see(tfd, &line);
		usleep(n % 2 ? 150000 : 0);
		ready += n % 2 && stat_of(tfd).warm_ready;
	}
	/* of 20 such pauses, only the first are long enough */
	CHECK_LE(ready, 7);
}

/* Launches change the start while a Python is prepared: that one is for nothing. */
static void starts_that_alternate_meanwhile_cost_no_core(void)
{
	char *env[2][3], *modules = test_path("ahead");
	struct line line = C("pass");
	int tfd = python_of("slow");
	uint64_t end = now_ms() + 3000;
	struct stat st;

	CHECK_SYS(mkdir(modules, 0755));
	test_write(test_fmt("%s/slow.py", modules),
		   test_fmt("import time\n"
			    "with open('%s', 'a') as f: f.write('x')\n"
			    "time.sleep(0.2)\n",
			    test_path("count")),
		   0644);
	for (int i = 0; i < 2; i++) {
		env[i][0] = test_fmt("PYTHONPATH=%s", modules);
		env[i][1] = test_fmt("A=%d", i);
		env[i][2] = NULL;
	}
	for (int n = 0; now_ms() < end; n++) {
		line.env = env[n / 2 % 2];
		see(tfd, &line);
	}
	/* one after the other, these would be ten */
	if (stat(test_path("count"), &st) == 0)
		CHECK_LE(st.st_size, 6);
}

static const struct test_case cases[] = {
	TEST_CASE(command_lines_do_the_same_as_in_a_python_that_starts),
	TEST_CASE(a_report_is_the_same_with_any_options),
	TEST_CASE(a_report_is_the_same_in_any_environment),
	TEST_CASE(forks_have_ids_and_random_numbers_of_their_own),
	TEST_CASE(modules_are_imported_ahead),
	TEST_CASE(modules_are_there_when_one_ahead_says_good_bye),
	TEST_CASE(a_module_ahead_may_keep_a_stream),
	TEST_CASE(modules_ahead_may_be_many),
	TEST_CASE(modules_ahead_may_have_many_mappings),
	TEST_CASE(a_module_ahead_may_end_its_thread_before_forks),
	TEST_CASE(a_module_whose_error_was_mended_is_imported_ahead),
	TEST_CASE(starts_that_alternate_are_prepared_less_and_less_often),
	TEST_CASE(starts_that_alternate_meanwhile_cost_no_core),
	TEST_CASE(a_module_beside_the_script_hides_one_imported_ahead),
	TEST_CASE(a_module_in_what_is_run_hides_one_imported_ahead),
	TEST_CASE(a_module_that_changes_while_it_is_imported_is_not_kept),
	TEST_CASE(a_module_that_changes_is_imported_anew),
	TEST_CASE(a_module_that_cannot_be_imported_ahead_keeps_launches_cold),
	TEST_CASE(options_that_show_the_start_are_cold),
	TEST_CASE(variables_that_show_the_start_are_cold),
	TEST_CASE(another_start_twice_in_a_row_moves_the_python),
	TEST_CASE(a_start_that_cannot_be_prepared_does_not_end_the_others),
	TEST_CASE(a_program_that_is_no_cpython_is_prepared_by_fork),
	TEST_CASE(a_list_that_is_none_is_refused),
};
TEST_MAIN(cases)
