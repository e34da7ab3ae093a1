# SPDX-License-Identifier: Apache-2.0
# Others who write firewall rules on the same node: they flush, replace and add, and masq bears it. Hard cases in brackets.

the_world_knows_the_pods
pods_may_show_at office
world serves tcp 80
world serves udp 5300

# Rules of others that the notes quote.
quoted_rules() { status_eval "sum('masquerades the same packets' in note for note in status['notes'])"; }
quotes_rules() { same "$1" "$(quoted_rules)" "rules in the notes"; }
family_tool() { if [ "$family" = ipv4 ]; then echo "iptables$1"; else echo "ip6tables$1"; fi; }

rules() { inside node nft -s list table inet masq; }
rules_are_as_before() { [ "$before" = "$(rules)" ] || fail "$(diff <(echo "$before") <(rules))"; }
table_is_back() { inside node nft list chain inet masq postrouting >/dev/null; }
# COMMAND succeeds within so many milliseconds.
# come_back COMMAND...: of iptables, each of which removes or disables rules of masqd.
come_back() {
    local tool command before
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    tool=$([ "$family" = ipv4 ] && echo iptables || echo ip6tables)
    masqd_rules() { inside node "$tool-save" | grep MASQ- | sed 's/, who made the table//' | sort; }
    before=$(masqd_rules)
    is_as_before() { [ "$before" = "$(masqd_rules)" ] || fail "$(diff <(echo "$before") <(masqd_rules))"; }
    for command in "$@"; do
        # shellcheck disable=SC2086
        inside node "$tool" $command
        not  is_as_before
        within 5 is_as_before
    done
    pod1  reaches world as node
}

soon() { # MILLISECONDS COMMAND...
    local start limit=$1; start=$(now_ms); shift
    within 1 "$@"
    (($(now_ms) - start <= limit)) || fail "$* took $(($(now_ms) - start)) ms"
}

scenario "a flushed ruleset is restored within 150 ms, without leaks (R25, R43, R64)" only=nftables serial
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with world as talk
    pod2  chats with office as plain
    pod1  downloads from world as load
    background pod2 stream ping -q -n -i 0.002 -c 1500 "${address[world]}"
    for round in 1 2 3 4 5; do
        before=$(rules)
        inside node nft flush ruleset
        soon 150 table_is_back
        rules_are_as_before
        sleep 0.3 # between two reloads
    done
    talk  goes_on
    load  is_unbroken
    talk  is_unbroken
    plain is_unbroken
    pod2  reaches world as node
    pod2  reaches office as pod2

scenario "changes to masq's nftables table are reverted within a second (R43)" only=nftables
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    before=$(rules)
    for command in "flush chain inet masq decide4" "flush chain inet masq postrouting" "flush set inet masq pods4" \
        "flush set inet masq listed4" "delete table inet masq" "add rule inet masq postrouting accept" \
        "add element inet masq own4 { 1.2.3.4 }" "insert rule inet masq guard drop" "add chain inet masq theirs"; do
        inside node nft "$command"
        within 1 rules_are_as_before
    done
    pod1  reaches world as node

scenario "without masq's nftables table nothing leaks and nothing is reset (R25, R64)" only=nftables
    masqd starts
    pod1  chats with world as talk
    kill  -STOP "$agent"
    inside node nft flush ruleset
    pod2  cannot_reach world
    pod2  cannot_reach world over udp
    sleep 0.5 # the world pushes into the open connection meanwhile
    kill  -CONT "$agent"
    within 1 pod2 reaches world as node
    talk  goes_on
    talk  is_unbroken

scenario "masqd ends only unmasqueraded connections that require masquerading (R64)" only=nftables
    pods_may_show_at world router
    pod1  serves tcp 80
    inside node nft 'add table inet theirs; add chain inet theirs c { type filter hook forward priority 0; };
        add rule inet theirs c ct state new accept'
    world chats with pod1 as inbound
    pod2  chats with office as plain
    pod1  asks world 5300 from 20000
    pod1  asks office 5300 from 20001
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    status_says "['apply']['lastSteps'][-1]" "conntrack: end 1 connections that were not masqueraded"
    pod1  reaches world as node over udp from 20000
    inbound goes_on
    inbound is_unbroken
    plain is_unbroken

scenario "a restart does not change correct rules (R61)" only=nftables
    the_file_says "nonMasqueradeCIDRs: [0.0.0.0/0, 10.1.2.3/8, 9.9.9.9/32, 240.0.0.0/4, \"::/0\", fd01::/16, \"fd01::1/128\", ff00::/8]
