"""Stands in for PYNQ where there is no board: an overlay whose engine and DMA are the simulated device's.

The bitstream's name is the device's socket. Like PYNQ's, a DMA channel takes one transfer at a time, of buffers of
allocate() only, and waits only for one that was started.
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
    def __init__(self, device):
        self._device, self.done = device, False
        self.sendchannel, self.recvchannel = Channel(self), Channel(self)

    def run(self):
        source, target = self.sendchannel.buffer, self.recvchannel.buffer
        self.done = source is not None and target is not None
        if self.done:
            target[:] = self._device.transfer(source, target.size)


class Overlay:
    def __init__(self, bitfile):
        device = SocketDevice(bitfile)
        self.dma = Dma(device)
        self.engine = type("Engine", (), {"mmio": device})
