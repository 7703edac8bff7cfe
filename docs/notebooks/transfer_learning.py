# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Transfer learning with few labels
#
# Convolutions that have learned one half of Fashion-MNIST's classes are given the other half, of which only a
# few images are labeled. Frozen, fine-tuned, or from nothing: the notebook compares the three on the same
# draws of labels, and asks whether the differences exceed what the draw decides.
#
# It follows a goal that a reader's article on TensorFlow experiments names; here it is done in Gluon. The
# code is that of `chapters/transfer_learning.py`. It takes shorter trainings and fewer draws than the
# chapter, and less than a minute on two cores. Without Fashion-MNIST, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect
import statistics

from chapters import transfer_learning as transfer
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import table
from d2l_repro.settings import Options

hp = transfer.HParams(source_steps=200, steps=60, num_draws=3, num_test=1000)
hp

# %% [markdown]
# ## Two halves
#
# The first five classes are the *source*, with all of their labels. The last five are the *target*: a few
# labels of each class to learn from, and other images to test on.

# %%
both = transfer.Setting(**vars(hp))
data = transfer.data(both, Options())
names = data.source.images.class_names
half = len(names) // 2
print(f"{data.name}: first half {', '.join(names[:half])}")
print(f"second half {', '.join(names[half:])}")
print([tuple(part[0].shape) for part in (data.source.first.train, data.source.second.train)])

# %% [markdown]
# ## The net, and what is transferred
#
# Two convolutions with pools, and one dense layer. Write $\varphi_\theta(x)$ for the output of the
# convolutions and $W$ for the last layer, so that the scores are $o = \varphi_\theta(x)\, W + b$. Training on
# the source finds $\theta_s$ and $W_s$. The classes are others on the target, so $W_s$ is thrown away. What
# may be of use is $\theta_s$:
#
# | way | start of $\theta$ | what is trained |
# |---|---|---|
# | from nothing | random | $\theta$, $W$, $b$ |
# | frozen | $\theta_s$ | $W$, $b$ |
# | fine-tuned | $\theta_s$ | $\theta$, $W$, $b$ |
#
# Frozen is softmax regression on features that somebody else has learned. It has few parameters, so it needs
# few labels. But it can only be as good as the features are. Fine-tuned can correct them, and can forget
# them.

# %%
print(inspect.getsource(transfer.from_scratch))

# %% [markdown]
# A frozen layer needs no gradient, and neither does anything before it. From scratch, `backward` just stops
# there. With Gluon, `BlockGrad` does the same.

# %%
print(inspect.getsource(transfer.Frozen))
print(inspect.getsource(transfer.Classifier))

# %% [markdown]
# ## Draws
#
# With one label of each class, everything depends on which five images these are. So each way is trained on
# several draws, and all ways on *the same* ones. With the same seed a larger draw contains a smaller one.

# %%
from d2l_repro.data.halves import Half

print(inspect.getsource(Half.draw))

# %% [markdown]
# ## Training

# %%
labels = (1, 20, 500)
chosen = [
    run
    for run in transfer.runs(hp)
    if run.impl == "gluon" and (run.hp.way == transfer.SOURCE or run.hp.num_labels in labels)
]
runs = {run.variant: transfer.chapter.train_run(run) for run in chosen}
print("on the first half:", runs[transfer.SOURCE].metrics["test_acc"])


# %%
def accuracies(way, count):
    metrics = runs[transfer.variant_name(way, count)].metrics
    return [value for name, value in metrics.items() if name.startswith("test_acc_")]


found = {(way, count): accuracies(way, count) for count in labels for way in transfer.WAYS}
table(transfer.accuracy_row(found, count) for count in labels)

