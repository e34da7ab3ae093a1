# SPDX-License-Identifier: Apache-2.0
# Ports that somebody else has, or had, or will have.
# datapaths: bpf

world serves tcp 80
world serves udp 5300

# A pod sends from the port of a service to the port from which the world will ask for that service.
shadow() { # PROTOCOL [PORT]
    inside pod1 "$peer" ask "$1" "${address[world]}" 7777 --source-port "${2:-20000}" --timeout 0.2 || true
}
world_asks_the_node() { world asks node 20000 from 7777 under world; }

# The world closes first, and rests in TIME-WAIT.
pod1_is_served_once() {
    inside pod1 /usr/bin/python3 -c 'import socket, sys
connection = socket.create_connection((sys.argv[1], 80), 5, (sys.argv[2], 20000))
connection.sendall(b"BYE\n")
assert connection.recv(1) == b""' "${address[world]}" "${address[pod1]}"
}

scenario "the node and two pods can use equal source ports" only=bpf # R8: netfilter does not ask sockets
    masqd starts
    world serves_many 7000
    node  opens_many 500 with world 7000 as own from 20000
    own   are_open 500
    pod1  opens_many 500 with world 7000 as pods from 20000
    pod2  opens_many 500 with world 7000 as others from 20250
    pods  are_open 500
    others are_open 500
    mappings_number 1000
    own   are_unbroken
    pods  are_unbroken
    others are_unbroken

scenario "forwarded ports and pods' connections do not disturb each other" # R9
    node_may_reset # a wrong guess of the world's port is answered by the node
    masqd starts with nat-port-range=20000-20999
    pod1  serves tcp 8080
    inside node nft "add table inet forwards; add chain inet forwards c { type nat hook prerouting priority dstnat; };
        add rule inet forwards c iifname eth0 tcp dport { 31000, 20000 } dnat $nft_family to $(at pod1 8080)"
    pods_may_show_at router
    world connects to node 31000
    pod1  saw router
    pod2  reaches world as node from 31000
    not   world saw node from 31000
    pod2  reaches world as node from 20000
    pod2  chats with elsewhere as talk from 20000
    world connects to node 20000
    pod1  saw router
    talk  is_unbroken

scenario "pods do not use low ports of node services" only=bpf # R8, R10: netfilter does not ask sockets
    masqd starts
    node  serves udp 53
    node  serves tcp 22
    shadow udp 53
    shadow tcp 22
    nat_lists UDP "$(at pod1 53) "
    nat_lists TCP "$(at pod1 22) "
    not   nat_lists "XLATE_SRC $(at node 53) "
    not   nat_lists "XLATE_SRC $(at node 22) "
    world asks node 53 from 7777 under world
    node  saw world
    world connects to node 22 from 7777 under world
    node  saw world

scenario "a pod cannot impersonate a listening service of the node" only=bpf # R10: netfilter does not ask sockets
    masqd starts
    node  serves udp 20000
    shadow udp
    pod2  asks world 5300 from 20000
    not   world saw node from 20000
    world_asks_the_node
    node  saw world

scenario "a new node service is reachable for peers without mapping" # R10
    masqd starts
    pod2  asks world 5300 from 20000
    node  serves udp 20000
    node  serves tcp 20000
    world asks node 20000
    node  saw router
    world connects to node 20000
    node  saw router
    pod2  asks world 5300 from 20000

scenario "a new node service takes its port from unanswered mappings" only=bpf # R10
    masqd starts with nat-port-range=20000-20999
    shadow udp
    node  serves udp 20000
    world_asks_the_node
    node  saw world
    pod2  asks world 5300 from 20000

scenario "tunnel ports are not used by default" # R11
    masqd starts
    for port in 4789 6081 8472 51820; do
        pod1  asks world 5300 from $port
        world saw  node
        not   world saw node from $port
    done

scenario "tunnel ports are used when the range contains them" # R11
    masqd starts with nat-port-range=8472
    pod1  asks world 5300 from 8472
    world saw  node from 8472

scenario "a tunnel of the node creates no mapping" # R11
    masqd starts
    world serves udp 8472
    for port in 8472 40001 40002 40003; do node asks world 8472 from $port; done
    mappings_number 0

scenario "a new pod can reopen a deleted pod's connection" # R12
    masqd starts
    for round in 1 2 3; do
        pod1_is_served_once
        same  0 "$(snmp pod1 Tcp RetransSegs)" "segments that the pod sent again"
        ip netns delete pod1
        within 2 not ip -n node link show lxc1
        connect_pod pod1 lxc1
    done
    contains TIME-WAIT "$(inside world ss -tan)"
    pod1_is_served_once
