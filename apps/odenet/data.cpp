#include "commands.h"
namespace odenet {
void add_data(CLI::App&) {}
}
