# SPDX-License-Identifier: Apache-2.0
# Other users of the same hooks: masq does not touch their objects, and they go on seeing the packets.
# Only bpf: tc and its qdiscs. Those who write firewall rules are in firewalls.scenario.sh.
# datapaths: bpf

world serves tcp 80

# A filter of somebody else on eth0, which mirrors everything to a cable of its own and so counts it.
somebody_counts() { # egress|ingress
    ip -n node link add "mirror-$1" type veth peer name "away-$1"
    ip_in node link set "mirror-$1" up
    ip_in node link set "away-$1" up
    inside node tc qdisc add dev eth0 clsact 2>/dev/null || true
    inside node tc filter add dev eth0 "$1" prio 49152 u32 match u32 0 0 action mirred egress mirror dev "mirror-$1"
}
counted() { inside node tc -s filter show dev eth0 "$1" | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p' | head -n 1; }
filters() { inside node tc filter show dev eth0 "$1" | sed 's/ installed .*//'; }

scenario "existing tc filters are unchanged and see all packets" only=bpf
    somebody_counts egress
    somebody_counts ingress
    before=$(filters egress; filters ingress)
    masqd starts
    same  "$before" "$(filters egress; filters ingress)"
    out=$(counted egress) in=$(counted ingress)
    pod1  reaches world as node
    [ "$(counted egress)" -gt "$out" ] || fail "the egress filter saw nothing"
    [ "$(counted ingress)" -gt "$in" ] || fail "the ingress filter saw nothing"
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    same  "$before" "$(filters egress; filters ingress)"

scenario "later tc filters see the packets" only=bpf
    masqd starts
    somebody_counts egress
    somebody_counts ingress
    pod1  reaches world as node
    [ "$(counted egress)" -gt 0 ] || fail "the egress filter saw nothing"
    [ "$(counted ingress)" -gt 0 ] || fail "the ingress filter saw nothing"
    before=$(filters egress; filters ingress)
    masqd is_restarted
    same  "$before" "$(filters egress; filters ingress)"

scenario "masquerading survives the deletion of the clsact qdisc" only=bpf
    somebody_counts egress
    masqd starts
    pod1  chats with world as talk
    inside node tc qdisc del dev eth0 clsact
    within 1 pod2 reaches world as node
    talk  is_unbroken

scenario "masquerading survives a replaced root qdisc" only=bpf
    masqd starts
    pod1  chats with world as talk
    inside node tc qdisc replace dev eth0 root pfifo
    pod2  reaches world as node
    talk  is_unbroken

scenario "an existing ingress qdisc does not prevent masquerading" only=bpf
    inside node tc qdisc add dev eth0 ingress
    masqd starts
    pod1  reaches world as node
    contains "ingress" "$(inside node tc qdisc show dev eth0)"

scenario "a detached program is attached again within three seconds" only=bpf
    pods_may_show_at world # until the program is attached again
    masqd starts
    pod1  reaches world as node
    rests() { [ "$(status_value "['apply']['ageSeconds']")" -ge 2 ]; } # no event of the start attaches it again
    within 9 rests
    bpftool link detach pinned "$bpf_root/masq/links/eth0/egress" || skip "bpftool cannot detach a link"
    within 3 pod1 reaches world as node # provokes drift
    same  OK "$(masq status --brief)"

scenario "programs of another masq before ours are a problem" only=bpf
    masqd starts
    masqd is_killed
    ready() { status_shows "Masquerading:"; }
    agent_flags with "bpf-root=$bpf_root/second"
    start_agent
    bpf_root=$bpf_root/second
    eventually ready
    within 2 status_is_not_ok
    status_shows "(masq_egress) is before masq's program on egress, and hides packets from it" # provokes other_masq
    rm -r "${bpf_root%/second}/masq"
    within 3 masq status --brief
    pod1  reaches world as node

scenario "nftables rules of other programs are unchanged"
    inside node nft 'add table inet theirs; add chain inet theirs c { type filter hook forward priority 0; };
        add rule inet theirs c counter accept'
    before=$(inside node nft -s list ruleset)
    masqd starts
    pod1  reaches world as node
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    same  "$before" "$(inside node nft -s list ruleset)"
    pods_may_show_at world
