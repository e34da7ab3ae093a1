# SPDX-License-Identifier: Apache-2.0
# Who uses how much: `masq top`, and the lines of `masq status` for those who are at a limit.
# Limits for pods are of bpf only; the others have conntrack's maximum.
# datapaths: bpf nftables
# families: ipv4

world serves tcp 80
world serves udp 5300

top_says() { # EXPRESSION VALUE: of `masq top -o json`
  local value
  value=$(masq top -o json | /usr/bin/python3 -c 'import json, sys; top = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1") ||
    fail "masq top -o json"
  same "$2" "$value" "$1"
}
on_a_terminal() { # OPTIONS... -- WORDS...: masq WORDS on a terminal of its own
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  in_node "$support/terminal.py" "${options[@]}" -- "$bin/masq" --socket-path "$socket" --bpf-root "$bpf_root" "$@"
}

scenario "top counts the mappings and ports of pods and destinations" only=bpf family=ipv4,ipv6
    masqd starts with nat-port-range=20000-20019 nat-max-mappings=100 nat-max-mappings-per-pod=20
    a_crowd pod1 udp 6 world as crowd
    a_crowd pod2 udp 3 elsewhere as others
    top_says "[(pod['pod'], pod['mappings'], pod['ports']) for pod in top['pods']]" \
        "[('${address[pod1]}', 6, 6), ('${address[pod2]}', 3, 3)]"
    top_says "[(one['protocol'], one['address'], one['port'], one['external'], one['ports']) for one in top['destinations']]" \
        "[('UDP', '${address[world]}', 5300, '${address[node]}', 6), ('UDP', '${address[elsewhere]}', 5300, '${address[node]}', 3)]"
    top_says "(top['limits']['mappings'], top['limits']['mappingsPerPod'], top['limits']['ports'])" "(100, 20, 20)"
    table=$(masq top --once)
    [[ $(grep -F "${address[pod1]} " <<<"$table") =~ ^"${address[pod1]}"\ +6\ +30\.0%\ +6$ ]] || fail "$table"
    [[ $(grep -F "$(at world 5300)" <<<"$table") =~ ^"UDP $(at world 5300)"\ +6\ +30\.0%\ +"${address[node]}"$ ]] || fail "$table"
    same  "$table" "$(masq top)" "without a terminal"
    lacks "${address[pod2]}" "$(masq top --rows 1)"
    masqd is_killed
    contains "${address[pod1]}" "$(masq top --once)"
    crowd leaves
    others leaves

scenario "top restores the terminal after a live display"
    masqd starts
    pod1  chats with world as talk
    on_a_terminal --expect "${address[pod1]}" --keys q -- top >/dev/null
    on_a_terminal --expect "${address[pod1]}" --screens 2 --keys q -- top >/dev/null
    on_a_terminal --expect "${address[pod1]}" --stop --keys q -- top >/dev/null
    for signal in INT TERM HUP QUIT; do
        on_a_terminal --expect "${address[pod1]}" --signal "$signal" -- top >/dev/null
    done
    on_a_terminal --expect POD --size 5x40 --keys q -- top >/dev/null
    talk  is_unbroken

scenario "top fails without a table, also on a terminal" family=ipv4
    not   masq top --once
    contains "nothing of masq is pinned" "$(masq top --once 2>&1 || true)"
    contains "nothing of masq is pinned" "$(words_of on_a_terminal --expect POD -- top)"
    status=0
    said=$(masq top --rows none 2>&1) || status=$?
    same  2 "$status" "exit"
    contains none "$said"

scenario "status names pods at their limit and the fullest destination" only=bpf
    masqd starts with nat-port-range=20000-20009 nat-max-mappings-per-pod=4
    pod1  reaches world as node over udp
    status_shows "Pods at limit:  none"
    patience=0.5 a_crowd pod1 udp 6 elsewhere as crowd
    status_shows "Pods at limit:  ${address[pod1]}: 4 of 4 mappings"
    status_shows "Fullest:        UDP $(at elsewhere 5300) from ${address[node]}: 3 of 10 ports"
    status_says "['usage']['podsAtLimit']" 1
    status_says "['usage']['pods'][0]['pod']" "${address[pod1]}"
    status_says "['usage']['fullestDestination']['ports']" 3
    masq status --brief
    crowd leaves

scenario "without bpf, top shows conntrack's maximum" only=nftables,iptables
    masqd starts
    a_crowd pod1 udp 6 world as crowd
    maximum=$(inside node sysctl -n net.netfilter.nf_conntrack_max)
    top_says "(top['limits']['mappings'], top['limits']['mappingsPerPod'])" "($maximum, 0)"
    top_says "[(pod['pod'], pod['mappings']) for pod in top['pods']]" "[('${address[pod1]}', 6)]"
    [[ $(masq top --once | grep -F "${address[pod1]} ") =~ ^"${address[pod1]}"\ +6\ +-\ +6$ ]] || fail "$(masq top --once)"
    crowd leaves
