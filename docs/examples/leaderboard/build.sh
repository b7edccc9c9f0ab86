#!/bin/sh
# Packs the runs named (none: only builds) and builds the example page anew. Bundles that are
# already in bundles/ stay as they are.
set -e
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then
    cliqa submit pack "$@" --without-weights --alone --out bundles
fi
cliqa leaderboard bundles --baseline ft --title "Continual quality models on the embedded set (pseudo-MOS)" \
    --out . --force
