// EXPECT_ERROR(load("x"), "x", "expected 5 bytes"): the expression throws odenet::Error, and its message has all of
// these parts.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"

namespace odenet::testing {

inline void expect_error(const std::function<void()>& action, const char* text, const std::vector<std::string>& parts) {
  try {
    action();
  } catch (const Error& error) {
    for (const std::string& part : parts) EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr(part));
    return;
  }
  ADD_FAILURE() << text << " did not throw odenet::Error";
}

}  // namespace odenet::testing

#define EXPECT_ERROR(expression, ...)                                                                    \
  do {                                                                                                   \
    SCOPED_TRACE(#expression);                                                                           \
    ::odenet::testing::expect_error([&] { static_cast<void>(expression); }, #expression, {__VA_ARGS__}); \
  } while (false)
