/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The address family is data: the engine is compiled once with FAMILY=4 and once with FAMILY=6. FN(name) is the
 * family's own name of a global; packet/names.h lists them, so that the rest of the text has plain names.
 */
#ifndef MASQ_BPF_PACKET_FAMILY_H
#define MASQ_BPF_PACKET_FAMILY_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include "bpf/abi/fragment.h"
#include "bpf/abi/mapping.h"
#include "bpf/abi/options.h"
#include "bpf/abi/policy.h"
#include "bpf/hook/tc.h"
#include "bpf/packet/names.h"

typedef union FN(masq_addr) addr_t;
typedef struct FN(masq_tuple) tuple_t;
typedef struct FN(masq_mapping) mapping_t;
typedef struct FN(masq_uplink) uplink_t;
typedef struct FN(masq_policy_key) policy_key_t;
typedef struct FN(masq_destination_key) destination_key_t;
typedef struct FN(masq_held) held_t;

#define ADDR_WORDS (sizeof(addr_t) / sizeof(__be32))
#define TUPLE_WORDS (sizeof(tuple_t) / sizeof(__u64))

#if FAMILY == 4
#define ADDRESS_FAMILY 2 /* AF_INET */
#define ICMP_PROTOCOL IPPROTO_ICMP
#else
#define ADDRESS_FAMILY 10 /* AF_INET6 */
#define ICMP_PROTOCOL IPPROTO_ICMPV6
#endif

/* Makes the compiler compare this variable itself: older verifiers forget bounds that were checked on a copy. */
#define KNOWN(variable) asm volatile("" : "+r"(variable))

/* `value` in a form whose bounds every verifier knows. The caller has checked that it is from 1 to `most`. */
#define BOUNDED(value, most)                                                                                           \
	({                                                                                                             \
		__u32 less_one = (value) - 1;                                                                          \
                                                                                                                       \
		KNOWN(less_one);                                                                                       \
		(less_one < (most) ? less_one : (most) - 1) + 1;                                                       \
	})

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

static __always_inline bool addr_equal(const addr_t *a, const addr_t *b)
{
	for (unsigned int i = 0; i < ADDR_WORDS; i++)
		if (a->word[i] != b->word[i])
			return false;
	return true;
}

static __always_inline bool addr_is_inside(const addr_t *a, const volatile addr_t *prefix, const volatile addr_t *mask)
{
	for (unsigned int i = 0; i < ADDR_WORDS; i++)
		if ((a->word[i] & mask->word[i]) != prefix->word[i])
			return false;
	return true;
}

static __always_inline bool addr_is_multicast(const addr_t *a)
{
	return FAMILY == 4 ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5: never the destination of a packet on a wire. */
static __always_inline bool addr_is_impossible(const addr_t *a)
{
	if (FAMILY == 4)
		return a->bytes[0] == 0 || a->bytes[0] == 127;
	return !(a->word[0] | a->word[1 % ADDR_WORDS] | a->word[2 % ADDR_WORDS]) &&
	       bpf_ntohl(a->word[3 % ADDR_WORDS]) <= 1;
}

/* RFC 919: the limited broadcast; subnet broadcasts are rules of the policy. */
static __always_inline bool addr_is_broadcast(const addr_t *a)
{
	return FAMILY == 4 && a->word[0] == 0xffffffff;
}

/* Load-time constants. */
volatile const struct FN(masq_options) options = {};

#endif
