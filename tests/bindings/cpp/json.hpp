// JSON as values, over jansson: as much as the conformance cases need.
#ifndef CPP_JSON_HPP
#define CPP_JSON_HPP

#include <jansson.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class json
{
public:
    json() noexcept : value_(json_null())
    {
    }
    explicit json(json_t *taken) : value_(taken)
    {
        if (value_ == nullptr)
            throw std::runtime_error("no JSON");
    }
    json(const json &other) noexcept : value_(json_incref(other.value_))
    {
    }
    json &operator=(json other) noexcept
    {
        std::swap(value_, other.value_);
        return *this;
    }
    ~json()
    {
        json_decref(value_);
    }

    static json of(const std::string &text)
    {
        return json(json_stringn(text.data(), text.size()));
    }
    static json of(std::int64_t number)
    {
        return json(json_integer(number));
    }
    static json of(bool flag)
    {
        return json(json_boolean(flag));
    }
    template <class Range, class Make> static json list(const Range &range, Make make)
    {
        json all(json_array());
        for (const auto &one : range)
            json_array_append_new(all.value_, json_incref(make(one).value_));
        return all;
    }
    static json object()
    {
        return json(json_object());
    }
    static json read(const std::string &path)
    {
        json_error_t error;
        json_t *const read = json_load_file(path.c_str(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        if (read == nullptr)
            throw std::runtime_error(path + ": " + error.text);
        return json(read);
    }

    // Sets a member, unless the value is absent.
    template <class T> void set(const char *name, const std::optional<T> &value)
    {
        if (value)
            set(name, json::of(*value));
    }
    void set(const char *name, const json &value)
    {
        json_object_set(value_, name, value.value_);
    }

    // Returns a member; null if it is absent.
    json operator[](const char *name) const
    {
        json_t *const found = json_object_get(value_, name);
        return found != nullptr ? json(json_incref(found)) : json();
    }
    bool has(const char *name) const noexcept
    {
        return json_object_get(value_, name) != nullptr;
    }
    std::vector<json> items() const
    {
        std::vector<json> all;
        for (std::size_t i = 0; i < json_array_size(value_); i++)
            all.emplace_back(json_incref(json_array_get(value_, i)));
        return all;
    }
    std::vector<std::pair<std::string, json>> members() const
    {
        std::vector<std::pair<std::string, json>> all;
        for (void *i = json_object_iter(value_); i != nullptr; i = json_object_iter_next(value_, i))
            all.emplace_back(json_object_iter_key(i), json(json_incref(json_object_iter_value(i))));
        return all;
    }

    bool is_null() const noexcept
    {
        return json_is_null(value_);
    }
    std::string text() const
    {
        return {json_string_value(value_), json_string_length(value_)};
    }
    std::int64_t number() const noexcept
    {
        return json_integer_value(value_);
    }
    bool flag() const noexcept
    {
        return json_is_true(value_);
    }
    std::string dump() const
    {
        char *const dumped = json_dumps(value_, JSON_ENCODE_ANY | JSON_SORT_KEYS);
        std::string all(dumped);
        free(dumped);
        return all;
    }
    friend bool operator==(const json &a, const json &b) noexcept
    {
        return json_equal(a.value_, b.value_) == 1;
    }

private:
    json_t *value_;
};

#endif
