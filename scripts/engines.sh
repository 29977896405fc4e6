#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the outside engines that octbench can measure beside its own kernels, from PyPI into .engines/ of this
# tree, in the versions that the published reports name. Nothing else of the project needs them.
#   scripts/engines.sh [--check]      --check: says what is there; 0: all of it
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=$root/.engines/bin/python3
packages=(onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6)

installed() {
    [ -x "$python" ] && "$python" - "${packages[@]}" <<'END'
import importlib.metadata, sys
for package in sys.argv[1:]:
    name, version = package.split("==")
    if importlib.metadata.version(name) != version:
        sys.exit(1)
END
}

case "${1-}" in
"") ;;
--check)
    if installed 2>/dev/null; then
        echo "engines.sh: ${packages[*]} in $root/.engines"
        exit 0
    fi
    echo "engines.sh: not installed: ${packages[*]}; scripts/engines.sh installs them" >&2
    exit 1
    ;;
-h | --help) sed -n '3,5p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
*) echo "engines.sh: unknown option '$1' (see --help)" >&2; exit 2 ;;
esac

! installed 2>/dev/null || exit 0
if ! /usr/bin/python3 -m venv "$root/.engines"; then
    echo "engines.sh: apt-get install python3-venv, then try again" >&2
    exit 1
fi
"$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}"
echo "engines.sh: ${packages[*]} in $root/.engines"
