#include "spec/skip_removal.h"

#include <algorithm>

#include "core/error.h"

namespace odenet {

namespace {

constexpr std::string_view kLetters = "fsn";  // in the order of Skip, which is that of removal

size_t rank(char letter) { return kLetters.find(letter); }

bool needs_shortcut(const Stage& stage) {
  if (!stage.changes_shape()) return false;
  for (int i = 0; i < stage.blocks; ++i)
    if (stage.skip(i) != Skip::kNone) return true;
  return false;
}

// What remains of a stage when its skips are looked away from.
Stage bare(Stage stage) {
  stage.skips.clear();
  stage.shortcut = Shortcut::kPad;
  return stage;
}

}  // namespace

std::string skip_letters(const NetworkSpec& spec) {
  std::string letters;
  for (const Stage& stage : spec.stages)
    for (int i = 0; i < stage.blocks && !stage.ode; ++i) letters += kLetters[static_cast<size_t>(stage.skip(i))];
  return letters;
}

NetworkSpec with_skips(NetworkSpec spec, std::string_view letters) {
  const size_t blocks = skip_letters(spec).size();
  if (letters.size() != blocks || letters.find_first_not_of(kLetters) != std::string_view::npos)
    throw Error("skips is '{}', expected {} letters, one for each residual block of {}: f full, s short, n none",
                letters, blocks, spec.model);
  for (Stage& stage : spec.stages) {
    if (stage.ode) continue;
    stage.skips.clear();
    for (int i = 0; i < stage.blocks; ++i)
      stage.skips.push_back(static_cast<Skip>(rank(letters[static_cast<size_t>(i)])));
    letters.remove_prefix(static_cast<size_t>(stage.blocks));
    if (std::ranges::all_of(stage.skips, [](Skip skip) { return skip == Skip::kFull; })) stage.skips.clear();
  }
  return spec;
}

std::string not_reducible(const NetworkSpec& from, const NetworkSpec& to) {
  const auto same = [&](auto member) { return from.*member == to.*member; };
  if (!same(&NetworkSpec::classes)) return fmt::format("{} classes and {}", from.classes, to.classes);
  if (from.stages.size() != to.stages.size() || !same(&NetworkSpec::in_channels) || !same(&NetworkSpec::height) ||
      !same(&NetworkSpec::width) || !same(&NetworkSpec::stem_channels) || !same(&NetworkSpec::end_time))
    return "they differ in more than their skips";
  for (size_t i = 0; i < to.stages.size(); ++i) {
    const Stage &a = from.stages[i], &b = to.stages[i];
    if (bare(a) != bare(b)) return fmt::format("{} differs in more than its skips", b.name);
    if (needs_shortcut(b) && a.shortcut != b.shortcut) return fmt::format("{} has another kind of shortcut", b.name);
  }
  const std::string a = skip_letters(from), b = skip_letters(to);
  for (size_t i = 0; i < b.size(); ++i)
    if (rank(b[i]) < rank(a[i])) return fmt::format("the skips {} would grow to {}", a, b);
  return "";
}

std::vector<NetworkSpec> removal_path(const NetworkSpec& from, const NetworkSpec& to, RemovalOptions options) {
  if (const std::string why = not_reducible(from, to); !why.empty())
    throw Error("{} is not {} with fewer or shorter skips: {}", to.model, from.model, why);
  if (options.at_a_time < 1) throw Error("{} skips at a time, expected 1 or more", options.at_a_time);
  const std::string end = skip_letters(to);
  std::string letters = skip_letters(from);
  std::vector<NetworkSpec> path;
  const auto add = [&] { path.push_back(letters == end ? to : with_skips(from, letters)); };

  const std::string begin = letters;
  for (size_t i = 0; i < end.size(); ++i)
    if (letters[i] == 'f' && (end[i] == 's' || (end[i] == 'n' && options.shorten))) letters[i] = 's';
  if (letters != begin) add();
  int removed = 0;
  for (size_t i = 0; i < end.size(); ++i) {
    if (letters[i] == end[i]) continue;
    letters[i] = end[i];
    if (++removed % options.at_a_time == 0 || letters == end) add();
  }
  return path;
}

}  // namespace odenet
