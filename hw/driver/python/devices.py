"""Ways to reach an engine. Each has read(offset), write(offset, value) and transfer(words): one image in, one out.

    device = PynqDevice("engine.bit")                 # PYNQ-Z2, ZCU104, from a PYNQ image
    device = SocketDevice("/tmp/engine.socket")       # the simulated engine: make device
    device = SerialDevice("/dev/ttyUSB0")             # ecp5-85f
"""
import os
import socket
import struct

import numpy as np


class DeviceError(Exception):
    pass


class ByteDevice:
    """The protocol of hw/host/host_bridge.v."""

    def _send(self, data):
        raise NotImplementedError

    def _receive(self, count):
        raise NotImplementedError

    def read(self, offset):
        self._send(struct.pack("<cH", b"R", offset))
        response, value = struct.unpack("<BI", self._receive(5))
        self._check(response, "read", offset)
        return value

    def write(self, offset, value):
        self._send(struct.pack("<cHI", b"W", offset, value))
        self._check(self._receive(1)[0], "write", offset)

    def transfer(self, words, out_count):
        words = np.ascontiguousarray(words, "<i4")
        self._send(struct.pack("<cII", b"T", words.size, out_count) + words.tobytes())
        return np.frombuffer(self._receive(4 * out_count), "<i4")

    @staticmethod
    def _check(response, what, offset):
        if response != 0:
            raise DeviceError(f"the engine refused to {what} register 0x{offset:02x} (response {response})")


class SocketDevice(ByteDevice):
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def close(self):
        self._socket.close()

    def _send(self, data):
        self._socket.sendall(data)

    def _receive(self, count):
        data = bytearray()
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise DeviceError("the simulated engine has gone")
            data += part
        return bytes(data)


class SerialDevice(ByteDevice):
    """A serial line at one megabaud, raw."""

    def __init__(self, path):
        import termios
        self._line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        settings = termios.tcgetattr(self._line)
        settings[0] = settings[1] = settings[3] = 0
        settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings[4] = settings[5] = termios.B1000000
        settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 100  # give up after ten seconds
        termios.tcsetattr(self._line, termios.TCSAFLUSH, settings)

    def close(self):
        os.close(self._line)

    def _send(self, data):
        while data:
            data = data[os.write(self._line, data):]

    def _receive(self, count):
        data = bytearray()
        while len(data) < count:
            part = os.read(self._line, count - len(data))
            if not part:
                raise DeviceError("the board does not answer")
            data += part
        return bytes(data)


class PynqDevice:
    """The design of boards/pynq-z2 or boards/zcu104 through PYNQ: registers by MMIO, maps by the AXI DMA."""

    def __init__(self, bitstream):
        from pynq import Overlay, allocate
        self._allocate = allocate
        self._overlay = Overlay(bitstream)
        self._registers = self._overlay.engine.mmio
        self._dma = self._overlay.dma
        self._buffers = {}

    def close(self):
        for buffer in self._buffers.values():
            buffer.freebuffer()

    def read(self, offset):
        return self._registers.read(offset)

    def write(self, offset, value):
        self._registers.write(offset, value)

    def transfer(self, words, out_count):
        source, target = self._buffer("in", words.size), self._buffer("out", out_count)
        source[:] = np.asarray(words, np.int32).reshape(-1)
        self._dma.recvchannel.transfer(target)
        self._dma.sendchannel.transfer(source)
        self._dma.sendchannel.wait()
        self._dma.recvchannel.wait()
        return np.array(target)

    def _buffer(self, name, size):
        if name not in self._buffers:
            self._buffers[name] = self._allocate(shape=(size,), dtype=np.int32)
        return self._buffers[name]
