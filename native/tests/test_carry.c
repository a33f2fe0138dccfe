/* SPDX-License-Identifier: Apache-2.0
 * Whole logical commands over a transport that answers from a script, and over the stub of PC/SC. */
#include "harness.h"
#include "zc.h"

#include <dlfcn.h>

enum { SCRIPT = 40, WORK = 70000 };

/* What the card answers, one after another; what it was sent. */
typedef struct {
    const char *answers[SCRIPT];
    uint32_t fail_at, code;   /* the command of this number (from 1) fails with `code` */
    uint32_t cancel_at;       /* after this number of commands `cancel` is set */
    uint32_t cancel, count;
    uint8_t last[300];
    size_t last_length;
} card;

static uint8_t answer[65536], work[WORK];

static uint32_t transmit(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                         size_t capacity, size_t *response_length)
{
    card *c = carrier;
    size_t length;
    uint8_t *bytes;

    c->count++;
    c->last_length = command_length < sizeof c->last ? command_length : sizeof c->last;
    memcpy(c->last, command, c->last_length);
    if (c->count == c->fail_at)
        return c->code;
    bytes = hex(c->answers[c->count - 1], &length);
    CHECK(length <= capacity);
    memcpy(response, bytes, length);
    *response_length = length;
    free(bytes);
    if (c->count == c->cancel_at)
        c->cancel = 1;
    return 0;
}

static zc_job job_of(card *c, uint8_t ins, uint32_t nc, uint32_t ne, uint8_t form)
{
    static uint8_t data[65535];
    zc_job job = {.command = {.ins = ins, .nc = nc, .ne = ne, .extended = form}, .data = data, .limit = sizeof answer,
                  .answer = answer, .work = work, .work_size = sizeof work, .cancel = &c->cancel};

    return job;
}

static void a_chain_out_and_an_answer_in_parts(void)
{
    card c = {.answers = {"9000", "AABB 6102", "CCDD 9000"}};
    zc_job job = job_of(&c, 0xDB, 300, 256, ZC_SHORT);

    EQUAL(zc_carry(&job, transmit, &c), ZC_OK);
    EQUAL(job.sent, 3);
    EQUAL(job.received, 4);
    EQUAL(job.sw, 0x9000);
    CHECK(memcmp(answer, "\xAA\xBB\xCC\xDD", 4) == 0);
}

static void after_an_error_of_the_transport_nothing_is_sent_again(void)
{
    for (uint32_t at = 1; at <= 3; at++) {
        card c = {.answers = {"9000", "6102", "CCDD 9000"}, .fail_at = at, .code = 0x80100016};
        zc_job job = job_of(&c, 0xDB, 300, 256, ZC_EITHER);

        if (at > 1)
            job.command.extended = ZC_SHORT;
        EQUAL(zc_carry(&job, transmit, &c), ZC_E_TRANSPORT);
        EQUAL(job.code, 0x80100016);
        EQUAL(job.sent, at);
        EQUAL(c.count, at);
    }
}

static void what_the_reader_refused_goes_in_short_form(void)
{
    card c = {.answers = {"", "9000", "9000"}, .fail_at = 1, .code = ZC_TRANSMIT_REFUSED};
    zc_job job = job_of(&c, 0xDB, 300, 0, ZC_EITHER);

    EQUAL(zc_carry(&job, transmit, &c), ZC_OK);
    EQUAL(job.sent, 2);
    EQUAL(job.fell_back, 1);
    c.count = 0;
    job = job_of(&c, 0xDB, 300, 0, ZC_EXTENDED);
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_TRANSPORT);
    EQUAL(job.code, ZC_TRANSMIT_REFUSED);
    EQUAL(job.sent, 0);
}

