# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # $work, $arch and check(): tests/packages/run
# A whole release, compiled twice: in other folders, and without what ccache has.

make_release() { # NAME
  local clone=$work/$1/clone
  git clone -q . "$clone"
  sed -i 's/^## Unreleased$/## Unreleased\n\n## 9.8.7 - 2026-01-02/' "$clone/CHANGELOG.md"
  GIT_AUTHOR_DATE=@1700000000 GIT_COMMITTER_DATE=@1700000000 git -C "$clone" -c user.name=t -c user.email=t@localhost commit -qam 9.8.7
  CCACHE_DISABLE=1 TMPDIR=$work/$1 "$clone/scripts/release" --output "$work/$1/dist" 9.8.7
}
releases_are_alike() { make_release one && make_release another && diff -r "$work/one/dist" "$work/another/dist"; }
release_has_its_files() {
  local dist=$work/one/dist
  (cd "$dist" && sha256sum --quiet -c SHA256SUMS) || return 1
  [ "$(cut -c67- "$dist/SHA256SUMS" | sort)" = "$(printf '%s\n' "masq-9.8.7-$arch.spdx.json" "masq_9.8.7_$arch.deb")" ] || return 1
  dpkg-deb -x "$dist/masq_9.8.7_$arch.deb" "$work/released"
  [ "$("$work/released/usr/sbin/masqd" --version)" = "masqd 9.8.7" ] && [ "$(dpkg-deb -f "$dist/masq_9.8.7_$arch.deb" Version)" = 9.8.7 ]
}

check_release() {
  check "two releases of one commit are the same bytes" releases_are_alike
  check "the release has its files, its sums and its version" release_has_its_files
}
