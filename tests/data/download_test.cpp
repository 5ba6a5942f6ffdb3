#include "data/download.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

#include "core/file.h"
#include "data/checksum.h"
#include "support/archives.h"
#include "support/expect_error.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

namespace fs = std::filesystem;

Dataset load_nothing(std::string_view, const fs::path&) { return {}; }

class DownloadTest : public ::testing::Test {
 protected:
  // The files of a set "plain" of two files and of a set "packed" of one archive, as their publisher has them.
  void SetUp() override {
    create_folder(folder_ / "origin");
    for (const char* name : {"a.bin", "b.bin"}) write_file(origin(name), std::string(50'000, name[0]));
    write_set({{"set/x.bin", std::string(20'000, 'x')}, {"set/names.txt", "cat\n"}});
  }

  void write_set(const std::vector<testing::ArchiveEntry>& entries) {
    testing::write_archive(origin("set.tar.gz"), entries);
  }

  fs::path origin(const std::string& name) const { return folder_ / ("origin/" + name); }
  fs::path data() const { return folder_ / "data"; }
  DataFile file(const char* name) { return {name, fs::file_size(origin(name)), md5_[name] = md5_of(origin(name))}; }

  // Each file is looked for at /1/NAME, then at /2/NAME.
  DatasetInfo plain() {
    DatasetInfo info{.name = "plain", .folder = "plain", .load = load_nothing};
    for (const char* name : {"a.bin", "b.bin"}) {
      info.files.push_back(file(name));
      info.downloads.push_back({file(name), urls(name), false});
    }
    return info;
  }
  DatasetInfo packed() {
    return {.name = "packed",
            .folder = "set",
            .files = {{"x.bin", 20'000}, {"names.txt"}},
            .downloads = {{file("set.tar.gz"), urls("set.tar.gz"), true}},
            .load = load_nothing};
  }
  std::vector<std::string> urls(const std::string& name) const {
    return {server_.url("/1/" + name), server_.url("/2/" + name)};
  }

  testing::Page page(const std::string& name) const { return {.body = read_text_file(origin(name))}; }
  void serve_all(const std::string& mirror) {
    for (const char* name : {"a.bin", "b.bin", "set.tar.gz"}) server_.serve(mirror + name, page(name));
  }

  // Of all that was asked for, how often.
  std::map<std::string, int> requests() const {
    std::map<std::string, int> counts;
    for (const auto& request : server_.requests()) ++counts[request.path];
    return counts;
  }

  testing::HttpServer server_;
  testing::TemporaryFolder folder_;
  std::map<std::string, std::string> md5_;  // what DataFile::md5 looks at
  const DownloadOptions options_{.stall_seconds = 1};
};

TEST_F(DownloadTest, PlainFilesOnce) {
  serve_all("/1/");
  EXPECT_TRUE(download_dataset(plain(), data(), options_));
  EXPECT_EQ(read_file(data() / "plain/a.bin"), read_file(origin("a.bin")));
  EXPECT_EQ(read_file(data() / "plain/b.bin"), read_file(origin("b.bin")));
  EXPECT_EQ(std::distance(fs::directory_iterator(data() / "plain"), {}), 2);  // no .part
  EXPECT_FALSE(download_dataset(plain(), data(), options_));
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(DownloadTest, ArchivesAreUnpackedAndRemoved) {
  serve_all("/1/");
  EXPECT_TRUE(download_dataset(packed(), data(), options_));
  EXPECT_EQ(read_text_file(data() / "set/names.txt"), "cat\n");
  EXPECT_EQ(fs::file_size(data() / "set/x.bin"), 20'000u);
  EXPECT_EQ(std::distance(fs::directory_iterator(data()), {}), 1);
  EXPECT_FALSE(download_dataset(packed(), data(), options_));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(DownloadTest, TellsProgress) {
  serve_all("/1/");
  std::map<std::string, uint64_t> last;
  DownloadOptions options = options_;
  options.on_progress = [&](const DownloadProgress& p) {
    EXPECT_EQ(p.total, 50'000u);
    last[std::string(p.file)] = p.bytes;
  };
  download_dataset(plain(), data(), options);
  EXPECT_EQ(last, (std::map<std::string, uint64_t>{{"a.bin", 50'000}, {"b.bin", 50'000}}));
}

TEST_F(DownloadTest, BadSourcesAreLeftForTheNext) {
  const std::string good = read_text_file(origin("a.bin"));
  std::string wrong = good;
  wrong[777] = '!';
  const std::vector<testing::Page> bad{{.body = "gone", .status = 410},
                                       {.body = "<html>Sign in</html>", .content_type = "text/html"},
                                       {.body = wrong},
                                       {.body = good.substr(0, 40'000)},
                                       {.body = good, .cut_after = 0},
                                       {.body = good, .cut_after = 0, .stall = true}};
  for (const testing::Page& first : bad) {
    fs::remove_all(data());
    serve_all("/2/");
    server_.serve("/1/a.bin", first);
    std::string events;
    DownloadOptions options = options_;
    options.on_event = [&](const std::string& event) { events += event; };
    EXPECT_TRUE(download_dataset(plain(), data(), options));
    EXPECT_EQ(read_text_file(data() / "plain/a.bin"), good);
    EXPECT_NE(events.find(server_.url("/1/a.bin")), events.npos) << events;
  }
}

TEST_F(DownloadTest, AnInterruptedTransferGoesOn) {
  testing::Page cut = page("a.bin");
  cut.cut_after = 20'000;  // of each reply: three are needed
  server_.serve("/1/a.bin", cut);
  server_.serve("/1/b.bin", page("b.bin"));
  EXPECT_TRUE(download_dataset(plain(), data(), options_));
  EXPECT_EQ(read_file(data() / "plain/a.bin"), read_file(origin("a.bin")));
  const auto seen = server_.requests();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1].range_start, 20'000u);
  EXPECT_EQ(seen[2].range_start, 40'000u);
}

TEST_F(DownloadTest, AnotherSourceTakesOverAndANextRunGoesOn) {
  testing::Page stall = page("a.bin");
  stall.cut_after = 20'000;
  stall.stall = true;
  stall.ranges = false;
  server_.serve("/1/a.bin", stall);
  EXPECT_ERROR(download_dataset(plain(), data(), options_), "20000 bytes are in", "a.bin.part", "goes on");
  server_.serve("/2/a.bin", page("a.bin"));
  server_.serve("/1/a.bin", {.body = "", .status = 404});
  serve_all("/2/");
  EXPECT_TRUE(download_dataset(plain(), data(), options_));
  EXPECT_EQ(read_file(data() / "plain/a.bin"), read_file(origin("a.bin")));
  bool resumed = false;
  for (const auto& request : server_.requests())
    resumed |= request.path == "/2/a.bin" && request.range_start == 20'000u;
  EXPECT_TRUE(resumed);
}

TEST_F(DownloadTest, AWrongPartIsFetchedAnew) {
  serve_all("/1/");
  create_folder(data() / "plain");
  write_file(data() / "plain/a.bin.part", std::string(30'000, '?'));
  EXPECT_TRUE(download_dataset(plain(), data(), options_));
  EXPECT_EQ(read_file(data() / "plain/a.bin"), read_file(origin("a.bin")));
}

TEST_F(DownloadTest, WhenAllFailEachIsNamedWithItsReason) {
  std::string wrong = read_text_file(origin("a.bin"));
  wrong[0] = '!';
  server_.serve("/2/a.bin", {.body = wrong});
  EXPECT_ERROR(download_dataset(plain(), data(), options_), "cannot download a.bin",
               server_.url("/1/a.bin") + ": HTTP status 404", server_.url("/2/a.bin") + ": MD5 ",
               "expected " + md5_of(origin("a.bin")), "odenet data download plain --from");
  EXPECT_TRUE(fs::is_empty(data() / "plain"));
}

TEST_F(DownloadTest, AMirrorStandsInForAllSources) {
  serve_all("/1/");
  serve_all("/mine/");
  DownloadOptions options = options_;
  for (const char* mirror : {"/mine", "/mine/"}) {
    fs::remove_all(data());
    options.mirror = server_.url(mirror);
    EXPECT_TRUE(download_dataset(plain(), data(), options));
  }
  EXPECT_EQ(requests(), (std::map<std::string, int>{{"/mine/a.bin", 2}, {"/mine/b.bin", 2}}));
}

TEST_F(DownloadTest, LocalCopies) {
  DownloadOptions options = options_;
  options.from = folder_ / "origin";
  EXPECT_TRUE(download_dataset(plain(), data(), options));
  EXPECT_TRUE(download_dataset(packed(), data(), options));
  EXPECT_EQ(read_file(data() / "plain/b.bin"), read_file(origin("b.bin")));
  EXPECT_TRUE(fs::exists(data() / "set/x.bin"));
  EXPECT_TRUE(fs::exists(origin("set.tar.gz")));  // is not ours to remove
  EXPECT_TRUE(server_.requests().empty());

  fs::remove_all(data());
  options.from = origin("set.tar.gz");
  EXPECT_TRUE(download_dataset(packed(), data(), options));
  EXPECT_ERROR(download_dataset(plain(), data(), options), "several files", "name the folder");
  const DatasetInfo info = packed();
  fs::remove_all(data());
  write_file(origin("set.tar.gz"), "<html>");
  EXPECT_ERROR(download_dataset(info, data(), options), "set.tar.gz", "6 bytes, expected", "damaged, or another file");
  options.from = folder_ / "none";
  EXPECT_ERROR(download_dataset(info, data(), options), "none", "no such file", "set.tar.gz");
}

TEST_F(DownloadTest, HostileArchivesLeaveNothing) {
  const std::vector<std::pair<testing::ArchiveEntry, std::string>> hostile{
      {{"../evil", "x"}, "leads out"},
      {{"/tmp/odenet-evil", "x"}, "absolute"},
      {{.name = "set/evil", .type = AE_IFLNK, .link = "/etc"}, "link"},
      {{"set/evil", std::string(5'000'000, 'x')}, "larger"}};
  for (const auto& [entry, reason] : hostile) {
    write_set({{"set/x.bin", std::string(20'000, 'x')}, {"set/names.txt", "cat\n"}, entry});
    serve_all("/1/");
    EXPECT_ERROR(download_dataset(packed(), data(), options_), "set.tar.gz", reason);
    EXPECT_FALSE(fs::exists(data() / "set"));
    for (const auto& left : fs::recursive_directory_iterator(folder_.path()))
      EXPECT_NE(left.path().filename(), "evil") << left.path();
    fs::remove_all(data());
  }
}

TEST_F(DownloadTest, IncompleteArchivesAreErrors) {
  write_set({{"set/names.txt", "cat\n"}});
  serve_all("/1/");
  EXPECT_ERROR(download_dataset(packed(), data(), options_), "set/x.bin has 0 bytes, expected 20000");
  EXPECT_FALSE(fs::exists(data() / "set"));
}

TEST_F(DownloadTest, FilesInTheWayAreKept) {
  serve_all("/1/");
  create_folder(data() / "plain");
  write_file(data() / "plain/b.bin", "mine");
  EXPECT_ERROR(download_dataset(plain(), data(), options_), "b.bin", "exists already", "4 bytes, expected 50000");
  EXPECT_EQ(read_text_file(data() / "plain/b.bin"), "mine");
  create_folder(data() / "set");
  write_file(data() / "set/x.bin", "mine");
  EXPECT_ERROR(download_dataset(packed(), data(), options_), "exists already", "has no names.txt");
  EXPECT_EQ(read_text_file(data() / "set/x.bin"), "mine");
}

TEST_F(DownloadTest, AnotherFolderOfAnArchiveIsInTheWayToo) {
  serve_all("/1/");
  download_dataset(packed(), data(), options_);
  DatasetInfo info = packed();
  info.files[0].md5 = "5dd7e06a14cb22eb9f671a540d1b7c25";
  EXPECT_ERROR(download_dataset(info, data(), options_), "set exists already", "its x.bin", "MD5", "remove the folder");
  write_file(data() / "set/x.bin", "damaged");
  EXPECT_ERROR(download_dataset(packed(), data(), options_), "set exists already", "its x.bin",
               "7 bytes, expected 20000", "remove the folder");
}

TEST_F(DownloadTest, WhatAnEarlierDownloadLeftNeedsNoSpace) {
  create_folder(data());
  DatasetInfo info = packed();
  Download& download = info.downloads[0];
  download.file.bytes = fs::space(data()).available + 100'000'000'000;
  write_file(data() / "set.tar.gz.part", "");
  std::error_code code;
  fs::resize_file(data() / "set.tar.gz.part", download.file.bytes - 10, code);  // a file of holes
  if (code) GTEST_SKIP() << "no file can be so large here";
  EXPECT_ERROR(download_dataset(info, data(), options_), "cannot download set.tar.gz", "HTTP status 404");
}

TEST_F(DownloadTest, SpaceIsCheckedFirst) {
  DatasetInfo info = packed();
  info.files[0].bytes = uint64_t{1} << 60;
  EXPECT_ERROR(download_dataset(info, data(), options_), "no space", "MB are free", "MB are needed");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(DownloadTest, BuiltInSetsNeedNone) {
  EXPECT_ERROR(download_dataset(find_dataset("sample"), data(), options_), "sample", "built in");
}

}  // namespace
}  // namespace odenet::data
