/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `masq monitor` and the programs in the kernel agree on: as bpf/abi.h, for events.
 *
 * Two pinned maps, of both families together:
 *   events   BPF_MAP_TYPE_RINGBUF, MASQ_EVENTS_BYTES large: struct masq_event after struct masq_event.
 *   monitor  BPF_MAP_TYPE_ARRAY, mappable, one element: struct masq_monitor.
 *
 * The programs' part (bpf/event.h), where a mapping is made or ended or a packet leaves with a reason that drops:
 *   1. nothing, unless the tick now is before monitor.until (wrapping comparison) and monitor.types has the type;
 *   2. one more in monitor.written_in_tick[type] (all 0, and tick is now, in a new tick): beyond MASQ_EVENTS_PER_TICK
 *      the event is not written, but monitor.lost[type] is one more, atomically; by type, so that a flood of drops hides
 *      no mapping;
 *   3. bpf_ringbuf_reserve(): when the ring is full, lost[type] likewise; then bpf_ringbuf_submit(, 0).
 * So a node that nobody watches pays one read of a line that is not written, and a watcher that dies leaves nothing
 * behind: its lease runs out.
 */
#ifndef MASQ_BPF_EVENT_ABI_H
#define MASQ_BPF_EVENT_ABI_H

#include "bpf/abi.h"

#define MASQ_EVENTS_BYTES (1 << 20)
#define MASQ_EVENTS_PER_TICK 512 /* of each type: 3,800 a second */

#define MASQ_EVENT_TYPES(X)                                                                                            \
	X(MADE, "made")   /* a mapping, as its first packet leaves */                                                  \
	X(ENDED, "ended") /* a mapping, as the sweep takes it out of the table */                                      \
	X(DROP, "drop")   /* a packet, with its reason */

enum masq_event_type {
#define MASQ_EVENT_ENUM(name, word) MASQ_EVENT_##name,
	MASQ_EVENT_TYPES(MASQ_EVENT_ENUM)
#undef MASQ_EVENT_ENUM
	MASQ_EVENT_TYPE_COUNT,
};

/*
 * Addresses of IPv4 stand in the first word. The tuple is that of the pod's packets, whatever the direction; of a drop
 * from outside that no mapping speaks for, `pod` is the address that it was sent to. Of fragments, ports are 0.
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
	__u32 until; /* tick up to which somebody watches: written by the one who does, each second */
	__u32 types; /* 1 << enum masq_event_type: those that are wanted */
	__u32 tick;
	__u32 written_in_tick[MASQ_EVENT_TYPE_COUNT];
	__u64 lost[MASQ_EVENT_TYPE_COUNT]; /* ever */
};

MASQ_ASSERT(sizeof(struct masq_event) == 72, "no holes");
MASQ_ASSERT(sizeof(struct masq_monitor) == 48, "no holes");

#endif
