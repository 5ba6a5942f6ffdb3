#include "data/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>

#include "core/error.h"

namespace odenet::data {

namespace {

// The file of a transfer, appended to and locked against a second process.
class PartFile {
 public:
  explicit PartFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (fd_ < 0) throw failure();
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(fd_);
    throw Error("{} is being written by another process; wait for it, or stop it", path.string());
  }
  ~PartFile() { ::close(fd_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  uint64_t size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) throw failure();
    return static_cast<uint64_t>(status.st_size);
  }

  void clear() {
    if (::ftruncate(fd_, 0) != 0) throw failure();
  }

  void append(const char* data, size_t size) {
    while (size > 0) {
      const ssize_t n = ::write(fd_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw failure();
      data += n;
      size -= static_cast<size_t>(n);
    }
  }

 private:
  Error failure() const { return Error("cannot write {}: {}", path_.string(), std::strerror(errno)); }

  std::filesystem::path path_;
  int fd_;
};

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHtml = "it sent an HTML page instead of the file";

bool starts_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && ::strncasecmp(text.data(), start.data(), start.size()) == 0;
}

bool is_html(std::string_view body) {
  body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
  return starts_with(body, "<!doctype html") || starts_with(body, "<html");
}

// A transfer under way. Exceptions must not pass through libcurl, so they wait in error_.
class Session {
 public:
  Session(const Transfer& transfer, PartFile& file)
      : transfer_(transfer), file_(file), offset_(file.size()), curl_(curl_easy_init(), curl_easy_cleanup) {
    if (!curl_) throw Error("cannot download {}: libcurl does not start", transfer.url);
    set(CURLOPT_URL, transfer.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "odenet");
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(transfer.stall_seconds));
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_WRITEFUNCTION, &Session::write);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Session::progress);
    set(CURLOPT_XFERINFODATA, this);
    if (offset_ > 0) set(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(offset_));
  }

  std::optional<std::string> run() {
    const CURLcode code = curl_easy_perform(curl_.get());
    if (error_) std::rethrow_exception(error_);
    if (code == CURLE_RANGE_ERROR && sent_html()) refusal_ = kHtml;
    if (!refusal_.empty()) return refusal_;
    if (code == CURLE_HTTP_RETURNED_ERROR) return fmt::format("HTTP status {}", info<long>(CURLINFO_RESPONSE_CODE));
    if (code == CURLE_OPERATION_TIMEDOUT) return fmt::format("no connection within {} s", transfer_.stall_seconds);
    if (code != CURLE_OK)
      return fmt::format("{} (after {} bytes)", message_[0] != '\0' ? message_.data() : curl_easy_strerror(code),
                         file_.size());
    if (transfer_.bytes > 0 && file_.size() != transfer_.bytes)
      return fmt::format("it sent {} bytes in all, expected {}", file_.size(), transfer_.bytes);
    return std::nullopt;
  }

  // Whether the server cannot continue at an offset, or has less than that.
  bool cannot_resume(const std::optional<std::string>& failure) {
    if (!refusal_.empty()) return false;
    const long status = info<long>(CURLINFO_RESPONSE_CODE);
    return failure && offset_ > 0 && (status == 200 || status == 416);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(curl_.get(), option, value) != CURLE_OK)
      throw Error("cannot download {}: this libcurl does not know option {}", transfer_.url, int{option});
  }

  template <typename Value>
  Value info(CURLINFO key) {
    Value value{};
    curl_easy_getinfo(curl_.get(), key, &value);
    return value;
  }

  bool sent_html() {
    const char* const type = info<const char*>(CURLINFO_CONTENT_TYPE);
    return type != nullptr && starts_with(type, "text/html");
  }

  // Why these first bytes cannot be those of the file; empty if they can.
  std::string refuse(std::string_view start) {
    if (sent_html() || (offset_ == 0 && is_html(start))) return std::string(kHtml);
    const curl_off_t length = info<curl_off_t>(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    const auto total = offset_ + static_cast<uint64_t>(std::max<curl_off_t>(length, 0));
    if (transfer_.bytes > 0 && length > 0 && total != transfer_.bytes)
      return fmt::format("it offers {} bytes, expected {}", total, transfer_.bytes);
    return {};
  }

  size_t receive(std::string_view data) {
    if (!begun_) refusal_ = refuse(data);
    begun_ = true;
    if (refusal_.empty() && transfer_.bytes > 0 && file_.size() + data.size() > transfer_.bytes)
      refusal_ = fmt::format("it sent more than the {} bytes that are expected", transfer_.bytes);
    if (!refusal_.empty()) return 0;  // makes libcurl stop
    file_.append(data.data(), data.size());
    return data.size();
  }

  static size_t write(char* data, size_t, size_t size, void* self) {
    auto* const session = static_cast<Session*>(self);
    try {
      return session->receive({data, size});
    } catch (...) {
      session->error_ = std::current_exception();
      return 0;
    }
  }

  // Called by libcurl at least once a second. (Its own limit on low speed looks at an average over the last seconds.)
  void observe(uint64_t total, uint64_t now) {
    const auto time = Clock::now();
    if (now != last_bytes_) last_time_ = time;
    last_bytes_ = now;
    if (time - last_time_ > std::chrono::seconds(transfer_.stall_seconds))
      refusal_ = fmt::format("no data for {} s, after {} bytes", transfer_.stall_seconds, file_.size());
    if (!transfer_.on_progress || now == 0) return;
    const uint64_t whole = transfer_.bytes > 0 ? transfer_.bytes : total > 0 ? offset_ + total : 0;
    transfer_.on_progress(offset_ + now, whole, static_cast<double>(info<curl_off_t>(CURLINFO_SPEED_DOWNLOAD_T)));
  }

  static int progress(void* self, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
    auto* const session = static_cast<Session*>(self);
    try {
      session->observe(static_cast<uint64_t>(total), static_cast<uint64_t>(now));
      return session->refusal_.empty() ? 0 : 1;
    } catch (...) {
      session->error_ = std::current_exception();
      return 1;
    }
  }

  const Transfer& transfer_;
  PartFile& file_;
  const uint64_t offset_;
  std::unique_ptr<CURL, void (*)(CURL*)> curl_;
  std::array<char, CURL_ERROR_SIZE> message_{};
  bool begun_ = false;
  uint64_t last_bytes_ = 0;  // of this transfer, and when they last grew
  Clock::time_point last_time_ = Clock::now();
  std::string refusal_;
  std::exception_ptr error_;
};

}  // namespace

std::optional<std::string> fetch(const Transfer& transfer) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error("cannot download {}: libcurl does not start", transfer.url);
  PartFile file(transfer.part);
  if (transfer.bytes > 0 && file.size() == transfer.bytes) return std::nullopt;
  if (transfer.bytes > 0 && file.size() > transfer.bytes) file.clear();
  while (true) {
    Session session(transfer, file);
    const auto failure = session.run();
    if (!session.cannot_resume(failure)) return failure;
    file.clear();  // from the start, then
  }
}

}  // namespace odenet::data
