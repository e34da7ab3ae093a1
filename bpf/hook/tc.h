/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tc hook: a packet's context, and all that a program can do with it. Only files of hook/ name the kernel's type of
 * the context and the helpers that take it. A program for another hook includes another file, with the same names.
 * Functions that return bool return true on success.
 */
#ifndef MASQ_BPF_HOOK_TC_H
#define MASQ_BPF_HOOK_TC_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

typedef struct __sk_buff ctx_t;

#define HOOK_PROGRAM SEC("tc")

enum hook_verdict {
	HOOK_PASS = TC_ACT_UNSPEC, /* the device's next program inspects the packet too */
	HOOK_DROP = TC_ACT_SHOT,
};

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ull << 7) /* Linux 6.16: the IPv6 header has no checksum that makes up for the change */
#endif

static __always_inline void *ctx_data(const ctx_t *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_data_end(const ctx_t *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline __u32 ctx_length(const ctx_t *ctx)
{
	return ctx->len;
}

/* EtherType, network byte order. */
static __always_inline __be16 ctx_protocol(const ctx_t *ctx)
{
	return ctx->protocol;
}

static __always_inline __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ifindex;
}

/* The device by which the packet arrived; 0: the host sent it. */
static __always_inline __u32 ctx_ingress_ifindex(const ctx_t *ctx)
{
	return ctx->ingress_ifindex;
}

/* Several segments in one: the device, or the kernel behind the program, cuts it (GSO). */
static __always_inline bool ctx_is_segmented_later(const ctx_t *ctx)
{
	return ctx->gso_size;
}

static __always_inline bool ctx_load(const ctx_t *ctx, __u32 offset, void *to, __u32 size)
{
	return !bpf_skb_load_bytes(ctx, offset, to, size);
}

/* The checksum that a device computed beside the packet (CHECKSUM_COMPLETE) stays as it was. */
static __always_inline bool ctx_store(ctx_t *ctx, __u32 offset, const void *from, __u32 size)
{
	return !bpf_skb_store_bytes(ctx, offset, from, size, 0);
}

/* The checksum beside the packet follows. */
static __always_inline bool ctx_store_summed(ctx_t *ctx, __u32 offset, const void *from, __u32 size)
{
	return !bpf_skb_store_bytes(ctx, offset, from, size, BPF_F_RECOMPUTE_CSUM);
}

/* Replaces a frame's contents from `offset` on: afterwards it is `length` bytes long, and another flow's. */
static __always_inline bool ctx_replace(ctx_t *ctx, __u32 length, __u32 offset, const void *from, __u32 size)
{
	return !bpf_skb_change_tail(ctx, length, 0) &&
	       !bpf_skb_store_bytes(ctx, offset, from, size, BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
}

/* Makes the first `length` bytes readable in place. */
static __always_inline void ctx_pull(ctx_t *ctx, __u32 length)
{
	bpf_skb_pull_data(ctx, length);
}

/*
 * Checksums. The helpers know whether a transport checksum is complete, partial (an offload finishes it), or carried
 * beside the packet.
 */

/* The IPv4 header's: `size` 2 or 4: from `from` to `to`; 0: by the sum `to`. */
static __always_inline bool ctx_checksum_header(ctx_t *ctx, __u32 offset, __u64 from, __u64 to, __u64 size)
{
	return !bpf_l3_csum_replace(ctx, offset, from, to, size);
}

/* Of a transport header, for a change in it. UDP's checksum 0 (none) stays; a computed 0 becomes 0xffff. */
static __always_inline bool ctx_checksum_transport(ctx_t *ctx, __u32 offset, __be16 from, __be16 to, bool is_udp)
{
	return !bpf_l4_csum_replace(ctx, offset, from, to, sizeof(from) | (is_udp ? BPF_F_MARK_MANGLED_0 : 0));
}

/* Of a transport header, for an IPv4 address in its pseudo header. */
static __always_inline bool ctx_checksum_address4(ctx_t *ctx, __u32 offset, __be32 from, __be32 to, bool is_udp)
{
	return !bpf_l4_csum_replace(ctx, offset, from, to,
				    BPF_F_PSEUDO_HDR | sizeof(from) | (is_udp ? BPF_F_MARK_MANGLED_0 : 0));
}

/* Of a transport header, for an IPv6 address in its pseudo header: `difference` as from bpf_csum_diff(). */
static __always_inline bool ctx_checksum_address6(ctx_t *ctx, __u32 offset, __s64 difference, bool is_udp)
{
	__u64 flags = BPF_F_PSEUDO_HDR | (is_udp ? BPF_F_MARK_MANGLED_0 : 0);
	long error = bpf_l4_csum_replace(ctx, offset, 0, difference, flags | BPF_F_IPV6);

	if (error) /* a kernel before the flag */
		error = bpf_l4_csum_replace(ctx, offset, 0, difference, flags);
	return !error;
}

/* Of an ICMP error, by the sum of all other changes in the packet. */
static __always_inline bool ctx_checksum_by_sum(ctx_t *ctx, __u32 offset, __s64 sum)
{
	return !bpf_l4_csum_replace(ctx, offset, 0, sum, 0);
}

/* Carried beside the packet, for a change that no checksum in the packet makes up for. */
static __always_inline void ctx_checksum_beside(ctx_t *ctx, __s64 sum)
{
	bpf_csum_update(ctx, sum);
}

/* Sends a clone: out of the packet's device, or into it as if it had arrived there. */
static __always_inline long ctx_clone(ctx_t *ctx, bool is_arrival)
{
	return bpf_clone_redirect(ctx, ctx->ifindex, is_arrival ? BPF_F_INGRESS : 0);
}

/* The verdict that sends the packet out of another device, to the neighbour that the routing table selects. */
static __always_inline int ctx_redirect(__u32 ifindex)
{
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

#define ROUTE_UNKNOWN 0
#define ROUTE_REFUSES 0xffffffffu

/*
 * Returns the device by which a packet that arrives at device `fib->ifindex` would leave; ROUTE_REFUSES if a route of
 * type blackhole, unreachable or prohibit ends it; or ROUTE_UNKNOWN if the helper cannot tell: no route, forwarding is off
 * at that device, or the route encapsulates. It knows no marks. Neither a missing neighbour nor the packet's length
 * matters (the flag that skips the neighbour's look-up is of Linux 6.3). fib->dmac is the neighbour's address, if it is
 * known.
 */
static __always_inline __u32 ctx_route_device(ctx_t *ctx, struct bpf_fib_lookup *fib)
{
	switch (bpf_fib_lookup(ctx, fib, sizeof(*fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return fib->ifindex;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return ROUTE_REFUSES;
	default:
		return ROUTE_UNKNOWN;
	}
}

static __always_inline bool ctx_route(ctx_t *ctx, struct bpf_fib_lookup *fib, __u32 flags)
{
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), flags) == BPF_FIB_LKUP_RET_SUCCESS;
}

/*
 * A socket of the host has this tuple. With `listening`, a TCP socket that listens on its port counts too; one of UDP
 * always does.
 */
static __always_inline bool ctx_has_socket(ctx_t *ctx, __u8 protocol, struct bpf_sock_tuple *tuple, __u32 size,
					   bool listening)
{
	struct bpf_sock *socket;
	bool counts;

	if (protocol == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(ctx, tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (protocol == IPPROTO_UDP)
		socket = bpf_sk_lookup_udp(ctx, tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!socket)
		return false;
	counts = listening || protocol != IPPROTO_TCP || socket->state != BPF_TCP_LISTEN;
	bpf_sk_release(socket);
	return counts;
}

#endif
