/* SPDX-License-Identifier: Apache-2.0
 * Mistakes that other programs made with what a card may send. Each test says where it was; here each input is refused, or
 * read within its bounds, under the sanitizers. */
#include "harness.h"
#include "zc.h"

enum { LIMIT = 300 };

static uint8_t out[ZC_COMMAND_SHORT_MAX];
static size_t length, count, offset;

static zc_status feed(zc_exchange *exchange, uint8_t *answer, size_t size, uint16_t sw)
{
    uint8_t *response = malloc(size + 2);
    zc_status status;

    memset(response, 0x41, size);
    response[size] = (uint8_t)(sw >> 8);
    response[size + 1] = (uint8_t)sw;
    status = zc_exchange_feed(exchange, NULL, NULL, response, size + 2, answer, out, sizeof out, &length);
    free(response);
    return status;
}

static zc_exchange begin(uint32_t limit)
{
    zc_command command = {.ins = 0xCB, .ne = 256};
    zc_exchange exchange;

    EQUAL(zc_exchange_begin(&exchange, &command, NULL, limit, out, sizeof out, &length), ZC_OK);
    return exchange;
}

/* OpenSC's loop over GET RESPONSE wrote past its buffer on the stack (OpenSC/OpenSC, pull request 3427, found by oss-fuzz);
 * a card that answers more than Le went unnoticed (issue 1837). */
