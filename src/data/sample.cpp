#include "data/sample.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "data/random.h"

namespace odenet::data {

namespace {

constexpr int kSize = 32;         // of an image, pixels
constexpr int kOversampling = 3;  // canvas points per pixel and axis, averaged for smooth edges
constexpr int kCanvas = kSize * kOversampling;
constexpr int kUnit = 256;  // lengths are in 1/256 pixel
constexpr int kNoise = 14;  // largest of each of the four uniform parts of a pixel's noise

using Colour = std::array<int, 3>;

struct Point {
  int x, y;  // 1/256 pixel
};

constexpr std::array<const char*, 5> kShapes{"disc", "square", "triangle", "cross", "ring"};
constexpr std::array<const char*, 2> kTextures{"stripes", "checks"};

class Canvas {
 public:
  // Paints every point of the box around `centre` for which `paint` (Point, Colour&) likes to.
  template <typename Paint>
  void paint(Point centre, int radius, const Paint& paint) {
    const int x0 = to_index(centre.x - radius), x1 = to_index(centre.x + radius + kStep);
    const int y0 = to_index(centre.y - radius), y1 = to_index(centre.y + radius + kStep);
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) paint(point(x, y), points_[static_cast<size_t>(y * kCanvas + x)]);
    }
  }

  // Sum of the kOversampling^2 points of a pixel.
  int sum(int x, int y, size_t channel) const {
    int total = 0;
    for (int dy = 0; dy < kOversampling; ++dy) {
      for (int dx = 0; dx < kOversampling; ++dx)
        total += points_[static_cast<size_t>((y * kOversampling + dy) * kCanvas + x * kOversampling + dx)][channel];
    }
    return total;
  }

 private:
  static constexpr int kStep = kUnit / kOversampling;
  static int to_index(int length) { return std::clamp(length * kOversampling / kUnit, 0, kCanvas); }
  static Point point(int x, int y) {
    return {x * kUnit / kOversampling + kStep / 2, y * kUnit / kOversampling + kStep / 2};
  }

  std::vector<Colour> points_ = std::vector<Colour>(kCanvas * kCanvas);
};

