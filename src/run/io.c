/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pipes of a run: makes them, reads from them, feeds input, closes them.
 *
 * Our ends do not block, the program's ends do. All fds are above 2, because in
 * the child the pipes become 0, 1 and 2.
 */
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "no_fork.h"
#include "run/feed.h"
#include "run/io.h"
#include "run/pty.h"
#include "shared/clock.h"
#include "sys.h"

/*
 * Closes an fd of ours, and takes it out of the epoll set, which closing does not
 * do while a forked child of the host holds a copy. A number that is not in a set
 * which the host has closed may be another file's by now.
 */
void st_io_close_fd(const struct st_io *io, int *fd)
{
	if (*fd < 0 || !io->poller) {
		sys_close_own(fd);
		return;
	}
	/* libc's close, since ThreadSanitizer knows the fd by the call before */
	if (epoll_ctl(io->poller->epoll, EPOLL_CTL_DEL, *fd, NULL) == 0 ||
	    st_poller_intact(io->poller))
		close(*fd);
	*fd = -1;
}

/* ---- pipes */

/* Moves an fd above 2. Return: 0; -errno, and the fd is still open. */
int st_io_raise_fd(int *fd)
{
	int high;

	if (*fd > 2)
		return 0;
	high = sys_fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		return high;
	sys_close(*fd);
	*fd = high;
	return 0;
}

/* Makes a pipe that nobody can write to. Return: its end for reading, or -errno. */
static int open_empty(void)
{
	int fds[2], ret;

	st_no_fork_begin();
	ret = sys_call2(__NR_pipe2, fds, O_CLOEXEC);
	if (ret == 0)
		sys_close(fds[1]);
	st_no_fork_end();
	return ret < 0 ? ret : fds[0];
}

/*
 * Opens the stdin of a program without input. In a root directory without /dev, as of
 * an image that is being built, that is an empty pipe.
 * Return: 0 or -errno.
 */
int st_io_devnull(int *fd)
{
	int ret = sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);

	if (ret < 0 && !sys_is_shortage(ret))
		ret = open_empty();
	*fd = ret;
	if (ret < 0)
		return ret;
	ret = st_io_raise_fd(fd);
	if (ret < 0)
		sys_close_own(fd);
	return ret;
}

/* Makes a pipe whose end of ours does not block. */
static int make_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];
	int ret = sys_call2(__NR_pipe2, fds, O_CLOEXEC);

	if (ret < 0)
		return ret;
	*ours = fds[we_write];
	*theirs = fds[!we_write];
	ret = st_io_raise_fd(ours);
	if (ret == 0)
		ret = st_io_raise_fd(theirs);
	if (ret == 0)
		ret = sys_fcntl(*ours, F_SETFL,
				O_NONBLOCK | (we_write ? O_WRONLY : O_RDONLY));
	return ret;
}

static void close_input(struct st_io *io)
{
	if (io->feed && io->in >= 0)
		st_feed_close(io->feed);
	st_io_close_fd(io, &io->in);
}

/* Return: true if there is more of the input; false: it is written, or nobody reads. */
static bool feed_input(struct st_io *io)
{
	while (io->input_len) {
		ssize_t n =
			sys_call3(__NR_write, io->in, io->input, io->input_len);

		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return true;
		if (n < 0)
			break;
		io->input += n;
		io->input_len -= (size_t)n;
	}
	return false;
}

/*
 * Opens the input. If the pipe can hold all of it, the input is written before
 * the program starts, and our end is closed: nobody has to wait until it is
 * read, and it has an end even while another child of ours holds a copy of this
 * process's fds.
 */
static int open_input(struct st_io *io, int devnull, struct st_io_ends *ends)
{
	int ret;

	if (!io->input_len && !io->feed) {
		ends->in = devnull;
		return 0;
	}
	ret = make_pipe(&io->in, &ends->in, true);
	if (ret == 0 && io->feed)
		st_feed_open(io->feed, io->in);
	if (ret == 0 && !feed_input(io) && !io->feed)
		close_input(io);
	return ret;
}

