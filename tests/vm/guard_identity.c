/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identity: a template launches the registered file, as it was then. No check of
 * the library's comes before the kernel's.
 */
#include "guarding_changes.h"

#include <sched.h>
#include <sys/mount.h>

static struct client client;

static void each_change_is_seen_on_tmpfs(void)
{
	guard_check_changes(test_tmpdir());
}

/* On ramfs, times move by ticks on every kernel. */
static void each_change_is_seen_on_ramfs(void)
{
	char *folder = test_path("ramfs");

	CHECK_SYS(mkdir(folder, 0755));
	CHECK_SYS(mount("none", folder, "ramfs", 0, NULL));
	guard_check_changes(folder);
	CHECK_SYS(umount2(folder, MNT_DETACH));
}

/* ---- writers from before */

static void a_writer_from_before_is_noticed(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	struct reg r;

	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(path), 0, &r), -ETXTBSY);
	CHECK_EQ(client_register(&client, guard_open(path),
				 ST_REGISTER_DENY_WRITE, &r),
		 -ETXTBSY);
	guard_overwrite(fd);
	CHECK_SYS(close(fd));
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

static void a_mapping_from_before_is_noticed(void)
{
	char *path = guard_program(test_path("p"), "tiny-7"), *p;
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	struct reg r;

	client_open(&client);
	p = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_SYS(close(fd));
	CHECK_EQ(client_register(&client, guard_open(path), 0, &r), -ETXTBSY);
	p[15] ^= 1;
	CHECK_SYS(munmap(p, 64));
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* A reader, or a private mapping, does not count as a writer. */
static void readers_do_not_matter(void)
{
	char *path = guard_program(test_path("p"), "tiny-7"), *p;
	int fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	struct reg r;

	client_open(&client);
	p = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED);
	r = client_template(&client, path, ST_REGISTER_DENY_WRITE);
	p[15] ^= 1;
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* ---- another file */

static void another_file_is_stale(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	char *other = guard_program(test_path("q"), "tiny-7");
	struct reg r, s;

	client_open(&client);
	r = client_template(&client, path, 0);
	s = client_template(&client, other, 0);
	CHECK_EQ(raw_launch(s.fd, r.id), -ESTALE);
	CHECK_EQ(client_item(&client, r.id).last_why, WHY_FILE);
	CHECK_EQ(raw_launch_path(other, r.id), -ESTALE);
	CHECK_EQ(raw_launch(r.fd, s.id), -ESTALE);
	/* both templates stay fresh */
	CHECK(client_fresh(&client, &r) && client_fresh(&client, &s));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(raw_launch(s.fd, s.id), 7);
}

static void a_swapped_descriptor_is_stale(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	struct reg r;
	int copy;

	client_open(&client);
	r = client_template(&client, path, 0);
	copy = CHECK_SYS(dup(r.fd));
	CHECK_SYS(dup2(guard_open(test_tool("tiny")), r.fd));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	/* the file is still open, under another number */
	CHECK_EQ(raw_launch(copy, r.id), 7);
	CHECK_SYS(close(copy));
	CHECK_EQ(raw_launch(guard_open(path), r.id), -ESTALE);
}

static void a_replaced_path_is_stale(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	char *other = guard_program(test_path("q"), "tiny");
	struct reg r;

	client_open(&client);
	r = client_template(&client, path, 0);
	CHECK_SYS(rename(other, path));
	CHECK_EQ(raw_launch_path(path, r.id), -ESTALE);
	CHECK_EQ(client_item(&client, r.id).last_why, WHY_FILE);
}

/* ---- the header */

static int register_header(const char *path, const void *header, struct reg *r)
{
	struct st_msg msg = { .h.type = ST_MSG_REGISTER };
	int ret;

	msg.u.reg.flags = ST_REGISTER_HEADER;
	memcpy(msg.u.reg.header, header, ST_HEADER_SIZE);
	r->fd = guard_open(path);
	ret = client_ask(&client, &msg, r->fd);
	r->id = msg.h.id;
	r->slot = msg.u.reg.slot;
	r->word = msg.u.reg.word;
	return ret;
}

static void another_header_is_stale(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	char header[ST_HEADER_SIZE];
	struct reg r, s;

	client_open(&client);
	memcpy(header, test_read(path), sizeof(header));
	CHECK_OK(register_header(path, header, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	header[40] ^= 1;
	CHECK_OK(register_header(path, header, &s));
	CHECK_EQ(raw_launch(s.fd, s.id), -ESTALE);
	CHECK_EQ(client_item(&client, s.id).last_why, WHY_HEADER);
	CHECK_EQ(client_item(&client, s.id).launches, 0);
	/* the wrong header harms no other template */
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* The script is registered, and not its interpreter. */
static void a_script_is_guarded(void)
{
	char *path = test_path("script");
	struct reg r;

	client_open(&client);
	test_write(path, test_fmt("#!%s\n", test_tool("tiny-7")), 0755);
	guard_tick();
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch_path(path, r.id), 7);
	CHECK_EQ(client_item(&client, r.id).launches, 1);
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(raw_launch_path(path, r.id), -ESTALE);
}

/* ---- refused changes */

/* The file system refuses each change, after the guard has seen it. */
static void change_anothers(void *arg)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	const char *path = test_path("p");

	if (arg) {
		/* all capabilities, but not for this file */
		CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
		CHECK_SYS(unshare(CLONE_NEWUSER));
	} else {
		CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	}
	CHECK_EQ(chmod(path, 0755), -1);
	CHECK_EQ(chmod(path, 0), -1);
	CHECK_EQ(chown(path, NOBODY, (gid_t)-1), -1);
	CHECK_EQ(chown(path, (uid_t)-1, NOBODY), -1);
	/* this one succeeds for everybody, and moves ctime */
	CHECK_EQ(chown(path, (uid_t)-1, (gid_t)-1), 0);
	CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), -1);
	CHECK_EQ(utimensat(AT_FDCWD, path, NULL, 0), -1);
	CHECK_EQ(truncate(path, 0), -1);
	CHECK_EQ(guard_write(path, O_RDWR), -EACCES);
}

