#include "fixed/convolution.h"

#include <algorithm>
#include <mutex>

#include "core/error.h"
#include "fixed/accumulator_proof.h"
#include "fixed/norm_kernels.h"

namespace odenet::fixed {

namespace {

template <typename T>
void at_least(AlignedVector<T>& values, size_t size) {
  if (values.size() < size) values.resize(size);
}

// body(begin, end) over 0 to count - 1, in one piece or one for each thread.
template <typename Body>
void in_bands(ThreadPool* pool, int count, const Body& body) {
  if (!pool) return body(0, count);
  const int bands = std::min(count, pool->size());
  pool->run(bands, [&](int band, int) { body(count * band / bands, count * (band + 1) / bands); });
}

// [rows, channels] -> [rows, padded channels]
std::vector<int32_t> pad(const std::vector<int32_t>& values, size_t channels) {
  const size_t pitch = static_cast<size_t>(kernels::padded(static_cast<int>(channels)));
  std::vector<int32_t> result(values.size() / channels * pitch);
  for (size_t i = 0; i < values.size(); ++i) result[i / channels * pitch + i % channels] = values[i];
  return result;
}

void require_entries(const std::string& name, const char* what, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) != expected) throw Error("{}: {} {}, expected {}", name, found, what, expected);
}

}  // namespace

Convolution::Convolution(const ConvLayer& layer)
    : formats_(layer.formats),
      in_channels_(layer.conv.in_channels),
      channels_(layer.conv.channels),
      stride_(layer.conv.stride),
      kernel_(layer.conv.kernel),
      depthwise_(layer.conv.depthwise),
      online_(layer.online) {
  const Conv& conv = layer.conv;
  check_formats(layer);
  const Shape shape = conv.weight_shape();
  if (std::ssize(conv.weight) != element_count(shape))
    throw Error("{}: {} weights, expected the shape {}", layer.name, conv.weight.size(), to_string(shape));
  const AccumulatorProof proof = prove_accumulator(layer.name, conv.weight, channels_, formats_.input);
  require_accumulator_fits(proof, formats_.weight);
  weight_sum_ = proof.weight_sum;
  const int64_t entries = int64_t{layer.executions} * channels_;
  const size_t channels = static_cast<size_t>(channels_);
  require_entries(layer.name, "time biases", conv.time_bias.size(), layer.timed ? entries * conv.border_classes() : 0);
  const size_t classes = static_cast<size_t>(conv.border_classes());
  std::vector<int32_t> by_class(conv.time_bias.size());  // [executions, border classes, channels]
  for (size_t i = 0; i < by_class.size(); ++i) {
    const size_t border = i % classes, channel = i / classes % channels, execution = i / (classes * channels);
    by_class[(execution * classes + border) * channels + channel] = conv.time_bias[i];
  }
  bias_ = pad(by_class, channels);
  if (layer.norm) {
    require_entries(layer.norm_name, "scales", layer.norm->scale.size(), entries);
    require_entries(layer.norm_name, "shifts", layer.norm->shift.size(), entries);
    scale_ = pad(layer.norm->scale, channels);
    const int shift = formats_.sum.fraction + formats_.scale.fraction - formats_.output.fraction;
    const int64_t half = shift == 0 ? 0 : int64_t{1} << (shift - 1);
    for (const int32_t value : pad(layer.norm->shift, channels))
      offset_.push_back(value * (int64_t{1} << formats_.scale.fraction) + half);
  }
  pack(conv);
}

// The most steps for which sums of 32 bits are proved not to overflow, by halves.
int Convolution::find_flush(const Conv& conv) const {
  if (depthwise_ || formats_.input.width > 16 || formats_.weight.width > 16) return 0;
  const int pairs = (in_channels_ + 1) / 2, taps = kernel_ * kernel_, steps = taps * pairs;
  const int64_t largest = -formats_.input.min(), limit = INT32_MAX;
  std::vector<int64_t> sums(static_cast<size_t>(channels_ * steps));  // of |w| of a step
  for (size_t i = 0; i < conv.weight.size(); ++i) {
    const int tap = static_cast<int>(i) % taps, channel = static_cast<int>(i) / taps % in_channels_,
              out = static_cast<int>(i) / (taps * in_channels_);
    sums[static_cast<size_t>(out * steps + tap * pairs + channel / 2)] += std::abs(int64_t{conv.weight[i]});
  }
  for (int flush = steps; flush > 0; flush /= 2) {
    bool fits = true;
    for (int out = 0; fits && out < channels_; ++out)
      for (int first = 0; fits && first < steps; first += flush) {
        int64_t sum = 0;
        for (int step = first; step < std::min(steps, first + flush); ++step)
          sum += sums[static_cast<size_t>(out * steps + step)];
        fits = sum * largest <= limit;
      }
    if (fits) return flush;
  }
  return 0;
}

void Convolution::pack(const Conv& conv) {
  flush_ = find_flush(conv);
  const size_t taps = static_cast<size_t>(kernel_ * kernel_),
               inputs = depthwise_ ? 1 : static_cast<size_t>(in_channels_);
  plane_channels_ = depthwise_   ? kernels::padded(channels_)
                    : flush_ > 0 ? in_channels_ + in_channels_ % 2
                                 : in_channels_;
  const size_t lanes = kernels::kLanes, plane = static_cast<size_t>(plane_channels_);
  const size_t pitch = static_cast<size_t>(kernels::padded(channels_));
  if (flush_ > 0)
    narrow_weight_.assign(pitch * taps * plane, 0);
  else
    weight_.assign(depthwise_ ? taps * pitch : pitch * taps * plane, 0);
  for (size_t i = 0; i < conv.weight.size(); ++i) {
    const size_t tap = i % taps, channel = i / taps % inputs, out = i / (taps * inputs);
    const size_t block = (out / lanes * taps + tap) * plane * lanes, lane = out % lanes;
    if (depthwise_)
      weight_[tap * pitch + out] = conv.weight[i];
    else if (flush_ > 0)
      narrow_weight_[block + (channel / 2 * lanes + lane) * 2 + channel % 2] = static_cast<int16_t>(conv.weight[i]);
    else
      weight_[block + channel * lanes + lane] = conv.weight[i];
  }
}

