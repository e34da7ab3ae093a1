/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and user space: the mapping table. Addresses and ports are in network
 * byte order, everything else in host byte order. Sizes are asserted here, and compared with the objects' BTF by
 * tests/packet/abi_test.cpp. A change of a layout needs a new MASQ_SCHEMA.
 */
#ifndef MASQ_BPF_ABI_MAPPING_H
#define MASQ_BPF_ABI_MAPPING_H

#include "bpf/abi/reasons.h"

/*
 * The schema of all pinned maps: a part of their path, and stored in struct masq_control. It changes with every layout
 * of a pinned map, and with every number below that a mapping stores. Mappings are migrated between schemas by the
 * names of their fields and numbers (docs/decisions/0007), so a name keeps its meaning for ever.
 */
#define MASQ_SCHEMA 4

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

/* The state of a connection; `masq bpf nat list` prints the words. */
#define MASQ_STATES(X)                                                                                                 \
	X(NEW, "new")                 /* packets of the initiating side only */                                        \
	X(ESTABLISHED, "established") /* packets of both sides */                                                      \
	X(CLOSING, "closing")         /* TCP: FIN from both sides, or RST */

enum masq_state {
#define MASQ_STATE_ENUM(name, word) MASQ_STATE_##name,
	MASQ_STATES(MASQ_STATE_ENUM)
#undef MASQ_STATE_ENUM
	MASQ_STATE_COUNT,
};

/* The phase of a slot of the mapping table. Only the owner of the phase writes the slot. */
enum masq_slot {
	MASQ_SLOT_FREE,     /* on the free list, or never used */
	MASQ_SLOT_BUILDING, /* owned by the program that handles a new connection's first packet */
	MASQ_SLOT_LINKED,   /* named by the indexes; alive while `seen` is not 0; then owned by the sweep */
	MASQ_SLOT_UNLINKED, /* removed from the indexes; free after a grace period */
};

/* The agent's order for a connection. Only user space writes it, and only the engine acts on it. */
enum masq_order {
	MASQ_ORDER_NONE,
	MASQ_ORDER_WAIT,   /* its external address is not assigned to this host: its packets are dropped */
	MASQ_ORDER_REST,   /* its pod was removed: its packets are dropped, and it keeps its port */
	MASQ_ORDER_FORGET, /* bypassed: decided again at the pod's next packet */
	MASQ_ORDER_HOLD,   /* handover to another datapath: its packets are dropped */
};

enum masq_flag {
	MASQ_FIN_FROM_POD = 1,
	MASQ_FIN_FROM_REMOTE = 2,
	MASQ_RESET = 4,
	MASQ_WEAK = 8,         /* an inbound connection, created by a segment in its middle */
	MASQ_RESTING = 16,     /* quarantined: the pod has begun another connection under the same port */
	MASQ_CHARGED = 32,     /* a datagram from outside that counts for its pod */
	MASQ_STILLBORN = 64,   /* creation failed: there is no ended event, because there was no created event */
	MASQ_TIMESTAMPS = 128, /* TCP: pod_timestamp is known, so both sides use the option (RFC 7323) */
};

/*
 * The ports among which the external port of a mapping counts for its pod (bpf/nat/share.h). A port that was kept and
 * that no search chooses counts nowhere.
 */
enum masq_share {
	MASQ_SHARE_NONE,
	MASQ_SHARE_RANGES,
	MASQ_SHARE_BELOW_512,
	MASQ_SHARE_BELOW_1024,
	MASQ_SHARE_IDENTIFIERS,
};

/*
 * The kind of a tuple. A datagram in fragments has its IP identification as ports: `sport` is the two bytes that may be
 * replaced on the way out, `dport` the other two of IPv6. The protocol identifies a datagram of IPv4 only.
 */
enum masq_kind {
	MASQ_KIND_CONNECTION,
	MASQ_KIND_DATAGRAM_OUT, /* a pod's */
	MASQ_KIND_DATAGRAM_IN, /* from outside; flow.src is the destination on the wire, `external` the pod's address */
};

/*
 * A variable of this type is in the objects, so that their BTF, and with it every pinned table, has the names of its
 * numbers.
 */
struct masq_words {
	enum masq_time time;
	enum masq_reason reason;
	enum masq_state state;
	enum masq_slot slot;
	enum masq_flag flag;
	enum masq_kind kind;
	enum masq_order order;
	enum masq_share share;
};

#define MASQ_MAPPING4_RESERVED __u8 reserved[12];
#define MASQ_MAPPING6_RESERVED

