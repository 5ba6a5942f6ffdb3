"""Classifies images on the engine: with the whole network there, or one block, and the rest of it in numpy.

    from odenet_fpga import Classifier
    from devices import PynqDevice
    classifier = Classifier("q20.safetensors", "report.json", PynqDevice("engine.bit"))
    labels = classifier.predict(images)           # [N, 3, 32, 32] uint8 -> [N]
    logits = classifier.logits(images)            # every bit as `odenet eval --backend fixed`

report.json is that of the exported folder; it says what the engine computes, the contents that it must have, and of which
network it is.
"""
import json
from pathlib import Path

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
        device.write(registers.IMAGES_PER_PACKET, 1)  # outlives a reset

    def program_hash(self):
        return self.device.read(registers.HASH_HIGH) << 32 | self.device.read(registers.HASH_LOW)

    def reset(self):
        self.device.reset()

    def run(self, maps):
        """[N, C, H, W] int32 -> [N, C', H', W'] int32."""
        maps = np.asarray(maps, np.int32)
        if maps[0:1].size != self.in_size * len(maps[0:1]):
            raise ValueError(f"maps of {maps[0].size} activations, the engine takes {self.in_size}")
        results = np.empty((len(maps), *(self._out_shape or maps.shape[1:])), np.int32)
        self._require_no_fault()
        for image, result in zip(maps, results):
            try:
                words = self.device.transfer(image.reshape(-1), self.out_size)
            except DeviceError as error:
                raise DeviceError(f"{error}; {self._give_up()}") from error
            result[...] = words.reshape(result.shape)
        self._require_no_fault()
        return results

    def _require_no_fault(self):
        if self.device.read(registers.STATUS) & (registers.STATUS_FAULT | registers.STATUS_STREAM_ERROR):
            raise DeviceError(f"the engine reports an error: {self._give_up()}")

    def _give_up(self):
        """Resets the engine after an error, so that it can be used again; returns what it said before."""
        try:
            status = self.device.read(registers.STATUS)
            names = [name for name in ("BUSY", "DONE", "FAULT", "STREAM_ERROR")
                     if status & getattr(registers, "STATUS_" + name)]
            text = ", ".join([f"its STATUS was 0x{status:x}", *names])
        except DeviceError as error:
            text = f"nor can its STATUS be read: {error}"
        try:
            self.reset()
        except DeviceError as error:
            text += f"; it cannot be reset: {error}"
        return text

    def counters(self):
        """Of the last image."""
        return {name.lower(): self.device.read(getattr(registers, name))
                for name in ("LOAD_CYCLES", "COMPUTE_CYCLES", "STORE_CYCLES", "SATURATIONS")}

    def rewrite(self, folder):
        """Replaces weights and tables by those of another exported folder (its rom/ and report.json) of the same shape."""
        lanes = self.device.read(registers.LANES)
        if not lanes >> 16 & 1:
            raise DeviceError("the memories of this engine are read-only")
        folder = Path(folder)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        shape, program_hash = int(report["shape_hash"], 16), int(report["program_hash"], 16)
        if (found := self.device.read(registers.SHAPE)) != shape:
            raise DeviceError(f"the engine has another program or other parameters than {folder}, which cannot be rewritten: "
                              f"shape {found:08x}, expected {shape:08x}; load the bitstream of that export")
        weights, tables = report["memory_words"]["weights"], report["memory_words"]["tables"]
        memories = [(lane, f"weights_{lane:02}", weights) for lane in range(lanes & 0xFF)]
        memories += [(registers.MEMORY_TIME_BIAS, "time_bias", 9 * tables), (registers.MEMORY_SCALE, "scale", tables),
                     (registers.MEMORY_SHIFT, "shift", tables)]
        contents = {}
        for select, name, count in memories:  # all of it is read before anything is written
            file = folder / "rom" / f"{name}.hex"
            contents[select] = [int(line, 16) for line in file.read_text(encoding="ascii").split()]
            if len(contents[select]) != count:
                raise ValueError(f"{file}: {len(contents[select])} words, expected {count}")
        self.reset()
        if self.device.read(registers.STATUS) & registers.STATUS_BUSY:
            raise DeviceError("the engine is busy after a reset")
        self.device.write(registers.HASH_LOW, 0)
        self.device.write(registers.HASH_HIGH, 0)
        for select, words in contents.items():
            self.device.write(registers.MEMORY_SELECT, select)
            self.device.write(registers.MEMORY_ADDRESS, 0)
            for word in words:
                self.device.write(registers.MEMORY_DATA, word)
        self.device.write(registers.HASH_LOW, program_hash & 0xFFFFFFFF)
        self.device.write(registers.HASH_HIGH, program_hash >> 32)


class Classifier:
    def __init__(self, network, report, device):
        with open(report, encoding="utf-8") as file:
            report = json.load(file)
        self.network = IntegerNetwork.load(network)
        if self.network.crc32 != int(report["network_crc32"], 16):
            raise ValueError(f"{network} is not the network that was exported: its tensors' CRC-32 is "
                             f"{self.network.crc32:08x}, the report says {report['network_crc32']}")
        self.block = report.get("block")  # None: the engine computes everything
        self.accelerator = Accelerator(device, int(report["program_hash"], 16), report["output"])

    def logits(self, images):
        if self.block is None:
            return self.accelerator.run(self.network.input_activations(images)).reshape(len(images), self.accelerator.out_size)
        return self.network.run(images, replace={self.block: self.accelerator.run})

    def predict(self, images):
        return self.logits(images).argmax(axis=1)
