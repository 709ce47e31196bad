/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deny-write: while such a template lives nobody opens its file for writing, and
 * nobody gets such a template while the file is open for writing.
 */
#include "guarding_changes.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static struct reg denied(char **path)
{
	client_open(&client);
	*path = guard_program(test_path("p"), "tiny-7");
	return client_template(&client, *path, DENY);
}

static void each_way_of_writing_is_denied(void)
{
	guard_check_denials(test_tmpdir());
}

static void writes_under_other_names_are_denied(void)
{
	char *path, *folder = test_path("mount"), *link_path = test_path("l");
	struct reg r = denied(&path);

	CHECK_SYS(link(path, link_path));
	CHECK_EQ(guard_write(link_path, O_RDWR), -ETXTBSY);
	CHECK_SYS(mkdir(folder, 0755));
	CHECK_SYS(mount(test_tmpdir(), folder, NULL, MS_BIND, NULL));
	CHECK_EQ(guard_write(test_fmt("%s/p", folder), O_RDWR), -ETXTBSY);
	CHECK_SYS(umount(folder));
	/* another name is no change */
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
}

/* Its maker has it open, and does not count as a writer to the kernel. */
static void a_file_in_memory_has_no_deny_write(void)
{
	int fd = CHECK_SYS(memfd_create("p", MFD_CLOEXEC));
	char *path = test_fmt("/proc/self/fd/%d", fd);
	char *text = test_read(test_tool("tiny-7"));
	struct stat st;
	struct reg r;

	CHECK_SYS(stat(test_tool("tiny-7"), &st));
	CHECK_EQ(write(fd, text, (size_t)st.st_size), st.st_size);
	CHECK_SYS(fchmod(fd, 0755));
	guard_tick();
	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
		 -EOPNOTSUPP);
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(pwrite(fd, text, 1, 0), 1);
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	/* a file with a name on tmpfs is like any other */
	path = guard_program("/dev/shm/p", "tiny-7");
	CHECK_OK(client_register(&client, guard_open(path), DENY, &r));
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_SYS(unlink(path));
}

/* ---- the end of a denial */

static void a_denial_ends_with_the_last_close(void)
{
	char *path;
	struct reg r = denied(&path);
	int copy = CHECK_SYS(dup(r.fd));

	CHECK_SYS(close(r.fd));
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_SYS(close(copy));
	/* the daemon may hold its copy a moment longer */
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
}

static void a_denial_ends_with_unregister(void)
{
	char *path;
	struct reg r = denied(&path);

	CHECK_OK(client_unregister(&client, r.id));
	CHECK_EQ(guard_write(path, O_RDWR), 0);
}

static void hold_and_tell(void *arg)
{
	char *path;
	struct reg r = denied(&path);

	CHECK_EQ(write(*(int *)arg, &r.id, sizeof(r.id)), sizeof(r.id));
	pause();
}

static void a_denial_ends_with_the_process(void)
{
	int fds[2];
	uint64_t id;
	pid_t pid;
	char *path = test_path("p");

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = guard_child(hold_and_tell, &fds[1]);
	CHECK_EQ(read(fds[0], &id, sizeof(id)), sizeof(id));
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	/* the daemon may hold its copy a moment longer */
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
}

/* Another process holds the file when its template's maker has ended. */
static void hold_for_long(void *arg)
{
	(void)arg;
	pause();
}

static void register_fork_and_tell(void *arg)
{
	char *path;
	struct reg r = denied(&path);
	pid_t pid = guard_child(hold_for_long, NULL);

	CHECK_EQ(write(*(int *)arg, &pid, sizeof(pid)), sizeof(pid));
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

static void a_denial_ends_with_the_maker_not_the_holder(void)
{
	int fds[2];
	char *path = test_path("p");
	pid_t pid, holder;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = guard_child(register_fork_and_tell, &fds[1]);
	CHECK_EQ(read(fds[0], &holder, sizeof(holder)), sizeof(holder));
	guard_wait(pid);
	CHECK_SYS(kill(holder, 0));
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
	CHECK_SYS(kill(holder, SIGKILL));
}

/* ---- several */

static void each_template_counts(void)
{
	char *path;
	struct reg a = denied(&path), b, plain;

	b = client_template(&client, path, DENY);
	plain = client_template(&client, path, 0);
	CHECK_SYS(close(a.fd));
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK(client_fresh(&client, &plain));
	CHECK_SYS(close(b.fd));
	/* the daemon may hold its copy a moment longer */
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
	CHECK(!client_fresh(&client, &plain));
	CHECK_EQ(raw_launch(plain.fd, plain.id), -ESTALE);
}

/* ---- earlier writers */

static void deny_write_is_refused_while_somebody_can_write(void)
{
	char *path = guard_program(test_path("p"), "tiny-7"), *p;
	struct reg r;
	int fd, pair[2];

	client_open(&client);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
		 -ETXTBSY);
	/* the only descriptor is on its way through a socket */
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	CHECK_OK(guard_send_fd(pair[0], fd));
	CHECK_SYS(close(fd));
	CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
		 -ETXTBSY);
	CHECK_SYS(close(guard_take_fd(pair[1])));
	/* the file is mapped, and not open any more */
	fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	p = mmap(NULL, 64, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_SYS(close(fd));
	CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
		 -ETXTBSY);
	CHECK_SYS(munmap(p, 64));
	r = client_template(&client, path, DENY);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

