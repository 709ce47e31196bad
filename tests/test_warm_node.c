/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Nodes: a launch that becomes a node that has started ahead does the same as a
 * node that starts. NODE names another one than the system's.
 */
#include "seen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>

/* One launch, for both ways. */
struct line {
	char *argv[12]; /* behind argv[0] */
	char **env; /* NULL: as below */
	const char *input, *directory;
};

/* Without the variables of who runs the tests. */
static char *plain_env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
			     "TZ=UTC+3", "A=1", NULL };

static char *node_path(void)
{
	static char *path;
	int tfd;

	if (!path)
		path = getenv("NODE");
	if (path)
		return path;
	tfd = spawn_template_search("node", NULL,
				    SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0)
		TEST_SKIP("there is no node");
	path = test_fmt("%s", stat_of(tfd).path);
	CHECK_EQ(spawn_template_close(tfd), 0);
	return path;
}

static int create(const char *preload)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = RUNTIME;
	args.filename = (uintptr_t)node_path();
	args.warm_preload = (uintptr_t)preload;
	return spawn_template_create(&args, sizeof(args));
}

/* Warnings begin with "(node:ID)". */
static void blank_ids(char *text)
{
	while ((text = strstr(text, "(node:"))) {
		const char *end = text += 6;

		end += strspn(end, "0123456789");
		memmove(text, end, strlen(end) + 1);
	}
}

static struct seen see(int tfd, const struct line *line)
{
	char *argv[14] = { node_path() };
	struct place place = { line->env ? line->env : plain_env, line->input,
			       line->directory };

	struct seen seen;

	memcpy(argv + 1, line->argv, sizeof(line->argv));
	seen = see_in(tfd, argv, &place, 60);
	blank_ids(seen.err);
	return seen;
}

static struct seen see_cold(const struct line *line)
{
	static int tfd = -1;

	if (tfd < 0)
		tfd = CHECK_OK(spawn_template_open(
			node_path(), SPAWN_TEMPLATE_CREATE_CLOEXEC));
	return see(tfd, line);
}

/* Older ones, and those in a library, are not prepared, and this tells nothing. */
static int node_of(void)
{
	const struct line line = {
		.argv = { "-p", "parseInt(process.versions.node) >= 20 && "
				"!process.config.variables.node_shared" }
	};

	if (strcmp(see_cold(&line).out, "true\n") != 0) {
		test_note("%s is of an older version, or in a library",
			  node_path());
		exit(0);
	}
	return CHECK_OK(create(NULL));
}

/* Launches it twice in a row, which has a Node prepared for its start. */
static void make_ready(int tfd, const struct line *line)
{
	for (int i = 0; i < 3; i++)
		see(tfd, line);
	if (becomes_ready(tfd, 20000))
		return;
	TEST_SKIP("no Node can be prepared here");
}

/*
 * On a busy machine a process may not answer in time, and who links a library to another
 * name changes it: then the next process is asked.
 */
static struct seen see_warm(int tfd, const struct line *line)
{
	struct spawn_template_stat before, after;
	struct seen seen;

	for (int i = 0; i < 4; i++) {
		CHECK(becomes_ready(tfd, 20000));
		before = stat_of(tfd);
		seen = see(tfd, line);
		after = stat_of(tfd);
		if (after.warm == before.warm + 1)
			return seen;
		CHECK_EQ(after.cold_reasons[COLD(LOST)] +
				 after.cold_reasons[COLD(FILES)],
			 before.cold_reasons[COLD(LOST)] +
				 before.cold_reasons[COLD(FILES)] + 1);
	}
	test_fail(__FILE__, __LINE__, "no launch was prepared");
}

/* The same for a launch of another kind. */
#define CHECK_WARM_SOON(tfd, launch)                             \
	do {                                                     \
		const uint64_t before_ = stat_of(tfd).warm;      \
		for (int try_ = 0; stat_of(tfd).warm == before_; try_++) { \
			CHECK(try_ < 4);                         \
			CHECK(becomes_ready(tfd, 20000));        \
			launch;                                  \
		}                                                \
	} while (0)

