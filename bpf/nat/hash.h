/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hash of the indexes: multilinear (Lemire, Kaser 2014, "Strongly universal string hashing is fast", 3). For any two
 * tuples, the probability of equal hashes is 2^-32 over the choice of the keys, so tuples that collide cannot be
 * computed. A hash that mixes one seed with each word in turn is not enough: the difference of two tuples can cancel
 * whatever the seed is. The sum is linear in each word, so it is mixed: addresses in a row would meet few buckets else.
 */
#ifndef MASQ_BPF_NAT_HASH_H
#define MASQ_BPF_NAT_HASH_H

#include "bpf/packet/family.h"

static __always_inline __u64 hash_pair(__u32 number, __u32 low, __u32 high)
{
	return (options.hash_key[2 * number + 1] + low) * (options.hash_key[2 * number + 2] + high);
}

static __always_inline __u32 hash_mix(__u64 sum)
{
	return ((sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull) >> 32;
}

static __always_inline __u32 tuple_hash(const tuple_t *t)
{
	const __u64 *word = (const __u64 *)t;
	__u64 sum = options.hash_key[0];

	for (__u32 i = 0; i < TUPLE_WORDS; i++)
		sum += hash_pair(i, (__u32)word[i], word[i] >> 32);
	return hash_mix(sum);
}

static __always_inline __u32 address_hash(const addr_t *a)
{
	__u64 sum = options.hash_key[0];

	if (ADDR_WORDS == 1)
		return hash_mix(sum + hash_pair(0, a->word[0], 0));
	for (__u32 i = 0; i < ADDR_WORDS / 2; i++)
		sum += hash_pair(i, a->word[2 * i], a->word[2 * i + 1]);
	return hash_mix(sum);
}

#endif
