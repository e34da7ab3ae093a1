# SPDX-License-Identifier: Apache-2.0
# Certificates, tokens and kubeconfig files of a cluster, below $state: pki/, NAME.conf. Needs: state, api_url.

readonly cluster_users=(admin controller-manager scheduler node1 node2)

new_pki() { # ADDRESS...: under which the API server is reached, besides the names of its Service
  mkdir -p "$state/pki"
  new_authority
  sign apiserver /CN=kube-apiserver serverAuth \
    "$(printf 'IP:%s,' "$@")DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  sign kubelet-client "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
  openssl genrsa -out "$state/pki/service-accounts.key" 2048 2>/dev/null
  openssl rsa -in "$state/pki/service-accounts.key" -pubout -out "$state/pki/service-accounts.pub" 2>/dev/null
  new_tokens
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$state/pki/$1.key"; }

new_authority() {
  new_key ca
  openssl req -x509 -new -key "$state/pki/ca.key" -days 365 -subj /CN=masq-test-ca -out "$state/pki/ca.crt"
}

# sign NAME SUBJECT USAGE [NAMES]: NAMES as OpenSSL writes subjectAltName.
sign() {
  local name=$state/pki/$1
  new_key "$1"
  {
    echo "extendedKeyUsage=$3"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } >"$name.ext"
  openssl req -new -key "$name.key" -subj "$2" -out "$name.csr"
  openssl x509 -req -in "$name.csr" -CA "$state/pki/ca.crt" -CAkey "$state/pki/ca.key" -CAcreateserial -days 365 \
    -out "$name.crt" -extfile "$name.ext" 2>/dev/null
}

# The names and groups of RBAC's default bindings.
new_tokens() {
  local user token name groups
  for user in "${cluster_users[@]}"; do
    token=$(openssl rand -hex 16)
    name=system:kube-$user groups=
    case $user in
      admin) name=admin groups=system:masters ;;
      node*) name=system:node:$user groups=system:nodes ;;
    esac
    echo "$token,$name,$user,\"$groups\"" >>"$state/pki/tokens.csv"
    kubeconfig "$token" >"$state/$user.conf"
  done
}

kubeconfig() { # TOKEN
  cat <<TEXT
apiVersion: v1
kind: Config
clusters: [{name: cluster, cluster: {server: "$api_url", certificate-authority: $state/pki/ca.crt}}]
users: [{name: user, user: {token: $1}}]
contexts: [{name: context, context: {cluster: cluster, user: user}}]
current-context: context
TEXT
}
