// The cost of a fetch in C++, beside C: fetch ROUNDS prints the microseconds of one, and those of CPU.
#include <locksync/locksync.hpp>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>

// Fetches, and reads a value of each lock, as a program does.
static int fetch(locksync::context &context)
{
    int locked = 0;

    for (const locksync::lock &lock : context.fetch())
        locked += lock.is_locked() == locksync::tristate::yes;
    return locked;
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
    locksync::settings settings;

    settings.base_url = std::getenv("LOCKSYNC_BASE_URL");
    settings.credential = locksync::personal_key(std::getenv("LOCKSYNC_PERSONAL_KEY"));
    settings.guard_mode = locksync::guard_mode::off;
    locksync::context context(settings);
    for (int i = 0; i < 100; i++)
        fetch(context);
    const auto began = std::chrono::steady_clock::now();
    const std::clock_t used = std::clock();
    for (int i = 0; i < rounds; i++)
        fetch(context);
    const std::chrono::duration<double, std::micro> passed = std::chrono::steady_clock::now() - began;
    const double cpu = 1e6 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
    std::cout << passed.count() / rounds << ' ' << cpu / rounds << '\n';
}
