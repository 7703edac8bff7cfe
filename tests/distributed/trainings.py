"""Train the chapters' nets, alone or as a worker of a job, and write the parameters: `trainings.py OUT.npz`.

In double precision for an epoch with a short last batch, in single precision for five steps.
"""

import sys

import numpy as np

import d2l_repro  # noqa: F401  (prepares mxnet)
from chapters import house_prices, lenet, mlp, softmax_regression
from d2l_repro.data.loader import Minibatches
from d2l_repro.distributed import workers
from d2l_repro.settings import Options
from d2l_repro.train import train_ch3
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import book_arrays
from d2l_repro.verify.walk import cast

STEPS = 5
SEED = 3
NETS = {  # name -> chapter, settings, examples
    "softmax": (softmax_regression, softmax_regression.HParams(batch_size=64), 300),
    "mlp": (mlp, mlp.HParams(batch_size=64), 300),
    "lenet": (lenet, lenet.Setting(batch_size=20, num_hiddens=64), 110),
    "house": (house_prices, house_prices.HParams(fold=1), None),
}


def batches_of(data, dtype, examples, batch_size):
    """Return the first examples of a chapter's data in a precision, in an order drawn with the seed."""
    loader = data.train_iter
    while hasattr(loader, "batches"):
        loader = loader.batches
    X, y = (array[:examples].astype(dtype) for array in (loader.X, loader.y))
    return Minibatches(X, y, batch_size, SEED)


def main(path):
    arrays = {}
    with workers.together() as store:
        for name, (chapter, hp, examples) in NETS.items():
            for impl in ("scratch", "gluon"):
                for dtype in ("float64", "float32"):
                    seed_everything(SEED)
                    dataset = "generated" if chapter is house_prices else "digits"
                    data = chapter.chapter.data(hp, Options(seed=SEED, quick=True, dataset=dataset))
                    model = {"scratch": chapter.from_scratch, "gluon": chapter.with_gluon}[impl](hp, data)
                    cast(model, dtype)
                    batches = batches_of(data, dtype, examples, hp.batch_size)
                    train = batches if dtype == "float64" else list(batches)[:STEPS]
                    history = train_ch3(
                        model.net,
                        train,
                        None,
                        model.loss,
                        1,
                        hp.batch_size,
                        trainer=model.trainer,
                        metrics={},
                        penalty=model.penalty,
                        gradients=model.gradients,
                    )
                    key = f"{name}/{impl}/{dtype}"
                    arrays.update({f"{key}/{i}": a for i, a in enumerate(book_arrays(model))})
                    arrays[f"{key}/loss"] = history[-1]["train_loss"]
    number = 0 if store is None else store.number
    np.savez(f"{path}.{number}.npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
