# SPDX-License-Identifier: Apache-2.0
# Which datapath masquerades, and the change from one to another on a running node.
# Only bpf: what starts several datapaths itself, and so runs once.

world serves tcp 80
world serves udp 5300

only_this_one_is_left() {
    [ "$1" = bpf ] || not exists "$bpf_root/masq"
    [ "$1" = nftables ] || lacks "table inet masq" "$(inside node nft list tables)"
    [ "$1" = iptables ] || lacks MASQ- "$(inside node iptables-save; inside node ip6tables-save)"
}

# a_failing_change_to DATAPATH: masqd is started with it, and tries in vain.
a_failing_change_to() {
    agent_flags with "datapath=$1"
    start_agent
    within 10 grep -q "apply: " "$agent_log"
}
both_go_on() { talk goes_on; chatter goes_on; pod2 reaches world as node; pod2 reaches world as node over udp; }
# While a change is tried in earnest again and again, packets are dropped for moments.
patiently() { within 20 has_come_to "$1" $(($(progress "$1") + 3)); }
both_go_on_between_attempts() {
    patiently talk
    patiently chatter
    within 20 pod2 reaches world as node
    within 20 pod2 reaches world as node over udp
}
it_is_done_at_last() {
    eventually only_this_one_is_left "$1"
    eventually masq status --brief
    same  "${datapath_words[$1]}" "$(status_value "['masquerading']['mode']")"
    both_go_on
    talk  is_unbroken
    chatter is_unbroken
}
# The tools of iptables that write IPv6's rules, after IPv4's are there: $work/in_their_place is run instead, if it exists.
# The test that nothing is written in is passed, unless they are to refuse that too.
tools_can_be_broken() { # [even_for_tests]
    local tool spared='case " $* " in *" --test "*) ;; *)' done='esac'
    [ "${1:-}" != even_for_tests ] || spared='' done=''
    mkdir -p "$work/tools"
    for tool in ip6tables-nft-restore ip6tables-legacy-restore; do
        printf '#!/bin/sh\n%s [ ! -e %s ] || exec %s\n%s\nexec %s "$@"\n' "$spared" "$work/in_their_place" \
            "$work/in_their_place" "$done" "$(command -v "$tool")" >"$work/tools/$tool"
        chmod +x "$work/tools/$tool"
    done
    masqd_runs_under env PATH="$work/tools:$PATH"
}
tools_do() { printf '#!/bin/sh\n%s\n' "$1" >"$work/new"; chmod +x "$work/new"; mv "$work/new" "$work/in_their_place"; }

# As before 1.6.2: the help does not have it, and rules with it are refused.
iptables_is_without_random_fully() {
    local tool real
    mkdir -p "$work/tools"
    for tool in iptables-nft iptables-legacy; do
        real=$(command -v "$tool")
        printf '#!/bin/sh\n%s "$@" | sed "s/--random-fully//"\n' "$real" >"$work/tools/$tool"
    done
    for tool in {iptables,ip6tables}-{nft,legacy}-restore; do
        real=$(command -v "$tool")
        printf '#!/bin/bash\nrules=$(cat)\n[[ $rules != *--random-fully* ]] || { echo "unknown option --random-fully" >&2; exit 2; }
exec %s "$@" <<<"$rules"\n' "$real" >"$work/tools/$tool"
    done
    chmod +x "$work/tools/"*
    masqd_runs_under env PATH="$work/tools:$PATH"
}

# moves_through DATAPATH...: while a pod pings; the leak watcher sees every packet.
moves_through() {
    local next
    masqd starts
    pod1  keeps_pinging world as stream
    for next in "$@"; do
        masqd is_terminated
        masqd starts with "datapath=$next"
        same  "${datapath_words[$next]}" "$(status_value "['masquerading']['mode']")"
        only_this_one_is_left "$next"
        pod2  reaches world as node
        pod2  reaches world as node over udp
    done
    stream ends
}

# falls_back_to NAME: auto takes it because a right is missing. That is a problem, but everything is masqueraded.
falls_back_to() {
    agent_flags with datapath=auto
    start_agent
    within 5 status_shows "$1 (auto: not bpf (CAP_BPF is missing: it is needed to "
    status_is_not_ok
    status_shows "datapath: auto could not take bpf: CAP_BPF is missing" # provokes datapath_fallback
    pod1  reaches world as node
    pod2  reaches world as node over udp
}

