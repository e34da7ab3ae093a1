/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and masq in user space: the only header that both include, but for
 * event_abi.h, which is that of events.
 * Addresses and ports are in network byte order, everything else in host byte order. Sizes are asserted here and
 * held against the objects' BTF by tests/packet/abi_test.cpp. A change of a layout takes a new MASQ_SCHEMA.
 */
#ifndef MASQ_BPF_ABI_H
#define MASQ_BPF_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define MASQ_ASSERT static_assert
#else
#define MASQ_ASSERT _Static_assert
#endif

/*
 * Of all that is pinned: a part of its path, and kept in struct masq_control. It changes with every layout of a pinned
 * map and every number below that a mapping keeps; mappings move from one schema to another by the names of their fields
 * and numbers (docs/decisions/0007), so a name keeps its meaning for ever.
 */
#define MASQ_SCHEMA 2

enum masq_verdict {
	MASQ_PASS, /* other programs on the device see the packet too */
	MASQ_DROP,
	MASQ_HOLD, /* dropped, but a copy is kept and sent on when it can be */
};

/*
 * Why a packet left the engine. Each line fixes, in one place: the name, the verdict, the word for it (metric
 * label, `masq monitor`, JSON), and what it means.
 * A line's number is its index in the pinned counters, and mappings keep it. New lines are added at the end, and none is
 * moved or removed: otherwise counters would change their labels at an upgrade (bpf/pinned-numbers.txt).
 */
#define MASQ_REASONS(X)                                                                                                \
	X(TRANSLATED, PASS, "translated", "address and port rewritten by a mapping")                                   \
	X(NOT_OURS, PASS, "not_ours", "source outside the source set; inbound: no mapping for it")                     \
	X(MULTICAST, PASS, "multicast", "multicast destination")                                                       \
	X(BROADCAST, PASS, "broadcast", "broadcast destination")                                                       \
	X(INBOUND_CONNECTION, PASS, "inbound_connection", "connection that came from outside to a pod's own address")  \
	X(POD_CIDR, PASS, "pod_cidr", "destination inside the pod CIDRs")                                              \
	X(NATIVE_ROUTING, PASS, "native_routing", "destination inside the native routing CIDRs")                       \
	X(IP_MASQ_AGENT, PASS, "ip_masq_agent", "destination excluded by the ip-masq-agent")                           \
	X(NODE, PASS, "node", "destination is another node")                                                           \
	X(OWN_ADDRESS, PASS, "own_address", "destination is an address of this node")                                  \
	X(MALFORMED, DROP, "malformed", "a pod's packet that is truncated or contradicts itself")                      \
	X(NEIGHBOUR_DISCOVERY, PASS, "neighbour_discovery", "ICMPv6 that never leaves its link (RFC 4861)")            \
	X(FRAGMENT_HELD, HOLD, "fragment_held", "a fragment that came before its datagram's first; sent on behind it") \
	X(FRAGMENT, DROP, "fragment", "a fragment whose datagram's first is unknown, or not the only one")             \
	X(ICMP_ERROR, DROP, "icmp_error", "a pod's ICMP error about no connection that we know")                       \
	X(ICMP_REDIRECT, DROP, "icmp_redirect", "an ICMP redirect that concerns a masqueraded connection")             \
	X(UNSUPPORTED_PROTOCOL, DROP, "unsupported_protocol", "an ICMP message that cannot be masqueraded")            \
	X(NOT_AN_OPENER, DROP, "not_an_opener", "no mapping, and this packet may not make one")                        \
	X(NO_EXTERNAL_ADDRESS, DROP, "no_external_address", "the uplink has no usable address of this family")         \
	X(ADDRESS_AWAY, DROP, "address_away", "the address that its connection leaves under is not the node's now")    \
	X(RESTING, DROP, "resting", "of a connection whose pod has begun another, or is gone, or that is handed over") \
	X(NO_FREE_PORT, DROP, "no_free_port", "every port of the range is taken toward this remote endpoint")          \
	X(TABLE_FULL, DROP, "table_full", "nat-max-mappings are in use")                                               \
	X(POD_LIMIT, DROP, "pod_limit", "the pod has nat-max-mappings-per-pod mappings")                               \
	X(REWRITE_FAILED, DROP, "rewrite_failed", "the kernel refused to change the packet")

