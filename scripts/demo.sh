#!/usr/bin/env bash
# The main job on what is built in, with the commands that a person would type: check, forecast, train (which weighs).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
start=$SECONDS
for name in digits messages; do
  for verb in check forecast train; do
    say "steelyard $verb recipes/$name.yaml"
    steelyard "$verb" "recipes/$name.yaml"
  done
done
printf '\nmade in %d s; the pages above are files: open them in a browser\n' "$((SECONDS - start))"
