/* SPDX-License-Identifier: BSD-2-Clause */
#include "guarding_changes.h"

/* ---- changes */

static void replace(const char *path, const char *spare)
{
	test_copy(test_tool("tiny"), spare, 0755);
	CHECK_SYS(rename(spare, path));
}

static void remove_name(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(unlink(path));
}

static void change_mode(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(chmod(path, 0700));
}

static void same_mode(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(chmod(path, 0755));
}

static void change_owner(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(chown(path, ALICE, BOB));
}

static void change_times(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(utimensat(AT_FDCWD, path, NULL, 0));
}

static void same_times(const char *path, const char *spare)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	struct stat st;

	(void)spare;
	CHECK_SYS(stat(path, &st));
	times[1] = st.st_mtim;
	CHECK_SYS(utimensat(AT_FDCWD, path, times, 0));
}

static void cut_off(const char *path, const char *spare)
{
	(void)spare;
	CHECK_SYS(truncate(path, 100));
}

static void same_size(const char *path, const char *spare)
{
	struct stat st;

	(void)spare;
	CHECK_SYS(stat(path, &st));
	CHECK_SYS(truncate(path, st.st_size));
}

static void open_it(const char *path, int flags)
{
	CHECK_OK(guard_write(path, flags));
}

static void open_only(const char *path, const char *spare)
{
	(void)spare;
	open_it(path, O_WRONLY);
}

static void open_both(const char *path, const char *spare)
{
	(void)spare;
	open_it(path, O_RDWR);
}

static void open_empty(const char *path, const char *spare)
{
	(void)spare;
	open_it(path, O_WRONLY | O_TRUNC);
}

static void open_more(const char *path, const char *spare)
{
	(void)spare;
	open_it(path, O_WRONLY | O_APPEND);
}

/* The descriptor leads to the file without its name. */
static void open_by_fd(const char *path, const char *spare)
{
	int fd = guard_open(path);

	(void)spare;
	open_it(test_fmt("/proc/self/fd/%d", fd), O_RDWR);
	CHECK_SYS(close(fd));
}

void guard_overwrite(int fd)
{
	struct timespec times[2];
	struct stat st;
	char byte;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(pread(fd, &byte, 1, 15), 1);
	byte ^= 1;
	CHECK_EQ(pwrite(fd, &byte, 1, 15), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	CHECK_SYS(futimens(fd, times));
}

/* The write may come within a tick of the clock. */
static void write_and_hide(const char *path, const char *spare)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));

	(void)spare;
	guard_overwrite(fd);
	CHECK_SYS(close(fd));
}

static void write_by_mapping(const char *path, const char *spare)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	char *p = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)spare;
	CHECK(p != MAP_FAILED);
	p[15] ^= 1;
	CHECK_SYS(munmap(p, 64));
	CHECK_SYS(close(fd));
}

const struct change guard_changes[] = {
	{ "another file renamed over it", replace, 0, false },
	{ "unlinked", remove_name, 0, false },
	{ "chmod", change_mode, WHY_ATTRIBUTES, false },
	{ "chmod to the same mode", same_mode, WHY_ATTRIBUTES, false },
	{ "chown", change_owner, WHY_ATTRIBUTES, false },
	{ "times set", change_times, WHY_ATTRIBUTES, false },
	{ "times set to the same", same_times, WHY_ATTRIBUTES, false },
	{ "truncate", cut_off, WHY_ATTRIBUTES, true },
	{ "truncate to the same size", same_size, WHY_ATTRIBUTES, true },
	{ "O_WRONLY", open_only, WHY_OPENED, true },
	{ "O_RDWR", open_both, WHY_OPENED, true },
	{ "O_TRUNC", open_empty, WHY_OPENED, true },
	{ "O_APPEND", open_more, WHY_OPENED, true },
	{ "opened by its descriptor", open_by_fd, WHY_OPENED, true },
	{ "written, size and times as before", write_and_hide, WHY_OPENED,
	  true },
	{ "written through a mapping", write_by_mapping, WHY_OPENED, true },
};
const unsigned int guard_n_changes = TEST_COUNT(guard_changes);

