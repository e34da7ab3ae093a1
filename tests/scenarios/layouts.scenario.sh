# SPDX-License-Identifier: Apache-2.0
# Nodes as CNIs, VPNs, container tools and operators lay them out: which devices are uplinks, and who masquerades.
# datapaths: bpf nftables iptables

# As Cilium does it: a route leads all pods to one device, and a filter there redirects each packet to its pod's device.
pods_are_reached_by_redirection() {
  local hardware=02:00:00:00:00:0c pod number protocol=ip
  [ "$family" = ipv4 ] || protocol=ip6
  ip -n node link add cilium_host address "$hardware" arp off type veth peer name cilium_net
  ip_in node link set cilium_host up
  ip_in node link set cilium_net up
  inside node tc qdisc add dev cilium_host clsact
  for number in 1 2; do
    pod=${address[pod$number]}/$host
    ip_in node route delete "$pod" dev "lxc$number"
    ip_in "pod$number" link set eth0 address "$hardware" # the frames are addressed to cilium_host
    inside node tc filter add dev cilium_host egress protocol "${family/ipv4/ip}" u32 match "$protocol" dst "$pod" \
      action mirred egress redirect dev "lxc$number"
  done
  ip_in node route add "${cidr[pods]}" dev cilium_host
}

# The second uplink's routes are in a table of their own, which a rule selects.
second_uplink_has_a_table_of_its_own() { # RULE...
  connect_uplink eth1 east
  give node eth1 "${address[node-east]}/$host"
  give world east "${address[east]}/$link"
  ip_in world address replace "${address[beyond-east]}/$host" dev lo
  ip_in node route add "$(cidr_of_east)" dev eth1 table 200
  ip_in node route add default via "${address[east]}" dev eth1 table 200
  ip_in node "-${family#ipv}" rule add pref 1000 "$@" lookup 200
  ip_in world route add "${address[node-east]}/$host" dev east
  watch_leaks east
}
cidr_of_node() { if [ "$family" = ipv4 ]; then echo 192.0.2.0/24; else echo 2001:db8::/64; fi; }
cidr_of_east() { if [ "$family" = ipv4 ]; then echo 198.18.0.0/24; else echo 2001:db8:ea::/64; fi; }

# The default route is the node's address on the loopback, by a card without an address of its own (RFC 5549, RFC 8950).
uplink_is_unnumbered() {
  ip_in node address flush dev eth0 scope global
  give node lo "${address[node]}/$host"
  ip_in node -6 address replace fe80::a/64 dev eth0 nodad
  ip_in world -6 address replace fe80::b/64 dev node nodad
  if [ "$family" = ipv4 ]; then
    ip_in node -4 route replace default via inet6 fe80::b dev eth0
    ip_in world route replace "${address[node]}/32" via inet6 fe80::a dev node
  else
    ip_in node route replace default via fe80::b dev eth0
    ip_in world route replace "${address[node]}/128" via fe80::a dev node
  fi
}

status_is() { # OK, or a part of the first problem
  local said
  said=$(masq status --brief 2>&1) || true
  contains "$1" "$said"
}

world serves tcp 80
world serves udp 5300

scenario "a route through a pod makes its bridge no uplink"
    pods_share_a_bridge
    masqd starts
    pod1  reaches world as node
    ip_in node route add "${cidr[unused]}" via "${address[pod2]}"
    ip_in node route get "${cidr[unused]%/*}" >/dev/null
    eventually uplinks_are eth0
    pod1  reaches world as node
    pod2  reaches elsewhere as node over udp
    masqd is_restarted
    uplinks_are eth0
    pod1  reaches world as node

scenario "pods behind the device of the default route are masqueraded"
    pods_may_show_at 224.0.0.22 ff02::1:ff00:1 # the bridge carries what pods and node tell their neighbours
    pods_share_a_bridge br0
    ip_in node address flush dev eth0
    ip_in node link set eth0 master br0
    give  node br0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    masqd starts
    uplinks_are br0
    pod1  reaches world as node
    pod2  reaches elsewhere as node over udp

scenario "pods behind one device with redirection are masqueraded"
    pods_are_reached_by_redirection
    masqd starts
    uplinks_are eth0
    status_is OK
    pod1  reaches world as node
    pod2  reaches elsewhere as node over udp
    the_world_knows_the_pods
    pods_may_show_at router
    pod2  serves tcp 80
    world connects to pod2 80
    pod2  saw router

scenario "an uplink with routes in another table is found"
    second_uplink_has_a_table_of_its_own from "${address[pod2]}"
    masqd starts
    uplinks_are eth0 eth1
    pod1  reaches world as node
    pod2  reaches beyond-east as node-east

