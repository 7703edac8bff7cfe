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
# # Translation with attention
#
# An encoder reads a French sentence, and a decoder writes the English one, looking back at the words that
# matter for each of its own. The notebook computes attention by hand, trains on twenty sentences, and asks
# what such a net has learned.
#
# *Dive into Deep Learning*, first edition, section 10.12. The code is that of
# `chapters/machine_translation.py`. With the book's twenty sentences it takes half a minute. Without that
# file, numbers in words stand in.

# %%
# %matplotlib inline
import inspect

from chapters import machine_translation as translation
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = translation.Setting()
data = translation.data(hp, Options())
pairs = data.source
if pairs.name != "fr_en":  # the stand-in has more sentences, and needs fewer passes
    hp = hp.replace(num_epochs=10)
hp

# %% [markdown]
# ## Sentences as numbers
#
# Both languages have a vocabulary of their own. A sentence ends with `<eos>` and is filled up to seven words
# with `<pad>`. In training the decoder is given the right words, one step late, beginning with `<bos>`. This
# is called teacher forcing.

# %%
X, y = next(iter(data.train_iter))
print(f"{len(pairs.train)} sentences, {len(pairs.source_words)} and {len(pairs.target_words)} words")
for name, numbers, vocabulary in (
    ("read", X[0, 0], pairs.source_words),
    ("given", X[0, 1], pairs.target_words),
    ("to be said", y[0], pairs.target_words),
):
    print(f"{name + ':':12}{vocabulary.text(numbers.asnumpy().astype(int))}")

# %% [markdown]
# ## A gated recurrent unit
#
# Encoder and decoder consist of two layers of GRUs. A GRU is a simpler relative of the LSTM: one state $H$,
# two gates.
#
# $$r = \sigma(X W_{xr} + H W_{hr} + b_r), \qquad z = \sigma(X W_{xz} + H W_{hz} + b_z),$$
#
# $$n = \tanh\big( X W_{xn} + b_{xn} + r \odot (H W_{hn} + b_{hn}) \big), \qquad
# H \leftarrow z \odot H + (1 - z) \odot n.$$
#
# The update gate $z$ says how much of the old state to keep, the reset gate $r$ how much of it the candidate
# $n$ may see.

# %%
from d2l_repro.scratch import rnn

print(inspect.getsource(rnn._gru_step))

# %% [markdown]
# ## Attention
#
# Without attention, all that the decoder knows of the sentence is the encoder's last state. With it, the
# decoder asks a question before each word: its own state $s$. Every output $h_t$ of the encoder gets a score,
# a small net with one hidden layer, and the scores become weights:
#
# $$e_t = v^\top \tanh(W_h^\top h_t + W_s^\top s), \qquad \alpha = \operatorname{softmax}(e), \qquad
# c = \sum_t \alpha_t h_t.$$
#
# The context $c$ is a mean of the outputs, weighted by how well they answer the question. All of it can be
# differentiated, so the questions and the answers are learned.

# %%
from d2l_repro.scratch import additive_attention

print(inspect.getsource(additive_attention))

# %%
from mxnet import nd

seed_everything(0)
states, query = nd.random.normal(shape=(4, 1, 8)), nd.random.normal(shape=(1, 8))
W, v = nd.random.normal(shape=(16, 5)), nd.random.normal(shape=(5, 1))
for mask in (nd.array([[1, 1, 1, 1]]), nd.array([[1, 1, 0, 0]])):
    context, weights = additive_attention(query, states, mask, W, v)
    print(weights.asnumpy().round(3), "sum", weights.sum().asscalar())

# %% [markdown]
# The second line masks the last two steps. Their scores are set far below all others before the softmax, so
# their weights are exactly 0, and the rest still adds up to 1.
#
# ## Training
#
# Adam, a batch of two sentences. The loss leaves out `<pad>`: the net should not be praised for predicting
# the filling.

# %%
print(inspect.getsource(translation.with_gluon))

# %%
runs = {
    run.variant: translation.chapter.train_run(run) for run in translation.runs(hp) if run.impl == "gluon"
}
late = {
    translation.LABELS[name]: [sum(run.history[column][-10:]) / 10 for column in ("train_bleu", "new_bleu")]
    for name, run in runs.items()
}
found = ", ".join(f"{old:.2f} and {new:.2f} ({name})" for name, (old, new) in late.items())
plot.comparison(
    {translation.LABELS[name]: run for name, run in runs.items()},
    f"BLEU of learned and of new sentences, mean of the last ten epochs: {found}",
    ("train_loss", "train_bleu", "new_bleu"),
    winner=False,
)

