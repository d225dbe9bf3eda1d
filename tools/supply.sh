#!/usr/bin/env bash
# What the image is made of: tools/supply.sh lock | audit | sbom | licences
# The tools live in an environment of their own, build/supply.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/supply/bin
if [ ! -x "$bin/pip-compile" ]; then
    python3 -m venv build/supply
    "$bin/pip" install --quiet pip-tools==7.6.2 pip_audit==2.10.1 cyclonedx-bom==7.5.0 pip-licenses==5.5.5
fi
case "${1:-}" in
    lock)  # what is installed in the image, each file by its hash
        "$bin/pip-compile" --quiet --generate-hashes --no-header --no-annotate --strip-extras \
            --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
            --constraint constraints.txt --extra slack --extra mcp --output-file image.lock pyproject.toml ;;
    audit)  # known vulnerabilities; needs an advisory database in reach
        "$bin/pip-audit" --strict --require-hashes --disable-pip --requirement image.lock ;;
    sbom)  # CycloneDX, of what the lock names
        mkdir -p reports
        "$bin/cyclonedx-py" requirements image.lock --output-file reports/sbom.json
        echo "reports/sbom.json" ;;
    licences)
        "$bin/pip-licenses" --python=.venv/bin/python --order=license ;;
    *)
        sed -n 2,3p "$0"
        exit 2 ;;
esac
