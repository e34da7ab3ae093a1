# SPDX-License-Identifier: Apache-2.0
# Which destinations see the pod itself. docs/behaviour.md has the whole table.

the_world_knows_the_pods
world serves tcp 80
world serves udp 5300

scenario "packets to the pod CIDRs are not masqueraded"
    pods_may_show_at pod-of-node2
    pod_cidr=$(cidr_of cluster)
    masqd starts
    pod1  reaches pod-of-node2 as pod1
    pod1  reaches pod-of-node2 as pod1 over udp
    pod1  reaches world as node

scenario "packets to the native routing CIDR are not masqueraded"
    pods_may_show_at office
    masqd starts with "$family-native-routing-cidr=$(cidr_of office)"
    pod1  reaches office as pod1
    pod2  reaches office as pod2 over udp
    pod1  reaches lab as node
    pod1  reaches world as node

scenario "several native routing CIDRs are all excluded"
    pods_may_show_at office branch
    masqd starts with "$family-native-routing-cidr=$(cidr_of office),$(cidr_of branch)"
    pod1  reaches office as pod1
    pod1  reaches branch as pod1
    pod1  reaches lab as node

scenario "with a native routing CIDR, pod CIDRs remain excluded"
    pods_may_show_at pod-of-node2 office
    pod_cidr=$(cidr_of cluster)
    masqd starts with "$family-native-routing-cidr=$(cidr_of office)"
    pod1  reaches pod-of-node2 as pod1
    pod1  reaches office as pod1

scenario "destinations in the ip-masq-agent file are not masqueraded"
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches office as pod1 over udp
    pod1  reaches lab as node

scenario "the ip-masq-agent file is ignored without enable-ip-masq-agent"
    the_file_excludes office
    masqd starts
    pod1  reaches office as node

scenario "the native routing CIDR remains excluded with the ip-masq-agent"
    pods_may_show_at office lab
    the_file_excludes lab
    masqd starts with enable-ip-masq-agent "$family-native-routing-cidr=$(cidr_of office)"
    pod1  reaches office as pod1
    pod1  reaches lab as pod1
    pod1  reaches branch as node

scenario "the longest prefix decides among exclusions and carve-outs"
    pods_may_show_at lab office
    the_file_says "$(excluding private office)
masqueradeCIDRs:
- $([ "$family" = ipv4 ] && echo 10.1.0.0/12 || echo fd00::/14)"
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches lab as node
    pod1  reaches world as node

scenario "a prefix in nonMasqueradeCIDRs and masqueradeCIDRs is excluded"
    pods_may_show_at office
    the_file_says "$(excluding office)
masqueradeCIDRs: [$(cidr_of office)]"
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1

scenario "an exclusion of all addresses disables masquerading"
    pods_may_show_at world public
    the_file_excludes "$any"
    masqd starts with enable-ip-masq-agent
    pod1  reaches world as pod1
    pod1  reaches public as pod1

scenario "packets to other nodes are not masqueraded"
    pods_may_show_at node2 node2-external
    masqd starts with "node-addresses=$(address_of node2),$(address_of node2-external)"
    pod1  reaches node2 as pod1
    pod1  reaches node2-external as pod1 over udp
    pod1  reaches router as node

scenario "packets to other nodes are masqueraded with enable-remote-node-masquerade"
    masqd starts with "node-addresses=$(address_of node2)" enable-remote-node-masquerade
    pod1  reaches node2 as node

scenario "a source outside the pod CIDRs is not masqueraded"
    guest=$([ "$family" = ipv4 ] && echo 10.9.0.5 || echo fd09::5)
    give_also pod1 eth0 "$guest/$host"
    ip_in node route add "$guest/$host" dev lxc1
    ip_in world route add "$guest/$host" via "${address[node]}"
    masqd starts
    pod1  connects to world 80 under "$guest"
    world saw      "$guest"
    pod1  reaches world as node

scenario "sources of several pod CIDRs are masqueraded"
    guest=$([ "$family" = ipv4 ] && echo 10.9.0.5 || echo fd09::5)
    give_also pod1 eth0 "$guest/$host"
    ip_in node route add "$guest/$host" dev lxc1
    pod_cidr=${cidr[pods]},$guest/$host
    masqd starts
    pod1  connects to world 80 under "$guest"
    world saw      node
    pod2  reaches world as node

scenario "by default the subnets of container bridges are pod CIDRs"
    ip -n node link add cni0 type bridge
    ip_in node link set cni0 up
    give node cni0 "$([ "$family" = ipv4 ] && echo 10.88.0.1/16 || echo fd88::1/64)"
    ip -n node link add veth1 type veth peer name eth1 netns pod1
    ip_in node link set veth1 master cni0 up
    ip_in pod1 link set eth1 up
    bridged=$([ "$family" = ipv4 ] && echo 10.88.0.7 || echo fd88::7)
    give pod1 eth1 "$bridged/$link"
    ip_in pod1 route replace default via "$([ "$family" = ipv4 ] && echo 10.88.0.1 || echo fd88::1)"
    pod_cidr=auto
    masqd starts
    pod1  connects to world 80 under "$bridged"
    world saw      node
    status_says "['masquerading']['devices'][0]['name']" eth0
