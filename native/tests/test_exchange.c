/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

enum { LIMIT = 600 };

static zc_exchange exchange;
static zc_command command;
static uint8_t data[1000], out[ZC_COMMAND_MAX];
static uint8_t *answer;
static size_t length;

static zc_status begin(uint32_t nc, uint32_t ne)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    command = (zc_command){.ins = 0xCB, .p1 = 0x3F, .p2 = 0xFF, .nc = nc, .ne = ne};
    return zc_exchange_begin(&exchange, &command, data, LIMIT, out, ZC_COMMAND_SHORT_MAX, &length);
}

/* The card answers `count` bytes and the status word `sw`. */
static zc_status card(size_t count, uint16_t sw)
{
    uint8_t *response = malloc(count + 2);
    zc_status status;

    memset(response, 0xAA, count);
    response[count] = (uint8_t)(sw >> 8);
    response[count + 1] = (uint8_t)sw;
    status = zc_exchange_feed(&exchange, NULL, data, response, count + 2, answer, out, ZC_COMMAND_SHORT_MAX, &length);
    free(response);
    return status;
}

static void sent(const char *want)
{
    size_t want_length;
    uint8_t *wanted = hex(want, &want_length);

    EQUAL(length, want_length);
    CHECK(length == want_length && memcmp(out, wanted, want_length) == 0);
    free(wanted);
}

static void one_command_one_answer(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    sent("00 CB 3F FF 02 00 01 00");
    EQUAL(card(256, 0x9000), ZC_OK);
    EQUAL(exchange.received, 256);
    EQUAL(exchange.sw, 0x9000);
    EQUAL(length, 0);
    EQUAL(card(0, 0x9000), ZC_E_FINISHED);
}

static void long_data_go_in_a_chain(void)
{
    EQUAL(begin(600, 256), ZC_OK);
    EQUAL(length, 260);
    EQUAL(out[0], 0x10);
    EQUAL(out[4], 255);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(length, 260);
    EQUAL(out[0], 0x10);
    EQUAL(out[5], 255);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(length, 5 + 90 + 1);
    EQUAL(out[0], 0x00);
    EQUAL(out[4], 90);
    EQUAL(out[5], (uint8_t)510);
    EQUAL(card(3, 0x9000), ZC_OK);
    EQUAL(exchange.received, 3);
}

static void data_of_255_and_510_bytes_leave_no_empty_part(void)
{
    EQUAL(begin(255, 0), ZC_OK);
    EQUAL(out[0], 0x00);
    EQUAL(card(0, 0x9000), ZC_OK);
    EQUAL(begin(510, 0), ZC_OK);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(out[0], 0x00);
    EQUAL(out[4], 255);
    EQUAL(card(0, 0x9000), ZC_OK);
}

static void a_refused_part_ends_the_chain(void)
{
    EQUAL(begin(600, 0), ZC_OK);
    EQUAL(card(0, 0x6884), ZC_OK);
    EQUAL(exchange.sw, 0x6884);
    EQUAL(begin(600, 0), ZC_OK);
    EQUAL(card(1, 0x9000), ZC_E_ANSWER_LONG);
}

static void what_remains_is_fetched(void)
{
    EQUAL(begin(600, 256), ZC_OK);
    card(0, 0x9000);
    card(0, 0x9000);
    EQUAL(card(256, 0x6100), ZC_MORE);
    sent("00 C0 00 00 00");
    EQUAL(card(256, 0x6107), ZC_MORE);
    sent("00 C0 00 00 07");
    EQUAL(card(7, 0x9000), ZC_OK);
    EQUAL(exchange.received, 519);
}

static void get_response_keeps_the_class_but_not_the_chain(void)
{
    static const struct {
        uint8_t cla;
        const char *want;
    } cases[] = {{0x0C, "00 C0 00 00 05"}, {0x04, "00 C0 00 00 05"}, {0x6F, "4F C0 00 00 05"}, {0x10, "00 C0 00 00 05"}, {0x41, "41 C0 00 00 05"}, {0x82, "02 C0 00 00 05"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zc_command plain = {.cla = cases[i].cla, .ne = 256};

        EQUAL(zc_exchange_begin(&exchange, &plain, NULL, LIMIT, out, sizeof out, &length), ZC_OK);
        EQUAL(card(0, 0x6105), ZC_MORE);
        sent(cases[i].want);
    }
}

static void a_wrong_le_is_corrected_once(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(0, 0x6C04), ZC_MORE);
    sent("00 CB 3F FF 02 00 01 04");
    EQUAL(card(4, 0x9000), ZC_OK);
    EQUAL(exchange.received, 4);
    EQUAL(begin(0, 2), ZC_OK);
    EQUAL(card(0, 0x6C04), ZC_MORE);
    sent("00 CB 3F FF 04");
    EQUAL(card(4, 0x9000), ZC_OK);
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(0, 0x6C04), ZC_MORE);
    EQUAL(card(0, 0x6C05), ZC_OK);
    EQUAL(exchange.sw, 0x6C05);
}

