# SPDX-License-Identifier: Apache-2.0
# Who is masqueraded in a cluster, and who is not.

agent_connects_as_node1() {
    pod agent connects_to world 80
    world saw node1
    mappings=$(masq_in node1 bpf nat list)
    lacks "TCP $(bracketed "$(address_of node1)"):" "$mappings"
}

scenario "pods reach the world as their node"
    world serves tcp 80
    world serves udp 5300
    world serves ping
    for over in tcp udp ping; do
        both client1 reaches world as node1 over "$over"
        both client2 reaches world as node2 over "$over"
    done

scenario "pods reach pods of both nodes with their own address"
    for server in server1 server2; do
        "$server" serves tcp 80
        "$server" serves udp 5300
        for over in tcp udp; do
            both client1 reaches "$server" as client1 over "$over"
            both client2 reaches "$server" as client2 over "$over"
        done
    done

scenario "pods reach both nodes with their own address"
    for node in node1 node2; do
        "$node" serves tcp 80
        both client1 reaches "$node" as client1
        both client2 reaches "$node" as client2
    done

scenario "a pod in the node's network leaves without a mapping"
    world serves tcp 80
    pod agent runs_on node1 host_network
    both agent_connects_as_node1

scenario "masq reports its state in its pod"
    for node in node1 node2; do
        contains "BPF (ip-masq-agent)" "$(masq_on "$node" status)"
        contains "[eth0]" "$(masq_on "$node" status)"
        contains 198.18.0.0/15 "$(masq_on "$node" bpf ipmasq list)"
        for each in "${families[@]}"; do
            contains "${each/ipv/IPv}: Enabled" "$(masq_on "$node" status)"
        done
    done