# %% [markdown]
# ## BLEU
#
# How good is a translation that is not word for word the right one? BLEU counts. Let $p_n$ be the share of
# our runs of $n$ words that the right translation has as well. For at most $k = 2$ words,
#
# $$\exp\Big( \min\big( 0,\; 1 - \tfrac{\text{words of the right one}}{\text{words of ours}} \big) \Big)\;
# p_1^{1/2}\; p_2^{1/4}.$$
#
# The first factor punishes what is too short; otherwise a single right word would have a full score.

# %%
from d2l_repro.data.translation import bleu

right = "they are canadian ."
table(
    {"translation": text, "BLEU": bleu(text, right)}
    for text in (right, "they are russian .", "they are", "russian")
)

# %% [markdown]
# "They are Russian" is plainly wrong and gets a good half. BLEU is lenient with short sentences.
#
# ## What has it learned?
#
# All sentences that it was trained on, and new ones that are made of the same words:

# %%
table(
    {
        "run": name,
        f"right, of {len(pairs.train)} learned": int(run.metrics["train_right"]),
        f"right, of {len(pairs.new)} new": int(run.metrics["new_right"]),
        "BLEU of the learned": run.metrics["train_bleu"],
        "BLEU of the new": run.metrics["new_bleu"],
    }
    for name, run in runs.items()
)

# %%
shown = [*(translation.BOOK if pairs.name == "fr_en" else pairs.train[-2:]), pairs.new[0]]
panels = []
for source, right in shown:
    for name, run in runs.items():
        (one,) = translation.translate(run.model.net, pairs, [source], hp.num_steps)
        panels.append(translation.attention_panel(name, source, *one, hp.num_steps, right))
translation.attention_maps(panels)

# %% [markdown]
# Rows are the words that the net said, columns those that it read. On the left, the decoder may attend to
# `<pad>`; on the right it may not. In a well-trained net the dark squares would follow the words. Here
# many sentences are recognized by one word, and then told from memory.
#
# With twenty sentences that is no surprise. A net of some 100,000 parameters need not understand anything to
# know twenty sentences by heart. Only new sentences can show whether it does.
#
# Both implementations take the same steps. Without dropout, and with a small net, this can be compared:

# %%
from d2l_repro.verify.parity import same_path

run = next(run for run in translation.runs(hp) if run.variant == "padding masked").shortened()
small = translation.data(run.hp, Options())
pair = (translation.from_scratch(run.hp, small), translation.with_gluon(run.hp, small))
print(same_path(*pair, small.train_iter, run.hp.batch_size, steps=5))

# %% [markdown]
# ## What was published
#
# The book translates two sentences. The first one is in its file, and the translation is right. The second
# contains a word that the file does not have. Whatever follows "they are" is then a guess, and other random
# numbers give another one:

# %%
for source, right in translation.BOOK:
    for name, run in runs.items():
        ((ours, _),) = translation.translate(run.model.net, pairs, [source], hp.num_steps)
        print(f"{name}: {source} -> {ours}   (right: {right}, BLEU {bleu(ours, right):.3f})")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Fill up further.** Translate the learned sentences with ten words instead of seven, with three more
# `<pad>` at the end. The sentences are the same. Which of the two runs changes its mind?

# %% tags=["skip-execution"]
for name, run in runs.items():
    for length in (hp.num_steps, hp.num_steps + 3):
        found = translation.translations(run.model.net, pairs, pairs.train, length)
        print(f"{name}, {length} words: {sum(ours == right for ours, right in found)} right")

# %% [markdown]
# **2. More sentences.** Numbers in words have a grammar. The same net is shown 89 of them and asked for
# eleven others. Will it do better on what is new than it did with French sentences?

# %% tags=["skip-execution"]
masked = next(
    run for run in translation.runs(hp.replace(num_epochs=15)) if run.label == "gluon padding masked"
)
numbers = translation.chapter.train_run(masked, dataset="numbers").metrics
print(f"{numbers['train_right']:.0f} of 89 learned, {numbers['new_right']:.0f} of 11 new")