# %%
curves = {way: (labels, [statistics.fmean(found[way, count]) for count in labels]) for way in transfer.WAYS}
draws = {
    way: tuple(zip(*[(count, value) for count in labels for value in found[way, count]]))
    for way in transfer.WAYS
}
means = [[100 * mean for mean in each] for _, each in curves.values()]  # of a way each
ways = [max(each) - min(each) for each in zip(*means)]  # of a number of labels each
rise = statistics.fmean(each[-1] - each[0] for each in means)
plot.lines(
    curves,
    "labeled images of each class (lines: means; hollow: single draws)",
    "test accuracy",
    f"From {labels[0]} to {labels[-1]} labels of each class the accuracy rises by {rise:.0f} points; frozen, "
    f"fine-tuned or from nothing, nets differ by at most {max(ways):.1f} on average",
    logx=True,
    points=draws,
)

# %% [markdown]
# Now every draw, a dot each:

# %%
dots = {transfer.variant_name(*key): (values, None) for key, values in found.items()}
spread = 100 * max(max(found[way, 1]) - min(found[way, 1]) for way in transfer.WAYS)
title = (
    f"With one label of each class, which images are labeled changes the accuracy by up to {spread:.0f} "
    f"points, how they are used by {ways[0]:.1f} on average"
)
plot.intervals(dots, "test accuracy", title, each="draw of the labeled images")

# %% [markdown]
# With one label of each class the dots of a way lie ten points apart and more. Which images are labeled
# decides more than what one does with them. A single draw could show any of the three ways as the best.
#
# ## Paired differences
#
# That is why differences are taken within each draw. If $a_i$ and $b_i$ are the accuracies of two ways on
# draw $i$, the differences $d_i = a_i - b_i$ are free of what makes a draw easy or hard for both. Their mean
# has the interval
#
# $$\bar d \pm t_{0.975,\, n - 1}\, \frac{s_d}{\sqrt n}.$$
#
# With three draws, $t$ is 4.3, so the interval is wide.

# %%
rows = [
    transfer.difference_row(found, way, count)
    for count in labels
    for way in (transfer.FROZEN, transfer.TUNED)
]
table(
    {"against training from nothing": f"{row.pop('way')}, {row.pop('labels of each class')}", **row}
    for row in rows
)

# %% [markdown]
# Tops and trousers teach a net little about shoes and bags that it would not learn from them in a minute.
# Transfer is no magic. It pays where the source is much larger than the target, and like it.
#
# From scratch and with Gluon the steps are the same, in a smaller net:

# %%
from d2l_repro.verify.parity import same_path

small = next(run for run in transfer.runs(hp) if run.variant == "frozen, 5 labels").shortened()
few = transfer.data(small.hp, Options())
pair = (transfer.from_scratch(small.hp, few), transfer.with_gluon(small.hp, few))
print(same_path(*pair, few.train_iter, small.hp.batch_size, steps=5))

# %% [markdown]
# ## What was published
#
# The article names the goal and gives no numbers, since its net would have taken days. So there is nothing to
# compare with.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Random features.** Freeze convolutions that have learned nothing at all, and train only the last layer,
# with 20 labels of each class. How many points are random features behind learned ones?

# %% tags=["skip-execution"]
frozen = next(run for run in chosen if run.variant == "frozen, 20 labels")
task = transfer.data(frozen.hp, Options())
model = transfer.with_gluon(frozen.hp.replace(way=transfer.NOTHING), task)
model.net.is_frozen = True
history = transfer.train(model, task, frozen.hp)
print("random", history[-1]["test_acc"], "learned", runs[frozen.variant].metrics["test_acc"])

# %% [markdown]
# **2. A source that is learned longer.** Train the first half for 600 steps instead of 200. Its own accuracy
# rises. Does that of the frozen features on the second half rise as well?

# %% tags=["skip-execution"]
for run in transfer.runs(hp.replace(source_steps=600)):
    if run.label in ("gluon first half", "gluon frozen, 20 labels"):
        print(
            run.variant,
            transfer.chapter.train_run(run).metrics["test_acc"],
            "was",
            runs[run.variant].metrics["test_acc"],
        )
