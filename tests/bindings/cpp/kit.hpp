// Tests in C++: the macros of checks.h, with exceptions in place of jumps, and the simulator as an object.
#ifndef CPP_KIT_HPP
#define CPP_KIT_HPP

#include <locksync/locksync.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#define _Noreturn [[noreturn]] // C's word for it
extern "C" {
#include "../../support/checks.h"
#include "../../support/child.h"
#include "../../support/kit.h"
#include "../../support/sim.h"
}
// macros of cmocka whose names the standard library uses
#undef fail
#undef skip
#undef _Noreturn

using namespace std::chrono_literals;

// A test in C++. An exception that it does not catch is its failure.
#define CPP_TEST(name)                                                                                                 \
  static void name##_in_cpp();                                                                                         \
  TEST(name)                                                                                                           \
  {                                                                                                                    \
    try {                                                                                                              \
      name##_in_cpp();                                                                                                 \
    } catch (const std::exception &thrown) {                                                                           \
      t_check(false, thrown.what(), __FILE__, __LINE__);                                                               \
    }                                                                                                                  \
  }                                                                                                                    \
  static void name##_in_cpp()

#undef CHECK_INT // casts of C
#undef CHECK_BETWEEN
#define CHECK_INT(got, want)                                                                                           \
  t_check_int(static_cast<std::int64_t>(got), static_cast<std::int64_t>(want), #got, __FILE__, __LINE__)
#define CHECK_BETWEEN(got, least, most)                                                                                \
  t_check_between(static_cast<std::int64_t>(got), static_cast<std::int64_t>(least), static_cast<std::int64_t>(most),   \
                  #got, __FILE__, __LINE__)
#define CHECK_EQUAL(got, want) CHECK((got) == (want))
#define CHECK_STATUS(got, want)                                                                                        \
  t_check_text(std::string(locksync::name(got)).c_str(), std::string(locksync::name(want)).c_str(), #got, __FILE__,    \
               __LINE__)
#define CHECK_HAS(text, part) t_check_holds(std::string(text).c_str(), part, true, #text, __FILE__, __LINE__)

// Ends the test, and destroys what it has made.
inline void require(bool good, const char *what)
{
    if (!good)
        throw std::runtime_error(std::string("required: ") + what);
}
#define REQUIRE(condition) require(condition, #condition)

// Checks that a call throws an error of this status, and returns the error.
template <class Call> locksync::error thrown_by(Call call)
{
    try {
        call();
    } catch (const locksync::error &thrown) {
        return thrown;
    }
    throw std::runtime_error("nothing was thrown");
}

class simulator
{
public:
    explicit simulator(std::vector<const char *> options = {"--static"})
    {
        options.push_back(nullptr);
        sim_ = sim_start(options.data());
    }
    simulator(const simulator &) = delete;
    simulator &operator=(const simulator &) = delete;
    ~simulator()
    {
        stop();
    }

    void stop()
    {
        if (sim_ != nullptr)
            sim_stop(sim_, nullptr);
        sim_ = nullptr;
    }

    std::string url() const
    {
        return sim_url(sim_);
    }
    sim *get() const
    {
        return sim_;
    }

    // The settings of a context that may fetch as often as it likes.
    locksync::settings settings() const
    {
        locksync::settings s;
        s.base_url = url();
        s.credential = locksync::personal_key("demo-key");
        s.guard_mode = locksync::guard_mode::off;
        return s;
    }

private:
    sim *sim_;
};

// A transport that responds with this body.
inline std::shared_ptr<locksync::transport> responds(std::string body, int http_status = 200)
{
    return locksync::make_transport([body, http_status](const locksync::request_view &, locksync::response_view &r) {
        r.set_status(http_status);
        r.append_body(body);
    });
}

// A context without a network, whose response is this body.
inline locksync::context offline(const std::string &body, int http_status = 200)
{
    locksync::settings s;
    s.credential = locksync::personal_key("demo-key");
    s.guard_mode = locksync::guard_mode::off;
    s.transport = responds(body, http_status);
    return locksync::context(s);
}

// Returns the results of a body, without I/O.
inline locksync::results decoded(const std::string &body, locksync::ids which = locksync::all_locks)
{
    locksync::context context = offline("");
    const locksync::request request = context.build(which);
    locksync::response response = context.make_response();
    response.set_status(200);
    response.append_body(body);
    return context.decode(request, response);
}

#endif
