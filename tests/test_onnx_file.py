import importlib.util
import json

import numpy as np
import onnxruntime
import pytest
import torch

from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.latent import draw, draw_latents, with_classes
from palingen.adversarial.onnx_file import write_onnx
from palingen.adversarial.trained import Trained, load
from palingen.errors import PalingenError


@pytest.mark.parametrize("conditional", [False, True], ids=["", "conditional"])
@pytest.mark.parametrize("pair", ["mlp", "conv", "residual"])
def test_another_runtime_draws_the_same_images_for_any_batch(pair, conditional, tmp_path):
    config = GanRun(pair=pair, conditional=conditional, latent_dim=16)
    trained = Trained("new", networks(config)[0].eval(), config)
    write_onnx(trained, tmp_path / "generator.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    for count in (1, 7, 64):
        labels = torch.arange(count) % 10 if conditional else None
        inputs = with_classes(draw_latents(count, 16, 0), labels, config.classes)
        (images,) = session.run(["images"], {"latents": inputs.numpy()})
        np.testing.assert_allclose(images, draw(trained.generator, inputs).numpy(), atol=1e-5)


def test_the_command_exports_the_shipped_generator_in_one_file(palingen, tmp_path):
    run = palingen("gan", "export", "pretrained:course", "--format", "onnx", "--out", "out", "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["files"] == ["out/generator.onnx"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["generator.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "out" / "generator.onnx")
    latents = draw_latents(5, 100, 0)
    (images,) = session.run(None, {"latents": latents.numpy()})
    np.testing.assert_allclose(images, draw(load("course").generator, latents).numpy(), atol=1e-5)


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name))
    with pytest.raises(PalingenError, match=r"onnx missing: ONNX needs the extra, pip install 'palingen\[export\]'"):
        write_onnx(load("course"), tmp_path / "generator.onnx")
