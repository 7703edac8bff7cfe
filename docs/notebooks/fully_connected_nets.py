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
# # Fully connected nets of any depth, gradients by hand
#
# Layers with a forward and a backward of their own are stacked to nets of any depth, and checked, one by one,
# against central differences. The notebook memorizes fifty images on purpose, and follows a signal through
# five layers to see why depth makes the initial scale matter.
#
# It follows a reader's article on modular nets with hand-derived gradients. The code is that of
# `chapters/fully_connected_nets.py`. It uses the first 6,000 training images of CIFAR-10 and takes less than
# a minute on two cores. Without CIFAR-10, scikit-learn's digits in colour stand in. Numbers of the full run
# are at the end.

# %%
# %matplotlib inline
import inspect
import math

from chapters import fully_connected_nets as chapter
from d2l_repro.experiment.chapter import Run
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.scratch import layers
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = chapter.HParams()
quick = {"quick": True}  # the first 6,000 training images
hp

# %% [markdown]
# ## A layer is two functions
#
# Forward, a layer turns its input $X$ into its output $Y$. Backward, it turns the gradient of the loss with
# respect to $Y$ into that with respect to $X$, and notes the gradients of its parameters on the way. A net is
# a list of layers: forward from front to back, backward from back to front.

# %%
print(inspect.getsource(layers.Network))

# %% [markdown]
# The affine layer, $Y = XW + b$, is where most of the work is done. Every element $Y_{ij} = \sum_k X_{ik}
# W_{kj} + b_j$. So $\mathrm dW_{kj} = \sum_i X_{ik}\, \mathrm dY_{ij}$, which is $X^\top \mathrm dY$. The
# shapes alone almost force the formula: $(\text{inputs} \times n)(n \times \text{outputs})$.

# %%
print(inspect.getsource(layers.Affine.backward))

# %% [markdown]
# Batch normalization is the one that most people get wrong. With $\hat X = (X - \mu)/s$, both $\mu$ and $s$
# depend on every row of $X$. The gradient therefore has three terms,
#
# $$\mathrm dX = \frac1s \Big( \mathrm d\hat X - \overline{\mathrm d\hat X}
# - \hat X \odot \overline{\hat X \odot \mathrm d\hat X} \Big),$$
#
# where a bar is the mean over the batch. The second term says: shifting all rows alike changes nothing, so
# the gradient must have mean 0. The third says the same of stretching.

# %%
print(inspect.getsource(layers._Norm.backward))

# %% [markdown]
# How does one know that a derivation is right? Not from a loss that falls. Here is every layer and loss,
# compared with central differences and with autograd, in double precision.

# %%
from d2l_repro.verify.gradcheck import gradient_table

seed_everything(0)
gradients = gradient_table()
table(row for row in gradients if row["layer"].endswith(("training", "loss")))

# %% [markdown]
# ## Two layers
#
# 3,072 pixels, 100 hidden units, 10 classes. The mean image is subtracted from all images first.

# %%
print(inspect.getsource(chapter.two_layers))

# %%
two = next(run for run in chapter.comparisons(hp)["Two layers"] if run.label == "scratch two-layer SGD")
trained = chapter.chapter.train_run(two, **quick)
data = chapter.chapter.data(two.hp, Options(quick=True))
losses = trained.model.step_losses
means = [sum(losses[max(0, i - 10) : i]) / min(i, 10) for i in range(1, len(losses) + 1)]
steps = range(1, len(losses) + 1)
plot.lines(
    {"each batch": (steps, losses), "mean of the last ten": (steps, means)},
    "step",
    "mean loss of the batch",
    f"In {len(losses)} steps the loss falls from {losses[0]:.2f}, that of guessing, to about {means[-1]:.2f}",
    chance=math.log(10),
)

# %% [markdown]
# The loss begins at $\log 10 = 2.3$, that of ten equally probable classes. If it does not, the initial
# weights are too large, or something is wrong.
#
# ## Memorize fifty images
#
# Before training a net on fifty thousand images, train it on fifty. A net with hundreds of thousands of
# weights must be able to learn fifty images by rote. If it cannot, there is a mistake, or the learning rate
# is off. It takes a second to find out.

# %%
fifty = {
    run.variant: chapter.chapter.train_run(run, **quick)
    for run in chapter.comparisons(hp)["Fifty images"]
    if run.impl == "scratch"
}
lines = {}
for name, run in fifty.items():
    for part, column in (("the fifty", "train_acc"), ("other images", "valid_acc")):
        lines[f"{name.partition('-')[0]} layers, {part}"] = run.history["epoch"], run.history[column]
ends = [
    f"{run.history[-1]['train_acc']:.0%} and {run.history[-1]['valid_acc']:.0%}" for run in fifty.values()
]
plot.lines(
    lines,
    "epoch",
    "accuracy",
    f"Right of the fifty images and of others: {ends[0]} with three layers, {ends[1]} with five",
    chance=0.1,
)

