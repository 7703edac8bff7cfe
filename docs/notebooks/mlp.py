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
# # A multilayer perceptron, step by step
#
# A hidden layer with a nonlinear activation lifts the training accuracy on Fashion-MNIST three points above
# that of softmax regression. The notebook shows why the activation is what counts, goes through both
# implementations, and compares them with the numbers of the book's authors.
#
# *Dive into Deep Learning*, first edition, sections 3.8 to 3.10. The code is that of `chapters/mlp.py`. On
# two cores it takes less than a minute. Without Fashion-MNIST, scikit-learn's digits stand in, and everything
# takes seconds.

# %%
# %matplotlib inline
import inspect

from chapters import mlp, softmax_regression
from d2l_repro.results import plot
from d2l_repro.results.run import RunResult
from d2l_repro.results.walkthrough import published_table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = mlp.HParams()
hp

# %% [markdown]
# ## Two linear maps are one
#
# Softmax regression maps the pixels of an image to ten scores by one linear map. A second linear map on top
# of the first adds parameters and no power:
#
# $$(X W_1 + b_1)\, W_2 + b_2 = X\, \underbrace{W_1 W_2}_{W} + \underbrace{b_1 W_2 + b_2}_{b}.$$
#
# Whatever the two maps do, one map with the weights $W$ and the bias $b$ does as well. A function $\sigma$
# between them, applied to each number, breaks the identity, as long as it is not linear itself:
#
# $$H = \sigma(X W_1 + b_1), \qquad O = H W_2 + b_2.$$
#
# The rows of $H$ are new features, 256 for each image, and they are learned. The last layer is softmax
# regression on them.

# %%
plot.functions(mlp.activations(), "x", mlp.ACTIVATIONS_TITLE)

# %% [markdown]
# Three usual choices, and their derivatives:
#
# $$\mathrm{relu}(x) = \max(x, 0), \qquad \mathrm{sigmoid}(x) = \frac{1}{1 + e^{-x}}, \qquad
# \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}},$$
#
# $$\mathrm{relu}'(x) = [x > 0], \qquad \mathrm{sigmoid}' = \mathrm{sigmoid}\,(1 - \mathrm{sigmoid}), \qquad
# \tanh' = 1 - \tanh^2.$$
#
# The derivative of the sigmoid is at most $1/4$, and close to 0 for any input beyond 5. A unit there learns
# slowly. ReLU passes the gradient on as it is wherever it is active. At 0 it has no derivative; MXNet takes
# one of the two sides, and nothing depends on it. The chapter uses ReLU.
#
# ## The data
#
# Fashion-MNIST has 60,000 training and 10,000 test images of clothes in ten classes, 28 x 28 pixels each.

# %%
seed_everything(0)
data = mlp.data(hp, Options())
X, y = next(iter(data.train_iter))
images = data.source
first = [images.class_names[label] for label in images.train_labels[:10]]
print(data.name, X.shape, y.shape)
plot.image_row(images.train_images[:10], first, f"{images.title}: the first training images")

# %% [markdown]
# ## From scratch
#
# The parameters are four arrays. `net` is the formula above, one line for each layer.

# %%
print(inspect.getsource(mlp.from_scratch))

# %%
model = mlp.from_scratch(hp, data)
print([param.shape for param in model.params])
sum(param.size for param in model.params)

# %% [markdown]
# Two things about the initial values deserve a thought. The weights are random because equal units would stay
# equal: they would get equal gradients at every step, and 256 of them would be worth one. They are small
# because small scores make all classes about equally probable at first. The mean loss then is close to $-\log
# \frac1{10} = 2.303$:

# %%
model.loss(model.net(X), y).mean().asscalar().item()

# %% [markdown]
# The loss is the cross-entropy of softmax regression, $\ell = -\log \hat y_{y}$, the negative logarithm of
# the probability of the true class. Its gradient with respect to the scores is simply $\hat y - e_y$: the
# probabilities, less 1 at the true class. The chain rule takes it down through the layers, with $G$ for the
# gradient at the scores:
#
# $$\nabla W_2 = H^\top G, \qquad \nabla W_1 = X^\top \big( (G W_2^\top) \odot [H > 0] \big).$$
#
# Only the factor $[H > 0]$ is new, the derivative of ReLU. Autograd computes the same:

# %%
from mxnet import autograd, nd

with autograd.record():
    losses = model.loss(model.net(X), y)
losses.backward()
W1, b1, W2, b2 = model.params
pixels = X.reshape((len(X), -1))
H = mlp.relu(nd.dot(pixels, W1) + b1)
G = mlp.softmax(nd.dot(H, W2) + b2) - nd.one_hot(y, 10)
by_hand = nd.dot(pixels.T, nd.dot(G, W2.T) * (H > 0))
largest = W1.grad.abs().max().asscalar().item()
f"largest gradient {largest:.4f}, largest difference {(W1.grad - by_hand).abs().max().asscalar():.1e}"

# %% [markdown]
# ## Training
#
# `train` passes everything to `train_ch3`, the loop of all chapters.

# %%
print(inspect.getsource(mlp.train))

# %%
seed_everything(0)
data = mlp.data(hp, Options())
scratch = mlp.from_scratch(hp, data)
history = mlp.train(scratch, data, hp)
print(history)

# %% [markdown]
# ## With Gluon, and beside softmax regression
#
# Gluon's loss contains the softmax, so its net ends at the scores.

