// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace cases {

/// Values of enum ib_wc_status for the fault wc_status.
enum WcStatus : int {
    kLocLen = 1,
    kLocQpOp = 2,
    kLocProt = 4,
    kFlush = 5,
    kLocAccess = 8,
    kRetryExceeded = 12,
    kFatal = 19,
    kResponseTimeout = 20,
    kGeneral = 21,
};

/// A rule of vib's fault injection, as written to its file "faults". In force
/// while the object lives.
class FaultRule {
  public:
    /// Adds the rule. Throws when vib does not understand it.
    explicit FaultRule(const std::string& text);
    FaultRule(FaultRule&& other) noexcept : id_(std::exchange(other.id_, 0)) {}
    FaultRule& operator=(FaultRule&& other) noexcept;
    FaultRule(const FaultRule&) = delete;
    FaultRule& operator=(const FaultRule&) = delete;
    ~FaultRule();

    /// A rule that never strikes: seen() counts what the words pick, say
    /// "class=sa dir=tx hca=1". Rules that drop the same packets must come later.
    static FaultRule counter(const std::string& words);

    /// Times it struck.
    [[nodiscard]] uint64_t hits() const { return number("hits="); }
    /// Times it could have struck.
    [[nodiscard]] uint64_t seen() const { return number("seen="); }
    /// Ends the fault now.
    void remove();

  private:
    [[nodiscard]] uint64_t number(const std::string& key) const;

    unsigned id_ = 0;
};

}  // namespace cases
