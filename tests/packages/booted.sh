# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # $work, $package, $version, $build and check(): tests/packages/run
# The package in a Debian that systemd has booted (systemd-nspawn), with a container behind a bridge and a world behind an uplink:
#
#   container 10.88.0.5 --- cni0 10.88.0.1 [host] eth0 192.0.2.10 --- 192.0.2.1 world
#
# Verbs: boot, host COMMAND..., container COMMAND..., world COMMAND..., install PACKAGE, hold COUNT, release.

release_of_machine() { . /etc/os-release && echo "$VERSION_CODENAME"; }

# A package depends on the libraries of the release that builds it, so another release builds its own: in a root file system of its
# own, from the files that git knows.
build_packages_in() { # RELEASE
  local root=$work/builder
  mkdir -p "$root/masq" "$work/$1"
  mmdebstrap --quiet --variant=apt --include=ca-certificates "$1" "$root.tar" && tar -C "$root" --exclude='./dev/*' -xf "$root.tar" || return 1
  rm "$root.tar"
  git ls-files -z | tar -c --null -T - | tar -C "$root/masq" -x || return 1
  # It has the network of this machine, to install packages. The build uses the time of the commit.
  systemd-nspawn -q -D "$root" --register=no --keep-unit --pipe --as-pid2 --chdir=/masq --setenv=SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" sh -e -c "
    scripts/install-packages; scripts/install-packages --packages
    scripts/package; scripts/package --build build/release --version $version.1" </dev/null || return 1
  cp "$root"/masq/build/packages/*.deb "$work/$1/"
  rm -rf --one-file-system "$root"
}

# --- the machine ----------------------------------------------------------------------------------------------------

# A Debian with what the package depends on, unpacked from an archive that is made once.
debian_archive() { # RELEASE: prints its path
  local archive=build/packages/$1-$arch.tar dependencies
  # The first of each alternative, without its version.
  dependencies=$(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | sort -u)
  local include=systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,python3-minimal,libpython3-stdlib,nftables,iptables,ipset
  include+=,$(paste -sd, <<<"$dependencies")
  if [ "$(cat "$archive.packages" 2>/dev/null)" != "$include" ]; then
    mkdir -p build/packages
    mmdebstrap --quiet --variant=minbase --include="$include" "$1" "$archive.new.tar" 1>&2 || return 1
    mv "$archive.new.tar" "$archive"
    echo "$include" >"$archive.packages"
  fi
  echo "$archive"
}

first_process() { # UUID: of the machine, as this machine numbers it
  local status
  for status in /proc/[0-9]*/status; do
    # "NSpid: PID 1", and the environment that systemd-nspawn gives to the first process.
    if grep -q $'^NSpid:\t[0-9]*\t1$' "$status" 2>/dev/null && tr '\0' '\n' <"${status%status}environ" 2>/dev/null | tr -d - | grep -q "^container_uuid=$1"; then
      basename "${status%/status}"
      return
    fi
  done
}

boot() { # RELEASE: a fresh machine
  local archive tries uuid
  uuid=$(tr -d - </proc/sys/kernel/random/uuid)
  archive=$(debian_archive "$1") || return 1
  machine=$work/machine
  mkdir -p "$machine"
  tar -C "$machine" --exclude='./dev/*' -xf "$archive" || return 1
  : >"$machine/etc/machine-id"
  cp "$here/traffic.py" "$machine/usr/local/bin/traffic"
  ln -sf /dev/null "$machine/etc/systemd/system/systemd-networkd-wait-online.service"
  # A container engine, which no step may touch.
  printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >"$machine/etc/systemd/system/engine.service"
  # As systemd mounts it where it is not in a container.
  mkdir "$work/bpffs" && mount -t bpf -o mode=0700 bpf "$work/bpffs" || return 1
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q -b -D "$machine" --register=no --keep-unit --private-network \
    --console=read-only --uuid="$uuid" --bind="$work/bpffs:/sys/fs/bpf" --capability=all --system-call-filter=bpf --machine="masq-packages-$$" >"$work/console" 2>&1 </dev/null &
  nspawn=$!
  for tries in {1..200}; do
    leader=$(first_process "$uuid")
    [ -z "$leader" ] || case $(host systemctl is-system-running 2>/dev/null) in running | degraded) break ;; esac
    sleep 0.1
  done
  [ "$tries" -lt 200 ] || { echo "the machine did not boot:"; tail -n 20 "$work/console"; return 1; }
  build_network || return 1
  host systemctl start engine.service
  engine=$(host systemctl show --property MainPID --value engine.service)
}