static void cancelling_acts_between_commands_never_inside_a_chain(void)
{
    card before = {.cancel = 1}, chain = {.answers = {"9000", "9000", "9000"}, .cancel_at = 1},
         parts = {.answers = {"6102", "AABB 6102"}, .cancel_at = 2}, again = {.answers = {"6C02", "AABB 9000"}, .cancel_at = 1};
    zc_job job = job_of(&before, 0xDB, 300, 256, ZC_SHORT);

    EQUAL(zc_carry(&job, transmit, &before), ZC_E_CANCELLED);
    EQUAL(job.sent, 0);
    job = job_of(&chain, 0xDB, 600, 0, ZC_SHORT);
    EQUAL(zc_carry(&job, transmit, &chain), ZC_OK);
    EQUAL(job.sent, 3);
    job = job_of(&parts, 0xCB, 3, 256, ZC_SHORT);
    EQUAL(zc_carry(&job, transmit, &parts), ZC_E_CANCELLED);
    EQUAL(job.sent, 2);
    EQUAL(job.sw, 0x6102);
    job = job_of(&again, 0xB0, 0, 256, ZC_SHORT);
    EQUAL(zc_carry(&job, transmit, &again), ZC_OK);
    EQUAL(job.received, 2);
    job.cancel = NULL;
    again.count = 0;
    EQUAL(zc_carry(&job, transmit, &again), ZC_OK);
}

static void secrets_are_filled_in_where_the_template_has_room(void)
{
    card c = {.answers = {"9000"}};
    zc_job job = job_of(&c, 0x20, 8, 0, ZC_SHORT);
    zc_secret *pin;
    zc_fill fill = {.offset = 1};

    EQUAL(zc_secret_open(6, &pin), ZC_OK);
    EQUAL(zc_secret_write(pin, 0, (const uint8_t *)"314159", 6), ZC_OK);
    fill.secret = pin;
    job.fills = &fill;
    job.fill_count = 1;
    EQUAL(zc_carry(&job, transmit, &c), ZC_OK);
    EQUAL(c.last_length, 13);
    CHECK(memcmp(c.last + 5, "\0" "314159" "\0", 8) == 0);
    c.count = 0;
    fill.offset = 3;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_RANGE);
    fill.offset = UINT32_MAX;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_RANGE);
    fill.offset = 0;
    job.command.nc = 4000;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_RANGE);
    job.command.nc = 8;
    zc_secret_wipe(pin);
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_WIPED);
    EQUAL(c.count, 0);
    zc_secret_close(pin);
}

static void too_little_room_is_an_error(void)
{
    card c = {.answers = {"9000"}};
    zc_job job = job_of(&c, 0xB0, 0, 256, ZC_SHORT);

    job.work_size = ZC_WORK_SHORT - 1;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_CAPACITY);
    job = job_of(&c, 0xB0, 0, 65536, ZC_EXTENDED);
    job.work_size = zc_work_size(&job) - 1;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_CAPACITY);
    job = job_of(&c, 0xB0, 0, 65537, ZC_EXTENDED);
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_RANGE);
    EQUAL(c.count, 0);
}

static void answers_that_break_a_bound_end_it(void)
{
    card c = {.answers = {"AABBCC 9000"}};
    zc_job job = job_of(&c, 0xB0, 0, 2, ZC_SHORT);

    EQUAL(zc_carry(&job, transmit, &c), ZC_E_ANSWER_LONG);
    EQUAL(job.received, 0);
}

static void over_pcsc_t0_has_no_extended_form(void)
{
    card c = {.count = 0};
    zc_job job = job_of(&c, 0xDB, 300, 0, ZC_EITHER);
    zc_pcsc pcsc;

    EQUAL(zc_pcsc_load(&pcsc, STUB), ZC_OK);
    memcpy(dlsym(pcsc.library, "stub_response"), "\x90\x00", 2);
    *(uint32_t *)dlsym(pcsc.library, "stub_response_length") = 2;
    EQUAL(zc_pcsc_carry(&pcsc, 1, 1, &job), ZC_OK);
    EQUAL(job.sent, 2);
    EQUAL(job.fell_back, 1);
    EQUAL(zc_pcsc_carry(&pcsc, 1, 2, &job), ZC_OK);
    EQUAL(job.sent, 1);
    EQUAL(job.fell_back, 0);
    zc_pcsc_unload(&pcsc);
}

int main(void)
{
    RUN(a_chain_out_and_an_answer_in_parts);
    RUN(after_an_error_of_the_transport_nothing_is_sent_again);
    RUN(what_the_reader_refused_goes_in_short_form);
    RUN(cancelling_acts_between_commands_never_inside_a_chain);
    RUN(secrets_are_filled_in_where_the_template_has_room);
    RUN(too_little_room_is_an_error);
    RUN(answers_that_break_a_bound_end_it);
    RUN(over_pcsc_t0_has_no_extended_form);
    return report();
}
