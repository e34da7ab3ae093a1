# SPDX-License-Identifier: Apache-2.0
# The agent may go, be killed and come back: packets do not notice.
# Only bpf: what is about pins and the bpffs. Of rules and their adoption firewalls.scenario.sh tells.
# datapaths: bpf
# families: ipv4

world serves tcp 80

scenario "established and new connections work after SIGTERM" family=ipv4,ipv6
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with world as talk
    masqd is_terminated
    talk  goes_on
    pod2  reaches world as node
    pod1  reaches office as pod1
    talk  is_unbroken

scenario "established and new connections work after SIGKILL" family=ipv4,ipv6
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with world as talk
    masqd is_killed
    talk  goes_on
    pod2  reaches world as node
    pod1  reaches office as pod1
    talk  is_unbroken

scenario "restarts and SIGKILL do not break gigabyte transfers"
    masqd starts
    pod1  downloads from world as down
    pod2  uploads to world as up
    for round in 1 2 3 4 5; do
        masqd is_restarted
        pod1  reaches world as node
    done
    masqd is_killed
    masqd starts
    down  has_moved 1000000000
    up    has_moved 300000000
    down  is_unbroken
    up    is_unbroken

scenario "established connections survive a restart with other options" family=ipv4,ipv6
    masqd starts
    pod1  chats with world as talk from 20000
    masqd is_terminated
    # shellcheck disable=SC2046
    masqd starts with $(on bpf echo nat-timeout-udp=10s) random-fully nat-port-range=1024-29999
    talk  goes_on
    nat_lists "$(at pod1 20000)" "XLATE_SRC $(at node 20000) state=established"
    pod2  reaches world as node
    talk  is_unbroken

scenario "twenty restarts lose no ping sent every five milliseconds"
    masqd starts
    pod1  keeps_pinging world as flood
    for round in $(seq 20); do
        masqd is_restarted
    done
    flood lost_nothing

scenario "SIGKILL during the start of masqd interrupts no masquerading"
    masqd starts
    pod1  chats with world as talk
    masqd is_killed
    for round in $(seq 25); do
        start_agent
        sleep "0.$(printf '%03d' $((round * 8)))" # the moment is what is tried out
        masqd is_killed
    done
    talk  goes_on
    pod2  reaches world as node
    masqd starts
    pod2  reaches world as node
    talk  is_unbroken

scenario "masqd applies changes that occurred while it was stopped" family=ipv4,ipv6
    the_world_knows_the_pods
    pods_may_show_at office
    the_file_excludes branch
    masqd starts with enable-ip-masq-agent
    masqd is_killed
    the_file_excludes office
    node_gets_a_second_uplink
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches beyond-east as node-east
    pod1  reaches world as node

scenario "a second masqd exits with an error"
    masqd starts
    status=0
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1) || status=$?
    same  1 "$status" "exit of the second one"
    contains "another masqd" "$said"
    agent_is_ready
    pod1  reaches world as node

scenario "a second masqd with other paths exits with an error"
    masqd starts
    agent_flags with "bpf-root=$work/other" "socket-path=$work/other.sock"
    status=0
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1) || status=$?
    same  1 "$status" "exit of the second one"
    contains "another masqd" "$said"
    pod1  reaches world as node

scenario "a stopped masqd keeps a second one from starting"
    masqd starts
    kill -STOP "$agent"
    agent_flags with "bpf-root=$work/other" "socket-path=$work/other.sock"
    status=0
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1) || status=$?
    kill -CONT "$agent"
    same  1 "$status" "exit of the second one"
    contains "another masqd" "$said"

scenario "SIGINT ends masqd with status 0, and masquerading continues"
    masqd starts
    end_agent -INT
    same  0 "$agent_exit" "exit"
    pod1  reaches world as node

scenario "masqd continues when the reader of its log exits"
    mkfifo "$work/log"
    agent_log=$work/log
    agent_flags
    head  -n 1 "$work/log" >/dev/null &
    start_agent
    agent_log=$work/masqd.log
    eventually agent_is_ready
    pods_may_show_at beyond-east # until it is covered
    node_gets_a_second_uplink # there is something to say
    within 5 pod1 reaches beyond-east as node-east
    agent_is_ready