static enum st_pty_mode mode_of(const struct spawn_template_run_args *args)
{
	if (args->flags & SPAWN_TEMPLATE_RUN_RAW)
		return ST_PTY_RAW;
	return args->flags & SPAWN_TEMPLATE_RUN_NO_ECHO ? ST_PTY_NO_ECHO
							: ST_PTY_ECHO;
}

/* Makes a terminal for all three. Our end is open twice, as each may close first. */
static int open_terminal(struct st_io *io,
			 const struct spawn_template_run_args *args,
			 struct st_io_ends *ends)
{
	int ret = st_pty_open(&io->out.fd, &ends->out, args->winsize,
			      mode_of(args));

	io->out.ended = false;
	if (ret == 0)
		ret = st_io_raise_fd(&io->out.fd);
	if (ret == 0)
		ret = st_io_raise_fd(&ends->out);
	if (ret < 0)
		return ret;
	ends->in = ends->err = ends->out;
	ret = sys_fcntl(io->out.fd, F_DUPFD_CLOEXEC, 3);
	if (ret < 0)
		return ret;
	io->in = ret;
	/* a raw one would hand the character to the program */
	io->eof_due = mode_of(args) != ST_PTY_RAW;
	if (io->feed)
		st_feed_open(io->feed, io->in);
	else
		st_io_feed(io, false);
	return 0;
}

static int open_output(struct st_io *io, uint32_t flags,
		       struct st_io_ends *ends)
{
	int ret = 0;

	if (!(flags & SPAWN_TEMPLATE_RUN_NO_CAPTURE)) {
		ret = make_pipe(&io->out.fd, &ends->out, false);
		io->out.ended = false;
		if (ret < 0)
			return ret;
		ends->err = ends->out;
		if (flags & SPAWN_TEMPLATE_RUN_MERGE_STDERR)
			return 0;
		ret = make_pipe(&io->err.fd, &ends->err, false);
		io->err.ended = false;
	} else if (flags & SPAWN_TEMPLATE_RUN_MERGE_STDERR) {
		ends->err = 1;
	}
	return ret;
}

/* Returns how many of the bytes that are kept are the last ones. */
static size_t tail_of(const struct spawn_template_run_args *args, size_t max)
{
	if (!(args->flags & SPAWN_TEMPLATE_RUN_TAIL))
		return 0;
	return args->tail_output ? args->tail_output : max / 2;
}

static int open_spill(struct st_io *io,
		      const struct spawn_template_run_args *args)
{
	bool merged = args->flags & SPAWN_TEMPLATE_RUN_MERGE_STDERR;

	if (!(args->flags & SPAWN_TEMPLATE_RUN_SPILL))
		return 0;
	return st_spill_open(&io->out.spill, merged ? NULL : &io->err.spill,
			     args->spill_fd);
}

/**
 * st_io_open - make the pipes of a run that is not launched
 * @io: filled in
 * @args: as taken by st_run_args(); the input must stay until it is fed
 * @devnull: an fd of /dev/null above 2
 * @feed: input that comes later; or NULL
 * @ends: the child's ends, for st_run_launch(); then for st_io_close_ends()
 *
 * Return: 0; or -errno, and @io and @ends must still be closed.
 */
int st_io_open(struct st_io *io, const struct spawn_template_run_args *args,
	       int devnull, struct st_feed *feed, struct st_io_ends *ends)
{
	size_t max = args->max_output ? args->max_output
				      : SPAWN_TEMPLATE_RUN_MAX_OUTPUT;
	int ret;

	*io = (struct st_io)ST_IO_NONE;
	io->captured = !(args->flags & (SPAWN_TEMPLATE_RUN_NO_CAPTURE |
					SPAWN_TEMPLATE_RUN_STREAM));
	io->out.max = io->err.max = max;
	io->out.first = io->err.first = max - tail_of(args, max);
	io->input = (const char *)(uintptr_t)args->input;
	io->input_len = args->input_len;
	io->feed = feed;
	*ends = (struct st_io_ends){ -1, -1, -1 };
	ret = open_spill(io, args);
	if (ret == 0 && args->flags & SPAWN_TEMPLATE_RUN_PTY)
		return open_terminal(io, args, ends);
	if (ret == 0)
		ret = open_input(io, devnull, ends);
	return ret < 0 ? ret : open_output(io, args->flags, ends);
}

