import importlib.util
import json

import numpy as np
import onnxruntime
import pytest
import torch

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.models import ARCHITECTURES
from palingen.gan.onnx_export import write_onnx
from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.gan.sampling.latents import append_one_hot, generate, sample_latents
from palingen.runtime.errors import PalingenError


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_another_runtime_generates_the_same_images_for_any_batch_size(architecture, conditional, tmp_path):
    config = GanConfig(architecture=architecture, conditional=conditional, latent_dim=16)
    generator = PretrainedGenerator("untrained", build_networks(config)[0].eval(), config, tmp_path)
    write_onnx(generator, tmp_path / "generator.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    for count in (1, 7, 64):
        labels = torch.arange(count) % 10 if conditional else None
        inputs = append_one_hot(sample_latents(count, 16, 0), labels, generator.num_classes)
        (images,) = session.run(["images"], {"latents": inputs.numpy()})
        np.testing.assert_allclose(images, generate(generator.generator, inputs).numpy(), atol=1e-5)


def test_images_of_a_generator_without_tanh_are_exported_in_the_range_in_which_they_are_sampled(tmp_path):
    config = GanConfig(architecture="residual", generator_output="linear", latent_dim=16)
    generator = PretrainedGenerator("untrained", build_networks(config)[0].eval(), config, tmp_path)
    latents = sample_latents(7, 16, 0)
    assert generator.generator(latents).min() < -1.1
    write_onnx(generator, tmp_path / "generator.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    (images,) = session.run(["images"], {"latents": latents.numpy()})
    np.testing.assert_allclose(images, generate(generator.generator, latents).numpy(), atol=1e-5)


def test_the_command_exports_the_shipped_generator_as_a_single_file(palingen, tmp_path):
    run = palingen("gan", "export", "pretrained:course", "--format", "onnx", "--out", "out", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["files"] == ["out/generator.onnx"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["generator.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "out" / "generator.onnx")
    latents = sample_latents(5, 100, 0)
    (images,) = session.run(None, {"latents": latents.numpy()})
    np.testing.assert_allclose(images, generate(load_generator("course").generator, latents).numpy(), atol=1e-5)


@pytest.mark.parametrize("missing", [("onnx",), ("onnxscript",), ("onnx", "onnxscript")])
def test_without_the_extra_the_missing_packages_and_the_remedy_are_named_in_one_line(tmp_path, monkeypatch, missing):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find_spec(name))
    message = rf"^ONNX export needs {' and '.join(missing)}: pip install 'palingen\[export\]'$"
    with pytest.raises(PalingenError, match=message):
        write_onnx(load_generator("course"), tmp_path / "generator.onnx")
