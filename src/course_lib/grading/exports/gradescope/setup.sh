#!/usr/bin/env bash
# Runs once, as root, while Gradescope builds the image of the autograder.
set -euo pipefail
# shellcheck source=/dev/null
. /autograder/source/settings

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends \
    bubblewrap ca-certificates git python3-venv util-linux

# The image's own Python may be older than 3.11, so uv brings one.
python3 -m venv /opt/uv
/opt/uv/bin/pip install --no-cache-dir uv
export UV_NO_CACHE=1 UV_PYTHON_INSTALL_DIR=/opt/python
/opt/uv/bin/uv venv --python 3.12 /opt/course
install=(/opt/uv/bin/uv pip install --python /opt/course/bin/python)
"${install[@]}" --index-url https://download.pytorch.org/whl/cpu "$TORCH"
"${install[@]}" "$COURSE"
/opt/course/bin/python /autograder/source/tests/same_tests.py

# Only root may read the seed and the hidden tests where they lie.
useradd --create-home --shell /usr/sbin/nologin grader
chmod -R go= /autograder/source