static void check_warm_as_cold(int tfd, const struct line *line)
{
	struct seen cold = see_cold(line), warm = see_warm(tfd, line);

	test_doing("%s %s %s", line->argv[0] ? line->argv[0] : "",
		   line->argv[0] && line->argv[1] ? line->argv[1] : "",
		   line->input ? line->input : "");
	check_same(&warm, &cold);
}

static void check_lines_warm(const struct line *lines, size_t n,
			     const char *directory)
{
	int tfd = node_of();
	struct line line = lines[0];

	line.directory = directory;
	make_ready(tfd, &line);
	for (size_t i = 0; i < n; i++) {
		line = lines[i];
		line.directory = directory;
		check_warm_as_cold(tfd, &line);
	}
	CHECK_EQ(spawn_template_close(tfd), 0);
}

#define E(...)                                                       \
	{                                                            \
		.argv = { "-e", __VA_ARGS__ }, .input = "one\ntwo\n" \
	}

/* ---- equal to a node that starts */

static const struct line evaluated[] = {
	E("0"),
	E("console.log(process.argv, process.execArgv, process.argv0, "
	  "process.title, process.execPath)",
	  "a", "b c", "--d"),
	E("console.log(process.argv, process._eval)"),
	E("console.log(new Error('here').stack)"),
	E("process.exit(3)"),
	E("process.exitCode = 4"),
	E("process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 10000)"),
	E("process.kill(process.pid, 'SIGINT'); setTimeout(() => {}, 10000)"),
	E("process.on('SIGTERM', () => { console.log('caught'); "
	  "process.exit(5) }); setTimeout(() => {}, 10000); "
	  "process.kill(process.pid, 'SIGTERM')"),
	E("process.on('SIGUSR2', () => { console.log('usr2'); "
	  "clearTimeout(t) }); const t = setTimeout(() => {}, 10000); "
	  "process.kill(process.pid, 'SIGUSR2')"),
	E("throw new TypeError('thrown')"),
	E("Promise.reject(new Error('rejected'))"),
	E("syntax error"),
	E("(function f() { f() })()"),
	E("console.error('err'); console.log('out')"),
	E("process.stdin.on('data', (d) => process.stdout.write(d))"),
	E("console.log(require('fs').readFileSync(0, 'utf8'))"),
	E("console.log(process.cwd(), process.env, process.ppid > 1)"),
	E("console.log(__filename, module.paths, module.id, require.main)"),
	E("console.log(Object.keys(require.cache), module.children, "
	  "process.moduleLoadList.length)"),
	E("process.on('exit', (c) => console.log('exit', c)); "
	  "process.on('beforeExit', () => console.log('before'))"),
	E("setImmediate(() => { console.log(2); setTimeout(console.log, 1, 3) "
	  "}); process.nextTick(() => console.log(1))"),
	E("const { Worker, isMainThread } = require('worker_threads'); "
	  "new Worker('console.log(process.argv, process.execArgv, "
	  "require(\"worker_threads\").threadId)', { eval: true, "
	  "argv: ['w'] })"),
	E("const { Worker } = require('worker_threads'); "
	  "new Worker('throw new Error(\"in a worker\")', { eval: true })"),
	E("console.log(require('child_process').execFileSync("
	  "process.execPath, ['-p', 'process.argv'], "
	  "{ encoding: 'utf8' }))"),
	E("require('child_process').spawn('sh', ['-c', 'echo $A; exit 7'], "
	  "{ stdio: 'inherit' }).on('exit', (c) => console.log(c))"),
	E("require('fs').readFile('/etc/hostname', (e, d) => "
	  "console.log(e, d.length))"),
	E("require('crypto').pbkdf2('a', 'b', 10, 8, 'sha1', (e, k) => "
	  "console.log(k))"),
	E("console.log(require('zlib').gzipSync('abc').length)"),
	E("require('http').createServer((q, r) => r.end('hello')).listen(0, "
	  "'127.0.0.1', function () { require('http').get({ port: "
	  "this.address().port, host: '127.0.0.1' }, (r) => "
	  "r.on('data', (d) => { console.log(String(d)); "
	  "this.close() })) })"),
	E("import('node:path').then((p) => console.log(p.sep))"),
	E("console.log(new Date(0).toString(), Intl.DateTimeFormat()"
	  ".resolvedOptions().timeZone, (1234.5).toLocaleString())"),
	E("process.title = 'a title'; console.log(process.title); "
	  "console.log(require('fs').readFileSync('/proc/self/cmdline')"
	  ".toString('latin1'))"),
	E("process.title = 'x'.repeat(5000); "
	  "console.log(process.title.length)"),
	E("const fs = require('fs'); for (const f of ['cmdline', 'environ', "
	  "'comm']) console.log(fs.readFileSync('/proc/self/' + f))"),
	E("const fs = require('fs'); console.log(fs.openSync('/dev/null'), "
	  "fs.readdirSync('/proc/self/fd').length)"),
	E("const fs = require('fs'); for (const fd of fs.readdirSync("
	  "'/proc/self/fdinfo')) try { console.log(fd, fs.readlinkSync("
	  "'/proc/self/fd/' + fd).replace(/\\d+/, ''), fs.readFileSync("
	  "'/proc/self/fdinfo/' + fd, 'utf8').match(/flags:.*/)[0]) } "
	  "catch {}"),
	E("console.log(process.umask(), process.features, process.release)"),
	E("const s = require('fs').readFileSync('/proc/self/status', 'utf8'); "
	  "console.log(s.match(/^(Umask|Threads|Sig.*|NoNewPrivs|Seccomp):.*/gm)"
	  ".filter((l) => !/SigQ/.test(l)))"),
	E("console.log(process.env.NEW = 'x', require('child_process')"
	  ".execSync('echo $NEW', { encoding: 'utf8' }))"),
	E("process.chdir('/'); console.log(process.cwd())"),
	E("const v8 = require('v8'); console.log("
	  "v8.getHeapStatistics().heap_size_limit)"),
	E("process.emitWarning('careful')"),
	E("new Buffer(1)"),
	E("new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, "
	  "0])); console.log('module')"),
	E("process.report.excludeNetwork = true; console.log(JSON.parse("
	  "JSON.stringify(process.report.getReport())).header.commandLine)",
	  "argument"),
	E("console.log(process.stdin.constructor.name, "
	  "process.stdout.constructor.name, process.stdin.isTTY)"),
	E("const i = require('inspector'); i.open(0, '127.0.0.1'); "
	  "console.log(/^ws:/.test(i.url())); "
	  "require('http').get(`http://${new URL(i.url()).host}/json`, (r) => "
	  "r.on('data', (d) => { const t = JSON.parse(d)[0]; "
	  "console.log(t.title.replace(/\\d+/, ''), t.url); "
	  "process._rawDebug = 0; process.exit() })); "
	  "process.stderr.write = () => {}",
	  "argument"),
	E("console.log(typeof process.binding, "
	  "require('module').builtinModules.length)"),
};

