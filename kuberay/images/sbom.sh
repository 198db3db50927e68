#!/usr/bin/env bash
# A CycloneDX bill of materials for each image's lock:  kuberay/images/sbom.sh DIR
#
# It lists what we install, with hashes and package URLs. What llm builds on is not in it: inside that image,
# `cyclonedx-py environment` lists everything. CYCLONEDX names the program (default: that of .venv).
set -euo pipefail
[ "$#" = 1 ] || {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}
images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
for image in serve page llm; do
  "${CYCLONEDX:-$images/../../.venv/bin/cyclonedx-py}" requirements --output-format JSON --spec-version 1.6 --validate \
    --output-reproducible --pyproject "$images/../../pyproject.toml" --output-file "$1/$image.cdx.json" "$images/$image.lock"
done
