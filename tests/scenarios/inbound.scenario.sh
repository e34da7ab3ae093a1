# SPDX-License-Identifier: Apache-2.0
# Connections that came from outside to a pod's own address: not ours, in both directions.
# datapaths: bpf

the_world_knows_the_pods

scenario "replies to inbound connections keep the pod's address"
    pods_may_show_at router
    masqd starts
    pod1  serves tcp 80
    pod1  serves udp 5300
    world connects to pod1 80
    pod1  saw router
    world asks pod1 5300
    pod1  saw router
    world pings pod1
    mappings_number 0

scenario "a pod's connections to an inbound client are masqueraded"
    pods_may_show_at router
    masqd starts
    pod1  serves tcp 80
    world serves tcp 80
    world chats with pod1 as inbound
    pod1  reaches router as node
    inbound goes_on
    pod1  reaches router as node
    inbound is_unbroken

scenario "an inbound connection survives the first start of masqd"
    pods_may_show_at router
    pod1  serves tcp 80
    world chats with pod1 as inbound
    masqd starts
    inbound goes_on
    inbound is_unbroken

scenario "an inbound connection survives a restart of masqd"
    pods_may_show_at router
    masqd starts
    pod1  serves tcp 80
    world chats with pod1 as inbound
    masqd is_killed
    inbound goes_on
    masqd starts
    inbound goes_on
    inbound is_unbroken

scenario "inbound packets to the node create no mapping"
    node_may_reset
    masqd starts
    not world connects to node 20000
    inside world "$support/raw.py" "${address[router]}" "${address[node]}" tcp-ack --to-port 20000
    inside world "$support/raw.py" "${address[router]}" "${address[node]}" udp --to-port 20000
    mappings_number 0
