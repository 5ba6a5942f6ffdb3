"""The odenet program as these tests use it."""

import pathlib
import subprocess

import numpy

import safetensors_file

IMAGES = 64  # compared per network


class Odenet:
    def __init__(self, program, folder):
        self.program = program
        self.folder = pathlib.Path(folder)

    def __call__(self, *arguments):
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")

    def train(self, model):
        """A few steps, so that weights and running statistics are no longer the initial ones. Returns the run folder."""
        run = self.folder / model
        self("train", "--model", model, "--dataset", "sample", "--epochs", 1, "--batch", 32, "--lr", 0.05,
             "--train-limit", 128, "--test-limit", 32, "--threads", 1, "--out", run)
        return run

    def logits(self, network, *options):
        """Logits [IMAGES, classes] and labels [IMAGES] of the first images of the test split."""
        file = self.folder / "logits.safetensors"
        self("eval", network, "--limit", IMAGES, "--threads", 1, "--logits", file, *options)
        tensors, _ = safetensors_file.read(file)
        return tensors["logits"], tensors["labels"]

    def sample_images(self):
        """The same images [IMAGES, 3, 32, 32] and labels, from the CIFAR-10 format."""
        folder = self.folder / "sample"
        self("data", "write", "sample", "--out", folder)
        records = numpy.fromfile(folder / "test_batch.bin", numpy.uint8).reshape(-1, 3073)[:IMAGES]
        return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
