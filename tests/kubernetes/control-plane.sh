# SPDX-License-Identifier: Apache-2.0
# etcd, the API server, the controller manager and the scheduler. Needs: state, binaries, api_bind, api_advertise,
# api_port, etcd_port, service_ranges, pod_ranges, and control (a command in front of each program).

start_process() { # NAME COMMAND...: its log in $state/logs/NAME.log, its number in $state/pids/NAME
  local name=$1; shift
  mkdir -p "$state/logs" "$state/pids"
  setsid "$@" >>"$state/logs/$name.log" 2>&1 </dev/null &
  echo $! >"$state/pids/$name"
  disown $! # its end is not this shell's to report
}

is_running() { [ -s "$state/pids/$1" ] && kill -0 "$(cat "$state/pids/$1")" 2>/dev/null; }

# The API server completes its requests first; a program that has not ended after SECONDS is killed.
stop_process() { # NAME [SIGNAL [SECONDS]]
  local pid deadline=$((SECONDS + ${3:-10}))
  is_running "$1" || { rm -f "$state/pids/$1"; return 0; }
  pid=$(cat "$state/pids/$1")
  kill "-${2:-TERM}" "$pid"
  while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
  ! kill -0 "$pid" 2>/dev/null || kill -KILL "$pid"
  rm -f "$state/pids/$1"
}

# wait_for SECONDS PROGRAM COMMAND...: until it succeeds; the end of the program's log says why it does not.
wait_for() {
  local deadline=$((SECONDS + $1)) program=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    if ! is_running "$program" || ((SECONDS >= deadline)); then
      echo "kubernetes: $program: not ready ($*); the end of its log:" >&2
      tail -n 15 "$state/logs/$program.log" >&2
      return 1
    fi
    sleep 0.1
  done
}

# api_ca: the authority of the API server's certificate, if a scenario has changed it.
kubectl() {
  "${control[@]}" "$binaries/kubectl" --kubeconfig "$state/admin.conf" ${api_ca:+--certificate-authority="$api_ca"} "$@"
}

# The state of a test is lost with the test: nothing is written to the disk in time.
start_etcd() {
  local url=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$((etcd_port + 1))
  start_process etcd "${control[@]}" etcd --data-dir "$state/etcd" --unsafe-no-fsync --log-level=warn --logger=zap \
    --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
  wait_for 30 etcd "${control[@]}" curl -sf "$url/health"
}

api_server_is_ready() { "${control[@]}" curl -sf --cacert "${api_ca:-$state/pki/ca.crt}" "${api_url%:*}:$api_port/readyz"; }

# Of a flag that is given twice the last one counts. With another api_server and api_port it is another server of the same
# cluster; api_keys: the public keys of the tokens that it accepts.
start_api_server() { # [FLAG...]
  local pki=$state/pki name=${api_server:-kube-apiserver}
  start_process "$name" "${control[@]}" "$binaries/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" \
    --bind-address="$api_bind" --advertise-address="$api_advertise" --secure-port="$api_port" \
    --service-cluster-ip-range="$service_ranges" --allow-privileged=true \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --token-auth-file="$pki/tokens.csv" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="${api_keys:-$pki/service-accounts.pub}" \
    --service-account-signing-key-file="$pki/service-accounts.key" \
    --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
    --kubelet-preferred-address-types=InternalIP "$@"
  wait_for 120 "$name" api_server_is_ready
}

# controller NAME PROGRAM [FLAG...]
controller() {
  local name=$1 program=$2 conf=$state/$1.conf; shift 2
  start_process "$program" "${control[@]}" "$binaries/$program" --kubeconfig="$conf" \
    --authentication-kubeconfig="$conf" --authorization-kubeconfig="$conf" --leader-elect=false "$@"
}

start_controllers() {
  local pki=$state/pki
  controller controller-manager kube-controller-manager --allocate-node-cidrs=true --cluster-cidr="$pod_ranges" \
    --service-cluster-ip-range="$service_ranges" --use-service-account-credentials=true \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt"
  controller scheduler kube-scheduler
}
