# SPDX-License-Identifier: Apache-2.0
# Certificates, tokens and kubeconfig files of a cluster, below $state: pki/, NAME.conf. Needs: state, api_url.

readonly cluster_users=(admin controller-manager scheduler node1 node2)

new_pki() { # ADDRESS...: under which the API server is reached, besides the names of its Service
  mkdir -p "$state/pki"
  new_authority ca
  sign_api_server apiserver "$@"
  sign kubelet-client "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
  new_token_keys service-accounts
  new_tokens
}
sign_api_server() { # NAME ADDRESS...
  sign "$1" /CN=kube-apiserver serverAuth \
    "$(printf 'IP:%s,' "${@:2}")DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$state/pki/$1.key"; }

new_authority() { # NAME
  local name=$1
  new_key "$name"
  openssl req -x509 -new -key "$state/pki/$name.key" -days 365 -subj "/CN=masq-test-$name" -out "$state/pki/$name.crt"
}
new_token_keys() { # NAME: with which the API server signs tokens of service accounts, and verifies them
  openssl genrsa -out "$state/pki/$1.key" 2048 2>/dev/null
  openssl rsa -in "$state/pki/$1.key" -pubout -out "$state/pki/$1.pub" 2>/dev/null
}

# sign NAME SUBJECT USAGE [NAMES]: NAMES as OpenSSL writes subjectAltName; by the authority `authority`, or the first one.
sign() {
  local name=$state/pki/$1 authority=$state/pki/${authority:-ca}
  new_key "$1"
  {
    echo "extendedKeyUsage=$3"
    [ -z "${4:-}" ] || echo "subjectAltName=$4"
  } >"$name.ext"
  openssl req -new -key "$name.key" -subj "$2" -out "$name.csr"
  openssl x509 -req -in "$name.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 365 \
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
