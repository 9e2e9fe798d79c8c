#pragma once
/*
 * SHA-256 (FIPS 180-4), for what is compared and never trusted for more: the helper programs, which
 * verify what comes from elsewhere, use libcrypto, which takes 0.7 ms to link.
 */
#include <stddef.h>
#include <stdint.h>

#define SHA256_TEXT_SIZE 65

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	unsigned char block[64];
	int instructions; /* the processor's: 0 not asked yet, 1 it has them, -1 not */
};
void sha256_init(struct sha256 *);
void sha256_add(struct sha256 *, const void *data, size_t len);
/* A text with its NUL, so that "ab", "c" is not "a", "bc". */
void sha256_add_text(struct sha256 *, const char *text);
/* As 64 hexadecimal digits. */
void sha256_end(struct sha256 *, char ret[SHA256_TEXT_SIZE]);
