/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures a session shell, one command at a time: a bash that has sourced a file with
 * 200 functions, against `bash -lc`, which sources the same file as ~/.bash_profile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parent.h"
#include "prepared.h"
#include "shared/measure/launchers.h"

#define FUNCTIONS 200
#define DROPPED 4
#define READY_MS 200
#define COMMAND "work_7 --name=one two three"

/* Functions as people write them: options, a loop, messages. */
static const char function[] = "work_%d() {\n"
			       "\tlocal name=${1:-none} n=0 item\n"
			       "\tfor item in \"$@\"; do\n"
			       "\t\tcase $item in\n"
			       "\t\t-v) set -x ;;\n"
			       "\t\t--name=*) name=${item#--name=} ;;\n"
			       "\t\t*) n=$((n + 1)) ;;\n"
			       "\t\tesac\n"
			       "\tdone\n"
			       "\tif [ \"$n\" -gt 9 ]; then\n"
			       "\t\techo \"work_%d: too many: $n\" >&2\n"
			       "\t\treturn 1\n"
			       "\tfi\n"
			       "\tprintf '%%s %%s\\n' \"$name\" \"$n\"\n"
			       "}\n";

struct session {
	char home[32], path[64], variable[48];
	char *bash, *envp[64], *login[4], *command[4];
	struct launch_plan plans[SESSION_WAYS];
	int tfd, null_fd;
};

static int write_profile(struct session *s)
{
	FILE *out;
	int err = 0;

	strcpy(s->home, "/tmp/spawn-template-XXXXXX");
	if (!mkdtemp(s->home))
		return -errno;
	snprintf(s->path, sizeof(s->path), "%s/.bash_profile", s->home);
	out = fopen(s->path, "we");
	if (!out)
		return -errno;
	for (int i = 0; i < FUNCTIONS; i++)
		fprintf(out, function, i, i);
	if (fclose(out))
		err = -errno;
	return err;
}

/* The environment of both, with the directory as HOME. */
static int make_environment(struct session *s)
{
	char **from = parent_environment(20);
	size_t n = 0;

	if (!from)
		return -ENOMEM;
	for (; *from && n < 62; from++)
		if (strncmp(*from, "HOME=", 5) != 0)
			s->envp[n++] = *from;
	snprintf(s->variable, sizeof(s->variable), "HOME=%s", s->home);
	s->envp[n] = s->variable;
	return 0;
}

static int open_session(struct session *s)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC |
		     SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	args.filename = (uintptr_t)s->bash;
	args.warm_preload = (uintptr_t)s->path;
	s->tfd = spawn_template_create(&args, sizeof(args));
	return s->tfd < 0 ? s->tfd : 0;
}

static int prepare(struct session *s)
{
	struct launch_spec spec = {
		.path = s->bash,
		.tfd = -1,
		.argv = s->login,
		.envp = s->envp,
		.cwd = "/",
		.stdio = { s->null_fd, s->null_fd, s->null_fd },
	};
	int err;

	memcpy(s->login, (char *[]){ "bash", "-lc", COMMAND, NULL },
	       sizeof(s->login));
	memcpy(s->command, (char *[]){ "bash", "-c", COMMAND, NULL },
	       sizeof(s->command));
	err = launch_prepare(&s->plans[SESSION_LOGIN], &spec);
	spec.tfd = s->tfd;
	spec.argv = s->command;
	return err ? err : launch_prepare(&s->plans[SESSION_FORK], &spec);
}

static int start(struct session *s)
{
	int err;

	s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	err = s->null_fd < 0 ? -errno : write_profile(s);
	if (!err)
		err = make_environment(s);
	if (!err)
		err = open_session(s);
	return err ? err : prepare(s);
}

/* A process that is ready goes on to copy pages ahead. */
static void wait_ready(int tfd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	await_prepared(tfd, READY_MS);
	nanosleep(&ms, NULL);
}

static int measure_one(struct session *s, struct session_row *row, int way,
		       bool kept)
{
	struct launched l;
	struct rusage usage;
	siginfo_t info;
	double us;
	int err;

	wait_ready(s->tfd);
	err = launch(&s->plans[way],
		     way == SESSION_LOGIN ? LAUNCH_POSIX_SPAWN
					  : LAUNCH_TEMPLATE,
		     &l);
	if (!err)
		err = launch_wait(&l, &info, &usage);
	if (err)
		return err;
	us = (double)(now_ns() - l.start_ns) / 1e3;
	if (l.pidfd >= 0)
		close(l.pidfd);
	if (info.si_code != CLD_EXITED || info.si_status)
		return -ECANCELED;
	return kept ? samples_add(&row->us[way], us) : 0;
}

static int run_rounds(struct session *s, struct session_row *row,
		      double seconds)
{
	uint64_t begin = now_ns();
	double passed = 0;
	int err = 0;

	for (unsigned int n = 0; !err && (n < 14 || passed < seconds); n++) {
		for (int i = 0; i < SESSION_WAYS && !err; i++)
			err = measure_one(s, row,
					  (int)(n + (unsigned int)i) %
						  SESSION_WAYS,
					  n >= DROPPED);
		passed = (double)(now_ns() - begin) / 1e9;
		row->rounds = n + 1 - DROPPED;
	}
	return err;
}

static void finish(struct session *s)
{
	if (s->tfd >= 0)
		spawn_template_close(s->tfd);
	if (s->null_fd >= 0)
		close(s->null_fd);
	unlink(s->path);
	rmdir(s->home);
	free(s->bash);
}

int session_measure(struct prepared *p, double seconds)
{
	struct session_row *row = &p->session;
	struct session s = { .tfd = -1, .null_fd = -1 };
	struct spawn_template_stat st;
	int err;

	s.bash = find_program("bash");
	if (!s.bash)
		return 0;
	err = start(&s);
	if (!err)
		err = run_rounds(&s, row, seconds);
	if (!err)
		err = spawn_template_stat(s.tfd, &st, sizeof(st));
	for (int i = 0; i < SESSION_WAYS && !err; i++)
		err = samples_sort(&row->us[i]);
	if (!err) {
		row->served =
			100. * (double)st.warm / (double)(st.warm + st.cold);
		err = samples_ratio(&row->us[SESSION_FORK],
				    &row->us[SESSION_LOGIN], &row->ratio);
	}
	finish(&s);
	return err;
}
