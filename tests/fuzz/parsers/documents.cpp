// SPDX-License-Identifier: Apache-2.0
// Documents that masqd sends to masq.
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "datapath/event_json.hpp"
#include "model/desired_json.hpp"
#include "target.hpp"

namespace masq::fuzz {

void fuzz_documents(Input input) {
  const auto text = text_of(input);
  if (const auto event = parse_event_json(text)) {
    const auto again = parse_event_json(render_event_json(*event));
    require(again.has_value(), "a rendered event is one");
  }
  const auto document = nlohmann::ordered_json::parse(text, nullptr, false);
  if (document.is_discarded()) return;
  if (const auto desired = desired_from_json(document)) {
    const auto again = desired_from_json(desired_to_json(*desired));
    require(again && *again == *desired, "a rendered desired state is the same");
  }
}

}  // namespace masq::fuzz
