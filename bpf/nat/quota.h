/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mappings of each pod, and their limit. */
#ifndef MASQ_BPF_NAT_QUOTA_H
#define MASQ_BPF_NAT_QUOTA_H

#include "bpf/packet/family.h"

/* Mappings of each pod. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, addr_t);
	__type(value, __u32);
} pods_map SEC(".maps");

/* Counts one more mapping for a pod. Returns false if it has `share` of them. If the map is full, there is no limit. */
__noinline int pod_charge(const addr_t *pod, __u32 share)
{
	__u32 *used, none = 0;
	addr_t key; /* on the stack: before Linux 6.2 no argument may be a map's key */

	if (!pod)
		return false;
	key = *pod;
	used = bpf_map_lookup_elem(&pods_map, &key);
	if (!used) {
		bpf_map_update_elem(&pods_map, &key, &none, BPF_NOEXIST);
		used = bpf_map_lookup_elem(&pods_map, &key);
		if (!used)
			return true;
	}
	if (READ_ONCE(*used) >= share)
		return false;
	__sync_fetch_and_add(used, 1);
	return true;
}

__noinline int pod_refund(const addr_t *pod)
{
	addr_t key;
	__u32 *used;

	if (!pod)
		return 0;
	key = *pod;
	used = bpf_map_lookup_elem(&pods_map, &key);
	if (used && READ_ONCE(*used) && __sync_fetch_and_add(used, -1) == 1)
		bpf_map_delete_elem(&pods_map, &key);
	return 0;
}

#endif
