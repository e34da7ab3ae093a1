/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The accounts of the table: how many mappings and bypass entries each pod has. A pod with a device of its own has one
 * account, whatever addresses it uses; other pods have one for each address. When there are too many accounts, the rest
 * shares a small budget.
 *
 * A pod gets an entry only while it holds fewer than are still free, so that the others always find room.
 */
#ifndef MASQ_BPF_NAT_QUOTA_H
#define MASQ_BPF_NAT_QUOTA_H

#include "bpf/policy/origin.h"

/* mapping_t.account, beside an interface index */
#define ACCOUNT_OF_ADDRESS 0
#define ACCOUNT_OF_THE_REST 0xffffffffu

#define REST_BUDGET 1024

struct account {
	__u32 mappings;
	__u32 bypassed;
};

/* By the pod's address, or by account_key(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, addr_t);
	__type(value, struct account);
} pods_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} pods_rest_map SEC(".maps");

enum charge {
	CHARGE_MAPPING,
	CHARGE_BYPASS,
};

/* The account of a packet that a pod has sent. */
static __always_inline __u32 account_of_packet(const ctx_t *ctx)
{
	__u32 arrived = ctx_ingress_ifindex(ctx);

	return arrived && is_device_of_a_pod(arrived) ? arrived : ACCOUNT_OF_ADDRESS;
}

/* An account as an address: that of the pod, or one that no host has (RFC 1122 3.2.1.3, RFC 4291 2.5.5.1). */
static __always_inline void account_key(addr_t *key, const addr_t *pod, __u32 account)
{
	*key = *pod;
	if (account == ACCOUNT_OF_ADDRESS)
		return;
	__builtin_memset(key, 0, sizeof(*key));
	key->word[ADDR_WORDS - 1] = bpf_htonl(account & 0xffffff);
}

static __always_inline struct account *account_of_the_rest(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pods_rest_map, &zero);
}

static __always_inline bool account_charge(__u32 *used, __u32 limit)
{
	if (READ_ONCE(*used) >= limit)
		return false;
	__sync_fetch_and_add(used, 1);
	return true;
}

/*
 * Counts one more entry for a pod. Returns the account to be refunded, or -1 if it holds `limit` already. `what`: enum
 * charge.
 */
__noinline long pod_charge(const addr_t *pod, __u32 account, __u32 what, __u32 limit)
{
	const struct account none = {};
	struct account *found;
	addr_t key; /* on the stack: before Linux 6.2 no argument may be a map's key */

	if (!pod)
		return -1;
	account_key(&key, pod, account);
	found = bpf_map_lookup_elem(&pods_map, &key);
	if (!found) {
		bpf_map_update_elem(&pods_map, &key, &none, BPF_NOEXIST);
		found = bpf_map_lookup_elem(&pods_map, &key);
	}
	if (!found) {
		found = account_of_the_rest();
		account = ACCOUNT_OF_THE_REST;
		if (limit > REST_BUDGET)
			limit = REST_BUDGET;
	}
	if (!found || !account_charge(what == CHARGE_BYPASS ? &found->bypassed : &found->mappings, limit))
		return -1;
	return account;
}

__noinline int pod_refund(const addr_t *pod, __u32 account, __u32 what)
{
	struct account *found;
	addr_t key;
	__u32 *used;

	if (!pod)
		return 0;
	account_key(&key, pod, account);
	found = account == ACCOUNT_OF_THE_REST ? account_of_the_rest() : bpf_map_lookup_elem(&pods_map, &key);
	if (!found)
		return 0;
	used = what == CHARGE_BYPASS ? &found->bypassed : &found->mappings;
	if (READ_ONCE(*used))
		__sync_fetch_and_add(used, -1);
	if (account != ACCOUNT_OF_THE_REST && !READ_ONCE(found->mappings) && !READ_ONCE(found->bypassed))
		bpf_map_delete_elem(&pods_map, &key);
	return 0;
}

/* The most that an account may hold: `limit`, and fewer than are still free. */
static __always_inline __u32 fair_limit(__u32 limit, __u32 size, __u32 used)
{
	__u32 free = used < size ? size - used : 0;

	return free < limit ? free : limit;
}

#endif
