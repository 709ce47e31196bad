/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenMetrics text. Counters of launches are labelled by the executable's path,
 * of which there are at most PATHS_MAX and "other"; the users of a machine cannot
 * make more of them.
 *
 * A file is written beside the old one, synced and renamed over it: who reads it
 * finds one or the other, whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_log.h"
#include "metrics.h"

#define PREFIX "spawn_template_"

/* ---- text */

static void family(FILE *f, const char *name, const char *type,
		   const char *unit, const char *help)
{
	fprintf(f, "# TYPE " PREFIX "%s %s\n", name, type);
	if (*unit)
		fprintf(f, "# UNIT " PREFIX "%s %s\n", name, unit);
	fprintf(f, "# HELP " PREFIX "%s %s\n", name, help);
}

static void gauge(FILE *f, const char *name, const char *help, uint64_t value)
{
	family(f, name, "gauge", "", help);
	fprintf(f, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void counter(FILE *f, const char *name, const char *help, uint64_t value)
{
	family(f, name, "counter", "", help);
	fprintf(f, PREFIX "%s_total %" PRIu64 "\n", name, value);
}

/* A path may hold any byte; the text must be UTF-8, so others are shown as ?. */
static void label(FILE *f, const char *path)
{
	fputs("{executable=\"", f);
	if (!*path)
		fputs("other", f);
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else
			fputc(c < ' ' || c > '~' ? '?' : c, f);
	}
}

enum { LAUNCHES, STALE, REFUSED };

static uint64_t of(const struct totals *t, int what)
{
	return what == LAUNCHES ? t->launches
	       : what == STALE	? t->stale
				: t->refused;
}

static void by_path(FILE *f, const struct path_totals *paths, unsigned int n,
		    int what, const char *name, const char *help)
{
	family(f, name, "counter", "", help);
	for (unsigned int i = 0; i < n; i++) {
		fprintf(f, PREFIX "%s_total", name);
		label(f, paths[i].path);
		fprintf(f, "\"} %" PRIu64 "\n", of(&paths[i].totals, what));
	}
}

/* Every second power of two from 16 us to 67 s: 12 buckets are enough. */
#define BUCKET_FIRST 4
#define BUCKET_LAST 26
#define BUCKET_STEP 2

static void histogram(FILE *f, const char *name, const char *path,
		      const uint64_t *us, uint64_t sum_ns)
{
	uint64_t count = 0;
	int slot = 0;

	for (int power = BUCKET_FIRST; power <= BUCKET_LAST;
	     power += BUCKET_STEP) {
		/* slot n ends at 2^(n+1) us */
		while (slot < power)
			count += us[slot++];
		fprintf(f, PREFIX "%s_bucket", name);
		label(f, path);
		fprintf(f, "\",le=\"%.6f\"} %" PRIu64 "\n",
			(double)(1U << power) / 1e6, count);
	}
	while (slot < HISTOGRAM_SLOTS)
		count += us[slot++];
	fprintf(f, PREFIX "%s_bucket", name);
	label(f, path);
	fprintf(f, "\",le=\"+Inf\"} %" PRIu64 "\n" PREFIX "%s_count", count,
		name);
	label(f, path);
	fprintf(f, "\"} %" PRIu64 "\n" PREFIX "%s_sum", count, name);
	label(f, path);
	fprintf(f, "\"} %.9f\n", (double)sum_ns / 1e9);
}

static void put_paths(FILE *f, const struct registry *registry)
{
	struct path_totals *paths;
	unsigned int n = totals_by_path(registry, &paths);

	by_path(f, paths, n, LAUNCHES, "launches",
		"Launches that the guard let through.");
	by_path(f, paths, n, STALE, "stale_launches",
		"Launches denied because the executable changed.");
	by_path(f, paths, n, REFUSED, "refused_launches",
		"Launches denied to who did not create the template.");
	family(f, "launch_seconds", "histogram", "seconds",
	       "From clone to exec.");
	for (unsigned int i = 0; i < n; i++)
		histogram(f, "launch_seconds", paths[i].path,
			  paths[i].totals.launch_us, paths[i].totals.launch_ns);
	family(f, "run_seconds", "histogram", "seconds", "From exec to exit.");
	for (unsigned int i = 0; i < n; i++)
		histogram(f, "run_seconds", paths[i].path,
			  paths[i].totals.run_us, paths[i].totals.run_ns);
	free(paths);
}

static const char *mode_name(uint32_t attached)
{
	return attached == ST_STATUS_LSM	? "lsm"
	       : attached == ST_STATUS_FMOD_RET ? "fmod_ret"
						: "none";
}

static void put_guard(FILE *f, const struct registry *registry)
{
	const struct user root = { 0 };
	struct st_msg_status s;

	registry_status(registry, &root, &s);
	family(f, "guard", "info", "", "The guard that is in force.");
	fprintf(f,
		PREFIX "guard_info{version=\"%s\",kernel=\"%s\",mode=\"%s\"} "
		       "1\n",
		s.version, s.kernel, mode_name(s.attached));
	gauge(f, "guard_proved",
	      "Whether enforcement was proved by denials at start.",
	      s.proved == ST_PROVED_ALL);
	gauge(f, "guard_adopted",
	      "Whether an earlier daemon's were taken over.", s.adopted);
	gauge(f, "guard_pins_missing", "Pins that somebody removed.",
	      s.pins_missing);
	gauge(f, "guard_clients", "Connections.", s.clients);
	gauge(f, "guard_clients_limit", "Connections at most.", s.clients_max);
	gauge(f, "guard_templates", "Templates registered.", s.templates);
	gauge(f, "guard_templates_limit", "Templates at most.",
	      s.templates_max);
	gauge(f, "guard_executables", "Executables watched.", s.executables);
	gauge(f, "guard_executables_limit", "Executables at most.",
	      s.executables_max);
	family(f, "guard_resident_bytes", "gauge", "bytes",
	       "Memory of the daemon.");
	fprintf(f, PREFIX "guard_resident_bytes %" PRIu64 "\n",
		(uint64_t)s.rss_bytes);
	counter(f, "registrations", "Templates registered.",
		registry->registered);
	counter(f, "registrations_rejected",
		"Templates that could not be registered.", registry->rejected);
	counter(f, "writes_denied", "Writes to pinned executables denied.",
		s.write_denied);
	counter(f, "events_lost", "Events that found no room.", s.events_lost);
}

char *metrics_text(const struct registry *registry)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	bool bad;

	if (!f)
		return NULL;
	put_guard(f, registry);
	put_paths(f, registry);
	fputs("# EOF\n", f);
	bad = ferror(f);
	if (fclose(f) || bad) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- file */

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int metrics_replace(const char *file, const char *text)
{
	char temporary[PATH_MAX];
	int fd, ret;

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", file) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	/* of one that was killed */
	if (unlink(temporary) && errno != ENOENT)
		return -errno;
	fd = open(temporary,
		  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* readers are of other users, whatever the umask */
	ret = fchmod(fd, 0644) ? -errno : write_all(fd, text);
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(temporary, file))
		ret = -errno;
	if (ret < 0)
		unlink(temporary);
	return ret;
}

static struct {
	pthread_t thread;
	const char *file;
	char *text;
	bool started;
	_Atomic bool done;
	int last;	/* so that a full disk is told of once */
} writer;

static void *write_it(void *arg)
{
	int ret = metrics_replace(writer.file, writer.text);

	(void)arg;
	if (ret < 0 && ret != writer.last)
		log_line("cannot write %s: %s", writer.file, strerror(-ret));
	writer.last = ret;
	free(writer.text);
	atomic_store(&writer.done, true);
	return NULL;
}

void metrics_finish(void)
{
	if (writer.started)
		pthread_join(writer.thread, NULL);
	writer.started = false;
}

void metrics_write(const struct registry *registry, const char *file)
{
	sigset_t all, old;

	if (writer.started && !atomic_load(&writer.done))
		return;
	metrics_finish();
	writer.text = metrics_text(registry);
	if (!writer.text)
		return;
	writer.file = file;
	atomic_store(&writer.done, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	writer.started = !pthread_create(&writer.thread, NULL, write_it, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!writer.started)
		free(writer.text);
}
