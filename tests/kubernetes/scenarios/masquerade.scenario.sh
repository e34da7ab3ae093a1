# SPDX-License-Identifier: Apache-2.0
# Who is masqueraded in a cluster, and who is not.

agent_connects_as_node1() {
    pod agent connects_to world 80
    world saw node1
    mappings=$(masq_in node1 bpf nat list)
    lacks "TCP $(bracketed "$(address_of node1)"):" "$mappings"
}

begin_flow() { # NAME PORT: a datagram every 20 ms, from this port
    background client1 "$1-$family" python3 -c '
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
sender = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET6:
    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
sender.bind(("", int(sys.argv[2])))
while True:
    sender.sendto(b"datagram", (sys.argv[1], 5300))
    time.sleep(0.02)' "$(address_of world)" "$2"
}
end_flow() { kill "$(cat "$work/$1-$family.pid")"; }
world_heard() { # NAME COUNT: of a family
    local count
    count=$(grep -c "^udp $(address_of "$1") " "$work/world.seen" || true)
    ((count >= $2)) || fail "$family: $count datagrams of $1; the last: $(tail -n 2 "$work/world.seen")"
}
world_never_heard() { not grep -q "^udp $(address_of "$1") " "$work/world.seen"; }
is_ready() { same 200 "$(health_of "$1" readyz)"; }
datapath_takes_the_flow() { # DATAPATH PORT
    note "a flow before masqd with $1"
    both begin_flow "$1" "$2"
    within 5 both world_heard client1 5
    start_masqd_of_host node1 "$1"
    within 20 is_ready node1
    sleep 1 # the time that masqd has
    : >"$work/world.seen"
    within 5 both world_heard node1 50
    both world_never_heard client1
    both end_flow "$1"
    end_masqd_of_host node1
    : >"$work/world.seen"
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

scenario "a UDP flow from before masqd is masqueraded" limit=180
    masq is_uninstalled
    world serves udp 5300 # its answers do not find the pods' addresses
    both pods_may_show_at world
    datapath_takes_the_flow bpf 40000
    datapath_takes_the_flow nftables 40001
    datapath_takes_the_flow iptables 40002
    masq is_installed

scenario "masq reports its state in its pod"
    for node in node1 node2; do
        contains "BPF (ip-masq-agent)" "$(masq_on "$node" status)"
        contains "[eth0]" "$(masq_on "$node" status)"
        contains 198.18.0.0/15 "$(masq_on "$node" bpf ipmasq list)"
        for each in "${families[@]}"; do
            contains "${each/ipv/IPv}: Enabled" "$(masq_on "$node" status)"
        done
    done
