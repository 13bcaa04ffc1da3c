// SPDX-License-Identifier: GPL-2.0-only
// What the driver and vib find out about a kernel, each answer on a made-up
// kernel that has the feature and on one that lacks it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "vm/cache.h"
#include "vm/process.h"

namespace {

namespace fs = std::filesystem;
using vmtest::run;
using vmtest::write_file;

const fs::path kSource = SOURCE_DIR;
using Headers = std::map<std::string, std::string>;

/// A folder with the headers of a made-up kernel.
class MadeUpKernel {
  public:
    explicit MadeUpKernel(const Headers& headers)
        : dir_(fs::temp_directory_path() / fmt::format("compat-test-{}", ::getpid())) {
        fs::remove_all(dir_);
        for (const auto& [name, text] : headers) {
            const fs::path file = dir_ / "include" / name;
            fs::create_directories(file.parent_path());
            write_file(file, text);
        }
    }
    MadeUpKernel(MadeUpKernel&&) = delete;
    MadeUpKernel& operator=(MadeUpKernel&&) = delete;
    MadeUpKernel(const MadeUpKernel&) = delete;
    MadeUpKernel& operator=(const MadeUpKernel&) = delete;
    ~MadeUpKernel() {
        std::error_code ignored;
        fs::remove_all(dir_, ignored);
    }

    /// The flags that a Kbuild file sets on this kernel.
    [[nodiscard]] std::string flags(const fs::path& kbuild) const {
        const fs::path makefile = dir_ / "Makefile";
        write_file(makefile,
                   fmt::format("srctree := {}\nsrc := {}\ninclude {}\n"
                               "$(info $(NOSTDINC_FLAGS) $(ccflags-y))\nprint: ;\n",
                               dir_.string(), kbuild.parent_path().string(), kbuild.string()));
        const auto result =
            run({"make", "-s", "-f", makefile.string(), "print"}, std::chrono::minutes(1));
        EXPECT_TRUE(result.ok()) << result.output;
        return result.output;
    }

    /// Whether @p text compiles with the driver's compat headers in front of
    /// those of this kernel.
    [[nodiscard]] bool compiles(const std::string& text) const {
        const fs::path file = dir_ / "probe.c";
        write_file(file, text);
        std::string include = "-I";
        include += kSource / "include";
        const auto result = run({"gcc", "-std=gnu11", "-Wall", "-Werror", "-fsyntax-only", include,
                                 "-I" + (kSource / "include/compat/shadow").string(),
                                 "-I" + (dir_ / "include").string(), file.string()},
                                std::chrono::minutes(1));
        output_ = result.output;
        return result.ok();
    }
    /// What the compiler said.
    [[nodiscard]] const std::string& output() const { return output_; }