static void a_refused_change_leaves_a_template_fresh(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	struct reg r;

	client_open(&client);
	r = client_template(&client, path, 0);
	test_in_child(change_anothers, NULL);
	test_in_child(change_anothers, &r);
	CHECK(client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(client_item(&client, r.id).why, WHY_NONE);
	/* an allowed chmod() counts as a change, though the mode is the same */
	CHECK_SYS(chmod(path, 0755));
	CHECK(!client_fresh(&client, &r));
	CHECK_EQ(client_item(&client, r.id).why, WHY_ATTRIBUTES);
}

static void another_name_leaves_a_template_fresh(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	struct reg r;

	client_open(&client);
	r = client_template(&client, path, 0);
	CHECK_SYS(link(path, test_path("other")));
	CHECK(client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_SYS(unlink(path));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_SYS(rename(test_path("other"), path));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(client_item(&client, r.id).why, WHY_NONE);
	CHECK(client_fresh(&client, &r));
	/* no name is left: what is at the path by now is another file */
	CHECK_SYS(unlink(path));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
}

/* ---- several templates of a file */

static void all_templates_of_a_file_are_stale(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	struct reg r[5], fresh;

	client_open(&client);
	for (int i = 0; i < 5; i++)
		r[i] = client_template(&client, path, 0);
	CHECK_EQ(guard_write(path, O_WRONLY), 0);
	for (int i = 0; i < 5; i++) {
		CHECK(!client_fresh(&client, &r[i]));
		CHECK_EQ(client_news(&client, r[i].id), WHY_OPENED);
		CHECK_EQ(raw_launch(r[i].fd, r[i].id), -ESTALE);
	}
	/* a new template does not make the old ones fresh */
	fresh = client_template(&client, path, 0);
	for (int i = 0; i < 5; i++) {
		CHECK(!client_fresh(&client, &r[i]));
		CHECK_EQ(raw_launch(r[i].fd, r[i].id), -ESTALE);
		CHECK_SYS(close(r[i].fd));
	}
	CHECK(client_fresh(&client, &fresh));
	CHECK_EQ(raw_launch(fresh.fd, fresh.id), 7);
}

/* The file is written again and again, as by a build, and launched each time. */
static void each_of_many_writes_within_a_tick_is_seen(void)
{
	char *path = guard_program(test_path("p"), "tiny");
	char *image[] = { test_read(test_tool("tiny")),
			  test_read(test_tool("tiny-7")) };
	struct stat st;

	client_open(&client);
	CHECK_SYS(stat(path, &st));
	for (int i = 0; i < 100; i++) {
		struct reg r = client_template(&client, path, 0);
		int fd, want = i % 2 ? 7 : 0;

		CHECK_EQ(raw_launch(r.fd, r.id), want);
		fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
		CHECK_EQ(pwrite(fd, image[(i + 1) % 2], (size_t)st.st_size, 0),
			 st.st_size);
		CHECK_SYS(futimens(
			fd, (struct timespec[]){ st.st_atim, st.st_mtim }));
		CHECK_SYS(close(fd));
		CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
		CHECK_SYS(close(r.fd));
	}
}

static const struct test_case cases[] = {
	TEST_CASE(each_change_is_seen_on_tmpfs),
	TEST_CASE(each_change_is_seen_on_ramfs),
	TEST_CASE(a_writer_from_before_is_noticed),
	TEST_CASE(a_mapping_from_before_is_noticed),
	TEST_CASE(readers_do_not_matter),
	TEST_CASE(another_file_is_stale),
	TEST_CASE(a_swapped_descriptor_is_stale),
	TEST_CASE(a_replaced_path_is_stale),
	TEST_CASE(another_header_is_stale),
	TEST_CASE(a_script_is_guarded),
	TEST_CASE(a_refused_change_leaves_a_template_fresh),
	TEST_CASE(another_name_leaves_a_template_fresh),
	TEST_CASE(all_templates_of_a_file_are_stale),
	TEST_CASE(each_of_many_writes_within_a_tick_is_seen),
};
GUARD_MAIN(cases)
