/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets by direction and reason. */
#ifndef MASQ_BPF_PACKET_COUNTERS_H
#define MASQ_BPF_PACKET_COUNTERS_H

#include "bpf/packet/family.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MASQ_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters_map SEC(".maps");

static __always_inline void count(enum masq_direction direction, __u32 reason)
{
	__u32 key = MASQ_COUNTER(direction, reason);
	__u64 *counter = bpf_map_lookup_elem(&counters_map, &key);

	if (counter)
		(*counter)++;
}

#endif
