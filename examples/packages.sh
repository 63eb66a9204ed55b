# SPDX-License-Identifier: MIT
# Sourced by quickstart.sh and tests/run.sh: installs Debian packages that are missing, and says which.
#   need_packages PACKAGE…

packages_build="gcc libc6-dev meson ninja-build pkg-config libuv1-dev libcurl4-openssl-dev libjansson-dev libsodium-dev
libsqlite3-dev libpcre2-dev libyaml-dev libssl-dev libseccomp-dev libedit-dev ca-certificates"

need_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  as_root=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "These packages are missing:$missing. Install them as root, then run this again." >&2; return 1; }
    as_root=sudo
  fi
  echo "Installing what is missing:$missing" >&2
  $as_root apt-get update -qq >&2 || return 1
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/tmp/fairlead-apt.$$ 2>&1 ||
    { cat /tmp/fairlead-apt.$$ >&2; rm -f /tmp/fairlead-apt.$$; return 1; }
  rm -f /tmp/fairlead-apt.$$
}
