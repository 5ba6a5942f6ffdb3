#include "data/http.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "core/error.h"
#include "core/file.h"
#include "support/expect_error.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

using ::testing::HasSubstr;

std::string some_bytes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i * i >> 4));
  return bytes;
}

class Http : public ::testing::Test {
 protected:
  // "" if the transfer succeeded, else the reason.
  std::string get(const std::string& path = "/f") {
    return fetch({.url = server_.url(path), .part = part(), .bytes = bytes_.size(), .stall_seconds = 1}).value_or("");
  }
  std::filesystem::path part() const { return folder_ / "f.part"; }
  std::string found() const { return read_text_file(part()); }

  const std::string bytes_ = some_bytes(300'000);
  testing::HttpServer server_;
  testing::TemporaryFolder folder_;
};

TEST_F(Http, GetsAFileAndTellsHowFarItIs) {
  server_.serve("/f", {.body = bytes_});
  uint64_t last = 0, total = 0;
  EXPECT_FALSE(fetch(
      {.url = server_.url("/f"), .part = part(), .bytes = 0, .on_progress = [&](uint64_t now, uint64_t whole, double) {
         EXPECT_GE(now, last);
         last = now;
         total = whole;
       }}));
  EXPECT_EQ(found(), bytes_);
  EXPECT_EQ(last, bytes_.size());
  EXPECT_EQ(total, bytes_.size());
}

TEST_F(Http, GoesOnWhereItStopped) {
  server_.serve("/f", {.body = bytes_});
  write_file(part(), bytes_.substr(0, 123'456));
  EXPECT_EQ(get(), "");
  EXPECT_EQ(found(), bytes_);
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].range_start, 123'456u);
}

TEST_F(Http, ACompleteFileIsNotAskedFor) {
  write_file(part(), bytes_);
  EXPECT_EQ(get(), "");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(Http, StartsAgainWhereTheServerCannotGoOn) {
  server_.serve("/f", {.body = bytes_, .ranges = false});
  write_file(part(), "something else");
  EXPECT_EQ(get(), "");
  EXPECT_EQ(found(), bytes_);
}

TEST_F(Http, StartsAgainWhereTooMuchIsThere) {
  server_.serve("/f", {.body = bytes_});
  write_file(part(), bytes_ + "more");
  EXPECT_EQ(get(), "");
  EXPECT_EQ(found(), bytes_);
  // Of unknown size, the server says that there is nothing behind the end: 416.
  write_file(part(), bytes_ + "more");
  EXPECT_EQ(fetch({.url = server_.url("/f"), .part = part()}), std::nullopt);
}

TEST_F(Http, FollowsRedirections) {
  server_.serve("/f", {.body = bytes_});
  server_.serve("/moved", {.redirect_to = server_.url("/f")});
  EXPECT_EQ(get("/moved"), "");
  EXPECT_EQ(found(), bytes_);
  server_.serve("/local", {.redirect_to = "file:///etc/passwd"});
  std::filesystem::remove(part());
  EXPECT_THAT(get("/local"), HasSubstr("file"));
  server_.serve("/round", {.redirect_to = server_.url("/round")});
  EXPECT_NE(get("/round"), "");
  EXPECT_EQ(found(), "");
}

TEST_F(Http, HttpErrorsAreNamed) {
  EXPECT_EQ(get("/none"), "HTTP status 404");
  server_.serve("/f", {.body = "busy", .status = 503});
  EXPECT_EQ(get(), "HTTP status 503");
  EXPECT_EQ(found(), "");
}

TEST_F(Http, PagesDoNotGetIntoTheFile) {
  server_.serve("/typed", {.body = "<p>Please log in</p>", .content_type = "text/html; charset=utf-8"});
  server_.serve("/untyped", {.body = "\n<!DOCTYPE html><html></html>"});
  for (const char* path : {"/typed", "/untyped"}) {
    EXPECT_THAT(get(path), HasSubstr("HTML page")) << path;
    EXPECT_EQ(found(), "");
  }
  // Nor does a page, of a server that knows no ranges, throw away what is there.
  write_file(part(), bytes_.substr(0, 1'000));
  for (const bool ranges : {false, true}) {
    server_.serve("/typed", {.body = some_bytes(5'000), .content_type = "text/html", .ranges = ranges});
    EXPECT_THAT(get("/typed"), HasSubstr("HTML page"));
    EXPECT_EQ(found(), bytes_.substr(0, 1'000));
  }
}

TEST_F(Http, OtherLengthsAreRefused) {
  server_.serve("/f", {.body = bytes_ + "x"});
  EXPECT_THAT(get(), HasSubstr("offers 300001 bytes, expected 300000"));
  server_.serve("/f", {.body = bytes_.substr(1)});
  EXPECT_THAT(get(), HasSubstr("offers 299999 bytes"));
  EXPECT_EQ(found(), "");
  server_.serve("/f", {.body = bytes_ + bytes_, .length = false});
  EXPECT_THAT(get(), HasSubstr("more than the 300000 bytes"));
  EXPECT_LE(found().size(), bytes_.size());
}

TEST_F(Http, WhatCameBeforeAnAbortIsKept) {
  server_.serve("/f", {.body = bytes_, .cut_after = 200'000});
  EXPECT_THAT(get(), HasSubstr("after 200000 bytes"));
  EXPECT_EQ(found(), bytes_.substr(0, 200'000));
  EXPECT_EQ(get(), "");  // the next reply sends the rest
  EXPECT_EQ(found(), bytes_);
  std::filesystem::remove(part());
  server_.serve("/f", {.body = bytes_, .length = false, .cut_after = 7});
  EXPECT_THAT(get(), HasSubstr("sent 7 bytes in all, expected 300000"));
}

TEST_F(Http, AStallIsNoticed) {
  server_.serve("/f", {.body = bytes_, .cut_after = 1'000, .stall = true});
  EXPECT_THAT(get(), HasSubstr("no data for 1 s, after 1000 bytes"));
  EXPECT_EQ(found().size(), 1'000u);
}

TEST_F(Http, NoServerIsNamed) {
  EXPECT_THAT(fetch({.url = "http://127.0.0.1:1/f", .part = part()}).value_or(""), HasSubstr("connect"));
  EXPECT_NE(fetch({.url = "file:///etc/passwd", .part = part()}), std::nullopt);
  EXPECT_EQ(found(), "");
}

TEST_F(Http, ExceptionsOfTheObserverComeThrough) {
  server_.serve("/f", {.body = bytes_});
  const auto stop = [](uint64_t, uint64_t, double) { throw Error("stop"); };
  EXPECT_ERROR(fetch({.url = server_.url("/f"), .part = part(), .on_progress = stop}), "stop");
}

TEST_F(Http, FilesThatCannotBeWrittenAreErrors) {
  server_.serve("/f", {.body = bytes_});
  EXPECT_ERROR(fetch({.url = server_.url("/f"), .part = folder_ / "none/f.part"}), "none/f.part", "No such file");

  // A limit on the size of files stands for a disk that fills.
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old;
  limit.rlim_cur = 100'000;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_ERROR(get(), "cannot write", "f.part", "File too large");
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(found(), bytes_.substr(0, 100'000));
  EXPECT_EQ(get(), "");
  EXPECT_EQ(found(), bytes_);
}

TEST_F(Http, TwoWritersAreOneTooMany) {
  write_file(part(), "abc");
  const int fd = ::open(part().c_str(), O_WRONLY);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_ERROR(get(), "f.part", "another process");
  ::close(fd);
}

}  // namespace
}  // namespace odenet::data
