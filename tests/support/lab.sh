# SPDX-License-Identifier: Apache-2.0
# The lab: pods behind a node, the world behind its uplink. It stands in mount, process and network namespaces of
# its own (enter_lab), so that the kernel takes everything away when the scenario ends, however it ends.
#
#   pod1, pod2 --- lxc1, lxc2 [ node ] eth0 --- node [ world ]
#                                      (eth1) --- east          the second uplink, when a scenario adds it
#
# The world answers under many addresses. It knows the way to the node, and to the pods only when a scenario says so.

# Run as the first thing of a process: goes on as "$@" inside the lab's namespaces.
enter_lab() {
  exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- "$@"
}

# What becomes a background process is to be that very process, so that a signal meets it.
exec_inside() { local where=$1; shift; exec nsenter --net="/run/netns/$where" "$@"; }
inside() { local where=$1; shift; nsenter --net="/run/netns/$where" "$@"; }
ip_in() { local where=$1; shift; ip -n "$where" "$@"; }
sysctl_in() { local where=$1; shift; inside "$where" sysctl -qw "$@"; }

# No packets of the kernel's own beside the scenario's.
quiet_sysctls=(
  net/ipv6/conf/default/accept_ra net/ipv6/conf/default/router_solicitations net/ipv6/conf/default/accept_dad
  net/ipv4/conf/default/rp_filter net/ipv4/conf/all/rp_filter)
forwarding_sysctls=(net/ipv4/ip_forward net/ipv6/conf/all/forwarding)

# In the namespace, by one process: the quiet ones are 0, the others that are given are 1.
set_up_namespace() { # NAMESPACE [SYSCTL...]
  # shellcheck disable=SC2016 # the inner shell's variables
  inside "$1" sh -c 'for name in $1; do echo 0 >"/proc/sys/$name"; done
    for name in $2; do echo 1 >"/proc/sys/$name"; done
    exec ip link set lo up' sh "${quiet_sysctls[*]}" "${*:2}"
}

new_namespace() {
  ip netns add "$1"
  set_up_namespace "$1"
}

# give NAMESPACE DEVICE ADDRESS/LENGTH...
give() { assign_lines "${@:2}" | ip -n "$1" -batch -; }
# The same for addresses that the namespace's own connections do not choose: IPv6 would take the newest one.
give_also() { deprecated=1 give "$@"; }

# The functions that end in _lines print lines of `ip -batch`.
assign_lines() { # DEVICE PREFIX...
  local device=$1 prefix; shift
  for prefix; do
    [[ $prefix != *:* ]] || prefix+=" nodad${deprecated:+ preferred_lft 0}"
    echo "address add $prefix dev $device"
  done
}

# The node's half of a pod's link, and the pod's own.
pod_link_lines() { echo "link add $2 type veth peer name eth0 netns $1"; echo "link set $2 up"; }
pod_route_lines() { assign_lines "$2" "${address[gateway]}/$host"; echo "route add ${address[$1]}/$host dev $2"; }
pod_addresses_lines() {
  echo "link set eth0 up"
  assign_lines eth0 "${address[$1]}/$host"
  echo "route add ${address[gateway]}/$host dev eth0"
  echo "route add default via ${address[gateway]}"
}

connect_pod() {
  new_namespace "$1"
  pod_link_lines "$1" "$2" | ip -n node -batch -
  pod_addresses_lines "$1" | ip -n "$1" -batch -
  pod_route_lines "$1" "$2" | ip -n node -batch -
}

# connect_uplink DEVICE FAR-END: a cable between the node and the world.
uplink_cable_lines() { echo "link add $1 type veth peer name $2 netns world"; echo "link set $1 up"; }
connect_uplink() {
  uplink_cable_lines "$1" "$2" | ip -n node -batch -
  ip_in world link set "$2" up
}

world_addresses_lines() {
  local who
  echo "link set node up"
  assign_lines node "${address[router]}/$link"
  deprecated=1 assign_lines node "${address[node2]}/$link"
  for who in world elsewhere public office lab branch node2-external pod-of-node2; do
    assign_lines lo "${address[$who]}/$host"
  done
}

