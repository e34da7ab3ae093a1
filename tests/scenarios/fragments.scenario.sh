# SPDX-License-Identifier: Apache-2.0
# Fragments go the way of their head, whatever comes first (R84).
# Only bpf: netfilter puts datagrams together before it translates them, so that nothing waits, is counted or has its
# identification changed there.
# datapaths: bpf

scenario "fragmented pings and datagrams are delivered in both directions"
    masqd starts
    world serves udp 5300
    world serves ping
    pod1  asks world 5300 with 60000 bytes
    world saw  node
    pod1  pings world with 8000 bytes
    world saw   node
    node  pings world with 8000 bytes
    world pings node with 8000 bytes

scenario "concurrent fragments of pods and the node are all delivered"
    masqd starts
    for who in pod1 pod2 node; do
        background "$who" "$who-stream" ping -n -q -i 0.002 -c 300 -s 8000 "${address[world]}"
    done
    for who in pod1 pod2 node; do
        within 10 process_ended "$(cat "$work/$who-stream.pid")"
        contains " 0% packet loss" "$(cat "$work/$who-stream.out")"
    done

scenario "outbound fragments of every protocol are translated in any order" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments out_in_every_order

scenario "inbound fragments of every protocol are translated in any order" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments in_in_every_order

scenario "reversed and duplicated fragments are translated" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments many_reversed
    crafted fragments twice

scenario "fragments without a complete first fragment create no mapping" only=bpf
    masqd starts
    only_crafted_packets
    crafted fragments without_a_head
    crafted fragments with_a_head_too_short
    mappings_number 0
    dropped_for fragment_held 3

scenario "datagrams with equal IP identification are never mixed" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments two_pods_one_identification
    crafted fragments to_two_destinations
    crafted fragments overlap_from_outside

scenario "a datagram fragmented by the node is translated" family=ipv4 # R84
    ip_in node link set eth0 mtu 1280
    masqd starts
    only_crafted_packets
    crafted fragments cut_by_the_node

scenario "a flood of non-first fragments blocks no other datagram" only=bpf # R84
    masqd starts
    only_crafted_packets
    crafted fragments flood
    crafted fragments flood_from_outside
    dropped_for fragment 4000

scenario "a flood of inbound fragments blocks no pod's datagrams" only=bpf # R84
    masqd starts with nat-max-mappings=1024
    only_crafted_packets
    crafted fragments flood_of_heads
    crafted fragments flood_of_many

scenario "fragments to an excluded destination pass unchanged in any order" only=bpf
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    only_crafted_packets
    crafted fragments to_an_excluded_destination

scenario "IPv6 atomic fragments are translated" only=bpf family=ipv6
    masqd starts
    only_crafted_packets
    crafted fragments atomic
