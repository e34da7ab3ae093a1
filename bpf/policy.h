/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose packets are ours, and where they may go under their own address: asked when there is no mapping. */
#ifndef MASQ_BPF_POLICY_H
#define MASQ_BPF_POLICY_H

#include "bpf/maps.h"

static __always_inline void policy_key(policy_key_t *key, const addr_t *a)
{
	key->prefix_length = sizeof(addr_t) * 8;
	key->address = *a;
}

static __always_inline bool is_source(const addr_t *a)
{
	policy_key_t key;

	if (options.source_count > MASQ_SOURCES_MAX) {
		policy_key(&key, a);
		return bpf_map_lookup_elem(&N(sources), &key);
	}
	for (__u32 i = 0; i < MASQ_SOURCES_MAX; i++) {
		if (i >= options.source_count)
			break;
		if (addr_is_inside(a, &options.source[i].address, &options.source[i].mask))
			return true;
	}
	return false;
}

/* What today's configuration says of a destination: TRANSLATED (masquerade it), or why it is left alone. */
__noinline int N(policy_decide)(const addr_t *destination)
{
	struct masq_policy *rule;
	policy_key_t key;
	__u32 zero = 0;
	void *rules;

	if (!destination)
		return MASQ_REASON_TRANSLATED;
	if (is_source(destination))
		return MASQ_REASON_POD_CIDR;
	rules = bpf_map_lookup_elem(&N(policy), &zero);
	if (!rules)
		return MASQ_REASON_TRANSLATED;
	policy_key(&key, destination);
	rule = bpf_map_lookup_elem(rules, &key);
	return rule ? rule->reason : MASQ_REASON_TRANSLATED;
}

#endif
