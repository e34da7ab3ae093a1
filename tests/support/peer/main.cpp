// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/peer/request.hpp"
#include "tests/support/peer/sockets.hpp"

namespace {

using masq::peer::Request;

constexpr auto usage = R"(Both ends of the scenarios' traffic.

serve PROTOCOL PORT --log FILE --ready FILE   answers, and notes each caller: PROTOCOL SOURCE SPORT DESTINATION DPORT
ask PROTOCOL ADDRESS PORT [--size BYTES]      one request; prints "SOURCE SPORT" as the server saw them
chat ADDRESS PORT --progress FILE             one TCP connection, numbered lines; the count is kept in FILE
transfer down|up ADDRESS PORT --progress FILE one TCP connection, every byte compared; the count is kept in FILE
crowd PROTOCOL ADDRESS PORT COUNT --progress FILE  COUNT connections at once; FILE: how many were answered
hold PROTOCOL ADDRESS PORT COUNT --progress FILE   COUNT connections that ask again and again, and that the server has to
                                              see under the same endpoint each time; the rounds are kept in FILE
knock ADDRESS PORT --progress FILE            one TCP connection after the other, each of which has to be answered

All clients: [--source ADDRESS] [--source-port PORT] [--timeout SECONDS] [--pause SECONDS]; hold: [--retries COUNT].
The last five end when FILE.stop exists; any break or wrong byte is exit 1 with a line on standard error.)";

struct Verb {
  void (*run)(const Request&);
  std::vector<std::string> words;  // its arguments, in order
  double timeout;                  // by default, in seconds
};

const std::map<std::string, Verb> verbs = {
    {"serve", {masq::peer::serve, {"protocol", "port"}, 0}},
    {"ask", {masq::peer::ask, {"protocol", "address", "port"}, 2}},
    {"chat", {masq::peer::chat, {"address", "port"}, 10}},
    {"transfer", {masq::peer::transfer, {"direction", "address", "port"}, 10}},
    {"crowd", {masq::peer::crowd, {"protocol", "address", "port", "count"}, 2}},
    {"hold", {masq::peer::hold, {"protocol", "address", "port", "count"}, 10}},
    {"knock", {masq::peer::knock, {"address", "port"}, 10}},
};

template <class T>
T number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') masq::peer::die("no number: " + text);
  return static_cast<T>(value);
}

// Words and options by name.
using Set = void (*)(Request&, const std::string&);
const std::map<std::string, Set> values = {
    {"protocol", [](auto& request, auto& value) { request.protocol = value; }},
    {"direction", [](auto& request, auto& value) { request.direction = value; }},
    {"address", [](auto& request, auto& value) { request.address = value; }},
    {"port", [](auto& request, auto& value) { request.port = number<std::uint16_t>(value); }},
    {"count", [](auto& request, auto& value) { request.count = number<int>(value); }},
    {"log", [](auto& request, auto& value) { request.log = value; }},
    {"ready", [](auto& request, auto& value) { request.ready = value; }},
    {"progress", [](auto& request, auto& value) { request.progress = value; }},
    {"size", [](auto& request, auto& value) { request.size = number<std::size_t>(value); }},
    {"retries", [](auto& request, auto& value) { request.retries = number<int>(value); }},
    {"source", [](auto& request, auto& value) { request.source = value; }},
    {"source-port", [](auto& request, auto& value) { request.source_port = number<std::uint16_t>(value); }},
    {"timeout", [](auto& request, auto& value) { request.timeout = number<double>(value); }},
    {"pause", [](auto& request, auto& value) { request.pause = number<double>(value); }},
};

void read_options(Request& request, int count, char** words) {
  std::vector<option> options;
  for (const auto& [name, set] : values) options.push_back({name.c_str(), required_argument, nullptr, 0});
  options.push_back({});
  int index = 0, result = 0;
  while ((result = getopt_long(count, words, "", options.data(), &index)) != -1) {
    if (result != 0) std::exit(2);
    values.at(options[static_cast<std::size_t>(index)].name)(request, optarg);
  }
}

}  // namespace

int main(int count, char** words) {
  Request request;
  request.verb = count > 1 ? words[1] : "";
  masq::peer::set_verb_of_messages(request.verb);
  const auto verb = verbs.find(request.verb);
  if (verb == verbs.end()) masq::peer::die(usage);
  request.timeout = verb->second.timeout;
  read_options(request, count, words);
  ++optind;  // the verb
  for (const std::string& name : verb->second.words) {
    if (optind >= count) masq::peer::die("no " + name + "\n" + usage);
    values.at(name)(request, words[optind++]);
  }
  std::signal(SIGPIPE, SIG_IGN);
  verb->second.run(request);
  return 0;
}
