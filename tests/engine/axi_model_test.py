"""The engine driven by a public model of the AXI buses, cocotbext-axi, in Icarus.

    axi_model_test.py FOLDER     # with the Verilog, golden.hex and input.hex of tests/engine/bench_folder.h

Exits with 77 where cocotb, cocotbext-axi or Icarus are not installed.
"""
import itertools
import os
import random
import shutil
import sys
from pathlib import Path

try:
    import cocotb
    from cocotb.clock import Clock
    from cocotb.triggers import RisingEdge
    from cocotbext.axi import (AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamFrame, AxiStreamSink,
                               AxiStreamSource)
    from cocotb_tools.runner import get_runner
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

IMAGES = 2


def read_words(name):
    return [int(line, 16) for line in Path(name).read_text().split()]


def to_bytes(words):
    return b"".join(word.to_bytes(4, "little") for word in words)


def pauses(seed):
    generator = random.Random(seed)
    return (generator.random() < 0.4 for _ in itertools.count())


@cocotb.test()
async def images_and_registers(dut):
    sys.path.insert(0, "driver")
    import registers

    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, dut.aresetn, False)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, False)
    control = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, False)
    for seed, channel in enumerate([source, sink, control.write_if.aw_channel, control.write_if.w_channel,
                                    control.write_if.b_channel, control.read_if.ar_channel,
                                    control.read_if.r_channel]):
        channel.set_pause_generator(pauses(seed))
    dut.aresetn.value = 0
    for _ in range(4):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1

    async def read(offset):
        return int.from_bytes((await control.read(offset, 4)).data, "little")

    assert await read(registers.ID) == registers.DEVICE_ID
    assert await read(registers.VERSION) == registers.DEVICE_VERSION
    assert (await control.read(0xF00, 4)).resp == AxiResp.SLVERR
    assert (await control.write(0xF00, bytes(4))).resp == AxiResp.SLVERR
    assert (await control.write(registers.CONTROL, bytes(2))).resp == AxiResp.SLVERR

    words, golden = read_words("input.hex"), read_words("golden.hex")
    size = await read(registers.IN_BEATS)
    assert size * IMAGES == len(words)
    # Both images in one transfer, the way a DMA sends a batch; each comes back as a packet of its own.
    await source.send(AxiStreamFrame(to_bytes(words)))
    for image in range(IMAGES):
        frame = await sink.recv()
        assert bytes(frame.tdata) == to_bytes(golden[image * size:(image + 1) * size]), f"image {image} differs"
    while await read(registers.STATUS) & registers.STATUS_BUSY:
        pass
    assert await read(registers.IMAGES) == IMAGES
    assert await read(registers.STATUS) == registers.STATUS_DONE


def main(folder):
    if shutil.which("iverilog") is None:
        print("skipped: iverilog is not installed")
        sys.exit(77)
    module = Path(__file__).resolve()
    os.chdir(folder)
    runner = get_runner("icarus")
    runner.build(sources=sorted(Path("rtl").glob("*.v")) + sorted(Path("axi").glob("*.v")), hdl_toplevel="axi_engine",
                 includes=[".", "rtl"], build_args=["-g2005"], build_dir="build/cocotb", always=True,
                 timescale=("1ns", "1ps"))
    # The simulation runs beside the ROM files.
    results = runner.test(hdl_toplevel="axi_engine", test_module=module.stem, test_dir=folder,
                          extra_env={"PYTHONPATH": str(module.parent)}, results_xml=str(Path(folder) / "results.xml"))
    text = Path(results).read_text()
    sys.exit(0 if "<failure" not in text and "<error" not in text and "testcase" in text else 1)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