/* The address of the debugger is another one each time. */
static bool has_address(const struct line *line)
{
	return strstr(line->argv[1], "inspector");
}

static void code_does_the_same_as_in_a_node_that_starts(void)
{
	int tfd = node_of();

	make_ready(tfd, &evaluated[0]);
	for (size_t i = 0; i < TEST_COUNT(evaluated); i++) {
		struct seen cold = see_cold(&evaluated[i]);
		struct seen warm = see_warm(tfd, &evaluated[i]);

		test_doing("%s", evaluated[i].argv[1]);
		if (has_address(&evaluated[i]))
			cold.err = warm.err = "";
		check_same(&warm, &cold);
	}
}

static const char main_cjs[] =
	"console.log(process.argv, process.execArgv, process.title);\n"
	"console.log(__filename, require.main === module, module.paths);\n"
	"console.log(Object.keys(require.cache), module.children);\n"
	"console.log(require('./beside').value, new Error('here').stack);\n";
static const char main_mjs[] =
	"import { readFile } from 'node:fs/promises';\n"
	"import beside from './beside.js';\n"
	"console.log(import.meta.url, process.argv, beside);\n"
	"console.log((await readFile('beside.js')).length);\n"
	"console.log(new Error('here').stack);\n";

static const struct line mains[] = {
	{ .argv = { "main.cjs", "a", "--b" } },
	{ .argv = { "./main.cjs" } },
	{ .argv = { "main" } },
	{ .argv = { "main.mjs", "x" } },
	{ .argv = { "link.cjs" } },
	{ .argv = { "." } },
	{ .argv = { "no-such-file.js" } },
	{ .argv = { "/" } },
	{ .argv = { "throws.js" } },
	{ .argv = { "wrong.js" } },
	{ .argv = { "waits.mjs" } },
	{ .argv = { "worker.js", "argument" } },
	{ .argv = { "forks.js" } },
	{ .argv = { "-", "arg" },
	  .input = "console.log(process.argv, __filename)" },
	{ .argv = { NULL }, .input = "console.log(process.argv); throw 1" },
	{ .argv = { NULL }, .input = "" },
};

