/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-templated: the daemon of the guard. It loads the kernel programs or
 * adopts loaded ones, registers templates for clients, and reports to clients
 * what the programs see. The programs enforce: a launch never waits for the
 * daemon, and guarded clients stay guarded after its end.
 *
 * One thread does everything that cannot block: see metrics.c, which has
 * another, and close.c, which has processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "daemon/client.h"
#include "daemon/close.h"
#include "shared/log/log.h"
#include "daemon/options.h"
#include "daemon/metrics.h"
#include "daemon/rights.h"
#include "daemon/service.h"

#define SWEEP_NS (5 * 1000 * ST_MS)

#define CLOSE_NS (100 * ST_MS)

/* One per connection, one per process, and those that wait to be closed. */
#define DESCRIPTORS (CLIENTS_MAX + TEMPLATES_MAX + CLIENTS_MAX + 2048)

struct events_watch {
	struct watch watch;
	struct registry *registry;
};

struct signals_watch {
	struct watch watch;
	bool stop;
};

struct daemon {
	struct options options;
	struct listener listener;
	struct loader *loader;
	struct loop loop;
	struct registry registry;
	struct clients clients;
	struct events_watch events;
	struct signals_watch signals;
	unsigned int pins_missing;
	int64_t sweep_at, metrics_at, watchdog_at;
	int64_t watchdog_every;
};

/* ---- set-up */

/* Fills 0, 1 and 2, so that no later descriptor gets these numbers. */
static void occupy_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR | O_CLOEXEC);
}

/*
 * Allows as many descriptors as clients may need. If that is refused, the
 * daemon serves fewer clients.
 */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = DESCRIPTORS;
	if (limit.rlim_max >= DESCRIPTORS) {
		setrlimit(RLIMIT_NOFILE, &limit);
		return;
	}
	limit.rlim_max = DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) &&
	    !getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void say_error(const struct loader_error *error)
{
	log_line("%s", error->text);
	if (*error->remedy)
		log_line("%s", error->remedy);
}

static int load_programs(struct daemon *d)
{
	const struct loader_options options = {
		.pin_dir = d->options.pin_dir,
		.inspect_gid = d->options.inspect_gid,
		.verbose = d->options.verbose,
		.force = d->options.mode,
		.upgrade = d->options.upgrade,
	};
	struct loader_error error = { "", "" };
	int ret = loader_open(&options, &d->loader, &error);

	if (ret < 0)
		say_error(&error);
#ifdef __GLIBC__
	/* give back memory that only loading needs */
	malloc_trim(0);
#endif
	return ret;
}

static int unload(const struct options *options)
{
	struct loader_error error = { "", "" };
	int ret = loader_unload(options->pin_dir, &error);

	if (ret < 0)
		say_error(&error);
	else
		log_line(ret ? "nothing is guarded any more"
			     : "no loaded program can be seen from "
			       "here");
	return ret;
}

/* ---- events */

static void events_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	registry_events(WATCH_OWNER(struct events_watch, watch)->registry);
}

static void signals_ready(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_verbose("%s", strsignal((int)info.ssi_signo));
	WATCH_OWNER(struct signals_watch, watch)->stop = true;
}

static int watch_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	d->signals.watch = (struct watch){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = signals_ready,
	};
	if (d->signals.watch.fd < 0)
		return -errno;
	return loop_add(&d->loop, &d->signals.watch, EPOLLIN);
}

static int watch_events(struct daemon *d)
{
	d->events = (struct events_watch){
		.watch = { .fd = loader_events_fd(d->loader),
			   .ready = events_ready },
		.registry = &d->registry,
	};
	return loop_add(&d->loop, &d->events.watch, EPOLLIN);
}

/* ---- periodic work */

/*
 * Warns if pins were removed: their programs are no longer in force, or the
 * next daemon will not find them.
 */
static void check_pins(struct daemon *d)
{
	unsigned int missing = loader_pins_missing(d->loader);

	if (missing == d->pins_missing)
		return;
	d->pins_missing = missing;
	if (missing) {
		log_line("%u pins are missing: somebody removed them", missing);
		log_line("stop the daemon, run 'spawn-templated --unload', "
			 "and start it again");
	} else {
		log_line("all pins are there again");
	}
}

static void tell_status(const struct daemon *d)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "STATUS=%u templates, %u connections, %u pins missing",
		 d->registry.n_templates, d->registry.clients, d->pins_missing);
	service_notify(text);
}

