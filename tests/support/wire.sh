# SPDX-License-Identifier: Apache-2.0
# Crafted packets: what no socket sends. The cases are in wire/*.py, one table or story each.
#
#   only_crafted_packets                      pods and world answer nothing by themselves from here on
#   crafted THEME CASE [WORD...]              the case of wire/THEME.py
#   crafted_packets_go_over_the_tunnel        instead of over eth0

# Marks are packets that masq has nothing to do with; each pod has an address outside the pod CIDRs for them.
only_crafted_packets() {
  local who pod number hardware
  for who in pod1 pod2 world; do
    inside "$who" nft "add table inet silence; add chain inet silence in { type filter hook input priority 0; policy drop; };
      add rule inet silence in icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
  done
  for number in 1 2; do
    pod=pod$number
    hardware=$(ip_in "$pod" -br link show eth0 | awk '{ print $3 }')
    ip_in node neigh replace "${address[aside-$pod]}" lladdr "$hardware" dev "lxc$number"
    ip_in node route add "${address[aside-$pod]}/$host" dev "lxc$number"
  done
}

crafting_over=(eth0 node)

# crafted_packets_go_over_the_tunnel: and all the world is behind it.
crafted_packets_go_over_the_tunnel() {
  crafting_over=(tun0 east)
  ip_in node route replace default via "${address[east]}"
  address[node]=${address[node-east]}
  address[router]=${address[east]}
}

crafted() {
  local name said
  note "crafted $*"
  for name in "${!address[@]}"; do echo "$name ${address[$name]}"; done >"$work/names"
  said=$("$support/wire/crafted" "$work/names" \
    "nsenter --net=/run/netns/node $bin/masq --socket-path $socket --bpf-root $bpf_root" "${crafting_over[@]}" "$@" 2>&1) || fail "$said"
}
