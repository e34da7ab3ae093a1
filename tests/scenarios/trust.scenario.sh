# SPDX-License-Identifier: Apache-2.0
# Who may make a mapping, and whom a mapping serves.
# Only bpf: conntrack takes a segment in the middle for a connection (nf_conntrack_tcp_loose), takes packets of the node's
# own tunnels for a pod's answers, and knows a packet's source, not the device that it came in by.
# datapaths: bpf

scenario "only a legal opener makes a mapping" # R19
    masqd starts
    only_crafted_packets
    crafted trust openers

scenario "strangers make no mapping and come in through none"
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust strangers

scenario "connections from outside to a pod's own address stay as they are, to the byte"
    left_alone router
    the_world_knows_the_pods
    masqd starts
    only_crafted_packets
    crafted trust inbound
    masqd is_restarted
    crafted trust inbound
    mappings_number 0

scenario "a late segment does not make the pod's next connection skip masquerading" only=bpf # R19
    masqd starts
    only_crafted_packets
    crafted trust late_segments

scenario "a storm of forged resets ends no connection, and no mapping" only=bpf # R24
    masqd starts with nat-timeout-tcp-transitory=2s
    world serves tcp 80
    pod1  chats with world as talk from 20000
    for round in 1 2 3; do
        world forges_resets 22000 to node 20000
        talk  goes_on
    done
    nat_lists "$(at pod1 20000)" state=established
    talk  is_unbroken

scenario "spoofed sources make no mapping" # R91
    masqd starts
    only_crafted_packets
    crafted trust spoofed 3000
    mappings_number 0

scenario "a million spoofed sources make no mapping and no noise" long # R91
    masqd starts
    only_crafted_packets
    for round in $(seq 20); do crafted trust spoofed 50000; done
    mappings_number 0

scenario "a pod's address that comes in by an uplink makes no mapping" only=bpf # R91
    left_alone beyond-east
    node_gets_a_second_uplink
    masqd starts
    only_crafted_packets
    crafted trust from_an_uplink
    mappings_number 0

scenario "a pod that calls another pod's external port speaks to the node" # R89
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust hairpin

scenario "what is for the node alone is not sent on" # R88
    left_alone world # by the gateway's address, which lies in the pod CIDR
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust probes

scenario "packets of the node itself leave as they are, whole and in fragments" # R96
    masqd starts
    only_crafted_packets
    crafted trust of_the_node

scenario "what comes for the node's own tunnels does not reach a pod" only=bpf # R96
    masqd starts
    only_crafted_packets
    crafted trust tunnels_of_the_node

scenario "the node's own pings are answered to the node" # R83, R96
    masqd starts
    world serves ping
    pod1  pings world from 77
    node  pings world from 77
    pod1  pings world from 77

scenario "offers of a DHCP server reach the node" family=ipv4 # R45
    masqd starts
    node  serves udp 68
    only_crafted_packets
    crafted trust dhcp_offers
    eventually same 2 "$(grep -c "^udp 169.254.169.254 67" "$work/node.seen")"
    grep -q " 255.255.255.255 68" "$work/node.seen"

scenario "a firewall that knows connections sees the pods', not the masqueraded ones" # R90
    left_alone router
    the_world_knows_the_pods
    inside node nft "add table inet wall
      add chain inet wall forward { type filter hook forward priority 0; policy drop; }
      add chain inet wall input { type filter hook input priority 0; policy drop; }
      add rule inet wall forward ct state established,related accept
      add rule inet wall forward iifname lxc* accept
      add rule inet wall input ct state established,related accept
      add rule inet wall input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
    masqd starts
    world serves tcp 80
    world serves udp 53
    world serves ping
    pod1  serves udp 53
    pod1  downloads from world as load
    pod1  reaches world as node over udp
    pod1  pings world with 8000 bytes
    pod1  asks world 53 with 60000 bytes
    node  asks world 53
    contains "refused" "$(words_of pod1 asks world 54)"
    patience=0.5 not world asks pod1 53
    load  has_moved 10000000
    load  is_unbroken