int distance(const Colour& a, const Colour& b) {
  return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

Colour random_colour(Random& random) {
  return {random.between(0, 255), random.between(0, 255), random.between(0, 255)};
}

// A colour at least `contrast` away from all of `others`.
Colour random_colour(Random& random, int contrast, std::initializer_list<Colour> others) {
  while (true) {
    const Colour colour = random_colour(random);
    if (std::all_of(others.begin(), others.end(), [&](const Colour& o) { return distance(colour, o) >= contrast; }))
      return colour;
  }
}

// A rotation by a random angle without trigonometry: for t in [-1, 1], ((1 - t^2), 2t) / (1 + t^2) is a point of the
// right half of the unit circle; its sign gives the other half. (Not quite uniform in the angle, which does not matter
// here.)
struct Rotation {
  static constexpr int kOne = 1 << 14;
  int cos, sin;

  explicit Rotation(Random& random) {
    const int64_t t = random.between(-1024, 1024), one = 1024;
    const int sign = random.below(2) == 0 ? 1 : -1;
    cos = sign * static_cast<int>((one * one - t * t) * kOne / (one * one + t * t));
    sin = sign * static_cast<int>(2 * one * t * kOne / (one * one + t * t));
  }

  // `point` in the rotated frame around `centre`.
  Point apply(Point point, Point centre) const {
    const int dx = point.x - centre.x, dy = point.y - centre.y;
    return {(dx * cos + dy * sin) / kOne, (dy * cos - dx * sin) / kOne};
  }
};

// Sum of four numbers uniform in [-kNoise, kNoise]: close to normal, standard deviation about 1.2 kNoise.
int random_noise(Random& random) {
  int sum = -4 * kNoise;
  uint64_t bits = random.next();
  for (int part = 0; part < 4; ++part, bits >>= 16) sum += static_cast<int>((bits & 0xffff) * (2 * kNoise + 1) >> 16);
  return sum;
}

void paint_gradient(Canvas& canvas, Random& random, const Colour& from, const Colour& to) {
  const Rotation rotation(random);
  const Point middle{kSize * kUnit / 2, kSize * kUnit / 2};
  constexpr int kReach = kSize * kUnit * 3 / 4;  // beyond the half diagonal
  canvas.paint(middle, kSize * kUnit, [&](Point p, Colour& colour) {
    const int along = rotation.apply(p, middle).x + kReach;  // 0 to 2 kReach
    for (size_t c = 0; c < 3; ++c) colour[c] = from[c] + (to[c] - from[c]) * along / (2 * kReach);
  });
}

void paint_stroke(Canvas& canvas, Random& random, int half_width) {
  const Colour paint = random_colour(random);
  const auto anywhere = [&] { return random.between(0, kSize * kUnit); };
  const Point a{anywhere(), anywhere()}, b{anywhere(), anywhere()};
  const int64_t dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  const Point middle{(a.x + b.x) / 2, (a.y + b.y) / 2};
  const int radius = static_cast<int>(std::max(std::abs(dx), std::abs(dy))) / 2 + half_width;
  canvas.paint(middle, radius, [&](Point p, Colour& colour) {
    const int64_t px = p.x - a.x, py = p.y - a.y, along = px * dx + py * dy, across = px * dy - py * dx;
    if (along >= 0 && along <= length2 && across * across <= int64_t{half_width} * half_width * length2) colour = paint;
  });
}

// Whether (x, y), in units of radius / 1024, lies in kShapes[shape].
bool inside(int shape, int x, int y) {
  const int ax = std::abs(x), ay = std::abs(y), r2 = x * x + y * y;
  switch (shape) {
    case 0:
      return r2 < 900 * 900;
    case 1:
      return std::max(ax, ay) < 800;
    case 2:
      return y > -550 && 1000 * y + 1732 * ax < 1'100'000;  // equilateral, sqrt(3) = 1.732
    case 3:
      return std::min(ax, ay) < 340 && std::max(ax, ay) < 1000;
    default:
      return r2 < 1000 * 1000 && r2 > 480 * 480;
  }
}

void paint_shape(Canvas& canvas, Random& random, int shape, int texture, const Colour& first, const Colour& second) {
  const Point centre{random.between(12 * kUnit, 20 * kUnit), random.between(12 * kUnit, 20 * kUnit)};
  const int radius = random.between(9 * kUnit, 13 * kUnit);
  const int period = random.between(kUnit * 18 / 10, kUnit * 28 / 10);  // of one colour
  const Rotation rotation(random), texture_rotation(random);
  const auto band = [&](int length) { return (length + 1000 * period) / period % 2; };
  canvas.paint(centre, radius * 5 / 4, [&](Point p, Colour& colour) {
    const Point local = rotation.apply(p, centre);
    if (!inside(shape, local.x * 1024 / radius, local.y * 1024 / radius)) return;
    const Point t = texture_rotation.apply(p, centre);
    const bool odd = texture == 0 ? band(t.x) == 1 : band(t.x) != band(t.y);
    colour = odd ? first : second;
  });
}

void render(uint64_t stream, size_t index, int label, uint8_t* pixels) {
  Random random({0x6f64656e6574, stream, index});  // "odenet"
  const Colour back1 = random_colour(random), back2 = random_colour(random, 60, {back1});
  const Colour first = random_colour(random, 90, {back1, back2});
  const Colour second = random_colour(random, 200, {first});
  Canvas canvas;
  paint_gradient(canvas, random, back1, back2);
  for (int strokes = random.between(3, 6); strokes > 0; --strokes)
    paint_stroke(canvas, random, random.between(kUnit / 2, kUnit * 3 / 2));
  paint_shape(canvas, random, label / 2, label % 2, first, second);
  for (int strokes = random.between(0, 2); strokes > 0; --strokes)
    paint_stroke(canvas, random, random.between(kUnit / 4, kUnit * 3 / 4));
  for (size_t c = 0; c < 3; ++c) {
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const int noise = random_noise(random);
        const int value = canvas.sum(x, y, c) / (kOversampling * kOversampling) + noise;
        *pixels++ = static_cast<uint8_t>(std::clamp(value, 0, 255));
      }
    }
  }
}

}  // namespace

Dataset make_sample(std::string_view split) {
  const bool train = split == "train";
  if (!train && split != "test") throw Error("unknown split '{}'; there are: train, test", split);
  const size_t size = train ? kSampleTrainImages : kSampleTestImages;
  Dataset dataset;
  dataset.name = "sample";
  for (const char* shape : kShapes) {
    for (const char* texture : kTextures) dataset.class_names.push_back(fmt::format("{} with {}", shape, texture));
  }
  dataset.classes = static_cast<int>(dataset.class_names.size());
  dataset.images.resize(size * dataset.image_size());
  for (size_t i = 0; i < size; ++i) {
    dataset.labels.push_back(static_cast<int>(i) % dataset.classes);
    render(train ? 1 : 2, i, dataset.labels.back(), dataset.images.data() + i * dataset.image_size());
  }
  return dataset;
}

}  // namespace odenet::data