scenario "changes among bpf, nftables and iptables leak nothing" only=bpf
    moves_through nftables iptables nftables bpf

scenario "changes from bpf to iptables and back leak nothing" only=bpf
    moves_through iptables bpf

scenario "live connections survive a change from bpf to another datapath" only=bpf
    masqd starts
    for next in nftables iptables; do
        pod1  chats with world as "busy-$next"
        pod2  downloads from world as "full-$next"
        a_crowd pod1 tcp 20 world as "idle-$next"
        masqd is_terminated
        masqd starts with "datapath=$next"
        "busy-$next" goes_on
        "busy-$next" is_unbroken
        "full-$next" is_unbroken
        [ "$next" = iptables ] || { masqd is_terminated; masqd starts; }
    done

scenario "bpf continues while the start of nftables fails" only=bpf
    masqd starts
    pod1  chats with world as talk
    pod2  keeps_up 20 tcp with world as chatter
    masqd is_terminated
    mkfifo "$work/somebody"
    exec_inside node nft -i <"$work/somebody" >/dev/null 2>&1 &
    somebody=$!
    exec 7>"$work/somebody"
    echo 'add table inet masq-guard { flags owner; }' >&7
    table_is_theirs() { contains "table inet masq-guard" "$(inside node nft list tables)"; }
    eventually table_is_theirs
    a_failing_change_to nftables
    both_go_on
    kill  "$somebody"
    exec 7>&-
    it_is_done_at_last nftables

scenario "bpf loses no packet while iptables rejects the rules" only=bpf
    tools_can_be_broken even_for_tests
    masqd starts
    pod1  chats with world as talk
    pod2  keeps_up 20 tcp with world as chatter
    pod2  keeps_pinging world as flood
    masqd is_terminated
    tools_do "exit 1"
    a_failing_change_to iptables
    both_go_on
    flood lost_nothing
    rm    "$work/in_their_place"
    it_is_done_at_last iptables

scenario "bpf resumes when the start of iptables fails half-way" only=bpf
    tools_can_be_broken
    masqd starts
    pod1  chats with world as talk
    pod2  keeps_up 20 tcp with world as chatter
    masqd is_terminated
    tools_do "exit 1"
    a_failing_change_to iptables
    both_go_on_between_attempts
    lacks MASQ- "$(inside node iptables-save)"
    rm    "$work/in_their_place"
    it_is_done_at_last iptables

scenario "the next start repairs an interrupted change to iptables" only=bpf serial
    tools_can_be_broken
    masqd starts
    pod1  chats with world as talk
    pod2  keeps_up 20 tcp with world as chatter
    for next in iptables bpf; do
        masqd is_terminated
        tools_do 'kill -KILL $PPID'
        agent_flags with datapath=iptables
        start_agent
        within 10 agent_is_gone "$agent"
        tools_do "exit 1"
        if [ "$next" = bpf ]; then masqd starts; else a_failing_change_to iptables; fi
        both_go_on_between_attempts
    done
    masqd is_terminated
    rm    "$work/in_their_place"
    masqd starts with datapath=iptables
    it_is_done_at_last iptables

scenario "a change to bpf keeps the ports of live connections" only=nftables,iptables
    masqd starts with nat-port-range=20000-29999
    pod1  chats with world as talk from 20000
    pod2  chats with world as other from 20000
    pod1  keeps_up 20 tcp with world as chatter
    pod2  keeps_up 5 udp with world as questions patiently
    background pod2 flood ping -n -i 0.05 "${address[world]}"
    eventually grep -q "seq=3" "$work/flood.out"
    before=$(endpoints)
    masqd is_terminated
    masqd starts with datapath=bpf nat-port-range=20000-29999
    same  BPF "$(status_value "['masquerading']['mode']")"
    same  "" "$(comm -23 <(echo "$before") <(endpoints))" "mappings that are not what they were"
    for stream in talk other chatter questions; do $stream goes_on; done
    answers=$(wc -l <"$work/flood.out")
    the_ping_goes_on() { [ "$(wc -l <"$work/flood.out")" -gt $((answers + 3)) ]; }
    eventually the_ping_goes_on
    for stream in talk other chatter questions; do $stream is_unbroken; done

