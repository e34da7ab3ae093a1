# SPDX-License-Identifier: Apache-2.0
# What masquerading is: pods reach the world as the node, and the answers find their way back.

# pod2_has_the_class_of PORT VERB...: from that port, and its external port is of the same class.
pod2_has_the_class_of() {
    local port=$1 used low=1 high=511; shift
    [ "$port" -lt 512 ] || { low=512; high=1023; }
    pod2 "$@" from "$port"
    read -r _ used <"$work/pod2.answer"
    [ "$used" -ge "$low" ] && [ "$used" -le "$high" ] || fail "port $used instead of $port"
}

scenario "a pod reaches the world as the node"
    masqd starts
    world serves tcp 80
    pod1  connects to world 80
    world saw     node

scenario "a pod's datagrams reach the world as the node"
    masqd starts
    world serves udp 5300
    pod1  asks world 5300
    world saw  node
    pod2  reaches elsewhere as node over udp

scenario "a pod's ping reaches the world as the node"
    masqd starts
    world serves ping
    pod1  pings world from 77
    world saw   node
    pod2  reaches elsewhere as node over ping

# The lab speaks IPv4 here; what IPv6 needs is added beside it.
scenario "IPv4 and IPv6 are masqueraded at the same time" family=ipv4
    give pod1 eth0 fd00:0:0:1::11/64
    give node lxc1 fd00:0:0:1::1/64
    ip_in pod1 -6 route add default via fd00:0:0:1::1
    give node eth0 2001:db8::10/64
    give world node 2001:db8::1/64
    give world lo 2001:db8:cb::9/128
    ip_in node -6 route add default via 2001:db8::1
    masqd starts with ipv6-pod-cidr=fd00:0:0:1::/64
    world serves tcp 80
    pod1  connects to world 80
    world saw     node
    pod1  connects to 2001:db8:cb::9 80
    world saw     2001:db8::10
    status_shows "10.0.1.0/24 fd00:0:0:1::/64 [IPv4: Enabled, IPv6: Enabled]"
    nat_lists "10.0.1.11:" "192.0.2.10:"
    nat_lists "[fd00:0:0:1::11]:" "[2001:db8::10]:"

scenario "without masqd a pod cannot reach the world"
    pods_may_show_at world
    world serves tcp 80
    pod1  cannot_reach world

scenario "a source port inside the range is kept"
    masqd starts with nat-port-range=20000-29999
    world serves tcp 80
    world serves udp 5300
    pod1  connects to world 80 from 20000
    world saw      node from 20000
    pod1  asks world 5300 from 29999
    world saw  node from 29999

scenario "a source port outside the range is replaced"
    masqd starts with nat-port-range=20000-20009
    world serves tcp 80
    world serves udp 5300
    pod1  connects to world 80 from 40000
    pod1  asks world 5300 from 19999
    read -r source port <"$work/pod1.answer"
    same  "${address[node]}" "$source"
    [ "$port" -ge 20000 ] && [ "$port" -le 20009 ] || fail "port $port is outside 20000-20009"

scenario "the automatic port range excludes ports of the node" # R6, R9
    sysctl_in node net.ipv4.ip_local_reserved_ports=20000-20010
    masqd starts
    world serves udp 5300
    for port in 20005 30000 32767; do
        pod1  asks world 5300 from "$port"
        read -r _ used <"$work/pod1.answer"
        [ "$used" -lt 20000 ] || [ "$used" -gt 20010 ] || fail "reserved port $used was used"
        [ "$used" -lt 30000 ] || [ "$used" -gt 32767 ] || fail "NodePort $used was used"
    done

scenario "ephemeral ports of the node are kept, but never chosen" # R6, R8
    masqd starts
    world serves udp 5300
    for port in 32768 60999 61000; do
        pod1  asks world 5300 from "$port"
        world saw  node from "$port"
        pod2  asks world 5300 from "$port"
        not   world saw node from "$port"
        read -r _ used <"$work/pod2.answer"
        on bpf [ "$used" -lt 32768 ] || on bpf [ "$used" -gt 60999 ] || fail "port $used belongs to the node"
    done

