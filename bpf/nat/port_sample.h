/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A sample of the ports toward a busy endpoint whose conversations are over, and which part of all ports they are. It is
 * filled once, and renewed by two probes in each search: so a search looks at few ports.
 */
#ifndef MASQ_BPF_NAT_PORT_SAMPLE_H
#define MASQ_BPF_NAT_PORT_SAMPLE_H

#include "bpf/nat/port_search.h"
#include "bpf/nat/reclaim_rank.h"

/* The mapping that has this port toward the remote endpoint of a slot: its slot's number, or NO_SLOT. */
static __always_inline __u32 holder_of_port(struct port_search *search, const mapping_t *m, __be16 port)
{
	tuple_t *key = &search->endpoint; /* the stack has no room for it */

	mapping_reply_key(m, key);
	key->sport = port;
	return find_by_reply(key);
}

static __always_inline struct probed_port *place_of_sample(struct known_ports *known, __u32 place)
{
	KNOWN(place); /* the caller has compared it, and the verifier has forgotten */
	return &known->sample[place % SAMPLE];
}

/* Of a small range, the sample has a port more than once. */
static __always_inline void sample_forget(struct known_ports *known, __be16 port)
{
	for (__u32 i = 0; i < SAMPLE; i++)
		if (known->sample[i].port == port)
			known->sample[i].port = 0;
}

#define ANY_PLACE SAMPLE /* the port is probed, and not stored */
#define NO_PLACE (SAMPLE + 1)

/* A search has looked at so many ports that only those of the sample may follow. */
static __always_inline bool search_is_long(const struct port_search *search)
{
	return 1 + search->tried + search->probed >= search->limit; /* the pod's own port too */
}

#define EVEN_STEP 0x9e3779b1u /* 2^32 divided by the golden ratio: its multiples are spread evenly, and do not repeat */

/* Probes the next port for a place of the sample. */
__noinline int port_probe(__u32 slot, __u32 space, __u32 index)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot), *holder;
	struct probed_port *probed;
	struct known_ports *known;
	__u32 owner, found;
	__be16 port;
	__u8 rank;

	if (!search || !c || !m || index == NO_PLACE || search_is_long(search))
		return 0;
	known = known_ports_of(m, space);
	if (!known)
		return 0;
	search->probed++;
	port = bpf_htons(port_guess(space, known->cursor++ * EVEN_STEP));
	found = holder_of_port(search, m, port);
	holder = slot_at(found);
	if (!holder)
		return 0;
	rank = reclaim_rank(holder, c->clock);
	owner = owner_of(found);
	known->probe[known->probes % SAMPLE] =
		(struct probe){.owner = owner, .state = rank_is_idle(rank) ? PROBE_IDLE : PROBE_BUSY};
	known->probes++;
	if (!rank || index >= SAMPLE)
		return 0;
	probed = place_of_sample(known, index);
	probed->port = port;
	probed->rank = rank;
	probed->owner = owner;
	probed->seen = READ_ONCE(holder->seen);
	probed->numbers = mapping_numbers(holder);
	return 0;
}

/* Fills the sample toward a slot's remote endpoint, if that was not done. */
static __always_inline void ports_sample(const mapping_t *m, __u32 slot, __u32 space)
{
	struct known_ports *known = known_ports_get(m, slot, space);

	if (!known || known->sampled)
		return;
	known->sampled = true;
	for (__u32 i = 0; i < SAMPLE; i++)
		port_probe(slot, space, i);
}

/* Of the last probes: four counts, an octet each. */
#define PROBES_ALL(counts) ((counts) & 0xff)
#define PROBES_IDLE(counts) ((counts) >> 8 & 0xff)
#define PROBES_OWN(counts) ((counts) >> 16 & 0xff)
#define PROBES_OWN_IDLE(counts) ((counts) >> 24)

/* The part of one probe. */
__noinline __u32 probe_count(const struct probe *probe, __u32 owner)
{
	__u32 counts;

	if (!probe || probe->state == PROBE_NONE)
		return 0;
	counts = probe->state == PROBE_IDLE ? 0x101 : 1;
	return probe->owner == owner ? counts | counts << 16 : counts;
}

/* `owner`: owner_of() a pod. */
__noinline __u32 probes_count(__u32 slot, __u32 space, __u32 owner)
{
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	__u32 counts = 0;

	if (!known)
		return 0;
	for (__u32 i = 0; i < SAMPLE; i++)
		counts += probe_count(&known->probe[i], owner);
	return counts;
}

/*
 * Returns true if a slot's pod uses fewer ports than are free or idle. Asked only when it holds as many as are free:
 * conversations that are over are no reason to refuse one.
 */
__noinline int share_has_idle(__u32 slot, __u32 space)
{
	__u32 size, used = share_in_use(slot), held = share_held(slot), counts;
	mapping_t *m = slot_at(slot);

	if (!m)
		return false;
	ports_sample(m, slot, space);
	port_probe(slot, space, ANY_PLACE);
	port_probe(slot, space, ANY_PLACE);
	size = share_size(m->share);
	if (used > size)
		used = size;
	counts = probes_count(slot, space, owner_of(slot));
	if (PROBES_OWN(counts))
		held = held * (PROBES_OWN(counts) - PROBES_OWN_IDLE(counts)) / PROBES_OWN(counts);
	if (PROBES_ALL(counts))
		used -= used * PROBES_IDLE(counts) / PROBES_ALL(counts);
	return held < size - used;
}

#endif
