# SPDX-License-Identifier: Apache-2.0
# Which datapath masquerades, and the change from one to another on a running node.
# Only bpf: what starts several datapaths itself, and so runs once.

world serves tcp 80
world serves udp 53

only_this_one_is_left() {
    [ "$1" = bpf ] || not exists "$bpf_root/masq"
    [ "$1" = nftables ] || lacks "table inet masq" "$(inside node nft list tables)"
    [ "$1" = iptables ] || lacks MASQ- "$(inside node iptables-save; inside node ip6tables-save)"
}

scenario "from one datapath to another and back, nobody leaks and everybody gets out" only=bpf
    masqd starts
    background pod1 stream ping -q -n -i 0.005 -c 2000 "${address[world]}"
    for next in nftables iptables nftables bpf iptables bpf; do
        masqd is_terminated
        masqd starts with "datapath=$next"
        same  "${datapath_words[$next]}" "$(status_value "['masquerading']['mode']")"
        only_this_one_is_left "$next"
        pod2  reaches world as node
        pod2  reaches world as node over udp
    done
    within 20 process_ended "$(cat "$work/stream.pid")"

scenario "live connections go on when bpf gives way to another datapath" only=bpf
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

scenario "from nftables or iptables to bpf, live connections keep their ports" only=nftables,iptables
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

scenario "what the ip-masq-agent excluded stays so through a change of the datapath with a bad file" only=bpf
    the_world_knows_the_pods
    left_alone office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    masqd is_terminated
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    agent_flags with enable-ip-masq-agent datapath=nftables
    start_agent
    within 5 uplinks_are eth0
    ipmasq_lists office
    pod1  reaches office as pod1

scenario "auto takes bpf, and says so" only=bpf
    masqd starts with datapath=auto
    status_shows "BPF (auto: the first that this machine can run)"

scenario "auto takes nftables where bpf cannot be, and says why" only=bpf
    masqd starts with datapath=auto egress-masquerade-interfaces=eth+
    status_shows "nftables (auto: not bpf (egress-masquerade-interfaces is set))"
    pod1  reaches world as node

scenario "auto takes nftables where masqd may not load programs, and says so" only=bpf
    masqd_runs_under setpriv --bounding-set=-bpf,-sys_admin,-perfmon
    masqd starts with datapath=auto
    status_shows "nftables (auto: not bpf ("
    status_shows "not permitted"
    pod1  reaches world as node
    pod2  reaches world as node over udp
    masqd is_restarted
    pod1  reaches world as node

scenario "auto takes iptables where the kernel has neither, and says why" only=bpf
    masqd_runs_under setpriv --bounding-set=-bpf,-sys_admin,-perfmon "$support/without.py"
    masqd starts with datapath=auto
    status_shows "IPTables (auto: not bpf ("
    status_shows "not nftables ("
    pod1  reaches world as node
    pod2  reaches world as node over udp
    masqd is_restarted
    pod1  reaches world as node

scenario "egress-masquerade-interfaces names the devices on which alone is masqueraded" only=nftables,iptables
    left_alone beyond-east
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

scenario "what a datapath cannot do is refused with one line" only=nftables,iptables family=ipv4
    for option in nat-max-mappings=1000 nat-max-mappings-per-pod=10 nat-timeout-udp=10s nat-timeout-tcp-established=1h; do
        masqd refuses "$option"
        contains "${option%%=*}" "$said"
        contains conntrack "$said"
    done

scenario "--cleanup leaves nothing of any datapath" only=bpf
    left_alone world
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

scenario "--dry-run says what it would do, for every datapath" only=nftables,iptables
    left_alone world
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
