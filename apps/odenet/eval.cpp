#include "commands.h"
namespace odenet {
void add_eval(CLI::App&) {}
}
