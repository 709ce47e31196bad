/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for tests of runs: it reads, writes, makes trees of processes and behaves
 * badly. Its arguments are words, taken in order:
 *
 *	( WORDS )		a child does these words and exits with 0
 *	setsid  setpgrp		as the calls
 *	daemon			as daemon(3), in /, with fds 0 to 2 on /dev/null
 *	wait			for all children
 *	mark			its pid, four bytes, to fd 9 at once
 *	ignore SIG		from now on
 *	on SIG N		exit with N when SIG comes
 *	say TEXT  err TEXT	to fd 1, to fd 2
 *	flood FD N		N bytes to FD: the I-th is I % 251; 0: for ever
 *	drip MS TEXT		TEXT to fd 1 every MS milliseconds, for ever
 *	cat			fd 0 to fd 1
 *	count			fd 0 to its end, then its length to fd 1
 *	close N  closeall
 *	burn MS			uses MS milliseconds of processor time
 *	relay			for ever: fork, and the parent exits
 *	bomb			every process forks, for ever
 *	seize			traces and stops its parent and siblings
 *	eat MIB			uses so much memory, until it ends
 *	fill			forks children that pause, while it can, and says
 *				how many to fd 1
 *	sleep MS  pause  exit N  raise SIG
 *
 * Exit status 99: bad words; 98: a write failed; 97: another call failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK_FD 9

static int exit_codes[65];

static void die(int code)
{
	_exit(code);
}

static void write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(98);
		buf += n;
		len -= (size_t)n;
	}
}

static void do_sleep(const char *arg)
{
	long ms = atol(arg);
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void do_pause(void)
{
	for (;;)
		pause();
}

static void do_setsid(void)
{
	if (setsid() < 0)
		die(97);
}

static void do_setpgrp(void)
{
	if (setpgid(0, 0))
		die(97);
}

static void do_daemon(void)
{
	if (daemon(0, 0))
		die(97);
}

static void do_wait(void)
{
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static void do_mark(void)
{
	int32_t pid = getpid();

	write_all(MARK_FD, (char *)&pid, sizeof(pid));
}

static void do_ignore(const char *arg)
{
	signal(atoi(arg), SIG_IGN);
}

static void exit_on(int sig)
{
	_exit(exit_codes[sig]);
}

static void do_on(const char *sig, const char *code)
{
	exit_codes[atoi(sig)] = atoi(code);
	signal(atoi(sig), exit_on);
}

static void do_say(const char *text)
{
	write_all(1, text, strlen(text));
}

static void do_err(const char *text)
{
	write_all(2, text, strlen(text));
}

static void do_flood(const char *fd, const char *amount)
{
	static char buf[251 * 260]; /* a whole number of periods */
	unsigned long long left = strtoull(amount, NULL, 10);
	int forever = !left;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i % 251);
	while (forever || left) {
		size_t n = sizeof(buf);

		if (!forever && left < n)
			n = (size_t)left;
		write_all(atoi(fd), buf, n);
		left -= n;
	}
}

static void do_drip(const char *ms, const char *text)
{
	for (;;) {
		do_say(text);
		do_sleep(ms);
	}
}

static unsigned long long drain(int to)
{
	static char buf[65536];
	unsigned long long sum = 0;
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		sum += (unsigned long long)n;
		if (to >= 0)
			write_all(to, buf, (size_t)n);
	}
	if (n < 0)
		die(97);
	return sum;
}

static void do_cat(void)
{
	drain(1);
}

static void do_count(void)
{
	if (dprintf(1, "%llu", drain(-1)) < 0)
		die(98);
}

static void do_close(const char *arg)
{
	close(atoi(arg));
}

static void do_burn(const char *arg)
{
	struct timespec now;
	long ms = atol(arg);

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

static void do_relay(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
	}
}

static void do_bomb(void)
{
	for (;;)
		fork();
}

static void do_closeall(void)
{
	if (syscall(SYS_close_range, 0, ~0U, 0))
		die(97);
}

static void seize(pid_t pid)
{
	if (pid == getpid())
		return;
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		die(97);
}

static void do_seize(void)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getppid(),
		 getppid());
	f = fopen(path, "re");
	if (!f)
		die(97);
	while (fscanf(f, "%d", &pid) == 1)
		seize(pid);
	fclose(f);
	seize(getppid());
}

static void do_eat(const char *arg)
{
	size_t size = strtoul(arg, NULL, 10) << 20;
	volatile char *memory = malloc(size);

	if (!memory)
		die(97);
	for (size_t i = 0; i < size; i += 1024)
		memory[i] = 1;
}

static void do_fill(void)
{
	int n = 0;
	pid_t pid;

	while (n < 10000 && (pid = fork()) >= 0) {
		if (!pid)
			do_pause();
		n++;
	}
	if (dprintf(1, "%d", n) < 0)
		die(98);
}

static void do_exit(const char *arg)
{
	_exit(atoi(arg));
}

/* Send a signal by the system call: libc does not send its own, 32 and 33. */
static void do_raise(const char *arg)
{
	syscall(SYS_kill, getpid(), atoi(arg));
}

static const struct {
	const char *word;
	void (*none)(void);
	void (*one)(const char *a);
	void (*two)(const char *a, const char *b);
} words[] = {
	{ .word = "bomb", .none = do_bomb },
	{ .word = "burn", .one = do_burn },
	{ .word = "cat", .none = do_cat },
	{ .word = "close", .one = do_close },
	{ .word = "closeall", .none = do_closeall },
	{ .word = "count", .none = do_count },
	{ .word = "daemon", .none = do_daemon },
	{ .word = "drip", .two = do_drip },
	{ .word = "eat", .one = do_eat },
	{ .word = "err", .one = do_err },
	{ .word = "exit", .one = do_exit },
	{ .word = "fill", .none = do_fill },
	{ .word = "flood", .two = do_flood },
	{ .word = "ignore", .one = do_ignore },
	{ .word = "mark", .none = do_mark },
	{ .word = "on", .two = do_on },
	{ .word = "pause", .none = do_pause },
	{ .word = "raise", .one = do_raise },
	{ .word = "relay", .none = do_relay },
	{ .word = "say", .one = do_say },
	{ .word = "seize", .none = do_seize },
	{ .word = "setpgrp", .none = do_setpgrp },
	{ .word = "setsid", .none = do_setsid },
	{ .word = "sleep", .one = do_sleep },
	{ .word = "wait", .none = do_wait },
};

/* Do a word with its arguments. Return: the number of words. */
static int do_words(char **w)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(w[0], words[i].word))
			continue;
		if (words[i].none)
			return words[i].none(), 1;
		if (words[i].one && w[1])
			return words[i].one(w[1]), 2;
		if (words[i].two && w[1] && w[2])
			return words[i].two(w[1], w[2]), 3;
	}
	dprintf(2, "tree: %s?\n", w[0]);
	die(99);
	return 0;
}

/* Return: the word after the bracket that closes the one at w[0]. */
static char **behind(char **w)
{
	int depth = 0;

	for (; *w; w++) {
		depth += !strcmp(*w, "(") - !strcmp(*w, ")");
		if (!depth)
			return w + 1;
	}
	die(99);
	return NULL;
}

static void do_all(char **w)
{
	while (*w && strcmp(*w, ")")) {
		if (strcmp(*w, "(")) {
			w += do_words(w);
			continue;
		}
		switch (fork()) {
		case -1:
			die(97);
			break;
		case 0:
			do_all(w + 1);
			_exit(0);
		}
		w = behind(w);
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	do_all(argv + 1);
	return 0;
}
