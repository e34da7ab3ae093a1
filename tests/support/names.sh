# SPDX-License-Identifier: Apache-2.0
# Who is who in the scenarios. Everything is said in names, so that one text serves both families.

declare -A address cidr

if [ "$family" = ipv4 ]; then
  any=0.0.0.0/0 host=32 link=24 nft_family=ip
  address=(
    [pod1]=10.0.1.11 [pod2]=10.0.1.12 [gateway]=10.0.1.1
    [node]=192.0.2.10 [node-second]=192.0.2.11 [node-new]=192.0.2.12
    [router]=192.0.2.1 [node2]=192.0.2.20 [node2-external]=203.0.113.20 [pod-of-node2]=10.0.2.11
    [world]=203.0.113.9 [elsewhere]=198.51.100.7 [public]=9.9.9.9
    [office]=10.1.0.9 [lab]=10.2.0.9 [branch]=172.16.5.9
    [aside-pod1]=198.18.9.1 [aside-pod2]=198.18.9.2
    [node-east]=198.18.0.10 [east]=198.18.0.1 [beyond-east]=203.0.113.77
    [world-middle]=198.18.2.1 [middle]=198.18.2.2 [middle-far]=198.18.3.1 [far]=198.18.3.2
  )
  cidr=(
    [pods]=10.0.1.0/24 [cluster]=10.0.0.0/16 [pods-of-node2]=10.0.2.0/24
    [world]=203.0.113.0/24 [elsewhere]=198.51.100.0/24 [office]=10.1.0.0/16 [lab]=10.2.0.0/16
    [branch]=172.16.0.0/12 [private]=10.0.0.0/8 [unused]=10.77.0.0/16
  )
else
  any=::/0 host=128 link=64 nft_family=ip6
  address=(
    [pod1]=fd00:0:0:1::11 [pod2]=fd00:0:0:1::12 [gateway]=fd00:0:0:1::1
    [node]=2001:db8::10 [node-second]=2001:db8::11 [node-new]=2001:db8::12
    [router]=2001:db8::1 [node2]=2001:db8::20 [node2-external]=2001:db8:cb::20 [pod-of-node2]=fd00:0:0:2::11
    [world]=2001:db8:cb::9 [elsewhere]=2001:db8:c6::7 [public]=2620:fe::9
    [office]=fd01::9 [lab]=fd02::9 [branch]=2001:db8:ac::9
    [aside-pod1]=2001:db8:a5::1 [aside-pod2]=2001:db8:a5::2
    [node-east]=2001:db8:ea::10 [east]=2001:db8:ea::1 [beyond-east]=2001:db8:cb::77
    [world-middle]=2001:db8:12::1 [middle]=2001:db8:12::2 [middle-far]=2001:db8:13::1 [far]=2001:db8:13::2
  )
  cidr=(
    [pods]=fd00:0:0:1::/64 [cluster]=fd00::/48 [pods-of-node2]=fd00:0:0:2::/64
    [world]=2001:db8:cb::/64 [elsewhere]=2001:db8:c6::/64 [office]=fd01::/16 [lab]=fd02::/16
    [branch]=2001:db8:ac::/48 [private]=fc00::/7 [unused]=fd77::/16
  )
fi

# The address of a name; what is no name is taken as it is.
address_of() { echo "${address[$1]:-$1}"; }

# The prefix of a name; a name that has none is the prefix of its one address.
cidr_of() {
  if [ -n "${cidr[$1]:-}" ]; then echo "${cidr[$1]}"
  elif [ -n "${address[$1]:-}" ]; then echo "${address[$1]}/$host"
  else echo "$1"; fi
}

# at NAME PORT: an endpoint as masq prints it.
at() {
  local where; where=$(address_of "$1")
  if [[ $where == *:* ]]; then echo "[$where]:$2"; else echo "$where:$2"; fi
}
