/* SPDX-License-Identifier: BSD-2-Clause */
#include "guarding_fuse.h"

#include <sys/mount.h>
#include <sys/uio.h>
#include <linux/fuse.h>

#define FILE_ID 2

struct server {
	int fd;
	const char *bytes;
	size_t size;
};

static void reply(const struct server *s, uint64_t unique, int error,
		  const void *data, size_t size)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + size),
				       .error = error,
				       .unique = unique };
	struct iovec iov[] = { { &out, sizeof(out) },
			       { (void *)(uintptr_t)data, size } };

	/* nobody may be waiting any more */
	if (writev(s->fd, iov, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attr_of(const struct server *s, uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .blksize = 4096 };

	attr.mode = node == FILE_ID ? S_IFREG | 0755 : S_IFDIR | 0755;
	attr.size = node == FILE_ID ? s->size : 0;
	attr.mtime = attr.ctime = 1000000000;
	return attr;
}

static void look_up(const struct server *s, const struct fuse_in_header *in)
{
	struct fuse_entry_out out = { .nodeid = FILE_ID,
				      .entry_valid = 3600,
				      .attr_valid = 3600 };

	out.attr = attr_of(s, FILE_ID);
	if (strcmp((const char *)(in + 1), "p"))
		reply(s, in->unique, -ENOENT, NULL, 0);
	else
		reply(s, in->unique, 0, &out, sizeof(out));
}

static void get_attributes(const struct server *s,
			   const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = 3600 };

	out.attr = attr_of(s, in->nodeid);
	reply(s, in->unique, 0, &out, sizeof(out));
}

static void read_file(const struct server *s, const struct fuse_in_header *in)
{
	const struct fuse_read_in *r = (const void *)(in + 1);
	size_t from = r->offset < s->size ? r->offset : s->size;
	size_t n = s->size - from;

	reply(s, in->unique, 0, s->bytes + from, n < r->size ? n : r->size);
}

static void begin(const struct server *s, const struct fuse_in_header *in)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
				     .minor = 31,
				     .max_readahead = 65536,
				     .max_write = 4096 };

	reply(s, in->unique, 0, &out, sizeof(out));
}

static void serve_one(const struct server *s, const struct fuse_in_header *in)
{
	struct fuse_open_out open_out = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		begin(s, in);
		break;
	case FUSE_LOOKUP:
		look_up(s, in);
		break;
	case FUSE_GETATTR:
		get_attributes(s, in);
		break;
	case FUSE_OPEN:
		reply(s, in->unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		read_file(s, in);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(s, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	default:
		reply(s, in->unique, -ENOSYS, NULL, 0);
	}
}

static void serve(void *arg)
{
	static char buffer[65536] __attribute__((aligned(8)));
	const struct server *s = arg;

	for (;;) {
		ssize_t n = read(s->fd, buffer, sizeof(buffer));

		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n <= 0)
			break;
		serve_one(s, (const void *)buffer);
	}
}

pid_t fuse_serve(const char *folder, const char *bytes, size_t size)
{
	struct server s = { .bytes = bytes, .size = size };
	pid_t pid;

	s.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s.fd < 0)
		TEST_SKIP("no FUSE here: %s", strerror(errno));
	CHECK_SYS(mount(
		"fuse", folder, "fuse", 0,
		test_fmt("fd=%d,rootmode=40000,user_id=0,group_id=0", s.fd)));
	pid = guard_child(serve, &s);
	CHECK_SYS(close(s.fd));
	return pid;
}
