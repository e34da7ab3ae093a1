# SPDX-License-Identifier: Apache-2.0
# Pods of a scenario. A pod's network namespace gets the pod's name in the lab, so that the verbs of tests/support/traffic.sh
# run in it.
#
#   pod NAME runs_on NODE [label=VALUE] [host_network] [host_port=NUMBER] [probed]
#   pod NAME is_ready | is_removed
#   pod NAME connects_to world 80        by a process in its container
#   pod NAME was_never_restarted

# Everything that a scenario makes has this label, and is removed after it.
readonly of_scenario=masq-test/of=scenario

pod() {
  local name=$1 verb=$2; shift 2
  note "pod $name $verb $*"
  case $verb in
    runs_on) pod_manifest "$name" "$@" | kubectl apply -f - >/dev/null; pod "$name" is_ready ;;
    is_ready) pod_is_ready "$name"; attach_pod "$name" ;;
    is_removed) remove_pod "$name" ;;
    connects_to) kubectl exec "$name" -- sh -c "echo hello | nc -w 1 $(address_of "$1") $2" >/dev/null || fail "$name: no connection to $1" ;;
    was_never_restarted) same 0 "$(restarts_of "$name")" "restarts of $name" ;;
    *) fail "a pod does not know how to '$verb'" ;;
  esac
}

pod_manifest() { # NAME NODE [WORD...]
  local name=$1 node=$2 word label=none extra="" ports="" probes="" command='[sleep, infinity]' of=${pod_of:-$of_scenario}; shift 2
  for word; do
    case $word in
      label=*) label=${word#*=} ;;
      host_network) extra="hostNetwork: true" ;;
      host_port=*) ports="ports: [{containerPort: 80, hostPort: ${word#*=}}]" ;;
      probed)
        command='[sh, -c, "echo ok >/tmp/index.html; exec httpd -f -p 8080 -h /tmp"]'
        probes="
    readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 2}" ;;
      *) fail "a pod has no '$word'" ;;
    esac
  done
  cat <<TEXT
apiVersion: v1
kind: Pod
metadata: {name: $name, labels: {app: $label, name: $name, ${of/=/: }}}
spec:
  nodeName: $node
  tolerations: [{operator: Exists}]
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  enableServiceLinks: false
  dnsPolicy: Default
  $extra
  containers:
  - name: main
    image: localhost/pod:1
    imagePullPolicy: Never
    command: $command
    $ports$probes
TEXT
}

pod_is_ready() { # NAME
  local said
  said=$(kubectl wait --for=condition=Ready "pod/$1" --timeout=60s 2>&1) ||
    fail "pod $1 is not ready: $said; $(kubectl describe pod "$1" 2>&1 | sed -n '/^Events/,$p' | tail -n 5)"
}

pod_exists() { kubectl get pod "$1"; }
restarts_of() { kubectl get pod "$1" -o 'jsonpath={.status.containerStatuses[0].restartCount}'; }
pod_was_restarted() { not same 0 "$(restarts_of "$1")"; }

remove_pod() {
  kubectl delete pod "$1" --ignore-not-found --wait >/dev/null
  detach_pod "$1"
}

# --- its network namespace ---------------------------------------------------------------------------------------------

namespaces_of() { find "/proc/$(node_first "$1")/root/run/netns" -name 'cni-*' 2>/dev/null; }
has_address() { [[ $(nsenter --net="$1" ip -o address show) == *" $2/"* ]]; }

# Its addresses, and the namespace that has them, under the pod's name.
attach_pod() { # NAME
  local name=$1 node addresses namespace
  read -r node addresses < <(kubectl get pod "$name" -o 'jsonpath={.spec.nodeName} {.status.podIPs[*].ip}{"\n"}')
  # shellcheck disable=SC2086 # words
  name_addresses "$name" $addresses
  name_subject "$name"
  [ "${address[${families[0]}/$node]}" != "${addresses%% *}" ] || return 0 # it is in the node's own
  for namespace in $(namespaces_of "$node"); do
    has_address "$namespace" "${addresses%% *}" || continue
    detach_pod "$name"
    touch "/run/netns/$name"
    mount --bind "$namespace" "/run/netns/$name"
    return 0
  done
  fail "no network namespace on $node has the address of pod $name ($addresses)"
}
name_subject() { declare -F "$1" >/dev/null || eval "$1() { act $1 \"\$@\"; }"; }
detach_pod() { [ ! -e "/run/netns/$1" ] || ip netns delete "$1"; }
