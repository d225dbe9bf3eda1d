#!/usr/bin/env bash
# Installs the Debian packages that some tests use. Where that is not possible those tests skip and say so.
set -euo pipefail
missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests: ${missing[*]}"
    log=$(mktemp)
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 || { tail -3 "$log"; echo "could not install ${missing[*]}: the tests that need it will skip"; }
    rm -f "$log"
else
    echo "not installed: ${missing[*]}; the tests that need it will skip"
fi
