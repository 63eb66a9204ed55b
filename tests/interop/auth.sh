#!/bin/sh
# SPDX-License-Identifier: MIT
# The auth scenarios of the official conformance suite, played by build/auth-client. Called by run.sh, which has put node and the
# suite into PATH. Prints TAP: a row for each scenario, which passes when no check of it failed and none warned.
set -u
client=$FL_ROOT/build/auth-client
export FAIRLEAD_NET_MODULE="$FL_ROOT/build/fairlead-net.so" FAIRLEAD_JOSE_MODULE="$FL_ROOT/build/fairlead-jose.so"
unset FAIRLEAD_AUTH_KEY
count=0 failed=0

row() { # name, checks that passed, checks that failed or warned
  count=$((count + 1))
  if [ "${2:-0}" -gt 0 ] && [ "${3:-1}" -eq 0 ]; then echo "ok $count - $1 ($2 checks)"
  else echo "not ok $count - $1 (${2:-0} passed, ${3:-all} failed)"; failed=$((failed + 1)); fi
}

scenario() { # name, options…
  name=$1; shift
  set -- $(conformance client --command "$client" --scenario "auth/$name" "$@" 2>&1 |
    sed -n 's/^Passed: \([0-9]*\)\/[0-9]*, \([0-9]*\) failed, \([0-9]*\) warnings.*/\1 \2 \3/p')
  row "auth/$name" "${1:-0}" "$((${2:-1} + ${3:-0}))"
}

suite() { # revision
  conformance client --command "$client" --suite auth --spec-version "$1" 2>&1 |
    sed -n 's/^[^ ]* \(auth\/[^:]*\): \([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2 \3/p' >auth-rows
  [ -s auth-rows ] || row "the suite at $1" 0 1
  while read -r name passed wrong; do row "$name at $1" "$passed" "$wrong"; done <auth-rows
}

suite 2025-11-25
suite 2026-07-28
for name in resource-mismatch offline-access-scope offline-access-not-supported authorization-server-migration iss-supported \
  iss-not-advertised iss-supported-missing iss-wrong-issuer iss-unexpected iss-normalized metadata-issuer-mismatch; do
  scenario "$name" --spec-version 2026-07-28
done
for name in 2025-03-26-oauth-metadata-backcompat 2025-03-26-oauth-endpoint-fallback client-credentials-basic \
  client-credentials-jwt enterprise-managed-authorization wif-jwt-bearer dpop dpop-nonce; do
  scenario "$name"
done
echo "1..$count"
exit "$((failed > 0))"
