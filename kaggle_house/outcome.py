"""What a cross-validation leaves: tables to print, figures, and files."""

import json

import numpy as np
import pandas as pd

from d2l_repro.files import write_atomically
from d2l_repro.results import plot, published
from d2l_repro.results.history import History
from d2l_repro.results.result import environment, published_row

from . import kfold, submission
from .recipes import ARTICLE, BOOK


def mark(tables):
    """What every output says when the houses were made up."""
    return " (generated houses, not the competition's)" if tables.name == "generated" else ""


def content(results, folds, recipe, options, tables):
    """The content of kfold.json."""
    made = kfold.summary(results, folds, recipe, options, tables)
    return {**made, "published": _published(made, recipe, options, tables), "environment": environment()}


def _published(made, recipe, options, tables):
    """The published values that these settings on these files are to be compared with."""
    default = kfold.FoldOptions(
        seed=options.seed,
        repeats=options.repeats,
        impl=options.impl,
        jobs=options.jobs,
        backend=options.backend,
    )
    if tables.name != "kaggle_house" or not tables.official or options != default:
        return []
    labels = {BOOK: "book", ARTICLE: "article 10 epochs", ARTICLE.replace(num_epochs=20): "article 20 epochs"}
    metrics = {"train_log_rmse": made["mean"]["train"], "valid_log_rmse": made["mean"]["valid"]}
    return published.compare("house_prices", {labels[recipe]: metrics}) if recipe in labels else []


def text(made, tables):
    """Folds, means beside the baselines, and published values, as the command prints them."""
    folds = pd.DataFrame(
        [
            {
                "repeat": fold["repeat"],
                "fold": fold["fold"],
                "train": f"{fold['train']:.6f}",
                "valid": f"{fold['valid']:.6f}",
                "seconds": f"{fold['seconds']:.1f}",
            }
            for fold in made["folds"]
        ]
    )
    mean, std = made["mean"], made["std"]
    rows = [
        {
            "model": "recipe",
            "valid": f"{mean['valid']:.6f}",
            "std": f"{std['valid']:.4f}",
            "recipe - model": "",
            "std of it": "",
        }
    ]
    rows += [
        {
            "model": name,
            "valid": f"{scores['valid']:.6f}",
            "std": f"{scores['std']:.4f}",
            "recipe - model": f"{scores['difference']:+.4f}",
            "std of it": f"{scores['difference_std']:.4f}",
        }
        for name, scores in made["baselines"].items()
    ]
    parts = [
        f"Log rmse of every fold{mark(tables)}\n{folds.to_string(index=False)}",
        f"train {mean['train']:.6f} +- {std['train']:.4f}, valid {mean['valid']:.6f} +- {std['valid']:.4f}, "
        f"all rows out of fold {made['out_of_fold']:.6f}",
        f"Beside the baselines, fold by fold\n{pd.DataFrame(rows).to_string(index=False)}",
    ]
    clipped = sum(fold["clipped"] for fold in made["folds"])
    if clipped:
        parts.append(f"{clipped} predictions below 1 dollar were scored as 1 dollar.")
    if made["published"]:
        table = [published_row(row) for row in made["published"]]
        parts.append(f"Published and reproduced\n{pd.DataFrame(table).to_string(index=False)}")
    return "\n\n".join(parts)


def figures(results, folds, options, tables):
    """Name -> figure: learning curves, predicted against true prices, residuals; with repeats, a curve for
    each."""
    prices = tables.train["SalePrice"].to_numpy()
    predicted = kfold.out_of_fold(results, folds, len(prices))
    first = {
        f"fold {result['fold']}": {"history": _scores(result["history"])}
        for result in results
        if result["repeat"] == 0
    }
    drawn = {
        "learning_curves": plot.training_curves(first, f"Every fold{mark(tables)}", log=True),
        "predicted_against_true": plot.predicted_against_true(
            prices, predicted, f"Out of fold{mark(tables)}", "price (US dollars)"
        ),
        "residuals": plot.histogram(
            {"predicted - true log price": np.log(predicted) - np.log(prices)},
            f"Residuals{mark(tables)}",
            "houses",
        ),
    }
    if options.repeats > 1:
        trials = {
            f"trial {repeat + 1}": {"history": _mean_history(results, repeat)}
            for repeat in range(options.repeats)
        }
        drawn["trials"] = plot.training_curves(
            trials, f"Mean over the folds of every trial{mark(tables)}", log=True
        )
    return drawn


def _scores(history):
    return History(
        {name: value for name, value in row.items() if name == "epoch" or name.endswith("log_rmse")}
        for row in history
    )


def _mean_history(results, repeat):
    histories = [_scores(result["history"]) for result in results if result["repeat"] == repeat]
    return History(
        {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in zip(*histories)
    )


def save(folder, made, results, folds, options, tables):
    """Write figures, oof.csv and, last, kfold.json."""
    plot.save(figures(results, folds, options, tables), folder)
    predicted = kfold.out_of_fold(results, folds, len(tables.train))
    write_atomically(
        folder / "oof.csv", submission.as_frame(tables.train["Id"], predicted).to_csv(index=False)
    )
    write_atomically(folder / "kfold.json", json.dumps(made, indent=1, allow_nan=False) + "\n")
