# SPDX-License-Identifier: Apache-2.0
# Who is who in the cluster. Needs: families, those of the cluster (the first one is the primary one).
#
#   client1, server1 --- [ node1 ] --+
#                                    +--- switch of [ control ] --- [ world ]
#   client2, server2 --- [ node2 ] --+
#
# The office's IPv4 address is in the reserved ranges, which the ip-masq-agent excludes by default; the lab's is not.
# The resolver is NodeLocal DNS: each node can have this address. The world is the nodes' default router. It has no route to the pods unless a scenario adds one.

declare -A address=(
  [ipv4/control]=192.0.2.1 [ipv4/node1]=192.0.2.11 [ipv4/node2]=192.0.2.12 [ipv4/router]=192.0.2.254
  [ipv4/resolver]=169.254.20.10 [ipv6/resolver]=fd00:90::a
  [ipv4/kubernetes]=10.96.0.1 [ipv4/world]=9.9.9.9 [ipv4/office]=10.1.0.9 [ipv4/lab]=44.128.0.9
  [ipv6/control]=2001:db8::1 [ipv6/node1]=2001:db8::11 [ipv6/node2]=2001:db8::12 [ipv6/router]=2001:db8::254
  [ipv6/kubernetes]=fd00:96::1 [ipv6/world]=2620:fe::9 [ipv6/office]=fd01::9 [ipv6/lab]=fd02::9
)
declare -A prefix=(
  [ipv4/pods]=10.244.0.0/16 [ipv4/services]=10.96.0.0/16 [ipv4/office]=10.1.0.0/16 [ipv4/lab]=44.128.0.0/16
  [ipv6/pods]=fd00:244::/56 [ipv6/services]=fd00:96::/112 [ipv6/office]=fd01::/16 [ipv6/lab]=fd02::/16
)
declare -A host_length=([ipv4]=32 [ipv6]=128) link_length=([ipv4]=24 [ipv6]=64) ip_option=([ipv4]=-4 [ipv6]=-6)

# In the present family; what is no name is taken as it is.
address_of() { echo "${address[$family/$1]:-$1}"; }

family_of() { if [[ $1 == *:* ]]; then echo ipv6; else echo ipv4; fi; }
# name_addresses NAME ADDRESS...: one in each family.
name_addresses() {
  local each
  for each in "${@:2}"; do address[$(family_of "$each")/$1]=$each; done
}

# both COMMAND...: once in each family of the cluster.
both() { local family; for family in "${families[@]}"; do "$@"; done; }

# Those of all families, joined by commas.
joined() { local IFS=,; echo "$*"; }
addresses_of() { local -a found; mapfile -t found < <(both address_of "$1"); joined "${found[@]}"; }
prefix_of() { echo "${prefix[$family/$1]}"; }
prefixes_of() { local -a found; mapfile -t found < <(both prefix_of "$1"); joined "${found[@]}"; }

# As a host in a URL.
bracketed() { if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi; }
