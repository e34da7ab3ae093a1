# SPDX-License-Identifier: Apache-2.0
# What Prometheus would see. masqd serves it where a scenario says: `masqd starts with prometheus-serve-addr=:9965`.

# fetch FROM URL: the page, as curl would get it; fails when nobody answers.
fetch() {
  inside "$1" /usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())' "$2"
}
metrics() { fetch node http://127.0.0.1:9965/metrics; }

# metric 'NAME{LABEL="VALUE",...}': its value. Labels are compared as they are written.
metric() {
  local page value
  page=$(metrics) || fail "no metrics"
  value=$(awk -v name="$1" 'index($0, name " ") == 1 { print substr($0, length(name) + 2) }' <<<"$page")
  [ -n "$value" ] || fail "no metric $1"
  echo "$value"
}
metric_is() {
  local value; value=$(metric "$1") || exit
  same "$2" "$value" "$1"
}
