/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New programs take the place of old ones while launches go on: no launch fails, and
 * no moment is without checks. Removed pins are noticed.
 */
#include "guarding.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/inotify.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static char *program(void)
{
	return guard_program(test_path("p"), "tiny-7");
}

static struct st_msg_status status(void)
{
	struct st_msg_status s;
	struct client c;

	client_open(&c);
	s = client_status(&c);
	client_close(&c);
	return s;
}

/* ---- upgrade */

/* Other processes are busy meanwhile, and count their attempts. */
struct busy {
	atomic_bool stop;
	atomic_uint launches, denied, refused;
	struct reg reg;
};

static void write_on(void *arg)
{
	struct busy *busy = arg;

	while (!atomic_load(&busy->stop)) {
		CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
		atomic_fetch_add(&busy->denied, 1);
	}
}

/* An open for writing counts as a writer for a moment, until the guard denies it:
 * exec answers ETXTBSY by itself then, before any check. */
static int launch(const struct reg *r)
{
	int ret;

	do {
		ret = raw_launch(r->fd, r->id);
	} while (ret == -ETXTBSY);
	return ret;
}

/* A forked child is never let through. */
static void launch_as_another(void *arg)
{
	struct busy *busy = arg;

	while (!atomic_load(&busy->stop)) {
		CHECK_EQ(launch(&busy->reg), -EACCES);
		atomic_fetch_add(&busy->refused, 1);
	}
}

static struct busy *begin_busy(void)
{
	struct busy *busy = mmap(NULL, sizeof(*busy), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(busy != MAP_FAILED);
	client_open(&client);
	busy->reg = client_template(&client, program(), DENY);
	return busy;
}

/* Stops the daemon and starts one with --upgrade. */
static void upgrade(void *arg)
{
	(void)arg;
	CHECK_SYS(kill((pid_t)status().pid, SIGTERM));
	GUARD_UNTIL(client_try(&(struct client){ 0 }) < 0);
	guard_start((char *[]){ "--upgrade", NULL });
	CHECK_EQ(status().adopted, 1);
	CHECK_EQ(status().proved, ST_PROVED_ALL);
	CHECK_EQ(status().pins_missing, 0);
}

static void an_upgrade_lets_no_launch_fail(void)
{
	struct st_msg_status end;
	struct st_msg_item item;
	struct busy *busy;
	pid_t pids[3];
	int failed;

	guard_start(NULL);
	busy = begin_busy();
	pids[0] = guard_child(write_on, busy);
	pids[1] = guard_child(launch_as_another, busy);
	pids[2] = guard_child(upgrade, busy);
	while (waitpid(pids[2], &failed, WNOHANG) == 0) {
		CHECK_EQ(launch(&busy->reg), 7);
		busy->launches++;
	}
	atomic_store(&busy->stop, true);
	CHECK_EQ(failed, 0);
	for (int i = 0; i < 2; i++)
		guard_wait(pids[i]);
	printf("# upgrade: %u launches, %u writes denied, %u refused\n",
	       busy->launches, busy->denied, busy->refused);
	CHECK_GT(busy->launches, 10);
	CHECK_GT(busy->denied, 10);
	CHECK_GT(busy->refused, 10);
	client_open(&client);
	item = client_item(&client, busy->reg.id);
	CHECK_EQ(item.launches, busy->launches);
	CHECK_EQ(item.stale, 0);
	CHECK_EQ(item.refused, busy->refused);
	/* the kernel itself denies writes while the program runs */
	CHECK_GT(item.write_denied, 0);
	CHECK_LE(item.write_denied, busy->denied);
	end = client_status(&client);
	CHECK_EQ(end.templates, 1);
	guard_stop((pid_t)end.pid, SIGKILL);
	guard_unload();
}

/* ---- cut short */

#define LINKS GUARD_PINS "/links"
#define NEW_LINKS GUARD_PINS "/links_new"

/* This process must see each event in a folder before the next one happens; its
 * children have their usual priority. */
static void come_first(void)
{
	int priority = 1;

	CHECK_SYS(syscall(SYS_sched_setscheduler, 0,
			  SCHED_FIFO | 0x40000000 /* SCHED_RESET_ON_FORK */,
			  &priority));
}

/* Reads once. Return: the number of events of a watch; -1: it has ended. */
static int count_events(int fd, int watch, const char *name)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	const struct inotify_event *e;
	ssize_t got;
	int n = 0;

