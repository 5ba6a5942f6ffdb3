#!/usr/bin/env python3
"""The training step of an ODENet in PyTorch with torchdiffeq, timed as `bench training` times its own.

    python3 apps/bench/torchdiffeq_step.py [--batch 128] [--steps 10]

ODENet-20: three ODEBlocks, each integrated with Euler's method through torchdiffeq's odeint (exact gradients, no
adjoint), the time as a plane that is concatenated to the input of each convolution. Says so and ends where torch or
torchdiffeq is missing.
"""
import argparse
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torchdiffeq import odeint
except ImportError as missing:
    sys.exit(f"{missing.name} is not installed: python3 -m pip install torch torchdiffeq")


class TimeConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels + 1, channels, 3, padding=1, bias=False)

    def forward(self, t, x):
        return self.conv(torch.cat([torch.ones_like(x[:, :1]) * t, x], 1))


class Field(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = TimeConv(channels), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = TimeConv(channels), nn.BatchNorm2d(channels)

    def forward(self, t, z):
        return self.bn2(self.conv2(t, torch.relu(self.bn1(self.conv1(t, z)))))


class OdeBlock(nn.Module):
    def __init__(self, channels, steps):
        super().__init__()
        self.field, self.times = Field(channels), torch.linspace(0, 1, steps + 1)

    def forward(self, z):
        return odeint(self.field, z, self.times, method="euler")[-1]


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * channels)
        self.conv2, self.bn2 = nn.Conv2d(2 * channels, 2 * channels, 3, 1, 1, bias=False), nn.BatchNorm2d(2 * channels)

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1])))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--steps", type=int, default=10)
    options = arguments.parse_args()
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), OdeBlock(16, 3),
        Downsample(16), OdeBlock(32, 2), Downsample(32), OdeBlock(64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images, labels = torch.randn(options.batch, 3, 32, 32), torch.randint(10, (options.batch,))
    seconds = []
    for _ in range(options.steps + 2):
        start = time.perf_counter()
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), labels, label_smoothing=0.1).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    speed = options.batch / statistics.median(seconds[2:])
    print(f"odenet-20 with torchdiffeq, torch {torch.__version__}, {torch.get_num_threads()} threads: {speed:.0f} images/s")


main()