static void a_wrong_le_of_get_response_is_corrected_too(void)
{
    EQUAL(begin(0, 256), ZC_OK);
    EQUAL(card(0, 0x6100), ZC_MORE);
    EQUAL(card(0, 0x6C09), ZC_MORE);
    sent("00 C0 00 00 09");
    EQUAL(card(9, 0x9000), ZC_OK);
    EQUAL(exchange.received, 9);
}

static void a_wrong_le_without_le_is_the_answer(void)
{
    EQUAL(begin(2, 0), ZC_OK);
    EQUAL(card(0, 0x6C04), ZC_OK);
    EQUAL(exchange.sw, 0x6C04);
}

static void data_along_with_a_wrong_le_are_refused(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(1, 0x6C04), ZC_E_ANSWER_DATA);
    EQUAL(card(0, 0x9000), ZC_E_FINISHED);
}

static void more_than_asked_for_is_refused(void)
{
    EQUAL(begin(2, 5), ZC_OK);
    EQUAL(card(6, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(begin(2, 0), ZC_OK);
    EQUAL(card(1, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(257, 0x9000), ZC_E_ANSWER_LONG);
}

static void a_get_response_with_more_than_asked_for_is_refused(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(0, 0x6105), ZC_MORE);
    EQUAL(card(6, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(256, 0x6105), ZC_MORE);
    EQUAL(card(256, 0x9000), ZC_E_ANSWER_LONG);
}

static void the_answer_buffer_is_never_overrun(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(256, 0x6100), ZC_MORE);
    EQUAL(card(256, 0x6100), ZC_MORE);
    EQUAL(card(256, 0x6100), ZC_E_ANSWER_LONG);
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(256, 0x6100), ZC_MORE);
    EQUAL(card(256, 0x6158), ZC_MORE);
    EQUAL(card(88, 0x9000), ZC_OK);
    EQUAL(exchange.received, LIMIT);
}

static void an_exact_le_bounds_the_whole_answer(void)
{
    EQUAL(begin(2, 300), ZC_OK);
    sent("00 CB 3F FF 02 00 01 00");
    EQUAL(card(256, 0x612C), ZC_MORE);
    EQUAL(card(44, 0x9000), ZC_OK);
    EQUAL(begin(2, 300), ZC_OK);
    EQUAL(card(256, 0x612D), ZC_MORE);
    EQUAL(card(45, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(begin(2, LIMIT + 1), ZC_OK);
    EQUAL(exchange.bound, LIMIT);
}

static void endless_61xx_ends(void)
{
    zc_status status;
    int rounds = 0;

    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(0, 0x6101), ZC_MORE);
    EQUAL(card(0, 0x6101), ZC_E_ENDLESS);

    command = (zc_command){.ne = 256};
    free(answer);
    answer = malloc(ZC_EXCHANGE_GETS * 2);
    EQUAL(zc_exchange_begin(&exchange, &command, NULL, ZC_EXCHANGE_GETS * 2, out, sizeof out, &length), ZC_OK);
    do {
        status = card(1, 0x6101);
        rounds++;
    } while (status == ZC_MORE && rounds < 2 * ZC_EXCHANGE_GETS);
    EQUAL(status, ZC_E_ENDLESS);
    EQUAL(rounds, ZC_EXCHANGE_GETS + 1);
    free(answer);
    answer = malloc(LIMIT);
}

static void endless_6cxx_ends(void)
{
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(card(0, 0x6C01), ZC_MORE);
    EQUAL(card(0, 0x6C01), ZC_OK);
}

static void no_answer_is_refused(void)
{
    uint8_t byte = 0x90;

    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(zc_exchange_feed(&exchange, NULL, data, &byte, 1, answer, out, sizeof out, &length), ZC_E_ANSWER_SHORT);
    EQUAL(begin(2, 256), ZC_OK);
    EQUAL(zc_exchange_feed(&exchange, NULL, data, NULL, 0, answer, out, sizeof out, &length), ZC_E_ANSWER_SHORT);
    EQUAL(zc_exchange_feed(&exchange, NULL, data, NULL, 0, answer, out, sizeof out, &length), ZC_E_FINISHED);
}

static void extended_commands_go_whole(void)
{
    zc_command whole = {.ins = 0xDB, .extended = 1, .nc = 1000, .ne = 65536};

    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, sizeof out, &length), ZC_OK);
    EQUAL(length, 4 + 3 + 1000 + 2);
    EQUAL(out[0], 0x00);
    EQUAL(card(300, 0x9000), ZC_OK);
    EQUAL(exchange.received, 300);
    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, sizeof out, &length), ZC_OK);
    EQUAL(card(601, 0x9000), ZC_E_ANSWER_LONG);
}

