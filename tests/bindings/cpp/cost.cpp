// The cost of a fetch with the C functions and with the header for C++, one after the other:
// LOCKSYNC_SIM=PROGRAM cost [ROUNDS]. Prints the least and the median time of each in us.
#include "kit.hpp"

#include <algorithm>

static const std::string body = [] {
    std::string records;
    for (int id = 1001; id < 1101; id++)
        records += (id > 1001 ? ",{\"id\":" : "{\"id\":") + std::to_string(id) +
                   R"(,"isConnected":true,"revision":7,"deviceState":{"state":6,"doorState":3,"isCharging":false,)"
                   R"("batteryLevel":54,"stateChangeResult":0,"lastStateChangedDate":"2024-05-06T07:08:09.123Z"}})";
    return "{\"result\":[" + records + "]}";
}();

static std::int64_t fetch_in_c(lock_sync_ctx *ctx)
{
    lock_sync_results *results = nullptr;
    std::int64_t sum = 0;

    if (lock_sync_fetch(ctx, nullptr, 0, &results) != LOCK_SYNC_OK)
        std::abort();
    for (std::size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);
        if ((lock->fields & LOCK_SYNC_FIELD_STATE) != 0)
            sum += lock->id + lock->state;
    }
    lock_sync_results_free(results);
    return sum;
}

static std::int64_t fetch_in_cpp(locksync::context &context)
{
    std::int64_t sum = 0;

    for (const locksync::lock &lock : context.fetch())
        if (const auto state = lock.state())
            sum += lock.id() + static_cast<std::int64_t>(*state);
    return sum;
}

template <class Call> static void timed(std::vector<double> &times, Call call)
{
    const auto start = std::chrono::steady_clock::now();

    if (call() == 0)
        std::abort();
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
}

static void compare(const char *what, locksync::context &context, int rounds)
{
    std::vector<double> c;
    std::vector<double> cpp;

    for (int i = 0; i < rounds; i++) {
        timed(c, [&] { return fetch_in_c(context.native()); });
        timed(cpp, [&] { return fetch_in_cpp(context); });
    }
    std::sort(c.begin(), c.end());
    std::sort(cpp.begin(), cpp.end());
    std::printf("%-36s C %6.1f us, median %6.1f us    C++ %6.1f us, median %6.1f us\n", what, c.front(),
                c[c.size() / 2], cpp.front(), cpp[cpp.size() / 2]);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5000;
    const simulator service({"--static", "--locks", "100"});
    locksync::context over_loopback(service.settings());
    locksync::context in_memory = offline(body);

    compare("100 locks, the simulator:", over_loopback, rounds);
    compare("100 locks, a transport in memory:", in_memory, rounds);
}
