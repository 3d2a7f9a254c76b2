# %% [markdown]
# # Part II: a generative adversarial network
# A generator $G$ turns standard normal latents into images; a discriminator $D$ learns to distinguish them from handwritten
# digits; each is trained against the other. This notebook trains the course's networks for a short while live, shows the
# full training of 200 epochs, and interpolates from one digit to another. The last section shows a better recipe.
# ## How to run it
# | where | how |
# | --- | --- |
# | an online notebook service | open this file there and run all cells. The first one installs `palingen`: from its wheel or the ZIP of the hand-in, if you upload one beside this file, or else from the package index |
# | a notebook on your computer | `.venv/bin/python -m pip install -c constraints.txt -e '.[notebook]' jupyterlab` after `make install`, then `.venv/bin/jupyter lab assignment` |
# | train the course's networks in full (25 minutes to over an hour on two cores) | `.venv/bin/palingen gan train --recipe course` |
#
# It needs Python 3.11 or newer, no GPU and no data (the digits are part of the package), and takes a few minutes on two
# cores; a smaller `EPOCHS` is faster. All files are written to `runs/notebooks/`. Apart from the first, the cells contain no
# logic: each calls a function of `palingen`, whose source is in `src/palingen`. This notebook's source is `part2.py`.

# %% tags=["parameters"]
EPOCHS = 4  # of the short training in section 3; the 200 epochs of the full training come from its records

# %%
from dataclasses import replace

from palingen import (
    MlpDiscriminator,
    MlpGenerator,
    figures,
    load_generator,
    load_images,
    losses,
    notebook,
    read_records,
    read_snapshots,
    recipes,
    select_device,
    train_gan,
)

records, runs = notebook.records_folder(), notebook.output_folder("part2")

# %% [markdown]
# ## 1. The objective
# With $p$ the distribution of the real images and $q$ the standard normal distribution of the latents:
# $$
# \min_G \max_D V(D, G) = \mathbb{E}_{X \sim p}\left[\log D(X)\right]
# + \mathbb{E}_{Z \sim q}\left[\log\left(1 - D(G(Z))\right)\right],
# \qquad Z \sim \mathcal{N}(0, I) \tag{10}
# $$
#
# For a fixed $G$ whose images have the density $p_G$, the optimal discriminator is $D^*(x) = p(x) / (p(x) + p_G(x))$. If the
# generator is perfect, $p_G = p$, and $D^*$ is one half everywhere: the discriminator can only guess, and its accuracy is 50 %.
#
# **Why the generator does not minimise (10) literally.** At first every generated image is easy to recognise. Let $a$ be the
# discriminator's logit of such an image, $D = \sigma(a)$, then
# $$
# \frac{\partial}{\partial a} \log\left(1 - \sigma(a)\right) = -\sigma(a) \to 0,
# \qquad
# \frac{\partial}{\partial a} \left[-\log \sigma(a)\right] = -\left(1 - \sigma(a)\right) \to -1
# \qquad (a \to -\infty).
# $$
#
# Minimising $\log(1 - D(G(Z)))$ gives no gradient just where one is needed, minimising $-\log D(G(Z))$ does, and has the same
# fixed point. This **non-saturating** loss is binary cross-entropy against the label "real". All losses are functions of
# logits, so that no logarithm of zero occurs:

# %%
notebook.source(losses.bce_discriminator, losses.minimax_generator, losses.non_saturating_generator)

# %% [markdown]
# ## 2. The data and the networks
# Real images, in grey levels scaled to $[-1, 1]$, the range of the generator's $\tanh$:

# %%
figures.snapshots({"MNIST": load_images("train").pixels[:25].numpy()})

# %% [markdown]
# The course's fully connected networks. LeakyReLU passes a gradient where a unit is off, which the generator depends on: all
# its gradients come through the discriminator. The discriminator's $\sigma$ is part of the loss.

# %%
notebook.source(MlpGenerator, MlpDiscriminator)

# %% [markdown]
# Verified with a batch of the course's size:

# %%
notebook.check_gan_shapes(recipes.GAN["course"])

# %% [markdown]
# Each step generates one batch of images and updates first the generator, then the discriminator, both with Adam. The short
# training below has a smaller `beta1` than the course's, so that digits appear after a few epochs. Its gradients come from
# manually derived formulas (engine `native`, in C++, or `manual`), which equal those of autograd up to rounding.

# %%
short = replace(recipes.GAN["demo"], epochs=EPOCHS)
notebook.compare_configs({"course": recipes.GAN["course"], "short": short})

# %% [markdown]
# ## 3. A short training, live
# The losses, the accuracy of the discriminator, and the latest 25 images, always from the same latents:

# %%
with notebook.live(runs / "short"):
    result = train_gan(short, runs / "short", select_device(), force=True)
notebook.table([result], "engine", "epochs", "steps", "seconds", "real_accuracy", "fake_accuracy")

# %% [markdown]
# At the start, half way and at the end of the short training:

