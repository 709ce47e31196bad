/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal of top: another screen, keys one by one, and back again. It is
 * left as it was found at the end, by signals too, and while this process is
 * stopped; then others may change its modes, which are read anew.
 *
 * Signals are blocked but for the waits, so that what is drawn is whole; those
 * that tell of a bug are not, and put the terminal back from their handler.
 *
 * The output may be held, by Ctrl-S or because nobody reads it. Nothing waits for
 * it that a signal or a key does not end, and at the end nothing does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/guard/top.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Another screen, without cursor and without lines that go on below. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static const int asking[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
static const int noted[] = { SIGTSTP, SIGCONT, SIGWINCH };

/* What else ends a process. */
static const int fatal[] = {
	SIGABRT, SIGALRM, SIGBUS,  SIGFPE,    SIGILL,  SIGIO,
	SIGPIPE, SIGPROF, SIGPWR,  SIGSEGV,   SIGSYS,  SIGSTKFLT,
	SIGTRAP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};

static int out = STDOUT_FILENO; /* not to be waited for, if that can be had */
static struct termios modes;
static volatile sig_atomic_t shown; /* the other screen is */
static volatile sig_atomic_t ending, stopping, continued, resized;
static sigset_t waiting; /* the mask */
static struct sigaction fatal_before[COUNT(fatal)];

static bool has_room(void)
{
	struct pollfd pfd = { .fd = out, .events = POLLOUT };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLOUT);
}

/* TCOON alone undoes TCOOFF, but not Ctrl-S. What nobody has read is dropped: it
 * was drawn on a screen that goes away. */
static void make_room(void)
{
	if (has_room())
		return;
	tcflow(out, TCOOFF);
	tcflow(out, TCOON);
	if (!has_room())
		tcflush(out, TCOFLUSH);
}

/* From a background process this would stop it; there it is not shown. Only
 * local modes differ, for which the output need not be waited for. */
static void restore(void)
{
	sigset_t ttou, before;

	if (!shown)
		return;
	shown = 0;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	make_room();
	if (has_room())
		(void)!write(out, LEAVE, strlen(LEAVE));
	if (tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void screen_close(void)
{
	restore();
}

static int enter(void)
{
	struct termios raw;

	/* not those that this has set itself, before SIGSTOP or just SIGCONT */
	if (!shown && tcgetattr(STDIN_FILENO, &modes) < 0)
		return -errno;
	raw = modes;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* stops a background process until it is in the foreground */
	while (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		if (errno != EINTR)
			return -errno;
	shown = 1;
	screen_write(ENTER, strlen(ENTER));
	return 0;
}

/* ---- signals */

static void note(int sig)
{
	switch (sig) {
	case SIGTSTP:
		stopping = 1;
		break;
	case SIGCONT:
		continued = 1;
		break;
	case SIGWINCH:
		resized = 1;
		break;
	default:
		ending = sig;
	}
}

static void die(int sig)
{
	int err = errno;

	restore();
	for (size_t i = 0; i < COUNT(fatal); i++)
		if (fatal[i] == sig)
			sigaction(sig, &fatal_before[i], NULL);
	raise(sig);
	errno = err;
}

/* What was ignored from the start stays so. */
static void watch(int sig, void (*handler)(int), struct sigaction *before)
{
	struct sigaction action = { .sa_handler = handler }, was;

	if (sigaction(sig, NULL, &was) || was.sa_handler == SIG_IGN)
		return;
	if (before)
		*before = was;
	sigaction(sig, &action, NULL); /* without SA_RESTART */
}

static void watch_all(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < COUNT(asking); i++) {
		sigaddset(&blocked, asking[i]);
		watch(asking[i], note, NULL);
	}
	for (size_t i = 0; i < COUNT(noted); i++) {
		sigaddset(&blocked, noted[i]);
		watch(noted[i], note, NULL);
	}
	for (size_t i = 0; i < COUNT(fatal); i++)
		watch(fatal[i], die, &fatal_before[i]);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	for (size_t i = 0; i < COUNT(asking); i++)
		sigdelset(&waiting, asking[i]);
	for (size_t i = 0; i < COUNT(noted); i++)
		sigdelset(&waiting, noted[i]);
}

/* O_NONBLOCK is not set on what others have open, too. */
static void open_output(void)
{
	int fd = open("/proc/self/fd/1",
		      O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		out = fd;
}

int screen_open(void)
{
	open_output();
	watch_all();
	atexit(screen_close);
	return enter();
}

const sigset_t *screen_mask(void)
{
	return &waiting;
}

/* Stop as if SIGTSTP had not been caught; returns when it goes on. */
static void stop(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL }, before;
	sigset_t set;

	restore();
	sigaction(SIGTSTP, &usual, &before);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP); /* blocked so far */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTSTP, &before, NULL);
}

int screen_signals(bool *ret_changed)
{
	*ret_changed = stopping || continued || resized;
	resized = 0;
	while ((stopping || continued) && !ending) {
		bool stops = stopping;

		stopping = 0;
		continued = 0;
		if (stops)
			stop();
		/* after SIGSTOP too, when a shell has set its own modes */
		if (enter() < 0)
			ending = SIGHUP;
	}
	return ending;
}

/* Waits until there is room. Return: false if something else has come: a key is
 * looked at before the output goes on. */
static bool wait_for_room(void)
{
	struct pollfd pfd[] = {
		{ .fd = out, .events = POLLOUT },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	if (ppoll(pfd, COUNT(pfd), NULL, &waiting) < 0)
		return errno == EINTR;
	return pfd[0].revents;
}

/* What is not written by then is dropped; the next frame has all of it. */
void screen_write(const char *text, size_t size)
{
	while (size && !ending && !stopping && wait_for_room()) {
		ssize_t n = write(out, text, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		text += n < 0 ? 0 : n;
		size -= n < 0 ? 0 : (size_t)n;
	}
}