enum masq_reason {
#define MASQ_REASON_ENUM(name, verdict, word, meaning) MASQ_REASON_##name,
	MASQ_REASONS(MASQ_REASON_ENUM)
#undef MASQ_REASON_ENUM
	MASQ_REASON_COUNT,
};

enum masq_direction {
	MASQ_EGRESS,
	MASQ_INGRESS,
	MASQ_DIRECTION_COUNT,
};

/* counters: a per-CPU array of __u64, one element for each pair; as large with a reason more. */
#define MASQ_REASONS_MAX 64
#define MASQ_COUNTER(direction, reason) ((__u32)(direction) * MASQ_REASONS_MAX + (__u32)(reason))
#define MASQ_COUNTER_COUNT ((__u32)MASQ_DIRECTION_COUNT * MASQ_REASONS_MAX)

/*
 * Time is counted in ticks of 2^27 ns (134 ms) of CLOCK_BOOTTIME, which goes on during suspend. Tick 0 never comes:
 * it marks a mapping that is not alive.
 */
enum masq_time {
	MASQ_TICK_SHIFT = 27,
};

union masq_addr4 {
	__be32 word[1];
	__u8 bytes[4];
};

union masq_addr6 {
	__be32 word[4];
	__u8 bytes[16];
};

/* How far a connection has come; `masq bpf nat list` prints the words. */
#define MASQ_STATES(X)                                                                                                 \
	X(NEW, "new")                 /* only the pod has spoken */                                                    \
	X(ESTABLISHED, "established") /* both have */                                                                  \
	X(CLOSING, "closing")         /* TCP: FIN from both sides, or RST */

enum masq_state {
#define MASQ_STATE_ENUM(name, word) MASQ_STATE_##name,
	MASQ_STATES(MASQ_STATE_ENUM)
#undef MASQ_STATE_ENUM
	MASQ_STATE_COUNT,
};

/* What a slot of the mapping table is used for; only the one who owns a slot in that phase changes it. */
enum masq_slot {
	MASQ_SLOT_FREE,     /* on the free list, or never used */
	MASQ_SLOT_BUILDING, /* owned by the program that takes a new connection's first packet */
	MASQ_SLOT_LINKED,   /* found by the indexes; alive while `seen` is not 0; owned by the sweep when it is */
	MASQ_SLOT_UNLINKED, /* out of the indexes; free when every program that may still look at it has ended */
};

/* What the agent wants of a connection. Only user space writes it, and only the engine acts on it. */
enum masq_order {
	MASQ_ORDER_NONE,
	MASQ_ORDER_WAIT,   /* its external address is not the node's now: nothing of it leaves */
	MASQ_ORDER_REST,   /* its pod is gone: nothing of it passes, and it only keeps its port from others */
	MASQ_ORDER_FORGET, /* left alone: decided anew at the pod's next packet */
	MASQ_ORDER_HOLD,   /* another datapath takes it over: nothing of it passes any more */
};

enum masq_flag {
	MASQ_FIN_FROM_POD = 1,
	MASQ_FIN_FROM_REMOTE = 2,
	MASQ_RESET = 4,
	MASQ_WEAK = 8,       /* an inbound connection known from a segment in its middle */
	MASQ_RESTING = 16,   /* its pod has begun anew under the same port; this one only keeps its port from others */
	MASQ_CHARGED = 32,   /* a datagram from outside that counts for the pod which it is for */
	MASQ_STILLBORN = 64, /* its maker gave it up: no event tells of its end, as none has told that it was made */
};

/*
 * What a tuple names. A datagram in fragments is known by its IP identification: `sport` is the two octets of it that
 * may be replaced on the way out, `dport` the other two of IPv6's. Protocol: IPv4 only, where it is a part of the name.
 */
enum masq_kind {
	MASQ_KIND_CONNECTION,
	MASQ_KIND_DATAGRAM_OUT, /* a pod's */
	MASQ_KIND_DATAGRAM_IN, /* from outside; flow.src is the destination on the wire, `external` the pod's address */
};

