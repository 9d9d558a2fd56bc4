// The same with the header for C++.
#include <locksync/locksync.hpp>

#include <iostream>

int main()
{
    locksync::settings settings;

    settings.credential = locksync::personal_key("key");
    settings.transport = locksync::make_transport(
        [](const locksync::request_view &, locksync::response_view &response) {
            response.set_status(200);
            response.append_body(R"({"result":[{"id":1001,"isConnected":true,"deviceState":{"state":6}}]})");
        });
    try {
        for (const locksync::lock &lock : locksync::context(settings).fetch())
            std::cout << lock.id() << ' ' << lock.state_text() << '\n';
    } catch (const locksync::error &error) {
        std::cerr << error.what() << '\n';
    }
}