static void a_refusal_denies_nothing(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	struct st_msg_status before, after;
	struct reg r;

	client_open(&client);
	before = client_status(&client);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(client_register(&client, guard_open(path), DENY, &r),
			 -ETXTBSY);
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	CHECK_SYS(close(fd));
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	after = client_status(&client);
	CHECK_EQ(after.templates, before.templates);
	CHECK_EQ(after.write_denied, before.write_denied);
}

/* ---- the race */

#define RACE 10000

/*
 * Each side sets its flag while it holds the file or the template for sure, and then
 * looks at the other's: of two that overlap at least one sees it.
 */
struct race {
	atomic_bool live, held, done;
	atomic_uint opened, denied, overlaps;
	unsigned int made, refused;
	char path[4096];
};

/* Waits for a time of varying length. */
static void linger(unsigned int i)
{
	for (volatile unsigned int n = i * 7 % 64 * (i % 3) * 20; n; n--)
		;
}

static void race_writer(void *arg)
{
	struct race *race = arg;

	for (unsigned int i = 0; i < RACE; i++) {
		int fd = open(race->path, O_RDWR | O_CLOEXEC);

		if (fd < 0) {
			CHECK_EQ(errno, ETXTBSY);
			atomic_fetch_add(&race->denied, 1);
			continue;
		}
		atomic_store(&race->held, true);
		linger(i);
		/* lets the maker register meanwhile, also on one processor */
		for (unsigned int k = 0; i % 16 == 1 && k < 8; k++)
			sched_yield();
		if (atomic_load(&race->live))
			atomic_fetch_add(&race->overlaps, 1);
		atomic_store(&race->held, false);
		CHECK_SYS(close(fd));
		atomic_fetch_add(&race->opened, 1);
		/* otherwise hardly a template would ever be made */
		if (i % 4 == 0)
			sched_yield();
		linger(i * 5);
	}
	atomic_store(&race->done, true);
}

static void race_maker(struct race *race)
{
	for (unsigned int i = 0; !atomic_load(&race->done); i++) {
		int fd = guard_open(race->path);
		struct reg r;
		int ret = client_register(&client, fd, DENY, &r);

		if (ret == 0) {
			atomic_store(&race->live, true);
			linger(i);
			if (atomic_load(&race->held))
				atomic_fetch_add(&race->overlaps, 1);
			atomic_store(&race->live, false);
			race->made++;
		} else {
			CHECK(ret == -ETXTBSY || ret == -ESTALE);
			race->refused++;
		}
		CHECK_SYS(close(fd));
	}
}

static void a_writer_and_a_denial_never_overlap(void)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	CHECK(race != MAP_FAILED);
	snprintf(race->path, sizeof(race->path), "%s",
		 guard_program(test_path("p"), "tiny-7"));
	client_open(&client);
	pid = guard_child(race_writer, race);
	race_maker(race);
	guard_wait(pid);
	printf("# race: %u opened, %u denied; %u made, %u refused\n",
	       race->opened, race->denied, race->made, race->refused);
	fflush(stdout);
	CHECK_EQ(race->opened + race->denied, RACE);
	CHECK_EQ(race->overlaps, 0);
	CHECK_GT(race->opened, 0);
	CHECK_GT(race->denied, 0);
	CHECK_GT(race->made, 0);
	CHECK_GT(race->refused, 0);
	/* no denial is left; the daemon may hold its last copy a moment longer */
	GUARD_UNTIL(guard_write(race->path, O_RDWR) == 0);
}

static const struct test_case cases[] = {
	TEST_CASE(each_way_of_writing_is_denied),
	TEST_CASE(writes_under_other_names_are_denied),
	TEST_CASE(a_file_in_memory_has_no_deny_write),
	TEST_CASE(a_denial_ends_with_the_last_close),
	TEST_CASE(a_denial_ends_with_unregister),
	TEST_CASE(a_denial_ends_with_the_process),
	TEST_CASE(a_denial_ends_with_the_maker_not_the_holder),
	TEST_CASE(each_template_counts),
	TEST_CASE(deny_write_is_refused_while_somebody_can_write),
	TEST_CASE(a_refusal_denies_nothing),
	TEST_CASE_SECONDS(a_writer_and_a_denial_never_overlap, 60),
};
GUARD_MAIN(cases)
