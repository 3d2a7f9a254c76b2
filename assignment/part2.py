# %% [markdown]
# # Part II: a generator and its adversary
#
# A generator $G$ turns standard normal noise into images; a discriminator $D$ learns to tell them from handwritten digits;
# each is trained against the other. Here the course's pair of networks is trained for a short while live, then watched
# over its full 200 epochs, and walked through from one digit to another. At the end a second recipe does the same better.
#
# ## How to run it
#
# | to | do |
# | --- | --- |
# | execute both notebooks again, outputs kept | `make notebooks` in the project's folder |
# | open this one | `.venv/bin/python -m pip install -c constraints.txt -e '.[notebook]' jupyterlab` after `make install`, then `.venv/bin/jupyter lab assignment` |
# | train the course's network in full (an hour or so on two cores) | `.venv/bin/palingen gan train --recipe course` |
#
# It needs Python 3.11 or newer, no graphics card and no network (the digits are part of the package), and takes a few
# minutes on two cores; a smaller `EPOCHS` is quicker. Whatever it writes goes to `runs/notebooks/` in the project's folder.
# There is no logic in the cells: each calls a function of the package `palingen`, whose source is under `src/palingen`. A
# `.py` of the same name beside this file is its source.

# %% tags=["parameters"]
EPOCHS = 4  # of the short run in section 3, the one thing to change; the full run's 200 come from its records

# %%
from dataclasses import replace

from palingen.adversarial import losses
from palingen.adversarial.between import between
from palingen.adversarial.images import load_images
from palingen.adversarial.networks import MlpDiscriminator, MlpGenerator
from palingen.adversarial.snapshots import read_moments
from palingen.adversarial.train import train
from palingen.adversarial.trained import load
from palingen.notebook import compared, difference, ends, moments, project, scores, source, table, verdicts
from palingen.pictures import as_strips
from palingen.recipes import GAN
from palingen.report import figures
from palingen.runs import choose_device, read_records

records, runs = project() / "report" / "runs", project() / "runs" / "notebooks" / "part2"
device = choose_device()

# %% [markdown]
# ## 1. The game
#
# With $p$ the distribution of the real images and $q$ the standard normal one of the noise:
#
# $$
# \min_G \max_D V(D, G) = \mathbb{E}_{X \sim p}\left[\log D(X)\right]
# + \mathbb{E}_{Z \sim q}\left[\log\left(1 - D(G(Z))\right)\right],
# \qquad Z \sim \mathcal{N}(0, I) \tag{10}
# $$
#
# For a fixed $G$ whose images have the density $p_G$, the best discriminator is $D^*(x) = p(x) / (p(x) + p_G(x))$. If the
# generator gets everything right, $p_G = p$, and $D^*$ is one half everywhere: it can only guess, and its accuracy is 50 %.
#
# **Why the generator does not play (10) to the letter.** At first every generated image is easily told. Let $a$ be the
# discriminator's logit for one, $D = \sigma(a)$, then
#
# $$
# \frac{\partial}{\partial a} \log\left(1 - \sigma(a)\right) = -\sigma(a) \to 0,
# \qquad
# \frac{\partial}{\partial a} \left[-\log \sigma(a)\right] = -\left(1 - \sigma(a)\right) \to -1
# \qquad (a \to -\infty).
# $$
#
# Minimising $\log(1 - D(G(Z)))$ gives no gradient just where one is needed, minimising $-\log D(G(Z))$ does, and has the same
# fixed point. This **non-saturating** loss is binary cross-entropy against the label "real". All of it in logits, so
# that no logarithm of zero occurs:

# %%
source(losses.cross_entropy, losses.saturating, losses.non_saturating)

# %% [markdown]
# ## 2. The data and the networks
#
# Real images, in grey levels scaled to $-1 \dots 1$, the range of the generator's $\tanh$:

# %%
figures.moments({"MNIST": load_images("train").pixels[:25].numpy()})

# %% [markdown]
# The course's pair, fully connected, as it runs. LeakyReLU passes a gradient where a unit is off, which the generator
# depends on: all that it learns comes through the discriminator. The discriminator's $\sigma$ is part of the loss.

# %%
source(MlpGenerator, MlpDiscriminator)

# %% [markdown]
# A step makes the images once, moves the generator, then the discriminator, both with Adam. The short run below smooths
# Adam's gradient less than the course's (`beta1`), so that digits appear after a few epochs already. Its gradients are the same as
# autograd's but for rounding, only written out (`engine`), which is faster:

# %%
short = replace(GAN["demo"], epochs=EPOCHS, engine="by-hand")
compared({"course": GAN["course"], "short": short})

# %% [markdown]
# ## 3. A short training, live

