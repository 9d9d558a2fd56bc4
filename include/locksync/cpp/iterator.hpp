/**
 * @file
 * Lists of records as ranges, and their ownership. Part of the implementation.
 */
#ifndef LOCKSYNC_CPP_ITERATOR_HPP
#define LOCKSYNC_CPP_ITERATOR_HPP

#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace locksync
{
namespace detail
{

/** Random access to a list by index. A record is copied when it is read, so it may outlive the list. */
template <class List, class Record> class iterator
{
    struct arrow {
        Record record;
        const Record *operator->() const noexcept { return &record; }
    };

public:
    using value_type = Record;
    using reference = Record;
    using pointer = arrow;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag; // its reference is a value
    using iterator_concept = std::random_access_iterator_tag;

    iterator() noexcept = default;
    iterator(List list, difference_type index) noexcept : list_(list), index_(index) {}

    reference operator*() const { return list_[static_cast<std::size_t>(index_)]; }
    pointer operator->() const { return {**this}; }
    reference operator[](difference_type n) const { return *(*this + n); }

    iterator &operator+=(difference_type n) noexcept
    {
        index_ += n;
        return *this;
    }
    iterator &operator-=(difference_type n) noexcept { return *this += -n; }
    iterator &operator++() noexcept { return *this += 1; }
    iterator &operator--() noexcept { return *this += -1; }
    iterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
    iterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }

    friend iterator operator+(iterator i, difference_type n) noexcept { return i += n; }
    friend iterator operator+(difference_type n, iterator i) noexcept { return i += n; }
    friend iterator operator-(iterator i, difference_type n) noexcept { return i -= n; }
    friend difference_type operator-(iterator a, iterator b) noexcept { return a.index_ - b.index_; }
    friend bool operator==(iterator a, iterator b) noexcept { return a.index_ == b.index_; }
    friend bool operator!=(iterator a, iterator b) noexcept { return a.index_ != b.index_; }
    friend bool operator<(iterator a, iterator b) noexcept { return a.index_ < b.index_; }
    friend bool operator>(iterator a, iterator b) noexcept { return a.index_ > b.index_; }
    friend bool operator<=(iterator a, iterator b) noexcept { return a.index_ <= b.index_; }
    friend bool operator>=(iterator a, iterator b) noexcept { return a.index_ >= b.index_; }

private:
    List list_{};
    difference_type index_ = 0;
};

/** The common part of views of lists. A view has size(), at(), and free_object() for its owner. */
template <class View, class Record, class Object> class list
{
public:
    using value_type = Record;
    using const_iterator = detail::iterator<View, Record>;
    using iterator = const_iterator;
    using native_type = Object;

    list() noexcept = default;
    explicit list(Object *object) noexcept : object_(object) {}

    bool empty() const noexcept { return view().size() == 0; }

    /** Returns a copy of a record. Throws std::out_of_range past the end. */
    Record operator[](std::size_t index) const
    {
        const auto *record = view().at(index);
        if (record == nullptr)
            throw std::out_of_range("locksync: the index is past the end of the list");
        return Record(*record);
    }
    const_iterator begin() const noexcept { return {view(), 0}; }
    const_iterator end() const noexcept { return {view(), static_cast<std::ptrdiff_t>(view().size())}; }

    /** Returns the object for a function of C; nullptr for a view of nothing, or after a move. */
    Object *native() const noexcept { return object_; }

protected:
    Object *object_ = nullptr;

private:
    const View &view() const noexcept { return static_cast<const View &>(*this); }
};

/** A view that frees its object. */
template <class View> class [[nodiscard]] owner : public View
{
public:
    using object = std::remove_const_t<typename View::native_type>;

    owner() noexcept = default;
    explicit owner(object *transferred) noexcept : View(transferred) {}
    owner(owner &&other) noexcept : View(other.release()) {}
    owner &operator=(owner &&other) noexcept
    {
        owner(std::move(other)).swap(*this);
        return *this;
    }
    ~owner() { View::free_object(release()); }

    void swap(owner &other) noexcept { std::swap(this->object_, other.object_); }

    /** Returns the object, transferred: the caller frees it. */
    [[nodiscard]] object *release() noexcept { return const_cast<object *>(std::exchange(this->object_, nullptr)); }
};

} // namespace detail
} // namespace locksync

#endif
