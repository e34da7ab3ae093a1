/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract with user space: the policy and the external addresses. Byte order as in abi/mapping.h. */
#ifndef MASQ_BPF_ABI_POLICY_H
#define MASQ_BPF_ABI_POLICY_H

#include "bpf/abi/mapping.h"

#define MASQ_POOL_MAX 16
#define MASQ_UPLINKS_MAX 16384
#define MASQ_DESTINATIONS_MAX 65536
#define MASQ_DEVICES_MAX 65536

#define MASQ_DEFINE_POLICY(n)                                                                                          \
	/* A longest-prefix rule of the policy. */                                                                     \
	struct masq_policy_key##n {                                                                                    \
		__u32 prefix_length;                                                                                   \
		union masq_addr##n address;                                                                            \
	};                                                                                                             \
	/* Destinations through one uplink: they have another external address than the uplink's. */                   \
	struct masq_destination_key##n {                                                                               \
		__u32 prefix_length; /* counts the bits of ifindex too */                                              \
		__u32 ifindex;                                                                                         \
		union masq_addr##n address;                                                                            \
	};                                                                                                             \
	/* External addresses of an uplink; pods are spread over them. */                                              \
	struct masq_uplink##n {                                                                                        \
		__u32 count;                                                                                           \
		union masq_addr##n address[MASQ_POOL_MAX];                                                             \
	}

MASQ_DEFINE_POLICY(4);
MASQ_DEFINE_POLICY(6);

/* Two devices that are next hops of one route toward pods: answers may leave by either. */
struct masq_device_pair {
	__u32 one;
	__u32 other;
};

/* Why a device is known to have one pod behind it. */
enum masq_pod_device {
	MASQ_POD_DEVICE_NAMED = 1,
	MASQ_POD_DEVICE_ROUTED, /* a host route leads there */
};

/* Value of a policy rule. */
struct masq_policy {
	__u8 reason;  /* enum masq_reason; TRANSLATED: masquerade */
	__u8 ip_masq; /* enum masq_ip_masq: what `masq bpf ipmasq list` shows */
	__u16 reserved;
};

enum masq_ip_masq {
	MASQ_IP_MASQ_NONE,
	MASQ_IP_MASQ_EXCLUDED,
	MASQ_IP_MASQ_MASQUERADE,
};

#endif