# Servers such as NFS, NTP and rsh accept a client by the class of its port.
scenario "source ports below 1024 stay in their class"
    world serves udp 5300
    world serves tcp 80
    remotes=(world elsewhere) # of which pod2 had any port of the class in the first round
    for round in 0 1; do # written ranges concern ports of 1024 and more
        remote=${remotes[round]}
        if [ "$round" = 0 ]; then masqd starts; else masqd starts with nat-port-range=20000-29999; fi
        ports=($((123 + round)) $((500 + round)) $((800 + round)) $((1022 + round)))
        for port in "${ports[@]}"; do # all before the first port of pod2, which is any of the class
            pod1  asks "$remote" 5300 from "$port"
            world saw  node from "$port"
            pod1  connects to "$remote" 80 from "$port"
            world saw      node from "$port"
        done
        for port in "${ports[@]}"; do
            pod2_has_the_class_of "$port" asks "$remote" 5300
            pod2_has_the_class_of "$port" connects to "$remote" 80
        done
        masqd is_terminated
        in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    done

scenario "random source ports stay in their class"
    masqd starts with random-fully
    world serves udp 5300
    for port in 123 500 800 1023; do
        pod2_has_the_class_of "$port" asks world 5300
    done

# So a STUN server reports the port that another host can reach.
scenario "a socket has one external port toward all destinations"
    masqd starts
    world serves udp 5300
    for port in 8472 31000; do # a tunnel's port, a NodePort
        pod1  asks world 5300 from "$port"
        one=$(<"$work/pod1.answer")
        pod1  asks elsewhere 5300 from "$port"
        same  "$one" "$(<"$work/pod1.answer")" "endpoints"
    done
    for port in 123 20000 40000; do
        for where in world elsewhere; do
            pod1  asks "$where" 5300 from "$port"
            same  "${address[node]} $port" "$(<"$work/pod1.answer")" "endpoint"
        done
        pod2  asks world 5300 from "$port"
        two=$(<"$work/pod2.answer")
        pod2  asks elsewhere 5300 from "$port"
        same  "$two" "$(<"$work/pod2.answer")" "endpoints of the second pod"
    done

scenario "pods are masqueraded while all ports are ephemeral"
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes
    masqd starts with enable-ip-masq-agent
    world serves udp 5300
    sysctl_in node net.ipv4.ip_local_port_range="1024 65535"
    kill  -HUP "$agent"
    within 2 status_shows "ip_local_port_range 1024-65535 leaves 0 ports"
    pod1  reaches world as node over udp from 31000
    the_file_excludes office
    within 1 pod1 reaches office as pod1 over udp
    masqd is_restarted
    pod1  reaches world as node over udp from 31001
    pod2  reaches world as node over udp from 31001
    same  OK "$(masq status --brief)"

scenario "two pods can use one source port toward one destination" # R5
    masqd starts
    world serves tcp 80
    pod1  chats with world as first from 20000
    pod2  chats with world as second from 20000
    first  goes_on
    second goes_on
    world serves udp 5300
    pod1  reaches world as node over udp from 20001
    pod2  reaches world as node over udp from 20001
    mappings_number 4
    first  is_unbroken
    second is_unbroken

scenario "two pods ping one destination with the same identifier"
    masqd starts
    world serves ping
    pod1  pings world from 77
    pod2  pings world from 77
    pod1  pings world from 77
    mappings_number 2

scenario "large transfers arrive unchanged in both directions"
    masqd starts
    world serves tcp 80
    pod1  downloads from world as down
    pod2  uploads to world as up
    down  has_moved 300000000
    up    has_moved 300000000
    down  is_unbroken
    up    is_unbroken

scenario "checksums are correct with all offloads off"
    for who in pod1 world; do
        inside "$who" ethtool -K "$([ "$who" = world ] && echo node || echo eth0)" tx off gso off gro off tso off >/dev/null
    done
    inside node ethtool -K eth0 tx off gso off gro off tso off >/dev/null
    masqd starts
    world serves tcp 80
    world serves udp 5300
    pod1  downloads from world as down
    down  has_moved 20000000
    down  is_unbroken
    pod1  uploads to world as up
    up    has_moved 20000000
    up    is_unbroken
    pod1  reaches world as node over udp
    world serves ping
    pod1  reaches world as node over ping

scenario "five hundred concurrent connections are masqueraded"
    masqd starts
    world serves tcp 80
    a_crowd pod1 tcp 500 world as crowd
    crowd was_answered 500
    crowd leaves

scenario "a reset from a closed port reaches the pod"
    masqd starts
    said=$(words_of pod1 connects to world 81)
    contains "refused" "$said"

scenario "a disabled address family is not masqueraded"
    pods_may_show_at world
    masqd starts with "enable-$family-masquerade=false"
    world serves tcp 80
    pod1  cannot_reach world
