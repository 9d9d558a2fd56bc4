/* Faults in what a server sends over http; see faults.h. */
#include "faults.h"

/* --- the connection ends within the response --- */

static const fault broken_off[] = {
    {.name = "reset at once", .want = CONNECT_OR_NETWORK, .steps = {RAW_RESET}},
    FAULT("closed before the request", NETWORK, RAW_END),
    FAULT("closed before the status line", NETWORK, RAW_READ_REQUEST, RAW_END),
    FAULT("reset before the status line", NETWORK, RAW_READ_REQUEST, RAW_RESET),
    SAYS_AND_CLOSES("half a status line", NETWORK, "HTTP/1."),
    SAYS_AND_CLOSES("a status line and no more", NETWORK, OK_LINE),
    SAYS_AND_CLOSES("half a header line", NETWORK, OK_LINE "Content-Ty"),
    SAYS_AND_CLOSES("a header without end", NETWORK, OK_LINE "Content-Type: application/json\r\n"),
    SAYS_AND_CLOSES("a header without end, with a length", NETWORK, OK_LINE "Content-Length: 7\r\n"),
    FAULT("reset in the header", NETWORK, RAW_READ_REQUEST, RAW_SEND(raw_good_response, 40), RAW_RESET),
    SAYS_AND_CLOSES("only an interim response", NETWORK, "HTTP/1.1 100 Continue\r\n\r\n"),
    SAYS_AND_CLOSES("closed before the body", NETWORK, OK_LINE "Content-Length: 9\r\n\r\n"),
    FAULT("closed in the body before its length", NETWORK, RAW_READ_REQUEST, RAW_SEND(raw_good_response, 150), RAW_END),
    FAULT("reset in the body", NETWORK, RAW_READ_REQUEST, RAW_SEND(raw_good_response, 150), RAW_RESET),
    SAYS_AND_CLOSES("closed in a chunk", NETWORK, CHUNKED "20\r\n{\"result\":["),
    SAYS_AND_CLOSES("closed before the last chunk", NETWORK, CHUNKED "d\r\n{\"result\":[]}\r\n"),
    SAYS("a chunk without a size", NETWORK, CHUNKED "size\r\n"),
    SAYS("a chunk longer than its size", NETWORK, CHUNKED "3\r\n{\"result\":[]}\r\n0\r\n\r\n"),
    SAYS("a chunk larger than any number", NETWORK, CHUNKED "fffffffffffffffffffff\r\n"),
    {.name = "a kept connection closed without a response",
     .want = LOCK_SYNC_E_NETWORK,
     .kind = FAULT_KEPT,
     .steps = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_END}},
    {.name = "a kept connection reset without a response",
     .want = LOCK_SYNC_E_NETWORK,
     .kind = FAULT_KEPT,
     .steps = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_RESET}},
    {.name = "a kept connection broken off",
     .want = LOCK_SYNC_E_NETWORK,
     .kind = FAULT_KEPT,
     .steps = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_SEND(raw_good_response, 100), RAW_END}},
};
const fault_list faults_broken_off = LIST("broken off", broken_off);

/* --- not HTTP, or not the documented response --- */

#define WHOLE(fields) OK_LINE fields "Content-Length: 2\r\n\r\n{}"