shut_down() {
  [ -n "${nspawn:-}" ] || return 0
  release >/dev/null 2>&1 || true
  kill -s RTMIN+4 "$leader" 2>/dev/null || true # poweroff
  for _ in {1..100}; do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$nspawn" 2>/dev/null || true
  wait "$nspawn" 2>/dev/null || true
  nspawn='' leader=''
  umount "$work/bpffs"
  rm -rf --one-file-system "$machine"
}

host() { nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
container() { host ip netns exec container "$@"; }
world() { host ip netns exec world "$@"; }

build_network() {
  host sh -e -c '
    ip netns add world; ip netns add container
    ip link add eth0 type veth peer name eth0 netns world
    ip link add cni0 type bridge
    ip link add veth1 type veth peer name eth0 netns container
    ip link set veth1 master cni0
    for device in eth0 cni0 veth1; do ip link set $device up; done
    ip address add 192.0.2.10/24 dev eth0; ip address add 10.88.0.1/24 dev cni0
    ip route add default via 192.0.2.1
    ip -n world link set lo up; ip -n world link set eth0 up; ip -n world address add 192.0.2.1/24 dev eth0
    ip -n world route add 10.88.0.0/24 via 192.0.2.10
    ip -n container link set eth0 up; ip -n container address add 10.88.0.5/24 dev eth0
    ip -n container route add default via 10.88.0.1
    sysctl -q -w net.ipv4.ip_forward=1'
  world traffic serve 192.0.2.1 7 >/dev/null 2>&1 &
  within 5 is_seen_from 10.88.0.5 # the world has a route to the container: without masq its own address arrives
}

# --- what is looked at ----------------------------------------------------------------------------------------------

within() { # SECONDS COMMAND...: until it succeeds
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "not within the time: $*"; "$@"; return 1; }
    sleep 0.05
  done
}
address_at_world() { container traffic source 192.0.2.1 7 --timeout 3; }
is_seen_from() { # ADDRESS
  local seen
  seen=$(address_at_world) && [ "$seen" = "$1" ] || { echo "the world saw '$seen', not $1"; return 1; }
}
is_masqueraded() { is_seen_from 192.0.2.10; }
is_active() { host systemctl is-active --quiet masqd.service || { host systemctl status --no-pager masqd.service; return 1; }; }
property() { host systemctl show --property "$1" --value masqd.service; } # NAME
same_engine() { [ "$(host systemctl show --property MainPID --value engine.service)" = "$engine" ] || { echo "the engine was restarted"; return 1; }; }

hold() { # COUNT: connections of the container, until release
  rm -f "$machine/root/ready"
  container traffic hold "$1" 192.0.2.1 7 /root/ready >"$work/held" 2>&1 &
  holder=$!
  within 30 test -e "$machine/root/ready" || { cat "$work/held"; return 1; }
}
release() { # [COUNT]: all lived, and none waited for a second
  [ -n "${holder:-}" ] || return 0
  host pkill -TERM -f 'traffic hold' || true
  wait "$holder" || { cat "$work/held"; holder=''; return 1; }
  holder=''
  python3 - "$work/held" "${1:-1}" <<'PY'
import json, sys
held = json.load(open(sys.argv[1]))
print(held)
sys.exit(0 if held["lost"] == 0 and held["lived"] == int(sys.argv[2]) and held["longest"] < 1000 and held["seen"] == ["192.0.2.10"] else 1)
PY
}

install() { # PACKAGE: as apt does it, without a standard input
  cp "$1" "$machine/root/"
  host env DEBIAN_FRONTEND=noninteractive dpkg -i "/root/${1##*/}" </dev/null
}

