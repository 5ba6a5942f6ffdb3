"""Runs an image on an engine that stops at an illegal instruction, prints the driver's error.

    python_fault_check.py DRIVER_FOLDER SOCKET
"""
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
from devices import DeviceError, SocketDevice  # noqa: E402
from odenet_fpga import Accelerator  # noqa: E402

accelerator = Accelerator(SocketDevice(sys.argv[2], timeout=1))
for _ in range(2):  # it can be used again, as far as it can be used
    try:
        accelerator.run(np.zeros((1, accelerator.in_size), np.int32))
        sys.exit("no error")
    except DeviceError as error:
        print(error)
