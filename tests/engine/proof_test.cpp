// hw/formal: properties that Yosys proves by induction for every input; and that a fault breaks each proof.
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/process.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

struct Proof {
  const char* module;      // <module>_proof.v
  const char* parameters;  // for chparam
  const char* original;    // in the module
  const char* fault;
};

void PrintTo(const Proof& proof, std::ostream* out) { *out << proof.module << " " << proof.parameters; }

class Proofs : public ::testing::TestWithParam<Proof> {
 protected:
  void prove(const std::string& module_text) {
    const odenet::testing::TemporaryFolder folder;
    const std::string hw = ODENET_HW_FOLDER, module = GetParam().module;
    write_file(folder / "module.v", module_text);
    const std::string parameters = GetParam().parameters;
    run_process(
        {"yosys", "-p",
         fmt::format("read_verilog -formal -I{0}/rtl module.v {0}/rtl/push.v {0}/formal/{1}_proof.v; {2}"
                     "prep -flatten -top {1}_proof; async2sync; dffunmap; "
                     "sat -verify -tempinduct -prove-asserts -set-assumes -seq 1 -maxsteps 8",
                     hw, module, parameters.empty() ? "" : fmt::format("chparam {} {}_proof; ", parameters, module))},
        folder.path(), folder / "log.txt");
    EXPECT_NE(read_text_file(folder / "log.txt").find("Induction step proven: SUCCESS!"), std::string::npos);
  }

  std::string module_text() const {
    return read_text_file(fmt::format("{}/rtl/{}.v", ODENET_HW_FOLDER, GetParam().module));
  }
};

TEST_P(Proofs, Holds) {
  SKIP_WITHOUT("yosys");
  prove(module_text());
}

TEST_P(Proofs, FailsWithAFault) {
  SKIP_WITHOUT("yosys");
  std::string text = module_text();
  const size_t at = text.find(GetParam().original);
  ASSERT_NE(at, std::string::npos);
  EXPECT_ERROR(prove(text.replace(at, std::string(GetParam().original).size(), GetParam().fault)), "yosys",
               "proof did fail");
}

constexpr const char* kRounding = "addend, 1'b1};";
INSTANTIATE_TEST_SUITE_P(
    Rtl, Proofs,
    ::testing::Values(
        Proof{"storer", "", "else if (word_end) m_axis_tvalid", "else if (m_axis_tvalid) m_axis_tvalid"},
        Proof{"storer", "-set PX_LANES 8 -set PIXEL_WIDTH 3", "words_left != 0 && (!fetched", "(!fetched"},
        Proof{"loader", "", "words_left == 1) receiving", "words_left == 2) receiving"},
        Proof{"loader", "-set PX_LANES 8 -set PIXEL_WIDTH 3", "write_address <= base", "write_address <= 0"},
        Proof{"counters", "", "        clip_count <= 0;", "        clip_count <= clip_count;"},
        Proof{"requantize", "", kRounding, "addend, 1'b0};"},
        // The three shapes of hw/rtl/write_back.v in Q20.
        Proof{"requantize", "-set IN_WIDTH 65 -set SHIFT 20 -set OUT_WIDTH 32", kRounding, "addend, 1'b0};"},
        Proof{"requantize", "-set IN_WIDTH 64 -set SHIFT 20 -set OUT_WIDTH 32", "clipped <= overflow", "clipped <= 0"},
        Proof{"requantize", "-set IN_WIDTH 32 -set SHIFT 0 -set OUT_WIDTH 32", "{!sum[SUM_WIDTH-1]}",
              "{sum[SUM_WIDTH-1]}"},
        // Of narrow activations.
        Proof{"requantize", "-set IN_WIDTH 48 -set SHIFT 1 -set OUT_WIDTH 32 -set ADDEND_WIDTH 32", kRounding,
              "addend, 1'b0};"},
        Proof{"requantize",
              "-set IN_WIDTH 64 -set SHIFT 31 -set OUT_WIDTH 16 -set ADDEND_WIDTH 32 -set ADDEND_SHIFT 11",
              "1 << (BELOW - 1)", "1 << (BELOW - 2)"},
        Proof{"isqrt", "", "- {1'b0, trial}", "- {1'b0, trial} - 1'b1"},
        Proof{"isqrt", "-set WIDTH 7 -set COUNT_WIDTH 3", "{root, 2'b01}", "{root, 2'b00}"},
        Proof{"divide", "", "- {2'b00, by}", "- {2'b00, by} - 1'b1"},
        Proof{"divide", "-set NUMERATOR_WIDTH 2 -set DIVISOR_WIDTH 2 -set OUT_WIDTH 3 -set MOST_ZEROS 0",
              "digits[0] && (!sign || rest != 0)", "digits[0]"},
        Proof{"divide", "-set NUMERATOR_WIDTH 4 -set DIVISOR_WIDTH 3 -set OUT_WIDTH 2", "overflow <= 1'b1",
              "overflow <= 1'b0"}));

}  // namespace
}  // namespace odenet::engine
