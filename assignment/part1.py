# %% [markdown]
# # Part I: recurrent networks that remember
#
# A network reads the digits of a palindrome one after the other, all but the last, and must say the last one. It is the
# first one it read, so the task measures one thing: **how long does a network remember?** Here an LSTM, written from its
# equations, is trained on it, held against a plain RNN, and opened up to see what its gates do.
#
# ## How to run it
#
# | to | do |
# | --- | --- |
# | execute both notebooks again, outputs kept | `make notebooks` in the project's folder |
# | open this one | `.venv/bin/python -m pip install -c constraints.txt -e '.[notebook]' jupyterlab` after `make install`, then `.venv/bin/jupyter lab assignment` |
# | train with other settings | `.venv/bin/palingen palindrome train --help` |
#
# It needs Python 3.11 or newer and no graphics card, and takes a few minutes on two cores; a smaller `EPOCHS` is quicker.
# Whatever it writes goes to `runs/notebooks/` in the project's folder. There is no logic in the cells: each calls a
# function of the package `palingen`, whose source is under `src/palingen`. A `.py` of the same name beside this file is its source.

# %% tags=["parameters"]
EPOCHS = 100  # the course's number; the one thing to change for a shorter look

# %%
import json
from dataclasses import replace

from palingen.notebook import answers, gradient_kept, project, reached, results, settings, source, table, weights
from palingen.pictures import as_records
from palingen.recipes import PALINDROME
from palingen.recurrence import cells
from palingen.recurrence.experiment import data, network
from palingen.recurrence.inside import load_network, look
from palingen.recurrence.network import Classifier
from palingen.recurrence.study import Workers, folder_of, plan, study
from palingen.recurrence.train import train
from palingen.report import figures
from palingen.runs import choose_device, read_records

records, runs = project() / "report" / "runs", project() / "runs" / "notebooks" / "part1"
device = choose_device()

# %% [markdown]
# ## 1. The task
#
# $T$ is the palindrome's whole length: $T-1$ digits are read, the $T$-th is predicted. The experiment is a value, and its
# defaults are the course's:

# %%
course = replace(PALINDROME["course"], epochs=EPOCHS)
settings(
    course, "length", "hidden", "batch_size", "optimizer", "learning_rate", "max_norm", "epochs", "samples", "portion"
)

# %% [markdown]
# The samples are split **by palindrome**: none that is tested was ever trained on. The shortest palindromes are few, so
# they have to repeat within each side:

# %%
parts = data(course)
parts.note

# %%
answers(parts.test, count=5)

# %% [markdown]
# ## 2. The LSTM
#
# With $x^{(t)}$ the digit, $h^{(t)}$ the hidden state, $c^{(t)}$ the memory, and $h^{(0)} = c^{(0)} = 0$:
#
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
#
# And as they run. The four products of (1) to (4) are taken at once, `x_part` being $W_x x + b$ of all four and `h_part`
# $W_h h$; the readout and the loss follow after the last digit:

# %%
source(cells.lstm, Classifier.forward)

# %% [markdown]
# **What each part is for.**
#
# - The candidate $g$ is what could be written. It goes through $\tanh$, so that it may raise or lower the memory and is
#   bounded: from $-1$ to $1$, around zero.
# - The input gate $i$ decides how much of it is written. A gate is a share, hence $\sigma$, from 0 (shut) to 1 (open).
# - The forget gate $f$ decides how much of the old memory stays. At 1 the memory passes unchanged, at 0 it is wiped.
# - The output gate $o$ decides how much of the memory the next step, and at the end the readout, get to see. A unit can
#   hold something for long without disturbing anything meanwhile.
#
# With $I$ inputs, $H$ hidden units and $K$ classes there are $4\,(HI + H^2 + H)$ weights in the cell and $KH + K$ in the
# readout, whatever $T$ and the batch are. The four gates are stacked in the rows:

# %%
weights(network(course))

# %% [markdown]
# ## 3. Training at T = 5
#
# The course's defaults, live. The gradient is clipped after the backward pass and before the step; the weights kept are
# those of the epoch with the lowest *training* loss, so the test has no say in the choice.

# %%
result = train(course, runs / "lstm-T5", device, force=True)
table([result], "cell", "length", "accuracy", "loss", "epoch", "steps", "seconds")

# %%
figures.palindrome_curves({"lstm T = 5": read_records(runs / "lstm-T5")})

# %% [markdown]
# On the left, the share of right answers on palindromes that were never trained on, after each epoch; on the right, the
# loss it was trained by. The network does not learn palindromes by heart, it learns to carry the first digit: otherwise
# it could know nothing of the unseen ones. When the loss is tiny, so is RMSprop's running square of the gradient that a
# step is divided by; now and then a step is far too long and the curves jump. That is why the best epoch is kept, not the last.
#
# The same unseen palindromes as above, with the trained network's answers and its confidence (8):