# %% [markdown]
# Training accuracy 1, validation accuracy little better than guessing. This is overfitting, wanted for once.
#
# ## The signal, layer by layer
#
# Five hidden layers of 100 units multiply the signal by their weights again and again. With weights from
# $N(0, \sigma^2)$ and ReLU, each layer multiplies its size by about $\sigma \sqrt{100 / 2} = 7 \sigma$. A
# size that stays needs $\sigma \approx 0.14$, and everything else grows or shrinks like a power:

# %%
deep = chapter.Setting(num_epochs=1, batch_size=1, sigma=5e-2, lr=1, hidden=chapter.DEEP)
X = data.source.valid[0]
seed_everything(0)
sizes = {
    f"weights of std {sigma:g}": (
        range(1, 6),
        chapter.signal_sizes(chapter.from_scratch(deep.replace(sigma=sigma), data).net, X),
    )
    for sigma in (1e-2, 5e-2, 1e-1, 2e-1)
}
behind = {name: outputs[-1] for name, (_, outputs) in sizes.items()}
plot.lines(
    sizes,
    "hidden layer",
    "standard deviation of the outputs",
    f"Behind five layers the signal is {min(behind.values()):.1g} to {max(behind.values()):.0f}, depending "
    "on the initial weights",
    logy=True,
)

# %% [markdown]
# So is a deep net more sensitive to the scale than a shallow one? Nets with three and five layers memorize
# the fifty images from different initial scales:

# %%
scales = (1e-3, 1e-2, 5e-2, 1e-1, 3e-1)
learned = {}
for net in ("three-layer", "five-layer"):
    runs = [run for run in chapter.comparisons(hp)["Initial scale"] if run.impl == "gluon"]
    wanted = [run for run in runs if run.variant in [f"{net} scale {scale:g}" for scale in scales]]
    found = [chapter.chapter.train_run(run, **quick) for run in wanted]
    learned[net] = {scale: run.metrics.get("train_acc", math.nan) for scale, run in zip(scales, found)}
chapter.draw_scales(learned)

# %% [markdown]
# ## Where steps become small
#
# The article asks why AdaGrad's updates shrink, and whether Adam's do. AdaGrad divides by the root of a sum
# that only grows. Adam divides by the root of an average, which forgets. A few steps of the net with five
# layers, and the mean length of a step:

# %%
rules = {
    run.variant: chapter.chapter.train_run(run, **quick)
    for run in chapter.comparisons(hp.replace(num_epochs_deep=6, steps_deep=25))["Update rules"]
    if run.label in ("gluon adagrad", "gluon adam", "gluon sgd")
}
lengths = {name: (run.history["epoch"], run.history["step_size"]) for name, run in rules.items()}
shrunk = ", ".join(f"{name} {sizes[-1] / sizes[0]:.2g}" for name, (_, sizes) in lengths.items())
plot.lines(
    lengths,
    "epoch of 25 steps",
    "mean length of a step",
    f"Length of the last steps, as a share of the first ones: {shrunk}",
    logy=True,
)

# %% [markdown]
# ## What was published
#
# The article's figures give one number or two for each experiment, and conclusions. The full run has all
# 49,000 training images.

# %%
published_table("fully_connected_nets")

# %% [markdown]
# The gain of ten points that the article expects of normalization and dropout does not appear: over ten
# seeds, they bring two to three points on average.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A mistake in the backward pass.** Leave out the second and the third term of batch normalization's
# gradient. Does the net still learn the fifty images? Then look at the check.

# %% tags=["skip-execution"]
from mxnet import nd

from d2l_repro.verify.gradcheck import check_layer


class Careless(layers.BatchNorm):
    """Forget that mean and deviation depend on X."""

    def backward(self, dY):
        super().backward(dY)
        return self.gamma * dY / self.std


normed = chapter.comparisons(hp)["Fifty images"][0].hp.replace(norm="batch")
chapter.NORMS["batch"] = (Careless, chapter.NORMS["batch"][1])
careless = chapter.chapter.train_run(Run("scratch", "careless", chapter.from_scratch, normed), **quick)
print("training accuracy", careless.metrics["train_acc"])
gamma, beta = nd.ones(4, dtype="float64"), nd.zeros(4, dtype="float64")
print(check_layer(Careless(gamma, beta), nd.random.normal(shape=(6, 4), dtype="float64")))

# %% [markdown]
# **2. Another activation.** Five layers of sigmoids multiply the gradient by at most $1/4$ each on its way
# back. Leaky ReLU passes everything on. In which order do the four activations below end after 150 steps of
# Adam, and how far is the last one behind?

# %% tags=["skip-execution"]
shorter = chapter.comparisons(hp.replace(num_epochs_deep=6, steps_deep=25))["Update rules"]
adam = next(run.hp for run in shorter if run.variant == "adam")
for activation in ("relu", "leaky relu", "tanh", "sigmoid"):
    run = Run("gluon", activation, chapter.with_gluon, adam.replace(activation=activation))
    print(activation, chapter.chapter.train_run(run, **quick).metrics["best_valid_acc"])

# %% [markdown]
# ## Exercise
#
# `batch_norm` and `batch_norm_backward` ask for the two passes of batch normalization.
#
# ```
# d2l-repro exercise start batch_norm
# d2l-repro exercise check batch_norm
# ```
