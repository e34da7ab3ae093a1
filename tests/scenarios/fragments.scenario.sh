# SPDX-License-Identifier: Apache-2.0
# Fragments go the way of their head, whatever comes first (R84).
# Only bpf: netfilter puts datagrams together before it translates them, so that nothing waits, is counted or has its
# identification changed there.
# datapaths: bpf

scenario "pings of 8,000 bytes and datagrams of 60,000 bytes go both ways"
    masqd starts
    world serves udp 53
    world serves ping
    pod1  asks world 53 with 60000 bytes
    world saw  node
    pod1  pings world with 8000 bytes
    world saw   node
    node  pings world with 8000 bytes
    world pings node with 8000 bytes

scenario "pods and the node send fragments to one destination at once"
    masqd starts
    for who in pod1 pod2 node; do
        background "$who" "$who-stream" ping -n -q -i 0.002 -c 300 -s 8000 "${address[world]}"
    done
    for who in pod1 pod2 node; do
        within 10 process_ended "$(cat "$work/$who-stream.pid")"
        contains " 0% packet loss" "$(cat "$work/$who-stream.out")"
    done

scenario "four fragments leave in each of their 24 orders, of every protocol" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments out_in_every_order

scenario "four fragments come back in each of their 24 orders, of every protocol" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments in_in_every_order

scenario "the fragments of large datagrams, the last one first, and twice" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments many_reversed
    crafted fragments twice

scenario "fragments without a head make no mapping and do not leak" only=bpf
    masqd starts
    only_crafted_packets
    crafted fragments without_a_head
    crafted fragments with_a_head_too_short
    mappings_number 0
    dropped_for fragment_held 3

scenario "datagrams with one identification never mix" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments two_pods_one_identification
    crafted fragments to_two_destinations
    crafted fragments overlap_from_outside

scenario "a datagram that the node itself cuts for the uplink" family=ipv4 # R84
    ip_in node link set eth0 mtu 1280
    masqd starts
    only_crafted_packets
    crafted fragments cut_by_the_node

scenario "a flood of fragments without heads stops nobody else's" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments flood
    crafted fragments flood_from_outside
    dropped_for fragment 4000

scenario "a flood of fragments from outside stops no pod's" only=bpf # R84
    masqd starts with nat-max-mappings=1024
    only_crafted_packets
    crafted fragments flood_of_heads
    crafted fragments flood_of_many

scenario "fragments to an excluded destination are left alone in any order" only=bpf
    left_alone office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    only_crafted_packets
    crafted fragments to_an_excluded_destination

scenario "IPv6 packets with a fragment header that are whole" only=bpf family=ipv6
    masqd starts
    only_crafted_packets
    crafted fragments atomic
