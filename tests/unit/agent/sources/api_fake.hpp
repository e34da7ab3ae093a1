// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kubernetes/api.hpp"
#include "kubernetes/http_client.hpp"

namespace masq::agent {

// The API server of a source under test: its last request waits for an answer.
class ApiFake {
 public:
  kubernetes::StartRequest requests() {
    return [this](const kubernetes::ApiRequest& request, kubernetes::HttpHandlers handlers) {
      queries.push_back(request.path_and_query);
      handlers_ = std::move(handlers);
      return Result<std::unique_ptr<kubernetes::HttpClient::Exchange>>(
          std::make_unique<kubernetes::HttpClient::Exchange>());
    };
  }
  // `items`: JSON objects, separated by commas.
  void answer_list(const std::string& items) {
    say(fmt::format(R"({{"metadata":{{"resourceVersion":"1"}},"items":[{}]}})", items));
    end(200);
  }
  // An event of the open watch.
  void tell(const std::string& type, const std::string& object) {
    say(fmt::format(R"({{"type":"{}","object":{}}})", type, object));
  }
  // The version of the watch is forgotten.
  void gone() {
    const auto told = handlers_.received(200, R"({"type":"ERROR","object":{"code":410}})");
    end(std::unexpected(told.error()));
  }
  void refuse(const std::string& why) { end(fail("{}", why)); }

  std::vector<std::string> queries;

 private:
  void say(const std::string& text) {
    handlers_.began(200);
    ASSERT_TRUE(handlers_.received(200, text));
  }
  void end(Result<int> status) {
    const auto ended = handlers_.ended;
    ended(std::move(status));
  }

  kubernetes::HttpHandlers handlers_;
};

}  // namespace masq::agent
