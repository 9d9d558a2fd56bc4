// 10,000 rounds of everything, failures and exceptions in callbacks included, without growth of memory.
#include "kit.hpp"

#include <malloc.h>
#include <unistd.h>

#include <fstream>

using locksync::status;

static long resident()
{
    long pages = 0;
    std::ifstream statm("/proc/self/statm");

    statm >> pages >> pages;
    return pages * sysconf(_SC_PAGESIZE);
}

namespace
{

class rounds
{
public:
    explicit rounds(const simulator &service) : service_(service), kept_(service.settings())
    {
    }

    void one(int number)
    {
        locksync::guard guard;
        locksync::settings s = service_.settings();
        int calls = 0;

        guard.set_min_interval(1ms);
        s.guard = guard;
        s.credential = std::nullopt;
        s.token_provider = [&](bool) {
            calls++;
            return locksync::personal_key("demo-key");
        };
        s.log = [&](locksync::log_level, std::string_view) {
            calls++;
            throw std::runtime_error("a logger that throws");
        };
        locksync::context context(s);
        REQUIRE(context.fetch({1001, 77}).size() == 1);
        locksync::watch watch(context, {1001});
        REQUIRE(watch.next().size() == 1);
        REQUIRE(kept_.fetch_directory().size() == 4);
        in_pool(context);
        if (number % 5 == 0)
            fail(context);
        REQUIRE(calls > 2);
    }

    int failures = 0;

private:
    void in_pool(locksync::context &context)
    {
        REQUIRE(pool_.get(pool_.fetch(kept_)).size() == 4);
        locksync::watch watch(context);
        bool called = false;
        pool_.run_watch(watch, [&](const locksync::expected<locksync::changes_view> &) {
            called = true;
            throw 5;
        });
        while (!called) {
            try {
                pool_.wait();
            } catch (int) {
            }
        }
    }

    void fail(locksync::context &context)
    {
        locksync::settings s;
        s.transport = locksync::make_transport(
            [](const locksync::request_view &, locksync::response_view &) { throw std::runtime_error("away"); });
        failures += kept_.try_fetch_one(77).status() == status::not_found;
        context.set(s);
        failures += thrown_by([&] { (void)context.fetch(); }).cause() != nullptr;
        s.transport = responds("{}", 503);
        context.set(s);
        failures += thrown_by([&] { (void)context.fetch(); }).status() == status::server;
    }

    const simulator &service_;
    locksync::context kept_;
    locksync::pool pool_;
};

} // namespace

CPP_TEST(memory_does_not_grow)
{
    const simulator service;
    rounds all(service);
    const int warm_up = 1000;
    const int measured = 10000;
    long before = 0;
    std::size_t in_use = 0;

    for (int i = 0; i < warm_up + measured; i++) {
        if (i == warm_up) {
            before = resident();
            in_use = mallinfo2().uordblks;
            all.failures = 0;
        }
        all.one(i);
    }
    const long grown = resident() - before;
    const long more = static_cast<long>(mallinfo2().uordblks - in_use);
    std::printf("%d rounds, %d failures: %ld bytes more resident, %ld more in use\n", measured, all.failures, grown,
                more);
    CHECK_INT(all.failures, measured / 5 * 3);
    CHECK_BETWEEN(grown, -1000000000, 100 * measured);
    CHECK_BETWEEN(more, -1000000, 10 * measured);
}
