/* SPDX-License-Identifier: Apache-2.0
 *
 * The delay's four places, in the order in which they count: retry-after-ms, Retry-After,
 * x-ratelimit-reset-* (headers), then the error object and its prose (the body). Numbers and units
 * are read here rather than with strtod, whose decimal point depends on the locale.
 */
#include "remote/retry_after.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

enum { RETRY_MAX_MS = 24 * 3600 * 1000 };

/* ---- Durations ------------------------------------------------------------------------------- */

static uint32_t clamp_ms(double ms)
{
    if (!(ms > 0))
        return 0;
    return ms < RETRY_MAX_MS ? (uint32_t)(ms + 0.5) : (uint32_t)RETRY_MAX_MS;
}

/* A decimal number; returns its length. No locale, no exponent. */
static size_t read_decimal(amphi_str text, double *out)
{
    double value = 0;
    double scale = 0;
    size_t at = 0;
    for (; at < text.size && at < 18; at++) {
        char c = text.data[at];
        if (c == '.' && scale == 0 && at > 0) {
            scale = 1;
        } else if (c >= '0' && c <= '9') {
            value = value * 10 + (c - '0');
            scale *= 10;
        } else {
            break;
        }
    }
    bool trailing_dot = at > 0 && text.data[at - 1] == '.';
    *out = scale > 1 ? value / scale : value;
    return trailing_dot ? at - 1 : at;
}

/* Milliseconds of the unit at the beginning of `text`, and its length; 0: none. */
static double read_unit(amphi_str text, size_t *size)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"milliseconds", 1}, {"ms", 1}, {"seconds", 1e3}, {"second", 1e3}, {"secs", 1e3},
        {"sec", 1e3}, {"s", 1e3}, {"minutes", 6e4}, {"minute", 6e4}, {"min", 6e4}, {"m", 6e4},
        {"hours", 36e5}, {"hour", 36e5}, {"h", 36e5}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (amphi__str_starts_with(text, amphi_str_from(units[i].name))) {
            *size = strlen(units[i].name);
            return units[i].ms;
        }
    }
    return 0;
}

uint32_t amphi__duration_ms(amphi_str text)
{
    double total = 0;
    for (int parts = 0; parts < 4; parts++) {
        double number;
        size_t size = read_decimal(text, &number);
        if (size == 0)
            break;
        text = amphi__str_slice(text, size, text.size);
        while (text.size > 0 && text.data[0] == ' ')
            text = amphi__str_slice(text, 1, text.size);
        double unit = read_unit(text, &size);
        if (unit == 0)
            break;
        total += number * unit;
        text = amphi__str_slice(text, size, text.size);
    }
    return clamp_ms(total);
}

/* ---- HTTP dates ------------------------------------------------------------------------------ */

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "days_from_civil"). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int two_digits(const char *text)
{
    bool units = text[1] >= '0' && text[1] <= '9';
    int tens = text[0] == ' ' ? 0 : text[0] - '0'; /* the C library's form has blanks there */
    return units && tens >= 0 && tens <= 9 ? tens * 10 + (text[1] - '0') : -1000000;
}

/* Where the parts of a date stand. */
typedef struct date_form {
    size_t day, month, year, time;
    bool short_year;
} date_form;

/* The three forms of RFC 9110, 5.6.7; the two older ones still have to be read. */
static bool find_form(amphi_str text, date_form *out)
{
    if (text.size == 29 && text.data[3] == ',') { /* Sun, 06 Nov 1994 08:49:37 GMT */
        *out = (date_form){5, 8, 12, 17, false};
        return amphi__str_ends_with(text, AMPHI_STR(" GMT"));
    }
    if (text.size == 24 && text.data[3] == ' ') { /* Sun Nov  6 08:49:37 1994 */
        *out = (date_form){8, 4, 20, 11, false};
        return true;
    }
    amphi_str rest;
    size_t comma = amphi__str_cut(text, ',', &rest).size; /* Sunday, 06-Nov-94 08:49:37 GMT */
    *out = (date_form){comma + 2, comma + 5, comma + 9, comma + 12, true};
    return text.size == comma + 24 && amphi__str_ends_with(text, AMPHI_STR(" GMT"));
}

