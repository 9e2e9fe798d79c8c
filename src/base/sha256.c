#include "base/sha256.h"

#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint32_t k[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static uint32_t turn(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void plain_blocks(uint32_t s[8], const unsigned char *p, size_t n)
{
	for (; n--; p += 64) {
		uint32_t w[64], v[8];
		for (unsigned i = 0; i < 16; i++)
			w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
			       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
		for (unsigned i = 16; i < 64; i++)
			w[i] = w[i - 16] + w[i - 7] +
			       (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
			       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
		memcpy(v, s, sizeof v);
		for (unsigned i = 0; i < 64; i++) {
			uint32_t a = v[7] + k[i] + w[i] + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
				     (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25));
			uint32_t b = ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])) +
				     (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22));
			memmove(v + 1, v, 7 * sizeof *v);
			v[4] += a;
			v[0] = a + b;
		}
		for (unsigned i = 0; i < 8; i++)
			s[i] += v[i];
	}
}

#if defined(__x86_64__)
/* The processor's own instructions (Intel, "Intel SHA Extensions", 2013), four rounds at a time. */
__attribute__((target("sha,sse4.1,ssse3"))) static void fast_blocks(
	uint32_t s[8], const unsigned char *p, size_t n)
{
	const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	__m128i t = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)s), 0xb1);
	__m128i efgh =
		_mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(s + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(t, efgh, 8), cdgh = _mm_blend_epi16(efgh, t, 0xf0);

	for (; n--; p += 64) {
		__m128i w[4], abef_was = abef, cdgh_was = cdgh;
		for (unsigned i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(
				_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)),
				order);
		for (unsigned i = 0; i < 16; i++) {
			__m128i m = _mm_add_epi32(w[i & 3],
				_mm_loadu_si128((const __m128i *)(const void *)(k + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, m);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(m, 0x0e));
			/* four words for four rounds later, in the place of those used now */
			t = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
			w[i & 3] = _mm_sha256msg2_epu32(
				_mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), t),
				w[(i + 3) & 3]);
		}
		abef = _mm_add_epi32(abef, abef_was);
		cdgh = _mm_add_epi32(cdgh, cdgh_was);
	}
	t = _mm_shuffle_epi32(abef, 0x1b);
	efgh = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)s, _mm_blend_epi16(t, efgh, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(s + 4), _mm_alignr_epi8(efgh, t, 8));
}

static int has_fast(void)
{
	unsigned a = 7, b = 0, c = 0, d = 0;

	/* leaf 7: bit 29 of EBX (Intel's manual, volume 2, CPUID) */
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (int)(b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
}

static void blocks(struct sha256 *h, const unsigned char *p, size_t n)
{
	/* asking takes longer than some blocks when the machine is a virtual one */
	if (!h->instructions && n >= 64)
		h->instructions = has_fast() ? 1 : -1;
	if (h->instructions > 0)
		fast_blocks(h->state, p, n);
	else
		plain_blocks(h->state, p, n);
}
#else
static void blocks(struct sha256 *h, const unsigned char *p, size_t n)
{
	plain_blocks(h->state, p, n);
}
#endif

void sha256_init(struct sha256 *h)
{
	static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	*h = (struct sha256){ .length = 0 };
	memcpy(h->state, start, sizeof start);
}

void sha256_add(struct sha256 *h, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t have = h->length % 64, n;

	h->length += len;
	if (have) {
		n = 64 - have < len ? 64 - have : len;
		memcpy(h->block + have, p, n);
		p += n;
		len -= n;
		if (have + n < 64)
			return;
		blocks(h, h->block, 1);
	}
	blocks(h, p, len / 64);
	if (len % 64)
		memcpy(h->block, p + len - len % 64, len % 64);
}

void sha256_add_text(struct sha256 *h, const char *text)
{
	sha256_add(h, text, strlen(text) + 1);
}

void sha256_end(struct sha256 *h, char ret[SHA256_TEXT_SIZE])
{
	static const unsigned char padding[64] = { 0x80 };
	uint64_t bits = h->length * 8;
	unsigned char size[8];

	for (unsigned i = 0; i < 8; i++)
		size[i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_add(h, padding, 1 + (119 - h->length % 64) % 64);
	sha256_add(h, size, sizeof size);
	for (unsigned i = 0; i < 8; i++)
		snprintf(ret + 8 * i, 9, "%08x", h->state[i]);
}
