# SPDX-License-Identifier: Apache-2.0
# What Prometheus sees of masqd, and what masqd bears from those who can reach its port.
# datapaths: bpf
# families: ipv4

world serves tcp 80

prometheus_starts() {
  cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 500ms}
scrape_configs:
- job_name: masq
  static_configs: [{targets: ["127.0.0.1:9965"]}]
YAML
  inside node promtool check config "$work/prometheus.yml" >/dev/null || fail "promtool does not like the configuration"
  background node prometheus prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address=127.0.0.1:9090 --log.level=warn
}
# prometheus_says QUERY VALUE
prometheus_says() {
  local answer
  answer=$(inside node promtool query instant http://127.0.0.1:9090 "$1" 2>&1) || fail "$answer"
  [[ $answer == *"=> $2 @"* ]] || fail "$1: '$answer' and not $2"
}
# answers PATH "STATUS TEXT" [PORT]: what a probe of the kubelet would get; the text is the begin of the page.
answers() {
  local answer
  answer=$(inside node /usr/bin/python3 -c 'import sys, urllib.error, urllib.request
try:
    page = urllib.request.urlopen(sys.argv[1], timeout=3)
except urllib.error.HTTPError as error:
    page = error
print(page.status, page.read().decode())' "http://127.0.0.1:${3:-9965}$1") || fail "no answer at $1"
  [[ $answer == "$2"* ]] || fail "$1: '$answer' and not '$2'"
}
needs_prometheus() {
  command -v promtool >/dev/null && command -v prometheus >/dev/null || skip "prometheus is not installed"
}

scenario "metrics are off by default" family=ipv4
    masqd starts
    same  "" "$(inside node ss -Hltn)" "TCP listeners"

scenario "promtool accepts the metrics"
    needs_prometheus
    masqd starts with prometheus-serve-addr=:9965
    pod1  reaches world as node
    metrics | promtool check metrics || fail "promtool check metrics"

scenario "Prometheus scrapes mappings, packets, uplinks and reload state" only=bpf
    needs_prometheus
    node_may_reset
    masqd starts with prometheus-serve-addr=127.0.0.1:9965 nat-max-mappings=1000
    prometheus_starts
    within 20 prometheus_says up 1
    pod1  chats with world as talk
    pod2  reaches world as node
    within 5 prometheus_says "masq_nat_mappings{family=\"$family\"}" 2
    within 5 prometheus_says "masq_nat_mappings_max{family=\"$family\"}" 1000
    within 5 prometheus_says "sum(masq_nat_mappings_created_total{family=\"$family\"})" 2
    within 5 prometheus_says "masq_packets_total{direction=\"egress\",family=\"$family\",reason=\"translated\"} > bool 5" 1
    within 5 prometheus_says "masq_uplink_info{device=\"eth0\",$family=\"${address[node]}\"}" 1
    within 5 prometheus_says masq_config_last_reload_successful 1
    within 5 prometheus_says "time() - masq_config_last_reload_success_timestamp_seconds < bool 60" 1
    within 5 prometheus_says masq_apply_errors_total 0
    within 5 prometheus_says "count(masq_build_info)" 1
    talk  is_unbroken

scenario "a metric reports an invalid ip-masq-agent file" family=ipv4
    the_file_excludes office
    masqd starts with prometheus-serve-addr=:9965 enable-ip-masq-agent
    metric_is masq_config_last_reload_successful 1
    last=$(metric masq_config_last_reload_success_timestamp_seconds)
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    within 2 metric_is masq_config_last_reload_successful 0
    awk -v last="$last" -v now="$(metric masq_config_last_reload_success_timestamp_seconds)" -v clock="$EPOCHREALTIME" \
        'BEGIN { exit !(now >= last - 0.1 && now < clock) }' || fail "the time of the last success"
    the_file_excludes office
    within 2 metric_is masq_config_last_reload_successful 1

scenario "metrics are served only at the configured address" family=ipv4
    node_may_reset
    masqd starts with prometheus-serve-addr=127.0.0.1:9965
    not   fetch node http://127.0.0.1:9965/
    not   fetch node http://127.0.0.1:9965/v1/status
    not   fetch world "http://${address[node]}:9965/metrics"
    masqd is_terminated
    masqd starts with "prometheus-serve-addr=${address[node]}:9965"
    contains masq_build_info "$(fetch world "http://${address[node]}:9965/metrics")"

scenario "readyz follows the datapath, and healthz the agent" family=ipv4
    the_file_excludes office
    masqd starts with prometheus-serve-addr=:9965 enable-ip-masq-agent
    answers /readyz "200 OK"
    answers /healthz "200 OK"
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    within 2 status_is_not_ok
    answers /readyz "200 OK"
    sysctl_in node net.ipv4.conf.eth0.forwarding=0
    within 1 answers /readyz "503 eth0: IPv4 forwarding is off"
    answers /healthz "200 OK"
    sysctl_in node net.ipv4.conf.eth0.forwarding=1
    within 1 answers /readyz "200 OK"

scenario "a taken metrics port is served when it is free" family=ipv4
    node_may_reset
    node  serves tcp 9965
    agent_flags with prometheus-serve-addr=:9965,127.0.0.1:9966
    start_agent
    eventually status_shows "prometheus-serve-addr: listen on :9965: Address already in use"
    status_is_not_ok
    pod1  reaches world as node
    answers /readyz "200 OK" 9966
    kill "$(cat "$work/node-tcp-9965.pid")"
    within 10 metric_is masq_config_last_reload_successful 1
    agent_is_ready

scenario "an address for metrics that is none is rejected" family=ipv4
    masqd refuses prometheus-serve-addr=9965 "prometheus-serve-addr=here:1"

scenario "the metrics port is free after masqd was killed" family=ipv4
    masqd starts with prometheus-serve-addr=:9965
    metric_is masq_config_last_reload_successful 1
    masqd is_killed
    masqd starts with prometheus-serve-addr=:9965
    metric_is masq_config_last_reload_successful 1

scenario "a thousand incomplete requests do not block the metrics" family=ipv4
    node_may_reset
    masqd starts with prometheus-serve-addr=:9965
    background world slow /usr/bin/python3 -c 'import socket, sys, time
kept = []
while True:
    try:
        kept.append(socket.create_connection((sys.argv[1], 9965), 1))
        kept[-1].send(b"GET /met")
    except OSError:
        time.sleep(0.01)
    if len(kept) > 1000:
        kept.pop(0).close()' "${address[node]}"
    descriptors() { find "/proc/$agent/fd" -type l | wc -l; }
    is_under_attack() { [ "$(descriptors)" -gt 256 ] || fail "not yet under attack"; }
    within 5 is_under_attack
    for _ in 1 2 3 4 5 6 7 8 9 10; do contains masq_build_info "$(metrics)"; done
    same  0 "$(snmp node TcpExt ListenOverflows)" "connections that found the queue full and waited for a second SYN"
    [ "$(descriptors)" -lt 350 ] || fail "descriptors: $(descriptors)"
    masq status --brief
    pod1  reaches world as node

scenario "a flood from many addresses delays no scrape" family=ipv4 serial
    node_may_reset
    masqd starts with prometheus-serve-addr=:9965
    # From another loopback address each: silent ones, half requests, and whole ones whose reply is not read.
    background node flood /usr/bin/python3 -c 'import collections, itertools, socket
kept = collections.deque()
words = [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /readyz HTTP/1.1\r\n\r\n"]
for number in itertools.count():
    one = socket.socket()
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    one.bind((f"127.{1 + number // 62500 % 250}.{number // 250 % 250}.{1 + number % 250}", 0))
    kept.append((one, words[number % 4]))
    one.connect_ex(("127.0.0.1", 9965))
    if len(kept) > 500:
        try:
            kept[-500][0].send(kept[-500][1])
        except OSError:
            pass
    if len(kept) > 3000:
        kept.popleft()[0].close()
    if number % 5000 == 0:
        print(number, flush=True)'
    floods() { grep -qx 5000 "$work/flood.out" || fail "no flood yet"; }
    within 20 floods
    inside node /usr/bin/python3 -c 'import time, urllib.request
for _ in range(20):
    begin = time.monotonic()
    page = urllib.request.urlopen("http://127.0.0.1:9965/metrics", timeout=5).read()
    took = time.monotonic() - begin
    assert b"masq_build_info" in page and took < 1, f"a scrape took {took:.2f} s"' || fail "the flood delays a scrape"
    masq  status --brief
    pod1  reaches world as node
