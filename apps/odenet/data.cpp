// odenet data: what data sets there are, and getting, checking and looking at them.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "commands.h"
#include "core/duration.h"
#include "core/error.h"
#include "core/file.h"
#include "data/cifar.h"
#include "data/dataset.h"
#include "data/download.h"
#include "data/preview.h"
#include "data/verify.h"
#include "dynamics/system.h"
#include "progress_line.h"

namespace odenet {

namespace {

struct DataOptions {
  std::string name, data_dir = "data", out;
  std::string from, mirror;     // download
  std::string split = "train";  // preview
  int count = 10;
  bool augmented = false;
  int cutout = 0;
  double mixup = 0;
  uint64_t seed = 1;
};

size_t total(const std::vector<size_t>& counts) { return std::accumulate(counts.begin(), counts.end(), size_t{0}); }

void list() {
  for (const data::DatasetInfo& row : data::datasets()) {
    const auto& mean = row.normalization.mean;
    const auto& deviation = row.normalization.std;
    fmt::print("{:<16} {}\n", row.name, row.help);
    fmt::print("{:<16} {} classes, {} + {} images; augmented by crop{}\n", "", row.classes, total(row.train_counts),
               total(row.test_counts), row.augmentation.flip ? " and flip" : ", not flipped");
    fmt::print("{:<16} mean {:.4f} {:.4f} {:.4f}, standard deviation {:.4f} {:.4f} {:.4f}\n", "", mean[0], mean[1],
               mean[2], deviation[0], deviation[1], deviation[2]);
    fmt::print("{:<16} source: {}; licence: {}\n", "", row.source, row.licence);
    if (!row.built_in()) fmt::print("{:<16} files: DATA_DIR/{}/\n", "", row.folder);
  }
  for (const dynamics::System& system : dynamics::systems())
    fmt::print("{:<16} dynamic system, generated: {}\n", system.name, system.help);
}

std::string describe(const data::SplitCheck& split) {
  const auto& counts = split.found;
  const size_t images = total(counts), expected = total(split.expected);
  if (split.sound()) {
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return fmt::format("{} images of {} classes, {} of each: as published", images, counts.size(),
                       *least == *most ? fmt::format("{}", *least) : fmt::format("{} to {}", *least, *most));
  }
  for (size_t label = 0; label < counts.size(); ++label)
    if (counts[label] != split.expected[label])
      return fmt::format("{} images, published are {}; {} of class {}, published are {}", images, expected,
                         counts[label], label, split.expected[label]);
  return {};
}

void verify(const DataOptions& options) {
  const data::DatasetInfo& info = data::find_dataset(options.name);
  const data::Verification verification = data::verify(info, options.data_dir);
  for (const data::FileCheck& file : verification.files) {
    using enum data::FileCheck::Result;
    const std::string verdict = file.result == Official ? "checksum as published"
                                : file.result == NoChecksum
                                    ? "no checksum known"
                                    : fmt::format("{}, published is {}", file.found, file.expected);
    fmt::print("{}: {} bytes, {}\n", file.path.string(), file.bytes, verdict);
  }
  for (const data::SplitCheck& split : verification.splits) fmt::print("{}: {}\n", split.split, describe(split));
  if (!verification.sound())
    throw Error("{} in {} is not the published data set; {}", info.name, options.data_dir,
                data::how_to_replace(info, verification, options.data_dir));
  if (const size_t unlike = verification.files_unlike(); unlike > 0)
    fmt::print("{} is sound, but {} of its files differ from the published ones in some bytes: results may, too\n",
               info.name, unlike);
  else
    fmt::print("{} is sound\n", info.name);
}

void download(const DataOptions& options) {
  const data::DatasetInfo& info = data::find_dataset(options.name);
  ProgressLine line;
  data::DownloadOptions how{.from = options.from, .mirror = options.mirror};
  how.on_progress = [&](const data::DownloadProgress& p) {
    line.show(p.bytes == p.total, [&] {
      const double left = static_cast<double>(p.total - std::min(p.bytes, p.total));
      return fmt::format(
          "{}: {:.1f} of {} MB, {:.2f} MB/s{}", p.file, static_cast<double>(p.bytes) / 1e6,
          p.total > 0 ? fmt::format("{:.1f}", static_cast<double>(p.total) / 1e6) : "?", p.bytes_per_second / 1e6,
          p.total > 0 && p.bytes_per_second > 0 ? fmt::format(", {} left", duration(left / p.bytes_per_second)) : "");
    });
  };
  how.on_event = [&](const std::string& event) {
    line.clear();
    fmt::print(stderr, "{}\n", event);
  };
  const bool fetched = data::download_dataset(info, options.data_dir, how);
  line.clear();
  fmt::print("{}: {} {}\n", info.name, fetched ? "now in" : "was already in", options.data_dir);
  verify(options);
}

void preview(const DataOptions& options) {
  const data::DatasetInfo& info = data::find_dataset(options.name);
  data::Augmentation augment;
  if (options.augmented) augment = info.augmentation;
  augment.cutout = options.cutout;
  augment.mixup_alpha = options.mixup;
  const data::Dataset dataset = data::load(options.name, options.split, options.data_dir);
  const data::Picture sheet =
      data::preview(dataset, {.count = options.count,
                              .augment = augment,
                              .normalization = info.normalization,
                              .seed = options.seed,
                              .title = fmt::format("{} {}{}", options.name, options.split,
                                                   augment == data::Augmentation{} ? "" : ", augmented")});
  write_file(options.out, data::encode_png(sheet));
  fmt::print("{}: {} x {} pixels, up to {} images of each of {} classes\n", options.out, sheet.width, sheet.height,
             options.count, dataset.classes);
}

void write(const DataOptions& options) {
  if (options.name != "sample")
    throw Error("data set '{}' cannot be written, only 'sample'; the others are files already", options.name);
  const auto train = data::load(options.name, "train", ""), test = data::load(options.name, "test", "");
  data::write_cifar10_format(train, test, options.out);
  fmt::print("{}: {} training and {} test images in CIFAR-10's binary format\n", options.out, train.size(),
             test.size());
}

// A subcommand with the argument NAME.
CLI::App* add_command(CLI::App& command, const std::string& name, const std::string& help,
                      const std::shared_ptr<DataOptions>& options, void (*run)(const DataOptions&)) {
  CLI::App* const sub = command.add_subcommand(name, help);
  sub->add_option("name", options->name, "data set; 'odenet data list' has the names")->required();
  sub->callback([options, run] { run(*options); });
  return sub;
}

void add_data_dir(CLI::App& sub, DataOptions& options) {
  sub.add_option("--data-dir", options.data_dir, "folder of the data sets' files")->capture_default_str();
}

}  // namespace

void add_data(CLI::App& app) {
  auto* command = app.add_subcommand("data", "data sets");
  command->require_subcommand(1);
  const auto options = std::make_shared<DataOptions>();
  command->add_subcommand("list", "names, classes, normalisation, sources, licences")->callback(list);

  auto* get = add_command(*command, "download", "get a data set from its sources, and verify it", options, download);
  add_data_dir(*get, *options);
  get->add_option("--from", options->from, "local copy: the file to download, or a folder with the files");
  get->add_option("--mirror", options->mirror, "URL of a folder with the files, in place of the known sources");

  add_data_dir(*add_command(*command, "verify", "check sizes, checksums and the images of each class", options, verify),
               *options);

  auto* show = add_command(*command, "preview", "a sheet of labelled images as PNG", options, preview);
  add_data_dir(*show, *options);
  show->add_option("--out", options->out, "PNG file")->required();
  show->add_option("--split", options->split, "train or test")->capture_default_str();
  show->add_option("--count", options->count, "images of each class")
      ->check(CLI::Range(1, data::kMostPreviewed))
      ->capture_default_str();
  show->add_flag("--augmented", options->augmented, "with the data set's crop and flip, as training sees them");
  show->add_option("--cutout", options->cutout, "side of a square that is cut out, pixels");
  show->add_option("--mixup", options->mixup, "alpha of mixup");
  show->add_option("--seed", options->seed, "of the augmentation")->capture_default_str();

  auto* save = add_command(*command, "write", "write the built-in sample set as files", options, write);
  save->add_option("--out", options->out, "new folder")->required();
}

}  // namespace odenet
