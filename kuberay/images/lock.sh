#!/usr/bin/env bash
# Renews the images' locks from pyproject.toml, after requirements.lock and at its versions:  kuberay/images/lock.sh
# UV names a uv (default: that of .venv). No address of an index goes into a lock.
set -euo pipefail
images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$images/../.."
# shellcheck source=kuberay/images/extras.sh
source "$images/extras.sh"
uv=${UV:-.venv/bin/uv}
same=$(mktemp)
trap 'rm -f "$same"' EXIT
grep -E '^[A-Za-z0-9._-]+==' requirements.lock | sed -E 's/ \\$//' >"$same"

lock() { # OUTPUT ARGUMENT...
  local output=$1
  shift
  "$uv" pip compile --quiet --python-version 3.11 --constraints "$same" --generate-hashes --no-header --no-annotate \
    "$@" --output-file "$images/$output"
}

extras() { # IMAGE: as arguments
  extras_of "$1" | tr ',' '\n' | sed 's/^/--extra=/'
}

# serve and page are for one platform, so that their locks list what is in the image and nothing else; llm follows the
# Python of the image that it builds on.
for image in serve page; do
  mapfile -t wanted < <(extras "$image")
  lock "$image.lock" --python-platform x86_64-manylinux_2_28 "${wanted[@]}" pyproject.toml
done
mapfile -t wanted < <(extras llm)
lock llm.lock --universal --excludes "$images/llm.excludes" "${wanted[@]}" pyproject.toml
lock build.lock --universal "$images/build.in"
