#include "driver/device.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::driver {
namespace {

TEST(Device, NamesItsKinds) {
  EXPECT_EQ(device_kinds(), "socket:PATH, serial:PATH, uio");
  for (const char* name : {"", "usb:1", "socket", "socket:", "uio:1"})
    EXPECT_ERROR(open_device(name), "unknown device", "socket:PATH, serial:PATH, uio");
}

TEST(Device, SaysWhatCannotBeOpened) {
  const odenet::testing::TemporaryFolder folder;
  const std::string path = folder / "none";
  EXPECT_ERROR(open_device("socket:" + path), path, "make device");
  EXPECT_ERROR(open_device("serial:" + path), path, "No such file");
  EXPECT_ERROR(open_device("socket:" + std::string(200, 'x')), "at most 107 characters");
}

}  // namespace
}  // namespace odenet::driver
