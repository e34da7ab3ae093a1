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

scenario "path MTU discovery works through the node" # R81
    the_world_goes_on
    ip_in world link set middle mtu 1280
    ip_in middle link set world mtu 1280
    masqd starts
    far   serves tcp 80
    far   serves udp 5300
    pod1  uploads to far as up
    up    has_moved 10000000
    up    is_unbroken
    contains "mtu 1280" "$(ip_in pod1 route get "${address[far]}")"
    pod1  downloads from far as down
    down  has_moved 10000000
    down  is_unbroken
    eventually pod2 asks far 5300 with 1400 bytes
    contains "mtu 1280" "$(ip_in pod2 route get "${address[far]}")"
    eventually pod1 asks far 5300 with 60000 bytes

scenario "a pod learns the MTU of the uplink" # R81
    ip_in node link set eth0 mtu 1280
    [ "$family" = ipv4 ] || ip_in node route replace default via "${address[router]}"
    masqd starts
    world serves tcp 80
    pod1  uploads to world as up
    up    has_moved 10000000
    up    is_unbroken
    contains "mtu 1280" "$(ip_in pod1 route get "${address[world]}")"

scenario "large transfers work over a path MTU of 1,280 bytes" long # R81
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

scenario "a remote host learns the MTU of a pod's link" # R81
    ip_in node link set lxc1 mtu 1280
    masqd starts
    world serves tcp 80
    pod1  downloads from world as down
    down  has_moved 10000000
    down  is_unbroken
    contains "mtu 1280" "$(ip_in world route get "${address[node]}")"

scenario "the node's errors about pod packets quote the external address" only=bpf # R80, R81
    ip_in node link set lxc1 mtu 1280
    masqd starts
    only_crafted_packets
    crafted errors of_the_node

scenario "closed UDP ports are reported in both directions" # R82
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

scenario "ICMP errors to pods are translated, for every protocol" only=bpf # R80, R82
    masqd starts
    only_crafted_packets
    crafted errors from_outside

scenario "ICMP errors from pods are translated, for every protocol" only=bpf # R80, R82
    masqd starts
    only_crafted_packets
    crafted errors from_a_pod

scenario "ICMP errors with fragments, padding or wrong checksums are translated" only=bpf # R80, R81
    masqd starts
    only_crafted_packets
    crafted errors odd_ones
    crafted errors with_a_wrong_checksum

scenario "a pod receives an ICMP error for a refused packet" only=bpf
    masqd starts
    only_crafted_packets
    crafted errors refusals

scenario "an ICMP error about an unknown connection is not forwarded" only=bpf
    masqd starts
    only_crafted_packets
    crafted errors about_nothing

scenario "ICMP redirects are dropped" only=bpf family=ipv4 # R82
    masqd starts
    only_crafted_packets
    crafted errors redirects

scenario "ICMP errors do not refresh a mapping" only=bpf
    masqd starts with nat-timeout-udp=2s
    only_crafted_packets
    crafted errors keep_alive
