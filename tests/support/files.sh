# SPDX-License-Identifier: Apache-2.0
# The ip-masq-agent's file, and the ways in which people and machines change it. Arguments are names or prefixes.

# The document that excludes the given destinations.
excluding() {
  local name
  [ $# -gt 0 ] || { echo "nonMasqueradeCIDRs: []"; return; }
  echo "nonMasqueradeCIDRs:"
  for name; do echo "- $(cidr_of "$name")"; done
}

# the_file_excludes NAME...: written in place.
the_file_excludes() { the_file_says "$(excluding "$@")"; }
the_file_says() { note "the file: ${1:0:200}"; printf '%s\n' "$1" >"$agent_file"; }

# the_file_is_renamed_to_exclude NAME...: a new file takes its place, as editors do.
the_file_is_replaced_by_one_excluding() {
  excluding "$@" >"$agent_file.new"
  mv "$agent_file.new" "$agent_file"
}

# the_configmap_excludes NAME...: as the kubelet writes a ConfigMap volume: a directory a generation, `..data` swapped.
generation=0
the_configmap_excludes() {
  local directory old
  generation=$((generation + 1))
  directory=${agent_file%/*}
  old=$(readlink "$directory/..data" || true)
  mkdir "$directory/..$generation"
  excluding "$@" >"$directory/..$generation/${agent_file##*/}"
  ln -s "..$generation" "$directory/..data_tmp"
  mv -T "$directory/..data_tmp" "$directory/..data"
  [ -e "$agent_file" ] || ln -s "..data/${agent_file##*/}" "$agent_file"
  [ -z "$old" ] || rm -r "${directory:?}/$old"
}

# What masq itself says is in force.
ipmasq_lists() {
  local list name
  list=$(masq bpf ipmasq list 2>&1) || fail "masq bpf ipmasq list: $list"
  for name; do
    grep -qE "^$(cidr_of "$name")( |$)" <<<"$list" || fail "$(cidr_of "$name") is not in: $list"
  done
}
ipmasq_lacks() {
  local list; list=$(masq bpf ipmasq list 2>&1 || true)
  lacks "$(cidr_of "$1")" "$list"
}
