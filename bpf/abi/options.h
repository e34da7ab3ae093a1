/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract with user space: load-time constants. */
#ifndef MASQ_BPF_ABI_OPTIONS_H
#define MASQ_BPF_ABI_OPTIONS_H

#include "bpf/abi/mapping.h"

#define MASQ_SOURCES_MAX 8
#define MASQ_RANGES_MAX 16

struct masq_port_range {
	__u16 low;
	__u16 high;
};

/* In ticks. */
struct masq_timeouts {
	__u32 tcp_new;
	__u32 tcp_established;
	__u32 tcp_transitory;
	__u32 udp_new;
	__u32 udp;
	__u32 icmp;
	__u32 other;
	__u32 fragment; /* after a datagram's last fragment */
};

#define MASQ_DEFINE_OPTIONS(n)                                                                                         \
	struct masq_source##n {                                                                                        \
		union masq_addr##n address;                                                                            \
		union masq_addr##n mask;                                                                               \
	};                                                                                                             \
	/* Load-time constants: the verifier removes what they switch off. */                                          \
	struct masq_options##n {                                                                                       \
		__u64 hash_seed; /* of the table: constant during its life */                                          \
		__u32 enabled;                                                                                         \
		__u32 source_count; /* if more than MASQ_SOURCES_MAX, the map `sources` has all */                     \
		struct masq_source##n source[MASQ_SOURCES_MAX];                                                        \
		__u32 forward_mask; /* number of index buckets - 1 */                                                  \
		__u32 slots;                                                                                           \
		__u32 max_mappings;                                                                                    \
		__u32 max_left;                                                                                        \
		__u32 max_mappings_per_pod;                                                                            \
		__u32 route_source;                                                                                    \
		__u32 random_fully;                                                                                    \
		__u32 port_count; /* of all ranges together */                                                         \
		__u32 range_count;                                                                                     \
		struct masq_port_range range[MASQ_RANGES_MAX];                                                         \
		struct masq_timeouts timeouts;                                                                         \
		__u32 zero; /* options are compared byte by byte: no padding */                                        \
	}

MASQ_DEFINE_OPTIONS(4);
MASQ_DEFINE_OPTIONS(6);

#endif
