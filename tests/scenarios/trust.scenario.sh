# SPDX-License-Identifier: Apache-2.0
# Who may make a mapping, and whom a mapping serves.
# Only bpf: conntrack takes a segment in the middle for a connection (nf_conntrack_tcp_loose), takes packets of the node's
# own tunnels for a pod's answers, and knows a packet's source, not the device that it came in by.
# datapaths: bpf

scenario "only initiating packets create a mapping" # R19
    masqd starts
    only_crafted_packets
    crafted trust openers

scenario "only the remote endpoint of a mapping reaches the pod"
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust strangers

scenario "packets of inbound connections are forwarded unchanged"
    pods_may_show_at router
    the_world_knows_the_pods
    masqd starts
    only_crafted_packets
    crafted trust inbound
    masqd is_restarted
    crafted trust inbound
    mappings_number 0

scenario "stray segments do not exempt later connections from masquerading" only=bpf # R19
    masqd starts
    only_crafted_packets
    crafted trust late_segments

scenario "forged resets end no connection and no mapping" only=bpf # R24
    masqd starts with nat-timeout-tcp-transitory=2s
    world serves tcp 80
    pod1  chats with world as talk from 20000
    for round in 1 2 3; do
        world forges_resets 22000 to node 20000
        talk  goes_on
    done
    nat_lists "$(at pod1 20000)" state=established
    talk  is_unbroken

scenario "spoofed sources create no mapping" # R91
    masqd starts
    only_crafted_packets
    crafted trust spoofed 3000
    mappings_number 0

scenario "a million spoofed sources create no mapping" long # R91
    masqd starts
    only_crafted_packets
    for round in $(seq 20); do crafted trust spoofed 50000; done
    mappings_number 0

scenario "a pod address arriving through an uplink creates no mapping" only=bpf # R91
    pods_may_show_at beyond-east
    node_gets_a_second_uplink
    masqd starts
    only_crafted_packets
    crafted trust from_an_uplink
    mappings_number 0

scenario "a forged answer by another uplink exempts no question"
    node_gets_a_second_uplink
    sysctl_in node net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
    masqd starts
    pod1  serves udp 5300
    ip_in world route replace "${cidr[pods]}" via "${address[node]}" dev node src "${address[beyond-east]}"
    patience=0.5 not world asks pod1 5300 under beyond-east
    pod1  saw beyond-east
    nat_lists "$(at pod1 5300)"

scenario "a pod cannot reach another pod through its external port" # R89
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust hairpin

scenario "packets for the node are not forwarded" # R88
    pods_may_show_at world # by the gateway's address, which lies in the pod CIDR
    node_may_reset
    masqd starts
    only_crafted_packets
    crafted trust probes

scenario "packets of the node are unchanged, also as fragments" # R96
    masqd starts
    only_crafted_packets
    crafted trust of_the_node

scenario "packets for tunnels of the node do not reach pods" only=bpf # R96
    masqd starts
    only_crafted_packets
    crafted trust tunnels_of_the_node

scenario "replies to pings of the node reach the node" # R83, R96
    masqd starts
    world serves ping
    pod1  pings world from 77
    node  pings world from 77
    pod1  pings world from 77

scenario "DHCP offers reach the node" family=ipv4 # R45
    masqd starts
    node  serves udp 68
    only_crafted_packets
    crafted trust dhcp_offers
    eventually same 2 "$(grep -c "^udp 169.254.169.254 67" "$work/node.seen")"
    grep -q " 255.255.255.255 68" "$work/node.seen"

scenario "a stateful firewall works with masqueraded connections" # R90
    pods_may_show_at router
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
    world serves udp 5300
    world serves ping
    pod1  serves udp 5300
    pod1  downloads from world as load
    pod1  reaches world as node over udp
    pod1  pings world with 8000 bytes
    pod1  asks world 5300 with 60000 bytes
    node  asks world 5300
    contains "refused" "$(words_of pod1 asks world 54)"
    patience=0.5 not world asks pod1 5300
    load  has_moved 10000000
    load  is_unbroken