static const fault not_http[] = {
    SAYS_AND_CLOSES("more bytes than the length", MALFORMED, OK_LINE "Content-Length: 5\r\n\r\n{\"result\":[]}"),
    SAYS_AND_CLOSES("cut, without a length", MALFORMED, OK_LINE "Connection: close\r\n\r\n{\"result\":["),
    SAYS("a negative length", MALFORMED, OK_LINE "Content-Length: -5\r\n\r\n{}"),
    SAYS("a length that is no number", MALFORMED, OK_LINE "Content-Length: many\r\n\r\n{}"),
    SAYS_AND_CLOSES("HTTP/0.9", MALFORMED, "{\"result\":[]}"),
    SAYS("another protocol", MALFORMED, "220 mail.test ESMTP\r\n"),
    SAYS_AND_CLOSES("TLS", MALFORMED, "\x15\x03\x01\x00\x02\x02\x46"),
    SAYS("HTTP/9.9", MALFORMED, "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    SAYS("Transfer-Encoding: gzip", MALFORMED, WHOLE("Transfer-Encoding: gzip\r\n")),
    SAYS("Content-Encoding: br", MALFORMED, WHOLE("Content-Encoding: br\r\n")),
    SAYS("Content-Encoding: deflate", MALFORMED, WHOLE("Content-Encoding: deflate\r\n")),
    SAYS("Content-Encoding: zstd", MALFORMED, WHOLE("Content-Encoding: zstd\r\n")),
    SAYS("Content-Encoding: gzip, gzip", MALFORMED, WHOLE("Content-Encoding: gzip, gzip\r\n")),
    SAYS("Content-Encoding: gzip, twice", MALFORMED, WHOLE("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")),
    SAYS("Content-Encoding: x-unknown", MALFORMED, WHOLE("Content-Encoding: x-unknown\r\n")),
    SAYS("no gzip", MALFORMED, WHOLE("Content-Encoding: gzip\r\n")),
};
const fault_list faults_not_http = LIST("not HTTP", not_http);

/* --- 64 KiB of header bytes, including interim responses --- */

#define LINE_OF_52 "X-Padding: 0123456789012345678901234567890123456789\r\n"
#define HINT "HTTP/1.1 103 Early Hints\r\nLink: </a-long-path-to-something.css>\r\n\r\n"

#define SPACES_64 "                                                                "
#define SPACES_256 SPACES_64 SPACES_64 SPACES_64 SPACES_64
#define SPACES_1024 SPACES_256 SPACES_256 SPACES_256 SPACES_256

#define FLOOD(title, first, text, times, last)                                                                         \
  FAULT(title, TOO_LARGE, RAW_READ_REQUEST, RAW_SEND_TEXT(first), RAW_SEND_TIMES(text, times), RAW_SEND_TEXT(last),    \
        RAW_WAIT_FOR_CLOSE)

static const fault too_large[] = {
    FLOOD("a header of 70 KiB", OK_LINE, LINE_OF_52, 1400, "Content-Length: 2\r\n\r\n{}"),
    FLOOD("a header of 1 MB", OK_LINE, LINE_OF_52, 20000, "Content-Length: 2\r\n\r\n{}"),
    FLOOD("100,000 header lines", OK_LINE, "X: 1\r\n", 100000, "Content-Length: 2\r\n\r\n{}"),
    FLOOD("header lines forever", OK_LINE, LINE_OF_52, ~0U, ""),
    FLOOD("a header line of 70 KiB", OK_LINE "X-Padding: ", "0123456789abcdef", 70 * 64, "\r\n\r\n"),
    /* libcurl accepts up to 100 KiB in one line */
    FLOOD("a header line of 200 KiB", OK_LINE "X-Padding: ", "0123456789abcdef", 200 * 64, "\r\n\r\n"),
    FLOOD("a header line of 1 MB", OK_LINE "X-Padding: ", "0123456789abcdef", 1024 * 64, "\r\n\r\n"),
    FLOOD("a header line forever", OK_LINE "X-Padding: ", "0123456789abcdef", ~0U, ""),
    FLOOD("interim responses with long headers", HINT, HINT, 1200, ""),
    FLOOD("interim responses forever", "", "HTTP/1.1 100 Continue\r\n\r\n", ~0U, ""),
    FLOOD("a trailer forever", CHUNKED "d\r\n{\"result\":[]}\r\n0\r\n", LINE_OF_52, ~0U, ""),
    FLOOD("a body forever", OK_LINE "\r\n", SPACES_1024, ~0U, ""),
    FLOOD("chunks forever", CHUNKED, "400\r\n" SPACES_1024 "\r\n", ~0U, ""),
};
const fault_list faults_too_large = LIST("too large", too_large);

/* --- a server that echoes the credential: no text of the library may contain it --- */

#define ECHO_ALL                                                                                                       \
  "X-Correlation-ID: " KEY "\r\nServer: " KEY "\r\nWWW-Authenticate: PersonalKey " KEY                                 \
  "\r\n"                                                                                                               \
  "Connection: close\r\nContent-Length: 67\r\n\r\n{\"errorMessages\":[\"" KEY "\"],\"key\":\"5ecret\"}   "

_Static_assert(sizeof KEY - 1 == 27 && sizeof "{\"errorMessages\":[\"\"],\"key\":\"5ecret\"}   " - 1 == 67 - 27,
               "the Content-Length of ECHO_ALL");

static const fault echoing[] = {
    SAYS("a 401 with the credential", UNAUTHORIZED, "HTTP/1.1 401 " KEY "\r\n" ECHO_ALL),
    SAYS("a 403 with the credential", FORBIDDEN, "HTTP/1.1 403 " KEY "\r\n" ECHO_ALL),
    SAYS("a 429 with the credential", RATE_LIMITED, "HTTP/1.1 429 " KEY "\r\nRetry-After: " KEY "\r\n" ECHO_ALL),
    SAYS("a 500 with the credential", SERVER, "HTTP/1.1 500 " KEY "\r\n" ECHO_ALL),
    SAYS("a 200 with the credential", MALFORMED, "HTTP/1.1 200 " KEY "\r\n" ECHO_ALL),
    SAYS("a status line with the credential", MALFORMED, KEY "\r\n"),
    SAYS("a length with the credential", MALFORMED, OK_LINE "Content-Length: " KEY "\r\n\r\n"),
    SAYS("a content coding with the credential", MALFORMED, OK_LINE "Content-Encoding: " KEY "\r\n\r\n"),
    SAYS("a transfer coding with the credential", MALFORMED, OK_LINE "Transfer-Encoding: " KEY "\r\n\r\n"),
    SAYS("a chunk with the credential", NETWORK, CHUNKED KEY "\r\n"),
    SAYS_AND_CLOSES("a body with the credential", MALFORMED, OK_LINE "Connection: close\r\n\r\n" KEY),
    SAYS_AND_CLOSES("a record with the credential", MALFORMED,
                    OK_LINE "Connection: close\r\n\r\n{\"result\":[\"" KEY "\"]}"),
};
const fault_list faults_echoing = LIST("echoing", echoing);
