// A network without skips from its teacher, as a user trains it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "cli/program.h"
#include "core/file.h"
#include "support/port.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSmall = " --train-limit 64 --test-limit 32 --batch 32 --lr 0.1 --threads 1 ";

class TeacherCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    succeed("train --model resnet-8 --epochs 1" + std::string(kSmall) + "--out " + path("teacher"));
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  static std::string student(const std::string& name, int epochs = 4) {
    return fmt::format("train --model nonresnet-8 --teacher {} --epochs {} {} --out {}", path("teacher"), epochs,
                       kSmall, path(name));
  }

  static testing::TemporaryFolder* folder_;
};
testing::TemporaryFolder* TeacherCommand::folder_ = nullptr;

TEST_F(TeacherCommand, OneCommandGoesThroughAllStages) {
  EXPECT_THAT(succeed(student("a") + " --skips-a-stage 1 --distillation tailor"),
              AllOf(HasSubstr("skips left"), HasSubstr("3 of 3"), HasSubstr("2 of 3"), HasSubstr("1 of 3"),
                    HasSubstr("0 of 3"), HasSubstr("best top-1")));
  for (const char* stage :
       {"1-short-resnet-8", "2-short-resnet-8-2-skips", "3-short-resnet-8-1-skips", "4-nonresnet-8"})
    EXPECT_THAT(succeed("eval --limit 32 " + path("a/stages/") + stage), HasSubstr("top-1")) << stage;
  EXPECT_THAT(succeed("eval --limit 32 " + path("a")), HasSubstr("top-1"));
  EXPECT_THAT(succeed("compare " + path("a") + " " + path("teacher")), HasSubstr("4 of 4"));
}

TEST_F(TeacherCommand, DryRunShowsTheStages) {
  const std::string command = "train --dry-run --model nonresnet-8 --epochs 4 --teacher " + path("teacher") + kSmall;
  const std::string text = succeed(command + "--skips-a-stage 1");
  EXPECT_THAT(text,
              AllOf(HasSubstr("start = 'teacher'"), HasSubstr("stage_epochs = [1,1,1,1]"),
                    HasSubstr("# 1-short-resnet-8: skips sss, 1 epochs"), HasSubstr("# 4-nonresnet-8: skips nnn")));
  EXPECT_THAT(succeed(command + "--shorten false"), HasSubstr("# 1-nonresnet-8: skips nnn, 4 epochs"));
}

TEST_F(TeacherCommand, ErrorsSayWhatIsWrong) {
  EXPECT_THAT(fail("train --model nonresnet-14 --teacher " + path("teacher") + " --out " + path("b")),
              AllOf(HasSubstr("of no use"), HasSubstr("resnet-8")));
  EXPECT_THAT(fail("train --model nonresnet-8 --teacher " + path("nowhere") + " --out " + path("b")),
              AllOf(HasSubstr("nowhere"), HasSubstr("does not exist")));
  EXPECT_THAT(fail("train --model nonresnet-8 --skips nnnn --out " + path("b")), HasSubstr("3 letters"));
  EXPECT_FALSE(fs::exists(path("b")));
}

// Ctrl-C once the second stage has begun.
TEST_F(TeacherCommand, AStopIsGoneOnWithExactly) {
  const std::string options = " --skips-a-stage 1 --stage-epochs 1,20,1,1";
  succeed(student("whole", 23) + options);
  const std::string command = fmt::format(
      "{} {} {} 2>{} & p=$!; while kill -0 $p 2>/dev/null && [ ! -s {}/stages/2-short-resnet-8-2-skips/metrics.csv ]; "
      "do sleep 0.1; done; kill -INT $p; wait $p",
      ODENET_PROGRAM, student("cut", 23), options, path("cut.txt"), path("cut"));
  const int status = std::system(("bash -c 'set -m; " + command + "'").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT) << read_text_file(path("cut.txt"));
  EXPECT_FALSE(fs::exists(path("cut/stages/3-short-resnet-8-1-skips")));
  EXPECT_THAT(fail("train --resume " + path("cut") + " --lr 0.5"), HasSubstr("--lr"));
  succeed("train --resume " + path("cut"));
  for (const char* file : {"last.safetensors", "best.safetensors"})
    EXPECT_EQ(read_file(path("cut") + "/" + file), read_file(path("whole") + "/" + file)) << file;
}

TEST_F(TeacherCommand, TwoProcessesGoOnWithoutTheTeachersOrigin) {
  fs::copy(path("teacher"), path("origin"));
  const std::string run = path("orphan");
  succeed(fmt::format("train --model resnet-8 --teacher {} --distillation kd --epochs 1 {} --out {}", path("origin"),
                      kSmall, run));
  fs::remove_all(path("origin"));
  const std::string worker =
      fmt::format("WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={} ODENET_TIMEOUT=60 {} train --resume {}",
                  testing::free_port(), ODENET_PROGRAM, run);
  const std::string command =
      fmt::format("RANK=1 {0} >{1}.1 2>&1 & p=$!; RANK=0 {0} >{1}.0 2>&1 && wait $p", worker, run);
  EXPECT_EQ(std::system(command.c_str()), 0) << read_text_file(run + ".0") << read_text_file(run + ".1");
}

TEST_F(TeacherCommand, TwoProcessesTrainAllStages) {
  const std::string worker =
      fmt::format("WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={} ODENET_TIMEOUT=60 {} {} --distillation kd",
                  testing::free_port(), ODENET_PROGRAM, student("two"));
  const std::string out = path("two-output");
  const std::string command =
      fmt::format("RANK=1 {0} >{1}.1 2>&1 & p=$!; RANK=0 {0} >{1}.0 2>&1 && wait $p", worker, out);
  EXPECT_EQ(std::system(command.c_str()), 0) << read_text_file(out + ".0") << read_text_file(out + ".1");
  EXPECT_THAT(read_text_file(out + ".0"), AllOf(HasSubstr("0 of 3"), HasSubstr("best top-1")));
}

}  // namespace
}  // namespace odenet
