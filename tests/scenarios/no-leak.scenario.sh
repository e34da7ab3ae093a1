# SPDX-License-Identifier: Apache-2.0
# A packet that ought to be masqueraded and cannot be is dropped and counted. The leak watcher looks at every protocol.
# Only bpf: limits for pods.
# datapaths: bpf

raw() { inside pod1 "$support/raw.py" "${address[pod1]}" "${address[world]}" "$@"; }

scenario "no protocol leaks the pod's address"
    masqd starts
    raw all
    raw gre
    raw sctp
    raw esp
    raw ipip
    [ "$(mappings)" -gt 200 ] || fail "only $(mappings) protocols made a mapping"

scenario "a RST, FIN or SYN+ACK creates no mapping"
    masqd starts
    for kind in tcp-rst tcp-fin tcp-synack; do
        raw "$kind" --from-port 20000
    done
    within 2 dropped_for no_mapping 3
    mappings_number 0

scenario "a flood beyond the table size is dropped and counted" only=bpf
    masqd starts with nat-max-mappings=64 nat-max-mappings-per-pod=64
    raw udp --from-port 20000 --count 100
    within 2 dropped_for pod_limit 68 # a pod gets half of the table
    mappings_number 32
    agent_is_ready
