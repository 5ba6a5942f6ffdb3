"""Finds the contents of the ROM files in a placed ECP5 design.

    check_roms.py rom engine.config

A memory of the design is cut into block RAMs by words and by bits. For each ROM file there must be a width of block RAM
(9 or 18 bits) for which every cut of the file is the initial contents of some block RAM of the design; cuts of nothing but
zeros need none. The program, a few words, lies in LUTs and is not looked for.
"""
import re
import sys
from pathlib import Path

CELLS = 2048  # of nine bits in a block RAM


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


def main(folder, config):
    memories = block_rams(config)
    files = sorted(Path(folder).glob("weights_*.hex")) + [Path(folder) / f"{name}.hex"
                                                          for name in ("time_bias", "scale", "shift")]
    bad = 0
    for file in files:
        words = [int(line, 16) for line in file.read_text().split()]
        bits = 25 if file.name.startswith("weights") else 32
        missing = {width: sum(any(cut) and cut not in memories for cut in cuts(words, bits, width)) for width in (9, 18)}
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
