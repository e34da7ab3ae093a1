/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The birth of a mapping. The order makes every moment of it safe: the slot is written, its reply key claimed (the
 * claim of the port), the mapping comes alive, and only then the forward key names it. So a packet never leaves
 * under a port whose answers would not find back, and of two first packets on two CPUs one uses the other's mapping.
 */
#ifndef MASQ_BPF_MAPPING_H
#define MASQ_BPF_MAPPING_H

#include "bpf/policy.h"
#include "bpf/ports.h"
#include "bpf/state.h"

/* The address that a pod's packets leave this uplink under: of a pool, a pod keeps to one. */
static __always_inline bool external_address(struct __sk_buff *skb, const struct packet *p, addr_t *external)
{
	__u32 ifindex = skb->ifindex, pick = 0;
	__u64 hash = 0;
	uplink_t *uplink = bpf_map_lookup_elem(&N(uplinks), &ifindex);

	if (!uplink || !uplink->count)
		return false;
	if (uplink->count > 1) {
		for (__u32 i = 0; i < ADDR_WORDS; i++)
			hash = (hash ^ p->flow.src.word[i]) * 0x9e3779b97f4a7c15ull;
		pick = (__u32)(hash >> 40) % uplink->count; /* the upper bits depend on all of the address */
	}
	if (pick >= MASQ_POOL_MAX)
		return false;
	*external = uplink->address[pick];
	return true;
}

/* The source address that the node's route to the destination selects. */
__noinline int N(route_source)(struct __sk_buff *skb, const struct packet *p, addr_t *external)
{
	struct bpf_fib_lookup fib = {.family = ADDRESS_FAMILY, .ifindex = skb->ifindex};
	long result;

	if (!p || !external)
		return false;
	fib.l4_protocol = p->flow.protocol;

#if FAMILY == 4
	fib.ipv4_dst = p->flow.dst.word[0];
#else
	__builtin_memcpy(fib.ipv6_dst, &p->flow.dst, sizeof(addr_t));
#endif
	result = bpf_fib_lookup(skb, &fib, sizeof(fib),
				BPF_FIB_LOOKUP_OUTPUT | BPF_FIB_LOOKUP_SKIP_NEIGH | BPF_FIB_LOOKUP_SRC);
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
#if FAMILY == 4
	external->word[0] = fib.ipv4_src;
#else
	__builtin_memcpy(external, fib.ipv6_src, sizeof(addr_t));
#endif
	return external->word[0] != 0;
}

/* Counts one more mapping for a pod; false: it has its share. Without room to count, there is no limit. */
static __always_inline bool pod_charge(const addr_t *pod)
{
	__u32 *used = bpf_map_lookup_elem(&N(pods), pod), none = 0;

	if (!used) {
		bpf_map_update_elem(&N(pods), pod, &none, BPF_NOEXIST);
		used = bpf_map_lookup_elem(&N(pods), pod);
		if (!used)
			return true;
	}
	if (READ_ONCE(*used) >= options.max_mappings_per_pod)
		return false;
	__sync_fetch_and_add(used, 1);
	return true;
}

static __always_inline void pod_refund(const addr_t *pod)
{
	__u32 *used = bpf_map_lookup_elem(&N(pods), pod);

	if (!used || !READ_ONCE(*used))
		return;
	if (__sync_fetch_and_add(used, -1) == 1)
		bpf_map_delete_elem(&N(pods), pod);
}

static __always_inline void mapping_fill(mapping_t *m, const struct packet *p, __u32 reason, __u32 clock)
{
	m->flow = p->flow;
	m->reason = reason;
	m->state = MASQ_STATE_NEW;
	m->flags = 0;
	m->created = clock;
	m->external_port = 0;
	__builtin_memset(&m->external, 0, sizeof(m->external));
}

/* From here on the mapping is found; false: another CPU made one meanwhile, or there is no room in the index. */
__noinline int N(mapping_publish)(__u32 slot)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	tuple_t flow;

	if (!c || !m)
		return false;
	flow = m->flow;
	WRITE_ONCE(m->slot, MASQ_SLOT_LINKED);
	WRITE_ONCE(m->seen, c->clock);
	if (N(insert_flow)(&flow, slot) == INSERTED)
		return true;
	WRITE_ONCE(m->seen, 0); /* the sweep takes it apart */
	return false;
}

/* Remembers that this connection is left alone. When there is no room, it is decided anew for each packet. */
static __always_inline void left_remember(struct masq_control *c, const struct packet *p, __u32 reason, __u8 flags)
{
	mapping_t *m;
	__u32 slot;

	if (READ_ONCE(c->left) >= options.max_left || !slot_take(c, &slot))
		return;
	m = slot_at(slot);
	if (!m)
		return;
	__sync_fetch_and_add(&c->left, 1);
	mapping_fill(m, p, reason, c->clock);
	m->flags = flags;
	N(mapping_publish)(slot);
}

/* Makes the mapping of a connection's first packet; *reason says why there is none. */
static __always_inline mapping_t *mapping_make(struct __sk_buff *skb, struct masq_control *c, const struct packet *p,
					       __u32 *reason)
{
	addr_t external = {};
	mapping_t *m;
	__u32 slot;
	int result;

	*reason = MASQ_REASON_NO_EXTERNAL_ADDRESS;
	if (!(options.route_source && N(route_source)(skb, p, &external)) && !external_address(skb, p, &external))
		return NULL;
	*reason = MASQ_REASON_TABLE_FULL;
	if (READ_ONCE(c->used) >= options.max_mappings)
		return NULL;
	*reason = MASQ_REASON_POD_LIMIT;
	if (!pod_charge(&p->flow.src))
		return NULL;
	*reason = MASQ_REASON_TABLE_FULL;
	if (!slot_take(c, &slot))
		goto refund;
	m = slot_at(slot);
	if (!m)
		goto refund;
	__sync_fetch_and_add(&c->used, 1);
	mapping_fill(m, p, MASQ_REASON_TRANSLATED, c->clock);
	m->external = external;
	result = port_find(skb, m, slot);
	if (result != INSERTED) {
		*reason = result == INSERT_EXISTS ? MASQ_REASON_NO_FREE_PORT : MASQ_REASON_TABLE_FULL;
		WRITE_ONCE(m->seen, 0);
		WRITE_ONCE(m->slot, MASQ_SLOT_LINKED); /* for the sweep, which settles the accounts */
		return NULL;
	}
	__sync_fetch_and_add(&c->created, 1);
	return N(mapping_publish)(slot) ? m : table_find(BY_FLOW, &p->flow);
refund:
	pod_refund(&p->flow.src);
	return NULL;
}

#endif
