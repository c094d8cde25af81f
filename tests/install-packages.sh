#!/usr/bin/env bash
# Installs the Debian packages that the tests talk to, and nothing else. Safe to run again: what is there stays as it is.
# Without them the tests that need them are skipped, with a line that starts with SKIPPED:.
set -euo pipefail

packages=(
  chromium        # opens the HTML report as its readers do
  gh              # GitHub's own client, which must accept the sandbox
  openssl         # keys and detached signatures that we did not make
  python3-venv    # for sigstore-python, which is not in Debian
  redis-server    # where replicas of the key-management service share the challenges that were used
  util-linux      # unshare: a network namespace without interfaces, a file system that is full
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "every package is installed: ${packages[*]}"
  exit 0
fi

as_root=()
[ "$(id --user)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update --quiet
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
