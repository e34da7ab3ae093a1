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

/* The side that did not open the connection has spoken. */
static __always_inline bool is_answer(const mapping_t *m, enum masq_direction direction)
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
 * A RST counts where the receiver would take it: at what the pod has acknowledged, or a little later, as our knowledge
 * of that is a second old (RFC 5961 3; RFC 7857 2.1). The pod's own always does.
 */
#define RST_WINDOW (1u << 26)

static __always_inline bool rst_is_plausible(ctx_t *ctx, const struct packet *p, const mapping_t *m,
					     enum masq_direction direction)
{
	if (direction == MASQ_EGRESS || m->state == MASQ_STATE_NEW || !m->pod_ack)
		return true;
	return tcp_number(ctx, p, TCP_SEQUENCE) - m->pod_ack < RST_WINDOW;
}

/* What is kept of the pod's sequence numbers. */
static __always_inline void tcp_note_numbers(ctx_t *ctx, const struct packet *p, mapping_t *m,
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

/* A connection closes with a FIN from both sides (RFC 9293 3.6), or a RST; data after a RST shows that it was none. */
__noinline int N(tcp_follow)(ctx_t *ctx, const struct packet *p, mapping_t *m, __u32 direction)
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
	tcp_note_numbers(ctx, p, m, direction);
	m->flags = flags;
	if ((flags & MASQ_RESET) || (flags & BOTH_FINS) == BOTH_FINS)
		m->state = MASQ_STATE_CLOSING;
	else if (m->state == MASQ_STATE_CLOSING || is_answer(m, direction))
		m->state = MASQ_STATE_ESTABLISHED;
	return 0;
}

/* Nothing of it passes, and nothing keeps it alive. */
static __always_inline bool mapping_rests(const mapping_t *m)
{
	return (m->flags & MASQ_RESTING) || m->order == MASQ_ORDER_REST || m->order == MASQ_ORDER_HOLD;
}

enum touched {
	TOUCHED_ENDED, /* in this very moment: it must not be used */
	TOUCHED,
	TOUCHED_ANEW, /* for the first time in a second */
};

/* Keeps it alive. */
static __always_inline enum touched mapping_touch(mapping_t *m, __u32 clock)
{
	__u32 seen = READ_ONCE(m->seen);

	if (!seen)
		return TOUCHED_ENDED;
	if (clock - seen < REFRESH_TICKS || (__s32)(clock - seen) <= 0)
		return TOUCHED;
	return __sync_val_compare_and_swap(&m->seen, seen, clock) ? TOUCHED_ANEW : TOUCHED_ENDED;
}

/* Notes a packet of the connection; false: it has ended. Nothing is written when nothing changed. */
static __always_inline bool mapping_track(ctx_t *ctx, mapping_t *m, const struct packet *p,
					  enum masq_direction direction, __u32 clock)
{
	enum touched touched = mapping_touch(m, clock);
	bool answered;

	if (touched == TOUCHED_ENDED)
		return false;
	answered = m->state == MASQ_STATE_NEW && is_answer(m, direction);
	if (p->flow.protocol == IPPROTO_TCP) {
		if (answered || touched == TOUCHED_ANEW || m->state == MASQ_STATE_CLOSING ||
		    (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST)))
			N(tcp_follow)(ctx, p, m, direction);
	} else if (answered) {
		m->state = MASQ_STATE_ESTABLISHED;
	}
	return true;
}

#endif