masqueradeCIDRs: [10.64.0.0/10, 203.0.113.0/24, \"2001:db8::/32\"]"
    masqd starts with enable-ip-masq-agent
    before=$(inside node nft -a -s list table inet masq)
    for round in 1 2 3 4 5 6 7 8 9 10; do masqd is_restarted; done
    same  "$before" "$(inside node nft -a -s list table inet masq)"
    not   grep "replace the table\|masq [a-z_0-9]*: " "$agent_log"

scenario "resetting an option restores the original rules (R62)" only=nftables
    the_file_excludes office
    masqd starts
    before=$(rules)
    for option in enable-ip-masq-agent random-fully nat-port-range=2000-3000 enable-masquerade-to-route-source \
        "$family-native-routing-cidr=${cidr[lab]}" "node-addresses=${address[node2]}" "enable-$family-masquerade=false"; do
        masqd is_terminated
        masqd starts with "$option"
        [ "$option" = enable-masquerade-to-route-source ] || [ "$before" != "$(rules)" ] || fail "$option changes nothing"
        masqd is_terminated
        masqd starts
        rules_are_as_before
    done

scenario "only changed elements are written, one transaction for each table (R60)" only=nftables
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    background node monitor nft monitor
    sleep 0.3 # nft says nowhere that it listens
    the_file_excludes office branch lab
    within 1 ipmasq_lists lab
    transactions() { grep -c 'new generation' "$work/monitor.out"; }
    eventually same 2 "$(transactions)" transactions
    sed '/new generation/Q' "$work/monitor.out" >"$work/first"
    grep -q "inet masq-guard left" "$work/first" || fail "the guard is not first: $(cat "$work/first")"
    lacks "inet masq " "$(cat "$work/first")"
    same  "" "$(grep -v 'element\|new generation' "$work/monitor.out" || true)" "other than elements"
    lacks "$(cidr_of office)" "$(grep 'inet masq ' "$work/monitor.out")"

scenario "changing ten of fifty thousand prefixes writes only those ten" only=nftables family=ipv4
    many() {
        echo "nonMasqueradeCIDRs:"
        awk -v from="$1" 'BEGIN { for (i = from; i < from + 50000; i++) printf "- 11.%d.%d.%d/32\n", i / 65536, int(i / 256) % 256, i % 256 }'
    }
    many 0 >"$agent_file"
    masqd starts with enable-ip-masq-agent
    many 10 >"$agent_file"
    within 8 ipmasq_lists 11.0.195.85/32
    status_eval "' '.join(status['apply']['lastSteps'])" >"$work/steps"
    grep -q "ip_masq_agent4: 10 added, 10 removed" "$work/steps" || fail "$(cat "$work/steps")"
    pod1  reaches world as node

scenario "status names masquerading rules of other programs (R14, R63)"
    agent_rule='-A IP-MASQ-AGENT -m comment --comment "must be last" -j MASQUERADE'
    inside node "$(family_tool -nft)" -t nat -N IP-MASQ-AGENT
    inside node "$(family_tool -nft)" -t nat -A IP-MASQ-AGENT -m comment --comment "must be last" -j MASQUERADE
    inside node "$(family_tool -nft)" -t nat -A POSTROUTING -j IP-MASQ-AGENT
    inside node nft "add table $nft_family theirs; add chain $nft_family theirs c { type nat hook postrouting priority 100; };
        add rule $nft_family theirs c $nft_family saddr ${cidr[private]} counter masquerade"
    masqd starts
    within 10 status_shows "$(family_tool ''): \"$agent_rule\" masquerades the same packets" # provokes other_masquerading
    status_shows "table $nft_family theirs: \"$nft_family saddr ${cidr[private]} counter masquerade\" masquerades the same packets"
    quotes_rules 2
    same  OK "$(masq status --brief)"
    pod1  reaches world as node
    inside node nft delete table "$nft_family" theirs
    within 20 quotes_rules 1
    inside node "$(family_tool -nft)" -t nat -F IP-MASQ-AGENT
    within 20 quotes_rules 0

scenario "status names masquerading rules of iptables-legacy" only=bpf,nftables
    inside node "$(family_tool -legacy)" -t nat -A POSTROUTING -s "${cidr[pods]}" -o eth0 -j MASQUERADE
    masqd starts
    within 10 status_shows "$(family_tool -legacy): \"-A POSTROUTING -s ${cidr[pods]} -o eth0 -j MASQUERADE\" masquerades"

scenario "masquerading rules of other networks are no notes" only=bpf,nftables family=ipv4
    inside node iptables-nft-restore <<'RULES'
*nat
:KUBE-POSTROUTING - [0:0]
:LIBVIRT_PRT - [0:0]
:NETAVARK-1D8721804F16F - [0:0]
:NETAVARK-HOSTPORT-MASQ - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -j LIBVIRT_PRT
-A POSTROUTING -j NETAVARK-HOSTPORT-MASQ
-A POSTROUTING -s 10.88.0.0/16 -j NETAVARK-1D8721804F16F
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
-A NETAVARK-1D8721804F16F -d 10.88.0.0/16 -j ACCEPT
-A NETAVARK-1D8721804F16F ! -d 224.0.0.0/4 -j MASQUERADE
-A NETAVARK-HOSTPORT-MASQ -m comment --comment "netavark portfw masq mark" -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
RULES
    inside node nft -f - <<'RULES'
table ip kube-proxy {
    chain masquerading {
        meta mark & 0x4000 == 0 return
        meta mark set meta mark ^ 0x4000
        masquerade fully-random
    }
    chain nat-postrouting { type nat hook postrouting priority srcnat
        jump masquerading
    }
}
RULES
    inside node iptables-legacy -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br-1 -j MASQUERADE
    masqd starts
    inside node iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE
    within 20 status_shows "\"-A POSTROUTING -o eth0 -j MASQUERADE\" masquerades the same packets"
    quotes_rules 1

scenario "many rules of other programs do not slow the status" only=bpf,nftables serial
    {
        echo "table $nft_family theirs { chain c { type nat hook postrouting priority 100;"
        for ((port = 1; port <= 20000; port++)); do echo "tcp dport $port ct mark 7 masquerade"; done
        echo "}; }"
    } >"$work/theirs"
    inside node nft -f "$work/theirs"
    masqd starts
    ticks() { awk '{ print $14 + $15 }' "/proc/$agent/stat"; }
    before=$(ticks)
    for _ in 1 2 3 4 5 6 7 8 9 10; do masq status >/dev/null; done
    [ $(($(ticks) - before)) -le 20 ] || fail "$(($(ticks) - before)) ticks of CPU time for ten requests"

scenario "flushed iptables chains are restored within five seconds (R43)" only=iptables
    come_back "-t nat -F POSTROUTING" "-t nat -F MASQ-DECIDE"

scenario "deleted or bypassed iptables rules are restored within five seconds (R43)" only=iptables
    come_back "-t mangle -D MASQ-LEAK 1" "-t nat -I MASQ-POSTROUTING -j RETURN"

scenario "flushed ipsets are restored within five seconds (R43)" only=iptables
    pods_may_show_at world # as long as the sets are empty
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    members() { inside node ipset save | grep "^add masq-" | sort; }
    before=$(members)
    is_as_before() { [ "$before" = "$(members)" ] || fail "$(diff <(echo "$before") <(members))"; }
    for round in 1 2; do
        inside node ipset flush
        not  is_as_before
        within 5 is_as_before
    done
    pod1  reaches world as node
    pod1  reaches office as pod1

scenario "iptables rules of other programs keep content and order" only=iptables
    tool=$([ "$family" = ipv4 ] && echo iptables || echo ip6tables)
    inside node "$tool" -t nat -A POSTROUTING -o lo -j ACCEPT
    inside node "$tool" -t mangle -A FORWARD -j ACCEPT
    inside node ipset create theirs hash:ip
    theirs() { inside node "$tool-save" | grep -v "^#\|MASQ-" | sed 's/ \[.*//'; inside node ipset list -n | grep -v masq-; }
    before=$(theirs)
    masqd starts
    pod1  reaches world as node
    same  "$before" "$(theirs)"
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    same  "$before" "$(theirs)"
    lacks MASQ- "$(inside node "$tool-save")"
    pods_may_show_at world

scenario "masqd uses the iptables variant that has rules (R66)" only=iptables
    tool=$([ "$family" = ipv4 ] && echo iptables || echo ip6tables)
    inside node "$tool-legacy" -A FORWARD -j ACCEPT
    inside node "$tool-legacy" -A FORWARD -j ACCEPT
    masqd starts
    contains MASQ-POSTROUTING "$(inside node "$tool-legacy-save" -t nat)"
    lacks MASQ-POSTROUTING "$(inside node "$tool-nft-save")"
    pod1  reaches world as node
    masqd is_terminated
    inside node "$tool-nft" -A FORWARD -j ACCEPT
    masqd starts
    status_shows "both variants have rules"

scenario "a held iptables lock does not stop masqd (R65)" only=iptables
    inside node iptables-legacy -A FORWARD -j ACCEPT
    masqd starts
    mkdir -p /run
    (exec 8>/run/xtables.lock; flock 8; touch "$work/locked"; sleep 4) &
    eventually exists "$work/locked"
    node_gets_a_second_uplink
    pods_may_show_at beyond-east # not covered before masqd can write
    within 3 grep -q "apply: " "$agent_log"
    masq  status >/dev/null || true
    pod1  reaches world as node
    within 8 pod1 reaches beyond-east as node-east

scenario "in any port mode connections survive a short address loss (R35)" only=nftables,iptables
    for mode in random-fully=false random-fully=true nat-port-range=20000-20100; do
        masqd starts with "$mode"
        name=talk${mode//[^a-z0-9]/}
        pod1  chats with world as "$name"
        ip_in node address delete "${address[node]}/$link" dev eth0
        within 1 status_is_not_ok
        give  node eth0 "${address[node]}/$link"
        ip_in node route replace default via "${address[router]}"
        within 1 pod2 reaches world as node
        "$name" goes_on
        "$name" is_unbroken
        masqd is_terminated
    done