/* ---- checks */

/* The launch fails by fd, and by path if that still leads to the file. */
static void check_stale(struct client *c, const struct change *change,
			const char *path, const struct reg *r)
{
	struct stat st;

	if (change->why) {
		CHECK(!client_fresh(c, r));
		CHECK_EQ(client_news(c, r->id), change->why);
	}
	CHECK_EQ(raw_launch(r->fd, r->id), -ESTALE);
	CHECK(!client_fresh(c, r));
	if (!change->why)
		CHECK_EQ(client_news(c, r->id), WHY_IDENTITY);
	if (stat(path, &st) == 0 && st.st_mode & 0111 && st.st_size)
		CHECK_EQ(raw_launch_path(path, r->id), -ESTALE);
	CHECK_EQ(client_item(c, r->id).state, EXEC_STALE);
	CHECK_EQ(client_item(c, r->id).why,
		 change->why ? change->why : (uint32_t)WHY_IDENTITY);
	CHECK_EQ(client_item(c, r->id).launches, 1);
}

static void check_change(struct client *c, const struct change *change,
			 const char *folder)
{
	char *path = test_fmt("%s/p", folder);
	char *spare = test_fmt("%s/spare", folder);
	struct reg r, again;

	guard_program(path, "tiny-7");
	r = client_template(c, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	change->make(path, spare);
	check_stale(c, change, path, &r);
	/* a refresh makes a new template, too */
	unlink(spare);
	guard_program(path, "tiny-7");
	again = client_template(c, path, 0);
	CHECK_EQ(raw_launch(again.fd, again.id), 7);
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	CHECK_SYS(close(again.fd));
	CHECK_SYS(close(r.fd));
}

void guard_check_changes(const char *folder)
{
	struct client c;

	client_open(&c);
	for (unsigned int i = 0; i < guard_n_changes; i++) {
		test_doing("%s", guard_changes[i].name);
		check_change(&c, &guard_changes[i], folder);
	}
	client_close(&c);
}

/* Tries one way of writing. Return: 0 or its -errno; -ENOENT: no such way. */
static int try_write(const char *path, unsigned int how)
{
	static const int flags[] = { O_WRONLY,		 O_RDWR,
				     O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND,
				     O_WRONLY | O_CREAT, O_RDWR | O_NONBLOCK };
	int fd, ret;

	if (how < TEST_COUNT(flags))
		return guard_write(path, flags[how]);
	if (how == TEST_COUNT(flags))
		return truncate(path, 10) ? -errno : 0;
	if (how > TEST_COUNT(flags) + 1)
		return -ENOENT;
	fd = guard_open(path);
	ret = guard_write(test_fmt("/proc/self/fd/%d", fd), O_RDWR);
	close(fd);
	return ret;
}

void guard_check_denials(const char *folder)
{
	char *path = test_fmt("%s/denied", folder), *before;
	char *other = test_fmt("%s/other", folder);
	struct client c;
	struct reg r;
	unsigned int how;

	client_open(&c);
	guard_program(path, "tiny-7");
	before = test_read(path);
	r = client_template(&c, path, ST_REGISTER_DENY_WRITE);
	for (how = 0; try_write(path, how) != -ENOENT; how++) {
		test_doing("way %u", how);
		CHECK_EQ(try_write(path, how), -ETXTBSY);
	}
	CHECK(how > 7);
	CHECK_EQ(client_item(&c, r.id).write_denied, 2 * how);
	CHECK_EQ(client_item(&c, r.id).flags, ST_REGISTER_DENY_WRITE);
	CHECK(!memcmp(test_read(path), before, 64));
	/* reading, running and other files are not denied */
	CHECK_EQ(guard_write(path, O_RDONLY), 0);
	CHECK_EQ(raw_plain(r.fd), 7);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK(client_fresh(&c, &r));
	guard_program(other, "tiny");
	CHECK_EQ(guard_write(other, O_RDWR), 0);
	CHECK_SYS(close(r.fd));
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	client_close(&c);
}
