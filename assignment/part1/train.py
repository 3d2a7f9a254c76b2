"""Train an LSTM or a simple RNN to predict the last digit of palindromes."""

import argparse

import torch
from dataset import PalindromeDataset
from lstm import LSTM
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, random_split
from vanilla_rnn import VanillaRNN

from palingen import progress, select_device

Loader = DataLoader[tuple[Tensor, Tensor]]


def train(
    model: nn.Module,
    data_loader: Loader,
    optimizer: torch.optim.Optimizer,
    criterion: nn.Module,
    device: torch.device,
    config: argparse.Namespace,
) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and the accuracy on the training batches."""
    model.train()
    total_loss, correct, count = 0.0, 0, 0
    for inputs, target in data_loader:
        inputs, target = inputs.to(device), target.to(device)
        logits = model(inputs)
        loss = criterion(logits, target)
        optimizer.zero_grad()
        loss.backward()
        # Clip between the backward pass, which computes the gradient, and the step, which uses it.
        nn.utils.clip_grad_norm_(model.parameters(), config.max_norm)
        optimizer.step()
        total_loss += loss.item() * len(target)
        correct += int((logits.argmax(1) == target).sum())
        count += len(target)
    return total_loss / count, correct / count


@torch.no_grad()
def evaluate(
    model: nn.Module, data_loader: Loader, criterion: nn.Module, device: torch.device, config: argparse.Namespace
) -> tuple[float, float]:
    """Mean loss and accuracy, without training."""
    model.eval()
    total_loss, correct, count = 0.0, 0, 0
    for inputs, target in data_loader:
        inputs, target = inputs.to(device), target.to(device)
        logits = model(inputs)
        total_loss += criterion(logits, target).item() * len(target)
        correct += int((logits.argmax(1) == target).sum())
        count += len(target)
    return total_loss / count, correct / count


def main(config: argparse.Namespace) -> tuple[float, float]:
    """Train with `config`; return loss and accuracy on palindromes that were not used for training."""
    device = select_device()
    torch.set_flush_denormal(True)  # vanishing gradients become subnormal numbers, with which CPUs are slow
    torch.manual_seed(config.seed)
    dataset = PalindromeDataset(config.input_length, config.data_size, one_hot=config.input_dim == 10, seed=config.seed)
    cut = min(max(round(config.portion_train * len(dataset)), 1), len(dataset) - 1)
    training, test = random_split(dataset, [cut, len(dataset) - cut])
    # If there are fewer palindromes than data_size, they repeat, so that an epoch keeps its number of steps.
    sampler = RandomSampler(training, num_samples=max(round(config.portion_train * config.data_size), 1))
    train_loader = DataLoader(training, config.batch_size, sampler=sampler)
    test_loader = DataLoader(test, config.batch_size)

    network = {"lstm": LSTM, "rnn": VanillaRNN}[config.model]
    model = network(config.input_length, config.input_dim, config.num_hidden, config.num_classes).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=config.learning_rate)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.1)
    with progress(config.model, config.max_epoch, "epochs") as bar:
        for epoch in range(1, config.max_epoch + 1):
            loss, accuracy = train(model, train_loader, optimizer, criterion, device, config)
            scheduler.step()
            bar.advance(epoch, loss=loss, accuracy=accuracy)
    loss, accuracy = evaluate(model, test_loader, criterion, device, config)
    print(f"Done training. On {len(test):,} unseen palindromes: loss {loss:.4g}, accuracy {accuracy:.4f}")
    return loss, accuracy


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags; an invalid value ends in one line and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", choices=("lstm", "rnn"), default="lstm", help="network")
    parser.add_argument("--input_length", type=int, default=5, help="digits of the input; the palindrome has one more")
    parser.add_argument("--input_dim", type=int, default=1, choices=(1, 10), help="1: the digit's value, 10: one-hot")
    parser.add_argument("--num_classes", type=int, default=10, help="outputs, at least the ten digits")
    parser.add_argument("--num_hidden", type=int, default=128, help="hidden units")
    parser.add_argument("--batch_size", type=int, default=128, help="palindromes per step")
    parser.add_argument("--learning_rate", type=float, default=0.001, help="learning rate of RMSprop")
    parser.add_argument("--max_epoch", type=int, default=100, help="epochs")
    parser.add_argument(
        "--max_norm", type=float, default=10.0, help="gradient norm above which the gradient is scaled down"
    )
    parser.add_argument("--data_size", type=int, default=10000, help="palindromes, training and test together")
    parser.add_argument("--portion_train", type=float, default=0.8, help="fraction of them for training")
    parser.add_argument("--seed", type=int, default=42, help="seed of palindromes, weights and order")
    config = parser.parse_args(arguments)
    for name, minimum in (
        ("input_length", 1),
        ("num_hidden", 1),
        ("batch_size", 1),
        ("max_epoch", 1),
        ("data_size", 2),
    ):
        if getattr(config, name) < minimum:
            parser.error(f"--{name}={getattr(config, name)}: must be at least {minimum}")
    if config.num_classes < 10:
        parser.error(f"--num_classes={config.num_classes}: must be at least 10, one for each digit")
    if not 0 < config.portion_train < 1:
        parser.error(f"--portion_train={config.portion_train}: must be between 0 and 1")
    if not (config.learning_rate > 0 and config.max_norm > 0):
        parser.error("--learning_rate and --max_norm must be above 0")
    return config


if __name__ == "__main__":
    main(parse())
