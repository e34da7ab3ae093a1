/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports come back before their mapping expires: toward an endpoint without a free port, a new connection takes the port
 * of a conversation that is over (docs/decisions/0017).
 *
 *     TCP: both sides have closed, and the remote endpoint must accept the new SYN (tcp_numbers.h); or it was reset
 *     DNS: every question is answered, for a second; the same pod gets such a port at once
 *     others: one datagram of the pod, and perhaps its answer
 *
 * A sample of such ports is kept for each busy endpoint. Of those that fit the new connection, it takes one of its own
 * pod, else of another one: that which was idle longest. The sample shows too which part of the ports is idle.
 */
#ifndef MASQ_BPF_NAT_PORT_RECLAIM_H
#define MASQ_BPF_NAT_PORT_RECLAIM_H

#include "bpf/nat/port_search.h"
#include "bpf/nat/unlink.h"

enum reclaim_rank {
	RECLAIM_NEVER,
	RECLAIM_EXCHANGE,
	RECLAIM_RESET,
	RECLAIM_CLOSED,
	RECLAIM_ANSWERED,
	RECLAIM_ANSWERED_NOW, /* of the same pod only */
};

#define ANSWERED_TICKS 8               /* idle for a second: `seen` of DNS is exact */
#define IDLE_TICKS (2 * REFRESH_TICKS) /* idle for a second at least: `seen` may be a second old */

/* Returns enum reclaim_rank. Established and half-closed connections are never taken, and neither is one with an order. */
static __always_inline __u8 reclaim_rank(const mapping_t *m, __u32 clock)
{
	__s32 idle = clock - READ_ONCE(m->seen);

	if (!READ_ONCE(m->seen) || m->slot != MASQ_SLOT_LINKED || m->order || !mapping_has_port(m) ||
	    m->flow.kind != MASQ_KIND_CONNECTION)
		return RECLAIM_NEVER;
	if (m->flow.protocol == IPPROTO_TCP) {
		if (m->state != MASQ_STATE_CLOSING)
			return RECLAIM_NEVER;
		if ((m->flags & BOTH_FINS) == BOTH_FINS)
			return RECLAIM_CLOSED;
		return (m->flags & MASQ_RESET) && idle >= IDLE_TICKS ? RECLAIM_RESET : RECLAIM_NEVER;
	}
	if (dns_is_answered(m))
		return idle >= ANSWERED_TICKS ? RECLAIM_ANSWERED : RECLAIM_ANSWERED_NOW;
	return datagrams_of_pod(m) == 1 && idle >= IDLE_TICKS ? RECLAIM_EXCHANGE : RECLAIM_NEVER;
}

/* A hash of the pod that has this slot's mapping. */
__noinline __u32 owner_of(__u32 slot)
{
	mapping_t *m = slot_at(slot);
	addr_t key;

	if (!m)
		return 0;
	account_key(&key, &m->flow.src, m->account);
	return address_hash(&key);
}

/* Any pod may take the port. */
static __always_inline bool rank_is_idle(__u8 rank)
{
	return rank != RECLAIM_NEVER && rank != RECLAIM_ANSWERED_NOW;
}

/* Returns true if a port of this rank can have the new connection. `own`: of the same pod; `old`: of a closed one. */
static __always_inline bool reclaim_fits(const struct port_search *search, __u8 rank, bool own,
					 const struct tcp_numbers *old)
{
	if (!own && !rank_is_idle(rank))
		return false;
	if (rank == RECLAIM_CLOSED)
		return search->is_syn && syn_follows(&search->syn, old);
	return rank != RECLAIM_RESET || search->is_syn;
}

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

/* Probes a random port for a place of the sample. */
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

	if (!search || !c || !m || index == NO_PLACE)
		return 0;
	port = bpf_htons(port_guess(space, bpf_get_prandom_u32()));
	found = holder_of_port(search, m, port);
	holder = slot_at(found);
	known = known_ports_of(m, space);
	if (!holder || !known)
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
	struct known_ports *known;

	known = known_ports_of(m, space);
	if (!known) {
		known_ports_reset(slot, space);
		known = known_ports_of(m, space);
	}
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

#define SCORE_OWN (1u << 29)
#define SCORE_ANSWERED (1u << 30)

/* Returns how well the port of a place of the sample suits the new connection; 0: it does not. */
__noinline __u32 reclaim_score(const struct probed_port *probed, __u32 clock, __u32 own_only)
{
	struct port_search *search = port_search_get();
	__u32 score;
	bool own;

	if (!search || !probed || !probed->port)
		return 0;
	own = probed->owner == search->owner;
	if ((own_only && !own) || !reclaim_fits(search, probed->rank, own, &probed->numbers))
		return 0;
	score = ((clock - probed->seen) & (SCORE_OWN - 1)) | 1;
	if (own)
		score |= SCORE_OWN;
	return probed->rank == RECLAIM_ANSWERED ? score | SCORE_ANSWERED : score;
}

