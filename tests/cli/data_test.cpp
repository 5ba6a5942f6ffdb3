// odenet data: listing, downloading from a server of the test, verifying, previewing.
#include <gmock/gmock.h>

#include <filesystem>

#include "cli/program.h"
#include "core/file.h"
#include "support/http_server.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DataCommand : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string in_folder() const { return " --data-dir " + path("data"); }

  testing::TemporaryFolder folder_;
};

TEST_F(DataCommand, ListsEverySet) {
  const std::string text = succeed("data list");
  for (const char* part : {"sample", "cifar10", "cifar100-coarse", "svhn-extra", "604388 + 26032", "mnist", "usps",
                           "not flipped", "licence", "https://www.cs.toronto.edu/~kriz/cifar.html"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(DataCommand, UnknownNamesListTheKnownOnes) {
  for (const char* command : {"data verify nist", "data download nist", "data preview nist --out x.png"})
    EXPECT_THAT(fail(command), AllOf(HasSubstr("'nist'"), HasSubstr("mnist, usps")));
}

TEST_F(DataCommand, DownloadSaysWhyItFailedAndWhatToDo) {
  testing::HttpServer server;
  server.serve("/train-images-idx3-ubyte.gz", {.body = "<html>Sign in</html>", .content_type = "text/html"});
  EXPECT_THAT(fail("data download mnist --mirror " + server.url() + in_folder()),
              AllOf(HasSubstr(server.url("/train-images-idx3-ubyte.gz") + ": it sent an HTML page"),
                    HasSubstr("odenet data download mnist --from")));
  EXPECT_TRUE(fs::is_empty(path("data/mnist")));
  EXPECT_THAT(fail("data download cifar10 --mirror " + server.url() + in_folder()),
              HasSubstr("cifar-10-binary.tar.gz: HTTP status 404"));
  EXPECT_FALSE(fs::exists(path("data/cifar-10-batches-bin")));
  EXPECT_THAT(fail("data download sample" + in_folder()), HasSubstr("built in"));
}

TEST_F(DataCommand, LocalCopiesAreChecked) {
  write_file(path("cifar-10-binary.tar.gz"), "not it");
  EXPECT_THAT(fail("data download cifar10 --from " + path("cifar-10-binary.tar.gz") + in_folder()),
              AllOf(HasSubstr("6 bytes, expected 170052171"), HasSubstr("another file")));
}

TEST_F(DataCommand, VerifyTellsWhetherASetIsThePublishedOne) {
  EXPECT_THAT(succeed("data verify sample"),
              AllOf(HasSubstr("train: 6000 images of 10 classes, 600 of each"), HasSubstr("sample is sound")));
  EXPECT_THAT(fail("data verify cifar10" + in_folder()), HasSubstr("odenet data download cifar10"));

  // Of the right sizes and with good labels, but not the published ones: all zero.
  const std::string data = path("data/cifar-10-batches-bin/");
  fs::create_directories(data);
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                           "data_batch_5.bin", "test_batch.bin"}) {
    write_file(data + name, "");
    fs::resize_file(data + name, 30'730'000);
  }
  write_file(data + "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  EXPECT_THAT(fail("data verify cifar10" + in_folder()),
              AllOf(HasSubstr("published is MD5 5dd7e06a14cb22eb9f671a540d1b7c25"),
                    HasSubstr("50000 images, published are 50000; 50000 of class 0, published are 5000"),
                    HasSubstr("is not the published data set")));
  // A set that is damaged is not downloaded over.
  fs::remove(data + "test_batch.bin");
  EXPECT_THAT(fail("data download cifar10 --mirror http://127.0.0.1:1/" + in_folder()),
              AllOf(HasSubstr("has no test_batch.bin"), HasSubstr("remove the folder")));
}

TEST_F(DataCommand, PreviewWritesAPng) {
  const std::string plain = path("plain.png"), augmented = path("augmented.png");
  EXPECT_THAT(succeed("data preview sample --split test --count 3 --out " + plain), HasSubstr("10 classes"));
  succeed("data preview sample --split test --count 3 --augmented --cutout 8 --mixup 0.2 --out " + augmented);
  EXPECT_THAT(read_text_file(plain), StartsWith("\x89PNG\r\n"));
  EXPECT_THAT(read_text_file(augmented), StartsWith("\x89PNG\r\n"));
  EXPECT_NE(read_text_file(plain), read_text_file(augmented));
  EXPECT_THAT(fail("data preview sample --split valid --out " + path("no.png")), HasSubstr("train, test"));
  EXPECT_THAT(fail("data preview sample --cutout 99 --out " + path("no.png")), HasSubstr("cutout of 99"));
  EXPECT_THAT(fail("data preview sample --out " + path("no/such/folder.png")), HasSubstr("cannot write"));
  EXPECT_FALSE(fs::exists(path("no.png")));
}

}  // namespace
}  // namespace odenet
