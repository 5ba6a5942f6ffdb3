// A caching allocator for LibTorch's CPU tensors, as LibTorch itself has one for GPUs.
//
//   MemoryPool::install();      // tensors made from now on come from the pool
//
// A training step makes and drops the same few hundred megabytes again and again. The C library returns such blocks to
// the system, which must then clear and map every page anew at its next use, page by page; on virtual machines this
// costs up to half of a step. The pool keeps the blocks, in huge pages where the system has them. When a new size is
// asked for after a long time in which the blocks sufficed, such as that of the test's batches after an epoch, it frees
// the unused ones, so that it does not hold a set for each kind of work.
#pragma once

#include <cstddef>

namespace odenet::nn {

class MemoryPool {
 public:
  // For the rest of the process, in all threads; to be called before threads make tensors.
  static void install();

  // Off: tensors made from now on come from the C library, as if the pool were not installed. On again: from the pool.
  static void enable(bool on);

  // Frees the blocks that no tensor uses.
  static void trim();

  // Bytes held, in use or not.
  static size_t held();
};

}  // namespace odenet::nn
