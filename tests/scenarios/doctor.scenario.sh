# SPDX-License-Identifier: Apache-2.0
# `masq doctor`: a sound node has no fault, and the remedy of a fault mends it. Each check alone: tests/unit/cli/doctor_test.cpp.
# `masq sysdump`: what a maintainer asks for.
# datapaths: bpf nftables

world serves tcp 80

doctor_is() { # EXIT
    local status=0
    report=$(masq doctor) || status=$?
    same "$1" "$status" "exit of masq doctor: $report"
}
# finds TEXT: a fault with this text, whose remedy is in $remedy.
finds() {
    doctor_is 1
    contains "fault" "$(grep -F "$1" <<<"$report" || fail "no '$1': $report")"
    remedy=$(grep -F -A1 "$1" <<<"$report" | sed -n 's/^ *mend: //p')
}
# The commands of a remedy: "A; B".
remedy_is_applied() { inside node bash -c "$remedy" || fail "$remedy"; }

scenario "doctor finds no fault on a sound node"
    masqd starts
    pod1  reaches world as node
    doctor_is 0
    contains "ok       uplinks" "$report"
    contains "25 checks, 0 with a fault" "$report"
    masq  doctor -o json | /usr/bin/python3 -m json.tool >/dev/null
    masqd is_killed
    finds "agent: the agent is not reachable"

scenario "doctor names a foreign chain that drops pods" # R25
    masqd starts
    inside node nft "add table inet theirs; add chain inet theirs way { type filter hook forward priority 5; policy drop; };
        add rule inet theirs way ct state established,related accept"
    before=$(inside node nft list table inet theirs)
    pod1  cannot_reach world
    finds "chain way of table inet theirs drops what no rule accepts"
    same  "$before" "$(inside node nft list table inet theirs)" "rules of others"
    remedy_is_applied
    pod1  reaches world as node
    doctor_is 0

scenario "doctor names a FORWARD policy of iptables that drops pods"
    tool=$([ "$family" = ipv4 ] && echo iptables || echo ip6tables)
    masqd starts
    inside node "$tool" -P FORWARD DROP
    pod1  cannot_reach world
    finds "chain FORWARD of table $([ "$family" = ipv4 ] && echo ip || echo ip6) filter"
    remedy_is_applied
    pod1  reaches world as node
    doctor_is 0

scenario "doctor names forwarding that is off, and its sysctl"
    masqd starts
    sysctl_in node net.ipv4.conf.eth0.forwarding=0
    [ "$family" = ipv4 ] || sysctl_in node net.ipv6.conf.all.forwarding=0
    within 2 finds "forwarding: "
    sysctl_in node net.ipv4.conf.eth0.forwarding=1 net.ipv6.conf.all.forwarding=1
    within 2 doctor_is 0

scenario "doctor names pods at their limit and present drops" only=bpf
    world serves udp 5300
    masqd starts with nat-max-mappings-per-pod=6
    a_crowd pod1 udp 6 world as crowd
    background pod1 flood "$many" question "${address[world]}" 7000 1000 --timeout 0.05
    finds "${address[pod1]} has 6 of 6 mappings"
    eventually finds "pod_limit: "
    contains "nat-max-mappings-per-pod" "$remedy"
    crowd leaves

scenario "sysdump makes one file for a maintainer, without secrets"
    echo "token: very-secret" >"$work/kubeconfig"
    agent_environment+=(PASSWORD=very-secret)
    masqd starts with enable-k8s=false "k8s-kubeconfig-path=$work/kubeconfig"
    pod1  reaches world as node
    masq  sysdump "$work/dump.tar" >/dev/null
    same  600 "$(stat -c %a "$work/dump.tar")" "mode"
    tar   -C "$work" -xf "$work/dump.tar"
    /usr/bin/python3 -m tarfile -t "$work/dump.tar" || fail "python cannot read it"
    parts=("$work"/masq-sysdump-*/)
    /usr/bin/python3 -m json.tool "${parts[0]}/agent/status.json" >/dev/null
    contains "${address[pod1]}" "$(cat "${parts[0]}/agent/mappings.txt")"
    contains "default via" "$(cat "${parts[0]}/node/routes-$family.txt")"
    contains "ok       uplinks" "$(cat "${parts[0]}/doctor.txt")"
    [[ $datapath != nftables ]] || contains "table inet masq" "$(cat "${parts[0]}/firewall/nftables.txt")"
    grep  -q "^agent/options.json: ok" "${parts[0]}/manifest.txt" || fail "$(cat "${parts[0]}/manifest.txt")"
    not   grep -raq "very-secret" "${parts[0]}"
    before=$(sha256sum <"$work/dump.tar")
    contains "File exists" "$(masq sysdump "$work/dump.tar" 2>&1 || true)"
    same  "$before" "$(sha256sum <"$work/dump.tar")" "a file that exists"
    masqd is_killed
    masq  sysdump "$work/without.tar" >/dev/null
