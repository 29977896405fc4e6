#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Placeholder until scripts/setup.sh exists: build, then every test.
set -eu
cd "$(dirname "$0")/.."
cmake -S . -B build -G Ninja -DOCT_WERROR=ON
ninja -C build
ctest --test-dir build --output-on-failure
