/* SPDX-License-Identifier: Apache-2.0
 * Against the library at STUB (the build defines it), whose variables are looked up by name (tests/stubs/pcsc_stub.c). */
#include "harness.h"
#include "zc.h"

#include <dlfcn.h>

static zc_pcsc pcsc;

static uint32_t *variable(const char *name)
{
    return dlsym(pcsc.library, name);
}

static void respond(const char *text)
{
    size_t length;
    uint8_t *bytes = hex(text, &length);

    memcpy(dlsym(pcsc.library, "stub_response"), bytes, length);
    *variable("stub_response_length") = (uint32_t)length;
    free(bytes);
}

static void what_is_not_pcsc_is_told_apart(void)
{
    zc_pcsc other;

    EQUAL(zc_pcsc_load(&other, "/nowhere/libpcsclite.so.1"), ZC_E_LIBRARY);
    CHECK(other.library == NULL);
    EQUAL(zc_pcsc_load(&other, "libm.so.6"), ZC_E_SYMBOL);
    CHECK(other.library == NULL);
    zc_pcsc_unload(&other);
}

static void a_card_is_reached_through_context_and_reader(void)
{
    uint64_t context, card;
    uint32_t protocol, length, state = 0;
    uint8_t atr[ZC_PCSC_ATR_MAX];
    char names[64];

    EQUAL(zc_pcsc_establish(&pcsc, &context), 0);
    EQUAL(zc_pcsc_list(&pcsc, context, NULL, 0, &length), 0);
    EQUAL(length, 37);
    EQUAL(zc_pcsc_list(&pcsc, context, names, 36, &length), 0x80100008);
    EQUAL(zc_pcsc_list(&pcsc, context, names, sizeof names, &length), 0);
    CHECK(strcmp(names, "Stub Reader 00 00") == 0);
    EQUAL(zc_pcsc_wait(&pcsc, context, names, ZC_PCSC_WAIT_FOREVER, &state), 0);
    EQUAL(state, 0x12);
    EQUAL(zc_pcsc_connect(&pcsc, context, names, 2, &card, &protocol), 0);
    EQUAL(protocol, 2);
    EQUAL(zc_pcsc_atr(&pcsc, card, atr, &length), 0);
    EQUAL(length, 4);
    EQUAL(zc_pcsc_begin(&pcsc, card), 0);
    EQUAL(zc_pcsc_end(&pcsc, card, 0), 0);
    EQUAL(zc_pcsc_reconnect(&pcsc, card, 2, 0, &protocol), 0);
    EQUAL(zc_pcsc_disconnect(&pcsc, card, 1), 0);
    EQUAL(zc_pcsc_release(&pcsc, context), 0);
    EQUAL(*variable("stub_cards"), 0);
    EQUAL(*variable("stub_contexts"), 0);
    EQUAL(*variable("stub_disposition"), 1);
}

static void carried(uint32_t protocol, const char *command, const char *want)
{
    size_t length, want_length, got;
    uint8_t *loose = hex(command, &length), *raw = exactly(loose, length), *wanted = hex(want, &want_length);
    uint8_t *response = malloc(4);

    respond("AABB 9000");
    EQUAL(zc_pcsc_transmit(&pcsc, 1, protocol, raw, length, response, 4, &got), 0);
    EQUAL(got, 4);
    EQUAL(*variable("stub_sent_protocol"), protocol);
    EQUAL(*variable("stub_command_length"), want_length);
    CHECK(memcmp(dlsym(pcsc.library, "stub_command"), wanted, want_length) == 0);
    EQUAL(zc_pcsc_transmit(&pcsc, 1, protocol, raw, length, response, 3, &got), 0x80100008);
    free(loose);
    free(raw);
    free(wanted);
    free(response);
}

static void each_protocol_gets_the_form_it_carries(void)
{
    carried(2, "00200080", "00200080");
    carried(2, "00A40400023F0000", "00A40400023F0000");
    carried(1, "00200080", "0020008000");
    carried(1, "00C0000005", "00C0000005");
    carried(1, "00A40400023F00", "00A40400023F00");
    carried(1, "00A40400023F0000", "00A40400023F00");
    carried(1, "00A4", "00A4");
}

static void a_reader_is_asked_by_its_control_codes(void)
{
    uint8_t answer[4];
    size_t got = 1;

    EQUAL(zc_pcsc_control(&pcsc, 1, 3400, NULL, 0, answer, sizeof answer, &got), 0x80100016);
    EQUAL(got, 0);
    EQUAL(*variable("stub_control_code"), 0x42000000 + 3400);
    EQUAL(zc_pcsc_control(&pcsc, 1, 0x42330006, NULL, 0, answer, sizeof answer, &got), 0x80100016);
    EQUAL(*variable("stub_control_code"), 0x42330006);
}

int main(void)
{
    if (zc_pcsc_load(&pcsc, STUB) != ZC_OK) {
        printf("%s is not there: run from the top of the repository\n", STUB);
        return 1;
    }
    RUN(what_is_not_pcsc_is_told_apart);
    RUN(a_card_is_reached_through_context_and_reader);
    RUN(a_reader_is_asked_by_its_control_codes);
    RUN(each_protocol_gets_the_form_it_carries);
    zc_pcsc_unload(&pcsc);
    return report();
}
