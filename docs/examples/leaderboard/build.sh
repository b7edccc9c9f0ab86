#!/bin/sh
# Packs the runs named, one zip a method (none: only builds), and builds the example page anew.
# A run whose bundle is in bundles/ already is refused: what is there never changes.
set -e
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then
    cliqa submit pack "$@" --without-weights --alone --out bundles
fi
cliqa leaderboard bundles --baseline ft --title "Continual quality models on the embedded set (pseudo-MOS)" \
    --out . --force
