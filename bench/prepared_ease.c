/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures prepared launches one at a time: see prepared.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "parent.h"
#include "prepared.h"
#include "shared/measure/launchers.h"
#include "shared/measure/progress.h"

#define DROPPED 4 /* rounds */
#define READY_MS 100 /* at most, for a template to have its processes ready */

const char *const method_title[METHODS] = {
	[BY_POSIX_SPAWN] = "posix_spawn",
	[BY_COLD] = "template",
	[BY_ONCE] = "template, once",
	[BY_FORK] = "template, fork",
};

static const struct ease_row rows[EASE_PROGRAMS] = {
	{ .name = "true", .argv = { "true" }, .most = 0.35 },
	{ .name = "dash -c :", .argv = { "dash", "-c", ":" }, .most = 0.35 },
	{ .name = "cat", .argv = { "cat", "/etc/passwd" }, .most = 0.5 },
	{ .name = "head", .argv = { "head", "/etc/passwd" }, .most = 0.5 },
	{ .name = "sed",
	  .argv = { "sed", "s/:/ /g", "/etc/passwd" },
	  .most = 0.5 },
	{ .name = "grep", .argv = { "grep", ":", "/etc/passwd" }, .most = 0.5 },
	{ .name = "git --version",
	  .argv = { "git", "--version" },
	  .most = 0.5 },
	{ .name = "rg --version", .argv = { "rg", "--version" }, .most = 0.5 },
	{ .name = "bash -c :", .argv = { "bash", "-c", ":" }, .most = 0.5 },
};

struct ease {
	struct launch_plan plans[METHODS];
	int tfd[METHODS]; /* -1: none */
	/* before the first turn that is kept */
	unsigned long long warm[METHODS], launches[METHODS];
};

static int open_templates(struct ease *e, const char *path)
{
	static const uint64_t flags[METHODS] = {
		[BY_ONCE] = SPAWN_TEMPLATE_CREATE_WARM_ONCE,
		[BY_FORK] = SPAWN_TEMPLATE_CREATE_WARM_FORK,
	};

	e->tfd[BY_POSIX_SPAWN] = -1;
	for (int m = BY_COLD; m < METHODS; m++) {
		int tfd = spawn_template_open(
			path, SPAWN_TEMPLATE_CREATE_CLOEXEC | flags[m]);

		if (tfd < 0)
			return tfd;
		e->tfd[m] = tfd;
	}
	return 0;
}

static int prepare(struct ease *e, const struct ease_row *row, char **envp,
		   int null_fd)
{
	int err = open_templates(e, row->argv[0]);

	for (int m = 0; m < METHODS && !err; m++) {
		struct launch_spec spec = {
			.path = row->argv[0],
			.tfd = e->tfd[m],
			.argv = row->argv,
			.envp = envp,
			.cwd = "/",
			.stdio = { null_fd, null_fd, null_fd },
		};

		err = launch_prepare(&e->plans[m], &spec);
	}
	return err;
}

void await_prepared(int tfd, int most_ms)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct spawn_template_stat st;

	for (int i = 0; i < most_ms; i++) {
		if (spawn_template_stat(tfd, &st, sizeof(st)) || st.warm_ready)
			return;
		nanosleep(&ms, NULL);
	}
}

static double us_of(struct timeval tv)
{
	return (double)tv.tv_sec * 1e6 + (double)tv.tv_usec;
}

static int measure_one(struct ease *e, struct ease_row *row, int method,
		       bool kept)
{
	const struct timespec settle = { .tv_nsec = 1000000 };
	struct launched l;
	struct rusage usage;
	siginfo_t info;
	double us[MEASURES];
	int err;

	await_prepared(e->tfd[BY_ONCE], READY_MS);
	await_prepared(e->tfd[BY_FORK], READY_MS);
	/* a process that is ready goes on to copy pages ahead */
	nanosleep(&settle, NULL);
	err = launch(&e->plans[method],
		     method == BY_POSIX_SPAWN ? LAUNCH_POSIX_SPAWN
					      : LAUNCH_TEMPLATE,
		     &l);
	if (!err)
		err = launch_wait(&l, &info, &usage);
	if (err)
		return err;
	us[TO_EXIT] = (double)(now_ns() - l.start_ns) / 1e3;
	us[BLOCKED] = (double)(l.return_ns - l.start_ns) / 1e3;
	us[CHILD_CPU] = us_of(usage.ru_utime) + us_of(usage.ru_stime);
	if (l.pidfd >= 0)
		close(l.pidfd);
	if (info.si_code != CLD_EXITED || info.si_status)
		return -ECANCELED;
	for (int k = 0; k < MEASURES && kept && !err; k++)
		err = samples_add(&row->us[method][k], us[k]);
	return err;
}

