"""Runs images through the Python driver and compares with the integer network's logits.

    python_driver_check.py DRIVER_FOLDER NETWORK IMAGES LOGITS [REPORT DEVICE]

IMAGES, LOGITS: raw bytes and 32-bit integers. With REPORT and DEVICE, one block runs on an engine: socket:PATH,
serial:PATH, or pynq:PATH, a socket behind a stand-in for PYNQ. Prints "equal: N images".
"""
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from integer_network import IntegerNetwork  # noqa: E402

network = IntegerNetwork.load(sys.argv[2])
spec = network.spec
images = np.fromfile(sys.argv[3], np.uint8).reshape(-1, spec["in_channels"], spec["height"], spec["width"])
expected = np.fromfile(sys.argv[4], "<i4").reshape(len(images), spec["classes"])
if len(sys.argv) > 5:
    from devices import DeviceError, PynqDevice, SerialDevice, SocketDevice
    from odenet_fpga import Accelerator, Classifier
    sys.path.append(str(Path(__file__).parent / "stand_in"))
    kind, path = sys.argv[6].split(":", 1)
    device = {"socket": SocketDevice, "serial": SerialDevice, "pynq": PynqDevice}[kind](path)
    classifier = Classifier(sys.argv[2], sys.argv[5], device)
    found = classifier.logits(images)
    assert (classifier.predict(images) == expected.argmax(axis=1)).all()
    assert classifier.predict(images[:0]).shape == (0,)
    print(classifier.accelerator.counters())
    wrong = Path("wrong-report.json")
    wrong.write_text(json.dumps(json.loads(Path(sys.argv[5]).read_text()) | {"network_crc32": "00000000"}))
    try:
        Classifier(sys.argv[2], wrong, device)
        sys.exit("the report of another network was accepted")
    except ValueError as error:
        assert "CRC-32" in str(error)
    try:
        Accelerator(classifier.accelerator.device, program_hash=1)
        sys.exit("another program's engine was accepted")
    except DeviceError as error:
        assert "rewrite" in str(error)
else:
    found = network.run(images)
    for key, change in (("format", "odenet-checkpoint"),
                        ("formats", json.dumps({"activation": {}})),
                        ("spec", json.dumps({"stages": [{"name": "layer1", "norm": "layer"}]})),
                        ("spec", json.dumps({"stages": [{"name": "layer1", "solver": "adams"}]}))):
        metadata = {"format": "odenet-q", "class_names": "[]", "spec": json.dumps(spec),
                    "formats": json.dumps(dict.fromkeys(["activation", "weight", "scale"], {"width": 32, "fraction": 20}))}
        metadata[key] = change
        try:
            IntegerNetwork(metadata, {})
            sys.exit(f"{change} was accepted")
        except ValueError:
            pass
if not (found == expected).all():
    sys.exit(f"{(found != expected).sum()} of {expected.size} logits differ")
print(f"equal: {len(images)} images")
