import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from user_parts import GAN, write_code

from palingen.gan import train as train_module
from palingen.gan import trainer as trainer_module
from palingen.gan.steps.residual.library import unavailable_reason
from palingen.gan.train import train_gan
from palingen.gan.trainer import GanTrainer
from palingen.runtime.errors import Interrupted, RunError
from palingen.runtime.run_files import read_environment, read_records
from palingen.runtime.safetensors_io import load_weights

CPU = torch.device("cpu")

EVERY_SETTING = {
    "conditional": True,
    "loss": "relativistic",
    "penalty": "r1-r2",
    "penalty_weight_final_ratio": 0.1,
    "lr_final_ratio": 0.1,
    "beta2_final": 0.9,
    "warmup_fraction": 0.5,
    "ema_half_life": 3,
    "latent_dim": 8,
    "monitor_samples": 100,
}
"""Everything that a checkpoint must hold or a schedule changes."""


RESIDUAL_BFLOAT16 = {"architecture": "residual", "precision": "bfloat16"}

NATIVE = pytest.mark.skipif(unavailable_reason() is not None, reason=f"penalty-jvp-native: {unavailable_reason()}")


def equal_weights(first, second, name="weights"):
    a, b = (load_weights(folder / f"{name}.safetensors") for folder in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def interrupt(config, folder, monkeypatch, step, **options):
    """Train until Ctrl-C arrives during the given step."""
    trainer_step = GanTrainer.step

    def interrupting(trainer, batch, number, *schedule):
        if number == step:
            signal.raise_signal(signal.SIGINT)
        return trainer_step(trainer, batch, number, *schedule)

    with monkeypatch.context() as patch:
        patch.setattr(GanTrainer, "step", interrupting)
        with pytest.raises(Interrupted, match="saved in"):
            train_gan(config, folder, CPU, **options)


def check_resumed(config, tmp_path, monkeypatch, step, **options):
    """Train without and with interruption; weights and records must be equal, bit for bit."""
    train_gan(config, tmp_path / "uninterrupted", CPU, **options)
    interrupt(config, tmp_path / "interrupted", monkeypatch, step, **options)
    train_gan(config, tmp_path / "interrupted", CPU, **options)
    folders = tmp_path / "uninterrupted", tmp_path / "interrupted"
    assert equal_weights(*folders)
    assert equal_weights(*folders, name="end")
    expected, actual = (read_records(folder) for folder in folders)
    for record in (expected[-1], actual[-1]):
        del record["seconds"]
    assert actual == expected


@pytest.mark.parametrize("step", [1, 6, 9])
def test_an_interrupted_run_resumes_to_the_same_weights_and_records(tmp_path, config, monkeypatch, step):
    check_resumed(config, tmp_path, monkeypatch, step)


@pytest.mark.parametrize(
    ("engine", "settings"),
    [
        ("manual", {"precision": "bfloat16"}),
        ("native", {"ema_half_life": 3, "lr_final_ratio": 0.1, "beta2_final": 0.9}),
        ("manual", {"ema_half_life": 3, "lr_final_ratio": 0.1}),
        ("autograd", {}),
        pytest.param(
            "penalty-jvp", {**EVERY_SETTING, "architecture": "mlp", "precision": "bfloat16"}, marks=pytest.mark.torture
        ),
        ("penalty-jvp", {**EVERY_SETTING, "architecture": "conv"}),
        pytest.param(
            "penalty-jvp-native", {**EVERY_SETTING, "architecture": "residual", "precision": "bfloat16"}, marks=NATIVE
        ),
        ("autograd", {**EVERY_SETTING, "architecture": "mlp", "penalty": "wgan-gp", "precision": "bfloat16"}),
        pytest.param(
            "autograd", {**EVERY_SETTING, "architecture": "conv", "penalty": "wgan-gp"}, marks=pytest.mark.torture
        ),
        ("manual", {"keep": "best", "monitor_samples": 100}),
        ("manual", {"keep": "best", "monitor_samples": 100, "ema_half_life": 3, "learning_rate": 0.05}),
    ],
)
def test_an_interrupted_run_resumes_to_the_same_weights_with_every_engine_and_setting(
    tmp_path, config, monkeypatch, engine, settings
):
    monkeypatch.setattr(trainer_module, "BN_SAMPLES", 100)
    check_resumed(replace(config, **settings), tmp_path, monkeypatch, step=9, engine=engine)


@pytest.mark.torture
def test_a_killed_run_resumes_from_its_checkpoint_to_the_same_weights(tmp_path, config):
    config = replace(config, epochs=10)
    train_gan(config, tmp_path / "uninterrupted", CPU)
    script = (
        "import sys; from pathlib import Path; from palingen.gan.config import GanConfig;"
        "from palingen.gan.train import train_gan; from palingen.runtime import training_loop;"
        "training_loop.CHECKPOINT_INTERVAL_S = 0;"
        f"train_gan({config!r}, Path(sys.argv[1]))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    records = tmp_path / "killed" / "records.jsonl"
    deadline = time.monotonic() + 60
    while not (records.exists() and records.stat().st_size > 500) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert (tmp_path / "killed" / "resume.pt").exists()
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    train_gan(config, tmp_path / "killed", CPU)
    assert equal_weights(tmp_path / "uninterrupted", tmp_path / "killed")
    expected, actual = (read_records(tmp_path / name)[:-1] for name in ("uninterrupted", "killed"))
    assert actual == expected


def test_a_finished_run_is_not_trained_again(tmp_path, config, monkeypatch):
    config = replace(config, epochs=1)
    result = train_gan(config, tmp_path, CPU)
    monkeypatch.setattr(train_module, "GanTrainer", lambda *_: pytest.fail("trained again"))
    assert train_gan(config, tmp_path, CPU) == result
    assert train_gan(config, tmp_path, CPU, engine="autograd") == result  # the engine is not part of the experiment


def test_resuming_with_another_resolved_engine_is_refused_in_one_line(tmp_path, config, monkeypatch):
    interrupt(config, tmp_path, monkeypatch, step=5)
    with pytest.raises(RunError, match=r"engine='autograd', was 'native'.*allow") as refusal:
        train_gan(config, tmp_path, CPU, engine="autograd")
    assert "\n" not in str(refusal.value)
    assert read_environment(tmp_path)["engine"] == "native"


def test_a_checkpoint_of_another_device_is_refused_by_its_name_and_resumed_if_allowed(tmp_path, config, monkeypatch):
    interrupt(config, tmp_path, monkeypatch, step=5)
    state = torch.load(tmp_path / "resume.pt", weights_only=True)
    state["execution"]["device"] = state["noise"]["device"] = "cuda"
    state["noise"]["generator"] = state["noise"]["generator"][:16]  # the size of CUDA's states
    torch.save(state, tmp_path / "resume.pt")
    with pytest.raises(RunError, match=r"cannot resume exactly with device='cpu', was 'cuda'.*allow"):
        train_gan(config, tmp_path, "cpu")
    assert train_gan(config, tmp_path, "cpu", allow_engine_change=True)["device"] == "cpu"


def test_resuming_with_the_engine_that_auto_resolved_to_is_the_same_run(tmp_path, config, monkeypatch):
    interrupt(config, tmp_path, monkeypatch, step=5)
    assert train_gan(config, tmp_path, CPU, engine="native")["engine"] == "native"


@pytest.mark.parametrize(
    ("engines", "settings"),
    [
        (("manual", "autograd"), {}),
        (("autograd", "manual"), {}),
        (("penalty-jvp", "autograd"), {"penalty": "r1-r2"}),
    ],
)
def test_an_allowed_engine_change_continues_the_run_up_to_rounding(tmp_path, config, monkeypatch, engines, settings):
    config = replace(config, **settings)
    train_gan(config, tmp_path / "uninterrupted", CPU, engine=engines[0])
    interrupt(config, tmp_path / "changed", monkeypatch, step=8, engine=engines[0])
    result = train_gan(config, tmp_path / "changed", CPU, engine=engines[1], allow_engine_change=True)
    assert result["engine"] == read_environment(tmp_path / "changed")["engine"] == engines[1]
    expected, actual = (load_weights(tmp_path / name / "weights.safetensors") for name in ("uninterrupted", "changed"))
    distances = {name: (actual[name] - tensor).float().abs().mean().item() for name, tensor in expected.items()}
    # a step moves a weight by about 2e-4; without Adam's moments the first step alone would move them all by that much
    assert max(distances.values()) < 2e-5


def test_a_users_networks_with_dropout_resume_to_the_same_weights(tmp_path, config, monkeypatch):
    code = GAN.replace("nn.Sequential(nn.Flatten(), ", "nn.Sequential(nn.Flatten(), nn.Dropout(0.5), ")
    assert code != GAN
    architecture = f"{write_code(tmp_path, code)}:pair"
    check_resumed(replace(config, architecture=architecture), tmp_path, monkeypatch, 6)
