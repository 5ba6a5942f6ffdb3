"""Files written by odenet open in Python's `safetensors` package with the same values, and the other way round.

usage: safetensors_test.py ODENET
"""

import sys
import tempfile

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import safetensors_file
from odenet_cli import Odenet


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def rewrite(path, target):
    """Reads `path` with the package, compares with a reader of our own, and writes it with the package."""
    expected, expected_metadata = safetensors_file.read(path)
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata == expected_metadata, (metadata, expected_metadata)
    assert tensors.keys() == expected.keys()
    for name, values in tensors.items():
        assert same(values, expected[name]), name
    save_file(tensors, target, metadata)
    print(f"{path.name}: {len(tensors)} tensors, {sum(t.size for t in tensors.values())} values")


def main():
    with tempfile.TemporaryDirectory() as folder:
        odenet = Odenet(sys.argv[1], folder)
        run = odenet.train("biased-odenet-14")
        quantized = run / "q20.safetensors"
        odenet("quantize", run, "--out", quantized)
        for path, options in [(run / "last.safetensors", []), (quantized, ["--backend", "fixed"])]:
            copy = odenet.folder / f"copy-of-{path.name}"
            rewrite(path, copy)
            original, _ = odenet.logits(path, *options)
            again, _ = odenet.logits(copy, *options)
            assert numpy.isfinite(original).all()
            assert same(original, again), f"{path.name}: logits differ after the package wrote the file"


main()