static zc_status begin_either(uint32_t nc, uint32_t ne)
{
    begin(nc, 0);
    command.ne = ne;
    command.extended = ZC_EITHER;
    return zc_exchange_begin(&exchange, &command, data, LIMIT, out, sizeof out, &length);
}

static void extended_form_is_taken_only_where_it_is_of_use(void)
{
    EQUAL(begin_either(255, 256), ZC_OK);
    EQUAL(length, 4 + 1 + 255 + 1);
    EQUAL(exchange.form, ZC_SHORT);
    EQUAL(begin_either(256, 0), ZC_OK);
    EQUAL(length, 4 + 3 + 256);
    EQUAL(begin_either(0, 257), ZC_OK);
    sent("00 CB 3F FF 00 01 01");
    EQUAL(card(257, 0x9000), ZC_OK);
    EQUAL(exchange.fell_back, 0);
}

static void a_card_that_refuses_extended_form_gets_a_chain(void)
{
    EQUAL(begin_either(600, 65536), ZC_OK);
    EQUAL(length, 4 + 3 + 600 + 2);
    EQUAL(card(0, 0x6700), ZC_MORE);
    EQUAL(length, 260);
    EQUAL(out[0], 0x10);
    EQUAL(out[5], data[0]);
    EQUAL(exchange.fell_back, 1);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(length, 5 + 90 + 1);
    EQUAL(out[length - 1], 0x00);
    EQUAL(card(256, 0x6102), ZC_MORE);
    sent("00 C0 00 00 02");
    EQUAL(card(2, 0x9000), ZC_OK);
    EQUAL(exchange.received, 258);
}

static void it_falls_back_once(void)
{
    EQUAL(begin_either(300, 0), ZC_OK);
    EQUAL(card(0, 0x6700), ZC_MORE);
    EQUAL(card(0, 0x6700), ZC_OK);
    EQUAL(exchange.sw, 0x6700);
}

static void what_is_short_or_insisted_on_does_not_fall_back(void)
{
    zc_command whole = {.ins = 0xDB, .extended = ZC_EXTENDED, .nc = 300};

    EQUAL(begin_either(8, 256), ZC_OK);
    EQUAL(card(0, 0x6700), ZC_OK);
    EQUAL(exchange.sw, 0x6700);
    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, sizeof out, &length), ZC_OK);
    EQUAL(zc_exchange_refused(&exchange, data, out, sizeof out, &length), ZC_E_RANGE);
    EQUAL(card(0, 0x6700), ZC_OK);
}

static void after_an_answer_there_is_no_way_back(void)
{
    EQUAL(begin_either(100, 65536), ZC_OK);
    EQUAL(card(0, 0x6C05), ZC_MORE);
    EQUAL(length, 4 + 3 + 100 + 2);
    EQUAL(out[length - 1], 5);
    EQUAL(zc_exchange_refused(&exchange, data, out, sizeof out, &length), ZC_E_RANGE);
    EQUAL(card(0, 0x6700), ZC_OK);
    EQUAL(begin_either(300, 65536), ZC_OK);
    EQUAL(card(3, 0x6700), ZC_OK);
    EQUAL(exchange.received, 3);
}

