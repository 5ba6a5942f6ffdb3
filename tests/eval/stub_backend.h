// Backends for tests: one with given logits, and the double-precision reference of support/synthetic.h.
#pragma once

#include <string>
#include <vector>

#include "eval/backend.h"
#include "support/synthetic.h"

namespace odenet::eval::testing {

// One byte an image, its index into the table of logits.
class TableBackend : public Backend {
 public:
  TableBackend(std::string name, std::vector<std::vector<float>> table) : name_(std::move(name)), table_(table) {}

  std::string name() const override { return name_; }
  int classes() const override { return static_cast<int>(table_[0].size()); }
  const std::string& dataset() const override { return dataset_; }
  std::vector<float> logits(std::span<const uint8_t> images, const Tap& tap = {}) override {
    ++calls;
    std::vector<float> result;
    for (const uint8_t image : images) result.insert(result.end(), table_[image].begin(), table_[image].end());
    if (tap) tap("fc", result);
    return result;
  }

  std::vector<std::pair<std::string, double>> counts() const override { return counts_; }

  int calls = 0;
  std::vector<std::pair<std::string, double>> counts_{};
  std::string dataset_ = "sample";

 private:
  std::string name_;
  std::vector<std::vector<float>> table_;
};

class ReferenceBackend : public Backend {
 public:
  ReferenceBackend(const SafeTensors& checkpoint, const NetworkSpec& spec)
      : checkpoint_(checkpoint), spec_(spec), reference_(checkpoint_, spec_) {}

  std::string name() const override { return "reference"; }
  int classes() const override { return spec_.classes; }
  const std::string& dataset() const override { return checkpoint_.meta("dataset"); }
  std::vector<float> logits(std::span<const uint8_t> images, const Tap& tap = {}) override {
    const size_t size = static_cast<size_t>(spec_.in_channels * spec_.height * spec_.width);
    std::vector<float> result;
    std::vector<std::pair<std::string, std::vector<float>>> points;
    for (size_t at = 0; at < images.size(); at += size) {
      size_t index = 0;
      const auto logits = reference_.logits(images.subspan(at, size), [&](const std::string& point, const auto& v) {
        if (index == points.size()) points.push_back({point, {}});
        points[index].second.insert(points[index].second.end(), v.begin(), v.end());
        ++index;
      });
      result.insert(result.end(), logits.begin(), logits.end());
    }
    if (tap)
      for (const auto& [point, values] : points) tap(point, values);
    return result;
  }

 private:
  const SafeTensors checkpoint_;
  const NetworkSpec spec_;
  odenet::testing::Reference reference_;
};

}  // namespace odenet::eval::testing
