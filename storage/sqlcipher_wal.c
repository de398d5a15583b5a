/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's format is section 4 of fileformat2.html (sqlite.org): a frame counts when salts and the
 * running checksum agree, up to the last one that ends a transaction. The checksum is linear and
 * takes eight bytes a step, so it also runs backwards: for each step there is one pair of words
 * that makes it right.
 */
#include "storage/sqlcipher_wal.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE               AMPHI_DB_PAGE_BYTES
#define LOG_HEADER_BYTES   32
#define FRAME_HEADER_BYTES 24
#define FRAME_BYTES        (FRAME_HEADER_BYTES + PAGE)
#define SUMMED_BYTES       (8 + PAGE) /* the page's number, the commit's size, the page */
#define STEPS              (SUMMED_BYTES / 8)
#define SECTOR_BYTES       512         /* the smallest; all pairs of words are aligned in them */
#define MAGIC              0x377f0682u /* and 1 for checksums in big-endian order */

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_big_endian(uint8_t *out, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* ---- The checksum ---- */

typedef struct log_sum {
    uint32_t a, b;
} log_sum;

static uint32_t word_of(const amphi_wal *wal, const uint8_t *at)
{
    uint32_t word = big_endian(at);
    return wal->is_big_endian ? word : __builtin_bswap32(word);
}

static void put_word(const amphi_wal *wal, uint8_t *out, uint32_t word)
{
    put_big_endian(out, wal->is_big_endian ? word : __builtin_bswap32(word));
}

static log_sum sum_add(const amphi_wal *wal, log_sum sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        sum.a += word_of(wal, data + i) + sum.b;
        sum.b += word_of(wal, data + i + 4) + sum.a;
    }
    return sum;
}

static log_sum sum_of_frame(const amphi_wal *wal, log_sum before, const uint8_t *frame)
{
    return sum_add(wal, sum_add(wal, before, frame, 8), frame + FRAME_HEADER_BYTES, PAGE);
}

static log_sum sum_stated(const uint8_t *at)
{
    return (log_sum){big_endian(at), big_endian(at + 4)};
}

static bool sum_is(log_sum sum, log_sum other)
{
    return sum.a == other.a && sum.b == other.b;
}

/* ---- The file ---- */

static bool read_at(const amphi_wal *wal, uint8_t *out, size_t size, uint64_t offset)
{
    return wal->fd >= 0 && pread(wal->fd, out, size, (off_t)offset) == (ssize_t)size;
}

static uint64_t offset_of(uint32_t frame)
{
    return LOG_HEADER_BYTES + (uint64_t)(frame - 1) * FRAME_BYTES;
}

static bool read_frame(const amphi_wal *wal, uint32_t frame, uint8_t out[FRAME_BYTES])
{
    return read_at(wal, out, FRAME_BYTES, offset_of(frame));
}

static bool has_salts(const amphi_wal *wal, const uint8_t *frame)
{
    return memcmp(frame + 8, wal->salts, sizeof wal->salts) == 0;
}

