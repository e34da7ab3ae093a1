// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer/watch_filter.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>

namespace masq::watch {
namespace {

constexpr std::uint32_t ethertype = SKF_AD_OFF + SKF_AD_PROTOCOL;
constexpr std::uint32_t ip_header = SKF_NET_OFF;

// Appends steps; a jump names a label, and "" is the next step.
class Assembler {
 public:
  void step(std::uint16_t code, std::uint32_t k) { program_.push_back({code, 0, 0, k}); }
  void load_word(std::uint32_t at) { step(BPF_LD | BPF_W | BPF_ABS, ip_header + at); }
  void load_byte(std::uint32_t at) { step(BPF_LD | BPF_B | BPF_ABS, ip_header + at); }
  void label(const std::string& name) { places_[name] = program_.size(); }

  void jump_if(std::uint32_t value, const std::string& then, const std::string& otherwise = "") {
    jumps_.push_back({program_.size(), then, otherwise});
    step(BPF_JMP | BPF_JEQ | BPF_K, value);
  }

  template <class Values>
  void accept_any_of(const Values& values) {
    for (const auto value : values) jump_if(value, "accept");
  }

  std::vector<sock_filter> finish() {
    for (const Jump& jump : jumps_) {
      program_[jump.from].jt = distance(jump.from, jump.then);
      program_[jump.from].jf = distance(jump.from, jump.otherwise);
    }
    return program_;
  }

 private:
  struct Jump {
    std::size_t from;
    std::string then, otherwise;
  };

  std::uint8_t distance(std::size_t from, const std::string& to) {
    return to.empty() ? 0 : static_cast<std::uint8_t>(places_.at(to) - from - 1);
  }

  std::vector<sock_filter> program_;
  std::vector<Jump> jumps_;
  std::map<std::string, std::size_t> places_;
};

std::uint32_t word_of(const Network& network, unsigned word) {
  const std::uint8_t* bytes = &network.base[word * 4UL];
  return static_cast<std::uint32_t>(bytes[0]) << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

std::uint32_t mask_of(const Network& network, unsigned word) {
  const int bits = std::clamp(static_cast<int>(network.length) - static_cast<int>(word * 32), 0, 32);
  return bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
}

// The source address stands at `offset` of the IP header.
void accept_sources(Assembler& out, const std::vector<Network>& networks, int family, std::uint32_t offset) {
  const unsigned words = family == AF_INET ? 1 : 4;
  for (std::size_t number = 0; number < networks.size(); ++number) {
    if (networks[number].family != family) continue;
    const std::string next = "not network " + std::to_string(number);
    for (unsigned word = 0; word < words; ++word) {
      out.load_word(offset + 4 * word);
      out.step(BPF_ALU | BPF_AND | BPF_K, mask_of(networks[number], word));
      out.jump_if(word_of(networks[number], word), word + 1 == words ? "accept" : "", next);
    }
    out.label(next);
  }
}

}  // namespace

std::vector<sock_filter> filter_for(const std::vector<Network>& networks) {
  Assembler out;
  out.step(BPF_LD | BPF_W | BPF_ABS, ethertype);
  out.accept_any_of(tag_kinds);
  out.jump_if(0x86DD, "IPv6");
  out.jump_if(0x0800, "", "reject");

  accept_sources(out, networks, AF_INET, 12);
  out.load_byte(9);
  out.jump_if(IPPROTO_ICMP, "", "reject");
  out.load_byte(0);  // X: four times the header length
  out.step(BPF_ALU | BPF_AND | BPF_K, 15);
  out.step(BPF_ALU | BPF_LSH | BPF_K, 2);
  out.step(BPF_MISC | BPF_TAX, 0);
  out.step(BPF_LD | BPF_B | BPF_IND, ip_header);  // the ICMP type
  out.accept_any_of(icmp_errors);
  out.label("reject");
  out.step(BPF_RET | BPF_K, 0);

  out.label("IPv6");
  accept_sources(out, networks, AF_INET6, 8);
  out.load_byte(6);
  out.accept_any_of(extension_headers);
  out.jump_if(IPPROTO_ICMPV6, "", "reject too");
  out.load_byte(40);
  out.accept_any_of(icmp6_errors);
  out.label("reject too");
  out.step(BPF_RET | BPF_K, 0);
  out.label("accept");
  out.step(BPF_RET | BPF_K, 0x40000);
  return out.finish();
}

}  // namespace masq::watch
