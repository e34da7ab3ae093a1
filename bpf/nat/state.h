/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connection states, and the timeout of each. */
#ifndef MASQ_BPF_NAT_STATE_H
#define MASQ_BPF_NAT_STATE_H

#include "bpf/nat/slots.h"
#include "bpf/packet/packet.h"

/* `seen` is written at most once in this many ticks (1 s), so that CPUs do not contend for the cache line. */
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

/* A packet of the side that did not initiate the connection. */
static __always_inline bool is_reply(const mapping_t *m, enum masq_direction direction)
{
	return direction == (m->reason == MASQ_REASON_INBOUND_CONNECTION ? MASQ_EGRESS : MASQ_INGRESS);
}

#define TCP_SEQUENCE 4
#define TCP_ACKNOWLEDGEMENT 8

static __always_inline __u32 tcp_number(ctx_t *ctx, const struct packet *p, __u32 offset)
{
	__be32 number = 0;

	ctx_load(ctx, p->l4_offset + offset, &number, sizeof(number));
	return bpf_ntohl(number);
}

/*
 * A RST from outside is accepted if the pod would accept it: at the number that it has acknowledged, or a little later,
 * because `pod_ack` is a second old (RFC 5961 3; RFC 7857 2.1). A RST of the pod is always accepted.
 */
#define RST_WINDOW (1u << 26)

static __always_inline bool rst_is_plausible(ctx_t *ctx, const struct packet *p, const mapping_t *m,
					     enum masq_direction direction)
{
	if (direction == MASQ_EGRESS || m->state == MASQ_STATE_NEW || !m->pod_ack)
		return true;
	return tcp_number(ctx, p, TCP_SEQUENCE) - m->pod_ack < RST_WINDOW;
}

/* Stores the pod's sequence and acknowledgement numbers. */
static __always_inline void tcp_record_numbers(ctx_t *ctx, const struct packet *p, mapping_t *m,
					       enum masq_direction direction)
{
	if (direction == MASQ_INGRESS) {
		if (p->tcp_flags & TCP_FLAG_SYN)
			m->pod_ack = tcp_number(ctx, p, TCP_SEQUENCE) + 1;
		return;
	}
	if (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN))
		m->pod_seq = tcp_number(ctx, p, TCP_SEQUENCE);
	if ((p->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_RST)) == TCP_FLAG_ACK)
		m->pod_ack = tcp_number(ctx, p, TCP_ACKNOWLEDGEMENT);
}

#define BOTH_FINS (MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE)

/*
 * A connection closes with a FIN from both sides (RFC 9293 3.6) or a RST. Data after a RST shows that it was not
 * accepted.
 */
__noinline int tcp_track(ctx_t *ctx, const struct packet *p, mapping_t *m, __u32 direction)
{
	__u8 flags;

	if (!p || !m)
		return 0;
	flags = m->flags;
	if (!(p->tcp_flags & TCP_FLAG_RST))
		flags &= ~MASQ_RESET;
	else if (rst_is_plausible(ctx, p, m, direction))
		flags |= MASQ_RESET;
	else
		return 0;
	if (p->tcp_flags & TCP_FLAG_FIN)
		flags |= direction == MASQ_EGRESS ? MASQ_FIN_FROM_POD : MASQ_FIN_FROM_REMOTE;
	tcp_record_numbers(ctx, p, m, direction);
	m->flags = flags;
	if ((flags & MASQ_RESET) || (flags & BOTH_FINS) == BOTH_FINS)
		m->state = MASQ_STATE_CLOSING;
	else if (m->state == MASQ_STATE_CLOSING || is_reply(m, direction))
		m->state = MASQ_STATE_ESTABLISHED;
	return 0;
}

enum touch {
	TOUCH_EXPIRED, /* at the same moment: it must not be used */
	TOUCH_RECENT,
	TOUCH_REFRESHED, /* for the first time in a second */
};

/* Keeps a mapping alive. */
static __always_inline enum touch mapping_touch(mapping_t *m, __u32 clock)
{
	__u32 seen = READ_ONCE(m->seen);

	if (!seen)
		return TOUCH_EXPIRED;
	if (clock - seen < REFRESH_TICKS || (__s32)(clock - seen) <= 0)
		return TOUCH_RECENT;
	return __sync_val_compare_and_swap(&m->seen, seen, clock) ? TOUCH_REFRESHED : TOUCH_EXPIRED;
}

/* Tracks a packet of a connection. Returns false if the mapping has ended. Writes only what has changed. */
static __always_inline bool mapping_track(ctx_t *ctx, mapping_t *m, const struct packet *p,
					  enum masq_direction direction, __u32 clock)
{
	enum touch touch = mapping_touch(m, clock);
	bool answered;

	if (touch == TOUCH_EXPIRED)
		return false;
	answered = m->state == MASQ_STATE_NEW && is_reply(m, direction);
	if (p->flow.protocol == IPPROTO_TCP) {
		if (answered || touch == TOUCH_REFRESHED || m->state == MASQ_STATE_CLOSING ||
		    (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST)))
			tcp_track(ctx, p, m, direction);
	} else if (answered) {
		m->state = MASQ_STATE_ESTABLISHED;
	}
	return true;
}

#endif