scenario "nftables and iptables continue while bpf cannot start" only=nftables,iptables
    masqd starts
    pod1  chats with world as talk
    pod2  keeps_up 20 tcp with world as chatter
    masqd is_terminated
    mkdir "$bpf_root"
    mount -t bpf none "$bpf_root"
    mkdir -p "$bpf_root/masq/maps/$schema/counters4" # the place of a map
    a_failing_change_to bpf
    both_go_on
    rmdir "$bpf_root/masq/maps/$schema/counters4"
    it_is_done_at_last bpf

scenario "exclusions survive a datapath change with an invalid ip-masq-agent file" only=bpf
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    masqd is_terminated
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    agent_flags with enable-ip-masq-agent datapath=nftables
    start_agent
    within 5 uplinks_are eth0
    ipmasq_lists office
    pod1  reaches office as pod1

scenario "auto selects bpf, and status shows the reason" only=bpf
    masqd starts with datapath=auto
    status_shows "BPF (auto: the first datapath that this machine supports)"

scenario "auto selects nftables if bpf does not support an option" only=bpf
    masqd starts with datapath=auto egress-masquerade-interfaces=eth+
    status_shows "nftables (auto: not bpf (egress-masquerade-interfaces is set))"
    pod1  reaches world as node

scenario "auto selects nftables if masqd may not load BPF programs" only=bpf
    masqd_runs_under setpriv --bounding-set=-bpf,-sys_admin,-perfmon
    falls_back_to nftables
    masqd is_terminated
    falls_back_to nftables

scenario "auto selects iptables if bpf and nftables are unavailable" only=bpf
    masqd_runs_under setpriv --bounding-set=-bpf,-sys_admin,-perfmon "$support/without.py"
    falls_back_to IPTables
    status_shows "not nftables ("
    masqd is_terminated
    falls_back_to IPTables

scenario "auto selects iptables if the program nft is missing" only=bpf
    mkdir "$work/tools"
    for tool in /usr/sbin/{ipset,iptables*,ip6tables*}; do ln -s "$tool" "$work/tools/"; done
    masqd_runs_under setpriv --bounding-set=-bpf,-sys_admin,-perfmon env PATH="$work/tools"
    falls_back_to IPTables
    status_shows "not nftables (nft: not found in PATH)"
    masqd is_terminated
    agent_flags with datapath=nftables
    same  "masqd: nft: not found in PATH" "$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1 >/dev/null || true)"

scenario "egress-masquerade-interfaces limits masquerading to the named devices" only=nftables,iptables
    pods_may_show_at beyond-east
    node_gets_a_second_uplink
    masqd starts with egress-masquerade-interfaces=eth0
    uplinks_are eth0
    pod1  reaches world as node
    pod1  cannot_reach beyond-east
    masqd is_terminated
    masqd starts with egress-masquerade-interfaces=eth+
    uplinks_are eth0 eth1
    pod1  reaches beyond-east as node-east
    masqd is_terminated
    masqd starts with egress-masquerade-interfaces=eth+ devices=eth1
    uplinks_are eth1

scenario "nftables and iptables reject mapping limits and timeouts" only=nftables,iptables family=ipv4
    for option in nat-max-mappings=1000 nat-max-mappings-per-pod=10 nat-timeout-udp=10s nat-timeout-tcp-established=1h; do
        masqd refuses "$option"
        contains "${option%%=*}" "$said"
        contains conntrack "$said"
    done

scenario "--cleanup removes the objects of every datapath" only=bpf
    pods_may_show_at world
    as_found() { inside node sh -c 'tc qdisc show; nft list ruleset; ipset list -n'; }
    before=$(as_found)
    for each in bpf nftables iptables; do
        masqd starts with "datapath=$each"
        pod1  reaches world as node
        masqd is_terminated
        in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
        same  "$before" "$(as_found)" "after $each"
    done
    pod1  cannot_reach world

scenario "--dry-run prints only the steps that are still needed" only=nftables,iptables
    pods_may_show_at world
    agent_flags with dry-run
    before=$(inside node nft list ruleset)
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>/dev/null)
    contains "steps:" "$said"
    contains "$datapath: " "$said"
    same  "$before" "$(inside node nft list ruleset)"
    masqd starts
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" --dry-run 2>/dev/null)
    lacks "inet masq:" "$said"
    lacks MASQ- "$said"

scenario "an old iptables works without --random-fully, and status reports it" only=iptables
    iptables_is_without_random_fully
    masqd starts with random-fully
    pod1  reaches world as node
    contains "has no --random-fully" "$(masq status)" # provokes iptables_variant
