"""Call functions in this process, in several, or on a Dask cluster; callers do not know where.

`computed` is for functions. `cluster` connects to a cluster, `chapters` runs whole chapters on one, and
`worker` and `child` are what runs there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from .where import Where

__all__ = ["Where", "computed"]


def computed(
    function: Callable[..., Any], tasks: Sequence[tuple], where: Where, common: tuple = ()
) -> Generator[tuple[int, Any], None, None]:
    """Call a function once for each task, and yield index and result, each as soon as it is available.

    Results do not depend on where they are computed. On a cluster they come in any order, else in that of the
    tasks. What is still being computed is ended when the iterator is closed.

    Args:
        function: called with the common arguments and a task's; what it raises is raised here.
        tasks: tuples of arguments. On a cluster they may not name folders of this machine.
        where: to compute.
        common: arguments of all calls; each worker of a cluster gets them once.

    Raises:
        InputError: the cluster or one of its workers cannot be used.
        WorkFailed: the cluster was lost, or cannot finish a task.
    """
    if not tasks:
        return
    if where.cluster is not None:
        from .cluster import connect

        with connect(where) as cluster:
            yield from cluster.compute(function, tasks, common)
    elif where.jobs == 1:
        for i, task in enumerate(tasks):
            yield i, function(*common, *task)
    else:
        yield from _in_processes(function, tasks, where.jobs, common)


def _in_processes(
    function: Callable[..., Any], tasks: Sequence[tuple], jobs: int, common: tuple
) -> Iterator[tuple[int, Any]]:
    import joblib
    from joblib.parallel import LokyBackend

    class Backend(LokyBackend):
        def configure(self, *args: Any, **kwargs: Any) -> Any:
            return super().configure(*args, initializer=_watch_parent, **kwargs)

    results = joblib.Parallel(min(jobs, len(tasks)), backend=Backend(), return_as="generator")(
        joblib.delayed(function)(*common, *task) for task in tasks
    )
    try:
        yield from enumerate(results)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the warning that Ctrl-C has cancelled tasks
            results.close()


def _watch_parent() -> None:
    """Do nothing: a worker that calls this has imported the package, and so ends with its parent."""
