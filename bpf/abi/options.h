/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract with user space: load-time constants. */
#ifndef MASQ_BPF_ABI_OPTIONS_H
#define MASQ_BPF_ABI_OPTIONS_H

#include "bpf/abi/mapping.h"

#define MASQ_SOURCES_MAX 8
#define MASQ_SOURCES_TRIE 65536
#define MASQ_RANGES_MAX 16
#define MASQ_PORTS 65536
#define MASQ_HASH_KEYS 11 /* one, and one for each half word of an IPv6 tuple */

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
	__u32 dns; /* UDP to port 53 whose questions are answered */
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
		__u64 hash_seed;                     /* of the table: constant during its life */                      \
		__u64 hash_key[MASQ_HASH_KEYS];      /* follows from hash_seed */                                      \
		__u64 usable_ports[MASQ_PORTS / 64]; /* a bit for each port that a mapping may have, by number */      \
		__u64 chosen_ports[MASQ_PORTS / 64]; /* a bit for each port of the ranges */                           \
		__u32 enabled;                                                                                         \
		__u32 source_count; /* if more than MASQ_SOURCES_MAX, the map `sources` has all */                     \
		struct masq_source##n source[MASQ_SOURCES_MAX];                                                        \
		__u32 forward_mask; /* number of index buckets - 1 */                                                  \
		__u32 slots;                                                                                           \
		__u32 max_mappings;                                                                                    \
		__u32 max_left;                                                                                        \
		__u32 max_mappings_per_pod;                                                                            \
		__u32 own_inside;     /* the source set contains addresses of this node (map own) */                   \
		__u32 by_destination; /* the map destinations is not empty */                                          \
		__u32 route_source;                                                                                    \
		__u32 random_fully;                                                                                    \
		__u32 verify_source;                                                                                   \
		__u32 zero;             /* see below */                                                                \
		__u32 ports_below_512;  /* number of usable ports of 1-511 */                                          \
		__u32 ports_below_1024; /* of 512-1023 */                                                              \
		__u32 port_count;       /* of all ranges together; a port of 1024 and more is chosen from them */      \
		__u32 range_count;                                                                                     \
		struct masq_port_range range[MASQ_RANGES_MAX];                                                         \
		/* Options are compared byte by byte: no padding. */                                                   \
		struct masq_timeouts timeouts;                                                                         \
	}

MASQ_DEFINE_OPTIONS(4);
MASQ_DEFINE_OPTIONS(6);

#endif
