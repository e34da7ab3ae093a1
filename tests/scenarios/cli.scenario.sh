# SPDX-License-Identifier: Apache-2.0
# What masq prints. Scripts rely on it word for word.
# Only bpf and once: what the programs say before any datapath has a word.
# datapaths: bpf
# families: ipv4

the_world_knows_the_pods
pods_may_show_at office
world serves tcp 80

scenario "status prints the masquerading line in Cilium's format" family=ipv4
    masqd starts
    line=$(masq status | grep '^Masquerading:')
    [[ $line =~ ^Masquerading:\ +$datapath_word\ +\[eth0\]\ +10\.0\.1\.0/24.*\[IPv4:\ Enabled,\ IPv6:\ (Enabled|Disabled)\]$ ]] || fail "$line"
    masqd is_terminated
    the_file_excludes office
    masqd starts with enable-ip-masq-agent ipv4-native-routing-cidr=10.0.0.0/16 enable-ipv6-masquerade=false
    line=$(masq status | grep '^Masquerading:')
    [[ $line =~ ^Masquerading:\ +$datapath_word\ \(ip-masq-agent\)\ +\[eth0\]\ +10\.0\.0\.0/16\ +\[IPv4:\ Enabled,\ IPv6:\ Disabled\]$ ]] || fail "$line"

scenario "status prints the masquerading state as JSON" family=ipv4
    the_file_excludes office
    masqd starts with enable-ip-masq-agent ipv4-native-routing-cidr=10.0.0.0/16 enable-ipv6-masquerade=false
    status_says "['masquerading']['enabled']" True
    status_says "['masquerading']['enabledProtocols']['ipv4']" True
    status_says "['masquerading']['enabledProtocols']['ipv6']" False
    status_says "['masquerading']['mode']" "$datapath_word"
    status_says "['masquerading']['ip-masq-agent']" True
    status_says "['masquerading']['snat-exclusion-cidr-v4']" 10.0.0.0/16
    status_says "['masquerading']['devices'][0]['name']" eth0
    status_says "['masquerading']['devices'][0]['ipv4']" 192.0.2.10
    status_says "['masquerading']['devices'][0]['ifindex']" "$(ip -n node -o link show eth0 | cut -d: -f1)"

scenario "status prints Disabled when both families are off" family=ipv4
    masqd starts with enable-ipv4-masquerade=false enable-ipv6-masquerade=false
    [[ $(masq status | grep '^Masquerading:') =~ ^Masquerading:\ +Disabled$ ]] || fail "$(masq status)"
    status_says "['masquerading']['enabled']" False

scenario "status --brief prints OK or the first problem" family=ipv4
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    same  OK "$(masq status --brief)"
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    within 1 not masq status --brief
    status=0
    said=$(masq status --brief 2>&1) || status=$?
    same  1 "$status" "exit"
    contains nonsense "$said"
    status=0
    masq status >/dev/null 2>&1 || status=$?
    same  1 "$status" "exit of the whole status"

scenario "status shows the table size and the drop reasons"
    # shellcheck disable=SC2046
    masqd starts $(on bpf echo with nat-max-mappings=1000)
    pod1  reaches world as node
    inside pod1 "$support/raw.py" "${address[pod1]}" "${address[world]}" tcp-rst --from-port 20000
    within 2 dropped_for no_mapping
    status_shows "no_mapping"
    on bpf status_shows "of 1000"

scenario "without masqd, status exits with 3 and names the socket" only=bpf family=ipv4
    status=0
    said=$(masq status 2>&1) || status=$?
    same  3 "$status" "exit"
    contains "$socket" "$said"

scenario "masq exits with 2 after a usage error" only=bpf family=ipv4
    for words in "stat" "bpf" "bpf nat" "bpf nat lost" "status --no-such-flag" "config check a b"; do
        status=0
        # shellcheck disable=SC2086
        masq $words >/dev/null 2>&1 || status=$?
        same  2 "$status" "exit of masq $words"
    done

scenario "nat list shows each mapping as one line" family=ipv4,ipv6
    masqd starts with nat-port-range=20000-29999
    pod1  chats with world as talk from 20001
    line=$(masq bpf nat list | grep :20001)
    [[ $line =~ ^"TCP $(at pod1 20001) -> $(at world 80) XLATE_SRC $(at node 20001) state=established age="[0-9]+s\ idle=[0-9]+s$ ]] || fail "$line"
    world serves udp 5300
    pod2  asks world 5300 from 20002
    nat_lists "UDP $(at pod2 20002) -> $(at world 5300) XLATE_SRC $(at node 20002)"
    world serves ping
    pod2  pings world from 77
    nat_lists "ICMP" "${address[pod2]}" "XLATE_SRC"
    talk  is_unbroken

scenario "nat list prints one JSON document" family=ipv4,ipv6
    masqd starts
    pod1  reaches world as node
    masq bpf nat list -o json | /usr/bin/python3 -c 'import json, sys; assert len(json.load(sys.stdin)) == 1'

scenario "ipmasq list is sorted and marks carve-outs" family=ipv4
    the_file_says "nonMasqueradeCIDRs: [fd00:1::/64, 172.16.0.0/12, 10.1.2.3/8, 9.0.0.0/8]
masqueradeCIDRs: [10.5.0.0/16]"
    masqd starts with enable-ip-masq-agent
    same "IP PREFIX/ADDRESS
