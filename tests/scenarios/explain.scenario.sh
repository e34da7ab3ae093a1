# SPDX-License-Identifier: Apache-2.0
# `masq explain` says what the datapath does, and why.
# Only bpf: limits and sockets, which conntrack does not look at.
# datapaths: bpf
# families: ipv4

the_world_knows_the_pods
world serves tcp 80
world serves udp 5300

# explains WORDS SRC DST...: the first line of what masq says has WORDS in it. Names stand for addresses.
explains() {
  local words=$1 source destination; source=$(address_of "$2"); destination=$(address_of "$3"); shift 3
  said=$(masq explain "$source" "$destination" "$@") || fail "masq explain $source $destination $*: exit $?"
  contains "$words" "$(head -n 1 <<<"$said")"
}

# For each destination: what explain says is what the other side sees.
explain_is_right() {
  local who=$1 target verdict seen; shift
  for target; do
    verdict=$(masq explain "${address[$who]}" "${address[$target]}" --dport 80 -o json |
      /usr/bin/python3 -c 'import json, sys; print("node" if json.load(sys.stdin)["masqueraded"] else sys.argv[1])' "$who")
    request "$who" tcp "$target" 80
    read -r seen _ <"$work/$who.answer"
    same "$(address_of "$verdict")" "$seen" "$target, explained and seen"
  done
}

scenario "explain predicts the source address that remote hosts see" family=ipv4,ipv6
    pods_may_show_at office branch node2 pod-of-node2
    pod_cidr=$(cidr_of cluster)
    the_file_excludes office branch
    masqd starts with enable-ip-masq-agent "node-addresses=${address[node2]}"
    explain_is_right pod1 world elsewhere public office lab branch node2 node2-external pod-of-node2
    the_file_says "$(excluding private)
masqueradeCIDRs: [\"$(cidr_of office)\"]"
    within 1 ipmasq_lists private
    pods_may_show_at lab
    explain_is_right pod2 world office lab node2 pod-of-node2

scenario "explain names the rule or the fact that decides" family=ipv4,ipv6
    the_file_excludes office
    masqd starts with enable-ip-masq-agent "node-addresses=${address[node2]}" "$family-native-routing-cidr=$(cidr_of lab)"
    explains "masqueraded as ${address[node]}: no exclusion matches" pod1 world
    explains "masqueraded as ${address[node]}" pod1 world --proto tcp --dport 443
    explains "not masqueraded: $(cidr_of office) is excluded by the ip-masq-agent" pod1 office --proto udp
    explains "not masqueraded: the destination is inside the native routing CIDR $(cidr_of lab)" pod1 lab
    explains "not masqueraded: the destination is inside the pod CIDR $(cidr_of pods)" pod1 pod2
    explains "not masqueraded: ${address[node2]}/$host is another node's address" pod1 node2
    explains "not masqueraded: ${address[node]}/$host is an address of this node" pod1 node
    explains "not masqueraded: the source is outside the pod CIDRs ($(cidr_of pods))" world pod1

scenario "explain reports exhausted limits and existing mappings" only=bpf
    masqd starts with nat-port-range=20000-20000 nat-max-mappings-per-pod=1
    pod1  chats with world as talk
    explains "masqueraded as" pod1 world --dport 80
    contains "now dropped: every port of ${address[node]} toward TCP $(at world 80) is taken (1 of 1)" "$said"
    contains "now dropped: the pod has 1 of 1 mappings" "$said"
    contains "1 mapping exists" "$said"
    lacks "is taken" "$(masq explain "${address[pod2]}" "${address[world]}" --dport 81)"
    pod2  cannot_reach world
    talk  is_unbroken

scenario "explain rejects invalid arguments, and reports a missing masqd" family=ipv4
    masqd starts
    wrong() {
        local value=$1 status=0; shift
        said=$(masq explain "$@" 2>&1) || status=$?
        same 2 "$status" "exit of masq explain $*: $said"
        contains "$value" "$said"
    }
    wrong nonsense nonsense 8.8.8.8
    wrong 8.8.8.8/32 10.0.1.5 8.8.8.8/32
    wrong tpc 10.0.1.5 8.8.8.8 --proto tpc
    wrong 65536 10.0.1.5 8.8.8.8 --dport 65536
    wrong "has no ports" 10.0.1.5 8.8.8.8 --proto icmp --dport 80
    wrong DST 10.0.1.5
    masqd is_killed
    status=0
    said=$(masq explain 10.0.1.5 8.8.8.8 2>&1) || status=$?
    same  3 "$status" "exit without an agent: $said"
    wrong nonsense nonsense 8.8.8.8
