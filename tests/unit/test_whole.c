/* Integers that are written as reals are rewritten for the parser. */
#include "../support/decoding.h"
#include "wire/whole.h"

#include <string.h>

TEST(a_fraction_of_zeros_becomes_blanks)
{
    static const struct {
        const char *json;
        const char *written;
    } rows[] = {
        {"", ""},
        {"54.0", "54  "},
        {"[6.0,-1.000 ,2]", "[6  ,-1     ,2]"},
        {"{\"a\":0.0}", "{\"a\":0  }"},
        {"-0.0", "-0  "},
        {"9007199254740993.0", "9007199254740993  "},
        {"999999999999999999.0", "999999999999999999  "},
        {"-999999999999999999.0", "-999999999999999999  "}, /* the sign does not count as a digit */
        {"1000000000000000000.0", "1000000000000000000.0"}, /* could exceed an integer */
        {"-1000000000000000000.0", "-1000000000000000000.0"},
        /* other numbers stay */
        {"54", "54"},
        {"54.5", "54.5"},
        {"54.05", "54.05"},
        {"54.50", "54.50"},
        {"5.9999999999999999999", "5.9999999999999999999"},
        {"1.0e5", "1.0e5"},
        {"1e5", "1e5"},
        /* neither numbers nor JSON */
        {"\"54.0\"", "\"54.0\""},
        {"{\"6.0\":6.0}", "{\"6.0\":6  }"},
        {"\"a\\\"6.0\",7.0", "\"a\\\"6.0\",7  "},
        {"\"a\\\\\",7.0", "\"a\\\\\",7  "},
        {"\"6.0", "\"6.0"},
        {"\"6.0\\", "\"6.0\\"},
        {"54.", "54."},
        {".0", ".0"},
        {"-.0", "-.0"},
        {"--1.0", "--1.0"},
        {"1-1.0", "1-1.0"},
        {"1.0.0", "1.0.0"},
        {"+1.0", "+1.0"},
        {"true1.0", "true1.0"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char json[64];

        t_row("%s", rows[i].json);
        (void)strcpy(json, rows[i].json);
        lsync_json_write_wholes(json, strlen(json));
        CHECK_TEXT(json, rows[i].written);
    }
}
