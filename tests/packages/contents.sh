# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # $work, $build, $package and check(): tests/packages/run
# The package as a file: contents, lintian, man pages, completions, configuration, unit, hardening.

# With another umask, folder, time zone and language, and from files that were built at another time.
builds_alike() {
  find "$build/share" -type f -exec touch -d 2001-01-01 {} +
  (umask 077 && TZ=Asia/Tokyo LANG=C.UTF-8 TMPDIR=$(mktemp -d -p "$work") \
    scripts/package --build "$build" --output "$work/second") && cmp "$package" "$work/second/${package##*/}"
}

lintian_is_silent() {
  local said
  # No bug number of Debian, because the package is not in Debian's archive; statically linked or not is not asked here.
  said=$(lintian --allow-root --fail-on error,warning --display-level '>=warning' "$package" 2>&1) && [ -z "$said" ] || { echo "$said"; return 1; }
}

has_files() {
  local file
  for file in usr/sbin/masqd usr/bin/masq usr/share/masq/masqd.yaml usr/share/man/man8/masqd.8.gz usr/share/man/man1/masq.1.gz \
    usr/share/man/man5/masqd.yaml.5.gz usr/share/bash-completion/completions/masqd usr/share/bash-completion/completions/masq \
    usr/share/zsh/vendor-completions/_masqd usr/share/zsh/vendor-completions/_masq \
    usr/share/fish/vendor_completions.d/masqd.fish usr/share/fish/vendor_completions.d/masq.fish; do
    [ -s "$root/$file" ] || { echo "$file is missing"; return 1; }
  done
  [ -s "$unit" ] || { echo "no unit"; return 1; }
  [ "$(find "$root" -perm /022 ! -type l)" = "" ] || { find "$root" -perm /022 ! -type l; return 1; }
}

# groff names what it does not understand on standard error.
page_renders() { # PAGE
  local said
  said=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$root/usr/share/man/$1.gz" 2>&1 >/dev/null) && [ -z "$said" ] || { echo "$said"; return 1; }
  [ "$(lexgrog "$root/usr/share/man/$1.gz" | wc -l)" -ge 1 ] || return 1
  ! zgrep -n '@[A-Z]*@' "$root/usr/share/man/$1.gz"
}

keys_of_help() { "$root/usr/sbin/masqd" --help | sed -n '/^Configuration:/,/^$/s/^ *--\([a-z0-9-]*\).*/\1/p'; }

pages_have_every_option() {
  local option text
  text=$(zcat "$root/usr/share/man/man8/masqd.8.gz" | sed 's/\\-/-/g')
  for option in $("$root/usr/sbin/masqd" --help | grep -oE '^ +(-., ?)?--[a-z0-9-]+' | grep -oE -- '--.*'); do
    grep -q -- "\\\\fB$option\\\\fR" <<<"$text" || { echo "masqd.8: no $option"; return 1; }
  done
  text=$(zcat "$root/usr/share/man/man5/masqd.yaml.5.gz" | sed 's/\\-/-/g')
  [ "$(keys_of_help | wc -l)" -gt 30 ] || { echo "--help has few options"; return 1; }
  for option in $(keys_of_help); do
    grep -q "^\\\\fB$option\\\\fR" <<<"$text" || { echo "masqd.yaml.5: no $option"; return 1; }
  done
}

page_has_every_command() {
  local text words
  text=$(zcat "$root/usr/share/man/man1/masq.1.gz" | sed 's/\\-/-/g')
  for words in status "bpf ipmasq list" "bpf nat list" "bpf nat flush" explain top monitor doctor sysdump "config show" "config check"; do
    grep -q "^\.SS \\\\fBmasq $words\\\\fR" <<<"$text" || { echo "no $words"; return 1; }
  done
  grep -q 'explain\\fR \\fISRC\\fR \\fIDST\\fR' <<<"$text" || { echo "no arguments"; return 1; }
}

yaml_has_every_option() {
  local option
  for option in $(keys_of_help); do
    grep -q "^#$option:" "$example" || { echo "no $option"; return 1; }
  done
  [ "$(grep -c '^#[a-z]' "$example")" = "$(keys_of_help | wc -l)" ]
}

