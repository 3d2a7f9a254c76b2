import pytest
import torch

from palingen.gan.models import ARCHITECTURES


@pytest.mark.parametrize(("channels", "num_classes"), [(1, 0), (1, 10), (3, 0)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_latents_become_images_and_images_become_a_logit_for_each_class(architecture, channels, num_classes):
    generator, discriminator = ARCHITECTURES[architecture](16, 1e-5, channels, num_classes)
    images = generator(torch.randn(4, 16 + num_classes) * 10)
    assert images.shape == (4, channels, 28, 28)
    assert -1 <= images.min() < images.max() <= 1
    assert images.std() > 0.01
    assert discriminator(images).shape == ((4, num_classes) if num_classes else (4,))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_discriminator_treats_every_image_of_a_batch_independently(architecture):
    _, discriminator = ARCHITECTURES[architecture](16, 1e-5, 1, 0)
    images = torch.rand(5, 1, 28, 28).double() * 2 - 1
    discriminator.double().train()
    one_at_a_time = torch.cat([discriminator(image.unsqueeze(0)) for image in images])
    torch.testing.assert_close(discriminator(images), one_at_a_time)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_has_a_gradient(architecture):
    torch.manual_seed(0)
    inputs = torch.randn(4, 8), torch.rand(4, 1, 28, 28)
    for network, values in zip(ARCHITECTURES[architecture](8, 1e-5, 1, 0), inputs, strict=True):
        for parameter in network.parameters():
            parameter.data += 0.01 * torch.randn_like(parameter)
        network(values).square().sum().backward()
        unused = [
            name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
        ]
        assert unused == []
