/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may open a mapping: a packet whose source is behind the device by which it arrived, and, on a bridge, behind the
 * neighbour that sent it. Asked is the way of the answer: from the remote endpoint to the pod, arriving by the uplink
 * (docs/decisions/0014, 0020).
 */
#ifndef MASQ_BPF_POLICY_ORIGIN_H
#define MASQ_BPF_POLICY_ORIGIN_H

#include "bpf/policy/address.h"
#include "bpf/policy/arrival.h"

/* Devices that have one pod behind them: enum masq_pod_device. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_DEVICES_MAX);
	__type(key, __u32);
	__type(value, __u8);
} pod_devices_map SEC(".maps");

/* Devices that share a multipath route toward pods, in both orders. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MASQ_DEVICES_MAX);
	__type(key, struct masq_device_pair);
	__type(value, __u8);
} pod_device_pairs_map SEC(".maps");

static __always_inline bool is_uplink(__u32 ifindex)
{
	return bpf_map_lookup_elem(&uplinks_map, &ifindex);
}

static __always_inline bool is_device_of_a_pod(__u32 ifindex)
{
	return bpf_map_lookup_elem(&pod_devices_map, &ifindex);
}

static __always_inline bool is_routed_to_a_pod(__u32 ifindex)
{
	__u8 *kind = bpf_map_lookup_elem(&pod_devices_map, &ifindex);

	return kind && *kind == MASQ_POD_DEVICE_ROUTED;
}

static __always_inline bool share_a_route(__u32 one, __u32 other)
{
	struct masq_device_pair pair = {.one = one, .other = other};

	return bpf_map_lookup_elem(&pod_device_pairs_map, &pair);
}

/* Looks up how a packet between these addresses leaves that arrives by the packet's own device: as ctx_route_device(). */
static __always_inline __u32 way_between(ctx_t *ctx, struct bpf_fib_lookup *way, const addr_t *from, const addr_t *to,
					 __u8 protocol)
{
	way->family = ADDRESS_FAMILY;
	way->ifindex = ctx_ifindex(ctx);
	way->l4_protocol = protocol;
#if FAMILY == 4
	way->ipv4_src = from->word[0];
	way->ipv4_dst = to->word[0];
#else
	__builtin_memcpy(way->ipv6_src, from, sizeof(addr_t));
	__builtin_memcpy(way->ipv6_dst, to, sizeof(addr_t));
#endif
	return ctx_route_device(ctx, way);
}

/* The device by which a packet between these addresses leaves that arrives by the packet's own device; 0: unknown. */
static __always_inline __u32 device_between(ctx_t *ctx, const addr_t *from, const addr_t *to, __u8 protocol)
{
	struct bpf_fib_lookup fib = {};
	__u32 leaves = way_between(ctx, &fib, from, to, protocol);

	return leaves == ROUTE_REFUSES ? ROUTE_UNKNOWN : leaves;
}

static __always_inline bool same_mac(const __u8 *one, const __u8 *other)
{
	for (__u32 i = 0; i < ETH_ALEN; i++)
		if (one[i] != other[i])
			return false;
	return true;
}

static __always_inline bool mac_is_known(const __u8 *mac)
{
	const __u8 none[ETH_ALEN] = {};

	return !same_mac(mac, none);
}

/* Returns the record of a packet that has arrived by this bridge from this source, or NULL. It is used once. */
static __always_inline struct masq_arrival *arrival_take(const addr_t *source, __u32 ifindex)
{
	struct masq_arrival *a = arrival_get();

	if (!a || a->ifindex != ifindex)
		return NULL;
	for (__u32 i = 0; i < ADDR_WORDS; i++)
		if (a->address[i] != source->word[i])
			return NULL;
	a->ifindex = 0;
	return a;
}