/* In the objects so that their BTF, and with it every pinned table, says what the numbers of its mappings mean. */
struct masq_words {
	enum masq_time time;
	enum masq_reason reason;
	enum masq_state state;
	enum masq_slot slot;
	enum masq_flag flag;
	enum masq_kind kind;
	enum masq_order order;
};

/*
 * One connection: a mapping (reason TRANSLATED), or the remembered decision to leave it alone (any other reason).
 * The forward index finds it by `flow`, the reply index by (flow.dst, external, flow.dport, external_port).
 * A tuple as the pod sends it. ICMP queries: the identifier is the source port, and the destination port is the
 * ICMP type of the pod's packets, so that a pod's own ping and one it answers are two flows.
 */
#define MASQ_DEFINE_FAMILY(n)                                                                                          \
	struct masq_tuple##n {                                                                                         \
		union masq_addr##n src;                                                                                \
		union masq_addr##n dst;                                                                                \
		__be16 sport;                                                                                          \
		__be16 dport;                                                                                          \
		__u8 protocol;                                                                                         \
		__u8 kind; /* enum masq_kind */                                                                        \
		__u8 zero[2];                                                                                          \
	};                                                                                                             \
	struct masq_mapping##n {                                                                                       \
		struct masq_tuple##n flow;                                                                             \
		union masq_addr##n external;                                                                           \
		__be16 external_port;                                                                                  \
		__u8 reason;                                                                                           \
		__u8 state;                                                                                            \
		__u32 seen;    /* tick of the last packet, to within a second; 0: not alive */                         \
		__u32 created; /* tick; of UNLINKED slots: when that was */                                            \
		union {                                                                                                \
			__u32 next;    /* of a FREE slot: number of the next one plus one, 0: none */                  \
			__u32 pod_ack; /* TCP: what the pod had acknowledged about a second ago; 0: not known */       \
		};                                                                                                     \
		__u32 pod_seq; /* TCP: sequence number of the pod's SYN, then of its FIN */                            \
		__u8 slot;     /* enum masq_slot */                                                                    \
		__u8 flags;                                                                                            \
		__u8 order; /* enum masq_order */                                                                      \
		__u8 reserved[MASQ_MAPPING##n##_RESERVED];                                                             \
	};                                                                                                             \
	/* A longest-prefix rule of the policy. */                                                                     \
	struct masq_policy_key##n {                                                                                    \
		__u32 prefix_length;                                                                                   \
		union masq_addr##n address;                                                                            \
	};                                                                                                             \
	/* The addresses that packets leave an uplink under; pods are spread over them. */                             \
	struct masq_uplink##n {                                                                                        \
		__u32 count;                                                                                           \
		union masq_addr##n address[MASQ_POOL_MAX];                                                             \
	};                                                                                                             \
	struct masq_source##n {                                                                                        \
		union masq_addr##n address;                                                                            \
		union masq_addr##n mask;                                                                               \
	};                                                                                                             \
	struct masq_held##n {                                                                                          \
		struct masq_tuple##n datagram;                                                                         \
		__u32 length;                                                                                          \
		__u8 frame[MASQ_HELD_FRAME];                                                                           \
	};                                                                                                             \
	/* Load-time constants: the verifier removes what they switch off. */                                          \
	struct masq_options##n {                                                                                       \
		__u64 hash_seed; /* the table's: the same as long as it lives */                                       \
		__u32 enabled;                                                                                         \
		__u32 source_count; /* more than MASQ_SOURCES_MAX: all of them are in the map `sources` */             \
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

#define MASQ_MAPPING4_RESERVED 21
#define MASQ_MAPPING6_RESERVED 1
#define MASQ_POOL_MAX 16
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
	__u32 fragment; /* since a datagram's last fragment */
};

/* Fragments that wait for their datagram's first: a copy of the frame, and in one element what is needed to find it. */
#define MASQ_HELD_SLOTS 256
#define MASQ_HELD_SLOTS_PER_SOURCE 64
#define MASQ_HELD_FRAME 9216

