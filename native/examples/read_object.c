/* SPDX-License-Identifier: Apache-2.0
 * A vendor's program in C: ask a PIV card for a data object and look inside it. The card here is an array of answers; put your
 * reader's transmit call in its place, or zc_pcsc_transmit.
 *
 *   cc read_object.c $(pkg-config --cflags --libs zc) -o read_object
 */
#include <zc.h>

#include <stdio.h>

static const uint8_t atr[] = {0x3B, 0x87, 0x01, 0x80, 0x31, 0x80, 0x73, 0x00, 0x00, 0xC0, 0x04};

/* Takes a command, gives the card's response and its length. */
static const uint8_t *transmit(const uint8_t *command, size_t length, size_t *response_length)
{
    static const uint8_t first[] = {0x53, 0x08, 0x70, 0x02, 0x30, 0x00, 0x61, 0x04};
    static const uint8_t rest[] = {0x71, 0x00, 0xFE, 0x00, 0x90, 0x00};

    printf("> %02X%02X%02X%02X, %zu bytes\n", command[0], command[1], command[2], command[3], length);
    *response_length = command[1] == 0xC0 ? sizeof rest : sizeof first;
    return command[1] == 0xC0 ? rest : first;
}

static int fail(const char *what, zc_status status)
{
    fprintf(stderr, "%s: %s\n", what, zc_reason(status));
    return 1;
}

static int show_card(void)
{
    zc_atr card;
    size_t offset;
    zc_status status = zc_atr_parse(atr, sizeof atr, &card, &offset);

    if (status != ZC_OK)
        return fail("answer to reset", status);
    printf("T=%d, extended length %s\n", card.first, card.extended_length == 1 ? "yes" : "no");
    return 0;
}

/* The whole answer of one logical command: the core says what to send next, until there is nothing more. */
static zc_status get_data(uint8_t *answer, uint32_t capacity, uint32_t *received, uint16_t *sw)
{
    static const uint8_t object[] = {0x5C, 0x03, 0x5F, 0xC1, 0x05};
    zc_command command = {.ins = 0xCB, .p1 = 0x3F, .p2 = 0xFF, .nc = sizeof object, .ne = 256};
    uint8_t out[ZC_COMMAND_SHORT_MAX];
    zc_exchange exchange;
    size_t length;
    zc_status status = zc_exchange_begin(&exchange, &command, object, capacity, out, sizeof out, &length);

    if (status != ZC_OK)
        return status;
    do {
        size_t response_length;
        const uint8_t *response = transmit(out, length, &response_length);

        status = zc_exchange_feed(&exchange, NULL, object, response, response_length, answer, out, sizeof out, &length);
    } while (status == ZC_MORE);
    *received = exchange.received;
    *sw = exchange.sw;
    return status;
}

int main(void)
{
    static const uint32_t enter[] = {0x53}, leave[] = {0x71}, certificate[] = {0x53, 0x70};
    zc_tlv_rules rules = {enter, leave, 1, 1, 0};
    zc_tlv_node nodes[16];
    uint8_t answer[4096];
    uint32_t received;
    uint16_t sw;
    size_t count, offset, found;
    zc_status status;

    if (show_card() != 0)
        return 1;
    status = get_data(answer, sizeof answer, &received, &sw);
    if (status != ZC_OK || sw != 0x9000)
        return fail("GET DATA", status);
    status = zc_tlv_index(answer, received, &rules, nodes, 16, &count, &offset);
    if (status == ZC_OK)
        status = zc_tlv_find(nodes, count, certificate, 2, 0, &found);
    if (status != ZC_OK)
        return fail("object 5FC105", status);
    printf("certificate of %u bytes at offset %u\n", (unsigned)nodes[found].length, (unsigned)nodes[found].value);
    return 0;
}
