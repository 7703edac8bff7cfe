#!/bin/sh
# Print the name of a Python to make .venv with: 3.9 or later, with the module venv; the tested versions first.
# With an argument, try only that one.
candidates=${1:-python3.11 python3.12 python3.13 python3.10 python3.9 python3 python}
describe='import platform, sys; print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], platform.machine()))'
reasons=
for python in $candidates; do
    # Run it: a command that exists may still not work, such as pyenv's shim for a version that is not selected.
    found=$("$python" -c "$describe" 2>/dev/null) || found=
    number=${found% *}
    case $found in
        "") reason="cannot be run" ;;
        2.* | 3.[0-8]" "*) reason="is Python $number, which is too old" ;;
        *" arm64") reason="is for Apple silicon, for which MXNet has no wheel (docs/installing.md says what works there)" ;;
        *) "$python" -c "import venv, ensurepip" >/dev/null 2>&1 && break
            reason="has no venv module (Debian, Ubuntu: apt-get install python$number-venv)" ;;
    esac
    reasons="$reasons$python $reason; "
    python=
done
if [ -z "$python" ]; then
    echo "${reasons}needed is Python 3.9 or later on x86-64, with venv. Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python3" >&2
    exit 1
fi
case $number in
    3.9 | 3.1[0-3]) ;;
    *) echo "$python is Python $number, which is newer than those tested; should it fail: make clean, make PYTHON=python3.13" >&2 ;;
esac
echo "$python"
