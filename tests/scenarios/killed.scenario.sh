# SPDX-License-Identifier: Apache-2.0
# masqd is killed at each system call of its life that changes anything: start, a change of the file, stop. Between two
# of them the kernel stays as it is, so there are no other moments.
# datapaths: bpf
# families: ipv4

world serves tcp 80
world serves udp 5300

moments=bpf,mkdir,mkdirat,rename,unlink,unlinkat,rmdir,mount,flock,socket,bind,sendto,sendmsg,write,writev,kill,exit_group
is_gone() { ! kill -0 "$agent" 2>/dev/null; }
is_ready_or_gone() { is_gone || masq status --brief; }
has_the_file_or_is_gone() { is_gone || ipmasq_lists "$1"; }
table_is_paired() { inside node "$support/paired.py" "$bpf_root/masq/maps/$schema" "$family"; }

streams_begin() {
    pod1  keeps_up 20 tcp with world as chatter
    pod2  keeps_up 5 udp with world as questions
    pod1  keeps_knocking world as births
    pod2  keeps_pinging world as flood
}
# A change of the layout that is killed holds new connections for up to 5 s (docs/decisions/0007), and a SYN is sent again
# after 1, 3 and 7 s.
streams_go_on() {
    chatter goes_on
    questions goes_on
    within 14 has_come_to births $(($(progress births) + 3))
}
streams_are_unbroken() { chatter is_unbroken; questions is_unbroken; births is_unbroken; flood lost_nothing; }

# life_with_a_kill_at N: $agent_exit is 137 when it came to that call, else 0.
life_with_a_kill_at() {
    local excluded=${round_names[$(($1 % 2))]}
    exec_inside node "${clean_environment[@]}" strace -D -q -o /dev/null -e "trace=$moments" -e "inject=$moments:signal=KILL:when=$1" \
        "$bin/${masqd_program:-masqd}" "${agent_arguments[@]}" >>"$agent_log" 2>&1 &
    agent=$!
    within 60 is_ready_or_gone
    the_file_excludes "$excluded"
    within 60 has_the_file_or_is_gone "$excluded"
    kill  -TERM "$agent" 2>/dev/null || true
    agent_exit=0
    wait "$agent" 2>/dev/null || agent_exit=$?
    agent=
    rm -f "$agent_log" # of hundreds of lives
}

# killed_at_each STEP [COMMAND...]: COMMAND before each life.
killed_at_each() {
    local step=$1 n=1 kills=0; shift
    round_names=(office branch)
    while :; do
        "$@"
        life_with_a_kill_at "$n"
        if [ "$agent_exit" = 0 ]; then break; fi
        same  137 "$agent_exit" "exit at call $n"
        kills=$((kills + 1)) n=$((n + step))
        if ((kills % 10 == 0)); then streams_go_on; no_leak; fi
    done
    note "$kills kills, at every ${step}th of $n calls"
    [ "$kills" -ge 10 ] || fail "it was killed only $kills times"
}

comes_back_well() {
    masqd_program=masqd
    masqd starts with enable-ip-masq-agent nat-max-mappings=2000 nat-timeout-tcp-transitory=2s
    streams_go_on
    pod2  reaches world as node
    streams_are_unbroken
    within 5 table_is_paired
}

the_streams_of_a_life() {
    pods_may_show_at office branch
    the_file_excludes office
    masqd starts with enable-ip-masq-agent nat-max-mappings=2000 nat-timeout-tcp-transitory=2s
    streams_begin
    masqd is_terminated
}

the_other_layout_was_here() {
    masqd_program=masqd_of_another_layout
    start_agent
    within 60 agent_is_ready
    masqd is_terminated
    masqd_program=masqd
}

scenario "connections survive SIGKILL at every 16th system call" only=bpf serial
    the_streams_of_a_life
    killed_at_each 16
    comes_back_well

scenario "connections survive SIGKILL at every system call" only=bpf long serial
    the_streams_of_a_life
    killed_at_each 1
    comes_back_well

scenario "a table migration survives SIGKILL at every 40th system call" only=bpf serial
    the_streams_of_a_life
    killed_at_each 40 the_other_layout_was_here
    comes_back_well
    same  "$schema" "$(ls "$bpf_root/masq/maps")"

scenario "a table migration survives SIGKILL at every third system call" only=bpf long serial
    the_streams_of_a_life
    killed_at_each 3 the_other_layout_was_here
    comes_back_well
    same  "$schema" "$(ls "$bpf_root/masq/maps")"