/* Does the work that is due. Return: ms until the next. */
static int do_due(struct daemon *d)
{
	int64_t now = st_now(), next;

	if (now >= d->sweep_at) {
		d->sweep_at = now + SWEEP_NS;
		registry_sweep(&d->registry);
		clients_check(&d->clients, now);
		check_pins(d);
		tell_status(d);
	}
	if (now >= d->registry.due)
		registry_events(&d->registry);
	if (now >= d->metrics_at) {
		d->metrics_at = now + (int64_t)d->options.metrics_seconds *
					      1000 * ST_MS;
		metrics_write(&d->registry, d->options.metrics_file);
	}
	if (now >= d->watchdog_at) {
		d->watchdog_at = now + d->watchdog_every;
		service_notify("WATCHDOG=1");
	}
	next = foreign_work() ? now + CLOSE_NS : d->sweep_at;
	clients_go_on(&d->clients);
	if (d->sweep_at < next)
		next = d->sweep_at;
	if (d->registry.due < next)
		next = d->registry.due;
	if (d->metrics_at < next)
		next = d->metrics_at;
	if (d->watchdog_at < next)
		next = d->watchdog_at;
	return (int)((next - now) / ST_MS) + 1;
}

static void set_timers(struct daemon *d)
{
	int64_t now = st_now();

	d->sweep_at = now;
	d->metrics_at = d->options.metrics_file ? now : ST_NEVER;
	d->watchdog_every = (int64_t)service_watchdog_ns();
	d->watchdog_at = d->watchdog_every ? now : ST_NEVER;
}

static int run_daemon(struct daemon *d)
{
	int ret = 0;

	set_timers(d);
	service_notify("READY=1");
	while (!d->signals.stop && !ret)
		ret = loop_round(&d->loop, do_due(d));
	service_notify("STOPPING=1");
	if (ret < 0)
		log_line("cannot wait for events: %s", strerror(-ret));
	if (d->options.metrics_file) {
		metrics_finish();
		metrics_write(&d->registry, d->options.metrics_file);
		metrics_finish();
	}
	return ret;
}

/* ---- start and end */

static void say_ready(const struct daemon *d)
{
	static const char *const modes[] = { "no", "LSM", "fmod_ret" };
	uint32_t mode = loader_attached(d->loader);

	log_line("%s %s programs, %s; %u templates",
		 loader_adopted(d->loader) ? "took over" : "loaded",
		 modes[mode <= ST_STATUS_FMOD_RET ? mode : 0],
		 loader_proved(d->loader) == ST_PROVED_ALL
			 ? "proved to be in force"
			 : "not completely proved to be in force",
		 d->registry.n_templates);
}

static int serve(struct daemon *d)
{
	int ret = watch_signals(d);

	if (!ret)
		ret = registry_open(&d->registry, d->loader, &d->loop,
				    d->options.quota);
	if (ret < 0) {
		log_line("cannot set up: %s", strerror(-ret));
		return ret;
	}
	ret = watch_events(d);
	if (!ret)
		ret = listener_open(&d->listener, &d->options);
	if (ret < 0)
		goto out;
	/* it may need more descriptors than allowed */
	if (loader_adopted(d->loader))
		registry_adopt(&d->registry);
	ret = clients_open(&d->clients, &d->registry, d->listener.fd);
	if (!ret) {
		rights_drop(d->options.metrics_file);
		say_ready(d);
		ret = run_daemon(d);
	}
	clients_close(&d->clients);
out:
	registry_close(&d->registry);
	loop_reap(&d->loop);
	return ret;
}

static int start_daemon(struct daemon *d)
{
	int ret = listener_lock(&d->listener, &d->options);

	if (ret < 0)
		return ret;
	if (d->options.unload) {
		ret = unload(&d->options);
		goto out;
	}
	ret = loop_open(&d->loop);
	if (ret < 0) {
		log_line("cannot set up: %s", strerror(-ret));
		goto out;
	}
	raise_limit();
	ret = load_programs(d);
	if (ret < 0)
		goto out_loop;
	ret = serve(d);
	loader_close(d->loader);
	if (d->signals.watch.fd > 0)
		close(d->signals.watch.fd);
out_loop:
	loop_close(&d->loop);
out:
	listener_close(&d->listener);
	return ret;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	int status, ret;

	occupy_stdio();
	ret = foreign_begin();
	status = options_parse(&d.options, argc, argv);
	if (status >= 0)
		return status;
	if (ret < 0) {
		log_line("cannot set up: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	log_is_verbose = d.options.verbose;
	return start_daemon(&d) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
