# SPDX-License-Identifier: Apache-2.0
# A node: namespaces of its own (node-init), containerd, kubelet and kube-proxy. Ended by killing its first process: the
# kernel ends all that runs in its PID namespace, and with that its mounts, pins and pods.
# Needs: state, binaries, images, cgroup_prefix, families, and what control-plane.sh has.

declare -A pod_prefix # [FAMILY/NODE]: of the node's pods

node_first() { # NODE: the number of its first process, in the lab's PID namespace
  pgrep -P "$(cat "$state/pids/$1")"
}
in_node() { # NODE COMMAND...
  local node=$1; shift
  nsenter -t "$(node_first "$node")" -m -u -n -p -- "$@"
}

# --- programs of a node ----------------------------------------------------------------------------------------------

# start_on NODE PROGRAM COMMAND...: its number in the node's namespace stands in the node's /run/PROGRAM.pid.
start_on() {
  local node=$1 program=$2; shift 2
  # shellcheck disable=SC2016 # the inner shell's variables
  start_process "$node-$program" nsenter -t "$(node_first "$node")" -m -u -n -p -- \
    sh -c 'echo $$ >"/run/$0.pid"; exec "$@"' "$program" "$@"
}
stop_on() { # NODE PROGRAM
  in_node "$1" sh -c 'kill "$(cat "/run/$0.pid")" && rm "/run/$0.pid"' "$2"
  local deadline=$((SECONDS + 10))
  while is_running "$1-$2" && ((SECONDS < deadline)); do sleep 0.05; done
}

containerd_configuration() {
  cat <<'TEXT'
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pod:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
TEXT
}

start_containerd() { # NODE
  local image
  containerd_configuration >"$state/$1/containerd.toml"
  start_on "$1" containerd containerd -c "$state/$1/containerd.toml"
  wait_for 30 "$1-containerd" in_node "$1" ctr version
  for image in "$images"/*.tar; do
    in_node "$1" ctr -n k8s.io images import "$image" >>"$state/logs/$1-images.log" 2>&1
  done
}

# cgroup v1, no swap limits, and no eviction when the machine of the tests has a full disk.
kubelet_configuration() { # NODE
  cat <<TEXT
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $state/pki/$1.crt
tlsPrivateKeyFile: $state/pki/$1.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup_prefix-$1
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enforceNodeAllocatable: []
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
resolvConf: $state/$1/resolv.conf
maxPods: 30
maxOpenFiles: 20000
nodeStatusUpdateFrequency: 2s
TEXT
}

start_kubelet() { # NODE
  : >"$state/$1/resolv.conf"
  kubelet_configuration "$1" >"$state/$1/kubelet.yaml"
  start_on "$1" kubelet "$binaries/kubelet" --config="$state/$1/kubelet.yaml" --kubeconfig="$state/$1.conf" \
    --hostname-override="$1" --node-ip="$(addresses_of "$1")" --v=2
}

# Conntrack's limits are the machine's, not the namespace's: they are not set.
proxy_configuration() { # NODE MODE
  cat <<TEXT
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/admin.conf}
mode: $2
clusterCIDR: $(prefixes_of pods)
hostnameOverride: $1
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
oomScoreAdj: 0
TEXT
}
start_proxy() { # NODE MODE
  proxy_configuration "$1" "$2" >"$state/$1/proxy.yaml"
  start_on "$1" kube-proxy "$binaries/kube-proxy" --config="$state/$1/proxy.yaml"
}

# --- pods' network ---------------------------------------------------------------------------------------------------

pod_prefixes_of() { kubectl get node "$1" -o 'jsonpath={.spec.podCIDRs[*]}'; }
has_pod_prefixes() { [ "$(pod_prefixes_of "$1" | wc -w)" = "${#families[@]}" ]; }

learn_pod_prefixes() { # NODE
  local each
  for each in $(pod_prefixes_of "$1"); do pod_prefix[$(family_of "$each")/$1]=$each; done
}

# The machines of the cluster know the way to each node's pods.
connect_machines() {
  local from to
  for to in node1 node2; do
    learn_pod_prefixes "$to"
    for from in control node1 node2; do [ "$from" = "$to" ] || both route_to_pods "$from" "$to"; done
  done
}

# masq's subject: the plugin itself does not masquerade.
cni_configuration() { # NODE
  local family ranges=() routes=()
  for family in "${families[@]}"; do
    ranges+=("[{\"subnet\": \"${pod_prefix[$family/$1]}\"}]")
    if [ "$family" = ipv4 ]; then routes+=('{"dst": "0.0.0.0/0"}'); else routes+=('{"dst": "::/0"}'); fi
  done
  cat <<TEXT
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
            "ranges": [$(joined "${ranges[@]}")], "routes": [$(joined "${routes[@]}")]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
TEXT
}

connect_pods_of() { # NODE
  wait_for 60 "$1-kubelet" has_pod_prefixes "$1"
  learn_pod_prefixes "$1"
  cni_configuration "$1" >"$state/$1/cni"
  # At once and complete, as a CNI plugin's installer writes it.
  in_node "$1" sh -c 'cp "$0" /etc/cni/net.d/.new && mv /etc/cni/net.d/.new /etc/cni/net.d/10-pods.conflist' \
    "$state/$1/cni"
}

# --- cgroups ---------------------------------------------------------------------------------------------------------

new_cgroups() { # NODE: kubelet expects its root in each hierarchy
  local hierarchy
  for hierarchy in /sys/fs/cgroup/*/; do
    [[ $hierarchy == */unified/ ]] || mkdir -p "$hierarchy$cgroup_prefix-$1"
  done
  for hierarchy in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$hierarchy" >"/sys/fs/cgroup/cpuset/$cgroup_prefix-$1/$hierarchy"
  done
}

# --- the whole node --------------------------------------------------------------------------------------------------

boot_node() { # NODE
  connect_node "$1"
  new_cgroups "$1"
  mkdir -p "$state/$1"
  rm -f "$state/$1/booted"
  start_process "$1" nsenter --net="/run/netns/$1" -- \
    unshare --mount --uts --pid --fork --kill-child --mount-proc --propagation private -- \
    "$here/node-init" "$1" "$state/$1"
  wait_for 10 "$1" test -e "$state/$1/booted"
}
sign_node() { sign "$1" "/O=system:nodes/CN=system:node:$1" serverAuth,clientAuth "DNS:$1,IP:$(address_of "$1")"; }

start_node() { # NODE
  boot_node "$1"
  start_containerd "$1"
  start_kubelet "$1"
  wait_for 60 "$1-kubelet" kubectl get node "$1"
  connect_pods_of "$1"
  start_proxy "$1" "$proxy_mode"
  wait_for 60 "$1-kubelet" kubectl wait --for=condition=Ready "node/$1" --timeout=1s
}

stop_node() { # NODE: as if its power was cut
  stop_process "$1" KILL
  rm -f "$state/pids/$1"-*
  ip netns del "$1"
  # The kernel removes a namespace's devices some time after its last process; a cable is pulled at once.
  ip -n control link del "to-$1"
  remove_cgroups "$cgroup_prefix-$1"
}