  private:
    fs::path dir_;
    mutable std::string output_;
};

struct KbuildProbe {
    const char* kbuild;
    const char* flag;
    /// The flag is set on a kernel that has the feature; else on one that lacks
    /// it.
    bool when_present;
    Headers with;
    Headers without;
};

const std::vector<KbuildProbe>& probes() {
    static const std::vector<KbuildProbe> all = {
        {"Kbuild",
         "include/compat/page_pool",
         false,
         {{"net/page_pool/helpers.h", ""}, {"linux/list.h", ""}},
         {{"net/page_pool.h", ""}, {"linux/list.h", ""}}},
        {"Kbuild",
         "include/compat/list",
         false,
         {{"linux/list.h", "static inline size_t list_count_nodes(struct list_head *head)\n"}},
         {{"linux/list.h", "static inline int list_empty(const struct list_head *head)\n"}}},
        {"Kbuild",
         "-DIPOIB_COMPAT_NO_QUEUE_NAPI",
         false,
         {{"linux/netdevice.h", "void netif_queue_set_napi(struct net_device *dev,\n"}},
         {{"linux/netdevice.h", "void netif_napi_add(struct net_device *dev,\n"}}},
        {"Kbuild",
         "-DIPOIB_COMPAT_NO_QUEUE_STATS",
         false,
         {{"net/netdev_queues.h", "struct netdev_stat_ops {\n"}},
         {{"net/netdev_queues.h", "#define netif_txq_maybe_stop\n"}}},
        {"Kbuild",
         "-DIPOIB_COMPAT_RXFH",
         false,
         {{"linux/ethtool.h", "struct ethtool_rxfh_param {\n"}},
         {{"linux/ethtool.h", "\tint\t(*get_rxfh)(struct net_device *, u32 *indir,\n"}}},
        {"Kbuild",
         "-DIPOIB_COMPAT_RXNFC",
         false,
         {{"linux/ethtool.h", "\tu32\t(*get_rx_ring_count)(struct net_device *dev);\n"}},
         {{"linux/ethtool.h", "\tint\t(*get_rxnfc)(struct net_device *,\n"}}},
        {"tests/vib/Kbuild",
         "-DVIB_HAVE_CQ_ATTRS",
         true,
         {{"rdma/ib_verbs.h",
           "\tint (*create_cq)(struct ib_cq *cq, const struct ib_cq_init_attr *attr,\n"
           "\t\t\t struct uverbs_attr_bundle *attrs);\n"}},
         {{"rdma/ib_verbs.h",
           "\tint (*create_cq)(struct ib_cq *cq, const struct ib_cq_init_attr *attr,\n"
           "\t\t\t struct ib_udata *udata);\n"}}},
        {"tests/vib/Kbuild",
         "-DVIB_HAVE_DMAH",
         true,
         {{"rdma/ib_verbs.h", "struct ib_dmah {\n\tstruct ib_device *device;\n};\n"}},
         {{"rdma/ib_verbs.h", "struct ib_dm {\n\tstruct ib_device *device;\n};\n"}}},
        {"tests/vib/Kbuild",
         "-DVIB_HAVE_UMEM_GET_VA",
         true,
         {{"rdma/ib_umem.h",
           "struct ib_umem *ib_umem_get_va(struct ib_device *device,\n"
           "\t\t\t       unsigned long addr, size_t size, int access);\n"}},
         {{"rdma/ib_umem.h",
           "struct ib_umem *ib_umem_get(struct ib_device *device, unsigned long addr,\n"
           "\t\t\t    size_t size, int access);\n"}}},
        {"tests/vib/Kbuild",
         "-DVIB_HAVE_HRTIMER_SETUP",
         true,
         {{"linux/hrtimer.h",
           "extern void hrtimer_setup(struct hrtimer *timer,\n"
           "\tenum hrtimer_restart (*function)(struct hrtimer *), clockid_t clock_id,"
           " enum hrtimer_mode mode);\n"}},
         {{"linux/hrtimer.h",
           "extern void hrtimer_init(struct hrtimer *timer, clockid_t which_clock,\n"
           "\t\t\t enum hrtimer_mode mode);\n"}}},
    };
    return all;
}

TEST(CompatKbuild, FindsWhatTheKernelHas) {
    for (const auto& probe : probes()) {
        const MadeUpKernel kernel(probe.with);
        EXPECT_EQ(kernel.flags(kSource / probe.kbuild).find(probe.flag) != std::string::npos,
                  probe.when_present)
            << probe.flag;
    }
}

TEST(CompatKbuild, FindsWhatTheKernelLacks) {
    for (const auto& probe : probes()) {
        const MadeUpKernel kernel(probe.without);
        EXPECT_EQ(kernel.flags(kSource / probe.kbuild).find(probe.flag) != std::string::npos,
                  !probe.when_present)
            << probe.flag;
    }
}

constexpr const char* kTimerUse =
    "#include <linux/timer.h>\n"
    "struct owner { int x; struct timer_list timer; };\n"
    "struct owner *find(struct timer_list *t);\n"
    "struct owner *find(struct timer_list *t)\n"
    "{ struct owner *o = timer_container_of(o, t, timer); return o; }\n";
constexpr const char* kTimerBase =
    "#pragma once\n"
    "#define container_of(p, t, m) ((t *)((char *)(p) - __builtin_offsetof(t, m)))\n"
    "struct timer_list { int x; };\n";

TEST(CompatHeaders, TimerContainer) {
    const MadeUpKernel with(Headers{
        {"linux/timer.h", std::string(kTimerBase) + "#define timer_container_of(v, t, m) "
                                                    "container_of(t, __typeof__(*(v)), m)\n"}});
    EXPECT_TRUE(with.compiles(kTimerUse)) << with.output();
    const MadeUpKernel without(Headers{{"linux/timer.h", kTimerBase}});
    EXPECT_TRUE(without.compiles(kTimerUse)) << without.output();
}

TEST(CompatHeaders, CountedBy) {
    const std::string use =
        "#include <linux/stddef.h>\n"
        "struct s { unsigned n; int a[] __counted_by(n); };\n";
    const MadeUpKernel with(
        Headers{{"linux/stddef.h", "#define __counted_by(m) __attribute__((unused))\n"}});
    EXPECT_TRUE(with.compiles(use)) << with.output();
    const MadeUpKernel without(Headers{{"linux/stddef.h", ""}});
    EXPECT_TRUE(without.compiles(use)) << without.output();
}

constexpr const char* kQueueUse =
    "#include <net/netdev_queues.h>\n"
    "int wake(struct netdev_queue *q);\n"
    "int wake(struct netdev_queue *q)\n"
    "{ return __netif_txq_completed_wake(q, 1, 2, 3, 4, 0); }\n";
constexpr const char* kQueueBase =
    "struct netdev_queue;\n"
    "void netdev_tx_completed_queue(struct netdev_queue *, unsigned, unsigned);\n"
    "#define __netif_txq_maybe_wake(q, d, s, c) ((d) + (s) + (c))\n";

TEST(CompatHeaders, CompletedWake) {
    const MadeUpKernel with(
        Headers{{"net/netdev_queues.h", std::string(kQueueBase) +
                                            "#define __netif_txq_completed_wake(q, p, b, d, s, c) "
                                            "((p) + (b) + (d) + (s) + (c))\n"}});
    EXPECT_TRUE(with.compiles(kQueueUse)) << with.output();
    const MadeUpKernel without(Headers{{"net/netdev_queues.h", kQueueBase}});
    EXPECT_TRUE(without.compiles(kQueueUse)) << without.output();
}

/// A kernel whose path queries end with a number of records of type @p number.
Headers sa_headers(const std::string& number) {
    return {{"rdma/ib_sa.h",
             "typedef unsigned int u32; typedef unsigned int gfp_t;\n"
             "typedef unsigned long ib_sa_comp_mask;\n"
             "struct ib_sa_client; struct ib_device; struct sa_path_rec;\n"
             "struct ib_sa_query;\n"
             "int ib_sa_path_rec_get(struct ib_sa_client *, struct ib_device *,\n"
             "u32, struct sa_path_rec *, ib_sa_comp_mask, unsigned long, gfp_t,\n"
             "void (*)(int, struct sa_path_rec *, " +
                 number + ", void *), void *, struct ib_sa_query **);\n"}};
}

std::string sa_use(const std::string& number) {
    return "#define typeof __typeof__\n#include \"compat/sa.h\"\n"
           "_Static_assert(__builtin_types_compatible_p(ipoib_sa_num_t, " +
           number + "), \"\");\n";
}

TEST(CompatHeaders, NumberOfPathRecords) {
    const MadeUpKernel now(sa_headers("unsigned int"));
    EXPECT_TRUE(now.compiles(sa_use("unsigned int"))) << now.output();
    EXPECT_FALSE(now.compiles(sa_use("int")));
    const MadeUpKernel before(sa_headers("int"));
    EXPECT_TRUE(before.compiles(sa_use("int"))) << before.output();
    EXPECT_FALSE(before.compiles(sa_use("unsigned int")));
}

/// A kernel whose link operations make a new device from @p parameters.
Headers rtnl_headers(const std::string& parameters) {
    return {{"net/rtnetlink.h",
             "#define __maybe_unused __attribute__((unused))\n#define NULL ((void *)0)\n"
             "#define typeof __typeof__\n"
             "struct net; struct net_device; struct nlattr; struct netlink_ext_ack;\n"
             "struct rtnl_newlink_params;\n"
             "struct rtnl_link_ops { int (*newlink)(" +
                 parameters + "); };\n"}};
}

TEST(CompatHeaders, NewLink) {
    const std::string use =
        "#include \"compat/rtnl.h\"\n"
        "static int make(struct net_device *dev, struct rtnl_newlink_params *params,\n"
        "struct netlink_ext_ack *extack) { return !dev; }\n"
        "IPOIB_COMPAT_NEWLINK(make)\n"
        "struct rtnl_link_ops ops = { .newlink = IPOIB_NEWLINK(make) };\n";
    const MadeUpKernel now(rtnl_headers(
        "struct net_device *, struct rtnl_newlink_params *, struct netlink_ext_ack *"));
    EXPECT_TRUE(now.compiles(use)) << now.output();
    const MadeUpKernel before(
        rtnl_headers("struct net *, struct net_device *, struct nlattr *[], struct nlattr *[], "
                     "struct netlink_ext_ack *"));
    EXPECT_TRUE(before.compiles(use)) << before.output();
    const MadeUpKernel other(rtnl_headers("struct net *"));
    EXPECT_FALSE(other.compiles(use));
}

}  // namespace
