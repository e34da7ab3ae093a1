// SPDX-License-Identifier: Apache-2.0
#include "datapath/netfilter/nft.hpp"

#include <fmt/format.h>
#include <nftables/libnftables.h>

#include <expected>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace masq::netfilter {
namespace {

Error first_line(const char* message) {
  std::string_view text = message == nullptr ? "" : message;
  text = text.substr(0, text.find('\n'));
  if (text.empty()) text = "no reason given";
  constexpr std::string_view prefix = "Error: ";
  // "FILE:LINE:COLUMNS: Error: why" for an error in the commands.
  if (const auto found = text.find(prefix); found != std::string_view::npos) text.remove_prefix(found + prefix.size());
  return {fmt::format("nftables: {}", text)};
}

}  // namespace

void Nft::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Result<Nft> Nft::open() {
  Nft nft(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!nft.context_) return fail("nftables: no context: out of memory");
  nft_ctx_buffer_output(nft.context_.get());
  nft_ctx_buffer_error(nft.context_.get());
  return nft;
}

Result<void> Nft::run(const std::string& commands) {
  if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) != 0)
    return std::unexpected(first_line(nft_ctx_get_error_buffer(context_.get())));
  nft_ctx_get_error_buffer(context_.get());  // clears warnings, which would appear in the next error
  return {};
}

Result<void> Nft::check(const std::string& commands) {
  nft_ctx_set_dry_run(context_.get(), true);
  auto done = run(commands);
  nft_ctx_set_dry_run(context_.get(), false);
  return done;
}

// Uses a separate context, because libnftables 1.0.6 otherwise uses the cache of one query for the next one.
Result<std::string> Nft::list(const std::string& command, Form form) {
  TRY(auto reader, open());
  auto* const context = reader.context_.get();
  // Numeric output does not depend on files of names (protocols, marks).
  unsigned flags = NFT_CTX_OUTPUT_NUMERIC_ALL;
  if (form == Form::json) flags |= NFT_CTX_OUTPUT_JSON;
  if (form == Form::terse) flags |= NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE;
  if (form == Form::rules) flags = NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS;
  nft_ctx_output_set_flags(context, flags);
  TRY_DO(reader.run(command));
  return nft_ctx_get_output_buffer(context);
}

}  // namespace masq::netfilter
