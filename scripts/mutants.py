"""Test the tests: change the code in one place at a time, and see whether a test fails.

    python scripts/mutants.py --out mutants.json

Samples places in the modules that a wrong number could come from, at each place one of Cosmic Ray's mutants,
and runs the tests that reach the mutant's line, the fastest first, until one fails. Prints the share that was
noticed with its 95 % interval, and writes every mutant to the file: what was changed, and how tests ended.
"""

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Queue

import cosmic_ray.plugins
import coverage
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from scipy.stats import binomtest
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
MODULES = (
    "d2l_repro/train/loop.py",
    "d2l_repro/train/checks.py",
    "d2l_repro/scratch/*.py",
    "d2l_repro/verify/*.py",
    "d2l_repro/results/schema.py",
    "kaggle_house/features.py",
    "kaggle_house/kfold.py",
    "kaggle_house/submission.py",
)
TESTS = ("tests",)
# They insert or rename variables, which need a list of names; or change nothing.
LEFT_OUT = ("core/NoOp", "core/VariableReplacer", "core/VariableInserter")
LONGEST = 60  # seconds of tests for one mutant
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"


@dataclass(frozen=True)
class Mutant:
    """One change of one place."""

    module: str
    line: int
    operator: str
    occurrence: int  # of the places in the module where the operator applies


@dataclass(frozen=True)
class Tried:
    """A mutant and what became of it."""

    mutant: Mutant
    before: str
    after: str
    outcome: str
    tests: int  # that reach the line and were given the chance
    noticed_by: str  # the test that failed


def mutants_of(module):
    """Return all mutants of a module, as a list for each place."""
    code = (ROOT / module).read_text()
    skipped, places = _annotations(code), defaultdict(list)
    nodes = list(ast_nodes(get_ast(code)))
    for name in sorted(set(cosmic_ray.plugins.operator_names()) - set(LEFT_OUT)):
        operator, occurrence = cosmic_ray.plugins.get_operator(name)(), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if not any(begin <= start < end for begin, end in skipped):
                    places[start].append(Mutant(module, start[0], name, occurrence))
                occurrence += 1
    return list(places.values())


def _annotations(code):
    """Return where types stand, from and to (line, column): they are never evaluated."""
    found = []
    for node in ast.walk(ast.parse(code)):
        types = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        found += [
            ((t.lineno, t.col_offset), (t.end_lineno, t.end_col_offset)) for t in types if t is not None
        ]
    return found


def sample(number, seed):
    """Return `number` mutants, spread over the modules by their numbers of places; one mutant of a place."""
    names = [str(path.relative_to(ROOT)) for pattern in MODULES for path in sorted(ROOT.glob(pattern))]
    places = {name: mutants_of(name) for name in names}
    total = sum(map(len, places.values()))
    drawn, reached, wanted = [], 0, 0
    for module in names:
        reached += len(places[module])
        count = round(number * reached / total) - wanted
        wanted += count
        rng = random.Random(f"{seed} {module}")  # so that a sample stays when another module changes
        drawn += [rng.choice(place) for place in rng.sample(places[module], count)]
    return drawn


class Tests:
    """The tests that reach a line, from a run of all of them that records it.

    Args:
        folder: for the record; an earlier one in it is used again.
    """

    def __init__(self, folder):
        record, durations = folder / "coverage", folder / "durations.xml"
        if not durations.is_file():
            _measure(record, durations)
        self.data = coverage.CoverageData(str(record))
        self.data.read()
        # A test that fails without a mutant, or that pytest does not find, would seem to notice every one.
        found = set(_pytest("--collect-only", "-q", *TESTS).stdout.splitlines())
        self.seconds = {
            _node_id(case): float(case.get("time"))
            for case in ElementTree.parse(durations).iter("testcase")
            if _node_id(case) in found and not {child.tag for child in case} & {"failure", "error", "skipped"}
        }

    def reaching(self, module, line):
        """Return the tests that reach a line, the fastest first, as many as fit into `LONGEST`."""
        lines = self.data.contexts_by_lineno(str(ROOT / module))
        names = {context.partition("|")[0] for context in lines.get(line, ())}
        if names <= {""}:  # executed by an import: any test of the module may notice
            names = {context.partition("|")[0] for contexts in lines.values() for context in contexts}
        found = sorted(names & self.seconds.keys(), key=lambda name: (self.seconds[name], name))
        chosen, total = [], 0.0
        for name in found:
            total += self.seconds[name]
            if total < LONGEST:
                chosen.append(name)
        return chosen


def _measure(record, durations):
    config = record.with_name("coveragerc")
    config.write_text("[run]\nsource = d2l_repro,kaggle_house\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", *TESTS),
            *("--cov", f"--cov-config={config}", "--cov-context=test", "--cov-report="),
            *(f"--junitxml={durations}", "-o", "junit_family=xunit1"),
        ],
        cwd=ROOT,
        env={**os.environ, "COVERAGE_FILE": str(record), "PYTHONPATH": str(ROOT)},
        check=True,
    )


