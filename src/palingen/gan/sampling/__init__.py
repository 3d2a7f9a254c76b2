"""Sampling from a generator: latents, interpolation, directions of latent space, snapshots during training."""
