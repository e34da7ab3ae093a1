# SPDX-License-Identifier: Apache-2.0
# Services of a scenario:  service NAME selects LABEL=VALUE [node_port=NUMBER] [local]
# Its port is 80, as its pods' is. NAME is then the name of its ClusterIP.

service() {
  [ "$2" = selects ] || fail "a Service does not know how to '$2'"
  note "service $*"
  service_manifest "$1" "${@:3}" | kubectl apply -f - >/dev/null
  learn_cluster_addresses "$1"
  both pods_may_show_at "$1" # until kube-proxy knows it, packets to it follow the default route
}

service_manifest() { # NAME LABEL=VALUE [WORD...]
  local name=$1 label=$2 word type=ClusterIP node_port="" policy=""; shift 2
  for word; do
    case $word in
      node_port=*) type=NodePort node_port=", nodePort: ${word#*=}" ;;
      local) policy="externalTrafficPolicy: Local" ;;
      *) fail "a Service has no '$word'" ;;
    esac
  done
  cat <<TEXT
apiVersion: v1
kind: Service
metadata: {name: $name, labels: {${of_scenario/=/: }}}
spec:
  type: $type
  ipFamilyPolicy: PreferDualStack
  selector: {${label/=/: }}
  ports: [{port: 80, targetPort: 80, protocol: TCP$node_port}]
  $policy
TEXT
}

learn_cluster_addresses() { # SERVICE
  local addresses
  read -ra addresses < <(kubectl get service "$1" -o 'jsonpath={.spec.clusterIPs[*]}{"\n"}')
  name_addresses "$1" "${addresses[@]}"
}
