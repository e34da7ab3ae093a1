# SPDX-License-Identifier: Apache-2.0
# The wires between control plane, nodes and world: all of it in the lab's network namespaces (tests/support/lab.sh).

readonly forwarding=(net/ipv4/ip_forward net/ipv6/conf/all/forwarding)

# A machine's MAC address is the same after a reboot: the others know it from before.
declare -A mac=([node1]=02:00:00:00:00:11 [node2]=02:00:00:00:00:12)

plug() { # NAMESPACE: its eth0 into the switch
  ip -n control link add "to-$1" type veth peer name eth0 address "${mac[$1]}" netns "$1"
  ip -n control link set "to-$1" master switch up
  ip -n "$1" link set eth0 up
  both give_link_address "$1" eth0 "$1"
}
give_link_address() { give "$1" "$2" "$(address_of "$3")/${link_length[$family]}"; }
give_host_address() { give_also "$1" lo "$(address_of "$2")/${host_length[$family]}"; }

build_network() {
  local name
  mkdir -p /run/netns
  mount -t tmpfs none /run/netns
  printf 'netns add %s\n' control world | ip -batch -
  set_up_namespace control
  set_up_namespace world "${forwarding[@]}"
  ip -n control link add switch type bridge
  ip -n control link set switch up
  both give_link_address control switch control
  ip -n control link add to-world type veth peer name eth0 netns world
  ip -n control link set to-world master switch up
  ip -n world link set eth0 up
  both give_link_address world eth0 router
  for name in world office lab; do both give_host_address world "$name"; done
}

connect_node() { # NAME
  ip netns add "$1"
  set_up_namespace "$1" "${forwarding[@]}"
  plug "$1"
  both default_route "$1"
}
default_route() { ip -n "$1" route add default via "$(address_of router)"; }

# NodeLocal DNS has its address on a device of this name. It is of type dummy, which not every kernel has.
has_node_local_address() { # NODE
  ip -n "$1" link add nodelocaldns type bridge
  ip -n "$1" link set nodelocaldns up
  both give_node_local_address "$1"
}
give_node_local_address() { give "$1" nodelocaldns "$(address_of resolver)/${host_length[$family]}"; }
has_no_node_local_address() { ip -n "$1" link delete nodelocaldns 2>/dev/null || true; }

# the_world_knows_the_pods: for destinations to which pods go with their own addresses.
the_world_knows_the_pods() { local name; for name in node1 node2; do both route_to_pods world "$name"; done; }
the_world_forgets_the_pods() {
  ip -4 -n world route flush root "${prefix[ipv4/pods]}"
  ip -6 -n world route flush root "${prefix[ipv6/pods]}"
}
route_to_pods() { # FROM NODE
  ip -n "$1" route replace "${pod_prefix[$family/$2]}" via "$(address_of "$2")"
}
