# SPDX-License-Identifier: Apache-2.0
# Facts of the API server, which scenarios change, and what masq makes of them.

# A Node object without a machine; of its addresses, the names of names.sh.
add_node_at() { # NAME
  local family addresses=()
  for family in "${families[@]}"; do addresses+=("{\"type\": \"InternalIP\", \"address\": \"$(address_of "$1")\"}"); done
  kubectl create -f - >/dev/null <<TEXT
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "added", "labels": {"${of_scenario%=*}": "${of_scenario#*=}"}}}
TEXT
  kubectl patch node added --subresource=status --type=merge \
    -p "{\"status\": {\"addresses\": [$(joined "${addresses[@]}")]}}" >/dev/null
}

# The machine is replaced by another one of the same name: the controller manager gives it other pod CIDRs.
re_register() { # NODE
  note "re-register $1"
  stop_node "$1"
  kubectl delete node "$1" >/dev/null
  rm "$state/$1/etc/cni/net.d/10-pods.conflist"
  start_node "$1"
  connect_machines
}

# containerd keeps its pods; masq finds no subnet there.
hide_cni_configuration() { in_node "$1" mv /etc/cni/net.d/10-pods.conflist /etc/cni/; }
show_cni_configuration() {
  # A copy, because containerd reads the folder again after a write, and not after a file has been moved into it.
  in_node "$1" sh -c 'cd /etc/cni && [ ! -e 10-pods.conflist ] || { cp 10-pods.conflist net.d/ && rm 10-pods.conflist; }'
}

masq_knows_the_pods_of() { # NODE
  local status each
  status=$(masq_on "$1" status -o json 2>&1)
  for each in $(pod_prefixes_of "$1"); do contains "$each" "$status"; done
}

masq_shows() { contains "$2" "$(masq_in "$1" status || true)"; }
masq_is_silent_about() { lacks "$2" "$(masq_in "$1" status || true)"; }
masq_answers_on() { masq_in "$1" status >/dev/null; }

write_configmap() { # TEXT: without the touch that makes kubelet look
  kubectl -n kube-system create configmap ip-masq-agent --from-literal=config="$1" --dry-run=client -o yaml |
    kubectl apply -f - >/dev/null
}
configmap_as_stored() { kubectl -n kube-system get configmap ip-masq-agent -o json --show-managed-fields; }
masq_may() { # VERB RESOURCE: yes or no
  kubectl auth can-i "$1" "$2" --as=system:serviceaccount:kube-system:masq 2>/dev/null || true
}