/* Opens it and reads its header; *sum is what the first frame follows from. */
static void begin(amphi_wal *wal, const char *path, log_sum *sum)
{
    static const union {
        uint32_t word;
        uint8_t first;
    } order = {1};
    uint8_t header[LOG_HEADER_BYTES];
    struct stat info;
    *wal = (amphi_wal){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    *sum = (log_sum){0, 0};
    if (wal->fd < 0 || fstat(wal->fd, &info) != 0 || info.st_size <= LOG_HEADER_BYTES ||
        !read_at(wal, header, sizeof header, 0))
        return;
    wal->count = (uint32_t)((info.st_size - LOG_HEADER_BYTES) / FRAME_BYTES);
    bool has_magic = (big_endian(header) & ~1u) == MAGIC;
    wal->is_big_endian = has_magic ? (header[3] & 1) != 0 : order.first == 0;
    *sum = sum_add(wal, *sum, header, 24);
    wal->is_headless =
        !has_magic || big_endian(header + 8) != PAGE || !sum_is(*sum, sum_stated(header + 24));
    memcpy(wal->salts, header + 16, sizeof wal->salts);
}

/* What SQLite replays. *sum becomes what frame `broken` should follow from. */
static void follow(amphi_wal *wal, log_sum *sum)
{
    uint8_t frame[FRAME_BYTES];
    for (uint32_t i = 1; i <= wal->count && !wal->is_headless; i++) {
        if (!read_frame(wal, i, frame))
            return;
        log_sum after = sum_of_frame(wal, *sum, frame);
        if (!has_salts(wal, frame) || big_endian(frame) == 0 ||
            !sum_is(after, sum_stated(frame + 16))) {
            wal->broken = i;
            return;
        }
        *sum = after;
        if (big_endian(frame + 4) != 0) {
            wal->last = i;
            wal->size = big_endian(frame + 4);
        }
    }
    if (wal->is_headless && wal->count > 0)
        wal->broken = 1;
}

/* Is there, from `broken` on, a frame of this log? Where it ends as it should there are old ones
 * only, or none. */
static bool has_tail(const amphi_wal *wal, log_sum sum)
{
    uint8_t frame[FRAME_BYTES];
    if (wal->broken == 0 || wal->is_headless)
        return wal->broken != 0;
    if (!read_frame(wal, wal->broken, frame))
        return false;
    if (sum_is(sum_of_frame(wal, sum, frame), sum_stated(frame + 16)))
        return true; /* only its salts, or number, are others */
    for (uint32_t i = wal->broken; i <= wal->count; i++) {
        if (!read_at(
                wal, frame, FRAME_HEADER_BYTES, LOG_HEADER_BYTES + (uint64_t)(i - 1) * FRAME_BYTES))
            return false;
        if (has_salts(wal, frame))
            return true;
    }
    return false;
}

bool amphi__wal_is_suspect(const char *path)
{
    amphi_wal wal;
    log_sum sum;
    begin(&wal, path, &sum);
    follow(&wal, &sum);
    bool found = has_tail(&wal, sum);
    amphi__wal_clear(&wal);
    return found;
}

/* ---- Behind the break ---- */

typedef struct tail_reader {
    const amphi_page_seal *seal;
    log_sum stated, computed; /* of the frame before: the next one follows from either */
    bool is_sure;             /* that frame is good and linked: the next follows, or is no part */
    uint32_t mends_left;
} tail_reader;

/* Whether a sector that was not written, which SQLite expects after a power loss, could look like
 * these eight bytes: when no other byte of the frame is in their sector, and what else is in it is
 * not known to be good. */
static bool may_be_torn(const amphi_wal *wal, const tail_reader *t, uint32_t number, size_t step)
{
    uint8_t next[FRAME_HEADER_BYTES];
    uint64_t frame = offset_of(number);
    uint64_t last = frame + FRAME_BYTES - 8;
    if (step == 0) /* with its salts, or alone; the frame before ends in the same sector */
        return !t->is_sure && ((frame + 8) % SECTOR_BYTES == 0 || (frame + 16) % SECTOR_BYTES == 0);
    return step == STEPS - 1 && last % SECTOR_BYTES == 0 &&
           !(read_at(wal, next, sizeof next, offset_of(number + 1)) && has_salts(wal, next));
}

static void note_mend(amphi_wal *wal, uint32_t number, size_t step, const uint8_t *bytes)
{
    if (step == 0) /* in the frame's header, which the tail keeps */
        return;
    amphi_wal_mend *mend = &wal->mends[wal->mends_count++];
    *mend = (amphi_wal_mend){.frame = number, .at = (uint32_t)(8 * (step - 1))};
    memcpy(mend->bytes, bytes, sizeof mend->bytes);
}

/* Finds eight bytes in a row which, when they are what the checksum says, make the seal hold, and
 * mends the frame in place. A page's end is under no seal: there, where any eight bytes would do,
 * only half of them may differ. Neither is the salt of page 1, which is known. */
static bool mend(
    amphi_wal *wal, const tail_reader *t, uint32_t number, uint8_t *frame, bool is_sealed)
{
    log_sum before = t->stated;
    uint8_t data[SUMMED_BYTES], found[8];
    log_sum sums[STEPS];
    memcpy(data, frame, 8);
    memcpy(data + 8, frame + FRAME_HEADER_BYTES, PAGE);
    for (size_t i = 0; i < STEPS; i++) {
        sums[i] = before;
        before = sum_add(wal, before, data + 8 * i, 8);
    }
    log_sum after = sum_stated(frame + 16);
    for (size_t i = STEPS; i-- > 0 && wal->mends_count < AMPHI_WAL_MENDS_MAX;) {
        uint8_t *at = data + 8 * i;
        memcpy(found, at, sizeof found);
        put_word(wal, at, after.a - sums[i].a - sums[i].b);
        put_word(wal, at + 4, after.b - sums[i].b - after.a);
        bool is_near = memcmp(at, found, 4) == 0 || memcmp(at + 4, found + 4, 4) == 0;
        bool is_salt = i > 0 && i <= 2 && big_endian(data) == 1 &&
                       memcmp(data + 8, t->seal->salt, sizeof t->seal->salt) == 0;
        if ((i == 0 || !is_sealed || is_near || is_salt) && big_endian(data) != 0 &&
            amphi__page_seal_holds(t->seal, big_endian(data), data + 8)) {
            wal->is_damaged_surely |= (is_sealed && i > 0) || !may_be_torn(wal, t, number, i);
            note_mend(wal, number, i, at);
            memcpy(frame, data, 8);
            memcpy(frame + FRAME_HEADER_BYTES, data + 8, PAGE);
            return true;
        }
        memcpy(at, found, sizeof found);
        after.b -= word_of(wal, at + 4) + after.a;
        after.a -= word_of(wal, at) + after.b;
    }
    return false;
}

/* Is it the frame's own checksum that is damaged? One of its halves agrees, or the next frame
 * follows from what it should be: this alone counts where the salts are others too. */
static bool sum_is_damaged(
    const amphi_wal *wal, uint32_t number, log_sum computed, const uint8_t *frame)
{
    uint8_t next[FRAME_BYTES];
    log_sum stated = sum_stated(frame + 16);
    if (has_salts(wal, frame) && (computed.a == stated.a || computed.b == stated.b))
        return true;
    return number < wal->count && read_frame(wal, number + 1, next) &&
           sum_is(sum_of_frame(wal, computed, next), sum_stated(next + 16));
}

/* Whether the frame was written after the one before it; *touched when that takes a mend. */
static bool link_frame(
    amphi_wal *wal, tail_reader *t, uint32_t number, uint8_t *frame, bool is_sealed, bool *touched)
{
    log_sum stated = sum_stated(frame + 16);
    bool is_own = has_salts(wal, frame);
    *touched = !is_own; /* its salts, if it is linked */
    if (sum_is(sum_of_frame(wal, t->stated, frame), stated) ||
        sum_is(sum_of_frame(wal, t->computed, frame), stated)) {
        wal->is_damaged_surely |= is_sealed && !is_own;
        return is_own || is_sealed;
    }
    *touched = true;
    if ((!is_own && number != wal->broken) || (is_sealed && !t->is_sure) || t->mends_left == 0)
        return false;
    t->mends_left--;
    if (mend(wal, t, number, frame, is_sealed))
        return true;
    bool is_sum =
        is_sealed && sum_is_damaged(wal, number, sum_of_frame(wal, t->stated, frame), frame);
    wal->is_damaged_surely |= is_sum;
    return is_sum;
}

/* Judges one frame; false: here begins what was left by another branch of writes, such as a
 * transaction that was rolled back, and the log has ended before. */
static bool judge(
    amphi_wal *wal, tail_reader *t, uint32_t number, uint8_t *frame, amphi_wal_frame *out)
{
    bool is_sealed = big_endian(frame) != 0 &&
                     amphi__page_seal_holds(t->seal, big_endian(frame), frame + FRAME_HEADER_BYTES);
    log_sum computed = sum_of_frame(wal, t->stated, frame);
    bool touched = false;
    bool is_linked = link_frame(wal, t, number, frame, is_sealed, &touched);
    bool is_own = has_salts(wal, frame) || is_linked;
    /* Whatever is written first follows from the log's header. */
    bool is_other_branch = is_sealed && !is_linked && t->is_sure && number > 1;
    is_sealed |= is_linked && touched; /* mended */
    t->stated = sum_stated(frame + 16);
    t->computed = computed;
    t->is_sure = is_sealed && is_linked;
    *out = (amphi_wal_frame){.number = big_endian(frame),
        .commit = is_own ? big_endian(frame + 4) : 0,
        .is_good = is_sealed && is_own,
        .is_linked = is_linked,
        .is_untouched = !touched};
    return !is_other_branch;
}

/* Of a log without a header: those of the first frame whose seal holds. */
static bool adopt_salts(amphi_wal *wal, const amphi_page_seal *seal)
{
    uint8_t frame[FRAME_BYTES];
    for (uint32_t i = 1; i <= wal->count && read_frame(wal, i, frame); i++) {
        if (big_endian(frame) != 0 &&
            amphi__page_seal_holds(seal, big_endian(frame), frame + FRAME_HEADER_BYTES)) {
            memcpy(wal->salts, frame + 8, sizeof wal->salts);
            return true;
        }
    }
    return false;
}

/* The last commit that can be believed: its page is good, or the next frame was written after it.
 */
static void find_reach(amphi_wal *wal)
{
    wal->reach = wal->last;
    wal->reach_size = wal->size;
    for (uint32_t i = 0; i < wal->tail_count; i++) {
        const amphi_wal_frame *at = &wal->tail[i];
        bool is_sure = at->is_good || (i + 1 < wal->tail_count && wal->tail[i + 1].is_linked);
        if (at->commit != 0 && is_sure) {
            wal->reach = wal->last + 1 + i;
            wal->reach_size = at->commit;
        }
    }
}

static amphi_status read_tail(
    amphi_wal *wal, log_sum sum, const amphi_page_seal *seal, amphi_error *error)
{
    uint8_t frame[FRAME_BYTES];
    if (wal->is_headless && !adopt_salts(wal, seal))
        return AMPHI_OK;
    wal->tail = amphi__calloc(wal->count - wal->last, sizeof *wal->tail);
    if (wal->tail == NULL)
        return amphi__fail_no_memory(error);
    tail_reader t = {seal, sum, sum, !wal->is_headless, AMPHI_WAL_MENDS_MAX};
    for (uint32_t i = wal->last + 1; i <= wal->count && read_frame(wal, i, frame); i++) {
        amphi_wal_frame *at = &wal->tail[wal->tail_count];
        if (i < wal->broken)
            *at = (amphi_wal_frame){.number = big_endian(frame),
                .is_good = true,
                .is_linked = true,
                .is_untouched = true};
        else if (!judge(wal, &t, i, frame, at))
            break;
        wal->tail_count++;
    }
    find_reach(wal);
    return AMPHI_OK;
}

amphi_status amphi__wal_read(
    amphi_wal *wal, const char *path, const amphi_page_seal *seal, amphi_error *error)
{
    log_sum sum;
    amphi_status status = AMPHI_OK;
    begin(wal, path, &sum);
    follow(wal, &sum);
    wal->reach = wal->last;
    wal->reach_size = wal->size;
    if (has_tail(wal, sum))
        status = read_tail(wal, sum, seal, error);
    else
        wal->broken = 0;
    return status;
}

void amphi__wal_clear(amphi_wal *wal)
{
    if (wal->fd >= 0)
        close(wal->fd);
    amphi__free(wal->tail);
    *wal = (amphi_wal){.fd = -1};
}

bool amphi__wal_page(const amphi_wal *wal, uint32_t frame, uint8_t out[AMPHI_DB_PAGE_BYTES])
{
    if (!read_at(wal, out, PAGE, offset_of(frame) + FRAME_HEADER_BYTES))
        return false;
    for (uint32_t i = 0; i < wal->mends_count; i++)
        if (wal->mends[i].frame == frame)
            memcpy(out + wal->mends[i].at, wal->mends[i].bytes, sizeof wal->mends[i].bytes);
    return true;
}

uint32_t amphi__wal_number(const amphi_wal *wal, uint32_t frame)
{
    uint8_t header[4];
    if (frame > wal->last) {
        const amphi_wal_frame *at = &wal->tail[frame - wal->last - 1];
        return at->is_good ? at->number : 0;
    }
    return read_at(
               wal, header, sizeof header, LOG_HEADER_BYTES + (uint64_t)(frame - 1) * FRAME_BYTES)
               ? big_endian(header)
               : 0;
}
