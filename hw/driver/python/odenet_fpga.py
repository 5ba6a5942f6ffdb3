"""Classifies images on the engine: with the whole network there, or one block, and the rest of it in numpy.

    from odenet_fpga import Classifier
    from devices import PynqDevice
    classifier = Classifier("q20.safetensors", "report.json", PynqDevice("engine.bit"))
    labels = classifier.predict(images)           # [N, 3, 32, 32] uint8 -> [N]
    logits = classifier.logits(images)            # every bit as `odenet eval --backend fixed`

report.json is that of the exported folder; it says what the engine computes, and the contents that it must have.
"""
import json

import numpy as np

import registers
from devices import DeviceError
from integer_network import IntegerNetwork


class Accelerator:
    """The engine itself: maps in, maps out."""

    def __init__(self, device, program_hash=None, out_shape=None):
        self.device = device
        self._out_shape = out_shape  # [C, H, W]; None: that of the images
        found = device.read(registers.ID)
        if found != registers.DEVICE_ID:
            raise DeviceError(f"no engine there: ID is 0x{found:08x}, expected 0x{registers.DEVICE_ID:08x}")
        version = device.read(registers.VERSION)
        if version >> 16 != registers.DEVICE_VERSION >> 16:
            raise DeviceError(f"interface version {version >> 16}, this driver knows {registers.DEVICE_VERSION >> 16}")
        self.in_size, self.out_size = device.read(registers.IN_BEATS), device.read(registers.OUT_BEATS)
        if program_hash is not None and self.program_hash() != program_hash:
            raise DeviceError(f"the engine holds program {self.program_hash():016x}, expected {program_hash:016x}; "
                              "load the bitstream of this export, or rewrite() its weights")
        self.reset()

    def program_hash(self):
        return self.device.read(registers.HASH_HIGH) << 32 | self.device.read(registers.HASH_LOW)

    def reset(self):
        self.device.write(registers.CONTROL, registers.CONTROL_ENABLE | registers.CONTROL_RESET)

    def run(self, maps):
        """[N, C, H, W] int32 -> [N, C', H', W'] int32."""
        maps = np.asarray(maps, np.int32)
        if maps[0].size != self.in_size:
            raise ValueError(f"maps of {maps[0].size} activations, the engine takes {self.in_size}")
        results = [self.device.transfer(image.reshape(-1), self.out_size) for image in maps]
        status = self.device.read(registers.STATUS)
        if status & (registers.STATUS_FAULT | registers.STATUS_STREAM_ERROR):
            raise DeviceError(f"the engine reports an error: STATUS is 0x{status:x}")
        return np.stack(results).reshape(len(maps), *(self._out_shape or maps.shape[1:]))

    def counters(self):
        """Of the last image."""
        return {name.lower(): self.device.read(getattr(registers, name))
                for name in ("LOAD_CYCLES", "COMPUTE_CYCLES", "STORE_CYCLES", "SATURATIONS")}

    def rewrite(self, rom_folder, program_hash):
        """Replaces weights and tables by those of another export of the same shape (its rom/ and report.json)."""
        lanes = self.device.read(registers.LANES)
        if not lanes >> 16 & 1:
            raise DeviceError("the memories of this engine are read-only")
        memories = [(lane, f"weights_{lane:02}.hex") for lane in range(lanes & 0xFF)]
        memories += [(registers.MEMORY_TIME_BIAS, "time_bias.hex"), (registers.MEMORY_SCALE, "scale.hex"),
                     (registers.MEMORY_SHIFT, "shift.hex")]
        self.device.write(registers.HASH_LOW, 0)
        self.device.write(registers.HASH_HIGH, 0)
        for select, name in memories:
            self.device.write(registers.MEMORY_SELECT, select)
            self.device.write(registers.MEMORY_ADDRESS, 0)
            with open(f"{rom_folder}/{name}", encoding="ascii") as file:
                for line in file:
                    self.device.write(registers.MEMORY_DATA, int(line, 16))
        self.device.write(registers.HASH_LOW, program_hash & 0xFFFFFFFF)
        self.device.write(registers.HASH_HIGH, program_hash >> 32)


class Classifier:
    def __init__(self, network, report, device):
        with open(report, encoding="utf-8") as file:
            report = json.load(file)
        self.network = IntegerNetwork.load(network)
        self.block = report.get("block")  # None: the engine computes everything
        self.accelerator = Accelerator(device, int(report["program_hash"], 16), report["output"])

    def logits(self, images):
        if self.block is None:
            return self.accelerator.run(self.network.input_activations(images)).reshape(len(images), -1)
        return self.network.run(images, replace={self.block: self.accelerator.run})

    def predict(self, images):
        return self.logits(images).argmax(axis=1)
