"""A study: many runs in processes of their own, several seeds of each, and what is beyond the noise of the
seeds."""

import dataclasses
import statistics
import sys
import warnings

import joblib
from scipy import stats
from tqdm import tqdm

from .. import channel
from ..results.history import epoch_line


def repeated(runs, options):
    """(Run, Options) of every run with every seed; the runs of the first seed keep their labels.

    Args:
        runs: `experiment.Run`s.
        options: `settings.Options`, with the first seed and the number of them.
    """
    others = range(options.seed + 1, options.seed + options.seeds)
    return [(run, options) for run in runs] + [
        (dataclasses.replace(run, label=seed_label(run.label, seed)), options.replace(seed=seed))
        for seed in others
        for run in runs
    ]


def seed_label(label, seed):
    """What a run with another than the first seed is called."""
    return f"{label}, seed {seed}"


def in_processes(train, tasks, jobs, told):
    """Train in `jobs` processes at a time, and give (Run, what `train` made of it) in the order of the tasks.

    Args:
        train: (Run, Options) -> a run's entry in `Result.runs`.
        tasks: as `repeated` gives them.
        jobs: number of processes; 1 trains in this one.
        told: whether to print a line a run, and a bar on a terminal.
    """
    made = joblib.Parallel(min(jobs, len(tasks)), return_as="generator")(
        joblib.delayed(train)(*task) for task in tasks
    )
    reported = channel.is_reported()
    try:
        with tqdm(
            total=len(tasks), unit="run", leave=False, disable=None if told and not reported else True
        ) as bar:
            for i, ((run, _), entry) in enumerate(zip(tasks, made), 1):
                yield run, entry
                bar.update()
                if told and entry["history"]:
                    with tqdm.external_write_mode(file=sys.stdout):
                        print(f"{run.label}: {epoch_line(entry['history'][-1])}", flush=True)
                if told and reported:
                    channel.report(i / len(tasks), run.label)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that after Ctrl-C runs are cancelled
            made.close()


def over_seeds(runs, label, metric):
    """Seed -> a metric of a run, for every seed that finished it; None is the first.

    Args:
        runs: as in `Result.runs`.
        label: of the run with the first seed.
        metric: its name.
    """
    head = seed_label(label, "")
    labels = {None: label, **{int(other[len(head) :]): other for other in runs if other.startswith(head)}}
    return {
        seed: runs[name]["metrics"][metric]
        for seed, name in labels.items()
        if metric in runs.get(name, {"metrics": {}})["metrics"]
    }


def difference(values, base, confidence=0.95):
    """The mean difference of two runs that were made with the same seeds, and the half width of its interval.

    The differences of a seed with itself are taken, as both runs see the same batches; the interval is
    Student's.

    Args:
        values, base: as `over_seeds` gives them.
        confidence: of the interval.

    Returns:
        mean, half width; the width is None with fewer than two seeds in common.
    """
    differences = [values[seed] - base[seed] for seed in values if seed in base]
    if not differences:
        return None, None
    mean, n = statistics.fmean(differences), len(differences)
    if n < 2:
        return mean, None
    # t s / sqrt(n), with t the quantile of Student's distribution with n - 1 degrees of freedom
    return mean, float(stats.t.ppf((1 + confidence) / 2, n - 1)) * statistics.stdev(differences) / n**0.5
