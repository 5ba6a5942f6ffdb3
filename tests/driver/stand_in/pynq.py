"""Stands in for PYNQ where there is no board: an overlay whose engine and DMA are the simulated device's.

The bitstream's name is the device's socket. Like PYNQ's, a DMA channel takes one transfer at a time, of buffers of
allocate() only, and waits only for one that was started; a reset of the DMA gives up both.
"""
import numpy as np

from devices import SocketDevice


class Buffer(np.ndarray):
    freed = False

    def freebuffer(self):
        assert not self.freed
        self.freed = True


def allocate(shape, dtype):
    return np.zeros(shape, dtype).view(Buffer)


class Channel:
    def __init__(self, dma):
        self._dma, self.buffer = dma, None

    def start(self):
        assert self.buffer is None

    def transfer(self, buffer):
        if self.buffer is not None:
            raise RuntimeError("DMA channel not idle")
        if not isinstance(buffer, Buffer) or buffer.freed:
            raise RuntimeError("no buffer of allocate()")
        self.buffer = buffer
        self._dma.run()

    def wait(self):
        if self.buffer is None:
            raise RuntimeError("DMA channel not started")
        if not self._dma.done:
            raise RuntimeError("waits for ever: the other channel was not started")
        self.buffer = None


class Dma:
    """Its registers are those of the manual, as far as the driver uses them."""

    def __init__(self, device):
        self._device, self.done, self.received, self.mmio = device, False, 0, self
        self.sendchannel, self.recvchannel = Channel(self), Channel(self)

    def run(self):
        source, target = self.sendchannel.buffer, self.recvchannel.buffer
        self.done = source is not None and target is not None
        if self.done:
            target[:] = self._device.transfer(source, target.size)
            self.received = target.nbytes

    def read(self, offset):
        return {0x00: 0, 0x04: 2 * self.done, 0x34: 2 * self.done, 0x58: self.received}[offset]

    def write(self, offset, value):
        assert (offset, value) == (0x00, 4)
        self.done = False
        self.sendchannel.buffer = self.recvchannel.buffer = None


class Overlay:
    def __init__(self, bitfile):
        device = SocketDevice(bitfile)
        self.dma = Dma(device)
        self.engine = type("Engine", (), {"mmio": device})
