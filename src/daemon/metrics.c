/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The metrics and their file. Counters of launches have the executable's path
 * as label. There are at most PATHS_MAX paths, and "other", so that the users
 * of a machine cannot add metrics without limit.
 *
 * The file is written beside the old one, synced and renamed over it: a reader
 * finds one or the other, complete.
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

#include "shared/log/log.h"
#include "daemon/metrics.h"
#include "shared/metrics/format.h"

/* ---- text */

static void label(FILE *f, const char *path)
{
	fputs("{executable=\"", f);
	metrics_value(f, *path ? path : "other");
}

enum { LAUNCHES, STALE, REFUSED };

static uint64_t count_of(const struct totals *t, int what)
{
	return what == LAUNCHES ? t->launches
	       : what == STALE	? t->stale
				: t->refused;
}

static void put_by_path(FILE *f, const struct path_totals *paths,
			unsigned int n, int what, const char *name,
			const char *help)
{
	metrics_family(f, name, "counter", "", help);
	for (unsigned int i = 0; i < n; i++) {
		fprintf(f, METRICS_PREFIX "%s_total", name);
		label(f, paths[i].path);
		fprintf(f, "\"} %" PRIu64 "\n",
			count_of(&paths[i].totals, what));
	}
}

/* Every second power of two from 16 us to 67 s: twelve buckets are enough. */
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
		fprintf(f, METRICS_PREFIX "%s_bucket", name);
		label(f, path);
		fprintf(f, "\",le=\"%.6f\"} %" PRIu64 "\n",
			(double)(1U << power) / 1e6, count);
	}
	while (slot < HISTOGRAM_SLOTS)
		count += us[slot++];
	fprintf(f, METRICS_PREFIX "%s_bucket", name);
	label(f, path);
	fprintf(f, "\",le=\"+Inf\"} %" PRIu64 "\n" METRICS_PREFIX "%s_count",
		count, name);
	label(f, path);
	fprintf(f, "\"} %" PRIu64 "\n" METRICS_PREFIX "%s_sum", count, name);
	label(f, path);
	fprintf(f, "\"} %.9f\n", (double)sum_ns / 1e9);
}

static void put_paths(FILE *f, struct registry *registry)
{
	struct path_totals *paths;
	unsigned int n = totals_by_path(registry, &paths);

	put_by_path(f, paths, n, LAUNCHES, "launches",
		    "Launches that the guard let through.");
	put_by_path(f, paths, n, STALE, "stale_launches",
		    "Launches denied because the executable changed.");
	put_by_path(f, paths, n, REFUSED, "refused_launches",
		    "Launches denied to others than the template's creator.");
	metrics_family(f, "launch_seconds", "histogram", "seconds",
		       "From clone to exec.");
	for (unsigned int i = 0; i < n; i++)
		histogram(f, "launch_seconds", paths[i].path,
			  paths[i].totals.launch_us, paths[i].totals.launch_ns);
	metrics_family(f, "run_seconds", "histogram", "seconds",
		       "From exec to exit.");
	for (unsigned int i = 0; i < n; i++)
		histogram(f, "run_seconds", paths[i].path,
			  paths[i].totals.run_us, paths[i].totals.run_ns);
	free(paths);
}

static void put_guard(FILE *f, const struct registry *registry)
{
	const struct user root = { 0 };
	struct st_msg_status s;

	registry_status(registry, &root, &s);
	metrics_status(f, &s);
	metrics_counter(f, "registrations", "Templates registered.",
			registry->registered);
	metrics_counter(f, "registrations_rejected",
			"Templates that could not be registered.",
			registry->rejected);
}

char *metrics_text(struct registry *registry)
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

static int write_and_sync(int fd, const char *text)
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
	/* a writer that was killed may have left this file */
	if (unlink(temporary) && errno != ENOENT)
		return -errno;
	fd = open(temporary,
		  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* other users read it, whatever the umask */
	ret = fchmod(fd, 0644) ? -errno : write_and_sync(fd, text);
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
	int last;	/* the last result: a full disk is logged once */
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

void metrics_write(struct registry *registry, const char *file)
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
