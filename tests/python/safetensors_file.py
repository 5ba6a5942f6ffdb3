"""A reader of safetensors files in a few lines, independent of odenet's and of the `safetensors` package."""

import json
import struct

import numpy

DTYPES = {"U8": "u1", "I32": "<i4", "I64": "<i8", "F32": "<f4", "F64": "<f8"}


def read(path):
    """Returns ({name: array}, metadata)."""
    with open(path, "rb") as file:
        raw = file.read()
    (header_size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + header_size])
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        begin, end = (8 + header_size + offset for offset in entry["data_offsets"])
        arrays[name] = numpy.frombuffer(raw[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata
