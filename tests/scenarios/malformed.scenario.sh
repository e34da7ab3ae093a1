# SPDX-License-Identifier: Apache-2.0
# Packets that contradict themselves are never half translated and never make a mapping (R92).
# Only bpf: the reason `malformed`, and extension headers to the byte. What conntrack takes for invalid it does not translate.
# datapaths: bpf

scenario "malformed packets of a pod are dropped and counted at the uplink" only=bpf # R92
    masqd starts
    only_crafted_packets
    crafted malformed at_the_uplink

scenario "packets that the node's own IP refuses leave no trace" only=bpf # R92
    masqd starts
    only_crafted_packets
    crafted malformed before_the_uplink
    mappings_number 0

scenario "malformed packets from the world do not reach a pod" # R92
    masqd starts
    only_crafted_packets
    crafted malformed from_outside

scenario "frames that are longer than their packets" # R92
    masqd starts
    only_crafted_packets
    crafted malformed padded

scenario "IPv4 options of every length, both ways" family=ipv4 # R92
    masqd starts
    only_crafted_packets
    crafted extensions ipv4_options

scenario "IPv6 extension headers in every order, both ways" only=bpf family=ipv6 # R85
    masqd starts
    only_crafted_packets
    crafted extensions single
    crafted extensions permutations
    crafted extensions large_headers

scenario "chains of six IPv6 extension headers are walked, endless ones are not" only=bpf family=ipv6 # R85
    masqd starts
    only_crafted_packets
    crafted extensions long_chains
    crafted extensions cut_short

scenario "fragments with IPv6 extension headers" only=bpf family=ipv6 # R84, R85
    masqd starts
    only_crafted_packets
    crafted extensions fragmented
