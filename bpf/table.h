/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mapping table: slots in an array and two hash indexes of slot numbers beside it (docs/decisions/0001).
 *
 * Reading takes no lock. A slot is written before an index names it, and is used again only some ticks after no
 * index names it any more, so that a program which still looks at it has ended. Inserting is optimistic: look for
 * the key, then take the bucket's lock and insert if nothing was inserted since. Removing is the sweep's alone,
 * but for a claim that its maker gives back.
 */
#ifndef MASQ_BPF_TABLE_H
#define MASQ_BPF_TABLE_H

#include "bpf/maps.h"

enum table_index {
	BY_FLOW,  /* forward: the tuple as the pod sends it */
	BY_REPLY, /* the tuple as it leaves the uplink: external address and port are the source */
};

#define CELL_SLOT_MASK 0xffffffu

static __always_inline __u64 tuple_hash(const tuple_t *t)
{
	const __u64 *word = (const __u64 *)t;
	__u64 h = options.hash_seed;

	for (unsigned int i = 0; i < TUPLE_WORDS; i++) {
		h ^= word[i];
		h *= 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	h *= 0xd6e8feb86659fd93ull;
	return h ^ (h >> 32);
}

static __always_inline __u32 hash_home(__u64 hash)
{
	return (__u32)hash & options.forward_mask;
}

static __always_inline __u32 hash_tag(__u64 hash)
{
	return (__u32)(hash >> 32) & ~CELL_SLOT_MASK;
}

static __always_inline struct masq_bucket *bucket_look_up(enum table_index index, const __u32 *number)
{
	return index == BY_FLOW ? bpf_map_lookup_elem(&N(forward), number) : bpf_map_lookup_elem(&N(reply), number);
}

static __always_inline struct masq_bucket *bucket_at(enum table_index index, __u32 number)
{
	__u32 key = number & options.forward_mask;

	return bucket_look_up(index, &key);
}

/* NULL where there is no such slot, also for NO_SLOT. */
static __always_inline mapping_t *slot_at(__u32 number)
{
	return bpf_map_lookup_elem(&N(mappings), &number);
}

static __always_inline bool tuple_equal(const tuple_t *a, const tuple_t *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	for (unsigned int i = 0; i < TUPLE_WORDS; i++)
		if (x[i] != y[i])
			return false;
	return true;
}

static __always_inline bool mapping_has_key(enum table_index index, const mapping_t *m, const tuple_t *t)
{
	if (index == BY_FLOW)
		return tuple_equal(&m->flow, t);
	return addr_equal(&m->flow.dst, &t->dst) && m->flow.dport == t->dport && m->external_port == t->sport &&
	       addr_equal(&m->external, &t->src) && m->flow.protocol == t->protocol && m->flow.kind == t->kind;
}

#define NO_SLOT ((__u32)-1)

/* The slot that a cell names if it may be the one for this tag, else NO_SLOT. */
static __always_inline __u32 cell_candidate(__u32 cell, __u32 tag)
{
	__u32 slot = (cell ^ tag) - 1;

	return slot < CELL_SLOT_MASK ? slot : NO_SLOT;
}

/*
 * The mapping that an index has for a tuple, and its slot's number; or NULL. `alive`: a mapping that has ended counts
 * as none; else its key is still taken.
 */
static __always_inline mapping_t *index_find(enum table_index index, const tuple_t *t, __u64 hash, bool alive,
					     __u32 *number)
{
	__u32 tag = hash_tag(hash);

	for (__u32 hop = 0; hop < MASQ_HOPS; hop++) {
		struct masq_bucket *b = bucket_at(index, hash_home(hash) + hop);

		if (!b)
			return NULL;
		for (__u32 i = 0; i < MASQ_CELLS; i++) {
			__u32 slot = cell_candidate(READ_ONCE(b->cell[i]), tag);
			mapping_t *m;

			if (slot == NO_SLOT)
				continue;
			m = slot_at(slot);
			if (m && mapping_has_key(index, m, t) && (!alive || READ_ONCE(m->seen))) {
				*number = slot;
				return m;
			}
		}
		if (hop == 0 && !READ_ONCE(b->overflow))
			return NULL;
	}
	return NULL;
}

static __always_inline mapping_t *table_find(enum table_index index, const tuple_t *t)
{
	__u32 number;

	return index_find(index, t, tuple_hash(t), true, &number);
}

enum insert_result {
	INSERTED,
	INSERT_EXISTS,  /* by flow: a living mapping; by reply: the port is taken, be its owner alive or ending */
	INSERT_CROWDED, /* no cell within MASQ_HOPS buckets */
};

/*
 * What follows are functions of their own, and global ones: so the verifier looks at each once, and not once for
 * every way that leads there.
 */
#define VACANCY(hop, cell) ((hop) * 16 + (cell))
#define VACANCY_HOP(vacancy) ((vacancy) / 16)
#define VACANCY_CELL(vacancy) ((vacancy) % 16)

static __always_inline int index_vacancy(enum table_index index, __u32 home)
{
	for (__u32 hop = 0; hop < MASQ_HOPS; hop++) {
		struct masq_bucket *b = bucket_at(index, home + hop);

		if (!b)
			return -1;
		for (__u32 i = 0; i < MASQ_CELLS; i++)
			if (!READ_ONCE(b->cell[i]))
				return VACANCY(hop, i);
	}
	return -1;
}

__noinline int N(vacancy_in_forward)(__u32 home)
{
	return index_vacancy(BY_FLOW, home);
}

__noinline int N(vacancy_in_reply)(__u32 home)
{
	return index_vacancy(BY_REPLY, home);
}

__noinline int N(flow_is_taken)(const tuple_t *t, __u64 hash)
{
	__u32 number;

	return t && index_find(BY_FLOW, t, hash, true, &number);
}

__noinline int N(reply_is_taken)(const tuple_t *t, __u64 hash)
{
	__u32 number;

	return t && index_find(BY_REPLY, t, hash, false, &number);
}

/* table_find() for the rarer packets: the slot's number, or NO_SLOT. */
__noinline __u32 N(find_by_flow)(const tuple_t *t)
{
	__u32 number = NO_SLOT;

	if (t)
		index_find(BY_FLOW, t, tuple_hash(t), true, &number);
	return number;
}

__noinline __u32 N(find_by_reply)(const tuple_t *t)
{
	__u32 number = NO_SLOT;

	if (t)
		index_find(BY_REPLY, t, tuple_hash(t), true, &number);
	return number;
}

/* Inserts a slot's number under a key that no other slot has: the claim of a port, the birth of a mapping. */
static __always_inline enum insert_result index_insert(enum table_index index, const tuple_t *t, __u32 slot)
{
	__u64 hash = tuple_hash(t);
	__u32 home_number = hash_home(hash), key = home_number; /* one key for all look-ups: the stack is short here */
	struct masq_bucket *home = bucket_look_up(index, &key), *b;
	struct lock *lock;

	key = home_number % LOCKS;
	lock = bpf_map_lookup_elem(&N(locks), &key);
	if (!home || !lock)
		return INSERT_CROWDED;
	for (int try = 0; try < 8; try++) {
		__u16 inserted = READ_ONCE(home->inserted);
		bool done = false;
		__u32 cell;
		int vacancy;

		if (index == BY_FLOW ? N(flow_is_taken)(t, hash) : N(reply_is_taken)(t, hash))
			return INSERT_EXISTS;
		vacancy = index == BY_FLOW ? N(vacancy_in_forward)(home_number) : N(vacancy_in_reply)(home_number);
		if (vacancy < 0)
			return INSERT_CROWDED;
		key = (home_number + VACANCY_HOP((__u32)vacancy)) & options.forward_mask;
		b = bucket_look_up(index, &key);
		cell = VACANCY_CELL((__u32)vacancy);
		KNOWN(cell);
		if (!b || cell >= MASQ_CELLS)
			return INSERT_CROWDED;
		bpf_spin_lock(&lock->spin);
		/* A neighbour's keys have another lock, hence the atomic exchange. */
		if (home->inserted == inserted &&
		    __sync_val_compare_and_swap(&b->cell[cell], 0, hash_tag(hash) | (slot + 1)) == 0) {
			home->inserted++;
			if (VACANCY_HOP((__u32)vacancy))
				home->overflow++;
			done = true;
		}
		bpf_spin_unlock(&lock->spin);
		if (done)
			return INSERTED;
	}
	return INSERT_CROWDED;
}

/* Takes a slot's number out of an index; no harm when it is not there. */
static __always_inline void index_remove(enum table_index index, const tuple_t *t, __u32 slot)
{
	__u64 hash = tuple_hash(t);
	__u32 lock_number = hash_home(hash) % LOCKS, cell = hash_tag(hash) | (slot + 1);
	struct masq_bucket *home = bucket_at(index, hash_home(hash));
	struct lock *lock = bpf_map_lookup_elem(&N(locks), &lock_number);

	if (!home || !lock)
		return;
	for (__u32 hop = 0; hop < MASQ_HOPS; hop++) {
		struct masq_bucket *b = bucket_at(index, hash_home(hash) + hop);

		if (!b)
			return;
		for (__u32 i = 0; i < MASQ_CELLS; i++) {
			if (READ_ONCE(b->cell[i]) != cell)
				continue;
			bpf_spin_lock(&lock->spin);
			if (hop)
				home->overflow--;
			WRITE_ONCE(b->cell[i], 0);
			bpf_spin_unlock(&lock->spin);
			return;
		}
	}
}

__noinline int N(insert_flow)(const tuple_t *t, __u32 slot)
{
	return t ? index_insert(BY_FLOW, t, slot) : INSERT_CROWDED;
}

__noinline int N(insert_reply)(const tuple_t *t, __u32 slot)
{
	return t ? index_insert(BY_REPLY, t, slot) : INSERT_CROWDED;
}

__noinline int N(remove_flow)(const tuple_t *t, __u32 slot)
{
	if (t)
		index_remove(BY_FLOW, t, slot);
	return 0;
}

__noinline int N(remove_reply)(const tuple_t *t, __u32 slot)
{
	if (t)
		index_remove(BY_REPLY, t, slot);
	return 0;
}

/* Others are decisions alone: in the forward index, on no pod's account. */
static __always_inline bool mapping_has_port(const mapping_t *m)
{
	return m->reason == MASQ_REASON_TRANSLATED && m->flow.kind != MASQ_KIND_DATAGRAM_IN;
}

/* The tuple under which the reply index names a mapping. */
static __always_inline void mapping_reply_key(const mapping_t *m, tuple_t *t)
{
	*t = m->flow;
	t->src = m->external;
	t->sport = m->external_port;
}

/* Takes a free slot. Returns its number, in phase BUILDING, or NO_SLOT. */
__noinline __u32 N(slot_take)(void)
{
	struct masq_control *c = control_get();
	__u32 number;

	if (!c)
		return NO_SLOT;
	for (int try = 0; try < 8; try++) {
		__u64 head = READ_ONCE(c->free_list);
		__u32 first = (__u32)head;
		mapping_t *m;

		if (!first)
			break;
		m = slot_at(first - 1);
		if (!m)
			return NO_SLOT;
		/* The upper half changes with every push, so a slot that was taken and pushed again is noticed. */
		if (__sync_val_compare_and_swap(&c->free_list, head,
						(head & 0xffffffff00000000ull) | READ_ONCE(m->next)) == head) {
			m->slot = MASQ_SLOT_BUILDING;
			return first - 1;
		}
	}
	if (READ_ONCE(c->unused) >= options.slots)
		return NO_SLOT;
	number = __sync_fetch_and_add(&c->unused, 1);
	if (number >= options.slots) {
		__sync_fetch_and_add(&c->unused, -1);
		return NO_SLOT;
	}
	return number;
}

/* Gives a slot back that nobody can look at any more. */
static __always_inline void slot_release(struct masq_control *c, mapping_t *m, __u32 number)
{
	m->slot = MASQ_SLOT_FREE;
	for (int try = 0; try < 4; try++) {
		__u64 head = READ_ONCE(c->free_list);

		WRITE_ONCE(m->next, (__u32)head);
		if (__sync_val_compare_and_swap(&c->free_list, head, ((head >> 32) + 1) << 32 | (number + 1)) == head)
			return;
	}
	m->slot = MASQ_SLOT_UNLINKED; /* the sweep comes by again */
}

#endif