static void write_mains(void)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "main.cjs", main_cjs },
		{ "main.mjs", main_mjs },
		{ "beside.js", "exports.value = 5;\n" },
		{ "index.js", "console.log('index', process.argv);\n" },
		{ "throws.js", "function f() { null.x }\n\n f();\n" },
		{ "wrong.js", "const a = ;\n" },
		{ "waits.mjs", "await new Promise(() => {});\n" },
		{ "worker.js",
		  "const w = require('worker_threads');\n"
		  "if (w.isMainThread) new w.Worker(__filename)\n"
		  "else console.log(process.argv, new Error('w').stack);\n" },
		{ "forks.js",
		  "const c = require('child_process');\n"
		  "if (process.send) process.send(process.argv.length);\n"
		  "else c.fork(__filename, ['a']).on('message', (m) => "
		  "console.log(m));\n" },
	};

	for (size_t i = 0; i < TEST_COUNT(files); i++)
		test_write(test_path("%s", files[i].name), files[i].text, 0644);
	CHECK_SYS(symlink("main.cjs", test_path("link.cjs")));
}

static void main_modules_do_the_same_as_in_a_node_that_starts(void)
{
	write_mains();
	check_lines_warm(mains, TEST_COUNT(mains), test_tmpdir());
}

/* Each row: options, and a report of them. */
static const struct line optioned[][2] = {
	{ { .argv = { "-p", "process.argv", "a" } },
	  { .argv = { "-p", "[process.execArgv, new Error('x').stack]" } } },
	{ { .argv = { "--no-warnings", "-e", "process.emitWarning('x')" } },
	  { .argv = { "--no-warnings", "-e",
		      "console.log(process.execArgv)" } } },
	{ { .argv = { "--max-old-space-size=100", "--trace-warnings", "-e",
		      "process.emitWarning('x')" } },
	  { .argv = { "--max-old-space-size=100", "--trace-warnings", "-e",
		      "console.log(process.execArgv, require('v8')"
		      ".getHeapStatistics().heap_size_limit)" } } },
};

static void options_are_part_of_the_start(void)
{
	for (size_t i = 0; i < TEST_COUNT(optioned); i++)
		check_lines_warm(optioned[i], 2, NULL);
}

/* ---- cold */

static const struct line shown[] = {
	{ .argv = { "--version" } },
	{ .argv = { "--v8-options" } },
	{ .argv = { "--check", "/dev/null" } },
	{ .argv = { "--inspect=0", "-e", "0" } },
	{ .argv = { "-e", "0", "--no-warnings" } },
	{ .argv = { "-e", "" } },
	{ .argv = { "-e" } },
	{ .argv = { "--", "/dev/null" } },
	{ .argv = { "-r", "fs", "-e", "0" } },
};

static void command_lines_that_act_at_the_start_are_cold(void)
{
	const struct line first = E("0");
	int tfd = node_of();

	make_ready(tfd, &first);
	for (size_t i = 0; i < TEST_COUNT(shown); i++)
		CHECK_COLD(tfd, COMMAND, see(tfd, &shown[i]));
}

static void variables_that_act_at_the_start_are_cold(void)
{
	static char *const refused[] = { "NODE_OPTIONS=--no-warnings",
					 "NODE_V8_COVERAGE=/tmp/none",
					 "NODE_EXTRA_CA_CERTS=relative",
					 "OPENSSL_CONF=/dev/null" };
	const struct line first = E("0");
	int tfd = node_of();

	make_ready(tfd, &first);
	for (size_t i = 0; i < TEST_COUNT(refused); i++) {
		char *env[] = { refused[i], NULL };
		struct line line = first;

		line.env = env;
		CHECK_COLD(tfd, ENVIRONMENT, see(tfd, &line));
	}
}

