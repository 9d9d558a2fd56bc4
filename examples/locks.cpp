// Prints the names and states of an account's locks, and then their changes: locks [BATCHES]. It ends after so many
// batches of changes, by default after none. Environment: LOCKSYNC_PERSONAL_KEY; LOCKSYNC_BASE_URL, by default the
// real service; LOCKSYNC_INTERVAL_MS shortens the interval for a trial.
#include <locksync/locksync.hpp>

#include <cstdlib>
#include <iostream>

namespace
{

void print(const std::optional<locksync::lock_info> &info, const locksync::lock &lock)
{
    std::cout << lock.id() << ' ' << (info && info->name() ? *info->name() : "(no name)") << ": " << lock.state_text();
    if (lock.is_connected() != locksync::tristate::yes)
        std::cout << ", out of reach";
    if (const auto level = lock.battery_level())
        std::cout << ", battery " << *level << " %";
    std::cout << '\n';
}

locksync::context make_context(locksync::milliseconds interval)
{
    locksync::guard guard;
    guard.set_min_interval(interval);

    locksync::settings settings;
    settings.base_url = std::getenv("LOCKSYNC_BASE_URL"); // a null pointer is the default
    settings.credential = locksync::personal_key(std::getenv("LOCKSYNC_PERSONAL_KEY"));
    settings.guard = guard;
    return locksync::context(settings);
}

void run(int batches)
{
    const char *const ms = std::getenv("LOCKSYNC_INTERVAL_MS");
    const locksync::milliseconds interval(ms != nullptr ? std::atol(ms) : 20000);
    locksync::context context = make_context(interval);
    locksync::directory directory = context.fetch_directory();

    for (const locksync::lock &lock : directory.results())
        print(directory.find(lock.id()), lock);
    if (batches == 0)
        return;

    locksync::watch watch(context);
    watch.set_interval(interval);
    watch.use_directory(std::move(directory)); // the watch needs no second one
    for (const locksync::changes &changes : watch) {
        for (const locksync::change &change : changes)
            if (change.after())
                print(change.info(), *change.after());
        if (--batches == 0)
            return;
    }
}

} // namespace

int main(int argc, char **argv)
{
    try {
        run(argc > 1 ? std::atoi(argv[1]) : 0);
    } catch (const locksync::error &error) {
        std::cerr << locksync::name(error.status()) << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
