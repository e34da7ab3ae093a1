# SPDX-License-Identifier: Apache-2.0
# The rights that masqd needs, and those that it keeps once it has started.
# families: ipv4

world serves tcp 80

built=$bin
# masqd_has CAPABILITY...: it is started with these alone, and with a bpffs that others have mounted.
masqd_has() {
    local all
    all=$(printf ',+%s' "$@")
    mountpoint -q "$bpf_root" || { mkdir "$bpf_root"; mount -t bpf -o mode=0700 none "$bpf_root"; }
    bin=$built
    masqd_runs_under setpriv --inh-caps=-all "--bounding-set=-all$all"
}
# Those that the datapath needs, as the capabilities of <linux/capability.h>.
needed() {
    case $datapath in
        bpf) echo bpf net_admin perfmon ;;
        nftables) echo net_admin ;;
        iptables) echo net_admin net_raw ;; # its tools open a raw socket
    esac
}
process_says() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$agent/status"; }
# process_has SET CAPABILITY...: exactly these; and net_raw, if it has the tools of iptables-legacy.
process_has() {
    local name mask=0 found
    local -A numbers=([net_admin]=12 [net_raw]=13 [perfmon]=38 [bpf]=39)
    for name in "${@:2}"; do mask=$((mask | 1 << numbers[$name])); done
    found=$((16#$(process_says "$1")))
    ((mask & 1 << numbers[net_raw])) || found=$((found & ~(1 << numbers[net_raw])))
    same  "$(printf '%x' $mask)" "$(printf '%x' $found)" "$1"
}
has_given_up_the_rest() {
    # shellcheck disable=SC2046
    process_has CapEff $(needed)
    # shellcheck disable=SC2046
    process_has CapPrm $(needed)
    same  1 "$(process_says NoNewPrivs)" "NoNewPrivs"
    same  2 "$(process_says Seccomp)" "Seccomp"
}
# In a container they may be absent. The lab has a mount namespace of its own. /proc/cgroups has the hierarchy of version 1.
mount_memory_cgroups() { # DIRECTORY
    if grep -qP '^memory\t[1-9]' /proc/cgroups; then
        mount -t tmpfs none "$1"
        mkdir "$1/memory"
        mount -t cgroup -o memory none "$1/memory"
    else
        mount -t cgroup2 none "$1"
    fi
}
# masqd_has_memory LIMIT: masqd is started in a cgroup with this limit, to which the kernel charges its maps, as to a pod's.
masqd_has_memory() {
    local parent=/sys/fs/cgroup
    memory_limit=memory.max
    [ -e "$parent/cgroup.controllers" ] || [ -e "$parent/memory" ] || mount_memory_cgroups "$parent"
    if [ -e "$parent/memory/memory.limit_in_bytes" ]; then parent+=/memory memory_limit=memory.limit_in_bytes
    elif ! grep -qw memory "$parent/cgroup.subtree_control"; then skip "no cgroup has the controller for memory"; fi
    memory_group=$parent/masq-$(stat -Lc %i /proc/self/ns/pid)
    mkdir "$memory_group"
    trap 'if [ -n "$agent" ]; then end_agent -KILL; fi; rmdir "$memory_group"' EXIT
    memory_limit_is "$1"
    # shellcheck disable=SC2016 # the inner shell's variables
    printf '#!/bin/sh\necho $$ >%s/cgroup.procs\nexec "$@"\n' "$memory_group" >"$work/in-memory-group"
    chmod +x "$work/in-memory-group"
    masqd_runs_under "$work/in-memory-group"
}
memory_limit_is() { echo "$1" >"$memory_group/$memory_limit"; }
masqd_ends_with() { # TEXT: exit 1, one line
    local status=0
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1 >/dev/null) || status=$?
    same  1 "$status" "exit: $said"
    same  1 "$(wc -l <<<"$said")" "lines: $said"
    contains "$1" "$said"
}

scenario "masqd works with the needed capabilities only"
    # shellcheck disable=SC2046
    masqd_has $(needed)
    masqd starts
    has_given_up_the_rest
    pod1  reaches world as node
    pods_may_show_at beyond-east # until it is covered
    node_gets_a_second_uplink
    within 3 pod1 reaches beyond-east as node-east
    masqd is_restarted
    pod1  reaches world as node

scenario "masqd names each missing capability and its purpose" only=bpf
    agent_flags
    for missing in bpf net_admin perfmon; do
        # shellcheck disable=SC2046
        masqd_has $(needed | tr ' ' '\n' | grep -vx "$missing")
        masqd_ends_with "datapath bpf: CAP_${missing^^} is missing: it is needed to"
    done
    masqd_has net_raw
    masqd_ends_with "CAP_PERFMON is missing"
    contains "CAP_BPF is missing" "$said"

scenario "masqd names the capability that rules need" only=nftables,iptables
    agent_flags
    masqd_has net_raw
    masqd_ends_with "datapath $datapath: CAP_NET_ADMIN is missing: it is needed to change the rules of $datapath"
    on    iptables masqd_has net_admin
    on    iptables masqd_ends_with "datapath iptables: CAP_NET_RAW is missing: it is needed to use sets"

scenario "masqd names the capability that mounts a bpffs" only=bpf
    agent_flags
    masqd_runs_under setpriv --bounding-set=-sys_admin
    masqd_ends_with "CAP_SYS_ADMIN is missing: it is needed to mount a bpffs"

scenario "after giving up privileges masqd follows every change"
    the_world_knows_the_pods
    pods_may_show_at office
    pods_may_show_at beyond-east # until it is covered
    mkdir "$work/keys"
    the_file_excludes lab
    masqd starts with "config-dir=$work/keys" enable-ip-masq-agent prometheus-serve-addr=:9965
    has_given_up_the_rest
    pod1  chats with world as talk
    node_gets_a_second_uplink
    within 3 pod1 reaches beyond-east as node-east
    the_file_excludes office
    within 3 pod1 reaches office as pod1
    echo true >"$work/keys/random-fully" # another program
    echo 40000-41000 >"$work/keys/nat-port-range"
    kill  -HUP "$agent"
    within 3 status_says "['limits']['portRanges']" "['40000-41000']"
    within 3 pod2 reaches world as node
    contains masq_build_info "$(metrics)"
    same  OK "$(masq status --brief)"
    talk  is_unbroken
    has_given_up_the_rest
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root" --socket-path "$socket" >/dev/null
    same  "" "$(inside node nft list tables | grep masq || true)" "tables"
    not   exists "$bpf_root/masq"
    pods_may_show_at world

scenario "masqd continues without memory, and recovers" only=bpf
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes lab
    masqd starts with enable-ip-masq-agent
    size=$(awk '/^VmSize/ { print $2 }' "/proc/$agent/status")
    prlimit --pid "$agent" --as=$(((size + 1024) * 1024)):unlimited
    the_file_says "nonMasqueradeCIDRs: [$(seq -f '10.%g.0.0/24' -s, 0 255), $(seq -f '100.64.%g.0/24' -s, 0 255)
        $(for i in $(seq 0 200); do seq -f ", 198.18.$i.%g/32" -s "" 0 255; done)]"
    within 5 status_is_not_ok
    prlimit --pid "$agent" --as=unlimited:unlimited
    the_file_excludes office
    within 5 pod1 reaches office as pod1
    within 65 masq status --brief

