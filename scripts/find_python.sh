#!/bin/sh
# Print a Python that MXNet can run on: 3.9 to 3.12, with venv. An argument names the only one to be tried.
candidates=${1:-python3.11 python3.12 python3.10 python3.9 python3 python}
version='import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))'
if [ "$(uname -s)-$(uname -m)" = Darwin-arm64 ] && [ $# -eq 0 ]; then
    echo "MXNet has no wheel for Apple silicon: use the Dockerfile (see README.md), or name an x86-64 Python: make PYTHON=..." >&2
    exit 1
fi
for python in $candidates; do
    # A command that is there may still not run: pyenv's shims for a version that is not chosen.
    if "$python" -c "$version" 2>/dev/null; then
        if "$python" -c "import venv, ensurepip" 2>/dev/null; then
            echo "$python"
            exit 0
        fi
        echo "$python is here but lacks venv (Debian, Ubuntu: apt-get install $(basename "$python")-venv)." >&2
    fi
done
echo "No Python that MXNet runs on: one of 3.9 to 3.12 with venv is needed; tried $candidates." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv), or name it: make PYTHON=/path/to/python3.11" >&2
exit 1