# As shipped, and with every comment that has a value removed; in a network namespace without devices.
yaml_is_accepted() {
  local read=(unshare --net "$root/usr/sbin/masqd" --dry-run --config)
  "${read[@]}" "$example" >"$work/default" || return 1
  sed 's/^#\([a-z0-9-]*: .\)/\1/' "$example" >"$work/masqd.yaml"
  [ "$(grep -c '^[a-z]' "$work/masqd.yaml")" -gt 25 ] || { echo "few values"; return 1; }
  "${read[@]}" "$work/masqd.yaml" >"$work/written" && diff "$work/default" "$work/written"
}

completes_in_bash() { # masqd|masq WORD EXPECTED
  bash -c '
    . "$1/usr/share/bash-completion/bash_completion" 2>/dev/null || . /usr/share/bash-completion/bash_completion
    . "$1/usr/share/bash-completion/completions/$2"
    COMP_WORDS=("$2" "$3") COMP_CWORD=1 COMP_LINE="$2 $3" COMP_POINT=${#COMP_LINE}
    function=$(complete -p "$2" | sed "s/.*-F \([^ ]*\).*/\1/")
    "$function" "$2" "$3" "$2"
    printf "%s\n" "${COMPREPLY[@]}"' bash "$root" "$@" | grep -qx -- "$3"
}
loads_in_zsh() { # masqd|masq
  zsh -f -c 'fpath=("$1/usr/share/zsh/vendor-completions" $fpath); autoload -Uz compinit && compinit -D && [[ ${_comps[$2]} == _$2 ]] &&
    autoload +X "_$2"' zsh "$root" "$1"
}
loads_in_fish() { # masqd|masq WORD EXPECTED
  fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$root/usr/share/fish/vendor_completions.d/$1.fish" "$1 $2" | grep -q -- "^$3"
}

unit_is_valid() {
  local said
  # The programs are in the package, not on this machine.
  sed "s,/usr/sbin/masqd,$root/usr/sbin/masqd,g" "$unit" >"$work/masqd.service"
  said=$(systemd-analyze verify --man=no "$work/masqd.service" 2>&1 | grep -F masqd.service || true)
  [ -z "$said" ] || { echo "$said"; return 1; }
}
unit_is_hardened() { systemd-analyze security --offline=yes --no-pager --threshold=25 "$unit"; }
unit_keeps_its_promises() {
  local line
  for line in Type=notify ProtectSystem=strict NoNewPrivileges=yes WantedBy=multi-user.target; do
    grep -qx "$line" "$unit" || { echo "no $line"; return 1; }
  done
}

# The flags that a distributor checks; build/release is what ships.
is_hardened() { # PROGRAM
  local program=$1 headers symbols
  headers=$(readelf -hldW "$program") symbols=$(readelf -sW --dyn-syms "$program")
  grep -qE 'Type: +DYN' <<<"$headers" || { echo "$program: not PIE"; return 1; }
  grep -q GNU_RELRO <<<"$headers" || { echo "$program: no RELRO"; return 1; }
  grep -qE 'BIND_NOW|Flags:.*NOW' <<<"$headers" || { echo "$program: not bound at start"; return 1; }
  grep -qE 'GNU_STACK.* RW ' <<<"$headers" || { echo "$program: executable stack"; return 1; }
  ! grep -qE 'R(UN)?PATH' <<<"$headers" || { echo "$program: a search path of libraries"; return 1; }
  grep -q __stack_chk_fail <<<"$symbols" || { echo "$program: no stack protector"; return 1; }
  grep -qE '__(memcpy|memmove|read|snprintf|sprintf|fprintf|recv|realpath|vsnprintf)_chk' <<<"$symbols" || { echo "$program: not fortified"; return 1; }
  # Debian's crt1.o has no mark of CET, so that no program has one; its functions begin with a target of branches.
  [ "$(uname -m)" != x86_64 ] || [ "$(objdump -d --no-show-raw-insn "$program" | grep -c endbr64)" -gt 1000 ] || { echo "$program: no CET"; return 1; }
}
names_no_folder() { # PROGRAM
  ! strings -n 6 "$1" | grep -F -e "$PWD/" -e "$(realpath "$build")"
}

sbom_is_complete() {
  SOURCE_DATE_EPOCH=0 scripts/sbom "$build" "$version" >"$work/sbom.json" || return 1
  /usr/bin/python3 -B "$here/check_sbom.py" "$work/sbom.json" "$(dpkg-deb -f "$package" Depends)" &&
    SOURCE_DATE_EPOCH=0 scripts/sbom "$build" "$version" | cmp - "$work/sbom.json"
}
# The check of the bill can fail.
sbom_misses_nothing() {
  ! /usr/bin/python3 -B "$here/check_sbom.py" "$work/sbom.json" "$(dpkg-deb -f "$package" Depends), libplanted1 (>= 1)"
}

# In a clone, whose state is as each case needs it.
release_is_refused() { # WORDS VERSION [COMMAND]: after COMMAND in the clone
  local clone=$work/clone said
  rm -rf "$clone"
  git clone -q . "$clone"
  (cd "$clone" && git config user.name t && git config user.email t@localhost && eval "${3:-true}")
  said=$("$clone/scripts/release" --output "$work/none" "$2" 2>&1) && { echo "it was made"; return 1; }
  grep -qF -- "$1" <<<"$said" && [ ! -e "$work/none" ] || { echo "$said"; return 1; }
}
with_section() { sed -i "s/^## Unreleased$/## Unreleased\n$1\n## 9.8.7 - 2026-01-02/" CHANGELOG.md && git commit -qam "9.8.7"; } # ENTRY

check_contents() {
  root=$work/root
  dpkg-deb -x "$package" "$root"
  unit=$(find "$root" -name masqd.service) example=$root/usr/share/masq/masqd.yaml
  local program page
  check "two builds of the package are the same bytes" builds_alike
  check "lintian reports no error and no warning" lintian_is_silent
  check "the package has its files, which only root can write" has_files
  for page in man8/masqd.8 man1/masq.1 man5/masqd.yaml.5; do check "${page#*/} renders without a warning" page_renders "$page"; done
  check "masqd(8) and masqd.yaml(5) have every option of --help" pages_have_every_option
  check "masq(1) has every command with its arguments" page_has_every_command
  check "masqd.yaml has every option as a comment" yaml_has_every_option
  check "masqd.yaml is accepted, and its defaults change nothing" yaml_is_accepted
  check "bash completes masqd" completes_in_bash masqd --nat-max-mappings-p --nat-max-mappings-per-pod
  check "bash completes masq" completes_in_bash masq sta status
  for program in masqd masq; do check "zsh loads the completion of $program" loads_in_zsh "$program"; done
  check "fish completes masqd" loads_in_fish masqd --nat-max-mappings-p --nat-max-mappings-per-pod
  check "fish completes masq" loads_in_fish masq sta status
  check "the bill of materials has every library" sbom_is_complete
  check "the check of the bill finds a missing library" sbom_misses_nothing
  check "a release without a section in the CHANGELOG is refused" release_is_refused 'no section "## 9.8.7' 9.8.7
  check "a release with unreleased entries is refused" release_is_refused 'entries below' 9.8.7 'with_section "- an entry"'
  check "a release of uncommitted changes is refused" release_is_refused 'uncommitted' 9.8.7 'echo >>README.md'
  check "a release with another kind of version is refused" release_is_refused '1.2.3 is expected' 9.8
  check "systemd accepts the unit" unit_is_valid
  check "the exposure of the unit is at most 2.5" unit_is_hardened
  check "the unit has its promised lines" unit_keeps_its_promises
  for program in sbin/masqd bin/masq; do
    check "${program#*/} is built with the hardening flags" is_hardened "$root/usr/$program"
    check "${program#*/} has no path of the build's folder" names_no_folder "$root/usr/$program"
  done
}
