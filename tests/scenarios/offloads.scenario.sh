# SPDX-License-Identifier: Apache-2.0
# Checksums and segments that devices make, or do not (R94). Wrong checksums at any receiver fail every scenario.
# datapaths: bpf

# everything_passes_with "tso on gso off gro on tx off"
everything_passes_with() {
  offloads_are "$1"
  note "offloads: $1"
  local name=${1// /_}
  pod1 downloads from world as "down_$name"
  pod1 uploads to world as "up_$name"
  "down_$name" has_moved 10000000
  "up_$name" has_moved 10000000
  "down_$name" is_unbroken
  "up_$name" is_unbroken
  pod1 asks world 5300 with 60000 bytes
  pod1 pings world with 8000 bytes
}

# The best of three transfers of two seconds, in Mbit/s.
throughput() {
  local round
  for round in 1 2 3; do
    inside pod1 iperf3 -c "${address[world]}" -t 2 -f m
  done | awk '/receiver/ && $7 > best { best = $7 } END { print best }'
}

world serves tcp 80
world serves udp 5300
world serves ping

scenario "transfers work with four combinations of offloads" # R94
    masqd starts
    everything_passes_with "tx on tso on gso on gro on"
    everything_passes_with "tx on tso off gso off gro on"
    everything_passes_with "tx off tso off gso off gro on"
    everything_passes_with "tx off tso off gso on gro off"

scenario "transfers work with every combination of offloads" long # R94
    masqd starts
    for tso in on off; do
        for gso in on off; do
            for gro in on off; do
                for tx in on off; do
                    everything_passes_with "tx $tx tso $tso gso $gso gro $gro"
                done
            done
        done
    done

scenario "masquerading reaches 80 % of the unmasqueraded throughput" long serial # R94
    pods_may_show_at world
    the_world_knows_the_pods
    background world iperf iperf3 --server --forceflush
    eventually grep -q listening "$work/iperf.out"
    plain=$(throughput)
    masqd starts
    masqueraded=$(throughput)
    note "$plain Mbit/s without, $masqueraded with masqd"
    awk -v a="$masqueraded" -v b="$plain" 'BEGIN { exit !(a > 0.8 * b) }' ||
        fail "$masqueraded Mbit/s, without masqd $plain"
