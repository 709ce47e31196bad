/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests the content of a file with a key that this process alone knows, so that a
 * user who can write to the file cannot make another content with the same digest.
 *
 * The function is SipHash-2-4 (Aumasson and Bernstein, 2012) in its 128-bit form. It
 * was designed as a message authentication code, and is fast on 64-bit machines without
 * special instructions.
 */
#include <pthread.h>
#include <string.h>

#include "digest.h"
#include "sys.h"

#define CHUNK 4096 /* a multiple of 8; on the stack */

struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void rounds(struct sip *s, int n)
{
	uint64_t *v = s->v;

	while (n--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void sip_begin(struct sip *s, const uint64_t key[2])
{
	s->v[0] = key[0] ^ 0x736f6d6570736575ULL;
	s->v[1] = key[1] ^ 0x646f72616e646f6dULL ^ 0xee;
	s->v[2] = key[0] ^ 0x6c7967656e657261ULL;
	s->v[3] = key[1] ^ 0x7465646279746573ULL;
}

static void take_word(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	rounds(s, 2);
	s->v[0] ^= word;
}

/* Takes whole words; both supported machines are little-endian, as the function is. */
static void take_words(struct sip *s, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		take_word(s, word);
	}
}

/* Takes what is left behind the last whole word, and the length of all. */
static void end(struct sip *s, const unsigned char *rest, uint64_t len,
		uint64_t digest[2])
{
	uint64_t word = len << 56;

	for (unsigned int i = 0; i < len % 8; i++)
		word |= (uint64_t)rest[i] << (8 * i);
	take_word(s, word);
	s->v[2] ^= 0xee;
	rounds(s, 4);
	digest[0] = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
	s->v[1] ^= 0xdd;
	rounds(s, 4);
	digest[1] = s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

void st_digest_bytes(const uint64_t key[2], const void *bytes, size_t len,
		     uint64_t digest[2])
{
	struct sip s;

	sip_begin(&s, key);
	take_words(&s, bytes, len);
	end(&s, (const unsigned char *)bytes + (len & ~7UL), len, digest);
}

/* ---- of a file */

static uint64_t secret[2];
static bool secret_made;
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
	secret_made = sys_call3(__NR_getrandom, secret, sizeof(secret), 0) ==
		      sizeof(secret);
}

/* Reads until the chunk is full or the file ends. Return: bytes, or -errno. */
static int read_chunk(int fd, unsigned char *to)
{
	int len = 0, got;

	do {
		got = sys_call3(__NR_read, fd, to + len, CHUNK - len);
		if (got > 0)
			len += got;
	} while ((got > 0 && len < CHUNK) || got == -EINTR);
	return got < 0 ? got : len;
}

static int digest_open(int fd, uint64_t size, uint64_t digest[2])
{
	unsigned char chunk[CHUNK];
	uint64_t all = 0;
	struct sip s;
	int len;

	sip_begin(&s, secret);
	while ((len = read_chunk(fd, chunk)) == CHUNK && all <= size) {
		take_words(&s, chunk, CHUNK);
		all += CHUNK;
	}
	if (len >= 0) {
		take_words(&s, chunk, (size_t)len);
		all += (uint64_t)len;
		end(&s, chunk + (len & ~7), all, digest);
	}
	return len < 0 ? len : all == size ? 0 : -ESTALE;
}

/**
 * st_digest_file - digest what an open file contains
 * @fd: of the file; may be an O_PATH descriptor
 * @size: of its key
 * @digest: set on success
 *
 * Return: 0; -EFBIG over ST_DIGEST_MOST; -EACCES if the caller may not read it;
 * -ESTALE if it has another size; or -errno.
 */
int st_digest_file(int fd, uint64_t size, struct st_digest *digest)
{
	char path[48] = "/proc/thread-self/fd/";
	int in, ret, at = 21, digits = 1;

	if (size > ST_DIGEST_MOST)
		return -EFBIG;
	pthread_once(&secret_once, make_secret);
	if (!secret_made)
		return -ENOSYS;
	for (int n = fd; n >= 10; n /= 10)
		digits++;
	for (int i = digits; i; i--, fd /= 10)
		path[at + i - 1] = (char)('0' + fd % 10);
	in = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	if (in < 0)
		return in;
	ret = digest_open(in, size, digest->word);
	sys_close(in);
	digest->known = ret == 0;
	return ret;
}
