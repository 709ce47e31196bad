/* SPDX-License-Identifier: BSD-2-Clause */
/* Prepares the work and serves it in a process: see ring_work.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "shared/measure/launchers.h"
#include "parent.h"
#include "ring_work.h"

static const struct program programs[PROGRAMS] = {
	[PROGRAM_TRUE] = { "true", { "true" }, 0 },
	[PROGRAM_64_KIB] = { "head, 64 KiB",
			     { "head", "-c", "65536", "/dev/zero" },
			     0 },
	[PROGRAM_GREP] = { "grep", { "grep", "-n", ":", "/etc/passwd" }, 0 },
	[PROGRAM_DASH] = { "dash -c :", { "dash", "-c", ":" }, 0 },
	[PROGRAM_CAT] = { "cat", { "cat", "/etc/passwd" }, 0 },
	[PROGRAM_SED] = { "sed", { "sed", "s/:/ /g", "/etc/passwd" }, 0 },
	[PROGRAM_GIT] = { "git --version", { "git", "--version" }, 0 },
	[PROGRAM_BASH] = { "bash -c :", { "bash", "-c", ":" }, 0 },
};

char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *rest = copy;
	char *dir, *file = NULL;

	while (copy && (dir = strsep(&rest, ":"))) {
		if (asprintf(&file, "%s/%s", *dir ? dir : ".", name) < 0)
			file = NULL;
		else if (*dir == '/' && !access(file, X_OK))
			break;
		free(file);
		file = NULL;
	}
	free(copy);
	return file;
}

/* Runs the program once, to learn how much it writes. */
static int learn_output(struct program *p, char **envp)
{
	char buffer[4096];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execve(p->argv[0], p->argv, envp);
		_exit(127);
	}
	close(fds[1]);
	p->out_len = 0;
	while ((n = read(fds[0], buffer, sizeof(buffer))) > 0)
		p->out_len += (size_t)n;
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -ECANCELED : 0;
}

int work_prepare(struct work *work)
{
	work->envp = parent_environment(20);
	if (!work->envp)
		return -ENOMEM;
	for (int i = 0; i < PROGRAMS; i++) {
		struct program *p = &work->programs[i];
		int err = 0;

		*p = programs[i];
		p->argv[0] = find_program(programs[i].argv[0]);
		if (!p->argv[0])
			err = -ENOENT;
		if (!err)
			err = learn_output(p, work->envp);
		if (err) {
			fprintf(stderr, "ring: %s: %s\n", programs[i].argv[0],
				strerror(-err));
			return err;
		}
	}
	return 0;
}

static json_t *strings_json(char *const *strings)
{
	json_t *array = json_array();

	for (; *strings; strings++)
		json_array_append_new(array, json_string(*strings));
	return array;
}

char *work_json(const struct work *work)
{
	json_t *all = json_array(), *o;
	char *text;

	for (int i = 0; i < PROGRAMS; i++) {
		const struct program *p = &work->programs[i];

		json_array_append_new(all,
				      json_pack("{s:o, s:I}", "argv",
						strings_json(p->argv), "out",
						(json_int_t)p->out_len));
	}
	o = json_pack("{s:o, s:o}", "programs", all, "env",
		      strings_json(work->envp));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

int work_failed(const char *what, int err)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(-err));
	fflush(stdout);
	return err;
}

static double own_usage_us(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static long switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw + u.ru_nivcsw;
}

static int run_and_answer(const struct engine *engine,
			  const struct round *round)
{
	static double blocked_us[RUNS_MAX];
	double cpu = own_usage_us(RUSAGE_SELF) + own_usage_us(RUSAGE_CHILDREN);
	long before = switches();
	uint64_t start = now_ns(), end;
	int err = engine->run(round, blocked_us);

	end = now_ns();
	if (err)
		return err;
	cpu = own_usage_us(RUSAGE_SELF) + own_usage_us(RUSAGE_CHILDREN) - cpu;
	printf("{\"seconds\": %.6f, \"cpu_us\": %.0f, \"switches\": %ld, "
	       "\"blocked_us\": [",
	       (double)(end - start) / 1e9, cpu, switches() - before);
	for (unsigned int i = 0; i < round->runs; i++)
		printf("%s%.3f", i ? ", " : "", blocked_us[i]);
	printf("]}\n");
	fflush(stdout);
	return 0;
}

static int serve_requests(const struct engine *engine)
{
	unsigned int program, inflight, warm, runs;
	char line[128];
	int err = 0;

	while (!err && fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%u %u %u %u", &program, &inflight, &warm,
			   &runs) != 4 ||
		    program >= PROGRAMS || !inflight ||
		    inflight > INFLIGHT_MAX || runs > RUNS_MAX)
			return work_failed("request", -EINVAL);
		if (warm)
			err = engine->run(
				&(struct round){ program, inflight, warm },
				NULL);
		if (!err)
			err = run_and_answer(
				engine,
				&(struct round){ program, inflight, runs });
	}
	return err;
}

int work_serve(const struct engine *engine, unsigned int threads,
	       unsigned int gib)
{
	static struct work work;
	char why[128] = "";
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (parent_touch_memory(gib, why, sizeof(why)))
		printf("{\"skipped\": \"%s\"}\n", why);
	else if ((err = work_prepare(&work)) ||
		 (err = engine->start(&work, threads)))
		work_failed(engine->name, err);
	else
		printf("{\"ready\": \"%s\"}\n", engine->name);
	fflush(stdout);
	return serve_requests(engine) != 0;
}
