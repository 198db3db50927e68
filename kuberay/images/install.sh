#!/usr/bin/env bash
# The steps that put Python packages into an image. The Dockerfiles run them, and so does a test, into an empty folder.
#
#   install.sh tools DIR                   uv and the build backend, pinned, in an environment that does not stay
#   install.sh wheel DIR                   fraudray itself, from the working folder, as a wheel
#   install.sh packages IMAGE PYTHON       what IMAGE.lock lists into the environment of PYTHON, each with its hash
#   install.sh add IMAGE PYTHON DIR        that wheel; fails unless all is there that the image's extras need
#   install.sh beside IMAGE PYTHON DIR     both, into an environment that has Ray, vLLM and torch, which no lock for such
#                                          an image lists; fails when what was there does not fit any more
#
# TOOLS is where `tools` put them (default /opt/tools). Where packages come from is up to pip's and uv's own settings.
set -euo pipefail
images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=kuberay/images/extras.sh
source "$images/extras.sh"
tools=${TOOLS:-/opt/tools}

uv_pip() { # COMMAND PYTHON ARGUMENT...
  local command=$1 python=$2
  shift 2
  "$tools/bin/uv" pip "$command" --python "$python" "$@"
}

make_tools() { # DIR
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    --requirement "$images/build.lock"
}

make_wheel() { # DIR
  "$tools/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation \
    --wheel-dir "$1" .
}

packages() { # IMAGE PYTHON
  # An image is its own environment: what Debian says of its Python (PEP 668) is meant for a user's machine.
  uv_pip install "$2" --quiet --break-system-packages --compile-bytecode --no-deps --require-hashes \
    --requirement "$images/$1.lock"
}

add() { # IMAGE PYTHON DIR
  uv_pip install "$2" --quiet --break-system-packages --compile-bytecode --no-deps "$3"/fraudray-*.whl
  # Without an index this ends well only when nothing is missing or of a version that does not fit.
  uv_pip install "$2" --quiet --break-system-packages --dry-run --offline --no-index "fraudray[$(extras_of "$1")]" || {
    echo "install.sh: $1.lock does not have all that fraudray[$(extras_of "$1")] needs; renew it: kuberay/images/lock.sh" >&2
    return 1
  }
}

beside() { # IMAGE PYTHON DIR
  local before new
  before=$(complaints "$2")
  packages "$1" "$2"
  add "$1" "$2" "$3" || {
    echo "install.sh: is the base image's Ray the release that pyproject.toml names?" >&2
    return 1
  }
  new=$(comm -13 <(echo "$before") <(complaints "$2"))
  if [ -n "$new" ]; then
    echo "install.sh: what the base image holds does not fit any more; take a newer base image:" >&2
    echo "$new" >&2
    return 1
  fi
}

complaints() { # PYTHON: what is installed there and does not fit, a line each
  { uv_pip check "$1" 2>&1 || true; } | grep '^The package' | sort
}

usage() {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

case "${1-}/$#" in
  tools/2) make_tools "$2" ;;
  wheel/2) make_wheel "$2" ;;
  packages/3) packages "$2" "$3" ;;
  add/4) add "$2" "$3" "$4" ;;
  beside/4) beside "$2" "$3" "$4" ;;
  *) usage ;;
esac
