/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New programs in the place of old ones, while launches go on: none fails, and at
 * no moment is there nobody who checks. And pins that somebody removed.
 */
#include "guarding.h"

#include <stdatomic.h>

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

/* What others do meanwhile; each counts. */
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

/* Who opens a file for writing is a writer for a moment, until he is denied: exec
 * says so by itself, before it asks anybody. */
static int launch(const struct reg *r)
{
	int ret;

	do {
		ret = raw_launch(r->fd, r->id);
	} while (ret == -ETXTBSY);
	return ret;
}

/* A stranger, by fork: never let through. */
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

static void upgraded_under_load(void)
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
	/* that of a program that runs is denied by the kernel itself */
	CHECK_GT(item.write_denied, 0);
	CHECK_LE(item.write_denied, busy->denied);
	end = client_status(&client);
	CHECK_EQ(end.templates, 1);
	guard_stop((pid_t)end.pid, SIGKILL);
	guard_unload();
}

/* kill -9 at any moment of it: the next daemon takes over all the same. */
static void upgrade_cut_short(void)
{
	pid_t pid = guard_start(NULL);
	struct reg r;

	client_open(&client);
	r = client_template(&client, program(), DENY);
	guard_stop(pid, SIGTERM);
	for (unsigned int i = 0; i < 6; i++) {
		test_doing("round %u", i);
		pid = guard_launch((char *[]){ "--upgrade", NULL });
		usleep(i * 80000);
		guard_stop(pid, SIGKILL);
		CHECK_EQ(raw_launch(r.fd, r.id), 7);
		CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	}
	pid = guard_start(NULL);
	CHECK_EQ(status().adopted, 1);
	CHECK_EQ(status().templates, 1);
	CHECK_EQ(status().pins_missing, 0);
	CHECK_EQ(access(GUARD_PINS "/links_new", F_OK), -1);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	guard_stop(pid, SIGKILL);
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

/* Not all, so none: it starts anew, and clients are told. */
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
	CHECK_EQ(status().adopted, 0);
	CHECK_EQ(status().pins_missing, 0);
	CHECK_EQ(status().proved, ST_PROVED_ALL);
	CHECK_EQ(status().templates, 0);
	CHECK_EQ(client.states[r.slot], 0);
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	client_open(&client);
	again = client_template(&client, test_path("p"), DENY);
	CHECK_NE(again.id, r.id);
	CHECK_EQ(raw_launch(again.fd, again.id), 7);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	guard_stop(pid, SIGKILL);
	guard_unload();
}

static void with_half_the_pins_it_starts_anew(void)
{
	static const char *const some[] = { "links/exec",      "links/fcntl",
					    "links/exit_done", "guard",
					    "templates",       "events" };
	static const char *const one[] = { "links/setattr" };

	check_anew(some, TEST_COUNT(some));
	check_anew(one, 1);
}

static const struct test_case cases[] = {
	{ "upgraded while launches go on", upgraded_under_load, 60 },
	{ "an upgrade that is cut short", upgrade_cut_short, 60 },
	{ "a removed pin is noticed", a_removed_pin_is_noticed, 0 },
	{ "with some of the pins it starts anew",
	  with_half_the_pins_it_starts_anew, 0 },
};
GUARD_MAIN_ALONE(cases)