/* Counts the launches of the turns that are kept: the first ones are always cold. */
static int count_served(struct ease *e, struct ease_row *row)
{
	for (int m = BY_COLD; m < METHODS; m++) {
		struct spawn_template_stat st;
		int err = spawn_template_stat(e->tfd[m], &st, sizeof(st));

		if (err)
			return err;
		row->warm[m] = st.warm - e->warm[m];
		row->launches[m] = st.warm + st.cold - e->launches[m];
	}
	return 0;
}

/* Notes what was launched before the turns that are kept. */
static int count_before(struct ease *e, struct ease_row *row)
{
	int err = count_served(e, row);

	memcpy(e->warm, row->warm, sizeof(e->warm));
	memcpy(e->launches, row->launches, sizeof(e->launches));
	return err;
}

static int take_turn(struct ease *e, struct ease_row *row, unsigned int round)
{
	bool kept = round >= DROPPED;
	int err = round == DROPPED ? count_before(e, row) : 0;

	for (unsigned int i = 0; i < METHODS && !err; i++)
		err = measure_one(e, row, (int)((round + i) % METHODS), kept);
	return err;
}

static int make_ratios(struct ease_row *row)
{
	int err = 0;

	for (int m = 0; m < METHODS && !err; m++)
		for (int k = 0; k < MEASURES && !err; k++)
			err = samples_sort(&row->us[m][k]);
	for (int m = 0; m < METHODS && !err; m++)
		for (int k = 0; k < MEASURES && !err; k++)
			err = samples_ratio(&row->us[m][k],
					    &row->us[BY_POSIX_SPAWN][k],
					    &row->ratio[m][k]);
	return err ? err
		   : samples_ratio(&row->us[BY_FORK][BLOCKED],
				   &row->us[BY_COLD][BLOCKED],
				   &row->blocked_to_cold);
}

/* Gives all programs their turns until the time is over. */
static int run_rounds(struct prepared *p, struct ease *all, double seconds)
{
	struct progress bar = progress_start();
	uint64_t start = now_ns();
	double passed = 0;
	int err = 0;

	/* the first launches of a template prepare its processes */
	for (unsigned int n = 0; !err && (n < 10 || passed < seconds); n++) {
		for (int i = 0; i < EASE_PROGRAMS && !err; i++)
			if (p->ease[i].argv[0])
				err = take_turn(&all[i], &p->ease[i], n);
		passed = (double)(now_ns() - start) / 1e9;
		progress_show(&bar, passed / seconds, "at ease");
		p->ease_rounds = n;
	}
	progress_end(&bar);
	return err;
}

static int start(struct prepared *p, struct ease *all)
{
	char **envp = parent_environment(20);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int err = envp && null_fd >= 0 ? 0 : -ENOMEM;

	for (int i = 0; i < EASE_PROGRAMS && !err; i++) {
		struct ease_row *row = &p->ease[i];

		*row = rows[i];
		row->argv[0] = find_program(rows[i].argv[0]);
		if (row->argv[0])
			err = prepare(&all[i], row, envp, null_fd);
	}
	return err;
}

int ease_measure(struct prepared *p, double seconds)
{
	static struct ease all[EASE_PROGRAMS];
	int err = start(p, all);

	if (!err)
		err = run_rounds(p, all, seconds);
	for (int i = 0; i < EASE_PROGRAMS && !err; i++) {
		if (!p->ease[i].argv[0])
			continue;
		err = count_served(&all[i], &p->ease[i]);
		if (!err)
			err = make_ratios(&p->ease[i]);
		for (int m = BY_COLD; m < METHODS; m++)
			spawn_template_close(all[i].tfd[m]);
	}
	return err;
}
