/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connection states, and the timeout of each. */
#ifndef MASQ_BPF_NAT_STATE_H
#define MASQ_BPF_NAT_STATE_H

#include "bpf/nat/slots.h"
#include "bpf/nat/tcp_numbers.h"
#include "bpf/packet/packet.h"
#include "bpf/policy/origin.h"

/* `seen` is written at most once in this many ticks (1 s), so that CPUs do not contend for the cache line. */
#define REFRESH_TICKS 8

/*
 * Datagrams of a conversation without TCP: the pod's, and those that answered them. DNS counts all (modulo 65536), other
 * protocols the first two: enough to tell a question and its answer from a conversation.
 */
#define DATAGRAMS_COUNTED 2

static __always_inline __u16 datagrams_of_pod(const mapping_t *m)
{
	return m->datagrams;
}

static __always_inline __u16 datagrams_of_remote(const mapping_t *m)
{
	return m->datagrams >> 16;
}

static __always_inline bool mapping_is_dns(const mapping_t *m)
{
	return m->flow.protocol == IPPROTO_UDP && m->flow.dport == bpf_htons(53) &&
	       m->reason == MASQ_REASON_TRANSLATED && m->flow.kind == MASQ_KIND_CONNECTION;
}

/* Every question of this mapping has its answer (RFC 4787 REQ-5 a: a well-known port may have a shorter timeout). */
static __always_inline bool dns_is_answered(const mapping_t *m)
{
	return mapping_is_dns(m) && m->datagrams && datagrams_of_pod(m) == datagrams_of_remote(m);
}

static __always_inline void datagram_count(mapping_t *m, enum masq_direction direction)
{
	__u16 asked = datagrams_of_pod(m), answered = datagrams_of_remote(m);

	if (direction == MASQ_EGRESS) {
		if (asked >= DATAGRAMS_COUNTED && !mapping_is_dns(m))
			return;
		asked++;
	} else {
		if (answered == asked)
			return;
		answered++;
	}
	WRITE_ONCE(m->datagrams, (__u32)answered << 16 | asked);
}

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
	if (m->state == MASQ_STATE_NEW && m->reason == MASQ_REASON_INBOUND_CONNECTION) /* its source may be forged */
		return options.timeouts.udp_new;
	if (m->flow.protocol != IPPROTO_UDP && m->flow.protocol != PROTOCOL_UDPLITE)
		return options.timeouts.other;
	if (dns_is_answered(m))
		return options.timeouts.dns;
	return m->state == MASQ_STATE_NEW ? options.timeouts.udp_new : options.timeouts.udp;
}

/* A packet of the side that did not initiate the connection. */
static __always_inline bool is_reply(const mapping_t *m, enum masq_direction direction)
{
	return direction == (m->reason == MASQ_REASON_INBOUND_CONNECTION ? MASQ_EGRESS : MASQ_INGRESS);
}

/*
 * A RST from outside is accepted if the pod would accept it: at the number that the pod has acknowledged, or a little
 * later, because `pod_ack` is up to ACK_REFRESH old (RFC 5961 3; RFC 7857 2.1). A FIN may follow all that fills the pod's
 * window, and its segment may begin with data that the pod has already. A RST of the pod is always accepted
 * (docs/decisions/0016).
 */
#define ACK_REFRESH (1u << 18)
#define RST_WINDOW (1u << 20)
#define FIN_WINDOW (1u << 24)
#define FIN_DATA_MAX (1u << 16)

static __always_inline bool end_is_plausible(ctx_t *ctx, const struct packet *p, const mapping_t *m)
{
	bool is_rst = p->tcp_flags & TCP_FLAG_RST;
	__u32 ahead = tcp_number(ctx, p, TCP_SEQUENCE) - m->pod_ack;

	if (is_rst && m->state == MASQ_STATE_NEW)
		return true;
	if (!m->pod_ack) /* not known: a FIN alone ends nothing */
		return !is_rst;
	return is_rst ? ahead < RST_WINDOW : ahead + FIN_DATA_MAX < FIN_WINDOW;
}

/* The pod has acknowledged so much that `pod_ack` must follow, or something else than before. */
static __always_inline bool ack_is_news(const struct packet *p, const mapping_t *m)
{
	return bpf_ntohl(p->tcp_ack) - m->pod_ack >= ACK_REFRESH;
}

/* The pod's acknowledgement goes on from the known one, or repeats an older one. */
#define ACK_STEP (1u << 26)

static __always_inline bool ack_follows(const struct packet *p, const mapping_t *m)
{
	return !m->pod_ack || bpf_ntohl(p->tcp_ack) - m->pod_ack + ACK_REFRESH < ACK_STEP;
}

/* Stores the numbers of a pod's packet. */
static __always_inline void tcp_record_numbers(ctx_t *ctx, const struct packet *p, mapping_t *m)
{
	if (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN))
		m->pod_seq = tcp_number(ctx, p, TCP_SEQUENCE);
	if (p->tcp_flags & TCP_FLAG_FIN)
		m->pod_seq += tcp_data_length(ctx, p);
	if ((p->tcp_flags & TCP_FLAG_FIN) || m->state == MASQ_STATE_CLOSING)
		tcp_record_timestamp(ctx, p, m);
	if ((p->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_RST)) == TCP_FLAG_ACK)
		m->pod_ack = bpf_ntohl(p->tcp_ack);
}

