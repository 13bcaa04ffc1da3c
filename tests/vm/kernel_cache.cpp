// SPDX-License-Identifier: GPL-2.0-only
#include "vm/kernel_cache.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <regex>
#include <stdexcept>

#include "vm/apt.h"
#include "vm/kernel_source.h"
#include "vm/package_cache.h"
#include "vm/process.h"

namespace vmtest {
namespace {

using std::chrono::minutes;

/// Folder of a kernel's source, and of its build, in its place in the cache.
constexpr const char* kTree = "linux";

/// Debian's headers name the folder they are installed in; ours lies elsewhere.
/// They come with a vmlinux for type information, which takes a tool more.
void relocate_headers(const fs::path& root, const fs::path& tree) {
    const fs::path makefile = tree / "Makefile";
    const std::string text = read_file(makefile);
    const std::string fixed = std::regex_replace(text, std::regex(R"(include /usr/src/)"),
                                                 "include " + (root / "usr/src").string() + "/");
    write_file(makefile, fixed);
    fs::remove(tree / "vmlinux");
}

std::string release_of(const fs::path& root) {
    for (const auto& entry : fs::directory_iterator(root / "boot")) {
        const std::string name = entry.path().filename();
        if (name.starts_with("vmlinuz-")) {
            return name.substr(std::string("vmlinuz-").size());
        }
    }
    throw std::runtime_error("no kernel image in " + root.string());
}

Kernel describe(const KernelSpec& spec, const fs::path& root) {
    Kernel kernel{
        .spec = spec, .release = release_of(root), .image = {}, .modules = {}, .build_tree = {}};
    kernel.image = root / "boot" / ("vmlinuz-" + kernel.release);
    kernel.modules = root / "lib/modules";
    kernel.build_tree =
        spec.is_built() ? root / kTree : root / "usr/src" / ("linux-headers-" + kernel.release);
    return kernel;
}

/// What there is today of a kernel line, and how it gets into the cache.
struct Offer {
    /// Folder in the cache: the package, its version, the configuration.
    std::string key;
    std::function<void(const fs::path& root)> fill;
};

void fill_stock(const KernelSpec& spec, const Apt& apt, const std::vector<std::string>& packages,
                const fs::path& root) {
    std::cout << fmt::format("kernel {}: downloading {}", spec.name, packages.front()) << std::endl;
    apt.unpack(packages, root);
    const Kernel kernel = describe(spec, root);
    relocate_headers(root, kernel.build_tree);
    run_or_throw({"depmod", "-b", root.string(), kernel.release}, minutes(20));
}

std::optional<Offer> offer_stock(const KernelSpec& spec, const Apt& apt) {
    const auto images = apt.depends(spec.image, "linux-image-[0-9].*");
    const auto headers = apt.depends(spec.headers, "linux-headers-[0-9].*");
    if (images.empty() || headers.empty()) {
        return std::nullopt;
    }
    std::vector<std::string> packages = {images.front(), headers.front()};
    for (const auto& more : apt.depends(headers.front(), "linux-(headers|kbuild)-.*")) {
        packages.push_back(more);
    }
    return Offer{.key = images.front() + "_" + apt.version(images.front()),
                 .fill = [=](const fs::path& root) { fill_stock(spec, apt, packages, root); }};
}

void fill_source(const KernelSpec& spec, const Apt& apt, const std::string& package,
                 const std::string& fragment, const fs::path& root) {
    std::cout << fmt::format("kernel {}: building {}, which takes minutes", spec.name, package)
              << std::endl;
    apt.unpack({package}, root);
    const fs::path tree = root / kTree;
    fs::create_directories(tree);
    run_or_throw({"tar", "-xJf", (root / "usr/src" / (package + ".tar.xz")).string(), "-C",
                  tree.string(), "--strip-components=1"},
                 minutes(30));
    fs::remove_all(root / "usr");
    build_kernel(tree, fragment, root);
}

std::optional<Offer> offer_source(const KernelSpec& spec, const Apt& apt) {
    const std::string prefix = spec.source.substr(0, spec.source.find('*'));
    std::string pattern = std::regex_replace(spec.source, std::regex(R"(\.)"), R"(\.)");
    pattern = std::regex_replace(pattern, std::regex(R"(\*)"), "[0-9.]*");
    const auto packages = apt.names(prefix, pattern);
    if (packages.empty()) {
        return std::nullopt;
    }
    const std::string& package = packages.back();
    std::string fragment;
    for (const auto& config : spec.configs) {
        fragment += read_file(config);
    }
    // Another comment is no other kernel.
    const size_t hash =
        std::hash<std::string>{}(fmt::to_string(fmt::join(option_lines(fragment), "\n")));
    return Offer{
        .key = fmt::format("{}_{}-{:08x}", package, apt.version(package), hash & 0xffffffffU),
        .fill = [=](const fs::path& root) { fill_source(spec, apt, package, fragment, root); }};
}

}  // namespace

Kernel provide_kernel(const KernelSpec& spec) {
    const Apt apt(spec.suite);
    const auto offer = spec.is_built() ? offer_source(spec, apt) : offer_stock(spec, apt);
    const auto root =
        provide_in_cache("kernel " + spec.name, cache_dir() / "kernels" / spec.name,
                         offer ? std::optional<std::string>(offer->key) : std::nullopt,
                         [&](const fs::path& place) { offer->fill(place); });
    if (!root) {
        throw std::runtime_error(
            fmt::format("apt does not know the package {}: run scripts/setup first",
                        spec.is_built() ? spec.source : spec.image));
    }
    return describe(spec, *root);
}

fs::path provide_checkpatch() {
    const Apt apt;
    const auto sources = apt.depends("linux-source", "linux-source-[0-9].*");
    const fs::path dir = cache_dir() / "checkpatch";
    if (sources.empty()) {
        const auto cached = newest_complete(dir);
        if (!cached) {
            throw std::runtime_error(
                "apt does not know the package linux-source: run scripts/setup first");
        }
        return *cached;
    }
    fs::path root = dir / (sources.front() + "_" + apt.version(sources.front()));
    fill_once(root, [&] {
        std::cout << "checkpatch: downloading " << sources.front() << std::endl;
        apt.unpack({sources.front()}, root);
        const std::string& top = sources.front();
        run_or_throw({"tar", "-xJf", (root / "usr/src" / (top + ".tar.xz")).string(), "-C",
                      root.string(), "--strip-components=1", top + "/scripts/checkpatch.pl",
                      top + "/scripts/spelling.txt", top + "/scripts/const_structs.checkpatch"},
                     minutes(20));
        fs::remove_all(root / "usr");
    });
    return root;
}

}  // namespace vmtest
