/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a connection's state follows its packets, and how long it may be idle in each: the one table of timeouts. */
#ifndef MASQ_BPF_STATE_H
#define MASQ_BPF_STATE_H

#include "bpf/packet.h"

/* `seen` is written at most once in this many ticks (1 s), so that packets do not fight for the line. */
#define REFRESH_TICKS 8

static __always_inline __u32 mapping_timeout(const mapping_t *m)
{
	if (m->flow.kind != MASQ_KIND_CONNECTION)
		return options.timeouts.fragment;
	if (m->flow.protocol == IPPROTO_TCP) {
		if (m->state == MASQ_STATE_NEW)
			return options.timeouts.tcp_new;
		return m->state == MASQ_STATE_ESTABLISHED ? options.timeouts.tcp_established
							  : options.timeouts.tcp_transitory;
	}
	if (m->flow.protocol == ICMP_PROTOCOL)
		return options.timeouts.icmp;
	if (m->flow.protocol != IPPROTO_UDP && m->flow.protocol != PROTOCOL_UDPLITE)
		return options.timeouts.other;
	return m->state == MASQ_STATE_NEW ? options.timeouts.udp_new : options.timeouts.udp;
}

/* A connection closes with a FIN from both sides (RFC 9293 3.6), or a RST; data after a RST shows that it was none. */
static __always_inline __u8 tcp_flags_follow(__u8 flags, __u8 tcp_flags, enum masq_direction direction)
{
	if (tcp_flags & TCP_FLAG_RST)
		return flags | MASQ_RESET;
	if (tcp_flags & TCP_FLAG_FIN)
		flags |= direction == MASQ_EGRESS ? MASQ_FIN_FROM_POD : MASQ_FIN_FROM_REMOTE;
	return flags & ~MASQ_RESET;
}

static __always_inline bool tcp_is_closing(__u8 flags)
{
	return (flags & MASQ_RESET) ||
	       (flags & (MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE)) == (MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE);
}

/* The side that did not open the connection has spoken. */
static __always_inline bool is_answer(const mapping_t *m, enum masq_direction direction)
{
	return direction == (m->reason == MASQ_REASON_INBOUND_CONNECTION ? MASQ_EGRESS : MASQ_INGRESS);
}

static __always_inline void mapping_track_tcp(mapping_t *m, const struct packet *p, enum masq_direction direction)
{
	__u8 flags = tcp_flags_follow(m->flags, p->tcp_flags, direction), state = m->state;

	if (tcp_is_closing(flags))
		state = MASQ_STATE_CLOSING;
	else if (state == MASQ_STATE_CLOSING || is_answer(m, direction))
		state = MASQ_STATE_ESTABLISHED;
	if (flags != m->flags)
		m->flags = flags;
	if (state != m->state)
		m->state = state;
}

/* Keeps it alive. False: it ended in this very moment and must not be used. */
static __always_inline bool mapping_touch(mapping_t *m, __u32 clock)
{
	__u32 seen = READ_ONCE(m->seen);

	if (!seen)
		return false;
	return clock - seen < REFRESH_TICKS || (__s32)(clock - seen) <= 0 ||
	       __sync_val_compare_and_swap(&m->seen, seen, clock) != 0;
}

/* Notes a packet of the connection; false as above. Nothing is written when nothing changed. */
static __always_inline bool mapping_track(mapping_t *m, const struct packet *p, enum masq_direction direction,
					  __u32 clock)
{
	if (!mapping_touch(m, clock))
		return false;
	if (p->flow.protocol == IPPROTO_TCP)
		mapping_track_tcp(m, p, direction);
	else if (m->state == MASQ_STATE_NEW && is_answer(m, direction))
		m->state = MASQ_STATE_ESTABLISHED;
	return true;
}

#endif