	CHECK_EQ(poll(&pfd, 1, 60000), 1);
	got = CHECK_SYS(read(fd, buf, sizeof(buf)));
	for (char *p = buf; p < buf + got; p += sizeof(*e) + e->len) {
		e = (const void *)p;
		if (e->wd != watch)
			continue;
		if (e->mask & IN_IGNORED)
			return -1;
		n += !name || (e->len && !strcmp(e->name, name));
	}
	return n;
}

/*
 * Starts a daemon that upgrades, and kills it after a number of steps. A step pins a
 * link beside the old ones, or puts one in the place of an old one.
 */
static void cut_short(char *const options[], int steps)
{
	int fd = CHECK_SYS(inotify_init1(IN_CLOEXEC)), done = 0, watch;
	pid_t pid;

	test_doing("cut after %d steps", steps);
	watch = CHECK_SYS(inotify_add_watch(fd, GUARD_PINS, IN_CREATE));
	pid = guard_launch(options);
	while (!count_events(fd, watch, "links_new"))
		;
	watch = CHECK_SYS(
		inotify_add_watch(fd, NEW_LINKS, IN_CREATE | IN_MOVED_FROM));
	while (done < steps) {
		int n = count_events(fd, watch, NULL);

		CHECK_GE(n, 0);
		done += n;
	}
	CHECK_EQ(guard_stop(pid, SIGKILL), 128 + SIGKILL);
	CHECK_SYS(close(fd));
	CHECK_SYS(access(NEW_LINKS, F_OK));
}