#define SYN_DATA_MAX (1u << 16)

/*
 * Packets from outside may be forged, so only one tells a number: a SYN+ACK that acknowledges the pod's SYN, with or
 * without data. The pod confirms it by its next packet.
 */
static __always_inline void tcp_record_answer(ctx_t *ctx, const struct packet *p, mapping_t *m)
{
	const __u8 answer = TCP_FLAG_SYN | TCP_FLAG_ACK;

	if (m->state == MASQ_STATE_NEW && (p->tcp_flags & (answer | TCP_FLAG_RST)) == answer &&
	    tcp_number(ctx, p, TCP_ACKNOWLEDGEMENT) - m->pod_seq < SYN_DATA_MAX)
		m->pod_ack = tcp_number(ctx, p, TCP_SEQUENCE) + 1;
}

/*
 * After both FINs: the last one is acknowledged, and no packet of the connection has to come any more. If the pod closed
 * first, its acknowledgement is later than that of its FIN; a repeated acknowledgement does not count.
 */
static __always_inline bool is_last_ack(ctx_t *ctx, const struct packet *p, const mapping_t *m, __u32 direction)
{
	if ((m->flags & BOTH_FINS) != BOTH_FINS || (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST)))
		return false;
	if (direction == MASQ_EGRESS)
		return bpf_ntohl(p->tcp_ack) != m->pod_ack;
	return tcp_number(ctx, p, TCP_ACKNOWLEDGEMENT) == m->pod_seq + 1;
}

/*
 * A connection closes with a FIN from both sides (RFC 9293 3.6) or a RST. Data after a RST shows that it was not
 * accepted. When the last FIN is acknowledged, `pod_ack` is 0 again: the port can be used (reclaim_rank.h).
 */
__noinline int tcp_track(ctx_t *ctx, const struct packet *p, mapping_t *m, __u32 direction)
{
	bool is_last;
	__u8 flags;

	if (!p || !m)
		return 0;
	if (direction == MASQ_INGRESS && (p->tcp_flags & (TCP_FLAG_FIN | TCP_FLAG_RST)) && !end_is_plausible(ctx, p, m))
		return 0;
	is_last = is_last_ack(ctx, p, m, direction);
	if (direction == MASQ_EGRESS)
		tcp_record_numbers(ctx, p, m);
	else
		tcp_record_answer(ctx, p, m);
	if (is_last)
		m->pod_ack = 0;
	flags = m->flags & ~MASQ_RESET;
	if (p->tcp_flags & TCP_FLAG_RST)
		flags |= MASQ_RESET;
	if (p->tcp_flags & TCP_FLAG_FIN)
		flags |= direction == MASQ_EGRESS ? MASQ_FIN_FROM_POD : MASQ_FIN_FROM_REMOTE;
	m->flags = flags;
	if ((flags & MASQ_RESET) || (flags & BOTH_FINS) == BOTH_FINS)
		m->state = MASQ_STATE_CLOSING;
	else if (m->state == MASQ_STATE_CLOSING || is_reply(m, direction))
		m->state = MASQ_STATE_ESTABLISHED;
	return 0;
}

/*
 * As tcp_track(), for a packet with a pod's address that another sender may have forged. Returns false if it is to be
 * dropped: then the mapping stays as it is.
 */
__noinline int tcp_track_pod(ctx_t *ctx, const struct packet *p, mapping_t *m)
{
	if (!p || !m)
		return false;
	if (((p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST)) || !ack_follows(p, m)) &&
	    is_spoofed(ctx, &p->flow))
		return m->reason != MASQ_REASON_TRANSLATED;
	tcp_track(ctx, p, m, MASQ_EGRESS);
	return true;
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

/* As mapping_touch(), to the tick: an answered question gives way after a second (port_reclaim.h). */
static __always_inline void mapping_touch_now(mapping_t *m, __u32 clock)
{
	__u32 seen = READ_ONCE(m->seen);

	if (seen && (__s32)(clock - seen) > 0)
		__sync_val_compare_and_swap(&m->seen, seen, clock);
}

/*
 * Tracks a packet of a connection. Returns false if the mapping has ended, or is not the sender's. Writes only what has
 * changed.
 */
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
		    (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST)) ||
		    (direction == MASQ_EGRESS && ack_is_news(p, m))) {
			if (direction == MASQ_EGRESS)
				return tcp_track_pod(ctx, p, m);
			tcp_track(ctx, p, m, direction);
		}
		return true;
	}
	if (answered)
		m->state = MASQ_STATE_ESTABLISHED;
	datagram_count(m, direction);
	if (touch == TOUCH_RECENT && mapping_is_dns(m))
		mapping_touch_now(m, clock);
	return true;
}

#endif
