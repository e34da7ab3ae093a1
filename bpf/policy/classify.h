/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The source set: addresses whose connections are masqueraded. */
#ifndef MASQ_BPF_POLICY_CLASSIFY_H
#define MASQ_BPF_POLICY_CLASSIFY_H

#include "bpf/packet/family.h"

/* The source set if it has more entries than the options. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_SOURCES_TRIE);
	__type(key, policy_key_t);
	__type(value, __u8);
} sources_map SEC(".maps");

/* Addresses of this node inside the source set. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_DEVICES_MAX);
	__type(key, addr_t);
	__type(value, __u8);
} own_map SEC(".maps");

static __always_inline void policy_key(policy_key_t *key, const addr_t *a)
{
	key->prefix_length = sizeof(addr_t) * 8;
	key->address = *a;
}

static __always_inline bool is_source(const addr_t *a)
{
	policy_key_t key;

	if (options.source_count > MASQ_SOURCES_MAX) {
		policy_key(&key, a);
		return bpf_map_lookup_elem(&sources_map, &key);
	}
	for (__u32 i = 0; i < MASQ_SOURCES_MAX; i++) {
		if (i >= options.source_count)
			break;
		if (addr_is_inside(a, &options.source[i].address, &options.source[i].mask))
			return true;
	}
	return false;
}

/* An address of this node inside the source set: never a source, and its packets are the node's. */
static __always_inline bool is_own(const addr_t *a)
{
	addr_t key = *a; /* on the stack: before Linux 6.2 no argument may be a map's key */

	return options.own_inside && bpf_map_lookup_elem(&own_map, &key);
}

static __always_inline bool is_pod(const addr_t *a)
{
	return is_source(a) && !is_own(a);
}

#endif
