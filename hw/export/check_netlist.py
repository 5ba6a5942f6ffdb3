"""Finds the contents of the ROM files in the block RAMs of a synthesised engine.

    check_netlist.py rom netlist.v

Synthesis cuts a ROM into block RAMs by addresses and bits, leaves out constant bits and equal ones, and renames the rest.
So every bit of every stretch of addresses, a column, must be one of the columns in the block RAMs named after that ROM,
or constant. A ROM without a block RAM, a small one, lies in LUTs and is not looked for.
"""
import re
import sys
from pathlib import Path

ROMS = {"time_bias": ("bias_rom", 32), "scale": ("scale_rom", 32), "shift": ("shift_rom", 32)}


def block_rams(path):
    """Name of the memory -> [(words, columns)]: a column is the integer whose bit i is the bit of word i."""
    memories = {}
    cells = re.findall(r"^  RAMB(18|36)E1 #\((.*?)^  \) \\?(\S+)", path.read_text(), re.M | re.S)
    for kilobits, parameters, cell in cells:
        name = re.search(r"(weight_lane\[\d+\]\.weight_rom|\w+_rom)\.memory\.\d+\.\d+$", cell)
        if not name:  # of a map
            continue
        width = max(int(width) for width in re.findall(r"\.READ_WIDTH_[AB]\(32'\w*d(\w+)\)", parameters))
        data, parity = 0, 0
        for kind, index, base, digits in re.findall(r"\.INIT(P?)_(\w\w)\(256'([hb])(\w+)\)", parameters):
            value = int(digits.replace("x", "0"), 16 if base == "h" else 2) << 256 * int(index, 16)
            if kind:
                parity |= value
            else:
                data |= value
        size = int(kilobits) // 9 * 8192  # data bits
        if width >= 9:  # nine bits a byte, the ninth one apart
            stride, ninths = width // 9 * 8, width // 9
            sources = [(data, stride, i) for i in range(stride)] + [(parity, ninths, i) for i in range(ninths)]
        else:
            stride = width
            sources = [(data, width, i) for i in range(width)]
        words = size // stride
        columns = {column(bits, step, first, words) for bits, step, first in sources}
        memories.setdefault(name.group(1), []).append((words, columns))
    return memories


def column(bits, step, first, words):
    text = format(bits, "b").zfill(step * words)[::-1][first::step][:words]
    return int(text[::-1], 2)


def check(file, words, bits, cells):
    depth = max(words for words, _ in cells)
    if any(words != depth for words, _ in cells):
        return f"its {len(cells)} block RAMs have several depths: not understood", 1
    known = set().union(*(columns for _, columns in cells))
    missing = 0
    for start in range(0, len(words), depth):
        part = words[start:start + depth]
        if len(part) < depth:
            known = {value & (1 << len(part)) - 1 for value in known}
        for bit in range(bits):
            value = int("".join("1" if word >> bit & 1 else "0" for word in reversed(part)), 2)
            if value not in (0, (1 << len(part)) - 1) and value not in known:
                missing += 1
    count = -(-len(words) // depth) * bits
    return f"{len(words)} words in {len(cells)} block RAMs, {count - missing} of {count} columns found", missing


def main(folder, netlist):
    memories = block_rams(Path(netlist))
    bad = 0
    for file in sorted(Path(folder).glob("*.hex")):
        if file.stem == "program":
            continue
        if file.stem.startswith("weights_"):
            name, bits = f"weight_lane[{int(file.stem[8:])}].weight_rom", 25
        else:
            name, bits = ROMS[file.stem]
        if name not in memories:
            print(f"{file}: no block RAM, in LUTs")
            continue
        words = [int(line, 16) for line in file.read_text().split()]
        text, missing = check(file, words, bits, memories[name])
        bad += missing
        print(f"{file}: {text}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
