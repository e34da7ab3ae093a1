# SPDX-License-Identifier: Apache-2.0
# A pod that lies about its address.

world serves tcp 80
world serves udp 5300

# forges WHO NAME [COUNT]: so many datagrams under the address of NAME, each from another port, with WHO's own MAC address.
# WHO knows the gateway before: otherwise it would ask for it as NAME, or not at all.
forges() {
    local from=${next_port:-30000}
    note "$1 forges $2"
    sysctl_in "$1" net.ipv6.ip_nonlocal_bind=1
    inside "$1" ping -q -c 1 -W 1 "${address[gateway]}" >/dev/null
    inside "$1" "$support/raw.py" "$(address_of "$2")" "${address[world]}" udp --to-port 5300 --from-port "$from" --count "${3:-1}"
    next_port=$((from + ${3:-1}))
}
unused_pod=$([ "$family" = ipv4 ] && echo 10.0.1.77 || echo fd00:0:0:1::77)
spoofed_and_dropped() { within 3 has_dropped spoofed_source "$1"; }
no_mapping_of() { ! masq bpf nat list | grep -F -- "$(at "$1" '')" || fail "a mapping of $1"; }
has_a_mapping_of() { nat_lists "$(at "$1" '')"; }
options_are() { echo "$1" >"$work/options.yaml"; }
verifies_sources() { # each attempt is a process: another port each time
    next_port=$((31000 + RANDOM % 20000)) forges pod2 pod1
    has_dropped spoofed_source 1
}
# And has no reason to ask for it.
pod1_knows_the_gateway() {
    ip_in pod1 neigh replace "${address[gateway]}" nud permanent dev eth0 \
        lladdr "$(ip_in node -br link show br-pods | awk '{ print $3 }')"
}
has_a_program() { exists "$bpf_root/masq/links/$1/ingress"; }

scenario "a pod's forged packets create no mapping" # R91
    masqd starts
    forges pod2 pod1 20
    spoofed_and_dropped 20
    no_mapping_of pod1
    pod1  reaches world as node
    pod2  reaches world as node over udp

scenario "an address without a pod creates no mapping" # R91
    masqd starts
    forges pod1 "$unused_pod" 20
    spoofed_and_dropped 20
    no_mapping_of "$unused_pod"

scenario "a pod that moves to another device is verified there"
    masqd starts
    pod1  reaches world as node
    ip_in node route replace "${address[pod1]}/$host" dev lxc2
    give_also pod2 eth0 "${address[pod1]}/$host"
    pod2  connects to world 80 under pod1
    world saw node
    pod1  cannot_reach world
    spoofed_and_dropped 1

scenario "sources are verified while masqd is dead"
    masqd starts
    masqd is_killed
    forges pod2 pod1 20
    no_mapping_of pod1
    ip_in node route replace "${address[pod1]}/$host" dev lxc2
    forges pod2 pod1
    within 1 has_a_mapping_of pod1
    start_agent
    eventually agent_is_ready
    [ "$datapath" = nftables ] || spoofed_and_dropped 20

scenario "without verification every address is masqueraded"
    masqd starts with enable-source-ip-verification=false
    forges pod2 pod1
    within 1 has_a_mapping_of pod1

scenario "verification can be switched off and on" only=bpf,nftables
    options_are "enable-source-ip-verification: false"
    masqd starts with "config=$work/options.yaml"
    forges pod2 pod1
    within 1 has_a_mapping_of pod1
    masq bpf nat flush >/dev/null
    options_are "enable-source-ip-verification: true"
    kill -HUP "$agent"
    within 3 verifies_sources

scenario "on a bridge only the neighbour's MAC creates a mapping" only=bpf # R91
    pods_share_a_bridge
    masqd starts
    pod1  reaches world as node
    pod2  reaches world as node
    forges pod2 pod1 20
    spoofed_and_dropped 20
    same 1 "$(masq bpf nat list | grep -cF "$(at pod1 '')")" "mappings of pod1"
    masqd is_restarted
    forges pod2 pod1 20
    spoofed_and_dropped 40
    pod1  reaches elsewhere as node over udp

scenario "a bridge is verified while masqd is dead" only=bpf
    pods_share_a_bridge
    masqd starts
    pod1  reaches world as node
    pod2  reaches world as node
    masqd is_killed
    forges pod2 pod1 20
    same 1 "$(masq bpf nat list | grep -cF "$(at pod1 '')")" "mappings of pod1"
    pod1  reaches elsewhere as node over udp

scenario "a bridged pod without a neighbour entry is masqueraded" only=bpf
    pods_share_a_bridge
    masqd starts
    pod2  reaches world as node
    inside node ip neigh flush all
    ip_in pod1 link set eth0 down
    forges pod2 pod1
    within 1 has_a_mapping_of pod1

scenario "a bridged pod may get another MAC address" only=bpf
    pods_share_a_bridge
    masqd starts
    pod1  reaches world as node
    ip_in pod1 link set eth0 address 02:00:00:00:77:77
    pod1  reaches world as node
    pod1  reaches elsewhere as node over udp

scenario "a bridged pod that never asks replaces another one" only=bpf
    pods_share_a_bridge br-pods
    sysctl_in node "net.$family.neigh.br-pods.delay_first_probe_time=1"
    masqd starts
    pod1  reaches world as node
    pod1_knows_the_gateway
    ip_in node neigh replace "${address[pod1]}" lladdr 02:00:00:00:66:66 nud stale dev br-pods
    pod1  cannot_reach world
    within 10 pod1 reaches world as node

scenario "spoofed packets count for no share" only=bpf # R91
    pods_share_a_bridge
    masqd starts with nat-max-mappings-per-pod=5
    pod1  reaches world as node
    pod2  reaches world as node
    forges pod2 pod1 50
    spoofed_and_dropped 50
    pod1  keeps_up 4 udp with world as talk
    talk  is_unbroken

scenario "the programs of bridges follow the bridges and the option" only=bpf
    pods_share_a_bridge br-pods
    options_are "enable-source-ip-verification: true"
    masqd starts with "config=$work/options.yaml"
    has_a_program br-pods
    ip_in node link set br-pods down
    ip_in node link set br-pods name br-renamed
    ip_in node link set br-renamed up
    ip_in node address replace "${address[gateway]}/$link" dev br-renamed
    within 3 has_a_program br-renamed
    not has_a_program br-pods
    options_are "enable-source-ip-verification: false"
    kill -HUP "$agent"
    within 3 not has_a_program br-renamed
    options_are "enable-source-ip-verification: true"
    kill -HUP "$agent"
    within 3 has_a_program br-renamed
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    not has_a_program br-renamed

scenario "status, metrics and explain name spoofed packets" family=ipv4
    masqd starts with prometheus-serve-addr=:9965
    forges pod2 pod1 3
    spoofed_and_dropped 3
    status_shows spoofed_source
    metric_is 'masq_packets_total{family="ipv4",direction="egress",reason="spoofed_source"}' 3
    contains "the source is behind lxc1: first packets from elsewhere are dropped, spoofed_source" \
      "$(masq explain "${address[pod1]}" "${address[world]}")"