# %%
result = train(short, runs / "short", device, force=True)
table([result], "epochs", "steps", "seconds", "real_accuracy", "fake_accuracy")

# %% [markdown]
# 25 images from the same 25 latents at the start, half way and at the end of the short run:

# %%
figures.moments(read_moments(runs / "short"))

# %%
figures.game_curves(read_records(runs / "short"))

# %% [markdown]
# From grey noise to strokes, and to shapes that can be read for digits here and there. The loss of a generator is no measure of
# its images: it is what the discriminator of that moment makes of them, and both move.
#
# ## 4. The course's training in full
#
# 200 epochs with the course's settings. The run is kept with the project: its records, and the generator of three
# moments. The 25 images are again from the same latents.

# %%
kept = read_moments(records / "gan-course")
figures.moments(kept)

# %% [markdown]
# The weights of the three moments are shipped, too (`pretrained:course`). They draw the same images again, though they are
# rounded to half precision; the largest difference, in grey levels from 0 to 255:

# %%
drawn = moments("pretrained:course")
difference(kept, drawn)

# %%
game = read_records(records / "gan-course")
figures.game_curves(game)

# %% [markdown]
# At the very end:

# %%
table(game[-1:], "epochs", "steps", "generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy")

# %% [markdown]
# Noise at the start, digits half way and at the end, many of them clean, some of them not digits. The discriminator is nearly
# always right at first and less and less as the images get better: both curves on the right fall towards 50 %, where it could
# only guess. They do not arrive: even after 200 epochs it tells more than half of the images of either kind, so $p_G$ is not
# yet $p$.
#
# ## 5. Between two digits
#
# Two latents whose images belong to different classes. A person could pick them; here a classifier that was trained on
# real digits and then frozen, the *judge*, says what each image shows and how sure it is.

# %%
course = load("pretrained:course")
walks = between(course.generator, course.config.latent_dim, steps=7, seed=0, pair=(3, 8))
figures.walks(as_strips(ends(walks)))

# %% [markdown]
# Seven steps between them make nine images with the ends. The straight line of the assignment,
# $z_k = (1 - \frac{k}{8})\, z_0 + \frac{k}{8}\, z_8$, leads through points that are closer to the origin than nearly all latents
# of the training: a normal latent of $n$ dimensions has a length of about $\sqrt{n}$, and the middle of two independent ones
# is $\sqrt{2}$ times shorter. The arc between them (*spherical*) keeps the length. Under each image, its class and the judge's confidence:

# %%
figures.walks(as_strips(walks))

# %%
verdicts(walks)

# %% [markdown]
# The images change smoothly from one digit to the other, and not as in a cross-fade, where both would be seen at once: strokes
# bend, open and close. Somewhere on the way the class changes, and there the judge is often less sure.
#
# ## 6. The same with the quality recipe
#
# The second generator differs in nearly everything: small residual networks without normalisation, a class that is asked for
# together with the noise, a relativistic loss (each real image above its fake one) with penalties on the discriminator's slope
# at real and at generated images, and weights averaged over the steps.

# %%
quality = load("pretrained:residual")
compared({"course": course.config, "residual": quality.config})

# %% [markdown]
# 25 images from the same latents at the start, half way and at the end, drawn from its weights; the digits 0 to 9 are asked for
# in turn, row by row:

# %%
figures.moments(moments("pretrained:residual"))

# %% [markdown]
# From the same class to the same other one as above; the class that is asked for moves along with the latent, so half way the
# generator is asked for one half of each:

# %%
better = between(
    quality.generator, quality.config.latent_dim, steps=7, seed=0, pair=(3, 8), classes=quality.config.classes
)
figures.walks(as_strips(ends(better)))

# %%
figures.walks(as_strips(better))

# %%
verdicts(better)

# %% [markdown]
# How good are they, and how varied? Of 10,000 images each, against MNIST's test images, by the features of the judge: the
# Frechet distance (`fd`, smaller is better), the share of the images that lie among real ones (`precision`), the share of real ones
# that lie among the images (`recall`), the share of real ones with one of the images near (`coverage`), and how far the
# classes are from their true shares (`class_tv`, 0 for equal ones). Training images measured the same way are the floor:

# %%
scores("course", "residual")

# %% [markdown]
# ## 7. In short
#
# - The course's pair learns digits from nothing but being told apart; its discriminator drifts towards guessing and is not there
#   after 200 epochs.
# - Between two latents of different classes lie images that change smoothly from the one digit into the other.
# - The distance to the floor says how much is still missing, which no look at 25 images would tell.
#
# To go on from here: `palingen gan explore pretrained:course` writes a page on which to walk, draw and search;
# `palingen gan train --help` names all settings; the measurements are explained in `report/`.
