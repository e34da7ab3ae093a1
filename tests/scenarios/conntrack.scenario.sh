# SPDX-License-Identifier: Apache-2.0
# conntrack belongs to everybody on the node: to kube-proxy, to the node's own connections, and with nftables and iptables
# to masq.
# datapaths: bpf

# As kube-proxy does for a NodePort: to the pod, and under the node's address there.
the_node_forwards_a_nodeport() {
    inside node nft "add table inet kube; add chain inet kube to { type nat hook prerouting priority dstnat; };
        add chain inet kube from { type nat hook postrouting priority srcnat; };
        add rule inet kube to iifname eth0 tcp dport 31000 dnat $nft_family to $(at pod1 8080);
        add rule inet kube from oifname lxc1 ct status dnat masquerade"
}

# probes_meet COUNT ROUNDS: the kubelet's probes and the clients of the NodePort come from the same ports, so that
# both are (gateway, port) to (pod, 8080) if nobody sees to it.
probes_meet() {
    node_may_reset # connections of its own, in TIME-WAIT
    local round
    for round in $(seq "$2"); do
        world opens_many "$1" with node 31000 as "clients$round" from 20000
        node  opens_many "$1" with pod1 8080 as "probes$round" from 20000
        "clients$round" are_open "$1"
        "probes$round" are_open "$1"
        "clients$round" are_unbroken
        "probes$round" are_unbroken
    done
}

scenario "kubelet probes and NodePort clients work with equal source ports" only=bpf,nftables,iptables # R13
    masqd starts
    the_node_forwards_a_nodeport
    pod1  serves_many 8080
    probes_meet 300 2

scenario "forty thousand probes and requests work with equal source ports" only=bpf,nftables,iptables long # R13
    masqd starts
    the_node_forwards_a_nodeport
    pod1  serves_many 8080
    probes_meet 2000 10

scenario "status names conntrack's timeouts when ports run short" only=nftables,iptables
    masqd starts with nat-port-range=20000-20009
    patience=0.5 a_crowd pod1 udp 8 elsewhere as crowd
    status_hides "ports run short"
    patience=0.5 a_crowd pod2 udp 2 elsewhere as others
    status_shows "ports run short: net.netfilter.nf_conntrack_udp_timeout=30 keeps those of ended conversations"
    status_shows "                ports run short: net.netfilter.nf_conntrack_tcp_timeout_time_wait=120 keeps"
    crowd leaves
    others leaves

scenario "a full conntrack table ends no connection and status warns" only=nftables,iptables long # R28
    maximum=$(inside node sysctl -n net.netfilter.nf_conntrack_max) # in a namespace it cannot be set
    world serves tcp 80
    world serves_many 7000 100
    node  serves tcp 22
    talk_port=22
    world chats with node as session
    talk_port=80
    masqd starts
    pod1  chats with world as talk
    status_hides nf_conntrack_max
    pod2  talks to world 7000 over $((maximum * 11 / 10)) >"$work/answered"
    status_shows "nf_conntrack_max: "
    status_shows "of $maximum connections are in use" # provokes connection_table
    same  "$maximum" "$(inside node sysctl -n net.netfilter.nf_conntrack_max)" "nf_conntrack_max"
    session goes_on
    talk  goes_on
    session is_unbroken
    talk  is_unbroken
