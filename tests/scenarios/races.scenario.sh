# SPDX-License-Identifier: Apache-2.0
# First packets that come at the same moment, on two CPUs. Packet tests do the same in far larger numbers.
# Only bpf: netfilter loses some of them (docs/behaviour.md).
# datapaths: bpf

# What is made of TCP's segments sent again, everywhere.
no_segment_was_sent_again() {
    local who
    for who in pod1 pod2 world; do same 0 "$(snmp "$who" Tcp RetransSegs)" "segments sent again by $who"; done
}

scenario "twenty thousand datagram pairs create one mapping each, without loss" only=bpf serial # R4
    table_size=131072
    masqd starts
    world serves_many 7000 2
    pod1  sends_pairs 20000 to world 7000
    within 6 mappings_number 20000

scenario "a million datagram pairs create one mapping each, without loss" only=bpf long serial # R4
    masqd starts with nat-max-mappings=1200000 nat-max-mappings-per-pod=1200000 nat-timeout-udp=1h
    world serves_many 7000 100
    pod1  sends_pairs 1000000 to world 7000
    within 10 mappings_number 1000000

scenario "simultaneous connections from equal ports cause no retransmission" only=bpf serial # R3, R5
    table_size=16384
    masqd starts
    world serves_many 7000
    pod1  opens_many 1000 with world 7000 as ones from 20000
    pod2  opens_many 1000 with world 7000 as others from 20000
    ones   are_open 1000
    others are_open 1000
    no_segment_was_sent_again
    mappings_number 2000
    ones   are_unbroken
    others are_unbroken
