# SPDX-License-Identifier: Apache-2.0
# ICMP errors find those whose packets they are about, in both directions, and show no pod's address to the world.
# Only bpf: packets to the byte. netfilter changes the ports of SCTP, leaves redirects and errors about nothing to the
# node's IP, and tells no pod of a refusal.
# datapaths: bpf

# hops_are "KIND OF PROBE" NAME...: what traceroute from pod1 to the far end shows.
hops_are() {
  local probe=$1 said name expected=; shift
  for name; do expected+="${address[$name]} "; done
  # shellcheck disable=SC2086 # words
  said=$(inside pod1 traceroute -n -q 1 -w 2 -m 8 $probe "${address[far]}" 2>&1) || fail "traceroute: $said"
  same "$expected" "$(awk 'NR > 1 { printf "%s ", $2 }' <<<"$said")" "hops by traceroute $probe"
}

scenario "a transfer finds the path's MTU behind the node" # R81
    the_world_goes_on
    ip_in world link set middle mtu 1280
    ip_in middle link set world mtu 1280
    masqd starts
    far   serves tcp 80
    far   serves udp 53
    pod1  uploads to far as up
    up    has_moved 10000000
    up    is_unbroken
    contains "mtu 1280" "$(ip_in pod1 route get "${address[far]}")"
    pod1  downloads from far as down
    down  has_moved 10000000
    down  is_unbroken
    eventually pod2 asks far 53 with 1400 bytes
    contains "mtu 1280" "$(ip_in pod2 route get "${address[far]}")"
    eventually pod1 asks far 53 with 60000 bytes

scenario "a pod finds the MTU of the uplink itself" # R81
    ip_in node link set eth0 mtu 1280
    [ "$family" = ipv4 ] || ip_in node route replace default via "${address[router]}"
    masqd starts
    world serves tcp 80
    pod1  uploads to world as up
    up    has_moved 10000000
    up    is_unbroken
    contains "mtu 1280" "$(ip_in pod1 route get "${address[world]}")"

scenario "hundreds of megabytes over a hop of 1,280 bytes" long # R81
    the_world_goes_on
    ip_in world link set middle mtu 1280
    ip_in middle link set world mtu 1280
    masqd starts
    far   serves tcp 80
    pod1  uploads to far as up
    pod2  downloads from far as down
    up    has_moved 100000000
    down  has_moved 100000000
    up    is_unbroken
    down  is_unbroken

scenario "the world finds the MTU of a pod's link, and sees no pod's address" # R81
    ip_in node link set lxc1 mtu 1280
    masqd starts
    world serves tcp 80
    pod1  downloads from world as down
    down  has_moved 10000000
    down  is_unbroken
    contains "mtu 1280" "$(ip_in world route get "${address[node]}")"

scenario "what the node says of packets to pods quotes the external address" only=bpf # R80, R81
    ip_in node link set lxc1 mtu 1280
    masqd starts
    only_crafted_packets
    crafted errors of_the_node

scenario "a closed port is said to be closed, by the world and by the pod" # R82
    masqd starts
    said=$(words_of pod1 asks world 54 from 20000)
    contains "refused" "$said"
    said=$(words_of world asks node 20000 from 54 under world)
    contains "refused" "$said"

scenario "traceroute shows every hop, with UDP, ICMP and TCP" # R82
    the_world_goes_on
    masqd starts
    hops_are "" gateway router middle far
    hops_are "-I" gateway router middle far
    hops_are "-T -p 80" gateway router middle far

scenario "errors of every kind about every protocol reach the pod as if it had no NAT" only=bpf # R80, R82
    masqd starts
    only_crafted_packets
    crafted errors from_outside

scenario "errors of every kind about every protocol leave a pod as if it were the node's" only=bpf # R80, R82
    masqd starts
    only_crafted_packets
    crafted errors from_a_pod

scenario "errors that quote fragments and bare datagrams, in frames of any length" only=bpf # R80, R81
    masqd starts
    only_crafted_packets
    crafted errors odd_ones
    crafted errors with_a_wrong_checksum

scenario "a pod is told that its packet was refused" only=bpf
    masqd starts
    only_crafted_packets
    crafted errors refusals

scenario "an error about no connection makes none and reaches nobody" only=bpf
    masqd starts
    only_crafted_packets
    crafted errors about_nothing

scenario "a redirect is dropped" only=bpf family=ipv4 # R82
    masqd starts
    only_crafted_packets
    crafted errors redirects

scenario "errors do not keep a mapping alive" only=bpf
    masqd starts with nat-timeout-udp=2s
    only_crafted_packets
    crafted errors keep_alive
