"""Logits of `odenet eval` against the same networks written in PyTorch (reference_network.py), for every family.

usage: reference_test.py ODENET
"""

import sys
import tempfile

import numpy
import torch

from odenet_cli import IMAGES, Odenet
from reference_network import ReferenceNetwork

MODELS = ["resnet-20", "biased-odenet-20", "odenet-14", "mixed-odenet-14", "rodenet-1-14", "rodenet-2-14",
          "rodenet-1+2-20", "resnet-b-14", "short-resnet-14", "short-resnet-b-14", "nonresnet-14", "dsodenet-14",
          "dsodenet-s2-14"]
TOLERANCE = 1e-4  # float32 sums in different orders; logits are of the order of 1


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        odenet = Odenet(sys.argv[1], folder)
        images, labels = odenet.sample_images()
        failures = 0
        for model in MODELS:
            checkpoint = odenet.train(model) / "last.safetensors"
            found, found_labels = odenet.logits(checkpoint)
            network = ReferenceNetwork(checkpoint)
            expected = network.logits(torch.from_numpy(images.copy())).numpy()
            assert found.shape == expected.shape == (IMAGES, 10), (found.shape, expected.shape)
            assert (found_labels == labels).all(), "not the same images"
            assert network.used == set(network.tensors), f"not used: {set(network.tensors) - network.used}"
            assert expected.std(axis=0).max() > 0.01, "logits hardly depend on the image: nothing would be noticed"
            difference = numpy.abs(found - expected).max()
            failures += not difference <= TOLERANCE  # NaN fails
            print(f"{model:18} largest logit {numpy.abs(expected).max():7.3f}, largest difference {difference:.2g}")
        if failures:
            sys.exit(f"{failures} networks differ by more than {TOLERANCE}")


main()