scenario "a new routing rule makes a device an uplink"
    second_uplink_has_a_table_of_its_own from "${address[world]}"
    ip_in node "-${family#ipv}" rule del pref 1000
    masqd starts
    eventually uplinks_are eth0
    ip_in node "-${family#ipv}" rule add pref 1000 from "${address[pod2]}" lookup 200
    within 1 uplinks_are eth0 eth1
    within 1 pod2 reaches beyond-east as node-east

scenario "an uplink with routes by next-hop objects is found"
    ip_in node nexthop add id 10 via "${address[router]}" dev eth0
    ip_in node nexthop add id 20 group 10
    sysctl_in node net.ipv4.nexthop_compat_mode=0
    ip_in node "-${family#ipv}" route replace default nhid 20
    masqd starts
    uplinks_are eth0
    pod1  reaches world as node

scenario "an unnumbered uplink uses the address of the loopback"
    uplink_is_unnumbered
    masqd starts
    uplinks_are eth0
    pod1  reaches world as node
    pod2  reaches elsewhere as node over udp

scenario "devices may be alternative names"
    ip_in node link property add dev eth0 altname enp3s0f0np0-longer-than-fifteen
    masqd starts with devices=enp3s0f0np0-longer-than-fifteen
    uplinks_are eth0
    pod1  reaches world as node
    masqd is_terminated
    masqd starts with devices=enp3+
    uplinks_are eth0
    pod1  reaches world as node

scenario "a misspelt device is a problem"
    agent_flags with devices=eht0
    start_agent
    eventually status_is "devices: eht0: no such device"

scenario "the node's own address inside the pod CIDRs stays"
    give_also node eth0 "${address[node-second]}/$link"
    pod_cidr="${cidr[pods]},$(cidr_of_node)"
    masqd starts
    node  serves tcp 81
    world connects to node 81
    node  connects to world 80 from 40001
    world saw node from 40001
    pod1  reaches world as node
    node  pings world
    lacks " $(at node 40001) " "$(masq bpf nat list)"

scenario "an inbound connection by another device is answered"
    the_world_knows_the_pods
    node_gets_a_second_uplink
    pods_may_show_at world
    masqd starts with devices=eth0
    ip_in world route replace "${cidr[pods]}" via "${address[node-east]}" dev east src "${address[world]}"
    pod1  serves tcp 80
    pod1  serves udp 5300
    world connects to pod1 80 under world
    pod1  saw world
    world asks pod1 5300 under world
    pod1  saw world

scenario "a destination in a second subnet gets that subnet's address"
    give  node eth0 "${address[node-east]}/$link"
    give  world node "${address[east]}/$link"
    ip_in world address replace "${address[beyond-east]}/$host" dev lo
    ip_in node route add "${address[beyond-east]}/$host" via "${address[east]}"
    masqd starts
    pod2  reaches beyond-east as node-east
    # IPv6 goes by the longest matching prefix (RFC 6724 5, rule 8), IPv4 by the next hop.
    pod1  reaches world as "$([ "$family" = ipv4 ] && echo node || echo node-east)"

scenario "a container network that appears later is masqueraded"
    pod_cidr=auto
    agent_flags
    start_agent
    eventually status_is "no pod CIDR is known"
    pods_share_a_bridge incusbr7
    within 1 status_is OK
    pod1  reaches world as node
    status_shows "the bridge incusbr7"

scenario "a switched-off forwarding sysctl is a problem"
    masqd starts
    status_is OK
    sysctl_in node net.ipv4.conf.eth0.forwarding=0
    [ "$family" = ipv4 ] || sysctl_in node net.ipv6.conf.all.forwarding=0
    within 1 status_is "forwarding is off"
    sysctl_in node net.ipv4.conf.eth0.forwarding=1 net.ipv6.conf.all.forwarding=1
    within 1 status_is OK

scenario "an address of masquerade-address on another node is a problem"
    pods_may_show_at lab
    echo "nonMasqueradeCIDRs: [${cidr[office]}]" >"$agent_file"
    agent_flags with "masquerade-address=${address[node-second]}" enable-ip-masq-agent
    start_agent
    eventually status_is "masquerade-address: ${address[node-second]} is not an address of this node"
    pod1  cannot_reach world
    echo "nonMasqueradeCIDRs: [${cidr[office]}, ${cidr[lab]}]" >"$agent_file"
    within 1 ipmasq_lists lab
    give_also node lo "${address[node-second]}/$host"
    ip_in world route add "${address[node-second]}/$host" via "${address[node]}"
    within 1 status_is OK
    pod1  reaches world as node-second
