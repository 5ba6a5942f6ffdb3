"""The networks of odenet written down a second time, in PyTorch, as plainly as their definition.

    logits = ReferenceNetwork("best.safetensors").logits(images)     # uint8 [N, 3, 32, 32]

Nothing is shared with the C++ code but the checkpoint. In particular the time enters an ODEBlock's convolution as a
further input channel filled with t (before the others, zero-padded like them; of a separable convolution's pointwise
part), where odenet adds a bias.
"""

import json

import torch
from torch.nn import functional

import safetensors_file

NORM_EPSILON = 1e-5


class ReferenceNetwork:
    def __init__(self, path):
        arrays, metadata = safetensors_file.read(path)
        assert metadata["format"] == "odenet-checkpoint", metadata["format"]
        self.spec = json.loads(metadata["spec"])
        self.normalization = json.loads(metadata["normalization"])
        self.tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        self.used = set()

    def get(self, name):
        self.used.add(name)
        return self.tensors[name]

    def norm(self, x, name, execution=None):
        mean, var = self.get(name + ".running_mean"), self.get(name + ".running_var")
        if execution is not None:
            mean, var = mean[execution], var[execution]
        return functional.batch_norm(x, mean, var, self.get(name + ".weight"), self.get(name + ".bias"), eps=NORM_EPSILON)

    def conv(self, x, name, stride=1, t=None):
        if name + ".depthwise" in self.tensors:
            x = functional.conv2d(x, self.get(name + ".depthwise"), stride=stride, padding=1, groups=x.shape[1])
            stride = 1
        weight = self.get(name + ".weight")
        if t is not None:
            x = torch.cat([torch.full((x.shape[0], 1, *x.shape[2:]), t), x], dim=1)
            weight = torch.cat([self.get(name + ".time_weight"), weight], dim=1)
        return functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def shortcut(self, x, name, stride, channels):
        if name + ".shortcut.weight" in self.tensors:
            return self.norm(self.conv(x, name + ".shortcut", stride), name + ".shortcut.bn")
        x = x[:, :, ::stride, ::stride]
        return functional.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))

    def residual_block(self, x, name, stride, channels, skip):
        y = self.norm(self.conv(x, name + ".conv1", stride), name + ".bn1")
        if skip == "short":
            y = y + self.shortcut(x, name, stride, channels)
        y = self.norm(self.conv(torch.relu(y), name + ".conv2"), name + ".bn2")
        if skip == "full":
            y = y + self.shortcut(x, name, stride, channels)
        return torch.relu(y)

    def ode_block(self, z, name, executions):
        h = self.spec["end_time"] / executions
        for i in range(executions):
            f = self.conv(z, name + ".conv1", t=i * h)
            f = torch.relu(self.norm(f, name + ".bn1", i))
            f = self.conv(f, name + ".conv2", t=i * h)
            z = z + h * self.norm(f, name + ".bn2", i)
        return z

    @torch.no_grad()
    def logits(self, images):
        mean = torch.tensor(self.normalization["mean"]).view(1, 3, 1, 1)
        std = torch.tensor(self.normalization["std"]).view(1, 3, 1, 1)
        x = (images.float() / 255 - mean) / std
        x = torch.relu(self.norm(functional.conv2d(x, self.get("conv1.weight"), padding=1), "conv1.bn"))
        for stage in self.spec["stages"]:
            for block in range(stage["blocks"]):
                name = f"{stage['name']}.{block}"
                if stage["ode"]:
                    x = self.ode_block(x, name, stage["executions"])
                else:
                    stride = stage["stride"] if block == 0 else 1
                    skip = stage["skips"][block] if stage["skips"] else "full"
                    x = self.residual_block(x, name, stride, stage["channels"], skip)
        return functional.linear(x.mean(dim=(2, 3)), self.get("fc.weight"), self.get("fc.bias"))
