# SPDX-License-Identifier: Apache-2.0
# A pod that takes all that it can get, beside others that want to go on. Only bpf: the table of the others is conntrack's
# and everybody's, without limits for pods; nf_conntrack_max is in datapaths.scenario.sh.
# datapaths: bpf

world serves_many 7000 100

# What the flood is sent to answers nothing, not even a refusal.
elsewhere_is_a_black_hole() {
    inside world nft "add table inet hole; add chain inet hole c { type filter hook input priority 0; };
        add rule inet hole c $nft_family daddr ${address[elsewhere]} drop"
}
a_thousand_are_half_open() {
    local count; count=$(masq bpf nat list --state new --pod "${address[pod2]}" 2>/dev/null | wc -l)
    ((count >= 1000)) || fail "$count are half-open"
}
nothing_was_sent_again() {
    local who
    for who in pod1 pod2 world; do
        same 0 "$(snmp "$who" Tcp RetransSegs)" "segments that $who sent again"
        same 0 "$(snmp "$who" TcpExt TCPChallengeACK)" "challenge ACKs of $who"
    done
}
used_at_most() { local used; used=$(mappings); ((used <= $1)) || fail "$used mappings, not $1"; }

scenario "a flood of active flows evicts no idle connection" only=bpf # R15, R17
    masqd starts with nat-max-mappings=4096 nat-max-mappings-per-pod=4096
    pod1  opens_many 2000 with world 7000 as idle
    idle  are_open 2000
    answered=$(pod2 talks to world 7000 over 20000)
    same  1048 "$answered" "flows of the flood that found room: half of the rest"
    dropped_for pod_limit 18000
    idle  are_unbroken

scenario "a flooding pod does not delay connections of other pods" only=bpf # R17
    masqd starts with nat-max-mappings=8192 nat-max-mappings-per-pod=2048
    pod1  opens_many 1000 with world 7000 as idle
    idle  are_open 1000
    background pod2 flood "$many" talk "${address[world]}" 7000 200000
    eventually dropped_for pod_limit 1000
    for round in 1 2 3 4 5; do
        pod1  opens_many 200 with world 7001 as "round$round"
        "round$round" are_open 200
        "round$round" are_unbroken
    done
    same  0 "$(snmp pod1 Tcp RetransSegs)" "segments that the neighbour sent again"
    kill  "$(cat "$work/flood.pid")"
    idle  are_unbroken

scenario "half-open connections are evicted for another pod's connections" only=bpf # R15, R18
    elsewhere_is_a_black_hole
    masqd starts with nat-max-mappings=4096 nat-max-mappings-per-pod=4096
    pod1  opens_many 2000 with world 7000 as idle
    idle  are_open 2000
    pod2  opens_half 20000 to elsewhere 80
    eventually dropped_for pod_limit 1000
    a_thousand_are_half_open
    sleep 1.2 # until nobody can say any more that an answer is on its way
    pod1  opens_many 500 with world 7001 as later
    later are_open 500
    later are_unbroken
    idle  are_unbroken

scenario "half-open connections expire after half a minute" only=bpf long # R18
    elsewhere_is_a_black_hole
    masqd starts with nat-max-mappings=300000 nat-max-mappings-per-pod=300000
    pod1  opens_many 1000 with world 7000 as idle
    idle  are_open 1000
    pod2  opens_half 1000000 to elsewhere 80
    pod1  opens_many 1000 with world 7001 as later
    later are_open 1000
    within 35 used_at_most 2000
    idle  are_unbroken
    later are_unbroken

scenario "half a million flows delay or end no other connection" only=bpf long # R15, R17
    masqd starts
    pod1  opens_many 1000 with world 7000 as idle
    idle  are_open 1000
    background pod2 flood "$many" talk "${address[world]}" 7000 500000
    for round in $(seq 50); do
        pod1  opens_many 100 with world 7001 as "round$round"
        "round$round" are_open 100
        "round$round" are_unbroken
    done
    within 120 process_ended "$(cat "$work/flood.pid")"
    same  131072 "$(cat "$work/flood.out")" "flows of the flood: a quarter of the table"
    same  0 "$(snmp pod1 Tcp RetransSegs)" "segments that the neighbour sent again"
    idle  are_unbroken

scenario "masqd starts within two seconds with a million mappings" only=bpf long # R31
    masqd starts with nat-max-mappings=1100000 nat-max-mappings-per-pod=1100000 nat-timeout-udp=1h
    same  1000000 "$(pod1 talks to world 7000 over 1000000)" "flows that were answered"
    mappings_number 1000000
    masqd is_killed
    start_agent
    within 2 agent_is_ready
    pod2  opens_many 100 with world 7001 as later
    later are_open 100
    later are_unbroken

# The remote side, in TIME-WAIT or not, takes each SYN at once: two pods, either side ends, with and without timestamps.
scenario "short connections through few ports retransmit nothing" only=bpf # R12
    masqd starts with nat-port-range=20000-20099
    for sysctls in "1 1" "1 0" "0 1" "0 0"; do
        read -r timestamps reuse <<<"$sysctls"
        for who in pod1 pod2 world; do sysctl_in $who "net.ipv4.tcp_timestamps=$timestamps" "net.ipv4.tcp_tw_reuse=$reuse"; done
        for who in pod1 pod2 pod1; do
            "$who" converses 150 times with world 7001 --remote-ends
            "$who" converses 150 times with world 7002
        done
    done
    nothing_was_sent_again

# 5,000 connections and 10,000 questions a second for two minutes; 57,000 of one kind would fill conntrack's ports.
scenario "ports come back at a steady rate for two minutes" only=bpf serial long limit=300
    world serves_many 53
    masqd starts with nat-max-mappings=262144
    for who in pod1 pod2; do
        sysctl_in $who net.ipv4.ip_local_port_range="1024 65000" net.ipv4.tcp_tw_reuse=1
        $who begins converse 300000 times with world 7000 at 2500 as connections_of_$who
        $who begins question 600000 times with world 53 at 5000 as questions_of_$who
    done
    for who in pod1 pod2; do
        connections_of_$who is_done
        questions_of_$who is_done
    done

scenario "one pod cannot take every port toward a server" only=bpf # R17
    masqd starts with nat-port-range=20000-20999
    same  500 "$(pod1 talks to world 7000 over 1500)" "flows of the first pod: half of the ports"
    same  200 "$(pod2 talks to world 7000 over 200)" "flows of the second pod"
    dropped_for port_share 1000

scenario "answered DNS questions release their ports" only=bpf
    world serves udp 53
    masqd starts with nat-port-range=20000-20003
    for _ in {1..20}; do
        pod1  asks world 53
        pod2  asks world 53
    done