static void a_reader_that_refuses_extended_form_gets_a_chain(void)
{
    EQUAL(begin_either(300, 0), ZC_OK);
    EQUAL(zc_exchange_refused(&exchange, data, out, sizeof out, &length), ZC_MORE);
    EQUAL(length, 260);
    EQUAL(exchange.fell_back, 1);
    EQUAL(zc_exchange_refused(&exchange, data, out, sizeof out, &length), ZC_E_RANGE);
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(card(0, 0x9000), ZC_OK);
    EQUAL(zc_exchange_refused(&exchange, data, out, sizeof out, &length), ZC_E_FINISHED);
}

static void an_exact_le_bounds_the_answer_after_falling_back_too(void)
{
    EQUAL(begin_either(0, 300), ZC_OK);
    EQUAL(card(0, 0x6700), ZC_MORE);
    sent("00 CB 3F FF 00");
    EQUAL(card(256, 0x612D), ZC_MORE);
    EQUAL(card(45, 0x9000), ZC_E_ANSWER_LONG);
}

static void what_does_not_fit_is_refused_at_the_start(void)
{
    zc_command whole = {.nc = 65536};

    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, sizeof out, &length), ZC_E_RANGE);
    EQUAL(card(0, 0x9000), ZC_E_FINISHED);
    whole = (zc_command){.extended = ZC_EITHER + 1};
    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, sizeof out, &length), ZC_E_RANGE);
    whole = (zc_command){.nc = 200};
    EQUAL(zc_exchange_begin(&exchange, &whole, data, LIMIT, out, 204, &length), ZC_E_CAPACITY);
    EQUAL(card(0, 0x9000), ZC_E_FINISHED);
}

static void a_copy_goes_its_own_way(void)
{
    zc_exchange kept;

    EQUAL(begin(600, 256), ZC_OK);
    kept = exchange;
    EQUAL(card(0, 0x6A80), ZC_OK);
    exchange = kept;
    EQUAL(card(0, 0x9000), ZC_MORE);
    EQUAL(exchange.sent, 255);
}

static void a_kept_exchange_is_taken_up_in_another_place(void)
{
    uint8_t *kept = malloc(sizeof exchange);
    zc_exchange other;

    EQUAL(begin(600, 256), ZC_OK);
    EQUAL(card(0, 0x9000), ZC_MORE);
    memcpy(kept, &exchange, sizeof exchange);
    memset(&exchange, 0xEE, sizeof exchange);
    memcpy(&other, kept, sizeof other);
    free(kept);
    EQUAL(zc_exchange_feed(&other, NULL, data, (const uint8_t *)"\x90\x00", 2, answer, out, sizeof out, &length), ZC_MORE);
    EQUAL(length, 5 + 90 + 1);
    EQUAL(zc_exchange_feed(&other, NULL, data, (const uint8_t *)"A\x90\x00", 3, answer, out, sizeof out, &length), ZC_OK);
    EQUAL(other.received, 1);
}

int main(void)
{
    answer = malloc(LIMIT);
    RUN(one_command_one_answer);
    RUN(long_data_go_in_a_chain);
    RUN(data_of_255_and_510_bytes_leave_no_empty_part);
    RUN(a_refused_part_ends_the_chain);
    RUN(what_remains_is_fetched);
    RUN(get_response_keeps_the_class_but_not_the_chain);
    RUN(a_wrong_le_is_corrected_once);
    RUN(a_wrong_le_of_get_response_is_corrected_too);
    RUN(a_wrong_le_without_le_is_the_answer);
    RUN(data_along_with_a_wrong_le_are_refused);
    RUN(more_than_asked_for_is_refused);
    RUN(a_get_response_with_more_than_asked_for_is_refused);
    RUN(the_answer_buffer_is_never_overrun);
    RUN(an_exact_le_bounds_the_whole_answer);
    RUN(endless_61xx_ends);
    RUN(endless_6cxx_ends);
    RUN(no_answer_is_refused);
    RUN(extended_commands_go_whole);
    RUN(extended_form_is_taken_only_where_it_is_of_use);
    RUN(a_card_that_refuses_extended_form_gets_a_chain);
    RUN(it_falls_back_once);
    RUN(what_is_short_or_insisted_on_does_not_fall_back);
    RUN(after_an_answer_there_is_no_way_back);
    RUN(a_reader_that_refuses_extended_form_gets_a_chain);
    RUN(an_exact_le_bounds_the_answer_after_falling_back_too);
    RUN(what_does_not_fit_is_refused_at_the_start);
    RUN(a_copy_goes_its_own_way);
    RUN(a_kept_exchange_is_taken_up_in_another_place);
    free(answer);
    return report();
}
