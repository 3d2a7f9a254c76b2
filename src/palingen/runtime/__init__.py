"""Runs and their folders, the training loop, processes, files: everything both laboratories stand on."""
