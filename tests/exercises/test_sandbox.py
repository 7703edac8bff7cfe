"""What a learner's file may do to the check: each case for real, in a process of its own."""

import re
from dataclasses import replace

import pytest

from d2l_repro.errors import InputError
from d2l_repro.exercises.sandbox import Checker, Limits, check_file

LIMITS = Limits(seconds=1.0, idle=1.5, megabytes=300.0)
RELU = "from mxnet import nd\nimport os\nimport time\n\n\ndef relu(X):\n"
CASES = {
    "endless loop": (
        RELU + "    while True:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            pass\n",
        r"more than 1 seconds of computing time and was ended in line (8|9|10), .*Does a loop",
    ),
    "waits": (RELU + "    time.sleep(1000)\n", r"more than 1.5 seconds and was ended in line 7, `time.sleep"),
    "exit()": (RELU + "    exit()\n", r"ends Python in line 7, `exit\(\)`, as with exit"),
    "os._exit()": (RELU + "    os._exit(0)\n", r"Python ended without a result \(with exit code 0\)"),
    "memory": (
        RELU + "    return nd.zeros((10000, 100000))\n",
        r"more than 300 MB of memory and was ended in line 7, `return nd.zeros",
    ),
    "memory of lists": (
        RELU + "    rows = [0.0]\n    while True:\n        rows += rows\n",
        r"more than 300 MB of memory and was ended in line 9, `rows \+= rows",
    ),
    "file elsewhere": (
        RELU + "    open('{elsewhere}', 'w').write('x')\n    return nd.maximum(X, 0)\n",
        r"The file writes to .*elsewhere.txt in line 7, ",
    ),
    "syntax error": (RELU + "    return nd.maximum(X, 0\n", r"cannot be read as Python: .* in line 7\. "),
    "error at once": (RELU + "    return X\n\n\n1 / 0\n", r"raises ZeroDivisionError.* in line 10, `1 / 0`"),
    "wrong type": (
        RELU + "    print('hello')\n    print('again')\n    return 'text'\n",
        r"relu\(X\) is a str; expected an array of numbers\.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_file_that_misbehaves_gets_a_clear_line(case, tmp_path):
    elsewhere = tmp_path / "elsewhere.txt"
    source, expected = CASES[case]
    file = tmp_path / "relu.py"
    file.write_text(source.replace("{elsewhere}", str(elsewhere)))
    report = check_file("relu", file, limits=LIMITS)
    assert re.search(expected, report.message), report
    assert not report
    assert (report.passed, report.total) == (0, 3)
    assert not elsewhere.exists()
    if case == "wrong type":
        (note,) = report.notes
        assert re.fullmatch("It printed [0-9]+ lines, which the check ignores. It begins: hello", note)
    else:
        assert report.notes == []


def test_right_file_passes_and_keeps_no_limits_from_it(tmp_path):
    (tmp_path / "helper.py").write_text("ZERO = 0\n")
    file = tmp_path / "relu.py"
    file.write_text(
        "from helper import ZERO\nfrom mxnet import nd\n\n\ndef relu(X):\n"
        "    with open('scratch', 'w') as file:  # in the check's own folder\n        file.write('x')\n"
        "    return nd.maximum(X, ZERO)\n"
    )
    with Checker() as checker:
        folder = checker.path
        report = checker.check("relu", file, seed=3, limits=replace(LIMITS, seconds=20))
    assert report, report
    assert report.notes == []
    assert not folder.exists()
    assert not (tmp_path / "scratch").exists()


def test_missing_file_is_an_input_error_and_leaves_no_process(tmp_path):
    with pytest.raises(InputError, match="cannot be read"), Checker() as checker:
        checker.check("relu", tmp_path / "nothing.py")
    assert checker.process.poll() is not None
