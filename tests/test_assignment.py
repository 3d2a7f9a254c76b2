"""The course's files, used as the course uses them: as scripts, and by the names of its skeleton."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import ROOT, run_script
from torch.utils.data import DataLoader

import palingen
from palingen.runtime.safetensors_io import load_weights

SOURCES = sorted((ROOT / "assignment").rglob("*.py"))

PART1, PART2 = ROOT / "assignment" / "part1", ROOT / "assignment" / "part2"

GENERATOR_INIT = "super().__init__(latent_dim, batchnorm_eps=1e-5)"


@pytest.fixture
def part1(monkeypatch):
    """Import by the skeleton's module names."""
    monkeypatch.syspath_prepend(str(PART1))
    for name in ("dataset", "lstm", "vanilla_rnn", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import dataset
    import lstm
    import train
    import vanilla_rnn

    return dataset, lstm, vanilla_rnn, train


def run_as_users_do(path: Path, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_courses_files_and_the_notebooks_import_only_public_names(path):
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = [node.module for node in imports if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in imports if isinstance(node, ast.Import) for name in node.names]
    assert [module for module in modules if module.startswith("palingen.")] == []
    names = [name.name for node in imports if getattr(node, "module", None) == "palingen" for name in node.names]
    assert set(names) <= set(palingen.__all__)


@pytest.mark.parametrize("one_hot", [False, True])
def test_an_item_is_all_digits_but_the_last_and_the_last(part1, one_hot):
    items = part1[0].PalindromeDataset(7, 300, one_hot=one_hot)
    assert len(items) == 300
    inputs, label = items[4]
    assert inputs.dtype == torch.float32
    assert inputs.shape == (7, 10 if one_hot else 1)
    assert type(label) is int
    digits = inputs.argmax(-1) if one_hot else inputs[:, 0].long()
    assert label == digits[0]
    assert digits[1:].tolist() == digits[1:].flip(0).tolist()


def test_the_palindromes_are_distinct_and_determined_by_the_seed(part1):
    dataset = part1[0].PalindromeDataset
    rows = {tuple(inputs.flatten().tolist()) for inputs, _ in dataset(9, 500)}
    assert len(rows) == 500
    assert torch.equal(dataset(9, 50)[3][0], dataset(9, 50)[3][0])
    assert not torch.equal(dataset(9, 50)[3][0], dataset(9, 50, seed=7)[3][0])


def test_a_data_set_larger_than_all_palindromes_has_all_of_them_and_prints_a_message(part1, capsys):
    assert len(part1[0].PalindromeDataset(5, 10_000)) == 1000
    assert "only 1,000 palindromes have 6 digits" in capsys.readouterr().err


def test_the_models_map_sequences_to_logits(part1):
    _, lstm, vanilla_rnn, _ = part1
    sequences = torch.randn(4, 6, 1)
    assert lstm.LSTM(6, 1, 16, 10)(sequences).shape == (4, 10)
    assert vanilla_rnn.VanillaRNN(6, 1, 16, 10)(sequences).shape == (4, 10)
    assert lstm.LSTM(seq_length=6, input_dim=1, hidden_dim=16, output_dim=10)(sequences).shape == (4, 10)


def test_thirty_epochs_of_train_halve_the_loss_that_evaluate_returns(part1):
    dataset, lstm, _, train = part1
    loader = DataLoader(dataset.PalindromeDataset(4, 200), 32)
    model, config = lstm.LSTM(4, 1, 16, 10), train.parse([])
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)
    criterion, device = torch.nn.CrossEntropyLoss(), torch.device("cpu")
    before, _ = train.evaluate(model, loader, criterion, device, config)
    for _ in range(30):
        loss, accuracy = train.train(model, loader, optimizer, criterion, device, config)
    after, test_accuracy = train.evaluate(model, loader, criterion, device, config)
    assert after < before / 2
    assert 0 <= accuracy <= 1
    assert test_accuracy > 0.5
    assert loss > 0


def test_the_flags_and_their_defaults_are_those_of_the_skeleton(part1):
    config = vars(part1[3].parse([]))
    expected = {
        "input_length": 5,
        "input_dim": 1,
        "num_classes": 10,
        "num_hidden": 128,
        "batch_size": 128,
        "learning_rate": 1e-3,
        "max_epoch": 100,
        "max_norm": 10.0,
        "data_size": 10_000,
        "portion_train": 0.8,
    }
    assert {name: config[name] for name in expected} == expected


@pytest.mark.parametrize("model", ["lstm", "rnn"])
def test_the_training_script_prints_loss_and_accuracy_on_unseen_palindromes(tmp_path, model):
    run_it = {"lstm": run_as_users_do, "rnn": run_script}[model]  # importing torch takes seconds
    run = run_it(PART1 / "train.py", "--model", model, "--max_epoch", 2, "--num_hidden", 16, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert re.search(r"On 200 unseen palindromes: loss \S+, accuracy [01]\.\d+", run.stdout)


def test_the_smallest_data_set_has_a_palindrome_to_train_on(tmp_path):
    sizes = ("--data_size", 2, "--portion_train", 0.1, "--max_epoch", 1, "--num_hidden", 4)
    run = run_script(PART1 / "train.py", *sizes, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "On 1 unseen palindromes" in run.stdout


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        (PART1 / "train.py", ("--batch_size", 0), "--batch_size=0: must be at least 1"),
        (PART1 / "train.py", ("--num_classes", 3), "--num_classes=3: must be at least 10"),
        (PART1 / "train.py", ("--portion_train", 1.5), "--portion_train=1.5: must be between 0 and 1"),
        (PART2 / "my_gan.py", ("--n_epochs", 0), "epochs=0: must be at least 1"),
        (PART2 / "my_gan.py", ("--data", "nowhere"), "missing"),
    ],
)
def test_an_invalid_flag_ends_in_one_line_and_exit_code_2(tmp_path, path, arguments, message):
    run = run_script(path, *arguments, folder=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_the_gan_script_prints_the_files_it_wrote_and_saves_images_at_its_interval(tmp_path, few_digits):
    small = ("--data", few_digits, "--n_epochs", 1, "--batch_size", 50, "--save_interval", 2)
    run = run_as_users_do(PART2 / "my_gan.py", *small, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"runs/my_gan/{name}" for name in ("snapshots.png", "curves.png", "snapshots")]
    assert all((tmp_path / line).exists() for line in run.stdout.splitlines())
    assert {path.name for path in (tmp_path / "runs/my_gan/snapshots").iterdir()} == {
        f"step-{step:07d}.png" for step in (0, 2, 4)
    }


def test_the_gan_script_trains_the_networks_that_it_defines(tmp_path, few_digits):
    text = (PART2 / "my_gan.py").read_text()
    changed = text.replace(GENERATOR_INIT, f"{GENERATOR_INIT}; self[0] = nn.Linear(latent_dim, 128, bias=False)")
    assert changed != text
    (tmp_path / "my_gan.py").write_text(changed)
    run = run_script(tmp_path / "my_gan.py", "--data", few_digits, "--n_epochs", 1, "--batch_size", 50, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    weights = load_weights(tmp_path / "runs/my_gan/weights.safetensors")
    assert "generator.0.weight" in weights
    assert "generator.0.bias" not in weights


def test_the_gans_networks_map_latents_to_images_and_images_to_probabilities(monkeypatch):
    monkeypatch.syspath_prepend(str(PART2))
    import my_gan

    images = my_gan.Generator(100)(torch.randn(3, 100))
    probabilities = my_gan.Discriminator()(images)
    assert images.shape == (3, 1, 28, 28)
    assert probabilities.shape == (3, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_the_gans_flags_and_their_defaults_are_those_of_the_skeleton(monkeypatch):
    monkeypatch.syspath_prepend(str(PART2))
    import my_gan

    config = vars(my_gan.parse([]))
    expected = {"n_epochs": 200, "batch_size": 64, "lr": 2e-4, "latent_dim": 100, "save_interval": 500}
    assert {name: config[name] for name in expected} == expected