/* A launch, of which the child's descriptors are given. */
static int launch(int tfd, const char *code,
		  const struct spawn_template_action *actions, size_t n)
{
	char *argv[] = { node_path(), "-e", (char *)code, NULL };
	int pidfd = -1;
	struct spawn_template_spawn_args args = test_args(&pidfd, argv);

	args.envp = (uintptr_t)plain_env;
	args.actions = (uintptr_t)actions;
	args.actions_len = (uint32_t)n;
	return test_spawn_args(tfd, args);
}

static void launches_that_need_its_own_descriptors_are_cold(void)
{
	const struct line first = E("0");
	const struct spawn_template_action action = {
		.type = SPAWN_TEMPLATE_ACTION_DUP2, .fd = 1, .newfd = 3
	};
	int tfd = node_of();

	make_ready(tfd, &first);
	CHECK_COLD(tfd, DESCRIPTORS, CHECK_EQ(launch(tfd, "0", &action, 1), 0));
}

/* ---- descriptors, times, and long command lines */

/* The caller's descriptor has a number that is one of node's own. */
static void descriptors_come_by_other_numbers(void)
{
	const struct line first = E("0");
	int tfd = node_of(), pipes[20][2];
	char text[64] = "";

	make_ready(tfd, &first);
	for (int i = 0; i < 20; i++)
		CHECK_SYS(pipe(pipes[i]));
	for (int i = 0; i < 20; i += 6) {
		const struct spawn_template_action action = {
			.type = SPAWN_TEMPLATE_ACTION_DUP2,
			.fd = pipes[i][1],
			.newfd = 1
		};

		CHECK_WARM_SOON(tfd, CHECK_EQ(launch(tfd, "console.log('out')",
						     &action, 1),
					      0));
		CHECK_GE(read(pipes[i][0], text, sizeof(text)), 4);
		CHECK(memcmp(text, "out\n", 4) == 0);
	}
}

/* Node makes a pipe non-blocking, for all who have it, and puts that back at its end. */
static void a_pipe_is_blocking_again_at_the_end(void)
{
	const struct line first = E("0");
	int tfd = node_of(), ends[2];
	struct spawn_template_action action = {
		.type = SPAWN_TEMPLATE_ACTION_DUP2, .newfd = 0
	};

	make_ready(tfd, &first);
	CHECK_SYS(pipe(ends));
	action.fd = ends[0];
	CHECK_WARM_SOON(tfd,
			CHECK_EQ(launch(tfd,
					"process.stdin.on('data', () => {}); "
					"setTimeout(process.exit, 50)",
					&action, 1),
				 0));
	CHECK_EQ(CHECK_SYS(fcntl(ends[0], F_GETFL)) & O_NONBLOCK, 0);
}

