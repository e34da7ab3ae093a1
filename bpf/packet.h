/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet says of itself, as parse.h finds it out. */
#ifndef MASQ_BPF_PACKET_H
#define MASQ_BPF_PACKET_H

#include "bpf/maps.h"
#include "bpf/protocol.h"

#define L3_OFFSET_MAX 22 /* Ethernet with two VLAN tags in the frame */
#define L4_OFFSET_MAX (L3_OFFSET_MAX + 60)
#define HEADERS_MAX (L4_OFFSET_MAX + 20)

enum parsed {
	PARSED_FLOW,      /* the whole tuple is known */
	PARSED_ERROR,     /* an ICMP error; ports are not its own but those of the packet that it quotes */
	PARSED_LATER,     /* a fragment but the first: addresses and identification are known */
	PARSED_ADDRESSES, /* only the addresses are: `no_flow` says why */
	PARSED_NOTHING,   /* no complete IP header */
};

enum fragment {
	FRAGMENT_WHOLE, /* none; also IPv6's atomic fragments (RFC 6946) */
	FRAGMENT_HEAD,  /* the first, and there are more */
};

struct packet {
	tuple_t flow; /* egress: as on the wire; ingress: source and destination exchanged */
	__u16 l3_offset;
	__u16 l4_offset;
	__u16 l4_length; /* of what follows the IP header; a frame may be longer */
	__u16 id_offset; /* of the two octets of the identification that we may replace */
	__be16 id;       /* those; of what is no fragment, undefined */
	__be16 id_rest;  /* IPv6: the other two */
	__u8 tcp_flags;  /* the octet of RFC 9293 3.1: FIN 1, SYN 2, RST 4, ACK 16 */
	__u8 icmp_type;
	__u8 no_flow;  /* enum masq_reason */
	__u8 fragment; /* enum fragment */
	bool has_checksum;
	bool may_open; /* may be the first packet of a connection */
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
 * A TCP segment in the middle of a connection may open one: it brings back a connection whose mapping was lost, when
 * its port is still free.
 */
static __always_inline bool tcp_may_open(__u8 flags)
{
	__u8 opening = flags & (TCP_FLAG_SYN | TCP_FLAG_ACK);

	return !(flags & (TCP_FLAG_RST | TCP_FLAG_FIN)) && (opening == TCP_FLAG_SYN || opening == TCP_FLAG_ACK);
}

/* RFC 9260 3.2: INIT ACK, ABORT, SHUTDOWN ACK and SHUTDOWN COMPLETE only ever answer or end. */
static __always_inline bool sctp_may_open(__u8 chunk)
{
	return chunk != 2 && chunk != 6 && chunk != 8 && chunk != 14;
}

#endif
