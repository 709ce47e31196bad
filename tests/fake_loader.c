/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader's interface without a kernel program, for tests of the daemon and of
 * its clients: the maps are an array in a file, and nothing is enforced.
 *
 * Executables are invalidated when inotify sees them written or changed. The loader
 * notices neither launches nor closed templates; tests send such events.
 *
 * Environment:
 *   FAKE_LOADER_STATE=FILE    keep the maps there: the next daemon adopts them
 *   FAKE_LOADER_EVENTS=PATH   a datagram socket that takes struct exec_event
 *   FAKE_LOADER_OPEN=ERRNO    loader_open() fails with it
 *   FAKE_LOADER_REGISTER=ERRNO, FAKE_LOADER_DENY_WRITE=ERRNO
 *                             every registration fails, or those with deny-write
 *   FAKE_LOADER_PINS=N        N pins are missing
 *   FAKE_LOADER_EXECUTABLES=N N more executables are reported
 */
#include "fake_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/proto.h"

/* ---- open, close */

static int open_maps(struct loader *l)
{
	const char *file = getenv("FAKE_LOADER_STATE");
	char path[64];
	struct stat st;
	int fd;

	fd = file ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644)
		  : memfd_create("fake-maps", MFD_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	l->adopted = st.st_size == (off_t)sizeof(*l->maps);
	if (fchmod(fd, 0644) || ftruncate(fd, sizeof(*l->maps)))
		return -errno;
	l->maps = mmap(NULL, sizeof(*l->maps), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (l->maps == MAP_FAILED)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	l->words_fd = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return l->words_fd < 0 ? -errno : 0;
}

static int add_to_epoll(struct loader *l, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_socket(struct loader *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("FAKE_LOADER_EVENTS");

	l->socket_fd = -1;
	if (!path)
		return 0;
	snprintf(l->socket_path, sizeof(l->socket_path), "%s", path);
	memcpy(addr.sun_path, l->socket_path, sizeof(addr.sun_path));
	unlink(path);
	l->socket_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->socket_fd < 0 ||
	    bind(l->socket_fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return add_to_epoll(l, l->socket_fd);
}

static int open_events(struct loader *l)
{
	int ret;

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->epoll_fd < 0 || l->inotify_fd < 0)
		return -errno;
	ret = add_to_epoll(l, l->inotify_fd);
	return ret < 0 ? ret : open_socket(l);
}

int loader_open(const struct loader_options *options, struct loader **loader,
		struct loader_error *error)
{
	struct loader *l = calloc(1, sizeof(*l));
	int ret = l ? -fake_number("FAKE_LOADER_OPEN") : -ENOMEM;

	(void)options;
	if (!ret)
		ret = open_maps(l);
	if (!ret)
		ret = open_events(l);
	if (ret < 0) {
		free(l);
		snprintf(error->text, sizeof(error->text),
			 "the fake programs cannot be loaded: %s",
			 strerror(-ret));
		snprintf(error->remedy, sizeof(error->remedy),
			 "look at FAKE_LOADER_* in the environment");
		return ret;
	}
	/* the watches of an earlier process are gone */
	for (unsigned int i = 0; i < EXEC_CACHE_MAX; i++)
		l->maps->execs[i].watch = 0;
	*loader = l;
	return 0;
}

void loader_close(struct loader *l)
{
	munmap(l->maps, sizeof(*l->maps));
	close(l->words_fd);
	close(l->epoll_fd);
	close(l->inotify_fd);
	if (l->socket_fd >= 0) {
		close(l->socket_fd);
		unlink(l->socket_path);
	}
	free(l);
}

int loader_unload(const char *pin_dir, struct loader_error *error)
{
	const char *file = getenv("FAKE_LOADER_STATE");
	static const uint64_t zero[EXEC_CACHE_MAX];
	int fd;

	(void)pin_dir;
	fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	/* clients with the old map see that nothing is guarded */
	if (pwrite(fd, zero, sizeof(zero), 0) != sizeof(zero) || unlink(file)) {
		snprintf(error->text, sizeof(error->text), "%s: %s", file,
			 strerror(errno));
		close(fd);
		return -EIO;
	}
	close(fd);
	return 1;
}

uint32_t loader_attached(const struct loader *l)
{
	(void)l;
	return ST_STATUS_LSM;
}

uint32_t loader_proved(const struct loader *l)
{
	(void)l;
	return ST_PROVED_ALL;
}

bool loader_adopted(const struct loader *l)
{
	return l->adopted;
}

unsigned int loader_pins_missing(const struct loader *l)
{
	(void)l;
	return (unsigned int)fake_number("FAKE_LOADER_PINS");
}

/* ---- events */

typedef void event_fn(const struct exec_event *event, void *arg);

static void invalidate(struct loader *l, struct fake_exec *e, uint32_t why,
		       event_fn *fn, void *arg)
{
	struct exec_event event = {
		.time_ns = fake_boot_ns(),
		.generation = e->entry.generation,
		.exec = e->key,
		.type = EVENT_INVALIDATED,
		.why = why,
		.comm = "inotify",
	};

	if (e->entry.state != EXEC_FRESH)
		return;
	fake_set_state(l, e, EXEC_STALE, why);
	fn(&event, arg);
}

static int take_inotify(struct loader *l, event_fn *fn, void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t len = read(l->inotify_fd, buf, sizeof(buf));
	const struct inotify_event *in;
	int n = 0;

	for (char *p = buf; len > 0 && p < buf + len;
	     p += sizeof(*in) + in->len) {
		in = (void *)p;
		for (int i = 0; i < EXEC_CACHE_MAX; i++) {
			struct fake_exec *e = &l->maps->execs[i];

			if (!e->used || e->watch != in->wd)
				continue;
			if (in->mask & IN_IGNORED)
				e->watch = 0;
			else
				invalidate(l, e,
					   in->mask & IN_ATTRIB ? WHY_ATTRIBUTES
								: WHY_OPENED,
					   fn, arg);
			n++;
		}
	}
	return n;
}

/* Return: true if that was the last launch of a closed template. */
static bool apply_launch(struct loader *l, struct template_entry *t,
			 uint32_t what)
{
	if (what != FAKE_LAUNCH_ENDS) {
		l->maps->totals.launches++;
		t->launches++;
		t->launch_ns += 100000;
		t->launch_us[6]++;
		t->running++;
	}
	if (what != FAKE_LAUNCH_BEGINS) {
		t->run_ns += 1000000;
		t->run_us[9]++;
		t->running--;
	}
	return !t->running && t->state == TEMPLATE_CLOSED;
}

/* Changes the maps as an event from a test says. */
static void apply(struct loader *l, struct exec_event *event)
{
	int i = fake_index(l, event->id);
	struct template_entry *t = i < 0 ? NULL : &l->maps->templates[i];

	switch (event->type) {
	case EVENT_CLOSED:
		if (t)
			fake_close_template(l, i);
		break;
	case EVENT_STALE:
	case EVENT_REFUSED:
		if (!t)
			break;
		t->last_why = event->why;
		*(event->type == EVENT_STALE ? &t->stale : &t->refused) += 1;
		*(event->type == EVENT_STALE ? &l->maps->totals.stale
					     : &l->maps->totals.refused) += 1;
		break;
	case EVENT_WRITE_DENIED:
		l->maps->totals.write_denied++;
		break;
	case EVENT_INVALIDATED:
		for (int n = 0; n < EXEC_CACHE_MAX; n++) {
			struct fake_exec *e = &l->maps->execs[n];

			if (e->used && e->entry.generation == event->generation)
				fake_set_state(l, e, EXEC_STALE, event->why);
		}
		break;
	case 0:
		if (t && apply_launch(l, t, event->why))
			event->type = EVENT_CLOSED;
		break;
	default:
		break;
	}
}

static int take_socket(struct loader *l, event_fn *fn, void *arg)
{
	struct exec_event event;
	int n = 0;

	while (l->socket_fd >= 0 && n < LOADER_EVENTS &&
	       recv(l->socket_fd, &event, sizeof(event), 0) == sizeof(event)) {
		apply(l, &event);
		/* time 0: the event is lost; 2: it does not arrive yet */
		if (!event.time_ns)
			l->maps->events_lost++;
		else if (event.type && event.time_ns != 2)
			fn(&event, arg);
		n++;
	}
	return n;
}

int loader_events(struct loader *l, event_fn *fn, void *arg)
{
	int n = take_inotify(l, fn, arg);

	return n + take_socket(l, fn, arg);
}