# %%
figures.snapshots(read_snapshots(runs / "short"))

# %% [markdown]
# Grey noise turns into strokes, and here and there into shapes that can be read as digits. The generator's loss does not
# measure the quality of its images: it depends on the discriminator of that time, and both networks change.
# ## 4. The course's training in full
# 200 epochs with the course's settings. The project contains the records of this run, and its generator at three stages of
# the training. The 25 images are again from the same latents.

# %%
saved = read_snapshots(records / "gan-course")
figures.snapshots(saved)

# %% [markdown]
# The package contains the weights of the three stages (`pretrained:course`). They generate the same images, although they
# are rounded to half precision; the largest difference, in grey levels from 0 to 255:

# %%
generated = notebook.generate_snapshots("pretrained:course")
notebook.max_difference(saved, generated)

# %%
course_records = read_records(records / "gan-course")
figures.gan_curves(course_records)

# %% [markdown]
# At the end of the training:

# %%
notebook.table(
    course_records[-1:], "epochs", "steps", "generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy"
)

# %% [markdown]
# There is noise at the start, and digits half way and at the end, many of them clean, some of them not digits. The
# discriminator is nearly always right at first and less often as the images get better: both curves on the right fall
# towards 50 %, where it could only guess. They do not reach it: even after 200 epochs it recognises more than half of the
# images of either kind, so $p_G$ is not yet $p$.
# ## 5. Interpolation between two digits
# The endpoints are two latents whose images belong to different classes. They could be selected by eye; here a classifier,
# trained on real digits and then frozen, predicts the class of each image, and its confidence.

# %%
course = load_generator("pretrained:course")
interpolations = course.interpolate(steps=7, seed=0, classes=(3, 8))
notebook.interpolation_figure(notebook.endpoints(interpolations))

# %% [markdown]
# Seven steps between the endpoints make nine images. The straight line of the assignment,
# $z_k = (1 - \frac{k}{8})\, z_0 + \frac{k}{8}\, z_8$, passes through points that are closer to the origin than nearly all latents
# of the training: a normal latent of $n$ dimensions has a norm of about $\sqrt{n}$, and the midpoint of two independent ones
# is $\sqrt{2}$ times shorter. The arc between them (*spherical*) keeps the norm. Under each image are the predicted class and
# the classifier's confidence:

# %%
notebook.interpolation_figure(interpolations)

# %%
notebook.prediction_table(interpolations)

# %% [markdown]
# Verified: nine images each, and endpoints of different classes, which both interpolations share:

# %%
notebook.check_interpolations(interpolations)

# %% [markdown]
# The images change smoothly from one digit to the other, and not as in a cross-fade, where both would be visible at once:
# strokes bend, open and close. Somewhere on the way the class changes, and there the classifier is often less confident.
# ## 6. The quality recipe
# The second generator differs in nearly everything: small residual networks without normalisation, a class as input beside
# the latent, a relativistic loss (each real image above its fake one) with gradient penalties on the discriminator at
# real and at generated images, and a moving average of the generator's weights.

# %%
quality = load_generator("pretrained:residual")
notebook.compare_configs({"course": course.config, "residual": quality.config})

# %% [markdown]
# 25 images from the same latents at the start, half way and at the end, generated from the weights of each stage; the
# requested classes are 0 to 9 in turn, row by row:

# %%
figures.snapshots(notebook.generate_snapshots("pretrained:residual"))

# %% [markdown]
# An interpolation between the same two classes as above. The one-hot class is interpolated along with the latent, so half
# way it is one half of each class:

# %%
quality_interpolations = quality.interpolate(steps=7, seed=0, classes=(3, 8))
notebook.interpolation_figure(notebook.endpoints(quality_interpolations))

# %%
notebook.interpolation_figure(quality_interpolations)

# %%
notebook.prediction_table(quality_interpolations)

# %%
notebook.check_interpolations(quality_interpolations)

# %% [markdown]
# How good are the images, and how varied? Scores of 10,000 images of each generator against MNIST's test images, from the
# classifier's features: the Fréchet distance (`fd`, smaller is better), the fraction of the images that lie among real ones
# (`precision`), the fraction of real ones that lie among the images (`recall`), the fraction of real ones with one of the
# images near (`coverage`), and the distance between the class frequencies (`class_tv`, 0 if they are equal). The floor is
# the score of real training images, evaluated in the same way:

# %%
notebook.score_table("course", "residual")

# %% [markdown]
# ## 7. Summary
# - The course's networks learn to generate digits from the adversarial loss alone. The discriminator's accuracy falls
#   towards 50 % and has not reached it after 200 epochs.
# - Between two latents of different classes, the images change smoothly from one digit into the other.
# - The distance to the floor quantifies what is still missing, which 25 images cannot show.
#
# To continue: `palingen explore pretrained:course` writes a page with which to interpolate, to draw and to search latents;
# `palingen gan train --help` lists all settings; `report/` explains the metrics.
