// A folder for one test's files, removed with the object.
#pragma once

#include "core/scratch_folder.h"

namespace odenet::testing {

class TemporaryFolder : public ScratchFolder {
 public:
  TemporaryFolder() : ScratchFolder("test") {}
};

}  // namespace odenet::testing
