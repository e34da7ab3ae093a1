/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and user space: events. Byte order as in abi/mapping.h.
 *
 * Two pinned maps, of both families together:
 *   events   BPF_MAP_TYPE_RINGBUF, MASQ_EVENTS_BYTES large: struct masq_event after struct masq_event.
 *   monitor  BPF_MAP_TYPE_ARRAY, mappable, one element: struct masq_monitor.
 *
 * The programs (nat/event.h), if a mapping is created or has ended, or a packet is dropped with a reason:
 *   1. do nothing unless the current tick is before monitor.until (wrapping comparison) and monitor.types has the type;
 *   2. increment monitor.written_in_tick[type] (in a new tick, after all are set to 0): beyond MASQ_EVENTS_PER_TICK
 *      the event is lost, and monitor.lost[type] is incremented atomically. Budgets are by type, so that a flood of drops
 *      hides no mapping;
 *   3. bpf_ringbuf_reserve(): if the ring is full, the event is lost likewise; then bpf_ringbuf_submit(, 0).
 * So a host without a reader pays one read of a line that is never written, and the lease of a reader that was killed
 * expires.
 */
#ifndef MASQ_BPF_ABI_EVENT_H
#define MASQ_BPF_ABI_EVENT_H

#include "bpf/abi/mapping.h"

#define MASQ_EVENTS_BYTES (1 << 20)
#define MASQ_EVENTS_PER_TICK 512 /* of each type: 3,800 a second */

#define MASQ_EVENT_TYPES(X)                                                                                            \
	X(CREATED, "created") /* a mapping, at its first packet */                                                     \
	X(ENDED, "ended")     /* a mapping, when the sweep removes it */                                               \
	X(DROP, "drop")       /* a packet, with its reason */

enum masq_event_type {
#define MASQ_EVENT_ENUM(name, word) MASQ_EVENT_##name,
	MASQ_EVENT_TYPES(MASQ_EVENT_ENUM)
#undef MASQ_EVENT_ENUM
	MASQ_EVENT_TYPE_COUNT,
};

/*
 * IPv4 addresses are in the first word. The tuple is that of the pod's packets in both directions; of a drop from
 * outside without a mapping, `pod` is the destination address. Fragments have ports 0.
 */
struct masq_event {
	__u64 time; /* CLOCK_BOOTTIME, ns */
	union masq_addr6 pod;
	union masq_addr6 remote;
	union masq_addr6 external; /* of drops: zero */
	__be16 pod_port;
	__be16 remote_port; /* as flow.dport: of ICMP queries the type */
	__be16 external_port;
	__u8 family; /* 4 or 6 */
	__u8 type;   /* enum masq_event_type */
	__u8 protocol;
	__u8 reason;    /* enum masq_reason, of drops */
	__u8 direction; /* enum masq_direction, of drops */
	__u8 state;     /* enum masq_state, of mappings */
	__u32 ifindex;  /* of the uplink; ended: 0 */
};

struct masq_monitor {
	__u32 until; /* tick until which a reader wants events; the reader extends it each second */
	__u32 types; /* 1 << enum masq_event_type: the wanted types */
	__u32 tick;
	__u32 written_in_tick[MASQ_EVENT_TYPE_COUNT];
	__u64 lost[MASQ_EVENT_TYPE_COUNT]; /* in total */
};

MASQ_ASSERT(sizeof(struct masq_event) == 72, "no holes");
MASQ_ASSERT(sizeof(struct masq_monitor) == 48, "no holes");

#endif
