/* SPDX-License-Identifier: BSD-2-Clause */
/* The digest of a file's content, which tells a change of ctime alone from others. */
#include "harness.h"

#include "digest.h"

static struct st_digest digest_of(const char *path)
{
	int fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	struct st_digest digest = { .known = false };
	struct stat st;

	CHECK_SYS(stat(path, &st));
	CHECK_EQ(st_digest_file(fd, (uint64_t)st.st_size, &digest), 0);
	CHECK(digest.known);
	CHECK_SYS(close(fd));
	return digest;
}

/* Key and messages of the function's published test have the bytes 0, 1, 2 ... */
static void the_function_gives_the_published_values(void)
{
	static const uint64_t key[2] = { 0x0706050403020100ULL,
					 0x0f0e0d0c0b0a0908ULL };
	unsigned char bytes[15];
	uint64_t digest[2];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	st_digest_bytes(key, bytes, 0, digest);
	CHECK(digest[0] == 0xe6a825ba047f81a3ULL);
	CHECK(digest[1] == 0x930255c71472f66dULL);
	st_digest_bytes(key, bytes, 15, digest);
	CHECK(digest[0] == 0x11a8b03399e99354ULL);
	CHECK(digest[1] == 0xd9c3cf970fec087eULL);
}

/* A byte at the end counts for sizes around those of a chunk and of a word. */
static void every_byte_of_a_file_counts(void)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 4095, 4096, 4097, 200001 };
	char *path = test_path("file");

	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		char *text = malloc(sizes[i] + 1);
		struct st_digest one, two;

		memset(text, 'x', sizes[i]);
		text[sizes[i]] = 0;
		test_write(path, text, 0644);
		one = digest_of(path);
		two = digest_of(path);
		CHECK_EQ(memcmp(one.word, two.word, sizeof(one.word)), 0);
		text[sizes[i] - 1] = 'y';
		test_write(path, text, 0644);
		two = digest_of(path);
		CHECK_NE(memcmp(one.word, two.word, sizeof(one.word)), 0);
		free(text);
	}
}

static void another_size_and_a_large_file_have_no_digest(void)
{
	char *path = test_path("file");
	struct st_digest digest = { .known = false };
	int fd;

	test_write(path, "12345", 0644);
	fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_EQ(st_digest_file(fd, 4, &digest), -ESTALE);
	CHECK_EQ(st_digest_file(fd, 6, &digest), -ESTALE);
	CHECK_EQ(st_digest_file(fd, ST_DIGEST_MOST + 1, &digest), -EFBIG);
	CHECK(!digest.known);
}

static const struct test_case cases[] = {
	TEST_CASE(the_function_gives_the_published_values),
	TEST_CASE(every_byte_of_a_file_counts),
	TEST_CASE(another_size_and_a_large_file_have_no_digest),
};
TEST_MAIN(cases)
