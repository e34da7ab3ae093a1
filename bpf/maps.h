/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The family's maps and load-time options. User space sets the sizes that are 1 here before it loads. */
#ifndef MASQ_BPF_MAPS_H
#define MASQ_BPF_MAPS_H

#include "bpf/family.h"

#define options N(options)
volatile const struct N(masq_options) options = {};

/* The table's slots: read, and told to end mappings, by user space through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, mapping_t);
} N(mappings) SEC(".maps");

/* The two indexes into it. Mappable so that a bucket is a cache line: mappable arrays begin on a page. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_bucket);
} N(forward) SEC(".maps"), N(reply) SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_control);
} N(control) SEC(".maps");

/* Insertions into a bucket hold the lock of its number modulo LOCKS. */
#define LOCKS 1024
struct lock {
	struct bpf_spin_lock spin;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOCKS);
	__type(key, __u32);
	__type(value, struct lock);
} N(locks) SEC(".maps");

/* Mappings of each pod. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, addr_t);
	__type(value, __u32);
} N(pods) SEC(".maps");

/* What happens to a destination: one trie, replaced as a whole. */
struct N(policy_rules) {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	/* masq_policy_key, masq_policy: no BTF of an inner map survives linking */
	__uint(key_size, sizeof(policy_key_t));
	__uint(value_size, sizeof(struct masq_policy));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct N(policy_rules));
} N(policy) SEC(".maps");

/* The source set when it is too long for the options. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, policy_key_t);
	__type(value, __u8);
} N(sources) SEC(".maps");

/* By interface index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, uplink_t);
} N(uplinks) SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MASQ_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} N(counters) SEC(".maps");

/* Toward the remote endpoints for which ports were searched of late: what is known of each port (bpf/port_search.h). */
#define PORTS 65536
struct known_ports {
	__u64 taken[PORTS / 64]; /* a bit for each port, by number */
	__u32 ranges;            /* range_mark() of the ports that were searched */
	__u32 made;              /* tick */
	__u32 exhausted;         /* the tick in which none was free; 0: none */
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, tuple_t);
	__type(value, struct known_ports);
} N(known_ports) SEC(".maps");

/* A search's own: the stack has no room for it. */
struct port_search {
	tuple_t endpoint; /* key of known_ports */
	__u32 word;       /* what leads from a position to the bitmap's word: port_at_position() */
	__u32 position;
	__u32 end;
	__u32 tried;
	__u32 any_port;
	__u32 result; /* enum claim_result, but for CLAIM_NODE_HAS_IT */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_search);
} N(port_search) SEC(".maps");

/* What the node itself speaks with whom, of protocols for which no socket can be looked up, and the tick when. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, tuple_t);
	__type(value, __u32);
} N(node_flows) SEC(".maps");

/* How many pods were told of a refusal in this tick. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_budget);
} N(refusals) SEC(".maps");

/* Fragments that wait (bpf/held.h). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MASQ_HELD_SLOTS);
	__type(key, __u32);
	__type(value, held_t);
} N(held) SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_held_index);
} N(held_index) SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct masq_births);
} N(births) SEC(".maps");

struct sweeper {
	struct bpf_timer timer;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweeper);
} N(sweeper) SEC(".maps");

/* Nothing is in it: bpf_for_each_map_elem over it is the loop of kernels that have no bpf_loop (before 5.17). */
#define STEPS 65536
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEPS);
	__type(key, __u32);
	__type(value, __u8);
} N(steps) SEC(".maps");

static __always_inline struct masq_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&N(control), &zero);
}

static __always_inline void count(enum masq_direction direction, __u32 reason)
{
	__u32 key = MASQ_COUNTER(direction, reason);
	__u64 *counter = bpf_map_lookup_elem(&N(counters), &key);

	if (counter)
		(*counter)++;
}

#endif
