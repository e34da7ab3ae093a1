/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sequence numbers and timestamps of a pod's TCP, and the SYN that a remote endpoint in TIME-WAIT accepts. */
#ifndef MASQ_BPF_NAT_TCP_NUMBERS_H
#define MASQ_BPF_NAT_TCP_NUMBERS_H

#include "bpf/nat/slots.h"
#include "bpf/packet/packet.h"

#define TCP_SEQUENCE 4
#define TCP_ACKNOWLEDGEMENT 8
#define TCP_DATA_OFFSET 12
#define TCP_OPTIONS 20

#define BOTH_FINS (MASQ_FIN_FROM_POD | MASQ_FIN_FROM_REMOTE)

static __always_inline __u32 tcp_number(ctx_t *ctx, const struct packet *p, __u32 offset)
{
	__be32 number = 0;

	ctx_load(ctx, p->l4_offset + offset, &number, sizeof(number));
	return bpf_ntohl(number);
}

static __always_inline __u32 tcp_header_length(ctx_t *ctx, const struct packet *p)
{
	__u8 octet = 5 << 4;

	ctx_load(ctx, p->l4_offset + TCP_DATA_OFFSET, &octet, sizeof(octet));
	return (octet >> 4) * 4;
}

static __always_inline __u32 tcp_data_length(ctx_t *ctx, const struct packet *p)
{
	return p->l4_length - tcp_header_length(ctx, p);
}

#define TCP_OPTION_END 0
#define TCP_OPTION_NONE 1
#define TCP_OPTION_TIMESTAMPS 8
#define TCP_OPTION_TIMESTAMPS_LENGTH 10
#define TCP_OPTIONS_READ 10

/* Returns TSval of RFC 7323 3.2, or -1 if the segment has none. */
__noinline long tcp_timestamp(ctx_t *ctx, const struct packet *p)
{
	__u32 offset, end;

	if (!p)
		return -1;
	offset = p->l4_offset + TCP_OPTIONS;
	end = p->l4_offset + tcp_header_length(ctx, p);
	for (int i = 0; i < TCP_OPTIONS_READ && offset + TCP_OPTION_TIMESTAMPS_LENGTH <= end; i++) {
		__u8 option[2] = {};
		__be32 value = 0;

		if (!ctx_load(ctx, offset, option, sizeof(option)) || option[0] == TCP_OPTION_END)
			break;
		if (option[0] == TCP_OPTION_NONE) {
			offset++;
			continue;
		}
		if (option[0] == TCP_OPTION_TIMESTAMPS && option[1] == TCP_OPTION_TIMESTAMPS_LENGTH)
			return ctx_load(ctx, offset + 2, &value, sizeof(value)) ? bpf_ntohl(value) : -1;
		if (option[1] < 2)
			break;
		offset += option[1];
	}
	return -1;
}

/* Stores the timestamp of a pod's segment. */
static __always_inline void tcp_record_timestamp(ctx_t *ctx, const struct packet *p, mapping_t *m)
{
	long timestamp = tcp_timestamp(ctx, p);

	if (timestamp < 0)
		return;
	m->pod_timestamp = timestamp;
	m->flags |= MASQ_TIMESTAMPS;
}

/* The numbers of a SYN, or the last ones of a connection that both sides have closed. */
struct tcp_numbers {
	__u32 sequence;
	__u32 timestamp;
	bool has_timestamp;
};

static __always_inline struct tcp_numbers syn_numbers(ctx_t *ctx, const struct packet *p)
{
	long timestamp = tcp_timestamp(ctx, p);

	return (struct tcp_numbers){
		.sequence = tcp_number(ctx, p, TCP_SEQUENCE),
		.timestamp = timestamp < 0 ? 0 : timestamp,
		.has_timestamp = timestamp >= 0,
	};
}

/*
 * A SYN that the remote endpoint must accept for the port of a connection which it still has in TIME-WAIT: with a
 * sequence number beyond the FIN (RFC 9293 3.6.1 and 3.10.7.4), and with a newer timestamp if both use it (RFC 6191;
 * PAWS, RFC 7323 5.3). A SYN's number is later than all of the old connection's: TIME-WAIT expects the one after the
 * FIN, and Linux asks for a later one.
 */
static __always_inline bool syn_follows(const struct tcp_numbers *syn, const struct tcp_numbers *old)
{
	if ((__s32)(syn->sequence - old->sequence) <= 1)
		return false;
	return !syn->has_timestamp || !old->has_timestamp || (__s32)(syn->timestamp - old->timestamp) > 0;
}

static __always_inline struct tcp_numbers mapping_numbers(const mapping_t *m)
{
	return (struct tcp_numbers){
		.sequence = m->pod_seq,
		.timestamp = m->pod_timestamp,
		.has_timestamp = m->flags & MASQ_TIMESTAMPS,
	};
}

#endif
