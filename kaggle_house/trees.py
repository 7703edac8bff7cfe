"""Boosted trees as arrays: many trees of regression, whose sum is the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from d2l_repro.train.arrays import check_finite

AT_ONCE = 500  # rows that are followed down the trees together; more of them need more memory


@dataclass(frozen=True)
class Forest:
    """Nodes of all trees, one after the other; both children of a leaf are the leaf itself.

    Attributes:
        column, threshold: a row goes to the left child if its value in the column is at most the threshold.
        left, right: numbers of the children.
        value: what a leaf adds to the prediction.
        root: number of each tree's first node, (trees,); the other arrays are (nodes,).
        base: what the leaves are added to, (1,).
    """

    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    root: np.ndarray
    base: np.ndarray

    @classmethod
    def average(cls, models: Sequence[GradientBoostingRegressor]) -> Forest:
        """Return the trees of fitted models, which predict the mean of what the models predict."""
        trees = [(tree.tree_, model.learning_rate) for model in models for tree in model.estimators_[:, 0]]
        sizes = [tree.node_count for tree, _ in trees]
        root = np.cumsum([0, *sizes[:-1]])
        own = np.arange(sum(sizes))
        is_leaf = np.concatenate([tree.children_left < 0 for tree, _ in trees])

        def children(side: str) -> np.ndarray:
            found = np.concatenate([getattr(tree, side) + first for (tree, _), first in zip(trees, root)])
            return np.where(is_leaf, own, found)

        values = np.concatenate([lr * tree.value[:, 0, 0] for tree, lr in trees])
        nothing = np.zeros((1, models[0].n_features_in_))
        return cls(
            np.where(is_leaf, 0, np.concatenate([tree.feature for tree, _ in trees])),
            np.where(is_leaf, 0.0, np.concatenate([tree.threshold for tree, _ in trees])),
            children("children_left"),
            children("children_right"),
            values / len(models),
            root,
            np.mean([model.init_.predict(nothing) for model in models], axis=0, dtype=np.float64),
        )

    def predict(self, X: np.ndarray, depth: int) -> np.ndarray:
        """Return predictions, (examples,), for X, (examples, features), of trees that are at most so deep."""
        X = X.astype(np.float32)  # as scikit-learn compares it
        parts = [self._sum(X[i : i + AT_ONCE], depth) for i in range(0, len(X), AT_ONCE)]
        return self.base + np.concatenate(parts)

    def _sum(self, X: np.ndarray, depth: int) -> np.ndarray:
        row = np.arange(len(X))[:, np.newaxis]
        node = np.broadcast_to(self.root, (len(X), len(self.root)))
        for _ in range(depth):
            is_left = X[row, self.column[node]] <= self.threshold[node]
            node = np.where(is_left, self.left[node], self.right[node])
        return self.value[node].sum(axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return dict(vars(self))

    @classmethod
    def parse(cls, arrays: Mapping[str, np.ndarray], num_inputs: int) -> Forest:
        """Return the forest whose arrays these are.

        Raises:
            ValueError: they are no trees on so many features.
        """
        forest = cls(**arrays)
        check_finite({name: arrays[name] for name in ("threshold", "value", "base")})
        shape = forest.value.shape
        limits = {"column": num_inputs, "left": len(forest.value), "right": len(forest.value)}
        if len(shape) != 1 or any(arrays[name].shape != shape for name in ("threshold", *limits)):
            raise ValueError("the trees have arrays of other shapes")
        if forest.base.shape != (1,) or forest.root.ndim != 1:
            raise ValueError("the trees have arrays of other shapes")
        for name, limit in {**limits, "root": len(forest.value)}.items():
            numbers = arrays[name]
            if numbers.dtype.kind != "i" or not ((numbers >= 0) & (numbers < limit)).all():
                raise ValueError(f"the trees' {name} has numbers out of range")
        return forest