scenario "masqd without privileges exits with a permission error"
    agent_flags
    status=0
    said=$(inside node setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$bin/masqd" "${agent_arguments[@]}" 2>&1) || status=$?
    same  1 "$status" "exit"
    contains "ermi" "$said" # "Permission denied", "not permitted"

scenario "masqd rejects a bpf-root that is not a directory" only=bpf
    agent_flags with "bpf-root=/dev/null"
    status=0
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1) || status=$?
    same  1 "$status" "exit"
    contains /dev/null "$said"

scenario "an idle masqd uses no CPU" serial
    masqd starts
    ticks() { awk '{ print $14 + $15 }' "/proc/$agent/stat"; }
    sleep 0.5 # it may still be settling
    before=$(ticks)
    sleep 2   # the time that is measured
    [ $(($(ticks) - before)) -le 2 ] || fail "$(($(ticks) - before)) ticks of CPU time in 2 s"

scenario "a hundred changes leak neither memory nor file descriptors" serial
    masqd starts with enable-ip-masq-agent
    changes() {
        local round
        for round in $(seq "$1"); do
            the_file_excludes office
            give_also node eth0 "${address[node-second]}/$link"
            sleep 0.02
            the_file_excludes lab
            ip_in node address delete "${address[node-second]}/$link" dev eth0
            sleep 0.02
        done
        within 2 ipmasq_lists lab
    }
    descriptors() { find "/proc/$agent/fd" -type l | wc -l; }
    resident() { awk '/^VmRSS/ { print $2 }' "/proc/$agent/status"; }
    changes 10
    before=$(descriptors) memory=$(resident)
    changes 50
    no_more() { [ "$(descriptors)" -le "$before" ]; } # but while a request or a change is under way
    within 2 no_more
    [ $(($(resident) - memory)) -lt 2048 ] || fail "$memory kB became $(resident) kB"

scenario "unchanged files and unrelated links cause no apply"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    before=$(grep -c applied "$agent_log")
    for round in 1 2 3; do
        the_file_excludes office
        ip -n node link add other type veth peer name rehto
        ip_in node link set other up
        ip_in node link delete other
        sleep 0.1 # time for a wrong reaction
    done
    same  "$before" "$(grep -c applied "$agent_log")" "times that something was applied"

scenario "masqd reads its YAML file again on SIGHUP"
    the_world_knows_the_pods
    pods_may_show_at office
    echo "log-level: debug" >"$work/masq.yaml"
    masqd starts with "config=$work/masq.yaml"
    pod1  reaches office as node
    echo "$family-native-routing-cidr: $(cidr_of office)" >"$work/masq.yaml"
    kill  -HUP "$agent"
    within 1 pod1 reaches office as pod1

scenario "masqd follows its config directory within a second"
    the_world_knows_the_pods
    pods_may_show_at office
    mkdir "$work/keys"
    masqd starts with "config-dir=$work/keys"
    pod1  reaches office as node
    cidr_of office >"$work/keys/$family-native-routing-cidr"
    within 1 pod1 reaches office as pod1
    rm    "$work/keys/$family-native-routing-cidr"
    within 1 pod1 reaches office as node

scenario "masqd follows a mounted ConfigMap of options" family=ipv4
    the_world_knows_the_pods
    pods_may_show_at office
    mkdir -p "$work/keys/..1" "$work/keys/..2"
    ln -s ..1 "$work/keys/..data"
    ln -s ..data/ipv4-native-routing-cidr "$work/keys/ipv4-native-routing-cidr"
    echo "192.0.2.128/25" >"$work/keys/..1/ipv4-native-routing-cidr"
    cidr_of office >"$work/keys/..2/ipv4-native-routing-cidr"
    masqd starts with "config-dir=$work/keys"
    pod1  reaches office as node
    ln -s ..2 "$work/keys/..new"
    mv -T "$work/keys/..new" "$work/keys/..data"
    within 1 pod1 reaches office as pod1