# One process a namespace and step: a lab is built for every scenario.
build_lab() {
  mkdir -p /run/netns
  mount -t tmpfs none /run/netns
  printf 'netns add %s\n' node world pod1 pod2 | ip -batch -
  set_up_namespace node "${forwarding_sysctls[@]}"
  set_up_namespace world
  set_up_namespace pod1
  set_up_namespace pod2
  { pod_link_lines pod1 lxc1; pod_link_lines pod2 lxc2; uplink_cable_lines eth0 node; } | ip -n node -batch -
  pod_addresses_lines pod1 | ip -n pod1 -batch -
  pod_addresses_lines pod2 | ip -n pod2 -batch -
  world_addresses_lines | ip -n world -batch -
  {
    pod_route_lines pod1 lxc1
    pod_route_lines pod2 lxc2
    assign_lines eth0 "${address[node]}/$link"
    echo "route add default via ${address[router]}"
  } | ip -n node -batch -
}

# --- changes that scenarios make -------------------------------------------------------------------------------------

# Both pods on one bridge with a gateway address, as Docker makes it.
pods_share_a_bridge() { # [BRIDGE]
  local bridge=${1:-br-0123456789ab} number
  ip -n node link add "$bridge" type bridge
  ip_in node link set "$bridge" up
  give node "$bridge" "${address[gateway]}/$link"
  for number in 1 2; do
    ip_in node address flush dev "lxc$number"
    ip_in node "-${family#ipv}" route flush dev "lxc$number"
    ip_in node link set "lxc$number" master "$bridge"
    ip_in "pod$number" address flush dev eth0 scope global
    give "pod$number" eth0 "${address[pod$number]}/$link"
    ip_in "pod$number" route replace default via "${address[gateway]}"
  done
}

the_world_knows_the_pods() { ip_in world route add "${cidr[pods]}" via "${address[node]}"; }

# Two routers more behind the world's first one:  node -- world -- middle -- far
the_world_goes_on() {
  local end
  new_namespace middle
  new_namespace far
  ip -n world link add middle type veth peer name world netns middle
  ip -n middle link add far type veth peer name middle netns far
  for end in "world middle" "middle world" "middle far" "far middle"; do
    # shellcheck disable=SC2086 # words
    ip_in ${end% *} link set ${end#* } up
  done
  give world middle "${address[world-middle]}/$link"
  give middle world "${address[middle]}/$link"
  give middle far "${address[middle-far]}/$link"
  give far middle "${address[far]}/$link"
  sysctl_in world net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  sysctl_in middle net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip_in far route add default via "${address[middle-far]}"
  ip_in middle route add default via "${address[world-middle]}"
  ip_in world route add "$(cidr_of far)" via "${address[middle]}"
}

# offloads_are "tso on gso off": on all devices between pod1 and the world.
offloads_are() {
  local place
  for place in "pod1 eth0" "node lxc1" "node eth0" "world node"; do
    # shellcheck disable=SC2086 # words
    inside ${place% *} ethtool -K ${place#* } $1 >/dev/null
  done
}

# A second uplink with a network of its own. The default route stays on eth0.
node_gets_a_second_uplink() {
  connect_uplink "${1:-eth1}" east
  set_up_second_uplink "${1:-eth1}"
}

# One that carries IP packets without an Ethernet header; `offloads` as a virtual machine's: with partial checksums and
# packets of up to 64 KB.
node_gets_a_tunnel_as_uplink() { # [offloads]
  background node tunnel "$support/tunnel.py" tun0 east "$work/tunnel.ready" "$@"
  eventually exists "$work/tunnel.ready"
  ip_in world link set east up
  ip_in node link set tun0 up
  set_up_second_uplink tun0
}

set_up_second_uplink() {
  local device=$1
  give node "$device" "${address[node-east]}/$link"
  give world east "${address[east]}/$link"
  ip_in world address replace "${address[beyond-east]}/$host" dev lo
  ip_in node route add "${address[beyond-east]}/$host" via "${address[east]}"
  [ -z "${watcher:-}" ] || watch_leaks east
}
