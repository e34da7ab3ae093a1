# SPDX-License-Identifier: Apache-2.0
# masqd is replaced by one whose table has another layout (tests/other-layout), and comes back: docs/decisions/0007.
# datapaths: bpf

world serves tcp 80
world serves udp 5300

becomes() { masqd is_terminated; masqd_program=$1; start_agent; within 30 agent_is_ready; }
schemas() { find "$bpf_root/masq/maps" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }
other_schema() { schemas | grep -vx "$schema"; }
all_streams_begin() {
    pod1  keeps_up 40 tcp with world as chatter
    pod2  keeps_up 20 udp with world as questions
    pod1  downloads from world as down
    pod2  keeps_pinging world as flood
    before=$(endpoints) # what stays: knocking opens and closes connections, and their ports are used again
    pod1  keeps_knocking world as births
}
all_streams_go_on() { chatter goes_on; questions goes_on; births goes_on; }
all_streams_are_unbroken() {
    down  has_moved 10000000
    down  is_unbroken
    chatter is_unbroken
    questions is_unbroken
    births is_unbroken
    flood lost_nothing
}

scenario "live connections migrate to another table layout and back" only=bpf
    masqd starts
    all_streams_begin
    for next in masqd_of_another_layout masqd masqd_of_another_layout masqd; do
        becomes "$next"
        same  1 "$(schemas | wc -l)" "tables after the change to $next"
        all_streams_go_on
        pod1  reaches world as node over udp
    done
    same  "$schema" "$(schemas)"
    same  "" "$(comm -23 <(echo "$before") <(endpoints))" "mappings that are not what they were"
    all_streams_are_unbroken

scenario "a table migration needs no CAP_SYS_ADMIN" only=bpf
    masqd_program=masqd_of_another_layout
    masqd starts
    pod1  chats with world as talk
    masqd is_terminated
    masqd_runs_under setpriv --bounding-set=-sys_admin
    masqd_program=masqd
    start_agent
    within 30 agent_is_ready
    same  "$schema" "$(schemas)"
    talk  is_unbroken

scenario "live connections survive a downgrade and the upgrade back" only=bpf long limit=900
    earlier=$(realpath --relative-to="$bin" "$("$support/build-before")")
    masqd starts
    all_streams_begin
    for next in "$earlier" masqd "$earlier" masqd; do
        becomes "$next"
        same  1 "$(schemas | wc -l)" "tables after the change to $next"
        all_streams_go_on
        pod1  reaches world as node over udp
    done
    same  "$schema" "$(schemas)"
    same  "" "$(comm -23 <(echo "$before") <(endpoints))" "mappings that are not what they were"
    all_streams_are_unbroken

scenario "unmasqueraded connections survive a table migration" only=bpf
    the_world_knows_the_pods
    pods_may_show_at office router
    pod1  serves tcp 8080
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    talk_port=8080
    world chats with pod1 as visit
    talk_port=80
    pod1  chats with office as excluded
    for next in masqd_of_another_layout masqd; do
        becomes "$next"
        the_file_excludes
        visit goes_on
        excluded goes_on
    done
    visit is_unbroken
    excluded is_unbroken

scenario "any version completes an interrupted table migration" only=bpf serial
    masqd starts
    all_streams_begin
    for round in $(seq 12); do
        masqd is_killed
        if ((round % 2)); then masqd_program=masqd_of_another_layout; else masqd_program=masqd; fi
        start_agent
        sleep "0.$(printf '%03d' $((round * 41 % 500)))" # the moment is what is tried out
    done
    masqd is_killed
    masqd_program=masqd
    masqd starts
    same  "$schema" "$(schemas)"
    all_streams_go_on
    all_streams_are_unbroken

scenario "maps pinned in the path of older versions are adopted" only=bpf
    masqd starts
    pod1  chats with world as talk from 20000
    masqd is_terminated
    rm    "$bpf_root/masq/maps/$schema/"{events,monitor,arrivals,{known_ports,port_search,pods_rest,shares,destinations,own,pod_devices,pod_device_pairs}{4,6}} # there were none yet
    mv    "$bpf_root/masq/maps/$schema"/* "$bpf_root/masq/maps/"
    rmdir "$bpf_root/masq/maps/$schema"
    masqd starts
    same  "$schema" "$(schemas)"
    nat_lists "$(at pod1 20000)" "XLATE_SRC $(at node 20000) state=established"
    talk  goes_on
    talk  is_unbroken

scenario "masq reports a table of another version" only=bpf
    masqd_program=masqd_of_another_layout
    masqd starts
    contains "another version of masq" "$(words_of masq bpf nat list)"
    contains "$(other_schema)" "$(words_of masq bpf nat list)"