/*
 * A connection: a mapping (reason TRANSLATED), or the decision not to masquerade it (any other reason). The forward
 * index finds it by `flow`, the reply index by (flow.dst, external, flow.dport, external_port). `flow` is the tuple as
 * the pod sends it. ICMP queries: the identifier is the source port, and the ICMP type of the pod's packets is the
 * destination port.
 */
#define MASQ_DEFINE_MAPPING(n)                                                                                         \
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
			__u32 pod_ack; /* TCP: acknowledged by the pod, to within 256 KiB; 0: not known, closed */     \
		};                                                                                                     \
		__u32 pod_seq; /* TCP: sequence number of the pod's SYN, then of its FIN */                            \
		union {                                                                                                \
			__u32 pod_timestamp; /* TCP: of the pod's last segment; since its FIN */                       \
			__u32 datagrams;     /* others: the pod's, and in the upper half the answers; see state.h */   \
		};                                                                                                     \
		__u32 account; /* that it counts for: 0: the pod's address; else bpf/nat/quota.h */                    \
		__u8 slot;     /* enum masq_slot */                                                                    \
		__u8 flags;                                                                                            \
		__u8 order; /* enum masq_order */                                                                      \
		__u8 share; /* enum masq_share */                                                                      \
		MASQ_MAPPING##n##_RESERVED                                                                             \
	}

MASQ_DEFINE_MAPPING(4);
MASQ_DEFINE_MAPPING(6);

/*
 * A bucket of an index: a cache line. A cell is 0 (empty) or tag << 24 | slot number + 1. A key whose home bucket is
 * full is in one of the next MASQ_HOPS - 1 buckets, and the home's `overflow` counts it.
 */
#define MASQ_CELLS 15
#define MASQ_HOPS 4
#define MASQ_SLOTS_MAX ((1 << 24) - 2)

struct masq_bucket {
	__u16 inserted; /* changes with every insertion of a key whose home this is */
	__u16 overflow;
	__u32 cell[MASQ_CELLS];
};

/* The table's control block: one element. Its counters are changed atomically. */
struct masq_control {
	__u64 free_list; /* upper half: a number that changes with every push; lower half: slot number plus one */
	__u64 hash_seed;
	__u64 created; /* mappings created in total */
	__u32 schema;
	__u32 slots;
	__u32 buckets;
	__u32 unused;   /* slots from this number on were never used */
	__u32 used;     /* mappings alive */
	__u32 left;     /* bypassed connections */
	__u32 clock;    /* the current tick, as of the last sweep */
	__u32 cursor;   /* the next slot of the sweep */
	__u32 sweeping; /* 1 while a sweep runs: there is never a second */
	__u32 sweeps;   /* finished sweeps */
};

/* Mapping creation statistics, per CPU. */
#define MASQ_PROTOCOL_CLASSES(X) X(TCP, "tcp") X(UDP, "udp") X(ICMP, "icmp") X(SCTP, "sctp") X(OTHER, "other")

enum masq_protocol_class {
#define MASQ_CLASS_ENUM(name, word) MASQ_CLASS_##name,
	MASQ_PROTOCOL_CLASSES(MASQ_CLASS_ENUM)
#undef MASQ_CLASS_ENUM
	MASQ_CLASS_COUNT,
};

#define MASQ_ATTEMPT_BUCKETS 17 /* up to 2^0, 2^1, ... 2^16 ports were tried */

struct masq_births {
	__u64 created[MASQ_CLASS_COUNT];
	__u64 searches[MASQ_ATTEMPT_BUCKETS]; /* searches for a port, by the number of ports that were tried */
	__u64 attempts;                       /* tried ports in total */
};

/* Packets for the programs that import mappings: the header is skipped. */
#define MASQ_ADOPT_HEADER 16
#define MASQ_ADOPT_MOST 32

MASQ_ASSERT(sizeof(struct masq_tuple4) == 16, "the forward key is two words");
MASQ_ASSERT(sizeof(struct masq_tuple6) == 40, "no holes");
MASQ_ASSERT(sizeof(struct masq_mapping4) == 64, "a cache line");
MASQ_ASSERT(sizeof(struct masq_mapping6) == 88, "no holes");
MASQ_ASSERT(__builtin_offsetof(struct masq_mapping4, slot) % 4 == 0, "the phase is changed atomically, as a word");
MASQ_ASSERT(__builtin_offsetof(struct masq_mapping6, slot) % 4 == 0, "the phase is changed atomically, as a word");
MASQ_ASSERT(sizeof(struct masq_bucket) == 64, "a cache line");
MASQ_ASSERT(sizeof(struct masq_control) == 64, "no holes");

#endif
