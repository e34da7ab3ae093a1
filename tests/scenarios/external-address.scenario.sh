# SPDX-License-Identifier: Apache-2.0
# Under which of the node's addresses packets leave.
# datapaths: bpf

world serves tcp 80

scenario "the first usable address of an uplink is always used"
    give_also node eth0 "${address[node-second]}/$link"
    masqd starts
    for round in 1 2 3; do
        pod1  reaches world as node
        pod2  reaches elsewhere as node
    done

scenario "a deprecated address is not used beside a preferred one"
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node address add "${address[node]}/$link" dev eth0 preferred_lft 0 valid_lft 600
    give  node eth0 "${address[node-second]}/$host"
    ip_in node route replace default via "${address[router]}"
    ip_in world route replace "${address[node-second]}/$host" dev node
    masqd starts
    pod1  reaches world as node-second

scenario "a link-scope address is not used as external address" family=ipv4
    ip_in node address delete "${address[node]}/$link" dev eth0
    ip_in node address add 169.254.7.7/16 dev eth0 scope link
    give  node eth0 "${address[node]}/$link"
    ip_in node route replace default via "${address[router]}"
    masqd starts
    pod1  reaches world as node

scenario "enable-masquerade-to-route-source uses the source of the route"
    give_also node eth0 "${address[node-second]}/$link"
    ip_in node route add "$(cidr_of elsewhere)" via "${address[router]}" src "${address[node-second]}"
    masqd starts with enable-masquerade-to-route-source
    pod1  reaches elsewhere as node-second
    pod1  reaches world as node

scenario "by default the source of the route has no effect"
    give_also node eth0 "${address[node-second]}/$link"
    ip_in node route add "$(cidr_of elsewhere)" via "${address[router]}" src "${address[node-second]}"
    masqd starts
    pod1  reaches elsewhere as node

scenario "masquerade-address replaces the address of the uplink"
    give  node eth0 "${address[node-second]}/$link"
    masqd starts with "masquerade-address=${address[node-second]}"
    pod1  reaches world as node-second
    pod2  reaches elsewhere as node-second

scenario "a pod keeps one external address of a pool" only=bpf,nftables
    give  node eth0 "${address[node-second]}/$link" "${address[node-new]}/$link"
    masqd starts with "masquerade-address=${address[node-second]},${address[node-new]}"
    for pod in pod1 pod2; do
        $pod  connects to world 80
        read -r chosen _ <"$work/$pod.answer"
        [ "$chosen" = "${address[node-second]}" ] || [ "$chosen" = "${address[node-new]}" ] || fail "$chosen is not of the pool"
        $pod  reaches elsewhere as "$chosen"
        $pod  reaches world as "$chosen"
    done

scenario "masqd reports a masquerade-address that the node does not have"
    pods_may_show_at world
    agent_flags with "masquerade-address=${address[world]}"
    start_agent
    within 3 grep -q "${address[world]}" "$agent_log"
    grep -q "masquerade-address" "$agent_log" || fail "the log does not name the key"
    agent=
