"""Finds the contents of the ROM files in a placed ECP5 design.

    check_roms.py rom engine.config [engine.json]

A memory of the design is cut into block RAMs by words and by bits. For each ROM file there must be a width of block RAM
(9, 18 or 36 bits) for which every cut of the file is the initial contents of some block RAM of the design; cuts of nothing
but zeros need none. With Yosys' netlist engine.json a memory that has no block RAM there lies in LUTs and is not looked for,
like the program, a few words.
"""
import json
import re
import sys
from pathlib import Path

CELLS = 2048  # of nine bits in a block RAM
WIDTHS = 9, 18, 36  # of a block RAM's words


def block_rams(path):
    """The initial contents of each block RAM: a tuple of 2048 nine-bit numbers."""
    found, current = set(), None
    for line in Path(path).read_text().splitlines():
        if line.startswith(".bram_init"):
            current = []
        elif current is not None:
            current += [int(word, 16) for word in line.split()]
            if len(current) == CELLS:
                found.add(tuple(current))
                current = None
    return found


def cuts(words, bits, width):
    """The block RAMs that a memory of these words becomes, `width` bits each of so many words."""
    depth, per_word = CELLS * 9 // width, width // 9
    for low in range(0, bits, width):
        for first in range(0, len(words), depth):
            cells = []
            for word in words[first:first + depth]:
                part = word >> low & (1 << min(width, bits - low)) - 1
                cells += [part >> 9 * i & 0x1FF for i in range(per_word)]
            yield tuple(cells + [0] * (CELLS - len(cells)))


def names_in(netlist):
    """The memories that have block RAMs in a netlist: "scale_rom", "weight_lane[3].weight_rom", ..."""
    cells = json.loads(Path(netlist).read_text())["modules"]["top"]["cells"]
    names = (re.search(r"(weight_lane\[\d+\]\.weight_rom|\w+_rom)\.memory\.\d+\.\d+$", name)
             for name, cell in cells.items() if cell["type"] == "DP16KD")
    return {name.group(1) for name in names if name}


def memory_of(file):
    """What hw/rtl/engine.v calls the memory of a file."""
    if file.stem.startswith("weights_"):
        return f"weight_lane[{int(file.stem[8:])}].weight_rom"
    return {"time_bias": "bias_rom"}.get(file.stem, f"{file.stem}_rom")


def main(folder, config, netlist=None):
    memories = block_rams(config)
    in_block_ram = names_in(netlist) if netlist else None
    files = sorted(Path(folder).glob("weights_*.hex")) + [Path(folder) / f"{name}.hex"
                                                          for name in ("time_bias", "scale", "shift")]
    bad = 0
    for file in files:
        if in_block_ram is not None and memory_of(file) not in in_block_ram:
            print(f"{file}: no block RAM, in LUTs")
            continue
        words = [int(line, 16) for line in file.read_text().split()]
        bits = 25 if file.name.startswith("weights") else 32
        missing = {width: sum(any(cut) and cut not in memories for cut in cuts(words, bits, width)) for width in WIDTHS}
        width = min(missing, key=missing.get)
        count = len(list(cuts(words, bits, width)))
        if missing[width]:
            bad += 1
            print(f"{file}: {missing[width]} of {count} block RAMs are not in {config}")
        else:
            print(f"{file}: {len(words)} words found in {count} block RAMs of {width} bits")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
