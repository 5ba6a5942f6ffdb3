"""Ways to reach an engine. Each has read(offset), write(offset, value), transfer(words, out_count): one image in, one out,
and reset(): of the engine and the way to it. All raise DeviceError; after one of transfer() only reset() helps.

    device = PynqDevice("engine.bit")                 # PYNQ-Z2, ZCU104, from a PYNQ image
    device = SocketDevice("/tmp/engine.socket")       # the simulated engine: make device
    device = SerialDevice("/dev/ttyUSB0")             # ecp5-85f
"""
import os
import socket
import struct
import time

import numpy as np

import registers


class DeviceError(Exception):
    pass


class Device:
    def reset(self):
        self.write(registers.CONTROL, registers.CONTROL_ENABLE | registers.CONTROL_RESET)


class ByteDevice(Device):
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
    """timeout: seconds of silence; a simulated engine may take minutes an image."""

    def __init__(self, path, timeout=600):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(path)

    def close(self):
        self._socket.close()

    def _send(self, data):
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise DeviceError(f"cannot send to the simulated engine: {error}") from error

    def _receive(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                part = self._socket.recv(count - len(data))
            except OSError as error:
                raise DeviceError(f"the simulated engine does not answer: {error}") from error
            if not part:
                raise DeviceError("the simulated engine has gone")
            data += part
        return bytes(data)


class SerialDevice(ByteDevice):
    """A serial line at one megabaud, raw."""

    def __init__(self, path):
        import termios
        self._termios = termios
        self._line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        settings = termios.tcgetattr(self._line)
        settings[0] = settings[1] = settings[3] = 0
        settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings[4] = settings[5] = termios.B1000000
        settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 100  # give up after ten seconds
        termios.tcsetattr(self._line, termios.TCSAFLUSH, settings)
        self._send_break()  # an earlier host may have ended in the middle of a transfer

    def close(self):
        os.close(self._line)

    def reset(self):
        self._send_break()
        super().reset()

    def _send_break(self):
        """Resets the board."""
        self._termios.tcsendbreak(self._line, 0)
        self._termios.tcflush(self._line, self._termios.TCIOFLUSH)

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


class PynqDevice(Device):
    """The design of boards/pynq-z2 or boards/zcu104 through PYNQ: registers by MMIO, maps by the AXI DMA.

    timeout: seconds of an image each way.
    """

    # Registers of the DMA (AMD PG021, "Direct Register Mode"): of both channels, and of stream to memory.
    _CONTROL, _STATUS, _TO_MEMORY, _LENGTH = 0x00, 0x04, 0x30, 0x28
    _RESET, _IDLE, _ERRORS = 0x4, 0x2, 0x70

    def __init__(self, bitstream, timeout=10):
        from pynq import Overlay, allocate
        self._allocate = allocate
        self._overlay = Overlay(bitstream)
        self._registers = self._overlay.engine.mmio
        self._dma = self._overlay.dma
        self._timeout = timeout
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
        self._wait(self._dma.sendchannel, 0, "send an image")
        self._wait(self._dma.recvchannel, self._TO_MEMORY, "receive an image")
        received = self._dma.mmio.read(self._TO_MEMORY + self._LENGTH)
        if received != target.nbytes:
            raise DeviceError(f"the DMA received {received} bytes of {target.nbytes}")
        return np.array(target)

    def reset(self):
        self._reset_dma()  # first, or the engine takes the rest of an image for the next one
        super().reset()
        # A word that the engine has offered stays offered. It is taken now, or it would be the next image's first one.
        self._dma.recvchannel.transfer(self._buffer("left", 1))
        time.sleep(0.001)
        self._reset_dma()

    def _reset_dma(self):
        self._dma.mmio.write(self._CONTROL, self._RESET)
        deadline = time.monotonic() + self._timeout
        while self._dma.mmio.read(self._CONTROL) & self._RESET:
            if time.monotonic() > deadline:
                raise DeviceError("the DMA's reset does not end")
        self._dma.sendchannel.start()
        self._dma.recvchannel.start()

    def _wait(self, channel, offset, what):
        deadline = time.monotonic() + self._timeout
        while True:
            late = time.monotonic() > deadline  # before the status: what has come in time counts
            status = self._dma.mmio.read(offset + self._STATUS)
            if status & self._ERRORS:
                raise DeviceError(f"the DMA cannot {what}: an error (status 0x{status:08x})")
            if status & self._IDLE:
                break
            if late:
                raise DeviceError(f"the DMA cannot {what}: it takes too long (status 0x{status:08x})")
        channel.wait()  # ends at once, and lets the processor see the buffer

    def _buffer(self, name, size):
        if name not in self._buffers:
            self._buffers[name] = self._allocate(shape=(size,), dtype=np.int32)
        return self._buffers[name]
