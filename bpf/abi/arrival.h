/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contract with user space: senders on bridges. Addresses in network byte order; of IPv4 the rest is 0. */
#ifndef MASQ_BPF_ABI_ARRIVAL_H
#define MASQ_BPF_ABI_ARRIVAL_H

#include <linux/types.h>

#include "bpf/abi/reasons.h"

/* An element of the map arrivals: a per-CPU array of one. */
struct masq_arrival {
	/* The sender of the last packet that arrived by a bridge. */
	__u32 ifindex; /* of the bridge; 0: no record, or it was used */
	__u32 address[4];
	__u8 mac[6];
	__u8 zero[2];
	/* The neighbour that had another MAC address than a sender, at last: user space makes the kernel verify it. */
	__u32 doubts;         /* their number so far */
	__u32 doubted_family; /* 4 or 6 */
	__u32 doubted_ifindex;
	__u32 doubted[4];
};
MASQ_ASSERT(sizeof(struct masq_arrival) == 56, "user space reads it, in steps of 8 bytes");

#endif