def _node_id(case):
    return f"{case.get('file')}::{case.get('name')}"


def try_mutant(mutant, tests, copy):
    """Return what became of a mutant, in a copy of the project."""
    path = copy / mutant.module
    code = path.read_text()
    operator = cosmic_ray.plugins.get_operator(mutant.operator)()
    mutated = mutate_code(code, operator, mutant.occurrence)
    chosen = tests.reaching(mutant.module, mutant.line)
    package = f"tests/{Path(mutant.module).parent.name}/"
    own = [name for name in chosen if name.startswith(package)]
    others = [name for name in chosen if not name.startswith(package)]
    path.write_text(mutated)
    try:
        # Most mutants are noticed by the tests of their own package, which start faster alone.
        outcome, failed = _run(own, copy, 30 + 3 * sum(tests.seconds[name] for name in own))
        if outcome == SURVIVED:
            outcome, failed = _run(others, copy, LONGEST)
            if outcome == TIMED_OUT:
                # Some of the others train a whole chapter first: what they do not say in time does not count.
                outcome = SURVIVED
    finally:
        path.write_text(code)
    changed = [pair for pair in zip(code.splitlines(), mutated.splitlines()) if pair[0] != pair[1]]
    before, after = changed[0] if changed else ("", "")
    return Tried(mutant, before.strip(), after.strip(), outcome, len(chosen), failed)


def _run(chosen, copy, timeout):
    """Return how tests end that are run until the first failure, and the name of the one that failed."""
    if not chosen:
        return SURVIVED, ""
    try:
        process = _pytest("-xq", "-pno:xdist", *chosen, cwd=copy, timeout=timeout)
    except subprocess.TimeoutExpired:
        return TIMED_OUT, ""
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", process.stdout, re.MULTILINE)
    return (KILLED, failed[0] if failed else "") if process.returncode else (SURVIVED, "")


def _pytest(*argv, cwd=ROOT, timeout=None):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-pno:cacheprovider", *argv],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(cwd)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _copy(folder):
    """Copy the files under version control into a new folder."""
    files = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    copy = Path(tempfile.mkdtemp(dir=folder))
    for name in filter(None, files):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


def try_all(mutants, tests, jobs):
    """Yield what became of each mutant."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies = Queue()
        for _ in range(jobs):
            copies.put(_copy(folder))

        def task(mutant):
            copy = copies.get()
            try:
                return try_mutant(mutant, tests, copy)
            finally:
                copies.put(copy)

        yield from tqdm(pool.map(task, mutants), total=len(mutants), unit="mutant")


def confirm(tried):
    """Return the mutants, those as survivors whose test fails alone in its process without them, too."""
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(folder)
        names = sorted({one.noticed_by for one in tried} - {""})
        broken = {name for name in tqdm(names, unit="test") if _run([name], copy, LONGEST)[0] == KILLED}
    for name in broken:
        print(f"fails without a mutant: {name}")
    return [replace(one, outcome=SURVIVED) if one.noticed_by in broken else one for one in tried]


def summary(tried):
    """Return the share of mutants that were noticed as text."""
    counts = Counter(one.outcome for one in tried)
    judged = counts[KILLED] + counts[SURVIVED]
    low, high = binomtest(counts[KILLED], judged).proportion_ci(0.95, "wilson")
    texts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (KILLED, SURVIVED, TIMED_OUT))
    share = f"{counts[KILLED] / judged:.3f} (95 % interval {low:.3f} to {high:.3f})"
    return f"{len(tried)} mutants: {texts}. Noticed of those that ended: {share}."


def write(path, tried):
    """Write mutants to a file."""
    path.write_text(json.dumps([asdict(one) for one in tried], indent=1) + "\n")


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=400, help="mutants to sample")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants to try at a time")
    parser.add_argument("--only", default="", help="part of the names of the modules to try")
    parser.add_argument("--out", type=Path, default=Path("mutants.json"), help="file to write")
    parser.add_argument(
        "--record", type=Path, default=None, help="folder with the record of which tests reach a line"
    )
    args = parser.parse_args()
    # A shell that starts this in the background has it ignored, and tests of Ctrl-C would fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    record = args.record or Path(tempfile.mkdtemp())
    record.mkdir(parents=True, exist_ok=True)
    tests, tried = Tests(record), []
    mutants = [mutant for mutant in sample(args.number, args.seed) if args.only in mutant.module]
    for one in try_all(mutants, tests, args.jobs):
        tried.append(one)
        write(args.out, tried)
    tried = confirm(tried)
    write(args.out, tried)
    print(summary(tried))


if __name__ == "__main__":
    main()