kernels::Saturations Convolution::run(const Job& job, Scratch& scratch, ThreadPool* pool, Map& output) const {
  const Map& x = job.input;
  Map& sums = online_ ? scratch.sums : output;
  sums.reshape(channels_, conv_size(x.height(), stride_), conv_size(x.width(), stride_));
  kernels::Task task{.plane = {x.height(), x.width(), plane_channels_, kernel_ / 2},
                     .kernel = kernel_,
                     .stride = stride_,
                     .out_height = sums.height(),
                     .out_width = sums.width(),
                     .out_pitch = sums.pitch(),
                     .finish = {},
                     .output = sums.data()};
  const auto pitch = static_cast<size_t>(sums.pitch()), execution = static_cast<size_t>(job.execution);
  const size_t classes = kernel_ == 1 ? 1 : 9;
  const Format sum = formats_.sum, out = formats_.output;
  kernels::Finish& finish = task.finish;
  finish.sum_shift = formats_.input.fraction + formats_.weight.fraction - sum.fraction;
  finish.sum_low = static_cast<int32_t>(sum.min());
  finish.sum_high = static_cast<int32_t>(sum.max());
  finish.out_low = static_cast<int32_t>(out.min());
  finish.out_high = static_cast<int32_t>(out.max());
  if (!bias_.empty()) finish.bias = &bias_[execution * classes * pitch];
  if (!scale_.empty()) {
    finish.scale = &scale_[execution * pitch];
    finish.offset = &offset_[execution * pitch];
    finish.norm_shift = sum.fraction + formats_.scale.fraction - out.fraction;
  }
  if (job.added) {
    finish.added = job.added->data();
    finish.added_from = job.added_format.fraction;
    finish.added_to = out.fraction;
  }
  finish.relu = job.relu;
  const kernels::Finish norm = finish;
  if (online_) {  // the sums alone, as long as their statistics are not known
    finish.scale = finish.added = nullptr;
    finish.relu = false;
  }

  const int used = in_channels_, rows = x.height() + 2 * task.plane.padding, bits = low_bits(formats_.input);
  bool split = false;
  if (flush_ == 0) {
    const kernels::Range range = kernels::range_of(x.data(), x.size());
    const int64_t largest = std::max(-int64_t{range.low}, int64_t{range.high});
    split = largest != 0 && weight_sum_ >= (int64_t{1} << 53) / largest;
    at_least(scratch.low, task.plane.size());
    if (split) at_least(scratch.high, task.plane.size());
  } else {
    at_least(scratch.narrow, task.plane.size());
  }
  in_bands(pool, rows, [&](int begin, int end) {
    if (flush_ > 0)
      kernels::fill(task.plane, x.data(), x.pitch(), used, begin, end, scratch.narrow.data());
    else if (split)
      kernels::fill_split(task.plane, x.data(), x.pitch(), used, begin, end, bits, scratch.low.data(),
                          scratch.high.data());
    else
      kernels::fill(task.plane, x.data(), x.pitch(), used, begin, end, scratch.low.data());
  });
  const double* low = scratch.low.data();
  const double* high = split ? scratch.high.data() : nullptr;
  std::mutex mutex;
  kernels::Saturations total;
  const auto add = [&](const kernels::Saturations& count) {
    const std::lock_guard lock(mutex);
    total.sum += count.sum;
    total.norm += count.norm;
    total.added += count.added;
  };
  in_bands(pool, sums.pixels(), [&](int begin, int end) {
    add(flush_ > 0   ? kernels::run(task, scratch.narrow.data(), narrow_weight_.data(), flush_, begin, end)
        : depthwise_ ? kernels::run_depthwise(task, low, high, bits, weight_.data(), begin, end)
                     : kernels::run(task, low, high, bits, weight_.data(), begin, end));
  });
  if (!online_) return total;
  output.reshape(channels_, sums.height(), sums.width());
  in_bands(pool, sums.pitch() / kernels::kLanes, [&](int begin, int end) {
    for (int block = begin; block < end; ++block) add(normalise(norm, sums, block * kernels::kLanes, output));
  });
  return total;
}

// The online norm of kLanes channels.
kernels::Saturations Convolution::normalise(const kernels::Finish& finish, const Map& sums, int channel,
                                            Map& output) const {
  const int pixels = sums.pixels(), pitch = sums.pitch();
  Moments moments[kernels::kLanes];
  kernels::sum_channels(sums.data() + channel, pixels, pitch, moments);
  int32_t mean[kernels::kLanes], scale[kernels::kLanes];
  int64_t saturations = 0;
  for (int lane = 0; lane < kernels::kLanes; ++lane) {
    const OnlineScale s =
        online_scale(moments[lane], pixels, finish.scale[channel + lane], formats_.sum, formats_.scale, &saturations);
    mean[lane] = s.mean;
    scale[lane] = s.scale;
  }
  kernels::Finish here = finish;
  here.scale = scale;
  here.offset += channel;
  if (here.added) here.added += channel;
  kernels::Saturations count =
      kernels::normalise(here, mean, sums.data() + channel, pixels, pitch, output.data() + channel);
  count.norm += saturations;
  return count;
}

}  // namespace odenet::fixed
