"""Experiment trackers beside a run's own records: TensorBoard, Weights & Biases, MLflow."""