struct masq_held_slot {
	/* 0: free, 1: being written, with the top bit: being sent on, else the tick since when it waits */
	__u32 state;
	__u32 hash;      /* of the datagram's tuple */
	__u32 source;    /* hash of the sender's address */
	__u32 direction; /* enum masq_direction */
};

struct masq_held_index {
	__u32 waiting;
	struct masq_held_slot slot[MASQ_HELD_SLOTS];
};

/* What mappings were made of; counted on each CPU. */
#define MASQ_PROTOCOL_CLASSES(X) X(TCP, "tcp") X(UDP, "udp") X(ICMP, "icmp") X(SCTP, "sctp") X(OTHER, "other")

enum masq_protocol_class {
#define MASQ_CLASS_ENUM(name, word) MASQ_CLASS_##name,
	MASQ_PROTOCOL_CLASSES(MASQ_CLASS_ENUM)
#undef MASQ_CLASS_ENUM
	MASQ_CLASS_COUNT,
};

#define MASQ_ATTEMPT_BUCKETS 17 /* up to 2^0, 2^1, ... 2^16 ports were looked at */

struct masq_births {
	__u64 created[MASQ_CLASS_COUNT];
	__u64 searches[MASQ_ATTEMPT_BUCKETS]; /* for a port, by how many were looked at, whether one was free or not */
	__u64 attempts;                       /* of all of them together */
};

/* What the programs that adopt mappings are run with: the header is not looked at. */
#define MASQ_ADOPT_HEADER 16
#define MASQ_ADOPT_MOST 32

struct masq_budget {
	__u32 tick;
	__u32 spent;
};

MASQ_DEFINE_FAMILY(4);
MASQ_DEFINE_FAMILY(6);

/* Value of a policy rule. */
struct masq_policy {
	__u8 reason;  /* enum masq_reason; TRANSLATED: masquerade */
	__u8 ip_masq; /* enum masq_ip_masq: what `masq bpf ipmasq list` shows */
	__u16 reserved;
};

enum masq_ip_masq {
	MASQ_IP_MASQ_NONE,
	MASQ_IP_MASQ_EXCLUDED,
	MASQ_IP_MASQ_MASQUERADE,
};

/*
 * A bucket of an index: a cache line. A cell is 0 (empty) or tag << 24 | slot number + 1. A key whose home bucket
 * is full stands in one of the next MASQ_HOPS - 1 buckets, and the home's `overflow` counts it.
 */
#define MASQ_CELLS 15
#define MASQ_HOPS 4
#define MASQ_SLOTS_MAX ((1 << 24) - 2)

struct masq_bucket {
	__u16 inserted; /* changes with every insertion of a key whose home this is */
	__u16 overflow;
	__u32 cell[MASQ_CELLS];
};

/* What the table knows of itself: one element. Counters in it are changed atomically. */
struct masq_control {
	__u64 free_list; /* upper half: a number that changes with every push; lower half: slot number plus one */
	__u64 hash_seed;
	__u64 created; /* mappings ever made */
	__u32 schema;
	__u32 slots;
	__u32 buckets;
	__u32 unused;   /* slots from here on were never used */
	__u32 used;     /* mappings alive */
	__u32 left;     /* connections remembered as left alone */
	__u32 clock;    /* the tick now, as of the last sweep */
	__u32 cursor;   /* where the sweep goes on */
	__u32 sweeping; /* 1 while one is at work: there is never a second */
	__u32 sweeps;   /* that have ended */
};

MASQ_ASSERT(MASQ_REASON_COUNT <= MASQ_REASONS_MAX, "each has a counter");
MASQ_ASSERT(sizeof(struct masq_tuple4) == 16, "the forward key is two words");
MASQ_ASSERT(sizeof(struct masq_tuple6) == 40, "no holes");
MASQ_ASSERT(sizeof(struct masq_mapping4) == 64, "a cache line");
MASQ_ASSERT(sizeof(struct masq_mapping6) == 80, "no holes");
MASQ_ASSERT(sizeof(struct masq_bucket) == 64, "a cache line");
MASQ_ASSERT(sizeof(struct masq_control) == 64, "no holes");

#endif