# %%
answers(parts.test, count=5, model=load_network(runs / "lstm-T5")[1])

# %% [markdown]
# ## 4. RNN against LSTM over the lengths
#
# The plain network has no gates and no memory beside its hidden state:
#
# $$ h^{(t)} = \tanh\left(W_{hx}\, x^{(t)} + W_{hh}\, h^{(t-1)} + b_h\right) $$
#
# First live and short: both cells at three lengths, a third of the epochs, one seed.

# %%
short = plan(replace(course, epochs=max(1, EPOCHS // 3)), cells=("lstm", "rnn"), lengths=(5, 10, 20), seeds=1)
live = list(study(short, runs / "lengths", device, Workers(), force=True))
reached(live)

# %%
figures.memory({"Live: a third of the epochs, one seed": live})

# %% [markdown]
# One seed and a third of the training say little about a cell. The full picture comes from records that are kept with
# the project: the course's settings in full, several seeds; and one recipe of our own for every length (`memory`: one-hot
# digits, rotations as first recurrent weights, a forget gate that starts open, endless new palindromes, short ones first).

# %%
kept = results(records / "palindromes")
recipe = json.loads((records / "memory" / "study.json").read_text())["runs"]
figures.memory({"The course's settings": kept, "Recipe memory": recipe})

# %% [markdown]
# The course's settings, in numbers (mean, and from the worst to the best seed):

# %%
reached(kept)

# %% [markdown]
# The recipe `memory`:

# %%
reached(recipe)

# %% [markdown]
# At the shortest lengths there is nothing to choose between the two cells. With the course's settings the RNN is the first
# to fail, and it fails unreliably: the same length goes well with one seed and badly with another. The LSTM holds all the
# lengths tried. With the recipe both go much further, the gated cells to the longest length that was tried: the RNN's
# forgetting is a matter of how it is trained, not of what it could represent.
#
# ## 5. Why the RNN forgets, and the LSTM less
#
# To learn that the *first* digit matters, the loss's gradient must travel back over all steps. In the RNN each step
# multiplies it by the same matrix and by the slope of $\tanh$, which is at most 1:
#
# $$ \frac{\partial h^{(T-1)}}{\partial h^{(t)}} = \prod_{s=t+1}^{T-1} \mathrm{diag}\left(1 - h^{(s)} \odot h^{(s)}\right) W_{hh} $$
#
# If these factors shrink a vector, the product vanishes exponentially with the distance, and if they stretch it, it
# explodes; clipping helps against the second only. In the LSTM there is a second way back, through the memory. Along it (5) gives
#
# $$ \frac{\partial c^{(t)}}{\partial c^{(t-1)}} = \mathrm{diag}\left(f^{(t)}\right) + \text{(what passes through the gates)} $$
#
# No matrix, no $\tanh$: where the forget gate is open, the gradient passes undiminished, and the network can *learn* to
# open it. Below, the two live runs of the longest length: how far each gate is open at each digit of one palindrome, and
# the norm of $\partial\mathcal{L}/\partial h^{(t)}$ over $t$, before and after training.

# %%
looks = {
    "lstm T = 20": look(folder_of(runs / "lengths", replace(course, cell="lstm", length=20))),
    "rnn T = 20": look(folder_of(runs / "lengths", replace(course, cell="rnn", length=20))),
}
figures.inside(as_records(looks))

# %% [markdown]
# How much of the gradient at the last step is left at the first one (of an LSTM in $h$ or $c$, whichever has more):

# %%
gradient_kept(looks)

# %% [markdown]
# And longer palindromes, both cells trained for all the course's epochs, from the records:

# %%
figures.inside(json.loads((records / "inside" / "inside.json").read_text()))

# %% [markdown]
# Read the slopes, not the heights: a network that makes few mistakes has small gradients everywhere. **Before training** both
# cells lose the gradient on the way back, the LSTM too, whose gates start half open. **After training** the LSTM's curve
# is level, and highest at the first digits, where the answer stands. The RNN's still falls by orders of magnitude.
#
# The rows are sorted by how far the forget gate is open on average: units above keep most of what they hold from one digit to
# the next, units below wipe it nearly at once. No unit keeps its gate open from the first digit to the last, so what is
# remembered must be handed on from unit to unit, through $h$.
#
# ## 6. In short
#
# - The LSTM learns the task with the course's defaults; its test palindromes are new to it, and it says their last digit.
# - The RNN can do it when the palindrome is short. For long ones, the gradient that should tell it about the first digit
#   vanishes on the way, and whether training succeeds all the same depends on the seed.
# - The gates make remembering a thing that is learned: what to write ($i$), what to keep ($f$), what to show ($o$).
#
# To go on from here: `palingen palindrome train --recipe memory --length 1000`, `palingen palindrome study --help`, and the
# tables in `report/`.