# %%
print(inspect.getsource(mlp.with_gluon))

# %%
seed_everything(0)
data = mlp.data(hp, Options())
gluon_history = mlp.train(mlp.with_gluon(hp, data), data, hp)
seed_everything(0)
linear_hp = softmax_regression.HParams()
linear_data = softmax_regression.data(linear_hp, Options())
linear = softmax_regression.train(
    softmax_regression.with_gluon(linear_hp, linear_data), linear_data, linear_hp
)
runs = {
    "gluon hidden layer": RunResult("gluon", "hidden layer", 0, gluon_history),
    "gluon no hidden layer": RunResult("gluon", "no hidden layer", 0, linear),
}
plot.training_curves(
    runs,
    f"With a hidden layer, {gluon_history[-1]['train_acc']:.1%} of the training images are right after "
    f"{hp.num_epochs} epochs, without {linear[-1]['train_acc']:.1%}",
)

# %% [markdown]
# How many points of training accuracy does the hidden layer bring, after five epochs each?

# %%
100 * (gluon_history[-1]["train_acc"] - linear[-1]["train_acc"])

# %% [markdown]
# The training accuracy is measured during the epoch, before each step, and the test accuracy after it. So
# early in training the test accuracy may well be the higher one.
#
# Both implementations take the same steps, which is checked in double precision, starting from the same
# parameters:

# %%
from d2l_repro.verify.parity import same_path

print(
    same_path(mlp.from_scratch(hp, data), mlp.with_gluon(hp, data), data.train_iter, hp.batch_size, steps=10)
)

# %% [markdown]
# ## What the hidden units look for
#
# A column of $W_1$ has a weight for each pixel, so it can be drawn as an image. Dark pixels raise the unit's
# value, light ones lower it. Here are the ten units whose weights are largest, each below the class that it
# votes for: the one with its largest weight in $W_2$. The class that it looks for is the one whose test
# images raise it most on average; where that is another, it stands in parentheses.

# %%
import numpy as np

W1, b1, W2, _ = scratch.params
H = nd.concat(
    *[mlp.relu(nd.dot(X.reshape((len(X), -1)), W1) + b1) for X, _ in data.test_iter], dim=0
).asnumpy()  # (test images, 256 units)
names = images.class_names
means = np.stack([H[images.test_labels == k].mean(axis=0) for k in range(len(names))])  # (classes, 256)
votes, raised = W2.asnumpy().argmax(axis=1), means.argmax(axis=0)
weights = W1.asnumpy().T  # (256 units, pixels)
order = (-(weights**2).sum(axis=1)).argsort()[:10]
plot.weight_images(
    weights[order].reshape((-1, *images.train_images[0].shape)),
    [names[votes[i]] + (f"\n({names[raised[i]]})" if raised[i] != votes[i] else "") for i in order],
    f"Hidden units that look for a class and vote for it: {sum(votes[order] == raised[order])} of the "
    f"{len(order)} heaviest of {len(weights)}, where chance gives {len(order) / len(names):g}",
    "weight of a pixel: dark raises the unit's value, light lowers it\n"
    "above: class it votes for (class it looks for, if another)",
)

# %% [markdown]
# Most of them show something like a garment and its opposite at once: a dress against a shirt with sleeves.
# None of this was asked for. It is what lowers the loss.
#
# ## What was published
#
# The authors' run is in the slides of a course. The intervals come from our own seeds, and a published value
# that lies inside them agrees with what this code does. "Full run" is the run of the project that is
# committed.

# %%
own = {"scratch": history.last_numbers(), "gluon": gluon_history.last_numbers()}
published_table("mlp", own, on=data.name)

# %% [markdown]
# On Fashion-MNIST, the values here are those of the full run, digit by digit on the same machine. After five
# epochs the test accuracy still moves by a point or two from epoch to epoch. Its interval is wider than that
# of the training accuracy for that reason.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Without the activation.** The net below has two layers, all 203,530 parameters, and no ReLU. Nothing
# bounds the product of its two matrices, so it gets the learning rate of softmax regression. Which of the two
# curves above will its training accuracy follow, and why?

# %% tags=["skip-execution"]
seed_everything(0)
slower = hp.replace(lr=linear_hp.lr)
data = mlp.data(slower, Options())
flat = mlp.from_scratch(slower, data)
V1, c1, V2, c2 = flat.params
flat.net = lambda X: mlp.softmax(nd.dot(nd.dot(X.reshape((len(X), -1)), V1) + c1, V2) + c2)
print(mlp.train(flat, data, slower))

# %% [markdown]
# **2. Eight hidden units.** With 256 units the hidden layer has 200,960 parameters, with 8 it has 6,280. How
# much of the gain is left with 8? Would you expect the net to be better or worse than softmax regression,
# whose ten classes now have to pass through eight numbers?

# %% tags=["skip-execution"]
narrow = mlp.run(mlp.HParams(num_hiddens=8), impl="gluon")
print(narrow.find("gluon").history)

# %% [markdown]
# ## Exercise
#
# `relu` and `mlp_forward` ask for the net, `mlp_backward` for its gradients by hand, and `collapse` for the
# one linear map that two are. The checker names the mistake if it knows it.
#
# ```
# d2l-repro exercise start mlp_forward
# d2l-repro exercise check mlp_forward
# ```
