// An HTTP server on the loopback interface, in a thread of the test, that serves well and badly.
//
//   HttpServer server;
//   server.serve("/a.bin", {.body = bytes, .cut_after = 100});   // closes the connection after 100 bytes of a reply
//   download(server.url("/a.bin"));
//   EXPECT_EQ(server.requests()[1].range_start, 100u);
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace odenet::testing {

struct Page {
  std::string body{};
  std::string content_type = "application/octet-stream";
  int status = 200;
  bool ranges = true;                        // answers requests for the rest of the file; else always sends it whole
  bool length = true;                        // announces the length
  size_t cut_after = std::string::npos;      // bytes of the body that a reply sends before ...
  bool stall = false;                        // ... it waits for the client to give up, instead of closing
  std::optional<std::string> redirect_to{};  // URL
};

struct HttpRequest {
  std::string path;
  std::optional<size_t> range_start;  // "Range: bytes=N-"
};

class HttpServer {
 public:
  HttpServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, generic, size) != 0 || ::listen(socket_, 16) != 0 ||
        ::getsockname(socket_, generic, &size) != 0)
      throw std::runtime_error("cannot listen on the loopback interface");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~HttpServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

  // What is not served is a 404.
  void serve(const std::string& path, Page page) {
    const std::lock_guard lock(mutex_);
    pages_[path] = std::move(page);
  }

  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    for (int client; (client = ::accept(socket_, nullptr, nullptr)) >= 0; ::close(client)) answer(client);
  }

  void answer(int client) {
    std::string request;
    char block[4096];
    while (request.find("\r\n\r\n") == request.npos) {
      const ssize_t n = ::recv(client, block, sizeof(block), 0);
      if (n <= 0) return;
      request.append(block, static_cast<size_t>(n));
    }
    const size_t begin = request.find(' ') + 1;
    HttpRequest parsed{request.substr(begin, request.find(' ', begin) - begin), {}};
    const size_t range = request.find("Range: bytes=");
    if (range != request.npos) parsed.range_start = std::stoul(request.substr(range + 13));
    Page page{.body = "<html>not found</html>", .content_type = "text/html", .status = 404};
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(parsed);
      if (pages_.contains(parsed.path)) page = pages_[parsed.path];
    }
    reply(client, page, parsed.range_start);
  }

  static void reply(int client, const Page& page, std::optional<size_t> range_start) {
    size_t start = 0;
    int status = page.redirect_to ? 302 : page.status;
    std::string headers = "Content-Type: " + page.content_type + "\r\nConnection: close\r\n";
    if (page.redirect_to) headers += "Location: " + *page.redirect_to + "\r\n";
    if (page.ranges && range_start && status == 200) {
      const std::string total = std::to_string(page.body.size());
      status = *range_start < page.body.size() ? 206 : 416;
      start = status == 206 ? *range_start : page.body.size();
      headers += "Content-Range: bytes " +
                 (status == 416 ? "*" : std::to_string(start) + "-" + std::to_string(page.body.size() - 1)) + "/" +
                 total + "\r\n";
    }
    const std::string body = page.body.substr(start);
    if (page.length) headers += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    send_all(client,
             "HTTP/1.1 " + std::to_string(status) + " status\r\n" + headers + "\r\n" + body.substr(0, page.cut_after));
    if (!page.stall) return;
    pollfd closed{client, POLLIN | POLLRDHUP, 0};  // until the client hangs up
    ::poll(&closed, 1, 20'000);
  }

  static void send_all(int client, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = ::send(client, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<size_t>(n);
    }
  }

  int socket_;
  int port_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Page> pages_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

}  // namespace odenet::testing
