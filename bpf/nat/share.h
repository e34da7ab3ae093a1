/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fair shares of the ports toward a remote endpoint: how many are in use, and how many of them a pod holds. The counts
 * are two sketches (count-min; Cormode, Muthukrishnan 2005): a key has a cell in each of two rows, and the smaller one
 * counts. They are exact unless both cells are shared, and then too large by what shares them.
 */
#ifndef MASQ_BPF_NAT_SHARE_H
#define MASQ_BPF_NAT_SHARE_H

#include "bpf/nat/hash.h"
#include "bpf/nat/quota.h"
#include "bpf/nat/slots.h"
#include "bpf/policy/decide.h"

/* Array elements have 8 bytes at least: two cells each. */
struct share_cells {
	__u32 count[2];
};

/* The elements of both rows: for each row as many as an index has buckets (user space sets the size of the map). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct share_cells);
} shares_map SEC(".maps");

static __always_inline __u32 *share_cell(__u32 row, __u32 hash)
{
	__u32 elements = options.forward_mask + 1;
	__u32 key = row * elements + (hash / 2 & options.forward_mask);
	struct share_cells *cells = bpf_map_lookup_elem(&shares_map, &key);

	if (!cells)
		return NULL;
	return hash & 1 ? &cells->count[1] : &cells->count[0];
}

#define ROW_SHIFT 10 /* the hash has 32 bits: the first row uses the lower ones, the second row the upper ones */

/* Adds one to a count. Returns the new one. */
static __always_inline __u32 sketch_add(__u32 hash)
{
	__u32 *first = share_cell(0, hash), *second = share_cell(1, hash >> ROW_SHIFT), a, b;

	if (!first || !second)
		return 0;
	a = __sync_fetch_and_add(first, 1) + 1;
	b = __sync_fetch_and_add(second, 1) + 1;
	return a < b ? a : b;
}

static __always_inline void cell_subtract(__u32 *cell)
{
	if (cell && READ_ONCE(*cell))
		__sync_fetch_and_add(cell, -1);
}

static __always_inline void sketch_subtract(__u32 hash)
{
	cell_subtract(share_cell(0, hash));
	cell_subtract(share_cell(1, hash >> ROW_SHIFT));
}

static __always_inline __u32 sketch_read(__u32 hash)
{
	__u32 *first = share_cell(0, hash), *second = share_cell(1, hash >> ROW_SHIFT), a, b;

	if (!first || !second)
		return 0;
	a = READ_ONCE(*first);
	b = READ_ONCE(*second);
	return a < b ? a : b;
}

/* The hash of a mapping's tuple with another source. The stack has no room for such a tuple. */
static __always_inline __u32 hash_with(const mapping_t *m, const addr_t *source, __u16 sport)
{
	const __u32 *half = (const __u32 *)&m->flow;
	__u64 sum = options.hash_key[0];

	for (__u32 i = 0; i < TUPLE_WORDS; i++) {
		__u32 one = 2 * i, other = one + 1;
		__u32 low = one < ADDR_WORDS ? source->word[one] : half[one];
		__u32 high = other < ADDR_WORDS ? source->word[other] : half[other];

		if (one == 2 * ADDR_WORDS) /* the ports */
			low = (__u32)m->flow.dport << 16 | sport;
		sum += hash_pair(i, low, high);
	}
	return hash_mix(sum);
}

/* The ports of a mapping: external address, remote endpoint, protocol, and enum masq_share. */
static __always_inline __u32 hash_of_ports(const mapping_t *m)
{
	return hash_with(m, &m->external, m->share);
}

#define SHARE_OF_POD 0x8000

/* The part of them that the mapping's pod holds. */
static __always_inline __u32 hash_of_part(const mapping_t *m)
{
	addr_t key;

	account_key(&key, &m->flow.src, m->account);
	return hash_with(m, &key, m->share | SHARE_OF_POD);
}

/* Counts the port of a slot. Returns the number of ports in use, this one included. */
__noinline int share_enter(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	if (!m || !m->share)
		return 0;
	sketch_add(hash_of_part(m));
	return sketch_add(hash_of_ports(m));
}

/* Returns the number of ports in use toward a slot's remote endpoint. */
__noinline int share_in_use(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	return m && m->share ? sketch_read(hash_of_ports(m)) : 0;
}

/* Returns how many of them its pod holds. */
__noinline int share_held(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	return m && m->share ? sketch_read(hash_of_part(m)) : 0;
}

/* A slot gives back its port. */
__noinline int share_leave(__u32 slot)
{
	mapping_t *m = slot_at(slot);

	if (!m || !m->share)
		return 0;
	sketch_subtract(hash_of_part(m));
	sketch_subtract(hash_of_ports(m));
	m->share = MASQ_SHARE_NONE;
	return 0;
}

/* The number of ports that a search can choose from. */
static __always_inline __u32 share_size(__u32 share)
{
	switch (share) {
	case MASQ_SHARE_RANGES:
		return options.port_count;
	case MASQ_SHARE_BELOW_512:
		return options.ports_below_512;
	case MASQ_SHARE_BELOW_1024:
		return options.ports_below_1024;
	default:
		return 1 << 16;
	}
}

static __always_inline __u32 share_of_space(__u32 space)
{
	switch (space) {
	case PORTS_OF_RANGES:
		return MASQ_SHARE_RANGES;
	case PORTS_BELOW_512:
		return MASQ_SHARE_BELOW_512;
	case PORTS_BELOW_1024:
		return MASQ_SHARE_BELOW_1024;
	case PORTS_OF_IDENTIFIERS:
		return MASQ_SHARE_IDENTIFIERS;
	default:
		return MASQ_SHARE_NONE;
	}
}

/* A pod with so few of the ports is not refused: the sketches may count a few too many. A 1024th; one, of 256 ports on. */
#define SMALL_PART(size) (((size) + 768) / 1024)

/* Returns true if a slot's pod holds no port of m->share, or fewer than are still free. */
__noinline int share_has_room(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	__u32 size, used, held;

	if (!m || !m->share)
		return true;
	held = sketch_read(hash_of_part(m));
	size = share_size(m->share);
	if (held <= SMALL_PART(size))
		return true;
	used = sketch_read(hash_of_ports(m));
	return held < (used < size ? size - used : 0);
}

#endif
