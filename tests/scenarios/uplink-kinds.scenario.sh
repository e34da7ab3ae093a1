# SPDX-License-Identifier: Apache-2.0
# Uplinks of every kind, and what they carry (R46).
# Only bpf: frames to the byte, which netfilter does not see, and protocols that it does not translate.
# datapaths: bpf

# all_kinds_reach WHOM as WHO
all_kinds_reach() {
  pod1 reaches "$1" as "$3"
  pod1 reaches "$1" as "$3" over udp
  pod1 reaches "$1" as "$3" over ping
  pod1 asks "$1" 5300 with 60000 bytes
  pod1 pings "$1" with 8000 bytes
}

# transfers_both_ways BYTES: one down and one up at once, behind the second uplink.
transfers_both_ways() {
  pod1  downloads from beyond-east as down
  pod2  uploads to beyond-east as up
  down  has_moved "$1"
  up    has_moved "$1"
  down  is_unbroken
  up    is_unbroken
}

# The address moves from eth0 to DEVICE.
the_address_is_on() {
  ip_in node address delete "${address[node]}/$link" dev eth0
  ip_in node link set "$1" up
  give node "$1" "${address[node]}/$link"
  ip_in node route replace default via "${address[router]}"
}

world serves tcp 80
world serves udp 5300
world serves ping

scenario "a bridge uplink works when its ports change"
    ip -n node link add br0 type bridge
    the_address_is_on br0
    masqd starts
    for round in 1 2; do
        ip_in node link set eth0 master br0
        eventually pod1 reaches world as node
        all_kinds_reach world as node
        ip_in node link set eth0 nomaster
    done
    uplinks_are br0

scenario "a macvlan device can be an uplink"
    ip -n node link add link eth0 name mac0 type macvlan mode bridge
    the_address_is_on mac0
    masqd starts
    uplinks_are mac0
    all_kinds_reach world as node

scenario "a tunnel without Ethernet header can be an uplink" # R46
    node_gets_a_tunnel_as_uplink
    masqd starts
    uplinks_are eth0 tun0
    all_kinds_reach beyond-east as node-east
    transfers_both_ways 5000000

scenario "a tunnel with offloads can be an uplink" # R46, R94
    node_gets_a_tunnel_as_uplink offloads
    masqd starts
    all_kinds_reach beyond-east as node-east
    transfers_both_ways 20000000

scenario "a tunnel uplink can be created and deleted" serial # R46
    masqd starts
    node_gets_a_tunnel_as_uplink
    within 1 uplinks_are eth0 tun0
    within 1 pod1 reaches beyond-east as node-east
    ip_in node link delete tun0
    within 1 uplinks_are eth0

scenario "packets over a tunnel are translated as over Ethernet" only=bpf # R46
    node_gets_a_tunnel_as_uplink
    masqd starts
    only_crafted_packets
    crafted_packets_go_over_the_tunnel
    crafted fragments out_in_every_order
    crafted fragments in_in_every_order
    crafted errors from_outside
    crafted errors from_a_pod
    crafted protocols sweep
    crafted protocols sctp_associations

scenario "frames with VLAN tags are translated" only=bpf # R46
    masqd starts
    only_crafted_packets
    crafted tags tagged

scenario "jumbo frames are translated" # R46
    for place in "pod1 eth0" "node lxc1" "node eth0" "world node"; do
        ip_in "${place% *}" link set "${place#* }" mtu 9000
    done
    [ "$family" = ipv4 ] || ip_in node route replace default via "${address[router]}"
    masqd starts
    for offloads in on off; do
        offloads_are "tx $offloads tso $offloads gso $offloads gro $offloads"
        pod1  asks world 5300 with 8900 bytes
        pod1  pings world with 8900 bytes
        pod1  downloads from world as "down_$offloads"
        "down_$offloads" has_moved 10000000
        "down_$offloads" is_unbroken
    done

scenario "replies through another uplink reach the pod" # R95
    node_gets_a_second_uplink
    ip -n node "-${family#ipv}" rule add from "${address[pod2]}" lookup 100
    ip_in node route add default via "${address[east]}" table 100
    ip_in world route add "${address[node-east]}/$host" via "${address[node]}"
    masqd starts
    pod1  reaches elsewhere as node
    pod2  reaches elsewhere as node-east
    pod2  asks world 5300 with 60000 bytes
    pod2  chats with world as talk
    talk  goes_on
    talk  is_unbroken

scenario "a rerouted connection keeps its external address" # R95
    node_gets_a_second_uplink
    masqd starts
    pod1  chats with world as talk
    ip_in node route add "${address[world]}/$host" via "${address[east]}"
    talk  goes_on
    pod2  reaches world as node-east
    ip_in node route delete "${address[world]}/$host"
    talk  goes_on
    talk  is_unbroken

# What comes in by eth1 from where the route is eth0's.
scenario "status reports rp_filter conflicts, and no sysctl is changed" family=ipv4 # R44
    node_gets_a_second_uplink
    ip_in world route add "${address[node]}/$host" via "${address[node-east]}"
    filters() { inside node sysctl -a -r '[.]rp_filter'; }
    masqd starts
    for filter in 0/0 0/2 0/1 2/1 1/0 1/2; do # all, and the uplinks'
        sysctl_in node "net.ipv4.conf.all.rp_filter=${filter%/*}" \
            "net.ipv4.conf.eth0.rp_filter=${filter#*/}" "net.ipv4.conf.eth1.rp_filter=${filter#*/}"
        before=$(filters)
        if [[ $filter = 0/1 || $filter = 1/0 ]]; then
            pod1  cannot_reach world
            within 1 status_shows "eth1: rp_filter is 1"
        else
            pod1  reaches world as node
            within 1 status_hides rp_filter
        fi
        same  "$before" "$(filters)" "rp_filter"
    done
