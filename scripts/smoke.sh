#!/usr/bin/env bash
# Install the wheel with plain pip in a new environment of a Python, as a user without a clone does, and try it from an
# empty folder: imports, the commands, a chapter, folds, a report. Takes about a minute.
#   scripts/smoke.sh PYTHON [WHEEL]
set -euo pipefail
python=$(sh "$(dirname "$0")/find_python.sh" "$1")
wheel=${2:-}
if [ -z "$wheel" ]; then
    make --no-print-directory -C "$(dirname "$0")/.." wheel
    wheel=$(ls "$(dirname "$0")"/../dist/*.whl)
fi
wheel=$(realpath "$wheel")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
bin=$folder/venv/bin
"$bin/python" -m pip install --quiet "$wheel"
# The wheel cannot ask for MXNet on a Python that has no NumPy 1: docs/installing.md.
"$bin/python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("mxnet"))' ||
    "$bin/python" -m pip install --quiet --no-deps mxnet==1.9.1

mkdir "$folder/empty"
cd "$folder/empty"
unset PYTHONPATH
"$bin/python" -c '
import sys
import d2l_repro.d2lzh, kaggle_house.kfold
import mxnet, numpy, pandas, sklearn
assert d2l_repro.__file__.startswith(sys.prefix), d2l_repro.__file__
versions = [f"{module.__name__} {module.__version__}" for module in (mxnet, numpy, pandas, sklearn)]
print("Python", *sys.version.split()[:1], *versions)
'
run() {
    echo "\$ $*"
    "$bin/$@" >output 2>&1 || (cat output; false)
}
run d2l-repro list
run python -m chapters.linear_regression --quick
run d2l-repro run mlp weight_decay --quick --out runs
run d2l-repro report runs
run python -m kaggle_house kfold --recipe book --k 2 --num-epochs 2 --out house
for file in runs/linear_regression/result.json runs/mlp/result.json runs/report.html house/kfold.json house/oof.csv; do
    [ -s "$file" ] || { echo "$file was not written" >&2; exit 1; }
done
echo "The wheel works on $("$bin/python" --version)"
