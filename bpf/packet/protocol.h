/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Properties of transport protocols; docs/behaviour.md lists them. */
#ifndef MASQ_BPF_PACKET_PROTOCOL_H
#define MASQ_BPF_PACKET_PROTOCOL_H

#include "bpf/packet/family.h"

#define PROTOCOL_DCCP 33
#define PROTOCOL_GRE 47
#define PROTOCOL_ESP 50
#define PROTOCOL_AH 51
#define PROTOCOL_SCTP 132
#define PROTOCOL_UDPLITE 136

/* The number that distinguishes the connections of two hosts. */
enum transport {
	TRANSPORT_PORTS,        /* the source port is mapped */
	TRANSPORT_QUERY,        /* the identifier of an ICMP query is mapped, in its own space (RFC 5508 3.1) */
	TRANSPORT_ADDRESS_ONLY, /* a key that cannot be changed, or none */
};

static __always_inline enum transport transport_of(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case PROTOCOL_UDPLITE:
	case PROTOCOL_DCCP:
		return TRANSPORT_PORTS;
	case ICMP_PROTOCOL:
		return TRANSPORT_QUERY;
	default:
		return TRANSPORT_ADDRESS_ONLY;
	}
}

/*
 * Offset of the checksum that covers ports and addresses; 0: none. SCTP's CRC32c covers no address (RFC 9260 6.8), so
 * it stays valid while the ports do.
 */
static __always_inline __u32 checksum_offset(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case PROTOCOL_UDPLITE:
	case PROTOCOL_DCCP:
		return 6;
	case ICMP_PROTOCOL:
		return 2;
	default:
		return 0;
	}
}

/* That checksum covers a pseudo header with the addresses, except for ICMP over IPv4. */
static __always_inline bool checksum_covers_addresses(__u8 protocol)
{
	return FAMILY == 6 || protocol != ICMP_PROTOCOL;
}

/* Offset of a port, or of the identifier of an ICMP query. */
static __always_inline __u32 port_offset(__u8 protocol, bool source)
{
	if (transport_of(protocol) == TRANSPORT_QUERY)
		return 4;
	return source ? 0 : 2;
}

/* Minimum length of the protocol's header. */
static __always_inline __u32 transport_minimum(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 20;
	case PROTOCOL_SCTP: /* with the header of the first chunk */
		return 16;
	case PROTOCOL_DCCP:
	case PROTOCOL_AH:
		return 12;
	case IPPROTO_UDP:
	case PROTOCOL_UDPLITE:
	case PROTOCOL_ESP:
	case ICMP_PROTOCOL:
		return 8;
	case PROTOCOL_GRE:
		return 4;
	default:
		return 0;
	}
}

/* ICMP messages with an identifier at offset 4 (RFC 792, 950, 4443, 8335), in pairs of a request and its reply. */
#define ICMP_QUERY_NONE 0xff

static __always_inline __u8 icmp_reply_of(__u8 type)
{
	switch (type) {
#if FAMILY == 4
	case 8: /* echo */
		return 0;
	case 13: /* timestamp */
	case 15: /* information */
	case 17: /* address mask */
	case 42: /* extended echo */
		return type + 1;
#else
	case 128:
	case 160:
		return type + 1;
#endif
	default:
		return ICMP_QUERY_NONE;
	}
}

static __always_inline __u8 icmp_request_of(__u8 type)
{
	switch (type) {
#if FAMILY == 4
	case 0:
		return 8;
	case 14:
	case 16:
	case 18:
	case 43:
		return type - 1;
#else
	case 129:
	case 161:
		return type - 1;
#endif
	default:
		return ICMP_QUERY_NONE;
	}
}

#define ICMP_REDIRECT_TYPE 5 /* of IPv4; ICMPv6 redirects never leave their link */
#define ND_REDIRECT_TYPE 137
#define ND_REDIRECT_DESTINATION 24 /* offset (RFC 4861 4.5) */

/* ICMP messages that quote a packet. */
static __always_inline bool icmp_is_error(__u8 type)
{
#if FAMILY == 4
	return type == 3 || type == 4 || type == ICMP_REDIRECT_TYPE || type == 11 || type == 12;
#else
	return type >= 1 && type <= 4;
#endif
}

static __always_inline bool icmp_is_redirect(__u8 type)
{
	return FAMILY == 4 && type == ICMP_REDIRECT_TYPE;
}

/* RFC 4861: valid only with hop limit 255: on the link where it was sent. */
static __always_inline bool icmp_is_neighbour_discovery(__u8 type)
{
	return FAMILY == 6 && type >= 133 && type <= 137;
}

#endif
