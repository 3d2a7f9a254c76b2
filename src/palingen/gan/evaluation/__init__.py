"""Evaluation of generators: a frozen classifier, metrics on its features, and real images as controls."""
