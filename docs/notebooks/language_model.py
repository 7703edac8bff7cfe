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
# # A language model, and what perplexity says
#
# Two LSTM layers read a text word by word and predict the next one. The notebook explains perplexity by what
# simpler models reach, shows why the state is carried over and the gradient is not, and trains a small model
# in seconds.
#
# It follows a reader's article on TensorFlow experiments, redone in Gluon. The code is that of
# `chapters/language_model.py`. It uses the first 8,000 words of the Penn Treebank, of which it shows numbers
# only. Without that file, sentences of a small grammar stand in. The full text takes half an hour; the
# numbers of such a run are at the end.

# %%
# %matplotlib inline
import inspect
import math

from chapters import language_model
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import perplexity, seed_everything

hp = language_model.chapter.defaults(quick=True)
hp

# %% [markdown]
# These are the settings of a quick run: 32 hidden units in place of 300, and windows of 10 words in place of
# 35.
#
# ## From text to numbers
#
# Each word has a number, in the order of frequency. The text is cut into as many rows as a batch has, which
# are read side by side, one window of words at a time. The label of each word is the word after it.

# %%
data = language_model.data(hp, Options(quick=True))
X, y = next(iter(data.train_iter))
print(
    data.name,
    X.shape,
    y.shape,
    "the same text, one word later:",
    (X[:, 1:] == y[:, :-1]).min().asscalar() == 1,
)
print(f"{len(data.source.train_words):,} words, {len(data.source.vocabulary):,} of them different")

# %% [markdown]
# ## Perplexity
#
# A model gives the next word $w_t$ a probability, from all words before it. Its loss is the mean of
#
# $$-\log P(w_t \mid w_1, \ldots, w_{t-1}),$$
#
# and the perplexity is $e$ to that mean. If the model always hesitated between $k$ equally probable words,
# the perplexity would be $k$. So a model that knows nothing has the size of the vocabulary as its perplexity.
# Here is what two models reach that are not even trained: one that knows only how often each word occurs, and
# one that also knows the word before.

# %%
from collections import Counter

words, valid = data.source.train_words, data.source.valid_words
counts, pairs = Counter(words), Counter(zip(words, words[1:]))
size, vocabulary = len(words), len(data.source.vocabulary)


def unigram(word):
    return (counts[word] + 1) / (size + vocabulary)


def bigram(before, word):
    # a mixture: the pair may not have occurred, the word nearly always has
    return 0.5 * pairs[before, word] / max(counts[before], 1) + 0.5 * unigram(word)


known = [word if word in counts else "<unk>" for word in valid]
of_words = sum(-math.log(unigram(word)) for word in known) / len(known)
of_pairs = sum(-math.log(bigram(*pair)) for pair in zip(known, known[1:])) / (len(known) - 1)
table(
    [
        {"model": "every word equally probable", "perplexity of the validation text": float(vocabulary)},
        {"model": "how often words occur", "perplexity of the validation text": math.exp(of_words)},
        {"model": "and the word before", "perplexity of the validation text": math.exp(of_pairs)},
    ]
)

# %% [markdown]
# ## The model
#
# An embedding matrix $E$ has a row for each word. The rows of a sentence pass through two LSTM layers, and
# the output $h$ of the upper one is compared with every row of the same matrix:
#
# $$o = h\, E^\top + b, \qquad P(w) = \operatorname{softmax}(o)_w.$$
#
# Using $E$ twice halves the parameters, and it makes sense: a word's row says what it means, both when it is
# read and when it is predicted.

# %%
print(inspect.getsource(language_model.from_scratch))

# %% [markdown]
# ## State and gradient
#
# The state of the LSTM at the end of a window is its state at the beginning of the next one, because the next
# window goes on where this one ends. Its memory can reach back as far as it likes. The gradient cannot: going
# back through the whole text would need all of its steps in memory. So it stops at the beginning of the
# window. This is called truncated backpropagation through time.

