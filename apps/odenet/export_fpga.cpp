#include "commands.h"
namespace odenet {
void add_export_fpga(CLI::App&) {}
}
