/* SPDX-License-Identifier: MIT */
/* What the fuzzers share: input taken apart, randomness that repeats itself. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something is so that must never be. */
#define FUZZ_FAIL(...)						\
	do {							\
		fprintf(stderr, "fuzz: " __VA_ARGS__);		\
		fputc('\n', stderr);				\
		abort();					\
	} while (0)

/** struct fuzz_input - octets not used yet */
struct fuzz_input {
	const uint8_t *p;
	size_t len;
};

/* The next octet; 0 behind the end. */
static inline uint8_t fuzz_octet(struct fuzz_input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->p++;
}

static inline size_t fuzz_number(struct fuzz_input *in)
{
	size_t high = fuzz_octet(in);

	return high << 8 | fuzz_octet(in);
}

/* Cuts off as many octets, or as there are. */
static inline struct fuzz_input fuzz_piece(struct fuzz_input *in, size_t len)
{
	struct fuzz_input piece = { in->p, len < in->len ? len : in->len };

	in->p += piece.len;
	in->len -= piece.len;
	return piece;
}

/* All of it as a string; to be freed. */
static inline char *fuzz_text(const struct fuzz_input *in)
{
	char *text = malloc(in->len + 1);

	if (!text)
		FUZZ_FAIL("no memory");
	memcpy(text, in->p, in->len);
	text[in->len] = '\0';
	return text;
}

/*
 * Each side of a connection draws from a stream of its own, so that what one of
 * them said once is right again when it is played to the other.
 */
static uint64_t fuzz_streams[2];
static unsigned int fuzz_side;

static int fuzz_random(unsigned char *buf, int len)
{
	uint64_t *state = &fuzz_streams[fuzz_side];

	for (int i = 0; i < len; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		buf[i] = (unsigned char)(*state >> 32);
	}
	return 1;
}

static int fuzz_random_status(void)
{
	return 1;
}

static inline void fuzz_random_begin(void)
{
	static RAND_METHOD method = {
		.bytes = fuzz_random,
		.pseudorand = fuzz_random,
		.status = fuzz_random_status,
	};

	RAND_set_rand_method(&method);
	fuzz_streams[0] = 0x9e3779b97f4a7c15;
	fuzz_streams[1] = 0xd1b54a32d192ed03;
	fuzz_side = 0;
}

#endif