# Pins, tables, chains and sets of masq, in the machine's kernel.
objects() {
  host sh -c 'ls -d /sys/fs/bpf/masq 2>/dev/null; nft list tables | grep -w masq; iptables-save | grep MASQ-; ip6tables-save | grep MASQ-;
    ipset list -n | grep -i masq; ls -d /run/masq 2>/dev/null; pgrep -a masqd; true'
}
has_no_objects() { local left; left=$(objects); [ -z "$left" ] || { echo "$left"; return 1; }; }

# --- the steps, in their order --------------------------------------------------------------------------------------

installation_masquerades() {
  install "$package" || return 1
  is_active && [ "$(host systemctl is-enabled masqd.service)" = enabled ] && within 5 is_masqueraded
}
status_is_ok() { [ "$(host masq status --brief)" = OK ] || { host masq status; return 1; }; }
pins_are_visible() { host sh -c 'test -d /sys/fs/bpf/masq/maps && test -e /sys/fs/bpf/masq/links/eth0/egress'; }
service_has_few_rights() {
  local pid caps
  pid=$(property MainPID)
  caps=$(host sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")
  # CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_PERFMON 38, CAP_BPF 39
  (((16#$caps & ~((1 << 12) | (1 << 13) | (1 << 38) | (1 << 39))) == 0)) || { echo "CapBnd $caps"; return 1; }
  host grep -qx 'Seccomp:	2' "/proc/$pid/status" && host grep -qx 'NoNewPrivs:	1' "/proc/$pid/status"
}
is_at_rest() { is_active && [ -z "$(host systemctl list-jobs --no-legend)" ]; }
restarts_stall_nothing() {
  hold 20 || return 1
  # Three requests a second, whether or not the one before is complete.
  for _ in {1..30}; do
    host systemctl restart --no-block masqd.service || return 1
    sleep 0.33
  done
  within 10 is_at_rest && release 20 && is_masqueraded
}
is_replaced() { is_active && ! [[ $(property MainPID) =~ ^(0|$1)$ ]]; } # PID
kills_stall_nothing() {
  local pid
  hold 20 || return 1
  for _ in {1..20}; do
    pid=$(property MainPID)
    host systemctl kill --signal=KILL --kill-who=main masqd.service || return 1
    within 5 is_replaced "$pid" || return 1
  done
  [ "$(property NRestarts)" -ge 20 ] || { echo "restarts: $(property NRestarts)"; return 1; }
  release 20 && is_masqueraded
}
reload_applies() {
  host sh -c 'echo "ipv4-native-routing-cidr: 192.0.2.0/24" >/etc/masq/masqd.yaml'
  host systemctl reload masqd.service || return 1
  within 2 is_seen_from 10.88.0.5 || return 1
  host sh -c 'echo "log-level: debug" >/etc/masq/masqd.yaml'
  host systemctl reload masqd.service || return 1
  within 2 is_masqueraded
}
wrong_options_end_it_once() {
  host sh -c 'cp /etc/masq/masqd.yaml /tmp/right && echo "datapath: none" >/etc/masq/masqd.yaml'
  ! host systemctl restart masqd.service 2>/dev/null || { echo "it started"; return 1; }
  [ "$(property ActiveState)/$(property NRestarts)" = failed/0 ] || { echo "$(property ActiveState)/$(property NRestarts)"; return 1; }
  is_masqueraded || return 1
  host sh -c 'cp /tmp/right /etc/masq/masqd.yaml && systemctl start masqd.service'
}
datapath_works() { # nftables|iptables|bpf
  host sh -c "echo 'datapath: $1' >/etc/masq/masqd.yaml && systemctl restart masqd.service" || return 1
  is_active && within 2 is_masqueraded && status_is_ok && host masq status | grep -qi "^Masquerading: *$1"
}
stop_leaves_it_in_force() {
  host systemctl stop masqd.service && is_masqueraded && host systemctl start masqd.service
}
upgrade_loses_nothing() {
  hold 1000 || return 1
  install "$upgrade" || return 1
  [ "$(host dpkg-query -W -f '${Version}' masq)" = "$version.1" ] || return 1
  is_active && release 1000 && same_engine
}
edited_configuration_is_kept() { [ "$(host cat /etc/masq/masqd.yaml)" = "datapath: bpf" ] || { host cat /etc/masq/masqd.yaml; return 1; }; }
stays() { # stopped|disabled|masked: over an upgrade
  local state
  case $1 in
    stopped) host systemctl stop masqd.service ;;
    disabled) host systemctl disable --now masqd.service ;;
    masked) host systemctl mask --now masqd.service ;;
  esac >/dev/null 2>&1
  install "$package" || return 1 # dpkg installs an older version too
  state=$(host systemctl is-active masqd.service)/$(host systemctl is-enabled masqd.service 2>/dev/null)
  case $1 in
    stopped) [ "$state" = inactive/enabled ] && host systemctl start masqd.service ;;
    disabled) [ "$state" = inactive/disabled ] && host systemctl enable --now masqd.service ;;
    masked) [ "$state" = inactive/masked ] && host systemctl unmask masqd.service && host systemctl start masqd.service ;;
  esac || { echo "$state"; return 1; }
}
removal_leaves_no_objects() {
  host dpkg -r masq </dev/null || return 1
  has_no_objects && is_seen_from 10.88.0.5 && same_engine
}
removed_package_starts_again() {
  install "$package" && is_active && within 5 is_masqueraded && edited_configuration_is_kept
}
purge_leaves_no_files() {
  local left
  host dpkg -P masq </dev/null || return 1
  has_no_objects || return 1
  left=$(host sh -c 'find / -xdev \( -name "masq*" -o -path "/etc/masq*" \) -not -path "/proc/*" -not -path "/sys/*" -not -path "/root/*"
    grep -l masq /var/lib/ucf/hashfile /var/lib/ucf/registry 2>/dev/null; dpkg-query -W masq 2>/dev/null; true' |
    grep -v '/masquerade')
  [ -z "$left" ] || { echo "$left"; return 1; }
}