/* The neighbour of `way` may be out of date, if the pod is a new one that never asked for the node's address. */
static __always_inline void neighbour_doubt(struct masq_arrival *a, const struct bpf_fib_lookup *way)
{
	__builtin_memset(a->doubted, 0, sizeof(a->doubted));
#if FAMILY == 4
	a->doubted[0] = way->ipv4_dst;
#else
	__builtin_memcpy(a->doubted, way->ipv6_dst, sizeof(a->doubted));
#endif
	a->doubted_family = FAMILY;
	a->doubted_ifindex = way->ifindex;
	WRITE_ONCE(a->doubts, a->doubts + 1);
}

/* Returns true if a packet has arrived by a bridge from another MAC address than the answer's neighbour has. */
static __always_inline bool is_from_another_mac(const addr_t *source, const struct bpf_fib_lookup *way)
{
	struct masq_arrival *a = arrival_take(source, way->ifindex);

	if (!a || !mac_is_known(way->dmac) || same_mac(a->mac, way->dmac))
		return false;
	neighbour_doubt(a, way);
	return true;
}

/*
 * Returns true if the source of a first packet is routed elsewhere than where the packet comes from: to an uplink that
 * it did not arrive by, or to another pod's device, or away from the uplink that it did arrive by; or if on a bridge
 * another neighbour has the source. A container network that routes all pods to one device and delivers to others is none
 * of these. Without an answer of the routing table, no pod is taken to be behind an uplink. A pod with a route of its
 * own has no address that the routing table refuses.
 */
__noinline int is_spoofed(ctx_t *ctx, const tuple_t *flow)
{
	__u32 arrived = ctx_ingress_ifindex(ctx), leaves;
	struct bpf_fib_lookup way = {};

	if (!options.verify_source || !flow || !arrived) /* the host sent it */
		return false;
	leaves = way_between(ctx, &way, &flow->dst, &flow->src, flow->protocol);
	if (leaves == ROUTE_UNKNOWN)
		return is_uplink(arrived);
	if (leaves == ROUTE_REFUSES)
		return is_uplink(arrived) || is_routed_to_a_pod(arrived);
	if (leaves == arrived || share_a_route(arrived, leaves))
		return is_from_another_mac(&flow->src, &way);
	return is_uplink(arrived) || is_uplink(leaves) || is_device_of_a_pod(leaves);
}

/* `leaves` is not the device by which the packet arrived, nor one that shares a route with it. */
static __always_inline bool is_another_way(__u32 arrived, __u32 leaves)
{
	return leaves && leaves != arrived && !share_a_route(arrived, leaves);
}

/* An address that no network has: only a default route leads to it. */
static __always_inline addr_t address_of_nobody(void)
{
#if FAMILY == 4
	return (addr_t){.word = {bpf_htonl(0xf0000001)}}; /* 240.0.0.1: RFC 1112 4 */
#else
	return (addr_t){.word = {bpf_htonl(0x3fffffff), bpf_htonl(0xffffffff), 0, bpf_htonl(1)}};
#endif
}

/*
 * Returns true if a packet to a pod has arrived by an uplink, and its source is routed behind another device: for
 * packets from the pod, and for those from the uplink's own address, which may have routes of its own. A source behind
 * the default route may be anywhere: connections that arrive by a second uplink are answered by the first. A device that
 * is no uplink has no routes to ask for.
 */
__noinline int is_from_elsewhere(ctx_t *ctx, const tuple_t *flow)
{
	__u32 arrived = ctx_ifindex(ctx), leaves, by_default;
	addr_t other = {};

	if (!flow || !uplink_address(ctx, flow, &other))
		return false;
	leaves = device_between(ctx, &flow->src, &flow->dst, flow->protocol);
	if (!is_another_way(arrived, leaves) ||
	    !is_another_way(arrived, device_between(ctx, &other, &flow->dst, flow->protocol)))
		return false;
	other = address_of_nobody();
	by_default = device_between(ctx, &flow->src, &other, flow->protocol);
	return leaves != by_default && !share_a_route(leaves, by_default);
}

#endif