scenario "a wrong value in the config directory changes nothing" family=ipv4
    mkdir "$work/keys"
    masqd starts with "config-dir=$work/keys"
    echo "loud" >"$work/keys/log-level"
    eventually status_shows "keys/log-level: log-level: \"loud\": one of debug, info, warning, error is expected"
    not   masq status --brief
    pod1  reaches world as node
    kill  -HUP "$agent"
    echo "debug" >"$work/keys/log-level"
    eventually masq status --brief
    rm -r "$work/keys"
    eventually status_shows "keys: cannot be read"
    pod1  reaches world as node
    mkdir "$work/keys"
    eventually masq status --brief

scenario "a restarted masqd adopts the pinned maps and links" only=bpf
    masqd starts
    pod1  reaches world as node
    before=$(stat -c %i "$bpf_root"/masq/maps/*/* "$bpf_root"/masq/links/*/*)
    masqd is_restarted
    same  "$before" "$(stat -c %i "$bpf_root"/masq/maps/*/* "$bpf_root"/masq/links/*/*)" "pins"

scenario "masqd mounts a bpffs if none is mounted" only=bpf
    not   mountpoint -q "$bpf_root"
    masqd starts
    same  "bpf" "$(stat -f -c %T "$bpf_root" | sed 's/bpf_fs/bpf/')" "file system"
    masqd is_restarted
    same  1 "$(grep -c " $bpf_root " /proc/mounts)" "mounts"
    pod1  reaches world as node

scenario "masqd uses a mounted bpffs" only=bpf
    mkdir "$bpf_root"
    mount -t bpf none "$bpf_root"
    masqd starts
    same  1 "$(grep -c " $bpf_root " /proc/mounts)" "mounts"
    pod1  reaches world as node

scenario "other users cannot take pins or locks of masqd" only=bpf
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    mkdir "$bpf_root"
    chmod o+x "$work" "${work%/*}"
    mount -t bpf none "$bpf_root" # the kernel's default mode: everybody may write
    as_nobody mkdir "$bpf_root/masq"
    as_nobody flock "$bpf_root" sleep 30 &
    agent_flags
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1) && fail "it starts: $said"
    contains "it belongs to user 65534, not to root" "$said"
    masqd starts
    pod1  reaches world as node
    not   as_nobody mv "$bpf_root/masq" "$bpf_root/gone"
    not   as_nobody ls "$bpf_root/masq"

scenario "masqd restores removed pins when it starts" only=bpf
    pods_may_show_at world
    masqd starts
    pod1  reaches world as node
    masqd is_killed
    rm -r "$bpf_root/masq"
    masqd starts
    pod1  reaches world as node

scenario "a running masqd restores removed pins within five seconds" only=bpf
    pods_may_show_at world
    node_may_reset # while a program is detached
    masqd starts
    pod1  reaches world as node
    for gone in links/eth0/egress links/eth0/ingress links maps ""; do
        rm -r "$bpf_root/masq/$gone"
        within 5 exists "$bpf_root/masq/links/eth0/egress"
        within 5 exists "$bpf_root/masq/links/eth0/ingress"
        within 5 exists "$bpf_root/masq/maps/$schema/control4"
        within 5 pod1 reaches world as node
    done

scenario "--cleanup removes all objects of masqd from the kernel"
    pods_may_show_at world
    as_found() { inside node sh -c 'tc qdisc show; nft list ruleset; ip -o link; ip -o address; ip route'; }
    before=$(as_found)
    masqd starts
    pod1  reaches world as node
    masqd is_terminated
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"
    not   exists "$bpf_root/masq"
    same  "$before" "$(as_found)"
    pod1  cannot_reach world
    in_node "$bin/masqd" --cleanup --bpf-root "$bpf_root"

scenario "--dry-run prints the plan and changes nothing"
    pods_may_show_at world
    agent_flags with dry-run
    said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>/dev/null)
    contains eth0 "$said"
    contains "${address[node]}" "$said"
    not   exists "$bpf_root/masq"
    pod1  cannot_reach world
