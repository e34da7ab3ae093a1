# SPDX-License-Identifier: Apache-2.0
# The node's own connections and services are not touched, and pods never take what the node uses.
# Only bpf: netfilter looks at connections, not at sockets that listen.
# datapaths: bpf

scenario "the node's own connections keep their address and port"
    masqd starts
    world serves tcp 80
    world serves udp 5300
    world serves ping
    node  connects to world 80 from 40000
    world saw      node from 40000
    node  asks world 5300 from 20000
    world saw  node from 20000
    node  pings world from 9
    world saw   node from 9
    mappings_number 0

scenario "services of the node remain reachable during pod transfers"
    masqd starts
    node  serves tcp 22
    node  serves udp 5300
    world serves tcp 80
    pod1  downloads from world as load
    world connects to node 22
    node  saw router
    world asks node 5300
    node  saw router
    world pings node
    load  is_unbroken

scenario "node connections survive starts and SIGKILL of masqd"
    node  serves tcp 80
    world chats with node as session
    masqd starts
    session goes_on
    masqd is_killed
    session goes_on
    masqd starts
    session is_unbroken

scenario "mappings do not use the ports of node connections" # R8
    masqd starts
    world serves tcp 80
    node  chats with world as own from 20000
    pod1  chats with world as pods from 20000
    own   goes_on
    pods  goes_on
    not   nat_lists "$(at pod1 20000)" "XLATE_SRC $(at node 20000)"
    own   is_unbroken
    pods  is_unbroken

scenario "mappings do not use the ports of node services" only=bpf # R8, R10
    masqd starts
    node  serves udp 20000
    node  serves tcp 20000
    world serves udp 5300
    world serves tcp 80
    pod1  asks world 5300 from 20000
    not   world saw node from 20000
    pod1  connects to world 80 from 20000
    not   world saw node from 20000
    world asks node 20000
    world connects to node 20000

scenario "a pod reaches its node with its own address"
    masqd starts
    node  serves tcp 80
    node  serves udp 5300
    pod1  reaches node as pod1
    pod1  reaches gateway as pod1 over udp
    mappings_number 0

scenario "packets between pods of a node are not masqueraded"
    masqd starts
    pod2  serves tcp 80
    pod1  reaches pod2 as pod1