scenario "maps that exceed the memory limit leave no pins" only=bpf
    masqd_has_memory 48M
    agent_flags datapath=bpf nat-max-mappings=524288
    start_agent
    eventually status_shows "raise the memory limit, or lower nat-max-mappings"
    same  BPF "$(status_value "['datapath']['name']")" "datapath"
    same  "" "$(find "$bpf_root/masq" -type f)" "pins"
    same  "" "$(inside node nft list tables)" "tables"
    memory_limit_is 1G
    node_gets_a_second_uplink # a change, with which masqd tries again
    within 3 masq status --ready
    pod1  reaches world as node

scenario "masqd's memory limit decides the size of its table" only=bpf
    table_size= # auto
    masqd_has_memory 64M
    masqd starts
    status_shows "IPv4: 0 of 131072"
    pod1  reaches world as node
    masqd is_terminated
    memory_limit_is 1G
    masqd starts
    status_shows "of 131072" # a table in use keeps its size

scenario "a larger table that exceeds the memory limit replaces none" only=bpf
    masqd_has_memory 48M
    masqd starts with nat-max-mappings=4096
    masqd is_terminated
    before=$(find "$bpf_root/masq" -type f -printf '%i %P\n' | sort)
    agent_flags nat-max-mappings=524288
    start_agent
    eventually status_shows "raise the memory limit, or lower nat-max-mappings"
    same  "$before" "$(find "$bpf_root/masq" -type f -printf '%i %P\n' | sort)" "pins"
    pod1  reaches world as node
    masqd is_terminated
    masqd starts with nat-max-mappings=4096
    pod1  reaches world as node

scenario "masqd mounts a bpffs and then needs no more rights" only=bpf
    mkdir "$bpf_root"
    same  "mounted a bpffs at $bpf_root" "$(in_node "$bin/masqd" --mount-bpffs --bpf-root "$bpf_root")"
    same  "$bpf_root is a bpffs already" "$(in_node "$bin/masqd" --mount-bpffs --bpf-root "$bpf_root")"
    masqd_has bpf net_admin perfmon
    masqd starts
    pod1  reaches world as node

scenario "masqd cleans up, waits, and ends with SIGTERM"
    masqd starts
    masqd is_terminated
    masqd_program=masqd agent_arguments=(--cleanup-and-wait "--bpf-root=$bpf_root" "--socket-path=$socket")
    start_agent
    within 3 grep -qE '^(remove|nftables:|iptables:) ' "$agent_log"
    not   exists "$bpf_root/masq"
    masqd is_terminated
