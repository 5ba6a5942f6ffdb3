// odenet data: the data sets that are known.
#include <fmt/format.h>

#include "commands.h"
#include "core/error.h"
#include "data/cifar.h"
#include "data/dataset.h"

namespace odenet {

namespace {

void list() {
  for (const data::DatasetInfo& row : data::datasets())
    fmt::print("{:<10} {} ({} classes)\n{:<10} source: {}; licence: {}\n", row.name, row.help, row.classes, "",
               row.source, row.licence);
}

void write(const std::string& name, const std::string& out) {
  if (name != "sample")
    throw Error("data set '{}' cannot be written, only 'sample'; the others are files already", name);
  const auto train = data::load(name, "train", ""), test = data::load(name, "test", "");
  data::write_cifar10_format(train, test, out);
  fmt::print("{}: {} training and {} test images in CIFAR-10's binary format\n", out, train.size(), test.size());
}

}  // namespace

void add_data(CLI::App& app) {
  struct Options {
    std::string name, out;
  };
  auto* command = app.add_subcommand("data", "data sets");
  command->require_subcommand(1);
  command->add_subcommand("list", "names, classes, sources")->callback(list);
  auto* write_command = command->add_subcommand("write", "write the built-in sample set as files");
  auto options = std::make_shared<Options>();
  write_command->add_option("name", options->name, "sample")->required();
  write_command->add_option("--out", options->out, "new folder")->required();
  write_command->callback([options] { write(options->name, options->out); });
}

}  // namespace odenet
