# SPDX-License-Identifier: Apache-2.0
# What `masq bpf nat` shows of the mappings, and which of them it ends.

world serves tcp 80
world serves udp 5300

# wrong_use VALUE WORDS...: masq ends with 2 and one line that names the value.
wrong_use() {
  local value=$1 status=0; shift
  said=$(masq "$@" 2>&1) || status=$?
  same 2 "$status" "exit of masq $*: $said"
  same 1 "$(wc -l <<<"$said")" "lines"
  contains "$value" "$said"
}

pods_talk() { # a TCP connection of pod1 and one of pod2, and a datagram of pod1
  pod1  chats with world as talk from 20001
  pod2  chats with elsewhere as other from 20002
  pod1  asks world 5300 from 20003
}

# A TCP connection whose mapping was ended: it breaks, or goes on under a new one when its port was free by then.
ends_somehow() { end_connection "$1" || true; }
udp_mappings() { same "$1" "$(masq bpf nat list --proto udp "${@:2}" | wc -l)" "UDP mappings ${*:2}"; }

scenario "nat list filters by pod, destination, protocol and state"
    masqd starts with nat-port-range=20000-29999
    pods_talk
    listed() { same "$1" "$(masq bpf nat list "${@:2}" | wc -l)" "mappings with ${*:2}"; }
    listed 3
    listed 2 --pod "${address[pod1]}"
    listed 3 --pod "${cidr[pods]}"
    listed 1 --dst "${address[elsewhere]}"
    listed 2 --dst "${cidr[world]}"
    listed 2 --proto tcp
    listed 1 --proto UDP
    listed 1 --proto 17
    listed 3 --state established
    listed 1 --proto udp --pod "${address[pod1]}" --dst "${address[world]}" --state established
    contains "No entries found." "$(masq bpf nat list --proto udp --pod "${address[pod2]}" 2>&1)"
    same  "[]" "$(masq bpf nat list --proto icmp -o json)"
    same  1 "$(masq bpf nat ls --pod "${address[pod2]}" -o json | /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')"

scenario "nat list rejects invalid arguments" family=ipv4
    masqd starts with nat-port-range=20000-29999
    pods_talk
    wrong_use nonsense bpf nat list --pod nonsense
    wrong_use 10.0.0.0/33 bpf nat list --dst 10.0.0.0/33
    wrong_use tpc bpf nat list --proto tpc
    wrong_use 256 bpf nat list --proto 256
    wrong_use open bpf nat list --state open
    wrong_use --pod bpf nat list --pod ""
    wrong_use extra bpf nat list extra

scenario "nat list prints twenty thousand mappings within a second" serial
    table_size=131072
    masqd starts with nat-port-range=1024-29999
    for port in 7 8; do # of the ports toward one endpoint, a pod gets half
        inside pod1 "$support/raw.py" "${address[pod1]}" "${address[elsewhere]}" udp --to-port $port --from-port 2000 --count 10000
    done
    begin=$(now_ms)
    same  20000 "$(masq bpf nat list --dst "${address[elsewhere]}" --state new | wc -l)" mappings
    (($(now_ms) - begin < 1000)) || fail "$(($(now_ms) - begin)) ms"

scenario "nat flush ends all mappings, and new connections work"
    node_may_reset # what is on its way back to an ended mapping meets the node
    masqd starts with nat-port-range=20000-29999
    pods_talk
    same  "3 mappings ended" "$(masq bpf nat flush)"
    udp_mappings 0
    ends_somehow talk
    ends_somehow other
    pod1  reaches world as node over udp from 20003
    pod2  reaches world as node from 20009
    masq bpf nat flush -o json | /usr/bin/python3 -c 'import json, sys; assert json.load(sys.stdin)["mappingsEnded"] >= 2'

scenario "nat flush --pod and --dst end only matching mappings"
    node_may_reset # what is on its way back to an ended mapping meets the node
    masqd starts with nat-port-range=20000-29999
    pods_talk
    pod2  asks elsewhere 5300 from 20005
    pod2  asks world 5300 from 20006
    same  "0 mappings ended" "$(masq bpf nat flush --pod "${address[gateway]}")"
    same  "0 mappings ended" "$(masq bpf nat flush --pod "${address[pod1]}" --dst "${address[elsewhere]}")"
    same  "2 mappings ended" "$(masq bpf nat flush --dst "${cidr[elsewhere]}")"
    udp_mappings 0 --dst "${address[elsewhere]}"
    udp_mappings 2 --dst "${address[world]}"
    talk  goes_on
    ends_somehow other
    same  "1 mapping ended" "$(masq bpf nat flush --pod "${address[pod2]}" --dst "${address[world]}")"
    udp_mappings 1
    talk  goes_on
    same  "2 mappings ended" "$(masq bpf nat flush --pod "${address[pod1]}")"
    udp_mappings 0
    ends_somehow talk

scenario "nat flush works without masqd"
    masqd starts
    pod1  reaches world as node over udp
    masqd is_killed
    udp_mappings 1
    same  "1 mapping ended" "$(masq bpf nat flush)"
    udp_mappings 0
    pod1  reaches world as node

scenario "nat flush --stale ends connections that contradict changed exclusions"
    node_may_reset # what is on its way back to an ended mapping meets the node
    pods_may_show_at world office
    the_world_knows_the_pods
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with world as talk
    pod1  chats with elsewhere as other
    pod2  chats with office as excluded
    same  "0 mappings ended" "$(masq bpf nat flush --stale)"
    the_file_excludes world
    within 1 ipmasq_lists world
    talk  goes_on
    excluded goes_on
    said=$(masq bpf nat flush --stale)
    same  "1 mapping ended
1 connection without masquerading will be decided again" "$said"
    other is_unbroken
    talk  breaks
    ends_somehow excluded # depending on who speaks next
    pod1  reaches world as pod1
    pod2  reaches office as node

scenario "nat flush --stale ends mappings with a former external address"
    node_may_reset # what is on its way back to an ended mapping meets the node
    give_also node eth0 "${address[node-second]}/$link"
    masqd starts with "masquerade-address=${address[node-second]}"
    pod1  chats with world as talk
    masqd is_terminated
    masqd starts
    same  "1 mapping ended" "$(masq bpf nat flush --stale)"
    talk  breaks

scenario "inbound connections survive nat flush"
    the_world_knows_the_pods
    pods_may_show_at "${address[router]}"
    masqd starts
    pod1  serves tcp 8080
    talk_port=8080
    world chats with pod1 as visit
    same  "0 mappings ended" "$(masq bpf nat flush)"
    visit is_unbroken

scenario "nat flush --stale fails without masqd" family=ipv4
    masqd starts
    pod1  chats with world as talk
    masqd is_killed
    status=0
    said=$(masq bpf nat flush --stale 2>&1) || status=$?
    same  3 "$status" "exit"
    contains "--stale: the agent is not reachable" "$said"
    talk  is_unbroken

scenario "nat flush with invalid arguments ends no mapping" family=ipv4
    masqd starts
    pod1  chats with world as talk
    wrong_use nonsense bpf nat flush --pod nonsense
    wrong_use --pod bpf nat flush --pod ""
    wrong_use 10.0.0.0/33 bpf nat flush --dst 10.0.0.0/33
    wrong_use extra bpf nat flush extra
    talk  is_unbroken
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root" >/dev/null
    status=0
    said=$(masq bpf nat flush 2>&1) || status=$?
    same  1 "$status" "exit"
    contains "nothing of masq is pinned" "$said"
