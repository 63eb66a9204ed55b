#!/bin/sh
# SPDX-License-Identifier: MIT
# Tools in cgroups of their own: in a small machine (User Mode Linux, an ordinary program) whose tree of cgroups belongs to
# nobody else, so that it does not matter what this one leaves to whom. Prints TAP.
#   sh tests/sandbox/cgroup.sh BUILD    BUILD: the absolute path of a build
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
build=${1:?where is the build?}
command -v linux.uml >/dev/null || need_packages user-mode-linux || true
command -v linux.uml >/dev/null || { echo "ok - cgroup: everything # SKIP there is no User Mode Linux here"; exit 0; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat >"$work/init" <<END
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 none /sys/fs/cgroup
$build/sandbox-cgroup $build/fairlead-launch $build/sandbox-hostile
echo "ended with \$?"
echo o >/proc/sysrq-trigger
sleep 60
END
chmod +x "$work/init"
timeout 600 linux.uml mem=512M root=/dev/root rootfstype=hostfs rootflags=/ ro init="$work/init" con=null con0=fd:0,fd:1 quiet \
  </dev/null >"$work/out" 2>&1
tr -d '\r' <"$work/out" | grep -E '^(ok|not ok|#)'
grep -q '^ended with 0' "$work/out" && exit 0
echo "not ok - cgroup: the machine's run ended well"
tail -20 "$work/out" >&2
exit 1
