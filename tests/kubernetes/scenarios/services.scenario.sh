# SPDX-License-Identifier: Apache-2.0
# kube-proxy beside masq: Services translate destinations, and NodePorts sources, before masq sees the packet.

servers_serve() { server1 serves tcp 80; server2 serves tcp 80; }

cluster_addresses_work() {
    service web selects app=server
    within 10 both client1 reaches web as client1 # each node has its own kube-proxy
    within 10 both client2 reaches web as client2
    for round in 1 2 3 4 5 6; do # to both pods, by chance
        both client1 reaches web as client1
        both client2 reaches web as client2
    done
}
node_ports_work() {
    service far selects name=server2 node_port=30080
    within 10 both world connects to node1 30080
    both world_comes_to_server2_as node1 # to a pod on another node: kube-proxy takes the node's address
    both client1 connects to node1 30080
    within 10 both client1 connects to node2 30080
}
world_comes_to_server2_as() { world connects to "$1" 30080; server2 saw "$1"; }
local_node_ports_work() {
    service own selects name=server1 node_port=30081 local
    within 10 both world connects to node1 30081
    both server1_sees_the_world
    not world connects to node2 30081
}
server1_sees_the_world() { world connects to node1 30081; server1 saw router; }
world_comes_by_the_host_port() { world connects to node1 8081; front saw router; }
the_api_is_reached() {
    learn_cluster_addresses kubernetes
    contains gitVersion "$(inside client1 curl -sk --max-time 5 "https://$(bracketed "$(address_of kubernetes)")/version")"
}

services_work_with() { # nftables or iptables
    [ "$(cat "$state/proxy-mode")" = "$1" ] || kube_proxy runs_in "$1"
    servers_serve
    cluster_addresses_work
    node_ports_work
    local_node_ports_work
    the_api_is_reached
    world serves tcp 80
    both client1 reaches world as node1
}

scenario "Services work with kube-proxy in nftables mode"
    services_work_with nftables

scenario "Services work with kube-proxy in iptables mode"
    services_work_with iptables

scenario "pods ask NodeLocal DNS with their own address"
    has_node_local_address node1
    node1 serves udp 5300
    both client1 reaches resolver as client1 over udp
    world serves udp 5300
    both client1 reaches world as node1 over udp
    masq_is_ok node1
    contains "[eth0]" "$(masq_on node1 status)"

scenario "a host port leads from the world to its pod"
    pod front runs_on node1 host_port=8081
    front serves tcp 80
    both world_comes_by_the_host_port