9.0.0.0/8
10.0.0.0/8
10.5.0.0/16 masquerade
169.254.0.0/16
172.16.0.0/12
fd00:1::/64
fe80::/10" "$(masq bpf ipmasq list | sed 's/ \+masquerade/ masquerade/; s/\t/ /; s/ *$//')"
    same "$(masq bpf ipmasq list)" "$(masq bpf ipmasq ls)"
    masq bpf ipmasq list -o json | /usr/bin/python3 -m json.tool >/dev/null

scenario "an empty ipmasq list is reported on standard error"
    masqd starts
    same  "" "$(masq bpf ipmasq list 2>/dev/null | grep -v '^IP PREFIX/ADDRESS$' || true)"
    contains "No entries found." "$(masq bpf ipmasq list 2>&1 >/dev/null)"

scenario "nat list and ipmasq list work without masqd"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with world as talk
    masqd is_killed
    ipmasq_lists office
    nat_lists "${address[pod1]}" "${address[world]}" state=established
    talk  is_unbroken

scenario "config check validates an ip-masq-agent file and changes nothing" only=bpf family=ipv4
    the_file_says "nonMasqueradeCIDRs: [10.1.2.3/8]"
    said=$(masq config check "$agent_file" 2>&1) || fail "$said"
    contains 10.0.0.0/8 "$said"
    the_file_says "nonMasqueradeCIDRs:
- 10.0.0.0/8
- nonsense"
    status=0
    said=$(masq config check "$agent_file" 2>&1) || status=$?
    same  1 "$status" "exit"
    contains "line 3" "$said"
    contains nonsense "$said"
    not   exists "$bpf_root/masq"

scenario "config show names each option's value, source and cost" only=bpf family=ipv4
    shows() { grep -Eq "^$1\$" <<<"$(masq config show)" || fail "no line $1: $(masq config show)"; }
    printf 'nat-timeout-icmp: 90s\nlog-format: json\n' >"$work/masqd.yaml"
    masqd starts with "config=$work/masqd.yaml" nat-port-range=20000-29999
    shows 'nat-port-range +20000-29999 +flag --nat-port-range +program'
    shows "log-format +json +$work/masqd.yaml: line 2 +restart"
    shows 'ipv4-native-routing-cidr +\(the pod CIDRs\) +default +live'
    shows 'ipv4-pod-cidr +[^ ]+ +flag --ipv4-pod-cidr +live'
    printf 'nat-timeout-icmp: 91s\nlog-format: text\n' >"$work/masqd.yaml"
    kill  -HUP "$agent"
    within 2 shows 'log-format: "text" \(.*masqd.yaml: line 2\) needs a restart of masqd'
    shows "log-format +json +$work/masqd.yaml: line 2 +restart"
    shows "nat-timeout-icmp +91s +$work/masqd.yaml: line 1 +program"
    masq config show -o json | /usr/bin/python3 -m json.tool >/dev/null
    masqd is_killed
    status=0
    masq config show 2>/dev/null || status=$?
    same 3 "$status" "exit without masqd"

scenario "only root can use the agent's socket" only=bpf family=ipv4
    masqd starts
    [[ $(stat -c %a "$socket") =~ ^6[06]0$ ]] || fail "mode $(stat -c %a "$socket")"
    not   setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/masq" --socket-path "$socket" status

scenario "names with control characters reach no log and no terminal"
    esc=$'\e'
    evil="e${esc}[31m"
    ip -n node link add "$evil" type veth peer name other
    ip_in node link property add dev "$evil" altname $'two\nlines'"${esc}[2J" 2>/dev/null || true
    give node "$evil" "$([ "$family" = ipv4 ] && echo 192.0.2.200/32 || echo fd99::1/128)"
    ip_in node link set "$evil" up
    ip_in node link set other up
    mkdir -p "$work/keys"
    the_file_says "nonMasqueradeCIDRs: [\"10.0.0.0${esc}]0;title"$'\a'"\"]"
    agent_flags with enable-ip-masq-agent "devices=eth0 $evil missing${esc}[5m"
    start_agent
    within 5 status_shows "Masquerading:"
    within 3 status_is_not_ok
    is_plain() { ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' <<<"$2" || fail "$1: $(cat -v <<<"$2" | head -c 300)"; }
    status_shows 'e\u001b[31m'
    is_plain status "$(masq status 2>&1 || true)"
    is_plain brief "$(masq status --brief 2>&1 || true)"
    is_plain json "$(masq status -o json 2>&1 || true)"
    is_plain explain "$(masq explain "${address[pod1]}" "${address[world]}" 2>&1 || true)"
    is_plain check "$(masq config check "$agent_file" 2>&1 || true)"
    is_plain check-json "$(masq config check -o json "$agent_file" 2>&1 || true)"
    is_plain argument "$(masq explain "${esc}[2J" "${address[world]}" 2>&1 || true)"
    is_plain log "$(cat "$agent_log")"
    contains '\u001b' "$(cat "$agent_log")"
    is_plain dry-run "$(in_node "$bin/masqd" "${agent_arguments[@]}" --dry-run 2>&1 || true)"
    is_plain refused "$(in_node "$bin/masqd" --log-level "${esc}[2J" 2>&1 || true)"
