/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The order in which ports are tried for a pod's endpoint. It does not depend on the destination, so that an endpoint
 * has one external port toward all destinations toward which that port is free (RFC 4787 4.1), and it differs between
 * endpoints, so that they do not try the same ports. It is keyed: whoever knows pods' endpoints, or sees external ports,
 * cannot tell the next one.
 */
#ifndef MASQ_BPF_NAT_PORT_ORDER_H
#define MASQ_BPF_NAT_PORT_ORDER_H

#include "bpf/nat/slots.h"

/* SipHash-1-3 (Aumasson, Bernstein 2012), as the kernel's hash tables have it. */
struct siphash {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 rotate_left(__u64 value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

static __always_inline void siphash_word(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

static __always_inline __u64 siphash_end(struct siphash *s)
{
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static __always_inline __u32 endpoint_order(const mapping_t *m)
{
	struct siphash s = {
		.v0 = options.hash_seed ^ 0x736f6d6570736575ull,
		.v1 = ~options.hash_seed ^ 0x646f72616e646f6dull,
		.v2 = options.hash_seed ^ 0x6c7967656e657261ull,
		.v3 = ~options.hash_seed ^ 0x7465646279746573ull,
	};

	for (__u32 i = 0; i < ADDR_WORDS; i++)
		siphash_word(&s, m->flow.src.word[i]);
	siphash_word(&s, (__u32)m->flow.sport << 16 | (__u32)m->flow.protocol << 8 | m->flow.kind);
	return siphash_end(&s);
}

/* The next number of an order. Its upper bits select the port. */
static __always_inline __u32 order_next(__u32 order)
{
	return order * 1664525u + 1013904223u;
}

#endif
