/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal of top: another screen, keys one by one, and back again. It is
 * restored at the end, by signals, too, and while this process is stopped; then
 * others may change its modes, which are read anew.
 *
 * Signals are blocked except while waiting, so that a frame is drawn whole.
 * Signals that report a bug are not blocked: their handler restores the
 * terminal.
 *
 * Ctrl-S may hold up the output, or a reader that does not read. Every wait for
 * it ends on a signal or a key, and at the end nothing waits for it.
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

/* Another screen, without cursor and without wrapped lines. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static const int asking[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
static const int noted[] = { SIGTSTP, SIGCONT, SIGWINCH };

/* Other signals that end a process. */
static const int fatal[] = {
	SIGABRT, SIGALRM, SIGBUS,  SIGFPE,    SIGILL,  SIGIO,
	SIGPIPE, SIGPROF, SIGPWR,  SIGSEGV,   SIGSYS,  SIGSTKFLT,
	SIGTRAP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};

static int out = STDOUT_FILENO; /* a non-blocking copy if possible */
static struct termios modes;
static volatile sig_atomic_t shown; /* the other screen is */
static volatile sig_atomic_t ending, stopping, continued, resized;
static sigset_t waiting; /* the mask while waiting */
static struct sigaction fatal_before[COUNT(fatal)];

static bool has_room(void)
{
	struct pollfd pfd = { .fd = out, .events = POLLOUT };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLOUT);
}

/*
 * Make the held-up output move again: TCOON undoes Ctrl-S only after TCOOFF.
 * Output that nobody has read is dropped; it belongs to a screen that goes
 * away.
 */
static void make_terminal_room(void)
{
	if (has_room())
		return;
	tcflow(out, TCOOFF);
	tcflow(out, TCOON);
	if (!has_room())
		tcflush(out, TCOFLUSH);
}

/*
 * Restore the terminal. A background process would be stopped by setting modes,
 * and its screen is not shown. Only local modes differ, so the output need not
 * drain.
 */
static void restore(void)
{
	sigset_t ttou, before;

	if (!shown)
		return;
	shown = 0;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	make_terminal_room();
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

static int enter_screen(void)
{
	struct termios raw;

	/* do not read modes that this process has set itself */
	if (!shown && tcgetattr(STDIN_FILENO, &modes) < 0)
		return -errno;
	raw = modes;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* a background process stops here until it is in the foreground */
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

/* Handle a signal, unless it was ignored from the start. */
static void watch_signal(int sig, void (*handler)(int),
			 struct sigaction *before)
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
		watch_signal(asking[i], note, NULL);
	}
	for (size_t i = 0; i < COUNT(noted); i++) {
		sigaddset(&blocked, noted[i]);
		watch_signal(noted[i], note, NULL);
	}
	for (size_t i = 0; i < COUNT(fatal); i++)
		watch_signal(fatal[i], die, &fatal_before[i]);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	for (size_t i = 0; i < COUNT(asking); i++)
		sigdelset(&waiting, asking[i]);
	for (size_t i = 0; i < COUNT(noted); i++)
		sigdelset(&waiting, noted[i]);
}

/* Open the output anew: O_NONBLOCK must not affect others that share it. */
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
	return enter_screen();
}

const sigset_t *screen_mask(void)
{
	return &waiting;
}

/* Stop as if SIGTSTP had not been caught. Return when the process continues. */
static void stop(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL }, before;
	sigset_t set;

	restore();
	sigaction(SIGTSTP, &usual, &before);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP); /* pending, since it is blocked */
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
		/* after SIGSTOP, too: a shell may have set its own modes */
		if (enter_screen() < 0)
			ending = SIGHUP;
	}
	return ending;
}

/*
 * Wait until there is room.
 * Return: false if a key has come, which is handled before the output goes on.
 */
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

/*
 * Write until a signal or key comes; drop the rest: the next frame has it all.
 */
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
