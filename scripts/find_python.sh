#!/bin/sh
# Print the name of a Python that MXNet runs on: 3.9 to 3.12, with the module venv.
# With an argument, try only that one.
candidates=${1:-python3.11 python3.12 python3.10 python3.9 python3 python}
version='import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))'
if [ "$(uname -s)-$(uname -m)" = Darwin-arm64 ] && [ $# -eq 0 ]; then
    echo "MXNet has no wheel for Apple silicon. Use the Dockerfile (see README.md), or name an x86-64 Python: make PYTHON=..." >&2
    exit 1
fi
for python in $candidates; do
    # Run it: a command that exists may still not work, such as pyenv's shim for a version that is not selected.
    if "$python" -c "$version" 2>/dev/null; then
        if "$python" -c "import venv, ensurepip" 2>/dev/null; then
            echo "$python"
            exit 0
        fi
        echo "$python has no venv module (Debian, Ubuntu: apt-get install $(basename "$python")-venv)." >&2
    fi
done
echo "No Python found that MXNet runs on, which is 3.9 to 3.12 with venv; tried: $candidates." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv) or name one: make PYTHON=/path/to/python3.11" >&2
exit 1
