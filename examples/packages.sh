# SPDX-License-Identifier: MIT
# Sourced by quickstart.sh and tests/run.sh: installs Debian packages that are missing, and says which.
#   need_packages PACKAGE…

packages_build="gcc libc6-dev meson ninja-build pkg-config libuv1-dev libcurl4-openssl-dev libjansson-dev libsodium-dev
libsqlite3-dev libpcre2-dev libyaml-dev libssl-dev libseccomp-dev libedit-dev ca-certificates"

need_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu, so nothing is installed; under Debian's names this needs:" "$@" >&2
    return 0
  fi
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  as_root=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      printf 'Packages are missing. Let root install them, then run this again:\n  apt-get install -y --no-install-recommends%s\n' \
        "$missing" >&2
      return 1
    }
    as_root=sudo
  fi
  echo "Installing what is missing:$missing" >&2
  apt_log=$(mktemp) || return 1
  # shellcheck disable=SC2086
  { $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$apt_log" 2>&1
  apt_status=$?
  [ $apt_status -eq 0 ] || cat "$apt_log" >&2
  rm -f "$apt_log"
  return $apt_status
}
