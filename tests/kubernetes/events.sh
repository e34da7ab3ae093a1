# SPDX-License-Identifier: Apache-2.0
# Events that masqd writes about its node.

# As `kubectl describe node` prints it, with its count in "(x2 over 3s)".
node_tells() { # NODE REASON WORDS
  local told
  told=$(kubectl describe node "$1" | sed -n '/^Events:/,$p' | grep -F "$2" | grep masqd) || fail "$1 tells nothing of $2"
  contains "$3" "$told"
}
events_of() { # NODE REASON WORDS: their number
  kubectl get events --field-selector "involvedObject.kind=Node,involvedObject.name=$1,reason=$2" \
    -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' | grep -cF "$3" || true
}
