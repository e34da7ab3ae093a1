# SPDX-License-Identifier: Apache-2.0
# Packets that contradict themselves are never half translated and never make a mapping (R92).
# Only bpf: the reason `malformed`, and extension headers to the byte. What conntrack takes for invalid it does not translate.
# datapaths: bpf

scenario "malformed packets from pods are dropped and counted" only=bpf # R92
    masqd starts
    only_crafted_packets
    crafted malformed at_the_uplink

scenario "malformed packets that the node drops create no mapping" only=bpf # R92
    masqd starts
    only_crafted_packets
    crafted malformed before_the_uplink
    mappings_number 0

scenario "malformed packets from outside do not reach a pod" # R92
    masqd starts
    only_crafted_packets
    crafted malformed from_outside

scenario "frames with padding are translated" # R92
    masqd starts
    only_crafted_packets
    crafted malformed padded

scenario "packets with IPv4 options of every length are translated" family=ipv4 # R92
    masqd starts
    only_crafted_packets
    crafted extensions ipv4_options

scenario "packets with IPv6 extension headers in every order are translated" only=bpf family=ipv6 # R85
    masqd starts
    only_crafted_packets
    crafted extensions single
    crafted extensions permutations
    crafted extensions large_headers

scenario "only chains of up to eight extension headers are translated" only=bpf family=ipv6 # R85
    masqd starts
    only_crafted_packets
    crafted extensions long_chains
    crafted extensions cut_short

scenario "fragments with IPv6 extension headers are translated" only=bpf family=ipv6 # R84, R85
    masqd starts
    only_crafted_packets
    crafted extensions fragmented
