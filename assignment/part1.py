# %% [markdown]
# # Part I: memory in recurrent networks
# A network reads the digits of a palindrome one after the other, all but the last, and predicts the last digit. It equals
# the first digit, so the task measures one thing: **for how many steps can a network remember?** This notebook trains an
# LSTM, written from its equations, compares it with a plain RNN, and examines its gates and gradients.
# ## How to run it
# | where | how |
# | --- | --- |
# | an online notebook service | open this file there and run all cells. The first one installs `palingen`: from its wheel or the ZIP of the hand-in, if you upload one beside this file, or else from the package index |
# | a notebook on your computer | `.venv/bin/python -m pip install -c constraints.txt -e '.[notebook]' jupyterlab` after `make install`, then `.venv/bin/jupyter lab assignment` |
#
# It needs Python 3.11 or newer and no GPU, and takes a few minutes on two cores; a smaller `EPOCHS` is faster. All files
# are written to `runs/notebooks/`. Apart from the first, the cells contain no logic: each calls a function of the
# package `palingen`, whose source is in `src/palingen`. The source of this notebook is the `.py` file of the same name.

# %% tags=["parameters"]
EPOCHS = 100  # the course's number; reduce it for a shorter run

# %%
import json
from dataclasses import replace

from palingen import (
    SequenceClassifier,
    analyze_run,
    build_data,
    build_network,
    cells,
    figures,
    load_network,
    notebook,
    recipes,
    select_device,
    train_palindrome,
)

records, runs = notebook.records_folder(), notebook.output_folder("part1")

# %% [markdown]
# ## 1. The task
# $T$ is the length of the palindrome: the network reads $T-1$ digits and predicts the $T$-th. A config describes the
# experiment, and its defaults are the course's:

# %%
course = replace(recipes.PALINDROME["course"], epochs=EPOCHS)
names = "length hidden_size batch_size optimizer learning_rate max_grad_norm epochs num_samples train_fraction"
notebook.settings(course, *names.split())

# %% [markdown]
# The samples are split **by palindrome**: no test palindrome is used for training. There are only few short palindromes,
# so they repeat within the training set and within the test set:

# %%
data = build_data(course)
data.note

# %% [markdown]
# Verified: no palindrome is in both sets, and every target is the first digit that is read. Below, some of the test set:

# %%
notebook.check_split(data)

# %%
notebook.predictions(data.test, count=5)

# %% [markdown]
# ## 2. The LSTM
# With $x^{(t)}$ the digit, $h^{(t)}$ the hidden state, $c^{(t)}$ the memory cell, and $h^{(0)} = c^{(0)} = 0$:
# $$
# \begin{align}
# g^{(t)} &= \tanh\left(W_{gx}\, x^{(t)} + W_{gh}\, h^{(t-1)} + b_g\right) \tag{1} \\
# i^{(t)} &= \sigma\left(W_{ix}\, x^{(t)} + W_{ih}\, h^{(t-1)} + b_i\right) \tag{2} \\
# f^{(t)} &= \sigma\left(W_{fx}\, x^{(t)} + W_{fh}\, h^{(t-1)} + b_f\right) \tag{3} \\
# o^{(t)} &= \sigma\left(W_{ox}\, x^{(t)} + W_{oh}\, h^{(t-1)} + b_o\right) \tag{4} \\
# c^{(t)} &= g^{(t)} \odot i^{(t)} + c^{(t-1)} \odot f^{(t)} \tag{5} \\
# h^{(t)} &= \tanh\left(c^{(t)}\right) \odot o^{(t)} \tag{6} \\
# p^{(t)} &= W_{ph}\, h^{(t)} + b_p \tag{7} \\
# \hat{y}^{(t)} &= \mathrm{softmax}\left(p^{(t)}\right) \tag{8} \\
# \mathcal{L} &= -\sum_{k=1}^{K} y_k \log \hat{y}_k^{(T)}, \qquad K = 10 \tag{9}
# \end{align}
# $$
# In the code, the four products of (1) to (4) are computed at once: `x_proj` is $W_x x + b$ of all four and `h_proj` is
# $W_h h$. The linear head and the loss are applied after the last digit:

# %%
notebook.source(cells.lstm, SequenceClassifier.forward)

# %% [markdown]
# **The purpose of each part.**
#
# - The candidate $g$ is the new content. Its $\tanh$ bounds it between $-1$ and $1$, around zero, so that it can increase
#   or decrease the memory.
# - The input gate $i$ determines the fraction of the candidate that is written. A gate is a fraction, hence $\sigma$, from
#   0 (closed) to 1 (open).
# - The forget gate $f$ determines the fraction of the old memory that is kept. At 1 the memory passes unchanged, at 0 it is
#   erased.
# - The output gate $o$ determines how much of the memory is visible to the next step, and at the end to the linear head. A
#   unit can store something for many steps without affecting the others meanwhile.
#
# With $I$ inputs, $H$ hidden units and $K$ classes, the cell has $4\,(HI + H^2 + H)$ parameters and the head $KH + K$. The
# count does not depend on $T$ or on the batch size. The four gates are stacked in the rows:

# %%
notebook.parameters(build_network(course))

# %% [markdown]
# Verified: the shapes of a batch, and that no recurrent layer of torch takes part, neither among the network's modules, nor
# among the operations that a forward and a backward pass execute, nor in the source.

# %%
notebook.check_network(course)

# %% [markdown]
# ## 3. Training at T = 5
# The course's defaults, trained live: the curves grow with the training. The gradient is clipped between the backward pass
# and the optimiser's step. The weights kept are those of the epoch with the lowest *training* loss, so the test set does
# not influence the choice.

# %%
with notebook.live(runs / "lstm-T5"):
    result = train_palindrome(course, runs / "lstm-T5", select_device(), force=True)