/*
 * Returns the best port of the sample for the new connection, or 0. Two more ports are probed, for places that are empty
 * or of no use.
 */
__noinline __u32 reclaim_pick(__u32 slot, __u32 space, __u32 own_only)
{
	__u32 one = NO_PLACE, other = NO_PLACE, most = 0;
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	__be16 port = 0;

	if (!c || !known)
		return 0;
	for (__u32 i = 0; i < SAMPLE; i++) {
		__u32 score = reclaim_score(&known->sample[i], c->clock, own_only);

		if (score > most) {
			most = score;
			port = known->sample[i].port;
		}
		if (!known->sample[i].port) {
			other = one;
			one = i;
		}
	}
	if (!port) { /* others' ports fill the sample, which this pod cannot have */
		one = bpf_get_prandom_u32() % SAMPLE;
		other = (one + SAMPLE / 2) % SAMPLE;
	}
	port_probe(slot, space, one);
	port_probe(slot, space, other);
	return bpf_ntohs(port);
}

/* Returns true if the new connection may have the port of a slot's mapping. */
__noinline int reclaim_is_allowed(__u32 slot, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct tcp_numbers old;
	bool own;
	__u8 rank;

	if (!search || !c || !m)
		return false;
	rank = reclaim_rank(m, c->clock);
	old = mapping_numbers(m);
	own = owner_of(slot) == search->owner;
	return rank && (own || !own_only) && reclaim_fits(search, rank, own, &old);
}

/*
 * Ends the mapping that has this port, if it is over and fits the new connection. Returns true if the port is free then,
 * and the slot's external_port; no search finds it until it is claimed.
 */
__noinline int reclaim_seize(__u32 slot, __u32 space, __u32 number, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot), *holder;
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;
	__be16 port = bpf_htons(number);
	__u32 found;

	if (!search || !c || !known || !number)
		return false;
	search->tried++;
	sample_forget(known, port);
	found = holder_of_port(search, m, port);
	holder = slot_at(found);
	m->external_port = port;
	if (!holder) /* it has expired since */
		return true;
	if (!reclaim_is_allowed(found, own_only) || !slot_seize(found, READ_ONCE(holder->seen)))
		return false;
	mapping_unlink(c, holder, found, true);
	return true;
}

#define RECLAIM_TRIES 12
#define BARREN_TRIES 8 /* failures in a tick: until the next one */

/* Pods that have their share fail often. They are counted apart, so that they hold up nobody else. */
static __always_inline __u32 failures_of(const struct known_ports *known, bool own_only, __u32 clock)
{
	return known->barren[own_only] == clock ? known->failures[own_only] : 0;
}

/*
 * Prepares the search for a port that comes back: what the choice needs to know of the new connection, and the sample.
 * Returns false if attempts of this tick would be in vain.
 */
__noinline int reclaim_begin(ctx_t *ctx, const struct packet *p, __u32 slot, __u32 space, __u32 own_only)
{
	struct port_search *search = port_search_get();
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known;

	if (!search || !c || !m || !p)
		return false;
	search->owner = owner_of(slot);
	search->is_syn = packet_is_pure_syn(p);
	if (search->is_syn)
		search->syn = syn_numbers(ctx, p);
	ports_sample(m, slot, space);
	known = known_ports_of(m, space);
	return known && failures_of(known, own_only, c->clock) < BARREN_TRIES;
}

/* No port came back. */
__noinline int reclaim_failed(__u32 slot, __u32 space, __u32 own_only)
{
	struct masq_control *c = control_get();
	mapping_t *m = slot_at(slot);
	struct known_ports *known = m ? known_ports_of(m, space) : NULL;

	if (!c || !known)
		return 0;
	known->failures[!!own_only] = failures_of(known, own_only, c->clock) + 1;
	known->barren[!!own_only] = c->clock;
	return 0;
}

/* Takes a port back and claims it. Returns enum claim_result. */
static __always_inline int reclaim_take(ctx_t *ctx, __u32 slot, __u32 space, __u32 port, bool own_only)
{
	int result;

	if (!reclaim_seize(slot, space, port, own_only))
		return CLAIM_TAKEN;
	result = port_claim(ctx, slot);
	if (result != CLAIMED)
		port_mark_free(slot);
	return result == CLAIM_HOST_SOCKET ? CLAIM_TAKEN : result;
}

/*
 * Sets a slot's external_port to that of a conversation which is over, and claims it. With `own_only`, only of the same
 * pod. Returns enum claim_result.
 */
static __always_inline int port_reclaim(ctx_t *ctx, __u32 slot, __u32 space, bool own_only)
{
	for (int i = 0; i < RECLAIM_TRIES; i++) {
		int result = reclaim_take(ctx, slot, space, reclaim_pick(slot, space, own_only), own_only);

		if (result != CLAIM_TAKEN)
			return result;
	}
	reclaim_failed(slot, space, own_only);
	return CLAIM_TAKEN;
}

#endif
