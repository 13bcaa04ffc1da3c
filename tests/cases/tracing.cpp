// SPDX-License-Identifier: GPL-2.0-only
// What the driver tells when it is asked to: trace events and debug messages.
#include <gmock/gmock.h>

#include "cases/lib/connected.h"
#include "cases/lib/kernel_log.h"
#include "cases/lib/two_hosts.h"

namespace {

using namespace cases;
using testing::ContainsRegex;
using testing::HasSubstr;

/// The driver's trace events are on while the object lives.
class TraceEvents {
  public:
    TraceEvents() {
        write_text(kTrace, "\n");
        write_text(kEnable, "1");
    }
    TraceEvents(TraceEvents&&) = delete;
    TraceEvents& operator=(TraceEvents&&) = delete;
    TraceEvents(const TraceEvents&) = delete;
    TraceEvents& operator=(const TraceEvents&) = delete;
    ~TraceEvents() {
        try {
            write_text(kEnable, "0");
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    [[nodiscard]] static std::string text() { return read_text(kTrace); }

  private:
    static constexpr const char* kTrace = "/sys/kernel/tracing/trace";
    static constexpr const char* kEnable = "/sys/kernel/tracing/events/ipoib/enable";
};

class Tracing : public TwoHosts {
  protected:
    /// An interface that starts anew, asks for a path and loses its link.
    void let_things_happen() {
        b().dev.down();
        b().dev.up();
        b().dev.wait_running();
        b().ping(a().ip4, 3, {"-W", "30"});
        Fabric::control("vib1/link", "0");
        b().dev.wait_no_carrier();
        Fabric::control("vib1/link", "1");
        b().dev.wait_running();
    }
};

TEST_F(Tracing, EventsTellWhatWaitsAndWhatIsAskedOfTheFabric) {
    const TraceEvents events;
    let_things_happen();
    const std::string text = TraceEvents::text();
    const std::string& name = b().dev.name();
    for (const char* event : {"oper", "event", "path_query", "path_answer", "mcast_join",
                              "mcast_answer", "mcast_leave", "park"}) {
        EXPECT_THAT(text, HasSubstr("ipoib_" + std::string(event) + ": " + name + ": ")) << event;
    }
}

TEST_F(Tracing, EventsFollowAConnection) {
    const TraceEvents events;
    connect_mode(b());
    connect_mode(a());
    wait_connected(a(), b());
    wait_connected(b(), a());
    a().dev.down();
    wait_until("the other side has noticed", [&] {
        return TraceEvents::text().find("ipoib_cm_leave: " + b().dev.name()) != std::string::npos;
    });
    const std::string text = TraceEvents::text();
    EXPECT_THAT(text, HasSubstr("ipoib_cm_accept: " + a().dev.name() + ": "));
    EXPECT_THAT(text, HasSubstr("ipoib_cm_accept: " + b().dev.name() + ": "));
    // Of enum ipoib_cm_state: idle, resolving, requesting, connected; then dead.
    for (const char* step : {"0 -> 1", "1 -> 2", "2 -> 3", "3 -> 6"}) {
        EXPECT_THAT(text, ContainsRegex("ipoib_cm_peer: " + a().dev.name() + ": .* connection " +
                                        step + "\n"));
    }
}

TEST_F(Tracing, DebugMessagesComeWhenTheirLevelsAreSet) {
    const std::string levels = "/sys/module/ib_ipoib/parameters/";
    const KernelLogMark quiet;
    let_things_happen();
    EXPECT_EQ(quiet.text().find("joining -> running"), std::string::npos);
    write_text(levels + "debug_level", "1");
    write_text(levels + "mcast_debug_level", "1");
    const KernelLogMark mark;
    let_things_happen();
    mark.wait_for("joining -> running");
    mark.wait_for("joined, mlid 0x");
    mark.wait_for(" left\n");
    mark.wait_for("event: port ");
}

}  // namespace