notebook.table([result], "cell", "length", "accuracy", "loss", "epoch", "steps", "seconds")

# %% [markdown]
# Left: the accuracy on palindromes that were not used for training, after each epoch. Right: the training loss. The
# network does not memorise palindromes, it learns to carry the first digit: otherwise it could not predict the last digit
# of unseen ones. When the loss is tiny, RMSprop's running average of the squared gradient is tiny too, and it divides the
# step; now and then a step is far too large and the curves jump. That is why the best epoch is kept, not the last.
#
# The same unseen palindromes as above, with the predictions of the trained network and its confidence (8):

# %%
notebook.predictions(data.test, count=5, model=load_network(runs / "lstm-T5")[1])

# %% [markdown]
# ## 4. RNN and LSTM at different lengths
# The plain RNN has no gates, and no memory other than its hidden state:
#
# $$ h^{(t)} = \tanh\left(W_{hx}\, x^{(t)} + W_{hh}\, h^{(t-1)} + b_h\right) $$
#
# First a short live study: both cells at three lengths, a third of the epochs, one seed.

# %%
short = replace(course, epochs=max(1, EPOCHS // 3))
with notebook.live(runs / "lengths"):
    study = notebook.run_small_study(short, ("lstm", "rnn"), (5, 10, 20), 1, runs / "lengths")
notebook.accuracy_table(study)

# %%
figures.accuracy_by_length({"Live: a third of the epochs, one seed": study})

# %% [markdown]
# One seed and a third of the training say little about a cell. The project's records show more: the course's settings
# with all epochs and several seeds; and recipe `memory`, our own, which is the same at every length (one-hot digits,
# forget gates that start open, new random palindromes at every step, short ones first).

# %%
recorded = notebook.load_results(records / "palindromes")
memory = notebook.load_study(records / "memory")
figures.accuracy_by_length({"Course settings": recorded, "Recipe memory": memory})

# %% [markdown]
# Accuracy with the course's settings (mean, and the range over the seeds):

# %%
notebook.accuracy_table(recorded)

# %% [markdown]
# Accuracy with the recipe `memory`:

# %%
notebook.accuracy_table(memory)

# %% [markdown]
# At the shortest lengths both cells solve the task. With the course's settings the RNN is the first to fail, and it fails
# unreliably: at the same length one seed succeeds and another does not. The LSTM solves all lengths that were tried. With
# the recipe both cells go much further, and the gated cells reach the greatest length that was tried: the RNN's forgetting
# is a matter of how it is trained, not of what it could represent.
# ## 5. Why the RNN forgets more than the LSTM
# To learn that the *first* digit matters, the gradient of the loss must pass back through all steps. In the RNN each step
# multiplies it by the same matrix and by the derivative of $\tanh$, which is at most 1:
#
# $$ \frac{\partial h^{(T-1)}}{\partial h^{(t)}} = \prod_{s=t+1}^{T-1} \mathrm{diag}\left(1 - h^{(s)} \odot h^{(s)}\right) W_{hh} $$
#
# If these factors shrink a vector, the product vanishes exponentially with the distance; if they stretch it, it explodes.
# Clipping helps only against explosion. In the LSTM there is a second path back, through the memory cell. Along it, (5) gives
#
# $$ \frac{\partial c^{(t)}}{\partial c^{(t-1)}} = \mathrm{diag}\left(f^{(t)}\right) + \text{(the contribution through the gates)} $$
#
# This term has no matrix and no $\tanh$: where the forget gate is open, the gradient passes undiminished, and the network
# can *learn* to open it. The figure shows the two live runs of the greatest length: the value of each gate at each digit of
# one palindrome, and the norm of $\partial\mathcal{L}/\partial h^{(t)}$ over $t$, before and after training.

# %%
analyses = {
    "lstm T = 20": analyze_run(runs / "lengths" / "lstm-T20-seed0"),
    "rnn T = 20": analyze_run(runs / "lengths" / "rnn-T20-seed0"),
}
notebook.gates_and_gradients(analyses)

# %% [markdown]
# The ratio of the gradient norm at the first step to that at the last one (of an LSTM in $h$ or $c$, the larger):

# %%
notebook.gradient_table(analyses)

# %% [markdown]
# Longer palindromes, with both cells trained for all of the course's epochs, from the records:

# %%
figures.gates_and_gradients(json.loads((records / "analysis" / "analysis.json").read_text()))

# %% [markdown]
# Compare how the curves fall, not their heights: a network that makes few mistakes has small gradients everywhere. **Before
# training** both cells lose the gradient on the way back, the LSTM too, whose gates start half open. **After training** the
# LSTM's curve is level, and highest at the first digits, which hold the answer. The RNN's still falls by orders of magnitude.
#
# The rows are sorted by the mean value of the forget gate: units at the top keep most of their content from one digit to
# the next, units at the bottom erase it nearly at once. No unit keeps its gate open from the first digit to the last, so
# the first digit must be passed on from unit to unit, through $h$.
# ## 6. Summary
# - The LSTM learns the task with the course's defaults; it predicts the last digit of palindromes that it was not trained on.
# - The RNN learns it when the palindrome is short. For long palindromes, the gradient with respect to the first digit
#   vanishes on the way back, and whether training succeeds nevertheless depends on the seed.
# - The gates make memory something that is learned: what to write ($i$), what to keep ($f$), what to output ($o$).
#
# To continue: `palingen palindrome train --recipe memory --length 1000`, `palingen palindrome study --help`, the tables in
# `report/`, and `palingen explore --only memory`, a page on which such networks read a palindrome, forget and learn
# ([a ready one](../report/explorer.html)):
# ![The page: heat maps of an LSTM's memory, state and gates over a palindrome](../src/palingen/report/template/memory-page.png)