static int count_links(void)
{
	DIR *d = opendir(LINKS);
	int n = 0;

	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static uint64_t pinned_programs(const uint64_t *set)
{
	int fd = CHECK_SYS(map_open("command"));
	struct guard_command command;
	uint32_t zero = 0;
	uint64_t was;

	CHECK_OK(map_lookup(fd, &zero, &command));
	was = command.programs;
	if (set) {
		command.programs = *set;
		CHECK_OK(map_update(fd, &zero, &command));
	}
	CHECK_SYS(close(fd));
	return was;
}

static int links_with(char *const options[])
{
	pid_t pid = guard_start(options);
	int n = count_links();

	guard_stop(pid, SIGKILL);
	return n;
}

/* The next daemon takes over after a kill -9 at any step. */
static void check_cut_short(char *const one[], char *const other[])
{
	char *const *const options[] = { one, other };
	int n[] = { links_with(one), links_with(other) };
	pid_t pid = guard_start(NULL);
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	guard_stop(pid, SIGTERM);
	come_first();
	for (int i = 0; i < 8; i++) {
		int all = n[i % 2];
		/* the first and the last links, pinned and moved */
		const int steps[] = {
			0,	 1,	      all - 1,	   all,
			all + 1, all * 3 / 2, all * 2 - 1, all * 2
		};

		cut_short(options[i % 2], steps[i]);
		CHECK_EQ(raw_launch(r.fd, r.id), 7);
		CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	}
	pid = guard_start(NULL);
	CHECK_EQ(status().adopted, 1);
	CHECK_EQ(status().templates, 1);
	CHECK_EQ(status().pins_missing, 0);
	CHECK_EQ(access(NEW_LINKS, F_OK), -1);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

/* Where both modes work, the upgrades go from one to the other and back. */
static void an_upgrade_may_be_cut_short_at_any_step(void)
{
	char *const again[] = { "--upgrade", NULL };
	char *const other[] = { "--upgrade", "--mode", "fmod_ret", NULL };

	check_cut_short(guard_mode("lsm") ? other : again, again);
}

/* An upgrade that was cut short leaves the record of the old programs. */
static void the_pinned_programs_are_known(void)
{
	const uint64_t older = 1;
	uint64_t own;

	guard_stop(guard_start(NULL), SIGTERM);
	own = pinned_programs(&older);
	CHECK_NE(own, older);
	come_first();
	/* the daemon upgrades by itself, as the pinned programs are not its own */
	cut_short(NULL, 0);
	CHECK_EQ(pinned_programs(NULL), older);
	cut_short(NULL, count_links());
	CHECK_EQ(pinned_programs(NULL), older);
	guard_stop(guard_start(NULL), SIGTERM);
	CHECK_EQ(pinned_programs(NULL), own);
	guard_unload();
}

/* ---- pins */

static void a_removed_pin_is_noticed(void)
{
	pid_t pid = guard_start(NULL);

	CHECK_EQ(status().pins_missing, 0);
	CHECK_SYS(unlink(GUARD_PINS "/links/open"));
	CHECK_EQ(status().pins_missing, 1);
	CHECK_SYS(unlink(GUARD_PINS "/templates"));
	CHECK_EQ(status().pins_missing, 2);
	GUARD_UNTIL(strstr(guard_log(), "missing"));
	guard_stop(pid, SIGKILL);
	guard_unload();
}

/* The daemon's end ends programs without a pin, and clients are told. */
static void check_removed(const char *pin)
{
	const uint64_t flags = SPAWN_TEMPLATE_CREATE_CLOEXEC;
	pid_t pid = guard_start(NULL);
	struct reg r;
	int plain, must;

	client_open(&client);
	r = client_template(&client, program(), 0);
	plain = CHECK_OK(spawn_template_open(test_path("p"), flags));
	must = CHECK_OK(spawn_template_open(
		test_path("p"), flags | SPAWN_TEMPLATE_CREATE_GUARD));
	CHECK_SYS(unlink(test_fmt("%s/%s", GUARD_PINS, pin)));
	CHECK(client_fresh(&client, &r));
	CHECK_EQ(test_spawn(must, TEST_ARGV("p")), 7);
	CHECK_EQ(guard_stop(pid, SIGTERM), 0);
	CHECK_EQ(client.words[r.slot], 0);
	CHECK_EQ(test_spawn(plain, TEST_ARGV("p")), 7);
	CHECK_EQ(test_spawn(must, TEST_ARGV("p")), -ENOTCONN);
	guard_unload();
}

static void the_daemons_end_tells_of_removed_pins(void)
{
	check_removed("links/exec");
	check_removed("exec_states");
}

/* The daemon adopts all pins or none: it starts anew, and clients are told. */
static void check_anew(const char *const pins[], unsigned int n)
{
	pid_t pid = guard_start(NULL);
	struct reg r, again;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	guard_stop(pid, SIGKILL);
	for (unsigned int i = 0; i < n; i++)
		CHECK_SYS(unlink(test_fmt("%s/%s", GUARD_PINS, pins[i])));
	pid = guard_start(NULL);
	CHECK_HAS(guard_log(), test_fmt("%u of ", n));
	CHECK_HAS(guard_log(), "are missing: the templates are no longer");
	CHECK_EQ(status().adopted, 0);
	CHECK_EQ(status().pins_missing, 0);
	CHECK_EQ(status().proved, ST_PROVED_ALL);
	CHECK_EQ(status().templates, 0);
	CHECK_EQ(client.words[r.slot], 0);
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	client_open(&client);
	again = client_template(&client, test_path("p"), DENY);
	CHECK_NE(again.id, r.id);
	CHECK_EQ(raw_launch(again.fd, again.id), 7);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void the_daemon_starts_anew_with_half_the_pins(void)
{
	static const char *const some[] = { "links/exec",      "links/fcntl",
					    "links/exit_done", "guard",
					    "templates",       "events" };
	static const char *const one[] = { "links/setattr" };

	check_anew(some, TEST_COUNT(some));
	check_anew(one, 1);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(an_upgrade_lets_no_launch_fail, 60),
	TEST_CASE_SECONDS(an_upgrade_may_be_cut_short_at_any_step, 60),
	TEST_CASE_SECONDS(the_pinned_programs_are_known, 60),
	TEST_CASE(a_removed_pin_is_noticed),
	TEST_CASE(the_daemons_end_tells_of_removed_pins),
	TEST_CASE(the_daemon_starts_anew_with_half_the_pins),
};
GUARD_MAIN_ALONE(cases)