int64_t amphi__http_date(amphi_str text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    date_form form;
    if (!find_form(text, &form))
        return -1;
    const char *d = text.data;
    const char *clock = d + form.time;
    int month = 0;
    /* NOLINTNEXTLINE(*NonNullParamChecker): find_form() refused the empty text */
    while (month < 12 && memcmp(months + (size_t)month * 3, d + form.month, 3) != 0)
        month++;
    int day = two_digits(d + form.day);
    int year = form.short_year ? 2000 + two_digits(d + form.year)
                               : two_digits(d + form.year) * 100 + two_digits(d + form.year + 2);
    int hour = two_digits(clock);
    int minute = two_digits(clock + 3);
    int second = two_digits(clock + 6);
    if (clock[2] != ':' || clock[5] != ':' || month == 12 || day < 1 || day > 31 || year < 1970 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return days_from_civil(year, month + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
}

/* ---- Headers --------------------------------------------------------------------------------- */

static amphi_str find_header(const amphi_http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_ignore_case(headers[i].name, amphi_str_from(name)))
            return headers[i].value;
    return amphi_str_make(NULL, 0);
}

/* OpenAI's and Groq's headers: of what is used up (requests or tokens), when there is some
 * again. */
static uint32_t ratelimit_reset_ms(const amphi_http_header *headers, size_t count)
{
    static const char *const names[][2] = {
        {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
        {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}};
    uint32_t longest_ms = 0;
    for (size_t i = 0; i < 2; i++) {
        uint32_t reset_ms = amphi__duration_ms(find_header(headers, count, names[i][1]));
        bool used_up = amphi__str_equal_c(find_header(headers, count, names[i][0]), "0");
        longest_ms = used_up && reset_ms > longest_ms ? reset_ms : longest_ms;
    }
    return longest_ms;
}

uint32_t amphi__retry_after_ms(
    const amphi_http_header *headers, size_t count, const amphi_clock *clock)
{
    double number;
    amphi_str text = find_header(headers, count, "retry-after-ms");
    if (text.size > 0 && read_decimal(text, &number) == text.size)
        return clamp_ms(number);
    text = find_header(headers, count, "retry-after");
    if (text.size == 0)
        return ratelimit_reset_ms(headers, count);
    if (read_decimal(text, &number) == text.size)
        return clamp_ms(number * 1000);
    int64_t until = amphi__http_date(text);
    int64_t now = amphi__http_date(find_header(headers, count, "date"));
    if (now < 0)
        now = amphi__clock_wall_ms(clock) / 1000;
    return until < 0 ? 0 : clamp_ms((double)(until - now) * 1000);
}

/* ---- The body of an error -------------------------------------------------------------------- */

uint32_t amphi__retry_after_error_ms(const amphi_json *error)
{
    uint32_t retry_ms =
        clamp_ms(amphi__json_number(amphi__json_get(error, "retry_after"), 0) * 1000);
    const amphi_json *detail = amphi__json_first(amphi__json_get(error, "details"));
    for (; detail != NULL && retry_ms == 0; detail = amphi__json_next(detail))
        retry_ms = amphi__duration_ms(amphi__json_string(amphi__json_get(detail, "retryDelay")));
    return retry_ms;
}

uint32_t amphi__retry_after_prose_ms(amphi_str text)
{
    static const char *const openings[] = {"try again in ", "retry in ", "retry after "};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        amphi_str opening = amphi_str_from(openings[i]);
        size_t at = amphi__str_find(text, opening);
        uint32_t retry_ms =
            at == SIZE_MAX
                ? 0
                : amphi__duration_ms(amphi__str_slice(text, at + opening.size, text.size));
        if (retry_ms > 0)
            return retry_ms;
    }
    return 0;
}
