// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/address.hpp"
#include "base/protocol.hpp"
#include "base/result.hpp"
#include "cli/agent_document.hpp"
#include "cli/command.hpp"
#include "cli/json_members.hpp"
#include "cli/limits.hpp"
#include "cli/obstacles.hpp"
#include "model/mapped_ports.hpp"

namespace masq::cli {
namespace {

Result<Address> parse_address(std::string_view name, const std::string& text) {
  auto address = Address::parse(text);
  if (!address) return fail("{}: {:?}: an address is expected", name, text);
  return address;
}

Result<std::uint16_t> parse_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto* const past_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), past_end, port);
  if (error != std::errc() || end != past_end || port == 0)
    return fail("--dport: {:?}: a port from 1 to 65535 is expected", text);
  return port;
}

bool has_ports(std::uint8_t protocol) {
  return has_mapped_port(protocol) || protocol == IPPROTO_SCTP;
}

Result<void> parse_protocol_and_port(const Arguments& arguments, Question& question) {
  if (arguments.dport) {
    TRY(question.port, parse_port(*arguments.dport));
    question.protocol = IPPROTO_TCP;
  }
  if (!arguments.proto) return {};
  auto protocols = parse_protocol(*arguments.proto);
  if (!protocols) return fail_with("--proto", protocols.error());
  // "icmp" means the protocol of both families; select that of the destination.
  question.protocol = question.destination.family() == Family::ipv4 ? protocols->front() : protocols->back();
  if (question.port && !has_ports(*question.protocol))
    return fail("--dport: {}: {} has no ports", *question.port, protocol_name(*question.protocol));
  return {};
}

Result<Question> parse_question(const Arguments& arguments) {
  Question question;
  TRY(auto source, parse_address("SRC", arguments.source));
  TRY(auto destination, parse_address("DST", arguments.destination));
  question.source = source;
  question.destination = destination;
  TRY_DO(parse_protocol_and_port(arguments, question));
  return question;
}

std::string target_of(const Question& question) {
  return fmt::format("/v1/explain?source={}&destination={}", question.source.to_string(),
                     question.destination.to_string());
}

// Adds the existing mappings of this connection, and what the first packet of another one finds. Adds nothing when the
// table cannot be read.
void add_table_facts(const CommandContext& context, const Question& question, nlohmann::ordered_json& answer) {
  const auto outlook = outlook_of(context, question, limits_of(answer));
  if (!outlook) return;
  answer["mappingsAlive"] = outlook->alive;
  if (!flag_of(answer, "masqueraded")) return;
  answer["obstacles"] = outlook->obstacles;
  answer["notes"] = outlook->notes;
}

std::string render_route(const nlohmann::ordered_json& route) {
  if (!route.is_object()) return {};
  if (const auto error = text_of(route, "error"); !error.empty()) return fmt::format("the kernel: {}\n", error);
  const auto gateway = text_of(route, "gateway");
  std::string others;
  for (const auto& device : member(route, "devices"))
    if (device.is_string() && device != member(route, "device")) others += " or " + text_of(device);
  auto text =
      fmt::format("leaves by {}{}{}: table {} ({})\n", text_of(route, "device"),
                  gateway.empty() ? "" : " via " + gateway, others, number_of(route, "table"), text_of(route, "rule"));
  if (const auto rule = text_of(route, "ruleForMarks"); !rule.empty())
    text += fmt::format("a packet with a mark may leave another way: {}\n", rule);
  return text;
}

std::string render(const nlohmann::ordered_json& answer) {
  auto text = text_of(answer, "verdict") + "\n" + render_route(member(answer, "route"));
  if (const auto device = text_of(answer, "sourceDevice"); !device.empty())
    text += fmt::format("the source is behind {}: first packets from elsewhere are dropped, spoofed_source\n", device);
  for (const auto& obstacle : member(answer, "obstacles")) text += fmt::format("now dropped: {}\n", text_of(obstacle));
  for (const auto& note : member(answer, "notes")) text += text_of(note) + "\n";
  if (const auto alive = number_of(answer, "mappingsAlive"); alive > 0)
    text += fmt::format("{}: existing connections keep their original decision\n",
                        alive == 1 ? "1 mapping exists" : fmt::format("{} mappings exist", alive));
  return text;
}

}  // namespace

int explain_connection(const CommandContext& context, const Arguments& arguments) {
  const auto question = parse_question(arguments);
  if (!question) return exit_with_error(context, exit_wrong_use, question.error());
  auto answer = query_document(context, target_of(*question));
  if (!answer) return exit_with_error(context, answer.error().exit, answer.error().error);
  add_table_facts(context, *question, *answer);
  context.out(arguments.json ? document_text(*answer) : render(*answer));
  return exit_done;
}

}  // namespace masq::cli
