#include "driver/device.h"

#include "core/error.h"
#include "driver/byte_device.h"
#include "driver/uio_device.h"
#include "engine/registers.h"

namespace odenet::driver {
namespace {

std::unique_ptr<Device> open_socket(const std::string& path) {
  return std::make_unique<ByteDevice>(connect_socket(path), path);
}
std::unique_ptr<Device> open_serial(const std::string& path) {
  return std::make_unique<ByteDevice>(open_serial_line(path), path);
}
std::unique_ptr<Device> open_uio(const std::string&) { return std::make_unique<UioDevice>(); }

struct Kind {
  const char* name;
  const char* argument;  // empty: none
  std::unique_ptr<Device> (*open)(const std::string& argument);
};
constexpr Kind kKinds[] = {{"socket", "PATH", open_socket}, {"serial", "PATH", open_serial}, {"uio", "", open_uio}};

}  // namespace

void Device::reset() { write(engine::reg::kControl, engine::kControlEnable | engine::kControlReset); }

std::string device_kinds() {
  std::string text;
  for (const Kind& kind : kKinds)
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", kind.name, *kind.argument ? ":" : "", kind.argument);
  return text;
}

std::unique_ptr<Device> open_device(const std::string& name) {
  const size_t colon = name.find(':');
  const std::string argument = colon == std::string::npos ? "" : name.substr(colon + 1);
  for (const Kind& kind : kKinds)
    if (name.substr(0, colon) == kind.name && (*kind.argument != '\0') == !argument.empty()) return kind.open(argument);
  throw Error("unknown device '{}', expected one of {}", name, device_kinds());
}

}  // namespace odenet::driver
