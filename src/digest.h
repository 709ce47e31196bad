/* SPDX-License-Identifier: BSD-2-Clause */
/* A digest of a file's content, to tell a change of ctime alone from a change. */
#ifndef ST_DIGEST_H
#define ST_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger files have no digest: reading them would hold up create for too long. */
#define ST_DIGEST_MOST (64ULL << 20)

struct st_digest {
	uint64_t word[2];
	bool known;
};

/* SipHash-2-4 with an output of 128 bits; the key has two words. */
void st_digest_bytes(const uint64_t key[2], const void *bytes, size_t len,
		     uint64_t digest[2]);

int st_digest_file(int fd, uint64_t size, struct st_digest *digest);

#endif