/* Closes the child's ends, after the launch or without one. */
void st_io_close_ends(struct st_io_ends *ends, int devnull)
{
	/* without a pipe for stdout, stderr is the caller's */
	if (ends->err != ends->out && ends->out >= 0)
		sys_close(ends->err);
	if (ends->out >= 0)
		sys_close(ends->out);
	if (ends->in != devnull && ends->in != ends->out && ends->in >= 0)
		sys_close(ends->in);
	*ends = (struct st_io_ends){ -1, -1, -1 };
}

/* ---- reading */

/*
 * Reads the available bytes: once if that takes all, and at most a few times,
 * so that a run that writes without end does not hold up the others.
 * to_the_end: the writer has ended, so read once more than that.
 */
void st_io_drain(struct st_stream *stream, bool to_the_end)
{
	for (int i = 0; i < 8 && !stream->ended; i++) {
		ssize_t n = st_stream_read(stream);

		stream->paused = n == -ENOBUFS;
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN || stream->paused)
			return;
		if (n <= 0) {
			stream->ended = true;
			break;
		}
		stream->total += (uint64_t)n;
		stream->last = st_now();
		if (n < PIPE_BUF && !to_the_end)
			return;
	}
}

/* ---- feeding */

/*
 * Tells a terminal the end of the input, which it is not told by closing: the first
 * character ends a line that was begun. Return: false if there is no room for that.
 */
static bool write_eof(struct st_io *io)
{
	static const char eof[] = { 4, 4 };
	int n = sys_call3(__NR_write, io->in, eof, sizeof(eof));

	io->eof_due = n == -EAGAIN || n == -EINTR;
	return !io->eof_due;
}

/**
 * st_io_feed - write as much of the input as the pipe takes
 * @io: in is -1 when all is written, or nobody reads
 * @nobody_reads: poll(2) has reported an error; then nothing is written
 *
 * The caller's thread has SIGPIPE blocked: the reader may close its end just
 * now.
 */
void st_io_feed(struct st_io *io, bool nobody_reads)
{
	if (io->in >= 0 && !nobody_reads &&
	    (feed_input(io) || (io->feed && st_feed_write(io->feed)) ||
	     (io->eof_due && !write_eof(io))))
		return;
	close_input(io);
}

/* ---- the end */

/* Gives the output to the result, which owns it from then on. */
void st_io_give_output(struct st_io *io, struct spawn_template_result *result)
{
	result->out = result->err = NULL;
	result->out_len = result->err_len = 0;
	if (!io->captured)
		return;
	result->out = st_stream_give(&io->out, &result->out_len);
	result->err = st_stream_give(&io->err, &result->err_len);
}

/* Copies the output so far, or, if memory is short, none. */
void st_io_copy_output(const struct st_io *io,
		       struct spawn_template_result *result)
{
	if (!io->captured)
		return;
	result->out = st_stream_copy(&io->out, &result->out_len);
	result->err = st_stream_copy(&io->err, &result->err_len);
}

/* Tells whether all that was not kept is in files. */
bool st_io_spilled(const struct st_io *io)
{
	const struct st_spill *out = &io->out.spill, *err = &io->err.spill;

	return (out->begun || err->begun) && !out->failed && !err->failed;
}

/*
 * Closes the pipes, even if other processes hold the other ends; frees the
 * rest.
 */
void st_io_close(struct st_io *io)
{
	close_input(io);
	st_io_close_fd(io, &io->out.fd);
	st_io_close_fd(io, &io->err.fd);
	st_stream_free(&io->out);
	st_stream_free(&io->err);
}
