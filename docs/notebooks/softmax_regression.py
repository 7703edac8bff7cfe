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
# # A walk through one chapter: softmax regression
#
# *Dive into Deep Learning*, first edition, sections 3.4 to 3.7, in the form that every chapter of this
# project has: settings, data, the model from scratch, the same with Gluon, and one loop for both. Run it
# from top to bottom. It takes seconds if Fashion-MNIST is on this machine or can be downloaded; otherwise
# scikit-learn's digits stand in.

# %%
import inspect

from chapters import softmax_regression

# %% [markdown]
# ## The whole chapter
#
# `run` trains both implementations and compares them with each other and with the published values. The
# result shows its tables and figures by itself.

# %%
softmax_regression.run()

# %% [markdown]
# ## Piece by piece
#
# The settings are a frozen dataclass with the book's values.

# %%
hp = softmax_regression.HParams()
hp

# %% [markdown]
# The data are minibatches `(X, y)`: `X` contains 256 gray images with values from 0 to 1, `y` their classes
# from 0 to 9.

# %%
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

seed_everything(0)
data = softmax_regression.data(hp, Options())
X, y = next(iter(data.train_iter))
X.shape, y.shape, data.source.class_names

# %% [markdown]
# From scratch, a net is a function, and its parameters are arrays to which gradients are attached:

# %%
print(inspect.getsource(softmax_regression.from_scratch))

# %% [markdown]
# Before training, all classes are about equally probable, and the loss is the logarithm of ten:

# %%
model = softmax_regression.from_scratch(hp, data)
y_hat = model.net(X)
y_hat[0], model.loss(y_hat, y).mean()

# %% [markdown]
# `train_ch3` is the book's loop with the book's arguments. It returns what the book's loop prints: one row
# of numbers per epoch.

# %%
history = softmax_regression.train(model, data, hp)
print(history)

# %% [markdown]
# ## Change something
#
# Every setting can be changed, here and as a flag of `python -m chapters.softmax_regression`. A learning
# rate of 1 is too large for the implementation from scratch: a probability is rounded to 0, and its
# logarithm is infinite. The run stops, and the result says so. Gluon's loss includes the softmax and never
# computes that logarithm, which is why section 3.7 combines the two.

# %%
bold = softmax_regression.run(softmax_regression.HParams(lr=1.0, num_epochs=3))
print(bold.errors["scratch"])
print(bold.find("gluon").history)

# %% [markdown]
# ## Your own net against ours
#
# Write the section yourself, put your net into a `Model`, and check whether it takes the same steps. This
# one has a mistake that its accuracy would hardly reveal: it forgets the bias.

# %%
from d2l_repro.verify.parity import same_path

ours = softmax_regression.from_scratch(hp, data)
mine = softmax_regression.from_scratch(hp, data)
W, b = mine.params
mine.net = lambda X: softmax_regression.softmax(softmax_regression.nd.dot(X.reshape((-1, 784)), W) + 0 * b)
print(same_path(ours, mine, data.train_iter, hp.batch_size))
