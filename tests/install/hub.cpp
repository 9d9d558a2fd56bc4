// The same in C++: results and contexts in smart pointers, a lambda as the transport.
#include <locksync/locksync.h>

#include <cstring>
#include <iostream>
#include <memory>

int main()
{
    lock_sync_transport transport{};
    lock_sync_ctx *made = nullptr;
    lock_sync_results *fetched = nullptr;

    transport.struct_size = sizeof transport;
    transport.perform = [](void *, const lock_sync_request *, lock_sync_response *response) {
        static const char body[] = "{\"result\":[{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6}}]}";

        lock_sync_response_set_status(response, 200);
        return lock_sync_response_append_body(response, body, std::strlen(body));
    };
    if (lock_sync_ctx_new(&made) != LOCK_SYNC_OK)
        return 1;
    std::unique_ptr<lock_sync_ctx, decltype(&lock_sync_ctx_free)> ctx(made, lock_sync_ctx_free);
    lock_sync_set_personal_key(ctx.get(), "key");
    lock_sync_set_transport(ctx.get(), &transport);
    if (lock_sync_fetch(ctx.get(), nullptr, 0, &fetched) != LOCK_SYNC_OK)
        std::cerr << lock_sync_error_message(lock_sync_last_error(ctx.get())) << '\n';
    std::unique_ptr<lock_sync_results, decltype(&lock_sync_results_free)> results(fetched, lock_sync_results_free);
    for (std::size_t i = 0; i < lock_sync_results_count(results.get()); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results.get(), i);
        std::cout << lock->id << ' ' << lock_sync_lock_state_name(lock->state) << '\n';
    }
}
