"""The integer network of `odenet quantize` in numpy: equal to `odenet eval --backend fixed` in every bit.

    network = IntegerNetwork.load("quantized.safetensors")
    logits = network.run(images)                                        # [N, 3, H, W] uint8 -> [N, classes] int32
    logits = network.run(images, replace={"layer3_2.0": function})      # function: [N, C, H, W] int32 -> the same

Every product and sum is exact in int64: the network's weights keep all sums below 2^62.
"""
import json
import math
import struct
import zlib

import numpy as np

from solvers import TABLEAUS


def round_half_up(value, shift):
    return value if shift == 0 else (value + (1 << (shift - 1))) >> shift


def border_classes(height, width):
    """[H, W]: 3 * row class + column class of each pixel; 0 first, 1 inner, 2 last."""
    def classes(size):
        result = np.ones(size, np.int64)
        result[-1] = 2
        result[0] = 0
        return result
    return 3 * classes(height)[:, None] + classes(width)[None, :]


class IntegerNetwork:
    """crc32: of the tensors in the order of their names, as report.json of an exported folder has it."""

    def __init__(self, metadata, tensors):
        if metadata.get("format") != "odenet-q":
            raise ValueError(f"format {metadata.get('format')!r}, expected 'odenet-q', as written by `odenet quantize`")
        self.spec = json.loads(metadata["spec"])
        self.class_names = json.loads(metadata["class_names"])
        formats = json.loads(metadata["formats"])
        if not {"activation", "weight", "scale"} <= set(formats) <= {"activation", "weight", "scale", "sum"}:
            raise ValueError(f"number formats of {sorted(formats)}; this driver knows one each of activations, weights, "
                             "scales and sums")
        for stage in self.spec["stages"]:
            if stage.get("norm", "batch") not in ("batch", "instance"):
                raise ValueError(f"stage {stage['name']} has {stage['norm']} norms; this driver knows batch and instance "
                                 "norms")
            solver = stage.get("solver", "euler")
            if solver not in ("euler", "leapfrog", *TABLEAUS):
                raise ValueError(f"stage {stage['name']} is integrated by {solver}, which this driver does not know")
        self._online = {stage["name"] for stage in self.spec["stages"] if stage.get("norm") == "instance"}
        self._weight_fraction = formats["weight"]["fraction"]
        self._scale_fraction = formats["scale"]["fraction"]
        self._fraction = formats["activation"]["fraction"]
        self._width = formats["activation"]["width"]
        # Sums have no more fraction than the products.
        total = formats.get("sum", formats["activation"])
        self._sum_fraction = min(total["fraction"], self._fraction + self._weight_fraction)
        self._sum_width = total["width"]
        self._scale_limit = 1 << (formats["scale"]["width"] - 1)
        self._tensors = tensors
        self.crc32 = 0
        for name in sorted(tensors):
            self.crc32 = zlib.crc32(tensors[name].astype("<i4").tobytes(), self.crc32)

    @classmethod
    def load(cls, path):
        with open(path, "rb") as file:
            data = file.read()
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8:8 + length])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "I32":
                raise ValueError(f"{path}: tensor {name} is {entry['dtype']}, expected I32")
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + length + begin:8 + length + end], "<i4")
            tensors[name] = values.reshape(entry["shape"]).astype(np.int64)
        try:
            return cls(header.get("__metadata__", {}), tensors)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error

    def blocks(self):
        """(stage of the spec, name) of every block."""
        for stage in self.spec["stages"]:
            for index in range(stage["blocks"]):
                yield stage, f"{stage['name']}.{index}"

    def input_activations(self, images):
        """[N, C, H, W] uint8 -> the same, normalised: what conv1, or an engine with the whole network, gets."""
        images = np.asarray(images)
        shape = (self.spec["in_channels"], self.spec["height"], self.spec["width"])
        if images.ndim != 4 or images.shape[1:] != shape or images.dtype != np.uint8:
            raise ValueError(f"images are {images.dtype} {images.shape}, expected uint8 (N, {', '.join(map(str, shape))})")
        table = self._tensors["input_table"]
        return np.stack([table[channel][images[:, channel]] for channel in range(shape[0])], axis=1)

    def run(self, images, replace=None):
        replace = replace or {}
        unknown = set(replace) - {name for _, name in self.blocks()}
        if unknown:
            raise ValueError(f"no blocks {sorted(unknown)} in {self.spec['model']}")
        maps = self.input_activations(images)
        maps = np.maximum(self._norm("conv1.norm", self._convolve("conv1", maps, 1)), 0)
        for stage, name in self.blocks():
            if name in replace:
                maps = np.asarray(replace[name](maps.astype(np.int32))).astype(np.int64)
            else:
                maps = self._block(stage, name, maps)
        return self._classify(maps).astype(np.int32)

    @staticmethod
    def _clip(values, width):
        return np.clip(values, -(1 << (width - 1)), (1 << (width - 1)) - 1)

    def _saturate(self, values):
        return self._clip(values, self._width)

    def _convolve(self, name, x, stride, execution=0, depthwise=False):
        weight = self._tensors[name + ".weight"]
        kernel = weight.shape[2]
        count, channels, height, width = x.shape
        rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
        pad = kernel // 2
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        total = np.zeros((count, weight.shape[0], rows, columns), np.int64)
        for i in range(kernel):
            for j in range(kernel):
                tap = padded[:, :, i:i + stride * (rows - 1) + 1:stride, j:j + stride * (columns - 1) + 1:stride]
                if depthwise:
                    total += tap * weight[None, :, 0, i, j, None, None]
                else:
                    flat = tap.reshape(count, channels, rows * columns)
                    total += (weight[:, :, i, j] @ flat).reshape(total.shape)
        if depthwise:  # without a norm: an activation
            return self._saturate(round_half_up(total, self._weight_fraction))
        total = round_half_up(total, self._fraction + self._weight_fraction - self._sum_fraction)
        bias = self._tensors.get(name + ".time_bias")
        if bias is not None:
            by_class = bias[execution]  # [C, 9], or [C, 1] of 1x1 kernels
            classes = border_classes(rows, columns) if by_class.shape[1] == 9 else np.zeros((rows, columns), np.int64)
            total = total + by_class[:, classes]
        return self._clip(total, self._sum_width)

    def _norm(self, name, c, execution=0):
        scale = self._tensors[name + ".scale"][execution][:, None, None]
        shift = self._tensors[name + ".shift"][execution][:, None, None]
        if name.split(".")[0] in self._online:
            mean, scale = self._statistics(c, scale.ravel().tolist())
            c = self._clip(c - mean, self._sum_width)
        exact = c * scale + (shift << self._scale_fraction)
        return self._saturate(round_half_up(exact, self._sum_fraction + self._scale_fraction - self._fraction))

    def _statistics(self, c, gamma):
        """Mean and scale of every image's channels, [N, C, 1, 1]: an instance norm, as src/fixed/online_norm.h has it."""
        count, channels, height, width = c.shape
        pixels = height * width
        epsilon = max(1, math.floor(1e-5 * 4.0 ** self._sum_fraction + 0.5))
        means, scales = np.empty((2, count, channels, 1, 1), np.int64)
        for image, channel in np.ndindex(count, channels):
            values = c[image, channel].ravel().tolist()
            total, squares = sum(values), sum(value * value + epsilon for value in values)
            root = math.isqrt(pixels * squares - total * total)
            scale = (2 * (gamma[channel] * pixels << self._sum_fraction) + root) // (2 * root)  # // rounds down: halves go up
            means[image, channel] = (2 * total + pixels) // (2 * pixels)
            scales[image, channel] = min(max(scale, -self._scale_limit), self._scale_limit - 1)
        return means, scales

    def _body_convolution(self, stage, name, x, stride, execution):
        if stage.get("body", "plain") == "separable":
            x = self._convolve(name + ".depthwise", x, stride, depthwise=True)
            stride = 1
        return self._convolve(name, x, stride, execution)

    def _shortcut(self, name, x, stride, channels):
        if name + ".shortcut.weight" in self._tensors:
            return self._norm(name + ".shortcut.norm", self._convolve(name + ".shortcut", x, stride))
        x = x[:, :, ::stride, ::stride]
        return np.pad(x, ((0, 0), (0, channels - x.shape[1]), (0, 0), (0, 0)))

    def _block(self, stage, name, x):
        if stage["ode"]:
            return self._integrate(stage, name, x)
        stride = stage["stride"]
        skips = stage.get("skips", [])
        skip = skips[int(name.rsplit(".", 1)[1])] if skips else "full"
        for execution in range(stage["executions"]):
            a = self._norm(name + ".norm1", self._body_convolution(stage, name + ".conv1", x, stride, execution),
                           execution)
            if skip == "short":
                a = self._saturate(a + self._shortcut(name, x, stride, stage["channels"]))
            y = self._second_half(stage, name, a, execution)
            if skip == "full":
                y = self._saturate(y + self._shortcut(name, x, stride, stage["channels"]))
            x = np.maximum(y, 0)
        return x

    def _second_half(self, stage, name, a, execution):
        a = np.maximum(a, 0)
        return self._norm(name + ".norm2", self._body_convolution(stage, name + ".conv2", a, 1, execution), execution)

    def _integrate(self, stage, name, z):
        """The steps of an ODEBlock, as src/fixed/method.h has them."""
        solver, evaluations = stage.get("solver", "euler"), stage["executions"]

        def slope(x, evaluation):  # K
            a = self._body_convolution(stage, name + ".conv1", x, 1, evaluation)
            return self._second_half(stage, name, self._norm(name + ".norm1", a, evaluation), evaluation)

        def add(total, coefficients, slopes):
            for coefficient, k in zip(coefficients, slopes):
                value = math.floor(coefficient * (1 << self._scale_fraction) + 0.5)
                if value != 0:
                    total = self._saturate(total + self._saturate(round_half_up(k * value, self._scale_fraction)))
            return total

        if solver == "euler":
            for evaluation in range(evaluations):
                z = self._saturate(z + slope(z, evaluation))
        elif solver == "leapfrog":
            v = slope(z, 0)
            for evaluation in range(1, evaluations):
                z = self._saturate(z + round_half_up(v, 1))
                v = self._saturate(2 * slope(z, evaluation) - v)
                z = self._saturate(z + round_half_up(v, 1))
        else:
            a, b = TABLEAUS[solver]
            for first in range(0, evaluations, len(b)):
                slopes = []
                for row in a:
                    slopes.append(slope(add(z, row, slopes), first + len(slopes)))
                z = add(z, b, slopes)
        return z

    def _classify(self, maps):
        pixels = maps.shape[2] * maps.shape[3]
        pooled = (2 * maps.sum(axis=(2, 3)) + pixels) // (2 * pixels)  # // rounds down: halves go up
        sums = round_half_up(pooled @ self._tensors["fc.weight"].T,
                             self._fraction + self._weight_fraction - self._sum_fraction)
        return self._clip(sums + self._tensors["fc.bias"], self._sum_width)