static void opensc_get_response_answer_longer_than_asked(void)
{
    uint8_t *answer = malloc(LIMIT);
    zc_exchange exchange = begin(LIMIT);

    EQUAL(feed(&exchange, answer, 0, 0x6105), ZC_MORE);
    EQUAL(feed(&exchange, answer, 256, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(exchange.received, 0);
    free(answer);
}

/* libykpiv's ykpiv_transfer_data copied each part of a 61xx answer behind the last without looking at the room (CVE-2018-14779):
 * every single part was as long as asked. */
static void libykpiv_transfer_data_parts_that_add_up_past_the_buffer(void)
{
    uint8_t *answer = malloc(LIMIT);
    zc_exchange exchange = begin(LIMIT);

    EQUAL(feed(&exchange, answer, 256, 0x6100), ZC_MORE);
    EQUAL(feed(&exchange, answer, 256, 0x6100), ZC_E_ANSWER_LONG);
    EQUAL(exchange.received, 256);
    exchange = begin(LIMIT);
    EQUAL(feed(&exchange, answer, 256, 0x612C), ZC_MORE);
    EQUAL(feed(&exchange, answer, 44, 0x9000), ZC_OK);
    EQUAL(exchange.received, LIMIT);
    free(answer);
}

/* libykpiv's ykpiv_fetch_object moved as many bytes as the object's length field said, not as many as had come
 * (CVE-2018-14780; Yubico/yubico-piv-tool, issue 154: a YubiKey 4 itself sends 53 8200FF with 254 bytes). */
static void libykpiv_fetch_object_length_longer_than_the_answer(void)
{
    uint8_t *data = calloc(1, 4 + 254);
    zc_tlv_rules rules = {.flags = 0};
    zc_tlv_node node;

    memcpy(data, "\x53\x82\x00\xFF", 4);
    EQUAL(zc_tlv_index(data, 4 + 254, &rules, &node, 1, &count, &offset), ZC_E_TRUNCATED);
    EQUAL(offset, 4);
    free(data);
}

/* swtpm's tlv_data_find_tag added offset and length before comparing, so that a length near 2^32 wrapped
 * (stefanberger/swtpm, issue 678). All lengths that come back around to a small sum, at every offset. */
static void swtpm_find_tag_lengths_that_wrap(void)
{
    for (uint32_t back = 0; back < 16; back++) {
        uint32_t wrapping = UINT32_MAX - back;
        uint8_t bytes[] = {0x04, 0x00, 0x53, 0x84, (uint8_t)(wrapping >> 24), (uint8_t)(wrapping >> 16),
                           (uint8_t)(wrapping >> 8), (uint8_t)wrapping, 0xAA};
        uint8_t *data = exactly(bytes, sizeof bytes);
        zc_tlv_rules rules = {.flags = 0};
        zc_tlv_node nodes[2];

        EQUAL(zc_tlv_index(data, sizeof bytes, &rules, nodes, 2, &count, &offset), ZC_E_TRUNCATED);
        free(data);
    }
}

/* The same where the length is one of an inner object: its end must not be taken for the outer one's. */
static void swtpm_find_tag_inner_lengths_that_wrap(void)
{
    static const uint8_t bytes[] = {0x30, 0x07, 0x53, 0x84, 0xFF, 0xFF, 0xFF, 0xF8, 0xAA, 0x04, 0x00};
    uint8_t *data = exactly(bytes, sizeof bytes);
    zc_tlv_rules rules = {.flags = 0};
    zc_tlv_node nodes[3];

    EQUAL(zc_tlv_index(data, sizeof bytes, &rules, nodes, 3, &count, &offset), ZC_E_TRUNCATED);
    EQUAL(offset, 8);
    free(data);
}

/* The EMV readers of two firmwares took the byte after 8X for the whole length and copied that many bytes
 * (DarkFlippers/unleashed-firmware, pull request 1048). */
static void flipper_emv_length_from_the_card_believed(void)
{
    static const uint8_t bytes[] = {0x5A, 0x81, 0xFF, 0x11, 0x22};
    uint8_t *data = exactly(bytes, sizeof bytes);
    zc_tlv_rules rules = {.flags = 0};
    zc_tlv_node node;

    EQUAL(zc_tlv_index(data, sizeof bytes, &rules, &node, 1, &count, &offset), ZC_E_TRUNCATED);
    free(data);
}

/* OpenSC's SIMPLE-TLV reader did not step over the two bytes of a long length (OpenSC/OpenSC, pull request 1231). */
static void opensc_simple_tlv_after_a_long_length(void)
{
    static const uint8_t bytes[] = {0x70, 0xFF, 0x00, 0x01, 0xAA, 0x71, 0x01, 0xBB};
    uint8_t *data = exactly(bytes, sizeof bytes);
    zc_tlv_flat object;
    size_t at = 0;

    EQUAL(zc_tlv_simple(data, sizeof bytes, &at, &object), ZC_MORE);
    EQUAL(zc_tlv_simple(data, sizeof bytes, &at, &object), ZC_MORE);
    EQUAL(object.tag, 0x71);
    EQUAL(object.value, 7);
    EQUAL(zc_tlv_simple(data, sizeof bytes, &at, &object), ZC_OK);
    free(data);
}

/* parseATR read SW1 behind the end of historical bytes of category 00 that were cut short
 * (LudovicRousseau/pyscard-contrib, issue 2); proxmark3 read past a record whose length was the last byte (pull request 3354).
 * Every ATR of such historical bytes, in a block of its exact size. */
static void parse_atr_historical_bytes_cut_short(void)
{
    static const uint8_t historical[] = {0x00, 0x31, 0x80, 0x73, 0x00, 0x00, 0xC0, 0x05, 0x90, 0x00};

    for (size_t first = 0; first < 2; first++) {
        for (size_t cut = 0; cut < sizeof historical; cut++) {
            uint8_t bytes[2 + sizeof historical] = {0x3B, (uint8_t)cut};
            uint8_t *raw;
            zc_atr atr;

            memcpy(bytes + 2, historical, cut);
            bytes[2] = first == 0 || cut == 0 ? bytes[2] : 0x80;
            raw = exactly(bytes, 2 + cut);
            EQUAL(zc_atr_parse(raw, 2 + cut, &atr, &offset), ZC_OK);
            EQUAL(atr.extended_length, first == 1 && cut >= 7 ? 1 : ZC_ATR_UNKNOWN);
            free(raw);
            raw = exactly(bytes, 1 + cut);
            if (cut > 0)
                EQUAL(zc_atr_parse(raw, 1 + cut, &atr, &offset), ZC_E_TRUNCATED);
            free(raw);
        }
    }
}

/* pcsc-lite's ATRDecodeAtr checked the end once per group of interface bytes (LudovicRousseau/PCSC, pull request 264): TD bytes
 * that announce ever more of them, at every length. */
static void pcsclite_atr_interface_bytes_without_end(void)
{
    for (size_t size = 2; size <= ZC_ATR_MAX; size++) {
        uint8_t bytes[ZC_ATR_MAX];
        uint8_t *raw;
        zc_atr atr;

        memset(bytes, 0xF1, sizeof bytes);
        bytes[0] = 0x3B;
        raw = exactly(bytes, size);
        EQUAL(zc_atr_parse(raw, size, &atr, &offset), ZC_E_TRUNCATED);
        EQUAL(offset, size);
        EQUAL(atr.interface_count, size - 2);
        free(raw);
    }
}

int main(void)
{
    RUN(opensc_get_response_answer_longer_than_asked);
    RUN(libykpiv_transfer_data_parts_that_add_up_past_the_buffer);
    RUN(libykpiv_fetch_object_length_longer_than_the_answer);
    RUN(swtpm_find_tag_lengths_that_wrap);
    RUN(swtpm_find_tag_inner_lengths_that_wrap);
    RUN(flipper_emv_length_from_the_card_believed);
    RUN(opensc_simple_tlv_after_a_long_length);
    RUN(parse_atr_historical_bytes_cut_short);
    RUN(pcsclite_atr_interface_bytes_without_end);
    return report();
}
