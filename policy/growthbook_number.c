/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers to text and back as JavaScript does it, whatever decimal point the app's locale has:
 * an install must hash into the same bucket in every country.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The shortest decimal that reads back as the same number, whatever the app's locale. */
void amphi__gb_number_text(double number, char room[40])
{
    if (number == trunc(number) && fabs(number) < 1e21) {
        snprintf(room, 40, "%.0f", number == 0 ? 0.0 : number);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(room, 40, "%.*g", digits, number);
        if (strtod(room, NULL) == number)
            break;
    }
    for (char *c = room; *c != '\0'; c++)
        if (*c != '-' && *c != '+' && *c != 'e' && (*c < '0' || *c > '9'))
            *c = '.';
}

/* Digits, point and exponent, independent of the locale; NaN for anything else. */
double amphi__gb_text_number(amphi_str text)
{
    text = amphi__str_trim(text);
    double mantissa = 0;
    int exponent = 0;
    size_t digits = 0;
    size_t i = 0;
    bool negative = text.size > 0 && text.data[0] == '-';
    if (text.size == 0)
        return 0;
    i += negative || text.data[0] == '+';
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++, digits++)
        mantissa = mantissa * 10 + (text.data[i] - '0');
    if (i < text.size && text.data[i] == '.') {
        for (i++; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++, digits++) {
            mantissa = mantissa * 10 + (text.data[i] - '0');
            exponent--;
        }
    }
    if (digits > 0 && i + 1 < text.size && (text.data[i] == 'e' || text.data[i] == 'E')) {
        bool down = text.data[i + 1] == '-';
        uint64_t more = 0;
        size_t from = i + 1 + (down || text.data[i + 1] == '+');
        if (!amphi__str_to_u64(amphi__str_slice(text, from, text.size), &more) || more > 400)
            return (double)NAN;
        exponent += down ? -(int)more : (int)more;
        i = text.size;
    }
    if (digits == 0 || i != text.size)
        return (double)NAN;
    double value = exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    return negative ? -value : value;
}
