# SPDX-License-Identifier: Apache-2.0
# Limits hold, with and without the agent, and nothing that is refused leaks.
# Only bpf: limits and timeouts are conntrack's with the others (its sysctls), and netfilter gives up before the last port.
# datapaths: bpf

world serves tcp 80
world serves udp 5300

# ICMP errors "destination unreachable" that have come in.
refusals_heard() { # WHO
    if [ "$family" = ipv4 ]; then snmp "$1" Icmp InDestUnreachs; return; fi
    inside "$1" awk '$1 == "Icmp6InDestUnreachs" { print $2 }' /proc/net/snmp6
}

scenario "a pod gets at most half of the table" only=bpf # R15, R17
    masqd starts with nat-max-mappings=16 nat-max-mappings-per-pod=16
    pod1  chats with world as talk
    patience=0.5 a_crowd pod1 udp 40 world as crowd
    crowd was_answered 7
    mappings_number 8
    dropped_for pod_limit 33
    talk  goes_on
    pod2  reaches world as node
    talk  is_unbroken
    crowd leaves

scenario "the pod limit refuses new connections of that pod only" only=bpf # R17
    masqd starts with nat-max-mappings-per-pod=4
    pod1  chats with world as talk
    patience=0.5 a_crowd pod1 udp 10 world as crowd
    crowd was_answered 3
    dropped_for pod_limit 7
    talk  goes_on
    patience=0.5 a_crowd pod2 udp 4 world as others
    others was_answered 4
    talk  is_unbroken

scenario "every port of a small port range is used" only=bpf # R2, R7
    for last in 20000 20001 20002; do
        masqd starts with "nat-port-range=20000-$last"
        count=$((last - 20000 + 1))
        patience=0.5 a_crowd pod1 udp $((count + 1)) world as "crowd$count"
        patience=0.5 a_crowd pod2 udp $((count + 1)) world as "others$count"
        "crowd$count" was_answered $(((count + 1) / 2)) # the rest is for other pods
        "others$count" was_answered $((count / 2))
        dropped_for port_share 1
        same  "$(seq -s ' ' 20000 "$last")" \
            "$(masq bpf nat list | sed -n 's/.*XLATE_SRC [^ ]*:\([0-9]*\) .*/\1/p' | sort | xargs)" "ports in use"
        pod2  reaches elsewhere as node over udp
        masqd is_terminated
        in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    done

# R1: the kernel of the pod hears of it, and its program need not wait for a timeout.
scenario "a pod learns at once that its connection was refused" only=bpf serial
    masqd starts with nat-port-range=20000-20000
    pod1  chats with world as talk
    started=$(now_ms)
    said=$(patience=10; inside pod2 "$peer" ask tcp "${address[world]}" 80 --timeout 10 2>&1) && fail "the world answered"
    [ $(($(now_ms) - started)) -lt 2000 ] || fail "it took $(($(now_ms) - started)) ms: $said"
    if [ "$family" = ipv4 ]; then contains "No route to host" "$said"; else contains "Permission denied" "$said"; fi
    dropped_for no_free_port 1
    talk  is_unbroken

# All of it is allocated then: 104 octets for each IPv4 mapping, and IPv6 is as small as can be.
scenario "masqd logs the memory of a new table" only=bpf family=ipv4
    said_memory() { sed -n 's/.*their maps have \([0-9]*\) MB of memory.*/\1/p' "$agent_log" | tail -n 1; }
    masqd starts with nat-max-mappings=100000 enable-ipv6-masquerade=false
    small=$(said_memory)
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    masqd starts with nat-max-mappings=1000000 enable-ipv6-masquerade=false
    more=$(($(said_memory) - small))
    [ "$more" -ge 90 ] && [ "$more" -le 105 ] || fail "$small MB, and $more more"

# 64 a tick of 134 ms, in both families; two ticks more than were measured may have had a part.
scenario "ICMP errors for refused connections are rate-limited" only=bpf serial # R1
    table_size=131072
    masqd starts with nat-port-range=20000-20000
    pod1  chats with world as talk
    started=$(now_ms)
    inside pod2 "$support/raw.py" "${address[pod2]}" "${address[world]}" tcp-syn --from-port 2000 --count 20000
    ticks=$((($(now_ms) - started) / 134 + 2))
    dropped_for no_free_port 20000
    told=$(refusals_heard pod2)
    [ "$told" -ge 64 ] && [ "$told" -le $((64 * ticks)) ] || fail "$told in $ticks ticks"
    talk  is_unbroken

scenario "widening a full port range takes effect at once" only=bpf # R2
    masqd starts with nat-port-range=20000-20000
    pod1  reaches world as node over udp
    pod2  cannot_reach world over udp
    masqd is_terminated
    masqd starts with nat-port-range=20000-20001
    pod2  reaches world as node over udp

scenario "ports used toward one destination are free toward another" # R1
    masqd starts with nat-port-range=20000-20009
    a_crowd pod1 udp 5 world as first
    a_crowd pod2 udp 3 world as second
    a_crowd pod1 udp 5 elsewhere as third
    a_crowd pod2 udp 3 elsewhere as fourth
    first  was_answered 5
    second was_answered 3
    third  was_answered 5
    fourth was_answered 3
    mappings_number 16

scenario "an idle mapping expires and releases its port" only=bpf # R1, R23
    masqd starts with nat-timeout-udp=2s nat-port-range=20000-20000
    pod1  reaches world as node over udp
    pod2  cannot_reach world over udp
    within 6 mappings_number 0
    pod2  reaches world as node over udp

scenario "mappings expire while masqd is stopped" only=bpf # R21
    masqd starts with nat-timeout-udp=2s nat-port-range=20000-20000
    pod1  reaches world as node over udp
    masqd is_killed
    within 6 mappings_number 0
    pod2  reaches world as node over udp

scenario "a closed connection expires before an open one" only=bpf # R23
    masqd starts with nat-timeout-tcp-transitory=2s
    pod1  chats with world as talk
    pod2  connects to world 80
    within 8 mappings_number 1
    talk  goes_on
    talk  is_unbroken

scenario "a port range of NodePorts only is rejected"
    agent_flags with nat-port-range=30000-30010
    start_agent
    within 3 grep -q nat-port-range "$agent_log"
    agent=
