# SPDX-License-Identifier: Apache-2.0
# Uplinks: found, named, and followed within a second as they come, change and go.
# datapaths: bpf

# bpffs knows no dots: they are written as in URLs.
pin_of() { local name=${1//%/%25}; echo "${name//./%2e}"; }
ports_of() { awk '{ print $2, $6 }'; }
has_no_connection() { same 0 "$(inside "$1" ss -Htn state established | wc -l)" "connections of $1"; }
world serves tcp 80

scenario "masqd finds all uplinks, and no container bridge"
    ip -n node link add docker0 type bridge
    ip_in node link set docker0 up
    give node docker0 "$([ "$family" = ipv4 ] && echo 172.17.0.1/16 || echo fd17::1/64)"
    node_gets_a_second_uplink
    masqd starts
    uplinks_are eth0 eth1
    pod1  reaches world as node
    pod1  reaches beyond-east as node-east

scenario "only devices in the option devices are uplinks"
    pods_may_show_at beyond-east
    node_gets_a_second_uplink
    masqd starts with devices=eth0
    uplinks_are eth0
    pod1  reaches world as node
    pod1  cannot_reach beyond-east

scenario "a device name with + matches every suffix"
    masqd starts with devices=eth+
    uplinks_are eth0
    node_gets_a_second_uplink eth1
    within 1 uplinks_are eth0 eth1
    within 1 pod1 reaches beyond-east as node-east

scenario "a named device becomes an uplink when it appears"
    agent_flags with devices=eth0,eth1
    start_agent
    eventually status_shows "devices: eth1: no such device"
    eventually uplinks_are eth0
    pod1  reaches world as node
    node_gets_a_second_uplink eth1
    within 1 uplinks_are eth0 eth1
    within 1 pod1 reaches beyond-east as node-east

scenario "a new device becomes an uplink within a second"
    masqd starts
    node_gets_a_second_uplink eth1
    within 1 uplinks_are eth0 eth1
    within 1 pod1 reaches beyond-east as node-east

scenario "the deletion of an uplink disturbs no other uplink"
    node_gets_a_second_uplink
    masqd starts
    pod1  chats with world as talk
    pod1  reaches beyond-east as node-east
    ip_in node link delete eth1
    within 1 uplinks_are eth0
    not   exists "$bpf_root/masq/links/eth1"
    masq status --brief
    talk  goes_on
    node_gets_a_second_uplink
    within 1 uplinks_are eth0 eth1
    within 1 pod1 reaches beyond-east as node-east
    talk  is_unbroken

scenario "a renamed uplink remains an uplink"
    node_gets_a_second_uplink
    masqd starts
    ip_in node link set eth1 down
    ip_in node link set eth1 name wan1
    ip_in node link set wan1 up
    [ "$family" = ipv4 ] || give node wan1 "${address[node-east]}/$link"
    ip_in node route add "${address[beyond-east]}/$host" via "${address[east]}"
    within 1 uplinks_are eth0 wan1
    within 1 pod1 reaches beyond-east as node-east
    on bpf exists "$bpf_root/masq/links/wan1/egress"

scenario "uplink names with dots, dashes or 15 letters are supported"
    masqd starts
    for name in a.b a-b uplink-of-15-ch ü.1; do
        node_gets_a_second_uplink "$name"
        # shellcheck disable=SC2046
        within 1 uplinks_are $(printf '%s\n' "$name" eth0 | LC_ALL=C sort)
        on bpf exists "$bpf_root/masq/links/$(pin_of "$name")/egress"
        pod1  reaches beyond-east as node-east
        ip_in node link delete "$name"
        within 1 uplinks_are eth0
    done

scenario "new connections use a changed address within a second"
    sysctl_in node net.ipv4.conf.eth0.promote_secondaries=1
    masqd starts
    pod1  reaches world as node
    give  node eth0 "${address[node-new]}/$link"
    ip_in node address delete "${address[node]}/$link" dev eth0
    within 1 pod1 reaches world as node-new
    pod2  reaches world as node-new

scenario "established connections are reset when the address is replaced" only=bpf # R29
    sysctl_in node net.ipv4.conf.eth0.promote_secondaries=1
    masqd starts
    pod1  chats with world as talk
    a_crowd pod2 tcp 20 world as idle
    idle  was_answered 20
    give  node eth0 "${address[node-new]}/$link"
    ip_in node address delete "${address[node]}/$link" dev eth0
    within 1 has_no_connection pod1
    within 1 has_no_connection pod2
    talk  breaks
    grep -q "reset by peer" "$work/talk.out"
    pod1  reaches world as node-new

scenario "connections pause while their address is missing, then resume" only=bpf # R35
    masqd starts with devices=eth0
    pod1  chats with world as talk
    pod2  chats with world as other
    masq bpf nat list | sort >"$work/before"
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node route replace "${address[router]}/$host" dev eth0
    ip_in node route replace default via "${address[router]}"
    within 1 status_shows "${address[node]} is unavailable: its connections wait" # provokes address_away
    world_watches_for node
    within 5 has_dropped address_unavailable 6
    world_saw_nothing_more
    give  node eth0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    talk  goes_on
    other goes_on
    same "$(ports_of <"$work/before")" "$(masq bpf nat list | sort | ports_of)" "external ports"
    within 1 status_hides "is unavailable"
    talk  is_unbroken
    other is_unbroken

scenario "an additional address changes neither established nor new connections"
    masqd starts
    pod1  chats with world as talk
    give_also node eth0 "${address[node-second]}/$link"
    throughout 1 pod1 reaches world as node
    ip_in node address delete "${address[node-second]}/$link" dev eth0
    throughout 1 pod1 reaches world as node
    talk  is_unbroken

scenario "connections survive a short loss of the external address"
    masqd starts
    pod1  chats with world as talk
    ip_in node address delete "${address[node]}/$link" dev eth0
    within 1 status_is_not_ok
    give  node eth0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    within 1 pod2 reaches world as node
    talk  goes_on
    talk  is_unbroken

scenario "a named uplink without an address drops packets"
    masqd starts with devices=eth0
    pod1  reaches world as node
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node route replace "${address[router]}/$host" dev eth0
    ip_in node route replace default via "${address[router]}"
    within 1 status_says "['masquerading']['devices'][0].get('$family')" None
    pod1  cannot_reach world
    give  node eth0 "${address[node]}/$link"
    within 1 pod1 reaches world as node

scenario "nothing leaks while an uplink loses and regains its address"
    masqd starts
    background pod1 stream ping -q -n -i 0.002 -c 1000 "${address[world]}"
    for round in $(seq 10); do
        ip_in node address delete "${address[node]}/$link" dev eth0
        sleep 0.1 # moments in which masqd acts and packets flow
        printf '%s\n' "address add ${address[node]}/$link dev eth0" "route replace default via ${address[router]}" |
            ip -n node -batch -
        sleep 0.1
    done
    within 10 process_ended "$(cat "$work/stream.pid")"
    within 1 pod1 reaches world as node

scenario "nothing leaks while an uplink goes down and up"
    masqd starts
    background pod1 stream ping -q -n -i 0.002 -c 1000 "${address[world]}"
    for round in $(seq 10); do
        ip_in node link set eth0 down
        sleep 0.1 # moments in which masqd acts and packets flow
        printf '%s\n' "link set eth0 up" "address replace ${address[node]}/$link dev eth0" \
            "route replace default via ${address[router]}" | ip -n node -batch -
        sleep 0.1
    done
    within 10 process_ended "$(cat "$work/stream.pid")"
    within 1 pod1 reaches world as node

scenario "masquerading resumes after an uplink flaps twenty times"
    masqd starts
    for round in $(seq 20); do
        ip_in node link set eth0 down
        ip_in node link set eth0 up
    done
    [ "$family" = ipv4 ] || give node eth0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    within 1 pod1 reaches world as node
    within 1 uplinks_are eth0

scenario "masqd starts without an uplink and uses a later one" serial
    ip_in node link set eth0 down
    agent_flags
    start_agent
    eventually exists "$socket"
    ip_in node link set eth0 up
    [ "$family" = ipv4 ] || give node eth0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    within 1 uplinks_are eth0
    pod1  reaches world as node

scenario "a bridge can be an uplink"
    ip -n node link add br0 type bridge
    ip_in node link set br0 up
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node link set eth0 master br0
    give  node br0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    masqd starts
    uplinks_are br0
    pod1  reaches world as node

scenario "a bridge becomes the uplink when an uplink joins it"
    masqd starts
    ip -n node link add br0 type bridge
    ip_in node link set br0 up
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node link set eth0 master br0
    give  node br0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    within 1 uplinks_are br0
    pod1  reaches world as node

scenario "masqd recovers after missing six hundred address events"
    masqd starts
    misses_address_changes 300
    within 2 uplinks_are eth0 eth1
    within 2 pod1 reaches beyond-east as node-east

scenario "created and deleted pods disturb no uplink and no connection"
    masqd starts
    pod1  chats with world as talk
    for round in $(seq 10); do
        ip -n node link add lxc9 type veth peer name lxc9peer
        ip_in node link set lxc9 up
        give node lxc9 "${address[gateway]}/$host"
        ip_in node link delete lxc9
    done
    uplinks_are eth0
    talk  is_unbroken
