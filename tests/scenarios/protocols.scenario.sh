# SPDX-License-Identifier: Apache-2.0
# Every protocol there is. Packets are crafted and compared to the byte, with their checksums.
# Only bpf: keys, SPIs and identifiers to the byte, and `no_free_port`. netfilter changes the ports of SCTP, takes GRE and ESP
# for protocols without keys, and lets several pods through where answers can be for one alone.
# datapaths: bpf

scenario "every protocol from 0 to 255 is masqueraded and answered" only=bpf # R87
    masqd starts
    only_crafted_packets
    crafted protocols sweep

scenario "a protocol without ports serves one pod per destination" only=bpf # R87
    masqd starts
    only_crafted_packets
    crafted protocols by_address

scenario "GRE keys and ESP/AH SPIs distinguish pods" only=bpf # R87
    masqd starts
    only_crafted_packets
    crafted protocols keys_and_spis
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    masqd starts
    crafted protocols gre_without_a_key

scenario "SCTP keeps its port and its checksum" only=bpf # R86
    masqd starts
    only_crafted_packets
    crafted protocols sctp_associations
    crafted protocols sctp_openers

scenario "ports of UDP-Lite and DCCP are translated" only=bpf
    masqd starts
    only_crafted_packets
    crafted protocols datagrams

scenario "replies to every ICMP query reach the pod" only=bpf # R83
    masqd starts
    only_crafted_packets
    crafted protocols icmp_queries
    crafted protocols pings_of_the_node 4099

scenario "every ICMP identifier is used before requests are dropped" long # R83
    masqd starts
    only_crafted_packets
    crafted protocols all_identifiers 1
    crafted protocols pings_of_the_node 257

scenario "ICMP identifiers from 0 to 65535 are kept" # R83
    masqd starts
    only_crafted_packets
    crafted protocols all_identifiers 128

scenario "ICMP messages other than queries and errors are dropped" only=bpf
    masqd starts
    only_crafted_packets
    crafted protocols other_icmp
    dropped_for unsupported_protocol 200

scenario "translation neither adds nor removes zero UDP checksums" # R93
    masqd starts
    only_crafted_packets
    crafted protocols udp_checksums