check_booted() {
  local own
  own=$(release_of_machine)
  check "$own builds the package and an upgrade" scripts/package --build "$build" --version "$version.1" --output "$work/$own"
  cp "$package" "$work/$own/"
  check_release_of_debian "$own"
  [ "$long" = yes ] || return 0
  for own in bookworm trixie; do
    [ ! -d "$work/$own" ] || continue
    check "$own builds the package and an upgrade" build_packages_in "$own"
    check_release_of_debian "$own"
  done
}

check_release_of_debian() { # RELEASE
  local release=$1 each
  package=$work/$release/masq_${version}_$arch.deb upgrade=$work/$release/masq_$version.1_$arch.deb
  # No subshell: it sets the leader of the machine.
  if ! boot "$release" >"$work/boot" 2>&1; then check "$release boots" sh -c "cat '$work/boot'; false"; return; fi
  check "$release: after the installation masqd runs, and masquerades" installation_masquerades
  check "$release: masq status is OK" status_is_ok
  check "$release: the host sees the pins" pins_are_visible
  check "$release: the service has no other right" service_has_few_rights
  check "$release: 30 restarts in 10 s stall no connection" restarts_stall_nothing
  check "$release: kill -9, 20 times, stalls no connection" kills_stall_nothing
  check "$release: masquerading continues while the service is stopped" stop_leaves_it_in_force
  check "$release: systemctl reload applies masqd.yaml" reload_applies
  check "$release: wrong options end the service, and masquerading continues" wrong_options_end_it_once
  for each in nftables iptables bpf; do check "$release: $each works in the service" datapath_works "$each"; done
  check "$release: an upgrade loses none of 1000 connections" upgrade_loses_nothing
  check "$release: an edited masqd.yaml is kept without a question" edited_configuration_is_kept
  for each in stopped disabled masked; do check "$release: a $each service stays $each" stays "$each"; done
  check "$release: removal leaves nothing in the kernel" removal_leaves_no_objects
  check "$release: the package can be installed again" removed_package_starts_again
  check "$release: purge leaves no file" purge_leaves_no_files
  shut_down
}
