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

new_namespace() {
  ip netns add "$1"
  ip_in "$1" link set lo up
  # No packets of the kernel's own beside the scenario's.
  sysctl_in "$1" net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0 \
    net.ipv6.conf.default.accept_dad=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.rp_filter=0
}

# give NAMESPACE DEVICE ADDRESS/LENGTH...
give() { give_with "" "$@"; }
# The same for addresses that the namespace's own connections do not choose: IPv6 would take the newest one.
give_also() { give_with "preferred_lft 0" "$@"; }

give_with() {
  local options=$1 where=$2 device=$3 prefix; shift 3
  for prefix; do
    if [[ $prefix == *:* ]]; then
      # shellcheck disable=SC2086 # words
      ip_in "$where" address add "$prefix" dev "$device" nodad $options
    else
      ip_in "$where" address add "$prefix" dev "$device"
    fi
  done
}

connect_pod() {
  local pod=$1 end=$2
  new_namespace "$pod"
  ip -n node link add "$end" type veth peer name eth0 netns "$pod"
  ip_in node link set "$end" up
  ip_in "$pod" link set eth0 up
  give node "$end" "${address[gateway]}/$host"
  give "$pod" eth0 "${address[$pod]}/$host"
  ip_in node route add "${address[$pod]}/$host" dev "$end"
  ip_in "$pod" route add "${address[gateway]}/$host" dev eth0
  ip_in "$pod" route add default via "${address[gateway]}"
}

# connect_uplink DEVICE FAR-END: a cable between the node and the world.
connect_uplink() {
  ip -n node link add "$1" type veth peer name "$2" netns world
  ip_in world link set "$2" up
  ip_in node link set "$1" up
}

build_lab() {
  mkdir -p /run/netns
  mount -t tmpfs none /run/netns
  local who
  new_namespace node
  new_namespace world
  sysctl_in node net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  connect_pod pod1 lxc1
  connect_pod pod2 lxc2
  connect_uplink eth0 node
  give node eth0 "${address[node]}/$link"
  give world node "${address[router]}/$link"
  give_also world node "${address[node2]}/$link"
  ip_in node route add default via "${address[router]}"
  for who in world elsewhere public office lab branch node2-external pod-of-node2; do
    give world lo "${address[$who]}/$host"
  done
}

# --- changes that scenarios make -------------------------------------------------------------------------------------

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
