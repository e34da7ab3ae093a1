/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parsed packet: the result of parse.h. */
#ifndef MASQ_BPF_PACKET_PACKET_H
#define MASQ_BPF_PACKET_PACKET_H

#include "bpf/packet/family.h"
#include "bpf/packet/protocol.h"

#define L3_OFFSET_MAX 22 /* Ethernet with two VLAN tags in the frame */
#define L4_OFFSET_MAX (L3_OFFSET_MAX + 60)
#define HEADERS_MAX (L4_OFFSET_MAX + 20)

enum parsed {
	PARSED_FLOW,      /* with a complete tuple */
	PARSED_ERROR,     /* an ICMP error; it has no ports itself */
	PARSED_FRAGMENT,  /* a later fragment: addresses and identification only */
	PARSED_ADDRESSES, /* addresses only; `no_flow` is the reason */
	PARSED_NO_HEADER, /* no complete IP header */
};

enum fragment {
	FRAGMENT_WHOLE, /* not fragmented; also IPv6's atomic fragments (RFC 6946) */
	FRAGMENT_FIRST, /* the first of several fragments */
};

struct packet {
	tuple_t flow;   /* egress: as on the wire; ingress: source and destination exchanged */
	__be32 tcp_ack; /* egress only */
	__u16 l3_offset;
	__u16 l4_offset;
	__u16 l4_length; /* behind the IP header; the frame may be longer */
	__u16 id_offset; /* of the two bytes of the identification that may be replaced */
	__be16 id;       /* those bytes; undefined without fragmentation */
	__be16 id_rest;  /* IPv6: the other two bytes */
	__u8 tcp_flags;  /* the byte of RFC 9293 3.1: FIN 1, SYN 2, RST 4, ACK 16 */
	__u8 icmp_type;
	__u8 no_flow;  /* enum masq_reason */
	__u8 fragment; /* enum fragment */
	bool has_checksum;
	bool may_initiate; /* may be the first packet of a connection */
};

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

static __always_inline bool packet_is_pure_syn(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP &&
	       (p->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN)) == TCP_FLAG_SYN;
}

/*
 * A TCP segment in the middle of a connection may create a mapping: it restores a connection whose mapping was lost,
 * if its port is still free.
 */
static __always_inline bool tcp_may_initiate(__u8 flags)
{
	__u8 opening = flags & (TCP_FLAG_SYN | TCP_FLAG_ACK);

	return !(flags & (TCP_FLAG_RST | TCP_FLAG_FIN)) && (opening == TCP_FLAG_SYN || opening == TCP_FLAG_ACK);
}

/* RFC 9260 3.2: INIT ACK, ABORT, SHUTDOWN ACK and SHUTDOWN COMPLETE never initiate. */
static __always_inline bool sctp_may_initiate(__u8 chunk)
{
	return chunk != 2 && chunk != 6 && chunk != 8 && chunk != 14;
}

#endif
