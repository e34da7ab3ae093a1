# SPDX-License-Identifier: Apache-2.0
# `masq monitor`: what happens in the kernel, while it happens; and what it costs.
# datapaths: bpf nftables iptables
# families: ipv4

world serves tcp 80
world serves udp 5300

# watching NAME [OPTION...]: a `masq monitor` of this name, whose lines come to $work/NAME.out. It says nothing before the
# first event, so its lease is what is waited for.
watching() {
    local name=$1; shift
    background node "$name" "${clean_environment[@]}" "$bin/masq" --bpf-root "$bpf_root" monitor "$@"
    within 15 somebody_watches "$name"
}
somebody_watches() {
    process_runs "$(cat "$work/$1.pid")"
    not lease_is_over
}
process_runs() { kill -0 "$1" 2>/dev/null || fail "process $1 has ended"; }
event_map() { echo "$bpf_root"/masq/maps/v*/"$1"; }
# The first word of the map is the tick up to which somebody watches. The time is taken first: on a busy machine it is
# late by the time that the map is read.
lease_is_over() {
    local now until
    now=$(awk '{ printf "%d", $1 * 1000000000 / 2 ^ 27 }' /proc/uptime)
    until=$("$bpftool" -j map lookup pinned "$(event_map monitor)" key 0 0 0 0 |
        python3 -c 'import json, sys
print(int.from_bytes(bytes(int(byte, 16) for byte in json.load(sys.stdin)["value"][:4]), "little"))')
    [ "$until" -le "$now" ] || fail "the lease goes on"
}
says() { grep -qF -- "$2" "$work/$1.out" || fail "$1 does not say '$2': $(tail -n 5 "$work/$1.out")"; }
says_like() { grep -qE -- "$2" "$work/$1.out" || fail "$1 says nothing like '$2': $(tail -n 5 "$work/$1.out")"; }
never_says() { ! grep -F -- "$2" "$work/$1.out" || fail "$1 says that"; }
stops() { kill "$(cat "$work/$1.pid")"; wait "$(cat "$work/$1.pid")"; }
bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
# drops WHO TIMES [FROM_PORT]: packets of WHO that cannot be masqueraded.
drops() { inside "$1" "$support/raw.py" "${address[$1]}" "${address[world]}" tcp-rst --times "$2" --from-port "${3:-20000}"; }

# listening NAME [OPTION...]: a `masq monitor` that masqd serves, if there is one. attending: it has shown an event.
listening() {
    local name=$1; shift
    background node "$name" "${clean_environment[@]}" "$bin/masq" --socket-path "$socket" --bpf-root "$bpf_root" monitor "$@"
}
attending() {
    listening "$1"
    within 15 shows_a_connection_from "$1" pod2
}
shows_a_connection_from() {
    process_runs "$(cat "$work/$1.pid")"
    "$2"  asks world 5300
    says_like "$1" "created UDP $(literal "${address[$2]}").* -> .*:5300 XLATE_SRC "
}
shows_an_end() {
    pod2  asks world 5300
    masq  bpf nat flush --pod "${address[pod2]}" >/dev/null
    says_like "$1" "ended   UDP .*$(literal "${address[pod2]}")"
}
literal() { echo "\\[?${1//./\\.}"; }

scenario "monitor prints created and ended mappings and drops" only=bpf family=ipv4,ipv6
    masqd starts with nat-timeout-udp=2s
    watching all
    pod1  asks world 5300 from 20001
    within 15 says all "created UDP $(at pod1 20001) -> $(at world 5300) XLATE_SRC $(at node 20001)"
    drops pod1 1
    within 15 says all "drop    TCP $(at pod1 20000) -> $(at world 80) egress no_mapping"
    within 10 says all "ended   UDP $(at pod1 20001) -> $(at world 5300) XLATE_SRC $(at node 20001) state=established"
    stops all

scenario "monitor served by masqd prints created and ended mappings" family=ipv4,ipv6
    masqd starts
    attending all
    pod1  asks world 5300 from 20001
    within 15 says all "created UDP $(at pod1 20001) -> $(at world 5300) XLATE_SRC $(at node 20001)"
    masq  bpf nat flush --pod "${address[pod1]}"
    within 15 says all "ended   UDP $(at pod1 20001) -> $(at world 5300) XLATE_SRC $(at node 20001) state=established"
    stops all

scenario "several monitors print all events, across restarts of masqd"
    masqd starts
    attending first
    attending second
    listening third --type ended
    within 15 shows_an_end third
    pod1  asks world 5300 from 20001
    within 15 says first "created UDP $(at pod1 20001)"
    within 15 says second "created UDP $(at pod1 20001)"
    never_says third made
    masqd is_restarted
    within 15 shows_a_connection_from first pod1
    within 15 shows_a_connection_from second pod1
    stops first
    pod1  asks world 5300 from 20002
    within 15 says second "created UDP $(at pod1 20002)"
    stops second
    stops third

scenario "without masqd, monitor reads conntrack" only=nftables,iptables
    masqd starts
    masqd is_terminated
    attending all
    pod1  asks world 5300 from 20001
    within 15 says all "created UDP $(at pod1 20001)"
    stops all

scenario "monitor reports that netfilter records no drops" only=nftables,iptables
    masqd starts
    contains "records no dropped packets" "$(words_of masq monitor --type drop)"
    masqd is_terminated
    contains "records no dropped packets" "$(words_of masq monitor --type drop)"

scenario "monitor filters by type and pod, and prints JSON lines" only=bpf
    masqd starts
    watching chosen --type drop --pod "${address[pod2]}" -o json
    pod2  asks world 5300 from 20001
    drops pod1 1
    drops pod2 1
    within 15 says chosen '"reason":"no_mapping"'
    stops chosen
    same  "drop ${address[pod2]} 20000 ${address[world]} 80 egress" "$(python3 -c 'import json, sys
for line in sys.stdin:
    e = json.loads(line)
    print(e["type"], e["pod"]["address"], e["pod"]["port"], e["remote"]["address"], e["remote"]["port"], e["direction"])' \
        <"$work/chosen.out")"

scenario "without masqd, monitor reads the BPF events" only=bpf
    masqd starts
    masqd is_killed
    watching all
    pod1  asks world 5300 from 20001
    within 15 says all "created UDP $(at pod1 20001)"
    stops all

scenario "without a monitor the programs write no events" only=bpf
    masqd starts
    watching first
    drops pod1 1
    within 15 says first no_mapping
    kill -KILL "$(cat "$work/first.pid")"
    within 15 lease_is_over
    drops pod1 5000 20001
    watching second
    drops pod2 1
    within 15 says second "drop    TCP $(at pod2 20000)"
    never_says second "$(at pod1 20001)"
    never_says second "were not recorded"
    stops second

# R98: the counter is exact, the lines are few, and masqd does little for them.
scenario "monitor summarises a flood of drops and hides no mapping" only=bpf serial
    masqd starts
    attending all
    before=$(awk '{ print $14 + $15 }' "/proc/$agent/stat")
    drops pod1 200000
    pod2  asks world 5300 from 20001
    within 15 says all "created UDP $(at pod2 20001)"
    used=$(($(awk '{ print $14 + $15 }' "/proc/$agent/stat") - before))
    [ "$used" -le 50 ] || fail "masqd used $used hundredths of a second"
    within 15 dropped_for no_mapping 200000
    not dropped_for no_mapping 200001
    within 15 says_like all "\\.\\.\\. [0-9]+ more: drop no_mapping"
    within 15 says_like all "\\.\\.\\. [0-9]+ events were not recorded"
    stops all
    lines=$(wc -l <"$work/all.out")
    [ "$lines" -lt 3000 ] || fail "monitor printed $lines lines"

scenario "monitor reports that older programs write no events" only=bpf family=ipv4
    masqd starts
    masqd is_terminated
    rm "$(event_map events)" "$(event_map monitor)"
    contains "the programs in the kernel write no events" "$(words_of masq monitor)"
    pod1  asks world 5300 from 20001
    masqd starts
    nat_lists ":20001"
    watching all
    drops pod1 1
    within 15 says all no_mapping
    stops all