/* It keeps the state of a terminal, which it has not seen: it is executed after all. */
static void a_terminal_is_put_back_at_the_end(void)
{
	static const char code[] =
		"process.stdin.setRawMode(true); "
		"require('fs').writeFileSync(process.argv[1], "
		"String(process.stdin.isTTY) + process.execArgv.length)";
	char *path = test_path("seen");
	char *argv[] = { node_path(), "-e", (char *)code, path, NULL };
	const struct line first = E("0");
	struct termios before, after;
	int tfd = node_of(), pidfd = -1, master, slave;
	struct spawn_template_action action = {
		.type = SPAWN_TEMPLATE_ACTION_DUP2, .newfd = 0
	};
	struct spawn_template_spawn_args args;

	make_ready(tfd, &first);
	master = CHECK_SYS(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
	CHECK_SYS(grantpt(master));
	CHECK_SYS(unlockpt(master));
	slave = CHECK_SYS(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
	CHECK_SYS(tcgetattr(slave, &before));
	action.fd = slave;
	args = test_args(&pidfd, argv);
	args.envp = (uintptr_t)plain_env;
	args.actions = (uintptr_t)&action;
	args.actions_len = 1;
	CHECK_WARM_SOON(tfd, CHECK_EQ(test_spawn_args(tfd, args), 0));
	CHECK_STR(test_read(path), "true2");
	CHECK_SYS(tcgetattr(slave, &after));
	CHECK_EQ(after.c_lflag, before.c_lflag);
}

static void each_launch_has_random_numbers_of_its_own(void)
{
	const struct line line = E("console.log(Math.random(), "
				   "require('crypto').randomUUID())");
	int tfd = node_of();
	struct seen a, b;

	make_ready(tfd, &line);
	a = see_warm(tfd, &line);
	b = see_warm(tfd, &line);
	CHECK(strcmp(a.out, b.out) != 0);
}

/* It tells the time since the launch, and not since it was prepared. */
static void the_time_since_the_start_is_that_of_the_launch(void)
{
	const struct line line = E("console.log(process.uptime(), "
				   "performance.now() / 1000, (Date.now() - "
				   "performance.timeOrigin) / 1000)");
	int tfd = node_of();
	struct timespec from, to;
	double seconds, time[3] = { -1, -1, -1 };

	make_ready(tfd, &line);
	sleep(3);
	CHECK_SYS(clock_gettime(CLOCK_MONOTONIC, &from));
	CHECK_EQ(sscanf(see_warm(tfd, &line).out, "%lf %lf %lf", &time[0],
			&time[1], &time[2]),
		 3);
	CHECK_SYS(clock_gettime(CLOCK_MONOTONIC, &to));
	seconds = (double)(to.tv_sec - from.tv_sec) +
		  (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	for (int i = 0; i < 3; i++) {
		test_doing("%d: %f s, of %f", i, time[i], seconds);
		CHECK(time[i] > 0);
		/* three more would be the wait; node's start counts, too */
		CHECK(time[i] < seconds + 2.9);
	}
}

/* Some fit, and longer ones are cold. */
static void long_arguments_are_whole(void)
{
	const struct line first = E("0");
	int tfd = node_of();

	make_ready(tfd, &first);
	for (int n = 1000; n <= 1030; n += 15) {
		char *code = test_fmt("console.log(process.argv[1].length);%*s",
				      20 * n, "");
		struct line line = E(code, test_fmt("%0*d", n, 0));

		if (n <= 1024)
			CHECK_STR(see_warm(tfd, &line).out,
				  test_fmt("%d\n", n));
		else
			CHECK_COLD(tfd, COMMAND,
				   CHECK_STR(see(tfd, &line).out,
					     test_fmt("%d\n", n)));
	}
}

static void nodes_that_wait_end_with_the_template(void)
{
	const struct line first = E("0");
	int tfd = node_of();

	make_ready(tfd, &first);
	CHECK_EQ(spawn_template_close(tfd), 0);
	for (int i = 0; i < 5000 && !test_no_children(); i++)
		usleep(1000);
	CHECK(test_no_children());
}

static void modules_to_preload_are_refused(void)
{
	node_of();
	CHECK_EQ(create("fs"), -EINVAL);
	CHECK_EQ(create("/dev/null"), -EINVAL);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(code_does_the_same_as_in_a_node_that_starts, 120),
	TEST_CASE_SECONDS(main_modules_do_the_same_as_in_a_node_that_starts,
			  120),
	TEST_CASE(options_are_part_of_the_start),
	TEST_CASE(command_lines_that_act_at_the_start_are_cold),
	TEST_CASE(variables_that_act_at_the_start_are_cold),
	TEST_CASE(launches_that_need_its_own_descriptors_are_cold),
	TEST_CASE(descriptors_come_by_other_numbers),
	TEST_CASE(a_pipe_is_blocking_again_at_the_end),
	TEST_CASE(a_terminal_is_put_back_at_the_end),
	TEST_CASE(each_launch_has_random_numbers_of_its_own),
	TEST_CASE(the_time_since_the_start_is_that_of_the_launch),
	TEST_CASE(long_arguments_are_whole),
	TEST_CASE(nodes_that_wait_end_with_the_template),
	TEST_CASE(modules_to_preload_are_refused),
};
TEST_MAIN(cases)