# %%
from d2l_repro.train.stateful import StatefulNet

print(inspect.getsource(StatefulNet))

# %% [markdown]
# The gradient of a recurrent net is occasionally very large, since the same weights are multiplied many
# times. Clipping limits its norm to $\theta = 5$,
#
# $$g \leftarrow \min\Big( 1, \frac{\theta}{\lVert g \rVert} \Big)\, g.$$
#
# ## Training

# %%
run = next(run for run in language_model.runs(hp) if run.impl == "gluon")
trained = language_model.chapter.train_run(run, quick=True)
columns = ("train_perplexity", "valid_perplexity")
table({"epoch": row["epoch"], **{name: row[name] for name in columns}} for row in trained.history)

# %% [markdown]
# On so little text, a few passes bring the model into the region of the models that count, and not further.
# It has to learn from 8,000 words what it takes to see a million for. Both implementations take the same
# steps, which is checked with a small net without dropout:

# %%
from d2l_repro.verify.parity import same_path

small = run.parity_hp
small_data = language_model.data(small, Options(quick=True))
pair = (language_model.from_scratch(small, small_data), language_model.with_gluon(small, small_data))
print(same_path(*pair, small_data.train_iter, small.batch_size, steps=5))

# %% [markdown]
# ## How certain is it?
#
# Texts are generated by drawing each word from the prediction. Scores divided by a *temperature* $\tau$ make
# the prediction sharper or flatter,
#
# $$P_\tau(w) \propto e^{o_w / \tau}.$$
#
# The entropy $-\sum_w P(w) \log P(w)$, or $e$ to it, says between how many words the model hesitates before
# one is drawn.

# %%
from mxnet import nd

read = trained.model.net.reader()
scores = read(next(iter(data.test_iter))[0])  # (words, vocabulary)
hesitates = {}
for temperature in language_model.TEMPERATURES:
    p = nd.softmax(scores / temperature)
    hesitates[temperature] = (-(p * (p + 1e-30).log()).sum(axis=1)).exp().asnumpy()
panels = {f"temperature {temperature}": numbers for temperature, numbers in hesitates.items()}
means = ", ".join(f"{numbers.mean():.0f} at {temperature}" for temperature, numbers in hesitates.items())
plot.histogram(
    panels,
    f"The lower the temperature, the fewer words the model hesitates between: on average {means}",
    "positions in the text",
    bins=30,
    xlabel="words that the model hesitates between",
    logx=True,
)

# %% [markdown]
# ## What was published
#
# The article prints perplexities of the whole text after five epochs. There is no interval yet, since a run
# takes half an hour.

# %%
published_table("language_model")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Forget the state.** Evaluate the trained model with a state that is set back to 0 before each window,
# in place of one that is carried over. By how much does the validation perplexity rise, with windows of 10
# words?

# %% tags=["skip-execution"]
from d2l_repro.train.loop import evaluate

carried = evaluate(data.test_iter, trained.model.net.reader(), trained.model.loss)
losses = [trained.model.loss(trained.model.net.reader()(X), y).mean().asscalar() for X, y in data.test_iter]
print(perplexity(carried), "carried over,", perplexity(sum(losses) / len(losses)), "set back")

# %% [markdown]
# **2. Many more passes.** Train for twelve epochs on the same words. Which perplexity goes on falling, and
# which turns round? In which epoch would you have stopped?

# %% tags=["skip-execution"]
seed_everything(0)
longer = next(run for run in language_model.runs(hp.replace(num_epochs=12)) if run.impl == "gluon")
history = language_model.chapter.train_run(longer, quick=True).history
curves = {name: (history["epoch"], history[name]) for name in columns}
plot.lines(curves, "epoch", "perplexity", "Twelve epochs", logy=True)

# %% [markdown]
# ## Exercise
#
# `perplexity` asks for the measure, with a state that is carried over.
#
# ```
# d2l-repro exercise start perplexity
# d2l-repro exercise check perplexity
# ```
