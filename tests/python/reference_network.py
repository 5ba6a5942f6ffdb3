"""The networks of odenet written down a second time, in PyTorch, as plainly as their definition.

    logits = ReferenceNetwork("best.safetensors").logits(images)     # uint8 [N, 3, 32, 32]

Nothing is shared with the C++ code but the checkpoint. In particular the time enters an ODEBlock's convolution as a
further input channel filled with t (before the others, zero-padded like them), where odenet adds a bias.
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

    def residual_block(self, x, name, stride, channels):
        y = functional.conv2d(x, self.get(name + ".conv1.weight"), stride=stride, padding=1)
        y = torch.relu(self.norm(y, name + ".bn1"))
        y = functional.conv2d(y, self.get(name + ".conv2.weight"), padding=1)
        y = self.norm(y, name + ".bn2")
        shortcut = x[:, :, ::stride, ::stride]
        missing = channels - x.shape[1]
        if missing:
            shortcut = torch.cat([shortcut, torch.zeros(x.shape[0], missing, *shortcut.shape[2:])], dim=1)
        return torch.relu(y + shortcut)

    def time_conv(self, z, t, name):
        time_plane = torch.full((z.shape[0], 1, *z.shape[2:]), t)
        weight = torch.cat([self.get(name + ".time_weight"), self.get(name + ".weight")], dim=1)
        return functional.conv2d(torch.cat([time_plane, z], dim=1), weight, padding=1)

    def ode_block(self, z, name, executions):
        h = self.spec["end_time"] / executions
        for i in range(executions):
            f = self.time_conv(z, i * h, name + ".conv1")
            f = torch.relu(self.norm(f, name + ".bn1", i))
            f = self.time_conv(f, i * h, name + ".conv2")
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
                    x = self.residual_block(x, name, stride, stage["channels"])
        return functional.linear(x.mean(dim=(2, 3)), self.get("fc.weight"), self.get("fc.bias"))
